"""`manage.py serve`: migrate, build the demo on the first start, then run every process (CMD-1)."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from portal import after_migrate, supervisor
from portal.demo.build import demo_is_wanted
from portal.demo.guard import refuse_without_demo_clock
from portal.supervisor import ServeFailed, Supervisor


class Command(BaseCommand):
    help = (
        "Serve the portal: web, worker and beat, with an embedded broker unless REDIS_URL is set."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--web-workers", type=int, default=2)

    def handle(self, *args: Any, host: str, port: int, web_workers: int, **options: Any) -> None:
        if not supervisor.port_is_free(host, port):
            raise CommandError(
                f"Port {port} on {host} is busy. Choose another one: PORT={port + 1} make run"
            )
        with self._only_one():
            environment = dict(os.environ)
            environment.setdefault("BASE_URL", f"http://127.0.0.1:{port}")
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(
                supervisor.fresh_folder(settings.VAR_DIR / "prometheus")
            )
            settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
            processes = Supervisor(environment, self.stdout.write)
            processes.watch_signals()
            try:
                self._serve(processes, host, port, web_workers)
            except ServeFailed as error:
                raise CommandError(str(error)) from error
            finally:
                processes.stop()

    def _serve(self, processes: Supervisor, host: str, port: int, web_workers: int) -> None:
        self._start_broker(processes)
        self._prepare_database(processes.environment)
        url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
        # The web server first: people wait for it. The others start while they read the banner.
        processes.start(supervisor.web(host, port, web_workers), lambda: _answers(f"{url}/healthz"))
        on_sqlite = connection.vendor == "sqlite"
        # SQLite has one writer: more worker processes would only wait for each other.
        concurrency = 1 if on_sqlite else min(os.cpu_count() or 1, 4)
        log = settings.VAR_DIR / "worker.log"
        log.unlink(missing_ok=True)
        processes.start(supervisor.worker(concurrency, log))
        processes.start(supervisor.beat())
        self._banner(url, processes.environment["REDIS_URL"])
        processes.run()

    def _start_broker(self, processes: Supervisor) -> None:
        url = settings.REDIS_URL
        if url:
            if not supervisor.broker_answers(url):
                raise ServeFailed("No Redis or Valkey answers at REDIS_URL.")
            return
        broker, url = supervisor.embedded_broker(settings.VAR_DIR)
        processes.environment["REDIS_URL"] = url
        processes.start(broker, lambda: supervisor.broker_answers(url))

    def _prepare_database(self, environment: dict[str, str]) -> None:
        """Migrate if there is anything to do, and build the demo once."""
        try:
            executor = MigrationExecutor(connection)
        except DatabaseError as error:
            raise ServeFailed(f"The database does not answer: {error}") from error
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Migrating the database …")
            call_command("migrate", interactive=False, verbosity=0)
        else:
            # Rulebooks and groups ship with the code; a new version may bring some.
            after_migrate.prepare(sender=apps.get_app_config("portal"), using=DEFAULT_DB_ALIAS)
        refuse_without_demo_clock()
        build = settings.DEMO and demo_is_wanted()
        # Nobody shares a connection with a child process.
        connections.close_all()
        if build:
            self.stdout.write(
                "Building the demo world; this happens once and takes a minute or two …"
            )
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"]
            if subprocess.run(command, env=environment, check=False).returncode:  # noqa: S603
                raise ServeFailed("The demo world could not be built; see above.")

    def _banner(self, url: str, redis_url: str) -> None:
        database = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
        broker = "embedded broker" if redis_url.startswith("unix:") else "broker of REDIS_URL"
        on_console = settings.EMAIL_BACKEND.endswith(".console.EmailBackend")
        mails = ", with every e-mail" if on_console else ""
        lines = [
            "",
            f"  Seller back office   {url}/",
            f"  Staff admin          {url}/admin/",
            f"  API documentation    {url}/api/v1/docs",
            f"  Running on           {database}, {broker}; web, worker, beat",
            f"  Worker's log         {settings.VAR_DIR / 'worker.log'}{mails}",
        ]
        if settings.DEMO:
            lines += ["", *(f"  {line}" for line in demo_log_ins())]
            if not settings.STAFF_MFA_REQUIRED:
                lines.append("  Staff sign in without a second factor: STAFF_MFA_REQUIRED=0.")
        lines += ["", "  Ctrl-C stops everything.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _only_one(self) -> IO[str]:
        """Hold a lock on VAR_DIR: two brokers on one folder would spoil its log."""
        lock = (settings.VAR_DIR / "serve.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise CommandError(
                f"The portal already runs from {settings.VAR_DIR}. Stop it, or set VAR_DIR."
            ) from error
        return lock


def demo_log_ins() -> list[str]:
    """Return lines that tell with which names to sign in to the demo."""
    with suppress(ImportError):
        return list(import_module("portal.demo").log_in_lines())
    return []


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  our own address
            return response.status == 200
    except urllib.error.HTTPError:
        time.sleep(0.2)
        return False
    except OSError:
        return False
