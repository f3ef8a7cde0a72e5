"""The diagnosis of all shops, a whole night, against a loop over shops (GRO-11, NGT-7).

    python -m tests.benchmarks.bench_diagnosis                                      20,000 sellers
    python -m tests.benchmarks.bench_diagnosis --sellers 200000 --database postgres the large size

Ten items in 40 industries of unequal size, a sixth of the sellers with a star, nine in ten with a value;
as many numbers again that nobody compares. The night runs on the real engine from the day before, of
whose numbers one in five was another. Before anything is reported, the loop's sample has to find the
scores the night published.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

DAY = date(2022, 8, 31)
INDUSTRIES = 40
ITEMS = 10
OPTIONS = ("sellers", "rounds", "sample", "shards")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark on each database asked for, in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sellers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=500, help="sellers the loop looks at")
    parser.add_argument("--shards", type=int, default=0, help="0: as many as the night plans")
    parser.add_argument("--database", choices=["postgres", "sqlite", "both"], default="both")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options, _others = parser.parse_known_args(arguments)
    if options.inside:
        return _inside(options)
    databases = ["postgres", "sqlite"] if options.database == "both" else [options.database]
    return max(_outside(name, options) for name in databases)


def _outside(database: str, options: argparse.Namespace) -> int:
    """Start a server, or make a file, and measure in a child whose settings point to it."""
    from tests import servers
    from tests.benchmarks.bench_themes import _environment

    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        server = servers.start_postgres() if database == "postgres" else None
        url = server.url if server else f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        command = [sys.executable, "-m", "tests.benchmarks.bench_diagnosis", "--inside"]
        for name in OPTIONS:
            command += [f"--{name}", str(getattr(options, name))]
        environment = {**_environment(url, folder), "PORTAL_NOW": "2022-09-05T12:00:00-07:00"}
        try:
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            if server:
                server.stop()


# --- In the child -------------------------------------------------------------------------------


def _inside(options: argparse.Namespace) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from portal.nightly.engine import allow_long_work
    from portal.scoping import unscoped
    from tests import servers
    from tests.benchmarks.bench_themes import _tidy

    call_command("migrate", verbosity=0)
    name = servers.describe(os.environ["DATABASE_URL"], "").split(",")[0]
    print(f"\n{name}: {options.sellers:,} sellers, {ITEMS} items", flush=True)
    with unscoped():
        _load(options.sellers)
        _tidy()
        _run_night(DAY - timedelta(days=1), options.shards)
        _tidy()
        best, loop = 0.0, 0.0
        for number in range(options.rounds):
            with transaction.atomic():
                allow_long_work()
                began = time.perf_counter()
                _run_night(DAY, options.shards)
                seconds = time.perf_counter() - began
                best = min(best or seconds, seconds)
                if number == 0:
                    loop = _loop(options)
                transaction.set_rollback(True)
            print(f"round {number + 1}: {seconds:.2f} s", flush=True)
    print(f"the night {best:.2f} s, a loop over sellers (extrapolated) {loop:.1f} s")
    print(f"the night over a loop: {loop / best:.0f} × faster")
    return 0


def _run_night(day: date, shards: int) -> None:
    """Compute the diagnosis as of a day with the real engine; its numbers are there already."""
    from growth.nightly.diagnosis import JOB
    from portal.models import JobRun
    from portal.nightly import ledger
    from portal.nightly.engine import run_inline

    run = ledger.night_start(as_of=day, jobs=[JOB], shards=shards or None)
    JobRun.objects.filter(run=run).exclude(job=JOB).delete()
    run = run_inline(run_id=run.pk)
    if run.state != "complete":
        raise SystemExit([job.error for job in run.jobs.all()])


# --- A world ------------------------------------------------------------------------------------


def _load(sellers: int) -> None:
    """Write sellers, the rulebook and metric values; a number's properties follow from the number."""
    from portal.models import Category, MetricValue, Seller
    from portal.models.standings import FOREVER
    from tests.benchmarks.themes_load import copy_rows
    from tests.growth.diagnosis_world import book, item, published

    Category.objects.bulk_create(
        Category(pk=n, code=f"i{n}", name_en=f"Industry {n}") for n in range(1, INDUSTRIES + 1)
    )
    blank = {"name_zh": "", "province": "", "city": "", "predicted_star": 0, "status": "active"}

    def seller(n: int) -> dict[str, Any]:
        industry = 1 + int(INDUSTRIES * (_share(n, 1) ** 2))
        return {
            "id": n, "member_id": f"s{n}", "name_en": f"Shop {n}", "company_type": "trader",
            "membership": "basic", "assessed_star": n % 6 if n % 3 == 0 else 0,
            "main_category_id": industry, "industry_id": industry,
            "opened_on": date(2020, 1, 1), **blank,
        }  # fmt: skip

    copy_rows(Seller._meta.db_table, map(seller, range(1, sellers + 1)))

    def values() -> Any:
        for n in range(1, sellers + 1):
            for metric in range(2 * ITEMS):
                salt = metric + 2
                if _share(n, salt) >= 0.9:
                    continue
                number = round(1000 * _share(n, salt + 50) ** 3, 2)
                row = {"seller_id": n, "metric": f"ext.m{metric}", "value": number}
                if _share(n, salt + 100) < 0.2:
                    yield row | {"valid_from": DAY, "valid_to": FOREVER}
                    row["value"] = number + 1
                    yield row | {"valid_from": date(2022, 1, 1), "valid_to": DAY - timedelta(1)}
                else:
                    yield row | {"valid_from": date(2022, 1, 1), "valid_to": FOREVER}

    copy_rows(MetricValue._meta.db_table, values())
    book(*(item(f"ext.m{n}", weight=n + 1, lower_is_better=n % 3 == 0) for n in range(ITEMS)))
    published(DAY - timedelta(days=1), DAY)


def _share(n: int, salt: int) -> float:
    """A share of 0 … 1 that looks like chance."""
    return ((n * 2654435761 + salt * 2246822519) * 3266489917 % 2**32) / 2**32


# --- A loop -------------------------------------------------------------------------------------


def _loop(options: argparse.Namespace) -> float:
    """Time a loop on a sample spread over all sellers, compare it, and extrapolate.

    Two queries for each seller, as a scorecard would; medians are taken from the night, which flatters
    the loop.
    """
    from growth.diagnosis.rules import Benchmark, diagnose
    from growth.diagnosis.schema import DIAGNOSIS
    from growth.models import GrowthBenchmark, GrowthScore
    from portal.models import MetricValue, Seller
    from portal.services.rulebooks import rulebook_for

    rules = rulebook_for(DIAGNOSIS, DAY).content
    every = max(1, options.sellers // options.sample)
    sample = [
        seller for seller in Seller.objects.order_by("pk").iterator() if seller.pk % every == 0
    ]
    began = time.perf_counter()
    found = {}
    for seller in sample:
        values = MetricValue.objects.as_of(DAY).filter(
            seller=seller, metric__in=[each.metric for each in rules.items]
        )
        rows = GrowthBenchmark.objects.as_of(DAY).filter(industry=seller.industry_id)
        benchmarks = {row.metric: Benchmark(row.value, row.sellers, row.scope) for row in rows}
        found[seller.pk] = diagnose(rules, dict(values.values_list("metric", "value")), benchmarks)
    seconds = (time.perf_counter() - began) * options.sellers / len(sample)
    stored = {row.seller_id: row for row in GrowthScore.objects.as_of(DAY).filter(seller__in=found)}
    for key, diagnosis in found.items():
        expected = (diagnosis.score, len(diagnosis.suggestions))
        if (stored[key].score, stored[key].suggestions) != expected:
            raise SystemExit(f"seller {key}: the loop has {expected}")
    print(f"the loop agrees on {len(found)} sellers", flush=True)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
