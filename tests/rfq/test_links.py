"""Which orders link to which quotes (RFQ-17)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection

from portal import platform_time
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Order, Seller
from portal.scoping import seller_scope, unscoped
from rfq.models import OrderLink, Quote
from rfq.orders.links_sql import links_sql
from rfq.services.links import (
    linked,
    order_link,
    quote_fits,
    quotes_of,
    with_quote,
)
from tests.rfq import world
from tests.rfq.world import buyer_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-17")]

AT = platform_time.parse_instant("2022-08-02T10:00:00-07:00")


def order_create(seller: Seller, buyer: Any, **over: Any) -> Order:
    return world.order_create(**{"seller": seller, "buyer": buyer, "created_at": AT} | over)


def quote_at(seller: Seller, at: Any, buyer: Any, **over: Any) -> Quote:
    rfq = rfq_create(buyer=buyer, posted_at=at - timedelta(hours=1))
    return quote_create(seller=seller, rfq=rfq, submitted_at=at, **over)


def links_by_sql(order: Order) -> bool:
    sql = f"SELECT COUNT(*) FROM portal_order o WHERE o.id = %(pk)s AND {links_sql('o')}"
    with connection.cursor() as cursor:
        cursor.execute(sql, {"pk": order.pk, "known": platform_time.now()})
        return bool(cursor.fetchone()[0])


SECOND = timedelta(seconds=1)
YEARS_LATER = platform_time.years_later(AT, 3)


@pytest.mark.parametrize(
    ("quoted_at", "ordered_at", "fits"),
    [
        (AT, AT, True),
        (AT, AT - SECOND, False),
        (AT, YEARS_LATER, True),
        (AT, YEARS_LATER + SECOND, False),
        # Three years after a leap day.
        (platform_time.parse_instant("2020-02-29T12:00:00-08:00"), AT, True),
    ],
)
def test_an_order_links_within_the_three_years_after_a_quote(
    shop: Seller, clock: Any, quoted_at: Any, ordered_at: Any, fits: bool
) -> None:
    clock("2026-01-01T00:00:00-08:00")
    buyer = buyer_create()
    quote = quote_at(shop, quoted_at, buyer)
    order = order_create(shop, buyer, created_at=ordered_at)
    assert quote_fits(quote, order) is fits
    assert links_by_sql(order) is fits
    with unscoped():
        assert linked(Order.objects.all()).exists() is fits


def test_only_this_sellers_quotes_to_this_buyer_link(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    buyer, somebody = buyer_create(), buyer_create()
    earlier = AT - timedelta(days=1)
    strangers = [
        quote_at(other_shop, earlier, buyer),
        quote_at(shop, earlier, somebody),
        quote_at(shop, earlier, buyer, refunded_at=AT),
    ]
    order = order_create(shop, buyer)
    assert not any(quote_fits(one, order) for one in strangers)
    assert not links_by_sql(order)
    with unscoped():
        assert not linked(Order.objects.all()).exists()
    # A withdrawn quote was a quote all the same, and repeat orders link too.
    quote_at(shop, earlier, buyer, withdrawn_at=AT)
    again = order_create(shop, buyer)
    assert links_by_sql(order)
    assert links_by_sql(again)
    with unscoped():
        assert set(linked(Order.objects.all())) == {order, again}


def test_a_refund_of_later_still_links_as_of_an_earlier_day(shop: Seller, clock: Any) -> None:
    buyer = buyer_create()
    quote_at(shop, AT, buyer, refunded_at=platform_time.now() + timedelta(days=1))
    assert links_by_sql(order_create(shop, buyer))


def test_the_quote_of_an_order(
    owner: Member, shop: Seller, clock: Any, django_assert_num_queries: Any
) -> None:
    """Named by the seller, else upstream's RFQ, else the newest that fits."""
    buyer = buyer_create()
    first = quote_at(shop, AT - timedelta(days=9), buyer)
    second = quote_at(shop, AT - timedelta(days=5), buyer)
    third = quote_at(shop, AT - timedelta(days=1), buyer)
    quote_at(shop, AT + timedelta(hours=1), buyer)  # after the order
    plain = order_create(shop, buyer)
    upstream = order_create(shop, buyer, rfq_ref=second.rfq.rfq_id)
    named = order_create(shop, buyer, rfq_ref=second.rfq.rfq_id)
    foreign = order_create(shop, buyer, rfq_ref="of-somebody-else")
    alone = order_create(shop, buyer_create())
    with seller_scope(shop):
        order_link(member=owner, order=named, quote=first)
        with django_assert_num_queries(2):
            rows = list(with_quote(Order.objects.all()))
            found = quotes_of(rows)
    assert found == {plain.pk: third, upstream.pk: second, named.pk: first, foreign.pk: third}
    assert alone.pk not in found
    assert {row.pk for row in rows if row.named_quote_id} == {named.pk}


def test_naming_another_quote_replaces_the_first_and_again_is_once(
    owner: Member, shop: Seller, clock: Any
) -> None:
    buyer = buyer_create()
    quotes = [quote_at(shop, AT - timedelta(days=days), buyer) for days in (1, 2)]
    order = order_create(shop, buyer)
    with seller_scope(shop):
        for quote in (quotes[0], quotes[0], quotes[1]):
            assert order_link(member=owner, order=order, quote=quote).quote == quote
        assert OrderLink.objects.get().quote == quotes[1]
    entries = LogEntry.objects.filter(additional_data__action="order.link").order_by("pk")
    changes = [row.changes["quote"] for row in entries]
    assert changes == [[None, str(quotes[0].pk)], [str(quotes[0].pk), str(quotes[1].pk)]]


def test_a_quote_that_does_not_fit_is_refused(
    owner: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    buyer = buyer_create()
    earlier = AT - timedelta(days=1)
    order = order_create(shop, buyer)
    foreign_order = order_create(other_shop, buyer)
    fits = quote_at(shop, earlier, buyer)
    pairs = [
        (order, quote_at(shop, earlier, buyer_create())),
        (order, quote_at(shop, AT + SECOND, buyer)),
        (order, quote_at(shop, earlier, buyer, refunded_at=AT)),
        (order, quote_at(other_shop, earlier, buyer)),
        (foreign_order, fits),
        (foreign_order, quote_at(other_shop, earlier, buyer)),
    ]
    with seller_scope(shop):
        for one, quote in pairs:
            with pytest.raises(Refusal) as refused:
                order_link(member=owner, order=one, quote=quote)
            assert refused.value.code == "quote_does_not_fit"
    with unscoped():
        assert not OrderLink.objects.exists()


def test_a_viewer_cannot_link(viewer: Member, shop: Seller, clock: Any) -> None:
    buyer = buyer_create()
    quote = quote_at(shop, AT, buyer)
    with seller_scope(shop):
        with pytest.raises(NotAllowed):
            order_link(member=viewer, order=order_create(shop, buyer), quote=quote)
        assert not OrderLink.objects.exists()
