"""The GMV challenge as its readers see it: months, what counts, what is still missing (RFQ-23)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import OrderChannel
from portal.errors import Refusal
from portal.models import Order, Seller
from portal.platform_time import PACIFIC, start_of
from portal.prepared_reads import prepared
from portal.scoping import seller_scope
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published
from rfq.challenge.schema import CHALLENGE, ChallengeRules, ChallengeTier
from rfq.models import ChallengeEntry
from rfq.services.links import linked

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)
MONTHS_SHOWN = 12


def month_of(text: str) -> date | None:
    """Return the first day of a month written `YYYY-MM`, or none."""
    match = _MONTH.fullmatch(text)
    return date(int(match[1]), int(match[2]), 1) if match else None


def month_now(now: datetime) -> date:
    """Return the first day of the Pacific month an instant lies in."""
    return platform_time.day_of(now).replace(day=1)


def month_after(month: date, count: int = 1) -> date:
    """Return the first day of the month `count` months later (earlier, when negative)."""
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def rules_of(month: date) -> ChallengeRules:
    """Return the rules a month began under; refuses (`not_open`) months without a challenge."""
    try:
        content: ChallengeRules = rulebook_for(CHALLENGE, month).content
    except RulebookMissing:
        raise Refusal("not_open", _("There is no GMV challenge in this month.")) from None
    return content


def first_month() -> date | None:
    """Return the first month that has a challenge, or none while there are no rules."""
    books = rulebooks_published(CHALLENGE)
    first = min((book.effective_from for book in books), default=None)
    if first is None or first.day == 1:
        return first
    return month_after(first.replace(day=1))


# --- What counts --------------------------------------------------------------------------------


def paid_orders(first: date, end: date, now: datetime) -> QuerySet[Order]:
    """Return the orders of the shop in scope that count, as known at `now` (RFQ-23).

    Trade assurance orders linked to a quote and paid from the Pacific day `first` on and before `end`;
    fake trades are left out.
    """
    return _paid_between(start_of(first), start_of(end), now)


def _paid_between(since: datetime, until: datetime, now: datetime) -> QuerySet[Order]:
    orders = Order.objects.filter(
        paid_at__gte=since,
        paid_at__lt=until,
        paid_at__lte=now,
        channel=OrderChannel.TRADE_ASSURANCE,
        fake=False,
    )
    return linked(orders, now)


def gmv_of(seller: Seller, month: date, now: datetime) -> Decimal:
    """Return the USD paid in a Pacific month that count for the challenge; one query (RFQ-23)."""
    with seller_scope(seller):
        total = paid_orders(month, month_after(month), now).aggregate(total=Sum("amount"))["total"]
    return total or Decimal("0.00")


def gmv_by_month(seller: Seller, first: date, last: date, now: datetime) -> dict[date, Decimal]:
    """Return month → USD that count, for the months `first` to `last` with any; one query."""
    with seller_scope(seller):
        rows = _paid_by_month(start_of(first), start_of(month_after(last)), now)
    return {month.date(): total for month, total in rows}


@prepared
def _paid_by_month(since: datetime, until: datetime, now: datetime) -> QuerySet[Order, Any]:
    return (
        _paid_between(since, until, now)
        .annotate(month=TruncMonth("paid_at", tzinfo=PACIFIC))
        .order_by()
        .values_list("month")
        .annotate(total=Sum("amount"))
    )


# --- One month of one shop ----------------------------------------------------------------------


@dataclass(frozen=True)
class ChallengeMonth:
    """Where a shop stands in a month. GMV in USD; `claimed` is none before enrolling."""

    month: date
    rules: ChallengeRules
    gmv: Decimal
    claimed: int | None
    now: datetime

    @property
    def enrolled(self) -> bool:
        """Whether the shop takes part."""
        return self.claimed is not None

    @property
    def tier_reward(self) -> int:
        """Quote rights the GMV earns in all."""
        return self.rules.reward(self.gmv)

    @property
    def claimable(self) -> int:
        """Quote rights a claim would bring now."""
        if self.claimed is None or self.is_closed:
            return 0
        return max(0, self.tier_reward - self.claimed)

    @property
    def ends_at(self) -> datetime:
        """First instant after the month: from then on nothing more counts."""
        return start_of(month_after(self.month))

    @property
    def closes_at(self) -> datetime:
        """First instant at which nothing can be claimed any more."""
        return closes_at(self.month, self.rules)

    @property
    def is_running(self) -> bool:
        """Whether the month is not over."""
        return self.now < self.ends_at

    @property
    def is_closed(self) -> bool:
        """Whether claims are over."""
        return self.now >= self.closes_at

    @property
    def next_tier(self) -> ChallengeTier | None:
        """The lowest tier not reached, while it can be."""
        if not self.is_running:
            return None
        return next((tier for tier in self.rules.tiers if self.gmv < tier.gmv), None)

    @property
    def missing(self) -> Decimal:
        """USD missing for the next tier."""
        return self.next_tier.gmv - self.gmv if self.next_tier else Decimal(0)


def closes_at(month: date, rules: ChallengeRules) -> datetime:
    """Return the first instant at which a month's rights cannot be claimed any more."""
    return start_of(month_after(month) + timedelta(days=rules.claim_until_day))


def challenge_month(seller: Seller, month: date, now: datetime) -> ChallengeMonth:
    """Return where a shop stands in a month (RFQ-23); three queries. Refuses `not_open`."""
    rules = rules_of(month)
    with seller_scope(seller):
        entries = ChallengeEntry.objects.filter(seller=seller, month=month)
        claimed = entries.values_list("claimed", flat=True).first()
    return ChallengeMonth(month, rules, gmv_of(seller, month, now), claimed, now)


def challenge_now(seller: Seller, day: date, now: datetime) -> list[ChallengeMonth]:
    """Return where a shop stands in last month and this one, those that have a challenge (RFQ-23).

    Two queries and the rules.
    """
    this = day.replace(day=1)
    last = month_after(this, -1)
    gmv = gmv_by_month(seller, last, this, now)
    with seller_scope(seller):
        claimed = dict(_claimed((last, this)))
    found = []
    for month in (last, this):
        with suppress(Refusal):
            rules = rules_of(month)
            found.append(
                ChallengeMonth(month, rules, gmv.get(month, Decimal(0)), claimed.get(month), now)
            )
    return found


@prepared
def _claimed(months: Collection[date]) -> QuerySet[ChallengeEntry, tuple[date, int]]:
    return ChallengeEntry.objects.filter(month__in=months).values_list("month", "claimed")


@dataclass(frozen=True)
class PastMonth:
    """A month that is over, in the list of months."""

    month: date
    gmv: Decimal
    claimed: int | None


def past_months(seller: Seller, before: date, now: datetime) -> Sequence[PastMonth]:
    """Return the last year's months before `before` with trade or part in it, newest first.

    Three queries; months before the first challenge are left out.
    """
    first = max(first_month() or before, month_after(before, -MONTHS_SHOWN))
    gmv = gmv_by_month(seller, first, month_after(before, -1), now)
    with seller_scope(seller):
        entries = ChallengeEntry.objects.filter(month__gte=first, month__lt=before)
        claimed = dict(entries.values_list("month", "claimed"))
    return [
        PastMonth(month, gmv.get(month, Decimal(0)), claimed.get(month))
        for month in sorted({*gmv, *claimed}, reverse=True)
    ]
