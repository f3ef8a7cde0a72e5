"""What a seller sees of each RFQ of a list: places left, the buyer, its own state, why not (RFQ-2, RFQ-8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from portal import platform_time
from portal.country_names import country_name
from portal.errors import Refusal
from portal.models import Seller, User
from portal.prepared_reads import prepared
from portal.scoping import seller_scope
from portal.services.buyers import buyer_badges
from rfq.choices import Grade, ReportStatus, RfqStatus
from rfq.market.access import QuotingStanding, quoting_standing, refusal_for
from rfq.market.response_clock import ResponseClock, response_clock, response_factor
from rfq.models import Quote, QuoteDraft, Rfq, SpamReport
from rfq.models.quotes import LIVE
from rfq.services.pins import pins_left


@dataclass
class MarketRow:
    """An RFQ as one seller sees it at an instant."""

    rfq: Rfq
    now: datetime
    badge: str | None
    country: str
    seats_left: int
    pins_left: int
    refusal: Refusal | None
    clock: ResponseClock
    quote: Quote | None = None
    drafted: bool = False
    invited: bool = False
    reported: bool = False

    @property
    def can_quote(self) -> bool:
        """Whether the shop could quote now."""
        return self.refusal is None

    @property
    def state(self) -> str:
        """Status at the instant."""
        return self.rfq.state(self.now)

    @property
    def state_name(self) -> str:
        """The status in words."""
        return str(RfqStatus(self.state).label)

    @property
    def removed(self) -> bool:
        """Whether the platform took it down: its text is shown to nobody (RFQ-24)."""
        return self.rfq.status == RfqStatus.REMOVED

    @property
    def early_access(self) -> bool:
        """Whether only early access may quote it for now (RFQ-4)."""
        return self.rfq.grade == Grade.SILVER and self.now < self.rfq.opens_to_all_at


def market_rows(
    rfqs: Sequence[Rfq],
    seller: Seller,
    now: datetime,
    *,
    user: User | None = None,
    standing: QuotingStanding | None = None,
) -> list[MarketRow]:
    """Return a row for each RFQ, in order; a constant number of queries (RFQ-2).

    The RFQs come with their `buyer`. `user` is whose drafts count. Of other shops only numbers show.
    """
    rfqs = list(rfqs)
    if standing is None:
        standing = quoting_standing(seller=seller, rfqs=rfqs, now=now)
    day = platform_time.day_of(now)
    badges = buyer_badges(seller=seller, buyers=[rfq.buyer for rfq in rfqs], day=day)
    pins = pins_left(rfqs)
    factor = response_factor(day)
    keys = [rfq.pk for rfq in rfqs]
    with seller_scope(seller):
        quotes = {quote.rfq_id: quote for quote in _quotes(keys)}
        drafted = set(_drafted(user.pk, keys)) if user else set()
        reported = set(_reported(keys))
    return [
        MarketRow(
            rfq=rfq,
            now=now,
            badge=badges[rfq.buyer.pk],
            country=country_name(rfq.buyer.country),
            seats_left=rfq.seats_left,
            pins_left=pins[rfq.pk],
            refusal=refusal_for(rfq, standing, now),
            clock=response_clock(posted_at=rfq.posted_at, now=now, factor=factor),
            quote=quotes.get(rfq.pk),
            drafted=rfq.pk in drafted,
            invited=rfq.pk in standing.invited,
            reported=rfq.pk in reported,
        )
        for rfq in rfqs
    ]


@prepared
def _quotes(rfq_ids: Collection[int]) -> QuerySet[Quote]:
    return Quote.objects.filter(LIVE, rfq__in=rfq_ids).order_by()


@prepared
def _drafted(user_id: int, rfq_ids: Collection[int]) -> QuerySet[QuoteDraft, int]:
    drafts = QuoteDraft.objects.filter(user=user_id, rfq__in=rfq_ids)
    return drafts.order_by().values_list("rfq_id", flat=True)


@prepared
def _reported(rfq_ids: Collection[int]) -> QuerySet[SpamReport, int]:
    reports = SpamReport.objects.filter(rfq__in=rfq_ids, status=ReportStatus.OPEN)
    return reports.order_by().values_list("rfq_id", flat=True)
