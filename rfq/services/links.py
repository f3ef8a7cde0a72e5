"""Which orders come from which quotes (RFQ-17, decision 0018).

An order links to a quote when the seller quoted its buyer in the three years before it. The night asks
by `rfq.orders.links_sql`, pages by `linked` and `with_quote`, writing by `quote_fits`; tests hold them equal. An `OrderLink` only names *which* of the fitting quotes an order belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Order
from portal.services import audit
from rfq.models import OrderLink, Quote

# --- The condition ------------------------------------------------------------------------------


def quote_fits(quote: Quote, order: Order) -> bool:
    """Tell whether an order links to a quote (RFQ-17): same seller and buyer, within three years."""
    return (
        (quote.seller_id, quote.buyer_id) == (order.seller_id, order.buyer_id)
        and quote.submitted_at <= order.created_at <= quote.links_until
        and quote.refunded_at is None
    )


def _fitting(now: datetime) -> QuerySet[Quote]:
    """Return the quotes that fit the order of an outer query, newest first."""
    return Quote.objects.filter(
        Q(refunded_at__isnull=True) | Q(refunded_at__gt=now),
        seller=OuterRef("seller"),
        buyer=OuterRef("buyer"),
        submitted_at__lte=OuterRef("created_at"),
        links_until__gte=OuterRef("created_at"),
    ).order_by("-submitted_at", "-pk")


def linked(orders: QuerySet[Order], now: datetime | None = None) -> QuerySet[Order]:
    """Keep the orders linked to a quote, in the scope of the orders (RFQ-17)."""
    return orders.filter(Exists(_fitting(now or platform_time.now())))


def with_quote(orders: QuerySet[Order], now: datetime | None = None) -> QuerySet[Order]:
    """Annotate orders with `quote_id`, the quote each belongs to, and `named_quote_id` (RFQ-17).

    The quote the seller named; else the one on the RFQ upstream names with the order; else the
    newest that fits. None when no quote fits.
    """
    fitting = _fitting(now or platform_time.now())
    named = fitting.filter(order_links__order=OuterRef("pk"))
    upstream = fitting.filter(rfq__rfq_id=OuterRef("rfq_ref"))
    return orders.annotate(
        named_quote_id=Subquery(named.values("pk")[:1]),
        quote_id=Coalesce(
            F("named_quote_id"),
            Subquery(upstream.values("pk")[:1]),
            Subquery(fitting.values("pk")[:1]),
        ),
    )


def quotes_of(orders: Iterable[Any]) -> dict[int, Quote]:
    """Return quote by order primary key for orders of `with_quote`, their RFQs read along; one query."""
    wanted = {order.pk: order.quote_id for order in orders if order.quote_id is not None}
    found = Quote.objects.select_related("rfq").in_bulk(set(wanted.values()))
    return {pk: found[quote_id] for pk, quote_id in wanted.items() if quote_id in found}


# --- By the buyer's e-mail ----------------------------------------------------------------------

TRIES, TRIES_WITHIN_SECONDS = 10, 600
QUOTES_OFFERED = 50


class TooManyTries(Refusal):
    """Too many e-mails typed in a short time (429)."""

    http_status = 429
    retry_after = TRIES_WITHIN_SECONDS

    def __init__(self) -> None:
        super().__init__("too_many_tries", _("Too many tries. Wait ten minutes, then try again."))


def quotes_by_email(*, member: Member, order: Order, email: str) -> list[Quote]:
    """Return the shop's quotes that fit an order, newest first, to who knows its buyer's e-mail (RFQ-17).

    The e-mail is never shown. A wrong one, one of another buyer and a buyer without a fitting quote all
    answer nothing. Raises `TooManyTries` after ten tries in ten minutes.
    """
    if not _may_try(member):
        raise TooManyTries
    known = order.buyer.email.casefold()
    if not known or not constant_time_compare(known, email.strip().casefold()):
        return []
    return fitting_quotes(order)


def fitting_quotes(order: Order) -> list[Quote]:
    """Return the newest quotes of the scope's shop that fit an order, their RFQs read along; one query."""
    quotes = Quote.objects.filter(
        seller=order.seller_id,
        buyer=order.buyer_id,
        submitted_at__lte=order.created_at,
        links_until__gte=order.created_at,
        refunded_at__isnull=True,
    )
    return list(quotes.select_related("rfq").order_by("-submitted_at", "-pk")[:QUOTES_OFFERED])


def _may_try(member: Member) -> bool:
    key = f"rfq-order-email:{member.pk}"
    try:
        cache.add(key, 0, TRIES_WITHIN_SECONDS)
        return cache.incr(key) <= TRIES
    except ValueError:
        # The count ran out between the two calls.
        return True


# --- Naming the quote ---------------------------------------------------------------------------


@transaction.atomic
def order_link(*, member: Member, order: Order, quote: Quote) -> OrderLink:
    """Say that an order of the shop belongs to one of its quotes; again changes nothing (RFQ-17).

    Refuses (`quote_does_not_fit`) a quote to another buyer, one made after the order or more than
    three years before it, one whose rights were given back, and anything of another shop.
    """
    if not member.can(Action.QUOTE):
        raise NotAllowed(_("Your role does not allow you to link orders."))
    if order.seller_id != member.seller_id or not quote_fits(quote, order):
        raise Refusal(
            "quote_does_not_fit",
            _(
                "This quote does not fit: it must be to the buyer of the order, in the 3 years before."
            ),
        )
    fields = {"quote": quote, "linked_at": platform_time.now(), "linked_by": member.user}
    link, created = OrderLink.objects.get_or_create(order=order, defaults=fields)
    if not created:
        link = OrderLink.objects.select_for_update().get(pk=link.pk)
    before = None if created else link.quote_id
    if before == quote.pk:
        return link
    if not created:
        OrderLink.objects.filter(pk=link.pk).update(**fields)
        link.refresh_from_db()
    audit.record(
        action="order.link",
        actor=member.user,
        obj=order,
        before={"quote": before},
        after={"quote": quote.pk},
    )
    return link
