"""What all benchmarks share: a database each, a child process whose settings point to it, clocks, results.

    def main() -> int:
        parser = frame.parser(__doc__)
        parser.add_argument("--sellers", type=int, default=20_000)
        return frame.run(parser, "bench_growth", measure, now="2022-09-06T12:00:00-07:00")

`measure(options)` runs once per database in a process of its own, migrated and unscoped; it says what it
works on with `size`, and what it found with `ratio`, which is kept for the report. One benchmark runs at a
time on a machine: another one waits.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.benchmarks import results

Measure = Callable[[argparse.Namespace], None]


# --- Outside ------------------------------------------------------------------------------------


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options every benchmark has; `doc` is its module's."""
    made = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    made.add_argument("--database", choices=["postgres", "sqlite", "both"], default="both")
    made.add_argument("--seed", type=int, default=1, help="another made-up world of the same size")
    made.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return made


def run(parser: argparse.ArgumentParser, name: str, measure: Measure, *, now: str = "") -> int:
    """Measure on each database asked for; return the worst exit code.

    `name` is the module's; `now` the instant at which the child lives, else the real one. Options of other
    benchmarks are passed over, because `make bench` gives the same ones to all.
    """
    options, _others = parser.parse_known_args()
    if options.inside:
        return _inside(options, name, measure)
    databases = ["postgres", "sqlite"] if options.database == "both" else [options.database]
    with _alone():
        return max(_outside(database, name, now) for database in databases)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other benchmark runs on this machine: ratios of two at once are worth nothing."""
    with (Path(tempfile.gettempdir()) / f"portal-benchmarks-{os.getuid()}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another benchmark runs on this machine; waiting for its end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _outside(database: str, name: str, now: str) -> int:
    """Start a server, or make a file, and measure in a child whose settings point to it."""
    from tests import servers

    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        server = servers.start_postgres() if database == "postgres" else None
        url = server.url if server else f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *sys.argv[1:], "--inside"]
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "VAR_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "LOG_LEVEL": "WARNING",
            "ALLOWED_HOSTS": "testserver,127.0.0.1",
            "THROTTLE_USER": "1000000/min",
            "STATEMENT_TIMEOUT": "30min",
            "CELERY_TASK_ALWAYS_EAGER": "1",
            **({"PORTAL_NOW": now} if now else {}),
        }
        try:
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            if server:
                server.stop()


def _inside(options: argparse.Namespace, name: str, measure: Measure) -> int:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from portal.scoping import unscoped

    call_command("migrate", verbosity=0)
    # All of the portal at once: a checkout that changes meanwhile does not mix versions.
    import_module(settings.ROOT_URLCONF)
    _sheet.benchmark, _sheet.database = name, database()
    _sheet.day, _sheet.version = time.strftime("%Y-%m-%d", time.gmtime()), results.version()
    _sheet.machine, _sheet.python = results.machine(), f"Python {platform.python_version()}"
    _sheet.load = [results.load()]
    with unscoped():
        measure(options)
    _sheet.load.append(results.load())
    _report()
    return 0


def _report() -> None:
    if not _sheet.ratios:
        return
    print(f"{_sheet.benchmark}, {_sheet.size}, load {_sheet.load[0]} → {_sheet.load[1]}")
    for one in _sheet.ratios:
        print(f"  {one.rule} {one.what}: {one.shown}, goal {one.goal}: {one.verdict}")
    _sheet.write()


# --- In the child -------------------------------------------------------------------------------

_sheet = results.Sheet("")


def size(text: str) -> None:
    """Say what is measured, such as `20,000 shops`; printed, and the name of what is kept."""
    _sheet.size = text
    print(f"\n{database()}: {text}", flush=True)


def ratio(rule: str, what: str, value: float, **goal: Any) -> None:
    """Keep a number for the report: see `results.Ratio` for `unit`, `at_least` and `at_most`."""
    _sheet.ratios.append(results.Ratio(rule, what, value, **goal))


def database() -> str:
    """Return the name and version of the database that is measured."""
    from tests import servers

    return servers.describe(os.environ["DATABASE_URL"], "").split(",")[0]


class Stopwatch:
    """Keeps the best seconds of each way."""

    def __init__(self) -> None:
        self.best: dict[str, float] = {}

    def __call__(self, name: str, way: Callable[[], Any]) -> Any:
        """Time a way; return what it found."""
        began = time.perf_counter()
        found = way()
        seconds = time.perf_counter() - began
        self.best[name] = min(self.best.get(name, seconds), seconds)
        return found


@contextmanager
def statements(slow: float, *, plan: bool = False) -> Iterator[None]:
    """Print statements that take `slow` seconds or more, none for 0; with `plan` how PostgreSQL ran them."""
    from django.db import connection

    def timing(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, *others)
        finally:
            seconds = time.perf_counter() - began
            if seconds >= slow:
                print(f"    {seconds:6.2f} s  {' '.join(str(sql).split())[:400]}", flush=True)

    def explaining(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
        if str(sql).lstrip().split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            execute("SAVEPOINT plan", None, *others)
            cursor = others[-1]["cursor"]
            execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params, *others)
            lines = [row[0] for row in cursor.fetchall()]
            execute("ROLLBACK TO SAVEPOINT plan", None, *others)
            if float(lines[-1].split()[-2]) >= slow * 1000:
                print(
                    "    ", "\n     ".join([" ".join(str(sql).split())[:200], *lines]), flush=True
                )
        return execute(sql, params, *others)

    if not slow:
        yield
        return
    on_postgres = connection.vendor == "postgresql"
    with connection.execute_wrapper(explaining if plan and on_postgres else timing):
        yield


def processor_seconds() -> float:
    """Return how long this process and its database's server have had a processor; for differences.

    What others do on the machine does not count, unlike by the clock. On PostgreSQL all processes of the
    server are counted, so parallel workers and what is written in the background, too.
    """
    from django.db import connection

    own = time.process_time()
    if connection.vendor != "postgresql":
        return own
    connection.ensure_connection()
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
    server = _stat(backend)[_PARENT]
    ticks = sum(_stat(Path(f"/proc/{server}/stat"))[_USER : _CHILDREN_SYSTEM + 1])
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _stat(process)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[_PARENT] == server:
            ticks += sum(fields[_USER : _SYSTEM + 1])
    return own + ticks / os.sysconf("SC_CLK_TCK")


_PARENT, _USER, _SYSTEM, _CHILDREN_SYSTEM = 1, 11, 12, 14
"""Places after the name and the state of a process in `/proc/<pid>/stat`, see proc(5)."""


def _stat(path: Path) -> list[int]:
    """Return the numbers of a process, from its parent's id on; times are in ticks."""
    fields = path.read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:15])]


def memory() -> int:
    """Return the most memory this process ever had; MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def tidy() -> None:
    """Give the planner its statistics and clear away what was rolled back."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def night(day: date, *jobs: str, shards: int = 0) -> Any:
    """Compute jobs as of a day with the real engine, with what they need; stop when one fails."""
    from portal.nightly import ledger
    from portal.nightly.engine import run_inline

    found = run_inline(
        run_id=ledger.night_start(as_of=day, jobs=list(jobs), shards=shards or None).pk
    )
    if found.state != "complete":
        raise SystemExit([job.error for job in found.jobs.all()])
    return found


def sampled(number: int) -> list[Any]:
    """Return about so many sellers, spread over all."""
    from portal.models import Seller

    every = max(1, Seller.objects.count() // number)
    rows = Seller.objects.select_related("industry").order_by("pk")
    return [seller for place, seller in enumerate(rows.iterator()) if place % every == 0]
