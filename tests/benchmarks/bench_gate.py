"""The trade gate: 1,000 pairs in one call, and a night of overviews, against asking one by one.

    python -m tests.benchmarks.bench_gate                                       10,000 shops
    python -m tests.benchmarks.bench_gate --sellers 200000 --database postgres  the large size

Ten products and two certificates per shop. Pairs are of products all over the marketplace. The
references ask pair by pair, as a check inside an order form would: the product, then each number it
needs, by the ORM. A first night and the one after it run on the real engine and are rolled back; their
reference asks the gate shop by shop. The best of the rounds counts, and all have to agree before anything is reported.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = "2022-12-30T12:00:00-08:00"
DAY = date(2022, 12, 27)
PAIRS = 1_000
MANY, LOOP, ALONE = "1,000 pairs in one call", "a query per number", "our gate, pair by pair"
NIGHT, NEXT = "first night, every row new", "next night, nothing changed"
SHOPS = "shop by shop (extrapolated)"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark on each database asked for, in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sellers", type=int, default=10_000)
    parser.add_argument("--products", type=int, default=10, help="per shop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=200, help="shops asked one by one")
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
        command = [sys.executable, "-m", "tests.benchmarks.bench_gate", "--inside"]
        for name in ("sellers", "products", "rounds", "sample"):
            command += [f"--{name}", str(getattr(options, name))]
        environment = {**_environment(url, folder), "PORTAL_NOW": NOW}
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

    from portal.scoping import unscoped
    from tests import servers
    from tests.benchmarks.bench_themes import _tidy
    from tests.benchmarks.gate_load import World, load

    world = World(options.sellers, options.products, certificates=2)
    call_command("migrate", verbosity=0)
    name = servers.describe(os.environ["DATABASE_URL"], "").split(",")[0]
    print(
        f"\n{name}: {world.sellers:,} shops, {world.sellers * world.products:,} products, "
        f"{world.sellers * world.certificates:,} certificates",
        flush=True,
    )
    with unscoped():
        began = time.perf_counter()
        load(world)
        _tidy()
        print(f"loaded in {time.perf_counter() - began:.0f} s", flush=True)
        best = {**_pairs(world, options.rounds), **_night(world, options)}
    _report(best)
    return 0


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


# --- Pairs --------------------------------------------------------------------------------------


def _pairs(world: Any, rounds: int) -> dict[str, float]:
    from compliance.gate import gate, gate_many
    from portal import platform_time

    watch, now = Stopwatch(), platform_time.now()
    last = world.sellers * world.products
    for number in range(rounds):
        chance = random.Random(number)
        pairs = [
            (f"p{chance.randint(1, last)}", chance.choice(["DE", "FR", "US"]))
            for _pair in range(PAIRS)
        ]
        many = watch(MANY, lambda pairs=pairs: gate_many(pairs))
        alone = watch(ALONE, lambda pairs=pairs: [gate(*pair) for pair in pairs])
        loop = watch(LOOP, lambda pairs=pairs: [_blocked(*pair, now) for pair in pairs])
        if many != alone or [one.decision == "blocked" for one in many] != loop:
            raise SystemExit("the ways do not agree")
        said = Counter(str(one.decision.value) for one in many)
        print(f"round {number + 1}: {dict(said)}", flush=True)
    return watch.best


def _blocked(product_id: str, country: str, at: datetime) -> bool:
    """Ask about one pair, number by number."""
    from django.db.models import Q

    from compliance.models import Certificate, GatedProduct
    from compliance.rules import needed
    from portal.platform_time import day_of
    from portal.services.rulebooks import rulebook_for

    product = GatedProduct.objects.select_related("category").get(product_id=product_id)
    rules = rulebook_for("compliance.epr", day_of(at)).content
    for row in needed(rules, product.traits, country):
        counting = Certificate.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
            Q(covers_all=True)
            | Q(products=product)
            | Q(categories__below__descendant=product.category_id),
            seller=product.seller_id,
            country=country,
            category=row.category.value,
            valid_from__lte=at,
        )
        if not counting.exists():
            return True
    return False


# --- The night ----------------------------------------------------------------------------------


def _night(world: Any, options: argparse.Namespace) -> dict[str, float]:
    from django.db import transaction

    from portal.nightly.engine import allow_long_work

    watch = Stopwatch()
    for _round in range(options.rounds):
        with transaction.atomic():
            allow_long_work()
            watch(NIGHT, lambda: _run_night(DAY))
            watch(NEXT, lambda: _run_night(DAY + timedelta(days=1)))
            if SHOPS not in watch.best:
                watch.best[SHOPS] = _shop_by_shop(world, options.sample)
            transaction.set_rollback(True)
    return watch.best


def _run_night(day: date) -> None:
    from portal.nightly import ledger
    from portal.nightly.engine import run_inline

    run = ledger.night_start(as_of=day, jobs=["compliance.gate_overview"])
    run = run_inline(run_id=run.pk)
    if run.state != "complete":
        raise SystemExit([job.error for job in run.jobs.all()])


def _shop_by_shop(world: Any, sample: int) -> float:
    """Time asking the gate for each shop of a sample, compare, and extrapolate."""
    from compliance.gate import requirements_of
    from compliance.models import GatedProduct, GateOverview
    from compliance.rules import sells_to
    from portal.platform_time import end_of

    at = end_of(DAY) - timedelta(microseconds=1)
    shops = random.Random(1).sample(range(1, world.sellers + 1), min(sample, world.sellers))
    found: Counter[tuple[int, str, str, bool]] = Counter()
    began = time.perf_counter()
    for shop in shops:
        products = list(GatedProduct.objects.filter(seller=shop, live=True, deleted=False))
        for product_pk, covers in requirements_of(products, at).items():
            countries = next(one.countries for one in products if one.pk == product_pk)
            for cover in covers:
                if cover.required and sells_to(countries, cover.country):
                    covered = cover.status == "covered"
                    found[shop, cover.country, cover.category, covered] += 1
    seconds = (time.perf_counter() - began) * world.sellers / len(shops)
    published: Counter[tuple[int, str, str, bool]] = Counter()
    for row in GateOverview.objects.as_of(DAY).filter(seller__in=shops):
        key = (row.seller_id, row.country, row.category)
        published[*key, True] += row.covered
        published[*key, False] += row.required - row.covered
    if +published != +found:
        raise SystemExit("the night and the gate do not agree")
    print(f"the gate agrees on {len(shops)} shops", flush=True)
    return seconds


def _report(best: dict[str, float]) -> None:
    for ways in ((MANY, ALONE, LOOP), (NEXT, NIGHT, SHOPS)):
        print(f"{'':32}{'seconds':>9}{'ratio':>9}")
        for name in ways:
            print(f"{name:32}{best[name]:9.3f}{best[name] / best[ways[0]]:8.1f}×")


if __name__ == "__main__":
    sys.exit(main())
