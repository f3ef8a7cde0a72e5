"""Celery workers and beats with the portal's settings, a supervisor that starts them again, and kill -9."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

from tests.concurrency.machines import Machine
from tests.concurrency.zygote import Forked, Zygote

WORKERS, CHILDREN, BEATS = 2, 2, 2
CELERY = "import sys\nfrom celery.__main__ import main\nsys.argv = {command!r}\nmain()"


@dataclass
class Fleet:
    """Two workers with two children each and two beats on one machine.

    They are forked from a process that has the portal imported: a supervisor that starts them again and again
    would else spend the night with imports.
    """

    machine: Machine
    workers: int = WORKERS
    beats: int = BEATS
    variables: dict[str, str] = field(default_factory=dict)
    running: dict[str, Forked] = field(default_factory=dict)
    restarts: int = 0

    def __enter__(self) -> Fleet:
        self.queue = self.machine.folder.name
        self.zygote = Zygote(self.machine, CELERY_QUEUE=self.queue, **self.variables)
        self.tend()
        self.restarts = 0
        return self

    def __exit__(self, *error: object) -> None:
        for name in self.running:
            self.kill_whole(name)
        self.zygote.close()

    def tend(self) -> None:
        """Start what does not run: what a supervisor does every moment."""
        names = [f"worker{number}" for number in range(self.workers)]
        names += [f"beat{number}" for number in range(self.beats)]
        for name in names:
            process = self.running.get(name)
            if process is None or not process.lives:
                self.restarts += 1
                self.running[name] = self._start(name)

    def _start(self, name: str) -> Forked:
        common = ("celery", "--quiet", "-A", "portal")
        if name.startswith("worker"):
            role = (
                "worker",
                "-c",
                str(CHILDREN),
                "-Q",
                self.queue,
                "-n",
                f"{name}-{self.queue}@%h",
            )
        else:
            # Each beat keeps its own notes of when it asked last, as on two machines.
            role = ("beat", "--schedule", str(self.machine.folder / f"{name}-schedule"))
        command = [*common, *role, "-l", "WARNING"]
        return self.zygote.fork(self.machine, CELERY.format(command=command), **self.variables)

    # --- Killing --------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """Return the ids of the workers and of their children."""
        found = []
        for name, process in self.running.items():
            if name.startswith("worker") and process.lives:
                found += [process.pid, *children_of(process.pid)]
        return found

    def kill_one(self, chance: random.Random) -> int:
        """Kill -9 one of the workers' processes, parent or child; return its id, 0 when there was none."""
        alive = self.processes()
        if not alive:
            return 0
        victim = chance.choice(alive)
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return 0
        return victim

    def kill_whole(self, name: str) -> None:
        """Kill a worker with its children, as a machine that loses power would; it is not started again."""
        process = self.running[name]
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children; none when it has ended."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return []
    return found
