"""A migrated database, made once per run and copied for whoever needs one.

To migrate takes longer than any file of tests, and every process of a run, every portal that is driven
from outside and every night that is killed starts from the same state. The first to ask lets
`manage.py migrate` work on an empty database, under a lock; the others wait, and all take copies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
MAINTENANCE = "postgres"
"""The database every PostgreSQL server has, to connect to while another is dropped."""


def sqlite_file() -> Path:
    """Return a file with the migrated database; copy it, never open it for writing."""
    file = _folder() / "migrated.sqlite3"
    with _locked("sqlite"):
        if not file.exists():
            working = file.with_suffix(".new")
            _migrate(f"sqlite:///{working}")
            with closing(sqlite3.connect(working)) as link:
                # One file, without a log beside it: this is what can be copied.
                link.execute("PRAGMA journal_mode=DELETE")
            working.rename(file)
    return file


def sqlite_load(target: sqlite3.Connection) -> None:
    """Make a database, such as one in memory, a copy of the migrated one."""
    with closing(sqlite3.connect(f"file:{sqlite_file()}?mode=ro", uri=True)) as source:
        source.backup(target)


def postgres_template(server: str) -> str:
    """Return the name of the migrated database on a server, for `CREATE DATABASE … TEMPLATE`."""
    with _locked("postgres"):
        if server not in _known():
            url = _new_on_postgres(server)
            _migrate(url)
            _note(server, url)
        return _known()[server]


def copy(folder: Path, server: str = "") -> str:
    """Return the address of a new copy: on the PostgreSQL server, or else a file in the folder."""
    if not server.startswith("postgres"):
        return f"sqlite:///{shutil.copy(sqlite_file(), folder / 'portal.sqlite3')}"
    return _new_on_postgres(server, f' TEMPLATE "{postgres_template(server)}"')


def empty(folder: Path, server: str = "") -> str:
    """Return the address of a new empty database, in the same places."""
    if not server.startswith("postgres"):
        return f"sqlite:///{folder / 'portal.sqlite3'}"
    return _new_on_postgres(server)


def prepared(name: str, server: str, prepare: Callable[[str], None]) -> str:
    """Return the address of a migrated database that `prepare(address)` has worked on, made once per run.

    Take copies of it with `copy_of`; nobody else may connect to it.
    """
    if not server.startswith("postgres"):
        file = _folder() / f"{name}.sqlite3"
        with _locked(f"sqlite-{name}"):
            if not file.exists():
                working = Path(shutil.copy(sqlite_file(), file.with_suffix(".new")))
                prepare(f"sqlite:///{working}")
                with closing(sqlite3.connect(working)) as link:
                    link.execute("PRAGMA journal_mode=DELETE")
                working.rename(file)
        return f"sqlite:///{file}"
    postgres_template(server)
    with _locked(f"postgres-{name}"):
        if f"{server}#{name}" not in _known():
            url = copy(_folder(), server)
            prepare(url)
            _note(f"{server}#{name}", url)
        return f"{server.rpartition('/')[0]}/{_known()[f'{server}#{name}']}"


def copy_of(source: str, folder: Path) -> str:
    """Return the address of a new copy of a database nobody is connected to, on the same server or in a folder."""
    if not source.startswith("postgres"):
        file = folder / "portal.sqlite3"
        with (
            closing(sqlite3.connect(source.removeprefix("sqlite:///"))) as original,
            closing(sqlite3.connect(file)) as copied,
        ):
            original.backup(copied)
        return f"sqlite:///{file}"
    server, _, name = source.rpartition("/")
    return _new_on_postgres(f"{server}/{MAINTENANCE}", f' TEMPLATE "{name}"')


def drop(url: str) -> None:
    """Remove a copy on a PostgreSQL server; a file goes with its folder."""
    if url.startswith("postgres"):
        server, _, name = url.rpartition("/")
        _on_postgres(f"{server}/{MAINTENANCE}", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def forget() -> None:
    """Remove the migrated databases from servers that go on without this run."""
    for server, name in _known().items():
        drop(f"{server.rpartition('/')[0]}/{name}")
    shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    """Return where they are kept: the run's folder, or one that several passes share."""
    shared = os.environ.get("PORTAL_TEST_MIGRATED")
    folder = Path(shared) if shared else Path(os.environ["PORTAL_TEST_VAR"]) / "migrated"
    folder.mkdir(exist_ok=True)
    return folder


def _known() -> dict[str, str]:
    note = _folder() / "postgres"
    return dict(line.split() for line in note.read_text().splitlines()) if note.exists() else {}


def _note(key: str, url: str) -> None:
    with (_folder() / "postgres").open("a") as lines:
        lines.write(f"{key} {url.rpartition('/')[2]}\n")


@contextmanager
def _locked(kind: str) -> Iterator[None]:
    with (_folder() / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(url: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # What migrations allocate stays until the end; looking through it again and again is a quarter of it.
    code = "import gc, runpy, sys; gc.disable(); runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[:1] = ['manage.py']; {code}", "migrate", "-v0"],
        cwd=ROOT, capture_output=True, text=True,
        env={**kept, "DATABASE_URL": url, "VAR_DIR": str(_folder() / "var")}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"migrating an empty database failed:\n{done.stdout}{done.stderr}")


def _new_on_postgres(server: str, template: str = "") -> str:
    name = f"portal_{uuid.uuid4().hex[:12]}"
    _on_postgres(server, f'CREATE DATABASE "{name}"{template}')
    return f"{server.rpartition('/')[0]}/{name}"


def _on_postgres(server: str, statement: str) -> None:
    url = server.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(statement)
