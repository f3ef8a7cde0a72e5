"""P-1: matching all themes, a whole night and a night of changes, against two other ways.

    python -m tests.benchmarks.bench_themes                      100,000 products × 1,200 themes
    python -m tests.benchmarks.bench_themes --products 1000000   the large size
    python -m tests.benchmarks.bench_themes --database sqlite

Each way starts from yesterday's matches in the same database, with one per cent of the products and
of the themes changed since, reads what it needs, writes the difference, has its foreign keys checked as
a commit would, and is rolled back. They take turns; the best of the rounds counts, by the time of the
processor, client and server together, because the clock is everybody's on the machine. All of them have
to leave the same rows.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from tests.benchmarks import frame

NOW = "2022-07-22T12:00:00-07:00"
NIGHT, CHANGES = "one statement, everything", "one statement, changes only"
MANY = 5_000
"""Themes from which the goals of ten thousand hold."""
LOOP, COLUMNS = "one query per theme", "columns in process (NumPy)"


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--themes", type=int, default=1_200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", type=float, default=0, help="print statements of so many seconds")
    parser.add_argument("--plan", action="store_true", help="and how they are run, of changes only")
    parser.add_argument("--without-loop", action="store_true", help="no query per theme")
    return frame.run(parser, "bench_themes", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from django.db import connection

    from tests.benchmarks.worlds import themes as themes_world
    from tests.benchmarks.worlds import themes_load

    frame.size(f"{options.products:,} products × {options.themes:,} themes")
    world = themes_world.World(options.products, options.themes, options.seed)
    began = time.perf_counter()
    themes_load.load(world)
    frame.tidy()
    run_night(themes_world.DAY)
    themes_load.change(world)
    frame.tidy()
    loaded = time.perf_counter() - began
    print(f"loaded, with the first night, in {loaded:.0f} s", flush=True)
    if options.plan:
        with frame.statements(options.slow or 0.05, plan=True):
            _once(lambda: run_night(themes_world.DAY + timedelta(days=1)), themes_world.DAY)
        return
    with frame.statements(options.slow):
        best, memory = _measure(options.rounds, loop=not options.without_loop)
    _report(best, many=options.themes >= MANY)
    if connection.vendor == "sqlite":
        print(f"peak memory of the process: {memory // 1024} MiB")


@dataclass(frozen=True, order=True)
class Cost:
    """What one way took: seconds of the processor, and by the clock."""

    processor: float
    clock: float


def _measure(rounds: int, *, loop: bool) -> tuple[dict[str, Cost], int]:
    """Return the least cost of each way, having compared what they leave behind."""
    from tests.benchmarks import themes_references
    from tests.benchmarks.worlds import themes as themes_world

    day = themes_world.DAY + timedelta(days=1)
    ways: dict[str, Callable[[], None]] = {
        CHANGES: lambda: run_night(day),
        NIGHT: lambda: run_night(day, everything=True),
        COLUMNS: lambda: themes_references.columns_in_process(day),
        LOOP: lambda: themes_references.one_query_per_theme(day),
    }
    best: dict[str, Cost] = {}
    answers = set()
    for number in range(rounds):
        for name, way in ways.items():
            if name == LOOP and (number >= 1 or not loop):
                continue
            cost, answer = _once(way, day)
            answers.add(answer)
            best[name] = min(best.get(name, cost), cost)
            frame.tidy()
        print(f"round {number + 1}: matches {answer}", flush=True)
    if len(answers) != 1:
        raise SystemExit(f"the ways do not agree: {answers}")
    return best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _once(way: Callable[[], None], day: object) -> tuple[Cost, tuple[object, ...]]:
    """Run one way, look at what it left, and roll it back."""
    from django.db import connection, transaction

    from portal.nightly.engine import allow_long_work

    with transaction.atomic():
        allow_long_work()
        began, began_at = frame.processor_seconds(), time.perf_counter()
        way()
        if connection.vendor == "postgresql":
            # Foreign keys are checked by the commit, which never comes here. SQLite has done it already.
            connection.check_constraints()
        cost = Cost(frame.processor_seconds() - began, time.perf_counter() - began_at)
        answer = _fingerprint(day)
        transaction.set_rollback(True)
    return cost, answer


def _fingerprint(day: object) -> tuple[object, ...]:
    """Return what tells two sets of matches apart: their number and a sum over their rows."""
    from django.db.models import Count, F, Sum

    from listings.models import ThemeMatch

    key = (F("product_id") * 7919 + F("theme_id") * 104_729) % 1_000_003
    every = ThemeMatch.objects.as_of(day)  # type: ignore[attr-defined]
    found = every.aggregate(number=Count("pk"), total=Sum(key * key))
    new = every.filter(valid_from=day).aggregate(number=Count("pk"), total=Sum(key * key))
    ended = ThemeMatch.objects.count() - found["number"]
    return (*found.values(), *new.values(), ended)


def run_night(day: object, *, everything: bool = False) -> None:
    """Compute the matches as of a day with the real engine: plan, shards, publication."""
    from portal.models import ShardRun
    from portal.nightly import ledger
    from portal.nightly.engine import run_inline

    if everything:
        for shard in ShardRun.objects.all():
            shard.params["catalogue"] = "another"
            shard.save(update_fields=["params"])
    run = run_inline(run_id=ledger.night_start(as_of=day, jobs=["listings.themes"]).pk)  # type: ignore[arg-type]
    if run.state != "complete":
        raise SystemExit([job.error for job in run.jobs.all()])


def _report(best: dict[str, Cost], *, many: bool) -> None:
    seconds = {name: cost.processor for name, cost in best.items()}
    full = seconds[NIGHT]
    print(f"{'':36}{'processor':>10}{'to the whole night':>20}{'clock':>9}")
    for name, cost in sorted(best.items(), key=lambda pair: pair[1]):
        print(f"{name:36}{cost.processor:10.2f}{cost.processor / full:19.2f}×{cost.clock:9.2f}")
    loop, columns, changes = (10, 2, 0.15) if many else (6, 1.3, 0.25)
    over = partial(frame.ratio, "P-1")
    if LOOP in seconds:
        over("themes: whole night over one query per theme", seconds[LOOP] / full, at_least=loop)
    over("themes: whole night to columns in process", full / seconds[COLUMNS], at_most=columns)
    share = seconds[CHANGES] / full
    over("themes: 1 % changed to the whole night", share, unit="%", at_most=changes)


if __name__ == "__main__":
    sys.exit(main())
