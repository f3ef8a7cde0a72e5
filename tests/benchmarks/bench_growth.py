"""Growth's whole night, job by job: metrics, tasks, stages, packs, rewards, diagnosis, stars, assessments (NGT-7).

    python -m tests.benchmarks.bench_growth                                        20,000 shops
    python -m tests.benchmarks.bench_growth --sellers 200000 --database postgres   the large size

Shops of every stage in 40 industries of unequal size with 400 days of facts, the shipped packs and twenty more.
A first night in which every row is new and packs are settled; then upstream tells other numbers about some, and
the night after it finds a day's worth of new facts and fixes everybody's star. Both run on the real engine, each
job by itself. The reference judges shop by shop with the ORM and the pure rules; before anything is reported,
its sample has to find what the nights published.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tests.benchmarks import frame

NOW = "2022-09-06T12:00:00-07:00"
JUDGING = ("growth.tasks", "growth.stages", "growth.packs", "growth.diagnosis", "growth.stars")
"""What the loop does, too."""
LAST = ("growth.programmes", "growth.rewards")
"""With what they need, all of growth's jobs."""


@dataclass
class Measured:
    """One job in one night: `statements` of the shard with the most."""

    job: str
    seconds: float
    rows: int
    published: int
    shards: int
    statements: int
    memory: int


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--sellers", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=500, help="shops the loop looks at")
    parser.add_argument("--shards", type=int, default=0, help="0: as many as the night plans")
    parser.add_argument("--slow", type=float, default=0, help="print statements of so many seconds")
    return frame.run(parser, "bench_growth", measure, now=NOW)


def measure(options: argparse.Namespace) -> None:
    """Load, run the two nights, compare with the loop, report."""
    from tests.benchmarks.growth_references import compare, loop
    from tests.benchmarks.worlds.growth import DAY, NEXT, change, load

    frame.size(f"{options.sellers:,} shops")
    began = time.perf_counter()
    load(options.sellers, options.seed)
    frame.tidy()
    print(f"loaded in {time.perf_counter() - began:.0f} s, {frame.memory()} MiB", flush=True)
    first = _night(DAY, options)
    change(options.sellers)
    frame.tidy()
    second = _night(NEXT, options)
    sample = frame.sampled(options.sample)
    began = time.perf_counter()
    found = loop(sample, NEXT)
    seconds = (time.perf_counter() - began) * options.sellers / len(sample)
    compare(found, NEXT)
    print(f"the loop agrees on {len(sample)} shops")
    judged = sum(one.seconds for one in second if one.job in JUDGING)
    whole = sum(one.seconds for one in second)
    print(f"first night {sum(one.seconds for one in first):.1f} s, second {whole:.1f} s")
    print(f"a loop over shops (extrapolated) {seconds:.0f} s, the night's {judged:.1f} s")
    frame.ratio("GRO", "tasks, stages, packs, diagnosis, stars over a loop", seconds / judged)


def _night(day: date, options: argparse.Namespace) -> list[Measured]:
    """Compute every job as of a day, one after another, and print how each went."""
    from portal.nightly.registry import registry

    print(f"night of {day}")
    print(f"{'':24}{'seconds':>9}{'rows':>11}{'changed':>11}{'shards':>8}{'stmts':>7}{'MiB':>6}")
    found = []
    for job in registry.with_needs(LAST):
        one = _job(day, job.name, options)
        found.append(one)
        print(
            f"{one.job:24}{one.seconds:9.2f}{one.rows:11,}{one.published:11,}"
            f"{one.shards:8}{one.statements:7}{one.memory:6}",
            flush=True,
        )
    return found


def _job(day: date, name: str, options: argparse.Namespace) -> Measured:
    from portal.models import JobRun

    with _counted(name, options.slow) as statements:
        began = time.perf_counter()
        run = frame.night(day, name, shards=options.shards)
        seconds = time.perf_counter() - began
    row = JobRun.objects.get(run=run, job=name)
    shards = list(row.shards.all())
    return Measured(
        job=name,
        seconds=seconds,
        rows=sum(shard.rows_written for shard in shards),
        published=row.rows_published,
        shards=len(shards),
        statements=max(statements),
        memory=frame.memory(),
    )


@contextmanager
def _counted(name: str, slow: float) -> Iterator[list[int]]:
    """Yield the number of statements of each shard of a job; print those longer than `slow` seconds."""
    from django.db import connection

    from portal.nightly.registry import ShardContext, registry

    job, counts, inside = registry[name], list[int](), False

    def counting(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
        if inside:
            counts[-1] += 1
        began = time.perf_counter()
        try:
            return execute(sql, params, *others)
        finally:
            seconds = time.perf_counter() - began
            if slow and seconds >= slow:
                print(f"    {seconds:6.2f} s  {' '.join(str(sql).split())[:400]}", flush=True)

    def compute(ctx: ShardContext) -> None:
        nonlocal inside
        counts.append(0)
        inside = True
        job.compute(ctx)
        inside = False

    registry.jobs[name] = replace(job, compute=compute)
    try:
        with connection.execute_wrapper(counting):
            yield counts
    finally:
        registry.jobs[name] = job


if __name__ == "__main__":
    sys.exit(main())
