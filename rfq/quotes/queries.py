"""The shop's own quotes as its pages list them: filters, tabs and what goes with each row (RFQ-12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.country_names import country_name
from portal.filters import PeriodFilterSet
from portal.models import Member, Order, Seller
from portal.prepared_reads import number_of, prepared, prepared_counts
from portal.services.buyers import badges_shown, buyer_badges, with_badge
from rfq.choices import QuoteStatus, RfqStatus
from rfq.models import FollowUp, Pin, Quote
from rfq.services.follow_ups import WAITING
from rfq.services.links import with_quote
from rfq.services.quote_drafts import drafts_in

ANY_BADGE = "any"
ATTENTION_DAYS = 30
"""Replies, views and follow-ups older than this no longer ask for attention."""
VIEWED_LONG_AGO = timedelta(days=3)
"""A view without a reply for this long is worth a nudge."""
TONES = {
    QuoteStatus.SUBMITTED: "info",
    QuoteStatus.VIEWED: "info",
    QuoteStatus.REPLIED: "accent",
    QuoteStatus.REJECTED: "danger",
    QuoteStatus.ACCEPTED: "ok",
    QuoteStatus.WITHDRAWN: "muted",
}
"""Status → tone of its pill."""
OVER = (RfqStatus.CLOSED, RfqStatus.REMOVED)


def own_quotes(seller: Seller, now: datetime) -> QuerySet[Quote]:
    """Return a shop's quotes that the platform's clock has seen, newest first (K-5)."""
    quotes = Quote.objects.filter(seller=seller, submitted_at__lte=now)
    return quotes.order_by("-submitted_at", "-pk")


# --- Needs attention ----------------------------------------------------------------------------


def needing_attention(seller: Seller, now: datetime) -> QuerySet[Quote]:
    """Return the quotes that wait for the seller, most pressing first (RFQ-12).

    Replied and not followed up since, those of buyers with a badge before the others; then viewed
    three days ago or longer without a reply and not followed up since. Newest first within each.
    """
    day = platform_time.day_of(now)
    badge = with_badge(badges_shown(seller=seller, day=day), day=day)
    rank = Case(
        When(Q(status=QuoteStatus.REPLIED) & badge, then=Value(0)),
        When(status=QuoteStatus.REPLIED, then=Value(1)),
        default=Value(2),
    )
    since = now - timedelta(days=ATTENTION_DAYS)
    waiting = _waiting(seller.pk, now, since, now - VIEWED_LONG_AGO)
    ordered = waiting.annotate(rank=rank, since=Coalesce("replied_at", "viewed_at"))
    return ordered.order_by("rank", "-since", "-pk")


def _waiting(
    seller_id: int, now: datetime, since: datetime, viewed_until: datetime
) -> QuerySet[Quote]:
    viewed = (
        Q(status=QuoteStatus.VIEWED, viewed_at__gte=since, viewed_at__lte=viewed_until)
        & ~Exists(FollowUp.objects.filter(quote=OuterRef("pk"), done_at__gte=OuterRef("viewed_at")))
    )  # fmt: skip
    seen = Quote.objects.filter(seller=seller_id, submitted_at__lte=now)
    asking = seen.filter(_replied(since, now) | viewed, refunded_at__isnull=True)
    return asking.exclude(rfq__status__in=OVER)


def _replied(since: datetime, now: datetime) -> Q:
    """Return the condition: replied between the instants, and not followed up since."""
    followed = FollowUp.objects.filter(quote=OuterRef("pk"), done_at__gte=OuterRef("replied_at"))
    replied = Q(status=QuoteStatus.REPLIED, replied_at__gte=since, replied_at__lte=now)
    return replied & ~Q(Exists(followed))


class Reply(NamedTuple):
    """A quote whose buyer replied and waits."""

    quote: int
    rfq_title: str
    tier: str
    tier_since: date | None


def replies_waiting(seller: Seller, now: datetime, *, limit: int) -> list[Reply]:
    """Return the replied quotes of `needing_attention` in its order, as far as actions need them."""
    day = platform_time.day_of(now)
    tiers = frozenset(badges_shown(seller=seller, day=day))
    since = now - timedelta(days=ATTENTION_DAYS)
    return [Reply(*row) for row in _replies(seller.pk, now, since, day, tiers, limit=limit)]


@prepared
def _replies(
    seller_id: int, now: datetime, since: datetime, day: date, tiers: Collection[str], *, limit: int
) -> QuerySet[Quote, Any]:
    began = Q(buyer__tier_since__isnull=True) | Q(buyer__tier_since__lte=day)
    rank = Case(When(Q(buyer__tier__in=tiers) & began, then=Value(0)), default=Value(1))
    return (
        Quote.objects.filter(
            _replied(since, now),
            seller=seller_id,
            submitted_at__lte=now,
            refunded_at__isnull=True,
        )
        .exclude(rfq__status__in=OVER)
        .annotate(rank=rank)
        .order_by("rank", "-replied_at", "-pk")
        .values_list("pk", "rfq__title", "buyer__tier", "buyer__tier_since")[:limit]
    )


def follow_ups_due(seller: Seller, day: date) -> QuerySet[FollowUp]:
    """Return the open follow-ups of a shop due by a Pacific day, the longest due first (RFQ-25).

    What was due more than `ATTENTION_DAYS` ago is past following up.
    """
    return _due_between(seller.pk, day - timedelta(days=ATTENTION_DAYS), day)


def follow_ups_due_number(seller: Seller, day: date) -> int:
    """Return the number of `follow_ups_due`; one query."""
    ((number,),) = _due_number(seller.pk, day - timedelta(days=ATTENTION_DAYS), day)
    return int(number)


@prepared
def _due_number(seller_id: int, after: date, until: date) -> QuerySet[FollowUp, Any]:
    return number_of(_due_between(seller_id, after, until))


def _due_between(seller_id: int, after: date, until: date) -> QuerySet[FollowUp]:
    return (
        FollowUp.objects.filter(
            seller=seller_id,
            done_at__isnull=True,
            due_on__lte=until,
            due_on__gt=after,
            quote__status__in=WAITING,
            quote__refunded_at__isnull=True,
        )
        .exclude(quote__rfq__status__in=OVER)
        .order_by("due_on", "pk")
    )


# --- Filters ------------------------------------------------------------------------------------


class QuoteFilter(PeriodFilterSet):
    """Quotes by text, status, buyer badge and day of submission."""

    period_field = "submitted_at"

    q = django_filters.CharFilter(
        method="keep_text",
        label=_("RFQ number or title"),
        widget=forms.TextInput(attrs={"class": "form-control", "type": "search"}),
    )
    status = django_filters.ChoiceFilter(
        choices=QuoteStatus.choices,
        label=_("Status"),
        empty_label=_("All"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    badge = django_filters.ChoiceFilter(
        method="keep_badge",
        label=_("Buyer badge"),
        empty_label=_("All"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    class Meta:
        model = Quote
        fields = ["q", "status", "badge"]

    def __init__(self, data: Any, queryset: QuerySet, *, seller: Seller) -> None:
        self.shown = badges_shown(seller=seller, day=platform_time.today())
        super().__init__(data, queryset)
        names = sorted(set(self.shown.values()))
        any_badge = [(ANY_BADGE, _("With a badge"))] if len(names) > 1 else []
        self.filters["badge"].extra["choices"] = any_badge + [(name, name) for name in names]

    def keep_text(self, quotes: QuerySet, _name: str, text: str) -> QuerySet:
        """Keep quotes on RFQs whose number or title holds the text."""
        return quotes.filter(Q(rfq__rfq_id__icontains=text) | Q(rfq__title__icontains=text))

    def keep_badge(self, quotes: QuerySet, _name: str, badge: str) -> QuerySet:
        """Keep quotes to buyers who show a badge (K-11)."""
        wanted = "" if badge == ANY_BADGE else badge
        return quotes.filter(with_badge(self.shown, day=platform_time.today(), badge=wanted))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything was asked: an empty list then has another reason."""
        return any(self.data.get(name) for name in self.filters)


# --- Rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QuoteRow:
    """A quote with what the lists and the export show beside it; the buyer stays unnamed (K-11)."""

    quote: Quote
    badge: str | None
    country: str
    pin: Pin | None
    orders: int

    @property
    def tone(self) -> str:
        """The tone of the status pill."""
        return TONES[QuoteStatus(self.quote.status)]


def quote_rows(seller: Seller, quotes: Iterable[Quote], now: datetime) -> list[QuoteRow]:
    """Return rows for quotes read with their `rfq` and `buyer`; a constant number of queries."""
    quotes = list(quotes)
    badges = buyer_badges(seller=seller, buyers=[quote.buyer for quote in quotes])
    pins = {pin.quote_id: pin for pin in _pins([quote.pk for quote in quotes])}
    orders = orders_by_quote(quotes, now)
    return [
        QuoteRow(
            quote=quote,
            badge=badges[quote.buyer_id],
            country=country_name(quote.buyer.country),
            pin=pins.get(quote.pk),
            orders=len(orders.get(quote.pk, ())),
        )
        for quote in quotes
    ]


@prepared
def _pins(quote_ids: Collection[int]) -> QuerySet[Pin]:
    return Pin.objects.filter(quote__in=quote_ids)


def orders_by_quote(quotes: Sequence[Quote], now: datetime) -> dict[int, list[Order]]:
    """Return the orders linked to each quote, oldest first, by quote primary key; one query (RFQ-17)."""
    found: dict[int, list[Order]] = {}
    if not quotes:
        return found
    since = min(quote.submitted_at for quote in quotes)
    buyers = {quote.buyer_id for quote in quotes}
    wanted = {quote.pk for quote in quotes}
    linked: Any = _linked(quotes[0].seller_id, buyers, since, now)
    for order in linked:
        if order.quote_id in wanted:
            found.setdefault(order.quote_id, []).append(order)
    return found


@prepared
def _linked(
    seller_id: int, buyers: Collection[int], since: datetime, now: datetime
) -> QuerySet[Order]:
    orders = Order.objects.filter(
        created_at__lte=now, created_at__gte=since, seller=seller_id, buyer__in=buyers
    )
    return with_quote(orders, now).order_by("created_at", "pk")


@dataclass(frozen=True)
class TabCounts:
    """How many rows each tab of “My quotes” holds."""

    all: int
    attention: int
    drafts: int
    follow_ups: int


def tab_counts(seller: Seller, member: Member, now: datetime) -> TabCounts:
    """Count the tabs; one query."""
    today = platform_time.day_of(now)
    days = timedelta(days=ATTENTION_DAYS)
    numbers = _in_tabs(
        seller.pk, member.user_id, now, now - days, now - VIEWED_LONG_AGO, today - days, today
    )
    return TabCounts(*numbers)


@prepared_counts
def _in_tabs(  # noqa: PLR0917  values of a prepared read stand by position
    seller_id: int,
    user_id: int,
    now: datetime,
    since: datetime,
    viewed_until: datetime,
    after: date,
    until: date,
) -> list[QuerySet]:
    rows = [
        Quote.objects.filter(seller=seller_id, submitted_at__lte=now),
        _waiting(seller_id, now, since, viewed_until),
        drafts_in(seller_id, user_id),
        _due_between(seller_id, after, until),
    ]
    return [each.order_by().values("pk") for each in rows]
