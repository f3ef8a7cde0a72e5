"""What a shop is shown of its stars: powers, explanation, assessments, core tasks (GRO-2, GRO-12 … GRO-14).

The night stores points; `growth.stars.rules` explains them from the metric values of the same day. Both decide
the same, so what is shown is the explanation of the stored row, never a star of its own. Every function
runs a constant number of queries inside the shop's scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from django.db.models import QuerySet

from growth.guide.reading import guide_reading
from growth.models import StarAssessment, StarStanding
from growth.nightly.assess import ASSESSED_ON, first_edition_of_guide
from growth.shop_values import shop_values
from growth.stars.metrics import STARS
from growth.stars.rules import StarResult, Values, star_result
from growth.stars.schema import STAR, StarRules, industry_names
from growth.tasks.reading import TaskProgress
from portal import platform_time
from portal.metrics import metric_empty
from portal.models import Seller
from portal.nightly.published import days_published, published_day
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.services.rulebooks import RulebookInForce, rulebooks_published
from portal.services.shops import STAR_FROM_UPSTREAM
from portal.shop_flags import flags_of

HISTORY_DAYS = 180


@dataclass(frozen=True)
class StarReading:
    """A shop's predicted stars as of a published day; `result` is none while there are no figures.

    `from_upstream`: upstream names the shop's assessed star itself. `core` are the core tasks of a shop
    whose star waits for them, else nothing.
    """

    seller: Seller
    as_of: date | None = None
    rulebook: RulebookInForce | None = None
    row: StarStanding | None = None
    result: StarResult | None = None
    from_upstream: bool = False
    core: Sequence[TaskProgress] = ()
    rulebooks: tuple[RulebookInForce, ...] = ()
    """Every published rulebook of stars."""

    @property
    def rules(self) -> StarRules | None:
        """The rules that judged the figures."""
        return self.rulebook.content if self.rulebook else None

    @cached_property
    def assessed(self) -> StarAssessment | None:
        """The newest assessment as of a day up to `as_of`; read when it is asked for."""
        return newest_assessment(self.seller, self.as_of) if self.as_of else None

    @cached_property
    def assessed_star(self) -> int:
        """The assessed star as of the day of the figures; that of now where there are none."""
        return (
            assessed_star_at(self.seller, self.as_of) if self.as_of else self.seller.assessed_star
        )

    @property
    def awaits_core_tasks(self) -> bool:
        """Tell whether the star stays 0 until all core tasks have been done (GRO-2)."""
        return bool(self.core)


def star_day(wanted: date | None = None) -> date | None:
    """Return the newest published day of stars, at or before `wanted` (T+2, K-2)."""
    return published_day(STARS, wanted)


@read_once
def star_reading(seller: Seller, as_of: date | None = None) -> StarReading:
    """Return the newest published stars of a shop at or before `as_of` (GRO-12 … GRO-14)."""
    books = tuple(rulebooks_published(STAR))
    day = star_day(as_of)
    if day is None:
        return StarReading(seller, from_upstream=named_by_upstream(seller), rulebooks=books)
    row = next(iter(_standing(seller.pk, day)), None)
    rulebook = next((book for book in books if row and book.version == row.rulebook), None)
    result = None
    if rulebook is not None:
        values = star_values(seller, [rulebook.content], day)
        result = star_result(rulebook.content, industry=industry_of(seller), values=values)
    return StarReading(
        seller=seller,
        as_of=day,
        rulebook=rulebook,
        row=row,
        result=result,
        from_upstream=named_by_upstream(seller),
        core=_core_tasks(seller, day),
        rulebooks=books,
    )


@prepared
def _standing(seller_id: int, day: date) -> QuerySet[StarStanding]:
    return StarStanding.objects.as_of(day).filter(seller=seller_id).order_by("pk")[:1]


def industry_of(seller: Seller) -> frozenset[str]:
    """Return the names by which rulebooks know a shop's industry."""
    root = seller.industry
    return industry_names(root.code, root.name_en, root.name_zh)


def star_values(seller: Seller, rules: Iterable[StarRules], day: date) -> Values:
    """Return every metric that some of the rules read, as of a day; one query."""
    keys = {key for each in rules for key in each.metrics()}
    found = shop_values(seller, keys, day)
    return {key: found.get(key, metric_empty(key)) for key in keys}


def newest_assessment(seller: Seller, day: date) -> StarAssessment | None:
    """Return the newest assessment as of a day up to `day`, fixed by now."""
    return (
        StarAssessment.objects.filter(
            seller=seller, as_of__lte=day, fixed_at__lte=platform_time.now()
        )
        .order_by("-month")
        .first()
    )


def assessed_star_at(seller: Seller, day: date) -> int:
    """Return a shop's assessed star with what was assessed as of a day or earlier; one query.

    The shop's column has the star of now. What a later assessment replaced is that of the one before;
    shops of which none is known had no star.
    """
    ours = StarAssessment.objects.filter(
        seller=seller, applied=True, fixed_at__lte=platform_time.now()
    )
    stars = dict(ours.order_by("as_of").values_list("as_of", "star"))
    if not any(as_of > day for as_of in stars):
        return seller.assessed_star
    return next((star for as_of, star in reversed(stars.items()) if as_of <= day), 0)


def named_by_upstream(seller: Seller) -> bool:
    """Tell whether upstream names the shop's assessed star, so that ours does not take effect."""
    return STAR_FROM_UPSTREAM in flags_of(seller.pk, platform_time.today())


def next_assessment_on(today: date) -> date:
    """Return the day of the next assessment, today included."""
    this = today.replace(day=ASSESSED_ON)
    return this if today <= this else (this + timedelta(days=31)).replace(day=ASSESSED_ON)


def _core_tasks(seller: Seller, day: date) -> Sequence[TaskProgress]:
    """Return the core tasks of a shop that has never had all of them done, else nothing (GRO-2)."""
    opened = seller.opened_on
    if opened is None or not first_edition_of_guide() <= opened <= day:
        return ()
    guide = guide_reading(seller, day)
    if guide.standing is None or guide.standing.core_done_on is not None:
        return ()
    return guide.core


# --- History ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PredictedStars:
    """The predicted star and the powers as of one published day."""

    as_of: date
    rulebook: str
    star: int
    trade: Decimal
    product: Decimal
    marketing: Decimal
    guarantee: Decimal


@dataclass(frozen=True)
class StarHistory:
    """Predicted stars in order of their day, and assessments, the newest first."""

    as_of: date | None
    predicted: list[PredictedStars]
    assessed: list[StarAssessment]


def star_history(
    seller: Seller, *, days: int = HISTORY_DAYS, as_of: date | None = None
) -> StarHistory:
    """Return the stars of the published days among the last `days`, and the assessments (GRO-12)."""
    newest = star_day(as_of)
    if newest is None:
        return StarHistory(None, [], [])
    since = newest - timedelta(days=days - 1)
    published = days_published(STARS, since, newest)
    spans = list(
        StarStanding.objects.filter(seller=seller, valid_from__lte=newest, valid_to__gte=since)
    )
    predicted = [
        PredictedStars(
            as_of=day,
            rulebook=row.rulebook,
            star=row.star,
            trade=row.trade,
            product=row.product,
            marketing=row.marketing,
            guarantee=row.guarantee,
        )
        for day in published
        for row in spans
        if row.valid_from <= day <= row.valid_to
    ]
    assessed = StarAssessment.objects.filter(
        seller=seller, as_of__gte=since, as_of__lte=newest, fixed_at__lte=platform_time.now()
    ).order_by("-month")
    return StarHistory(newest, predicted, list(assessed))
