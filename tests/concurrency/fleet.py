"""Celery workers and beats as the portal starts them, a supervisor that starts them again, and kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.concurrency.machines import Machine

WORKERS, CHILDREN, BEATS = 2, 2, 2


@dataclass
class Fleet:
    """Two workers with two children each and two beats on one machine."""

    machine: Machine
    workers: int = WORKERS
    beats: int = BEATS
    variables: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0

    def __enter__(self) -> Fleet:
        self.tend()
        self.restarts = 0
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def tend(self) -> None:
        """Start what does not run: what a supervisor does every moment."""
        names = [f"worker{number}" for number in range(self.workers)]
        names += [f"beat{number}" for number in range(self.beats)]
        for name in names:
            process = self.running.get(name)
            if process is None or process.poll() is not None:
                self.restarts += 1
                self.running[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        queue = self.machine.folder.name
        common = ("-m", "celery", "--quiet", "-A", "portal")
        if name.startswith("worker"):
            role = ("worker", "-c", str(CHILDREN), "-Q", queue, "-n", f"{name}-{queue}@%h")
        else:
            # Each beat keeps its own notes of when it asked last, as on two machines.
            role = ("beat", "--schedule", str(self.machine.folder / f"{name}-schedule"))
        return self.machine.start(
            *common, *role, "-l", "WARNING", CELERY_QUEUE=queue, **self.variables
        )

    # --- Killing --------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """Return the ids of the workers and of their children."""
        found = []
        for name, process in self.running.items():
            if name.startswith("worker") and process.poll() is None:
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

    def kill_worker(self, name: str) -> None:
        """Kill a worker as a whole, as a machine that loses power would; it is not started again."""
        process = self.running[name]
        pids = [process.pid, *children_of(process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        process.wait()


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children; none when it has ended."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return []
    return found
