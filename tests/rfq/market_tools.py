"""What tests of the market share: RFQs with their words, and reading pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from portal import platform_time
from portal.models import Seller
from portal.scoping import seller_scope
from rfq.market.queries import MarketPage, MarketQuery, market_page, read_market_query
from rfq.models import Rfq
from rfq.services.rfq_words import words_write
from tests.rfq.world import rfq_create


def listed(rfq_id: str, **over: Any) -> Rfq:
    """Make an RFQ that can be searched; listed when posted."""
    rfq = rfq_create(rfq_id=rfq_id, **over)
    if "listed_at" not in over:
        Rfq.objects.filter(pk=rfq.pk).update(listed_at=rfq.posted_at)
        rfq.listed_at = rfq.posted_at
    words_write([rfq.pk])
    return rfq


def asked(query: str) -> MarketQuery:
    """Read a query string that has no errors."""
    parsed = read_market_query(dict(parse_qsl(query, strict_parsing=bool(query))))
    assert not parsed.errors, parsed.errors
    return parsed


def page_of(
    query: str, seller: Seller, *, now: datetime | None = None, **options: Any
) -> MarketPage:
    """Return one page as the seller's people see it."""
    with seller_scope(seller):
        return market_page(asked(query), seller, now or platform_time.now(), **options)


def found(query: str, seller: Seller, **options: Any) -> list[str]:
    """Return the ids of all pages of a search, read forwards."""
    options = {"size": 3} | options
    page = page_of(query, seller, **options)
    ids = [rfq.rfq_id for rfq in page.rfqs]
    while page.next_cursor:
        page = page_of(query, seller, cursor=page.next_cursor, **options)
        ids += [rfq.rfq_id for rfq in page.rfqs]
    return ids
