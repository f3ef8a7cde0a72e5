"""Industries with numbers to compare, and what the diagnosis finds by plain loops (GRO-11)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from growth.choices import Stage
from growth.diagnosis.rules import Benchmark, Diagnosis, benchmark_of, diagnose
from growth.diagnosis.schema import DIAGNOSIS, DiagnosisRules
from growth.models import GrowthBenchmark, GrowthScore, StageStanding
from portal import platform_time
from portal.choices import RulebookStatus, RunState, SellerStatus
from portal.metrics import DERIVED, PLAIN, metric_empty
from portal.models import Category, JobRun, MetricValue, NightRun, Rulebook, Seller
from portal.scoping import unscoped
from portal.services.rulebooks import content_digest, rulebook_for
from tests import factories

DAY = date(2022, 8, 1)
"""The newest as-of day the fixture clock allows."""


def item(metric: str, **over: Any) -> dict[str, Any]:
    """One item of a rulebook."""
    key = metric.rpartition(".")[2]
    return {"key": key, "metric": metric, "weight": 1, "title_en": key.title()} | over


def book(*items: dict[str, Any]) -> Rulebook:
    """Put a rulebook with these items in force instead of the shipped one."""
    Rulebook.objects.filter(module=DIAGNOSIS).delete()
    content = {"items": list(items)}
    return Rulebook.objects.create(
        module=DIAGNOSIS,
        version="test",
        effective_from=date(2021, 6, 30),
        status=RulebookStatus.PUBLISHED,
        published_at=platform_time.now(),
        content=content,
        digest=content_digest(content),
    )


def rules(*items: dict[str, Any]) -> DiagnosisRules:
    """The typed content of such a rulebook."""
    return DiagnosisRules.model_validate({"items": list(items)})


def published(*days: date, jobs: Iterable[str] = (PLAIN, DERIVED)) -> None:
    """Mark as-of days as published by jobs, so that the night does not count their rows anew."""
    for day in days:
        run = NightRun.objects.create(
            as_of=day, number=NightRun.objects.count() + 1, state=RunState.COMPLETE
        )
        for name in jobs:
            JobRun.objects.create(
                run=run, job=name, as_of=day, state=RunState.COMPLETE,
                published_at=platform_time.wall_clock(),
            )  # fmt: skip


def value(seller: Seller, metric: str, number: Any, **over: Any) -> MetricValue:
    """A metric's value since the first of the year, as a night leaves it."""
    fields = {"valid_from": date(2022, 1, 1)} | over
    with unscoped():
        return MetricValue.objects.create(
            seller=seller, metric=metric, value=Decimal(str(number)), **fields
        )


def peer(category: Category, star: int = 1, **fields: Any) -> Seller:
    """A shop that has long been open."""
    return factories.seller_create(
        category, assessed_star=star, **{"opened_on": date(2021, 1, 1)} | fields
    )


def peers(category: Category, metric: str, numbers: Iterable[Any], **fields: Any) -> list[Seller]:
    """Shops with a value each; none of them has the metric where the number is None."""
    shops = []
    for number in numbers:
        shop = peer(category, **fields)
        if number is not None:
            value(shop, metric, number)
        shops.append(shop)
    return shops


def stage(seller: Seller, stage: str = Stage.MATURE, **over: Any) -> StageStanding:
    """Where a shop stands on its way, as a night leaves it."""
    fields = {
        "rulebook": "2022-07",
        "stage": stage,
        "phase": None,
        "opportunities": 0,
        "orders": 0,
        "received": Decimal(0),
        "valid_from": date(2022, 1, 1),
    }
    with unscoped():
        return StageStanding.objects.create(seller=seller, **fields | over)


def score_row(seller: Seller, score: Any = "80", **over: Any) -> GrowthScore:
    """A growth score, as a night leaves it."""
    fields = {"rulebook": "2021-07", "suggestions": 1, "valid_from": date(2022, 1, 1)}
    with unscoped():
        return GrowthScore.objects.create(
            seller=seller, score=None if score is None else Decimal(score), **fields | over
        )


def benchmark_row(seller: Seller, metric: str, number: Any, **over: Any) -> GrowthBenchmark:
    """A benchmark of a shop's industry, as a night leaves it."""
    fields = {"sellers": 7, "scope": "starred", "valid_from": date(2022, 1, 1)}
    return GrowthBenchmark.objects.create(
        industry=seller.industry, metric=metric, value=Decimal(str(number)), **fields | over
    )


# --- By loops -----------------------------------------------------------------------------------


def by_loops(
    day: date,
) -> tuple[dict[tuple[str, str], Benchmark], dict[str, Diagnosis]]:
    """Return benchmarks by industry and metric, and diagnoses by member id, from the definitions."""
    content = rulebook_for(DIAGNOSIS, day).content
    with unscoped():
        shops = list(Seller.objects.exclude(status=SellerStatus.CLOSED).select_related("industry"))
        held: dict[int, dict[str, Decimal]] = defaultdict(dict)
        for row in MetricValue.objects.as_of(day):
            held[row.seller_id][row.metric] = row.value
    benchmarks: dict[tuple[str, str], Benchmark] = {}
    for industry in {shop.industry for shop in shops}:
        for each in content.items:
            known = [
                (_value(held[shop.pk], each.metric), shop.assessed_star)
                for shop in shops
                if shop.industry_id == industry.pk and _peer(shop, day)
            ]
            found = benchmark_of((number, star) for number, star in known if number is not None)
            if found is not None:
                benchmarks[industry.code, each.metric] = found
    diagnoses = {}
    for shop in shops:
        if shop.opened_on is not None and shop.opened_on <= day:
            values = {each.metric: _value(held[shop.pk], each.metric) for each in content.items}
            mine = {
                metric: found
                for (code, metric), found in benchmarks.items()
                if code == shop.industry.code
            }
            diagnoses[shop.member_id] = diagnose(content, values, mine)
    return benchmarks, diagnoses


def _value(held: Mapping[str, Decimal], metric: str) -> Decimal | None:
    return held.get(metric, metric_empty(metric))


def _peer(shop: Seller, day: date) -> bool:
    if shop.assessed_star >= 1:
        return True
    if shop.opened_on is None:
        return shop.paid_on is None
    return shop.opened_on <= day


# --- A random world -----------------------------------------------------------------------------

METRICS = [
    ("portal.inquiries_30d", {"weight": 10}),
    ("portal.received_gmv_90d", {"weight": 12}),
    ("portal.on_time_dispatch_90d", {"weight": 7}),
    ("compliance.points", {"weight": 3, "lower_is_better": True}),
    ("ext.answer_hours", {"weight": 9, "lower_is_better": True}),
    ("ext.patents", {"weight": 1}),
]
NUMBERS = ["0", "0.0001", "1", "2", "3", "7", "33.3333", "66.6667", "100", "999.99", "12345.67"]
LARGE = ["9999999999.9999", "10000000000", "98765432109876.5", "-3"]


def random_world(tree: Mapping[str, Category], day: date, *, seed: int, sellers: int = 160) -> None:
    """Industries of every size, few distinct numbers, some enormous ones and some below zero."""
    dice = random.Random(seed)
    book(*(item(metric, **over) for metric, over in METRICS))
    leaves = ["e-bike-kits"] * 5 + ["vacuum-flasks"] * 3 + ["lone", "pair"]
    roots = {"e-bike-kits": "sports", "vacuum-flasks": "home"}
    opened = [date(2020, 1, 1), day - timedelta(days=1), day, day + timedelta(days=1), None]
    shops = Seller.objects.bulk_create(
        Seller(
            member_id=f"d{n:03}", name_en=f"D{n}", company_type="trader", membership="basic",
            # Starred sellers are rare among flasks: there the whole industry is compared.
            assessed_star=dice.choice([0, 0, 1, 2, 5] if leaf != "vacuum-flasks" else [0] * 20 + [3]),
            main_category=tree[leaf], industry=tree[roots.get(leaf, leaf)],
            opened_on=dice.choice(opened), paid_on=dice.choice([None, date(2020, 1, 1)]),
            status=dice.choice(["active"] * 8 + ["restricted", "closed"]),
        )
        for n, leaf in ((n, dice.choice(leaves)) for n in range(sellers))
    )  # fmt: skip
    rows = []
    for shop in shops:
        for metric, _over in METRICS:
            some = 0.2 if metric == "ext.patents" else 0.8
            if dice.random() < some:
                number = dice.choice(NUMBERS) if dice.random() < 0.95 else dice.choice(LARGE)
                rows.append(
                    MetricValue(
                        seller=shop, metric=metric, value=Decimal(number),
                        valid_from=dice.choice([day, date(2022, 1, 1)]),
                    )
                )  # fmt: skip
                if dice.random() < 0.2:  # what held before, and what will hold after
                    before = rows[-1].valid_from - timedelta(days=1)
                    rows.append(
                        MetricValue(
                            seller=shop, metric=metric, value=Decimal(5), valid_to=before,
                            valid_from=before,
                        )
                    )  # fmt: skip
    with unscoped():
        MetricValue.objects.bulk_create(rows)
    published(day)
