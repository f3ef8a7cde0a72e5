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
import random
import sys
import time
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from tests.benchmarks import frame

NOW = "2022-12-30T12:00:00-08:00"
DAY = date(2022, 12, 27)
PAIRS = 1_000
MANY, LOOP, ALONE = "1,000 pairs in one call", "a query per number", "our gate, pair by pair"
NIGHT, NEXT = "first night, every row new", "next night, nothing changed"
SHOPS = "shop by shop (extrapolated)"


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--sellers", type=int, default=10_000)
    parser.add_argument("--products", type=int, default=10, help="per shop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=200, help="shops asked one by one")
    return frame.run(parser, "bench_gate", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from tests.benchmarks.worlds.gate import World, load

    world = World(options.sellers, options.products, certificates=2, seed=options.seed)
    frame.size(
        f"{world.sellers:,} shops, {world.sellers * world.products:,} products, "
        f"{world.sellers * world.certificates:,} certificates"
    )
    began = time.perf_counter()
    load(world)
    frame.tidy()
    print(f"loaded in {time.perf_counter() - began:.0f} s", flush=True)
    best = {**_pairs(world, options.rounds), **_night(world, options)}
    _report(best)


# --- Pairs --------------------------------------------------------------------------------------


def _pairs(world: Any, rounds: int) -> dict[str, float]:
    from compliance.gate import gate, gate_many
    from portal import platform_time

    watch, now = frame.Stopwatch(), platform_time.now()
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

    watch = frame.Stopwatch()
    for _round in range(options.rounds):
        with transaction.atomic():
            allow_long_work()
            watch(NIGHT, lambda: frame.night(DAY, "compliance.gate_overview"))
            watch(NEXT, lambda: frame.night(DAY + timedelta(days=1), "compliance.gate_overview"))
            if SHOPS not in watch.best:
                watch.best[SHOPS] = _shop_by_shop(world, options.sample)
            transaction.set_rollback(True)
    return watch.best


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
    frame.ratio("EPR", "1,000 pairs in one call over a query per number", best[LOOP] / best[MANY])
    frame.ratio("EPR", "night of overviews over shop by shop", best[SHOPS] / best[NEXT])
    for ways in ((MANY, ALONE, LOOP), (NEXT, NIGHT, SHOPS)):
        print(f"{'':32}{'seconds':>9}{'ratio':>9}")
        for name in ways:
            print(f"{name:32}{best[name]:9.3f}{best[name] / best[ways[0]]:8.1f}×")


if __name__ == "__main__":
    sys.exit(main())
