"""What a shop is shown of its service score: figures, explanation, peers, assessments (RFQ-18, RFQ-19).

The night stores counts, ranks and points; `rfq.score.rules` explains them. Both decide the same, so what is
shown is the explanation of the stored row, never a score of its own. Every function runs a constant
number of queries inside the shop's scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from portal.choices import Membership
from portal.models import Seller
from portal.nightly.published import days_published, published_day
from portal.prepared_reads import prepared
from portal.read_once import page_instant, read_once
from portal.services.rulebooks import RulebookInForce, rulebooks_published
from rfq.choices import RightKind
from rfq.market.access import assessments_fixed
from rfq.models import Assessment, PeerBenchmark, ServiceScore
from rfq.models.scores import ScoreFields
from rfq.score.rules import GrantPart, Score, ScoreFigures, score_of
from rfq.score.schema import SCORE

JOB = "rfq.score"
LEAST_PEERS = 5
"""Aggregates over fewer sellers are told to nobody (K-8)."""
HISTORY_DAYS = 180


@dataclass(frozen=True)
class ScoreStanding:
    """A shop's predicted score as of a published day; `score` is none while there is no figure.

    `peers` holds, by factor, how many sellers of the industry are compared and the value at which the
    best tenth begins, where there are enough of them. `assessed` is the newest assessment of a month
    that had ended by `as_of` and is fixed by now.
    """

    seller: Seller
    as_of: date | None = None
    rulebook: RulebookInForce | None = None
    row: ServiceScore | None = None
    score: Score | None = None
    peers: Mapping[str, PeerBenchmark] = field(default_factory=dict)
    assessed: Assessment | None = None
    rulebooks: tuple[RulebookInForce, ...] = ()
    """Every published rulebook of the score."""

    @property
    def membership(self) -> str:
        """The membership the figures were judged by; it may have changed since."""
        return judged_membership(self.row, self.rulebook, self.seller)


def score_day(wanted: date | None = None) -> date | None:
    """Return the newest published day of scores, at or before `wanted` (T+2, K-2)."""
    return published_day(JOB, wanted)


@read_once
def score_standing(seller: Seller, as_of: date | None = None) -> ScoreStanding:
    """Return the newest published score of a shop at or before `as_of` (RFQ-18, RFQ-19)."""
    books = tuple(rulebooks_published(SCORE))
    day = score_day(as_of)
    if day is None:
        return ScoreStanding(seller, rulebooks=books)
    assessed = newest_assessment(seller, day)
    row = next(iter(_score(seller.pk, day)), None)
    if row is None:
        return ScoreStanding(seller, day, assessed=assessed, rulebooks=books)
    rulebook = next(book for book in books if book.version == row.rulebook)
    peers = {each.factor: each for each in _benchmarks(seller.industry_id, day)}
    figures = figures_of(row, rulebook, seller, peers)
    return ScoreStanding(
        seller=seller,
        as_of=day,
        rulebook=rulebook,
        row=row,
        score=score_of(rulebook.content, figures),
        peers=peers,
        assessed=assessed,
        rulebooks=books,
    )


@prepared
def _score(seller_id: int, day: date) -> QuerySet[ServiceScore]:
    return ServiceScore.objects.as_of(day).filter(seller=seller_id).order_by("pk")[:1]


@prepared
def _benchmarks(industry_id: int, day: date) -> QuerySet[PeerBenchmark]:
    rows = PeerBenchmark.objects.as_of(day)
    return rows.filter(industry=industry_id, peers__gte=LEAST_PEERS)


def figures_of(
    row: ScoreFields,
    rulebook: RulebookInForce,
    seller: Seller,
    peers: Mapping[str, PeerBenchmark],
) -> ScoreFigures:
    """Return the counted figures of a stored row, as the explanation takes them."""
    return ScoreFigures.of_row(
        row,
        membership=judged_membership(row, rulebook, seller),
        assessed_star=seller.assessed_star,
        thresholds={key: each.threshold for key, each in peers.items()},
    )


def judged_membership(
    row: ScoreFields | None, rulebook: RulebookInForce | None, seller: Seller
) -> str:
    """Return the membership a stored score was judged by: the bonus, given or forfeited, tells it."""
    if row is None or rulebook is None or not rulebook.content.verified_bonus.points:
        return seller.membership
    return Membership.VERIFIED if row.bonus or row.bonus_forfeited else Membership.BASIC


def newest_assessment(seller: Seller, day: date) -> Assessment | None:
    """Return the newest assessment of a month that ended by `day`, fixed by now (RFQ-18)."""
    fixed = assessments_fixed(seller, page_instant())
    return next((each for each in fixed if each.as_of <= day), None)


# --- History ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PredictedScore:
    """The predicted score as of one published day."""

    as_of: date
    rulebook: str
    total: int


@dataclass(frozen=True)
class ScoreHistory:
    """Predicted scores in order of their day, and assessments, the newest first."""

    as_of: date | None
    predicted: list[PredictedScore]
    assessed: list[Assessment]


def score_history(
    seller: Seller, *, days: int = HISTORY_DAYS, as_of: date | None = None
) -> ScoreHistory:
    """Return the scores of the published days among the last `days`, and the assessments (RFQ-18).

    Of a day nobody published nothing is said.
    """
    newest = score_day(as_of)
    if newest is None:
        return ScoreHistory(None, [], [])
    since = newest - timedelta(days=days - 1)
    published = days_published(JOB, since, newest)
    spans = list(
        ServiceScore.objects.filter(
            seller=seller, valid_from__lte=newest, valid_to__gte=since
        ).values_list("valid_from", "valid_to", "rulebook", "total")
    )
    predicted = [
        PredictedScore(day, rulebook, total)
        for day in published
        for first, last, rulebook, total in spans
        if first <= day <= last
    ]
    fixed = assessments_fixed(seller, page_instant())
    assessed = [each for each in fixed if since <= each.as_of <= newest]
    return ScoreHistory(newest, predicted, assessed)


# --- What the assessed score brings -------------------------------------------------------------


@dataclass(frozen=True)
class MonthlyRight:
    """A part of a month's rights: how much of a kind (none: unlimited), from which Pacific day."""

    kind: str
    amount: int | None
    day: date
    granted: bool


@dataclass(frozen=True)
class MonthRights:
    """What a month's rights come from; without `assessment` its score is not fixed yet.

    `fixes_on` is the Pacific day on which it will be.
    """

    month: date
    fixes_on: date
    assessment: Assessment | None
    parts: tuple[MonthlyRight, ...] = ()


FIX_DAY = 3
"""Day of the month on which the score of the month before is fixed (RFQ-18)."""


def rights_of_month(
    seller: Seller, rulebooks: tuple[RulebookInForce, ...], today: date
) -> MonthRights:
    """Return what last month's assessed score brings this month, and when (RFQ-10, RFQ-18)."""
    month = today.replace(day=1)
    fixes_on = month.replace(day=FIX_DAY)
    last_day = month - timedelta(days=1)
    fixed = assessments_fixed(seller, page_instant())
    assessment = next((each for each in fixed if each.as_of == last_day), None)
    if assessment is None:
        return MonthRights(month, fixes_on, None)
    rules = next(book.content for book in rulebooks if book.version == assessment.rulebook)
    parts = [
        MonthlyRight(kind, part.amount, month.replace(day=part.day), part.day <= today.day)
        for kind, amount in assessment.rights().items()
        for part in GrantPart.of(rules, amount)
    ]
    parts.sort(key=lambda part: (part.day, RightKind.values.index(part.kind)))
    return MonthRights(month, fixes_on, assessment, tuple(parts))


# --- What to do first ---------------------------------------------------------------------------

EFFORT: Mapping[str, Decimal] = {
    "login_days": Decimal(1),
    "quotes": Decimal(1),
    "response_rate": Decimal(1),
    "reply_rate": Decimal(3),
    "gmv": Decimal("0.02"),
}
"""Roughly what one more costs, in quotes: a reply takes about three, USD 50 received about one.

It only orders advice; no number shown depends on it.
"""
LEAST_EFFORT: Mapping[str, Decimal] = {"gmv": Decimal(10)}
"""An order takes its effort however little is missing."""


def best_steps(score: Score) -> list[str]:
    """Return the factors with a next step, the most points for the least effort first (RFQ-19)."""
    costs = {}
    for each in score.factors:
        if each.next is not None and each.next.needed is not None:
            effort = EFFORT[each.key] * Decimal(each.next.needed)
            costs[each.key] = max(effort, LEAST_EFFORT.get(each.key, effort)) / each.next.gain
    return sorted(costs, key=lambda key: costs[key])
