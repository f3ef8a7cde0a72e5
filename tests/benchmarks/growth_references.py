"""Growth's night shop by shop: the ORM reads, the pure rules decide, as a service per shop would.

Metric values and benchmarks are taken from the night, which flatters the loop: counting them takes some
sixty more queries for each shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from growth.diagnosis.rules import Benchmark, Diagnosis, diagnose
from growth.diagnosis.schema import DIAGNOSIS
from growth.guide.rules import phase_of, stage_of
from growth.guide.schema import GUIDE
from growth.models import (
    GrowthBenchmark,
    GrowthScore,
    PackClaim,
    PackStanding,
    StageStanding,
    StarStanding,
    TaskDone,
)
from growth.nightly.tasks import rules_of_day
from growth.stars.reading import industry_of
from growth.stars.rules import StarResult, star_result
from growth.stars.schema import STAR
from growth.tasks.rules import TaskRule
from portal.choices import SellerStatus
from portal.metrics import EXTERNAL, metric_empty
from portal.models import ExternalMetric, MetricValue, Seller
from portal.platform_time import end_of, start_of
from portal.services.rulebooks import rulebook_for
from tests.growth.guide_world import facts_before


@dataclass
class Found:
    """What a loop finds of one shop; `done` are the rules fulfilled with what upstream's facts date."""

    done: dict[str, date | None]
    stage: tuple[str, str | None]
    packs: dict[int, tuple[int, int]]
    diagnosis: Diagnosis
    stars: StarResult


def loop(sellers: list[Seller], day: date) -> dict[int, Found]:
    """Judge shops one by one."""
    return {seller.pk: _one(seller, day) for seller in sellers}


def _one(seller: Seller, day: date) -> Found:
    values = dict(
        MetricValue.objects.as_of(day).filter(seller=seller).values_list("metric", "value")
    )

    def value_of(metric: str) -> Decimal | None:
        return values.get(metric, metric_empty(metric))

    done = {
        rule.code: _dated(seller, rule, day)
        for rule in rules_of_day(day)
        if rule.holds(value_of(rule.metric))
    }
    guide = rulebook_for(GUIDE, day).content
    core_done_on = (
        StageStanding.objects.as_of(day).values_list("core_done_on", flat=True).get(seller=seller)
    )
    facts = facts_before(seller, start_of(day), core_done_on)
    rows = GrowthBenchmark.objects.as_of(day).filter(industry=seller.industry_id)
    benchmarks = {row.metric: Benchmark(row.value, row.sellers, row.scope) for row in rows}
    diagnosis = rulebook_for(DIAGNOSIS, day).content
    stars = rulebook_for(STAR, day).content
    return Found(
        done=done,
        stage=(stage_of(guide, facts, day), phase_of(guide, facts, day)),
        packs=_packs(seller, done, day),
        diagnosis=diagnose(
            diagnosis, {each.metric: value_of(each.metric) for each in diagnosis.items}, benchmarks
        ),
        stars=star_result(
            stars,
            industry=industry_of(seller),
            values={metric: value_of(metric) for metric in stars.metrics()},
        ),
    )


def _dated(seller: Seller, rule: TaskRule, day: date) -> date | None:
    """Return the first day of the unbroken run by upstream's facts; none for all other numbers."""
    if not rule.metric.startswith(EXTERNAL):
        return None
    since = None
    facts = ExternalMetric.objects.filter(seller=seller, metric=rule.metric, day__lte=day)
    for told, value in facts.order_by("day").values_list("day", "value"):
        since = (since or told) if rule.holds(value) else None
    return since


def _packs(seller: Seller, done: dict[str, Any], day: date) -> dict[int, tuple[int, int]]:
    """Return pack → tasks done and tasks, of the claims whose window holds the day."""
    claims = PackClaim.objects.filter(
        seller=seller,
        claimed_at__lt=end_of(day),
        pack__published=True,
        pack__opens_on__lte=day,
        pack__closes_on__gte=day,
    )
    found = {}
    for claim in claims.select_related("pack").prefetch_related("pack__tasks"):
        rules = [
            TaskRule.of({"metric": task.metric, "op": task.op, "value": task.value}).code
            for task in claim.pack.tasks.all()
        ]
        found[claim.pack_id] = (sum(rule in done for rule in rules), len(rules))
    return found


# --- Equal or not -------------------------------------------------------------------------------


def compare(found: dict[int, Found], day: date) -> None:
    """Stop unless the night published what the loop finds, for every shop of it."""
    for seller in Seller.objects.filter(pk__in=found).order_by("pk"):
        expected, published = _expected(found[seller.pk], seller, day), _published(seller, day)
        for name, value in expected.items():
            if published[name] != value:
                raise SystemExit(
                    f"seller {seller.pk}: {name}: the loop has {value}, the night {published[name]}"
                )


def _expected(one: Found, seller: Seller, day: date) -> dict[str, Any]:
    closed = seller.status == SellerStatus.CLOSED
    is_open = not closed and seller.opened_on is not None and seller.opened_on <= day
    powers = {power.key: power.points for power in one.stars.powers}
    return {
        "rules": set(one.done),
        "since": {rule: since for rule, since in one.done.items() if since},
        "stage": one.stage,
        "packs": one.packs,
        "stars": None if closed else (one.stars.star, powers),
        "score": (one.diagnosis.score, len(one.diagnosis.suggestions)) if is_open else None,
    }


def _published(seller: Seller, day: date) -> dict[str, Any]:
    done = dict(TaskDone.objects.as_of(day).filter(seller=seller).values_list("rule", "since"))
    stage = StageStanding.objects.as_of(day).get(seller=seller)
    packs = PackStanding.objects.as_of(day).filter(seller=seller)
    star = StarStanding.objects.as_of(day).filter(seller=seller).first()
    score = GrowthScore.objects.as_of(day).filter(seller=seller).first()
    powers = ("trade", "product", "marketing", "guarantee")
    return {
        "rules": set(done),
        "since": {rule: since for rule, since in done.items() if rule.startswith(EXTERNAL)},
        "stage": (stage.stage, stage.phase),
        "packs": {row.pack_id: (row.done, row.tasks) for row in packs},
        "stars": star and (star.star, {name: getattr(star, name) for name in powers}),
        "score": score and (score.score, score.suggestions),
    }
