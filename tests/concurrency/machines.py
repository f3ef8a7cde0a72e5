"""Databases of their own and the processes that work on them, for tests that kill what they start."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from tests import migrated
from tests.concurrency.zygote import Forked, Zygote

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60
WATCHER = "watcher"
"""Name of the connections by which tests look on: no part of what they disturb."""


def on_postgres() -> bool:
    """Tell whether this pass of the tests runs on PostgreSQL."""
    return not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


class Machine:
    """A database, a folder, and the processes that work on them with the settings of these tests."""

    def __init__(self, folder: Path, url: str, databases: Databases) -> None:
        self.folder, self.url, self.databases = folder, url, databases
        self.log = folder / "computed.log"
        self.link: psycopg.Connection[Any] | None = None

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return {
            **kept,
            "DATABASE_URL": self.url,
            "VAR_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "tests.concurrency.night_settings",
            "PORTAL_NOW": "2022-08-03T12:00:00-07:00",
            "CELERY_TASK_ALWAYS_EAGER": "0",
            "LOG_LEVEL": "ERROR",
            "NIGHT_LOG": str(self.log),
            "EMAIL_URL": f"filemail:///{self.folder / 'mails'}",
            **self.databases.variables,
            **extra,
        }

    def start(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start Python with arguments; what it prints goes to `processes.log`."""
        with (self.folder / "processes.log").open("ab") as out:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment(**extra),
                stdout=out,
                stderr=out,
            )

    def manage(self, *command: str, **extra: str) -> bytes:
        """Run a management command that has to succeed; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment(**extra),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def run(self, code: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start Python code with the portal set up."""
        return self.start("-c", f"import django; django.setup()\n{code}", **extra)

    def fork(self, code: str, **extra: str) -> Forked:
        """Start Python code at once, in a process forked from one that has the portal set up."""
        return self.databases.zygote_of(self).fork(self, code, **extra)

    def said(self) -> str:
        """Return what its processes have printed, for messages of failures."""
        log = self.folder / "processes.log"
        return log.read_text(errors="replace")[-6000:] if log.exists() else ""

    def computed(self) -> Counter[str]:
        """Return how often each shard was computed, `job:index`."""
        return Counter(self.log.read_text().split() if self.log.exists() else [])

    def stop_at(self, code: str, point: str, **extra: str) -> Forked:
        """Fork a process that runs the code, wait until it stops at a point, and return it."""
        mark = self.folder / f"mark-{uuid.uuid4().hex}"
        process = self.fork(code, NIGHT_PAUSE=point, NIGHT_MARK=str(mark), **extra)
        deadline = time.monotonic() + WAIT_SECONDS
        while not mark.exists():
            assert process.lives, f"the process ended before {point}: {self.said()}"
            assert time.monotonic() < deadline, f"the process never came to {point}"
            time.sleep(0.02)
        return process

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a select, read beside the processes at work."""
        if self.url.startswith("sqlite"):
            file = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as link:
                return link.execute(sql).fetchall()
        return self._watcher().execute(sql.encode()).fetchall()

    def _watcher(self) -> psycopg.Connection[Any]:
        """Return the connection that looks on, kept from one look to the next."""
        if self.link is not None:
            try:
                self.link.execute("SELECT 1")
            except psycopg.OperationalError:
                self.link = None
        if self.link is None:
            url = self.url.replace("postgres://", "postgresql://", 1)
            self.link = psycopg.connect(url, autocommit=True, application_name=WATCHER)
        return self.link


@dataclass
class Databases:
    """Makes machines with databases of their own, copies of others, and drops them."""

    folder: Path
    server: str = field(default_factory=lambda: os.environ["DATABASE_URL"] if on_postgres() else "")
    variables: Mapping[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    zygote: Zygote | None = None

    def machine(self, source: str = "") -> Machine:
        """Return a machine with a copy of `source` (an address), or of the migrated database."""
        folder = self.folder / f"night_{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        url = migrated.copy_of(source, folder) if source else migrated.copy(folder, self.server)
        self.made.append(url)
        return Machine(folder, url, self)

    def prepared(self, name: str, prepare: Callable[[Machine], None]) -> str:
        """Return the address of a database made once per run, for `machine`."""
        folder = self.folder / f"prepared_{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        return migrated.prepared(name, self.server, lambda url: prepare(Machine(folder, url, self)))

    def zygote_of(self, machine: Machine) -> Zygote:
        """Return the process that forks, started when it is first asked for."""
        if self.zygote is None:
            self.zygote = Zygote(machine)
        return self.zygote

    def close(self) -> None:
        """End what works on the databases, and leave them; for a server that goes as a whole."""
        if self.zygote is not None:
            self.zygote.close()

    def drop(self) -> None:
        """Drop what was made."""
        self.close()
        for url in self.made:
            migrated.drop(url)

    def cut_connections(self, machine: Machine) -> int:
        """End every connection of the processes at work on a database; return how many there were."""
        name = machine.url.rpartition("/")[2]
        url = self.server.replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url, autocommit=True) as link:
            return link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND application_name <> %s",
                [name, WATCHER],
            ).rowcount
