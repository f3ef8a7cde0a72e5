"""What a shop is shown of its diagnosis: score, items, benchmarks, days before, who may see it (GRO-11).

The night stores scores and benchmarks; `growth.diagnosis.rules` explains them. Both decide the same, so
what is shown is the explanation of the stored row, never a score of its own. Every function runs a
constant number of queries inside the shop's scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from growth.choices import Stage
from growth.diagnosis.rules import Benchmark, Diagnosis, diagnose
from growth.diagnosis.schema import DIAGNOSIS, DiagnosisRules
from growth.guide.reading import GuideReading, MilestoneReading, guide_reading
from growth.models import GrowthBenchmark, GrowthScore
from growth.nightly.diagnosis import JOB
from growth.shop_values import shop_values
from portal.metrics import metric_empty
from portal.models import Seller
from portal.nightly.published import days_published, published_day
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.services.rulebooks import RulebookInForce, rulebooks_published

PAGE = "growth:diagnosis"
HISTORY_DAYS = 180


@dataclass(frozen=True)
class DiagnosisReading:
    """A shop's diagnosis as of a published day; `diagnosis` is none while there is no figure."""

    seller: Seller
    as_of: date | None = None
    rulebook: RulebookInForce | None = None
    row: GrowthScore | None = None
    diagnosis: Diagnosis | None = None
    rulebooks: tuple[RulebookInForce, ...] = ()
    """Every published rulebook of the diagnosis."""

    @property
    def score(self) -> Decimal | None:
        """The growth score, 0–100; none without one, or while nothing can be compared."""
        return self.row.score if self.row else None


def diagnosis_day(wanted: date | None = None) -> date | None:
    """Return the newest published day of diagnoses, at or before `wanted` (T+2, K-2)."""
    return published_day(JOB, wanted)


@read_once
def diagnosis_reading(seller: Seller, as_of: date | None = None) -> DiagnosisReading:
    """Return the newest published diagnosis of a shop at or before `as_of` (GRO-11)."""
    day = diagnosis_day(as_of)
    if day is None:
        return DiagnosisReading(seller)
    row = next(iter(_score(seller.pk, day)), None)
    books = tuple(rulebooks_published(DIAGNOSIS))
    rulebook = next((book for book in books if row and book.version == row.rulebook), None)
    if row is None or rulebook is None:
        return DiagnosisReading(seller, day)
    return DiagnosisReading(
        seller=seller,
        as_of=day,
        rulebook=rulebook,
        row=row,
        diagnosis=diagnose(
            rulebook.content,
            diagnosis_values(seller, [rulebook.content], day),
            benchmarks_of(seller, day),
        ),
        rulebooks=books,
    )


def diagnosis_values(
    seller: Seller, rules: Iterable[DiagnosisRules], day: date
) -> dict[str, Decimal | None]:
    """Return the shop's values of all metrics of some rules, as the night counted them; one query."""
    metrics = {item.metric for each in rules for item in each.items}
    empty = {metric: metric_empty(metric) for metric in metrics}
    return {**empty, **shop_values(seller, metrics, day)}


def benchmarks_of(seller: Seller, day: date) -> dict[str, Benchmark]:
    """Return the benchmarks of the shop's industry as of a day, by metric; one query."""
    rows = _benchmarks(seller.industry_id, day)
    return {metric: Benchmark(value, sellers, scope) for metric, value, sellers, scope in rows}


@prepared
def _score(seller_id: int, day: date) -> QuerySet[GrowthScore]:
    return GrowthScore.objects.as_of(day).filter(seller=seller_id).order_by("pk")[:1]


@prepared
def _benchmarks(industry_id: int, day: date) -> QuerySet[GrowthBenchmark, Any]:
    rows = GrowthBenchmark.objects.as_of(day).filter(industry=industry_id)
    return rows.values_list("metric", "value", "sellers", "scope")


def benchmarks_taken(metrics: Collection[str], day: date) -> bool:
    """Tell whether the night of a day has looked for benchmarks of some metrics, in any industry.

    Rules announced since then may need more than that night knew. Of metrics that five sellers have in no
    industry this says no.
    """
    found = GrowthBenchmark.objects.as_of(day).filter(metric__in=metrics)
    return not metrics or found.exists()


# --- Who may see it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class DiagnosisAccess:
    """Whether the diagnosis is open to a shop, and what opens it.

    `milestone` is the one of the guide's edition that unlocks it, if there is one. `mature_on` is the
    first day on which the shop is mature whatever it reaches.
    """

    guide: GuideReading
    milestone: MilestoneReading | None = None
    mature_on: date | None = None

    @property
    def is_mature(self) -> bool:
        """Tell whether the shop's stage is the mature one."""
        return self.guide.stage == Stage.MATURE

    @property
    def open(self) -> bool:
        """Tell whether the shop sees card and page: mature, or unlocked before (GRO-3, GRO-11)."""
        return self.is_mature or (self.milestone is not None and self.milestone.done)

    @property
    def known(self) -> bool:
        """Tell whether the shop's stage has been counted at all."""
        return self.guide.standing is not None


def diagnosis_access(seller: Seller) -> DiagnosisAccess:
    """Return whether a shop sees its diagnosis as of the newest published day (GRO-3, GRO-11)."""
    guide = guide_reading(seller)
    mature_on = None
    if guide.rules is not None and seller.opened_on is not None:
        mature_on = seller.opened_on + timedelta(days=guide.rules.novice_days + 1)
    unlocking = (each for each in guide.milestones if each.milestone.unlock_page == PAGE)
    return DiagnosisAccess(guide, next(unlocking, None), mature_on)


# --- History ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScoreOfDay:
    """The growth score as of one published day."""

    as_of: date
    rulebook: str
    score: Decimal
    suggestions: int


def diagnosis_history(
    seller: Seller, *, days: int = HISTORY_DAYS, as_of: date | None = None
) -> list[ScoreOfDay]:
    """Return the scores of the published days among the last `days`, in their order (GRO-11).

    Of a day nobody published, or without a score, nothing is said.
    """
    newest = diagnosis_day(as_of)
    if newest is None:
        return []
    since = newest - timedelta(days=days - 1)
    published = days_published(JOB, since, newest)
    spans = list(
        GrowthScore.objects.filter(
            seller=seller, valid_from__lte=newest, valid_to__gte=since
        ).values_list("valid_from", "valid_to", "rulebook", "score", "suggestions")
    )
    return [
        ScoreOfDay(day, rulebook, score, suggestions)
        for day in published
        for first, last, rulebook, score, suggestions in spans
        if score is not None and first <= day <= last
    ]
