"""Orders that came from RFQ, and whether each counts: what the page and the API show (RFQ-17)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.choices import OrderChannel
from portal.models import Order
from rfq.models import Quote
from rfq.services.links import linked, quotes_of, with_quote

REASONS = {
    "fake_trade": _("Judged a fake trade"),
    "before_quote": _("Ordered before your first quote to this buyer"),
    "over_3_years": _("More than 3 years after your last quote to this buyer"),
    "refunded": _("The RFQ was removed and its rights given back"),
    "unpaid": _("Not paid yet"),
}
"""Why an order does not count, by code."""
SHOWN = ("all", "counting", "not_counting")


@dataclass(frozen=True)
class LinkedOrder:
    """An order to a buyer the shop has quoted. Amounts in USD.

    `quote` is what it belongs to, `named` whether the seller said so; `reason` (of `REASONS`) is why
    it counts for nothing. `paid` and `received` are none until then.
    """

    order: Order
    quote: Quote | None
    named: bool
    reason: str
    paid: Decimal | None
    received: Decimal | None

    @property
    def counts(self) -> bool:
        """Whether it is RFQ trade."""
        return not self.reason

    @property
    def paid_at(self) -> datetime | None:
        """When it was paid, once it is."""
        return self.order.paid_at if self.paid is not None else None

    @property
    def reason_code(self) -> str | None:
        """Why it does not count, for programs."""
        return self.reason or None

    @property
    def reason_text(self) -> str:
        """Why it does not count, for the reader."""
        return str(REASONS[self.reason]) if self.reason else ""

    @property
    def in_challenge(self) -> bool:
        """Whether it counts for the GMV challenge of the month it was paid in, too (RFQ-23)."""
        return self.counts and self.order.channel == OrderChannel.TRADE_ASSURANCE


def rfq_orders(now: datetime) -> QuerySet[Order]:
    """Return the orders of the shop in scope by buyers it has quoted, ready for `order_rows`."""
    quoted = Quote.objects.filter(
        seller=OuterRef("seller"), buyer=OuterRef("buyer"), submitted_at__lte=now
    )
    before = quoted.filter(submitted_at__lte=OuterRef("created_at"))
    known = Q(refunded_at__isnull=True) | Q(refunded_at__gt=now)
    orders = Order.objects.filter(Exists(quoted), created_at__lte=now).select_related("buyer")
    return with_quote(orders, now).annotate(
        quoted_before=Exists(before), refunded_before=Exists(before.exclude(known))
    )


def shown(orders: QuerySet[Order], which: str, now: datetime) -> QuerySet[Order]:
    """Keep `all` orders, those `counting` or those `not_counting`."""
    if which not in SHOWN[1:]:
        return orders
    counting = linked(Order.objects.filter(fake=False, paid_at__lte=now), now).values("pk")
    return orders.filter(pk__in=counting) if which == SHOWN[1] else orders.exclude(pk__in=counting)


def order_rows(orders: Iterable[Any], now: datetime) -> list[LinkedOrder]:
    """Return orders of `rfq_orders` with what is shown of them; one query."""
    orders = list(orders)
    quotes = quotes_of(orders)
    return [
        LinkedOrder(
            order=order,
            quote=quotes.get(order.pk),
            named=order.named_quote_id is not None,
            reason=_reason(order, now),
            paid=order.amount if _happened(order.paid_at, now) else None,
            received=order.received if _happened(order.received_at, now) else None,
        )
        for order in orders
    ]


def _reason(order: Any, now: datetime) -> str:
    if order.fake:
        return "fake_trade"
    if order.quote_id is None:
        if not order.quoted_before:
            return "before_quote"
        return "refunded" if order.refunded_before else "over_3_years"
    return "" if _happened(order.paid_at, now) else "unpaid"


def _happened(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now
