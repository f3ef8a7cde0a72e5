"""`manage.py serve` with its real processes (CMD-1)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from portal import supervisor
from tests.servers import free_port

pytestmark = [pytest.mark.once, pytest.mark.processes]
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(folder: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "REDIS_URL", "CELERY_TASK_ALWAYS_EAGER", "PORTAL_NOW")
    }
    environment |= {
        "VAR_DIR": str(folder), "PORT": str(port), "PORTAL_DEMO": "0",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment,
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=40)


def wait_for(fact: Callable[[], object], log: Path, seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.1)
    return found


def children(pid: int) -> dict[int, str]:
    """Command lines of the direct children of a process; of a dead one there is none."""
    found = {}
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            found[child.pid] = " ".join(child.cmdline())
    return found


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status == 200
    except urllib.error.HTTPError as error:
        return error.code == 200
    except OSError:
        return False


@pytest.mark.long
@pytest.mark.rule("CMD-1", "NGT-8")
def test_it_serves_mends_itself_and_stops_without_a_trace(tmp_path):
    folder, port, log = tmp_path / "var", free_port(), tmp_path / "log"
    with serving(folder, port, log) as process:
        wait_for(lambda: "Ctrl-C stops everything" in log.read_text(), log)
        assert healthy(port)
        parts = ("valkey-server", "gunicorn", " worker ", " beat ")
        wait_for(lambda: all(part in str(children(process.pid)) for part in parts), log)
        before = children(process.pid)
        assert len(before) == len(parts)

        # A second one on the same folder would spoil the broker's log.
        second = subprocess.run(
            [sys.executable, "manage.py", "serve", "--port", str(free_port())],
            cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings"},
        )  # fmt: skip
        assert second.returncode == 1
        assert "already runs" in second.stderr

        (beat,) = [pid for pid, line in before.items() if " beat " in line]
        os.kill(beat, signal.SIGKILL)
        wait_for(
            lambda: [
                pid
                for pid, line in children(process.pid).items()
                if " beat " in line and pid != beat
            ],
            log,
        )
        assert "beat ended with code -9; starting it again" in log.read_text()
        now = children(process.pid)
    assert process.returncode == 0
    assert not healthy(port)
    assert not [pid for pid in {**before, **now} if psutil.pid_exists(pid)]


@pytest.mark.rule("CMD-1")
def test_a_busy_port_is_named(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        log = tmp_path / "log"
        with serving(tmp_path / "var", port, log) as process:
            assert process.wait(timeout=30) == 1
    assert f"Port {port} on 127.0.0.1 is busy" in log.read_text()


def test_a_child_that_keeps_ending_stops_everything():
    said: list[str] = []
    family = supervisor.Supervisor(dict(os.environ), said.append)
    family.start(supervisor.Child("steady", ["sleep", "60"]))
    family.start(supervisor.Child("broken", ["false"]))
    with pytest.raises(supervisor.ServeFailed, match="broken ended 5 times within a minute"):
        family.run()
    family.stop()
    assert family.children[0].ended() is not None
    assert len(said) == 4


def test_a_long_path_gets_a_socket_that_can_be_opened(tmp_path):
    folder = tmp_path / ("deep-" * 30)
    folder.mkdir()
    broker, url = supervisor.embedded_broker(folder)
    family = supervisor.Supervisor(dict(os.environ), print)
    try:
        family.start(broker, lambda: supervisor.broker_answers(url))
        assert len(url) < 110
    finally:
        family.stop()
