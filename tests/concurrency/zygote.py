"""A process that has the portal set up and forks others from itself: they start at once, and die as any process does.

`python -m tests.concurrency.zygote` reads lines `{"code": …, "env": {…}, "end": file}`, forks a process that runs the
code on the database of that environment, and answers with its id. `Zygote` is the other end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tests.concurrency.machines import Machine

WAIT_SECONDS = 240


def _serve() -> None:
    import django

    django.setup()
    # Ended children vanish; how they ended is in their files.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _live(**asked)
        print(pid, flush=True)


def _live(code: str, env: dict[str, str], end: str) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(env)
    with Path(env["VAR_DIR"], "processes.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    told = ""
    try:
        _work_on(env)
        exec(code, {"__name__": "__main__"})  # noqa: S102  that is what it is for
    except BaseException:
        told = traceback.format_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    part = Path(f"{end}.part")
    part.write_text(told)
    part.rename(end)
    os._exit(int(bool(told)))


def _work_on(env: dict[str, str]) -> None:
    """Let settings that were read at start follow the environment of the new process."""
    import environ
    from django.conf import settings
    from django.db import connection

    name = environ.Env.db_url_config(env["DATABASE_URL"])["NAME"]
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    settings.EMAIL_FILE_PATH = environ.Env.email_url_config(env["EMAIL_URL"])["EMAIL_FILE_PATH"]


class Zygote:
    """Starts processes without waiting for imports, on any database of the server it was started for.

    What modules read from the environment when they are imported is its own (`extra`), not the process's.
    """

    def __init__(self, machine: Machine, **extra: str) -> None:
        with (machine.folder / "processes.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.concurrency.zygote"],
                env=machine.environment(**extra),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
            )

    def fork(self, machine: Machine, code: str, **extra: str) -> Forked:
        """Start a process that runs the code on a machine."""
        end = machine.folder / f"end-{uuid.uuid4().hex}"
        asked: dict[str, Any] = {
            "code": code,
            "env": machine.environment(**extra),
            "end": str(end),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Forked(int(self.process.stdout.readline()), end)

    def close(self) -> None:
        """End the process that forks; what it forked goes on."""
        self.process.kill()
        self.process.wait()


class Forked:
    """A process that was forked."""

    def __init__(self, pid: int, end: Path) -> None:
        self.pid, self.end = pid, end

    @property
    def lives(self) -> bool:
        """Tell whether it runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """Kill -9, and wait until it is gone; one that has ended is fine."""
        while self.lives:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            time.sleep(0.005)

    def join(self) -> None:
        """Wait until it ends by itself; raise what it raised."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.lives:
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError("a process did not end")
            time.sleep(0.01)
        assert self.end.exists(), "the process was killed"
        assert not self.end.read_text(), self.end.read_text()


if __name__ == "__main__":
    _serve()
