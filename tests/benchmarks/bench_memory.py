"""P-5: the memory of the process that computes a night, with ten times the data; and its time.

    python -m tests.benchmarks.bench_memory                               on both databases
    python -m tests.benchmarks.bench_memory --scale 10 --night themes     1,000,000 products at the large size

For each of three nights (themes, score, growth) a small world and one ten times as large are made, each in a
database of its own by a process of its own. Then `manage.py nightly` computes the night, every row of it new, and
says how much memory of its own it ever had, anonymous memory, see `peak`. With SQLite the database's cache is part of
the process; with PostgreSQL it is the server's, and only what the worker itself holds is seen.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.benchmarks import frame
from tests.benchmarks.results import ROOT

TIMES = 10
"""The large world is so many times the small one."""
MEMORY, SECONDS = 1.5, 12.0
"""Goals: so many times the memory and the time at most."""


@dataclass(frozen=True)
class Night:
    """What is computed: of which things how many, the jobs, the as-of day and the instant one lives at."""

    things: str
    small: int
    jobs: tuple[str, ...]
    day: date
    now: str


NIGHTS = {
    "themes": Night(
        "products", 10_000, ("listings.themes",), date(2022, 7, 19), "2022-07-22T12:00:00-07:00"
    ),
    "score": Night("sellers", 2_000, ("rfq.score",), date(2022, 8, 31), "2022-09-05T12:00:00-07:00"),
    "growth": Night(
        "shops", 2_000, ("growth.programmes", "growth.rewards"), date(2022, 9, 2),
        "2022-09-06T12:00:00-07:00",
    ),
}  # fmt: skip


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--scale", type=int, default=1, help="multiplies both sizes")
    parser.add_argument("--night", action="append", choices=NIGHTS, help="only these nights")
    parser.add_argument("--load", choices=NIGHTS, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    return frame.run(parser, "bench_memory", _measured)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    if options.load:
        _load(options.load, options.count, options.seed)
        return
    nights = {name: NIGHTS[name] for name in options.night or NIGHTS}
    frame.size(
        ", ".join(
            f"{night.small * options.scale:,} → {night.small * options.scale * TIMES:,} {night.things}"
            for night in nights.values()
        )
    )
    print(f"{'':10}{'':>12}{'seconds':>9}{'MiB':>7}", flush=True)
    for name, night in nights.items():
        found = [
            _night(name, night.small * options.scale * times, options.seed) for times in (1, TIMES)
        ]
        (small_time, small_memory), (large_time, large_memory) = found
        frame.ratio(
            "P-5",
            f"memory of the worker, {name}: {small_memory} → {large_memory} MiB, ten times the data",
            large_memory / small_memory,
            at_most=MEMORY,
        )
        frame.ratio(
            "P-5",
            f"time of the night, {name}, ten times the data",
            large_time / small_time,
            at_most=SECONDS,
        )


def _night(name: str, count: int, seed: int) -> tuple[float, int]:
    """Load a world and compute its night; return the seconds and the most memory in MiB."""
    night = NIGHTS[name]
    environment = {
        **os.environ,
        "DATABASE_URL": _another_database(f"{name}_{count}"),
        "PORTAL_NOW": night.now,
    }
    load = [sys.executable, "-m", "tests.benchmarks.bench_memory", "--inside", "--load", name]
    subprocess.run([*load, "--count", str(count), "--seed", str(seed)], env=environment, check=True)
    command = [sys.executable, "-m", "tests.benchmarks.peak", "nightly", "--as-of", str(night.day)]
    for job in night.jobs:
        command += ["--job", job]
    began = time.perf_counter()
    done = subprocess.run(
        command, env=environment, check=False, text=True, capture_output=True, cwd=ROOT
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}"[-3000:])
    memory = int(done.stdout.splitlines()[-1])
    print(f"{name:10}{count:>12,}{seconds:9.1f}{memory:7}", flush=True)
    return seconds, memory


def _another_database(name: str) -> str:
    """Make another empty, migrated database; return its address."""
    import shutil

    from django.db import connection, connections

    connections.close_all()
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        copy = path.with_name(f"{name}.sqlite3")
        shutil.copy(path, copy)
        return f"sqlite:///{copy}"
    import psycopg

    server, _, template = url.replace("postgres://", "postgresql://", 1).rpartition("/")
    with psycopg.connect(f"{server}/template1", autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    assert connection.connection is None
    return f"{url.rpartition('/')[0]}/{name}"


def _load(name: str, count: int, seed: int) -> None:
    """Make a world in the connected database."""
    if name == "themes":
        from tests.benchmarks.worlds import themes, themes_load

        themes_load.load(themes.World(count, 1_200, seed))
    elif name == "score":
        from tests.benchmarks.worlds import score

        score.load(score.World(count, count * 100, count * 5, seed))
    else:
        from tests.benchmarks.worlds import growth

        growth.load(count, seed)
    frame.tidy()


if __name__ == "__main__":
    sys.exit(main())
