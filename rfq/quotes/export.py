"""The list of quotes as a file (RFQ-6): what the page shows, row by row, read while it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from portal.models import Seller
from portal.scoping import seller_scope
from rfq.quotes.queries import QuoteRow, quote_rows

CHUNK = 500
HEADER = (
    "quote", "rfq", "title", "category", "buyer_badge", "buyer_country", "status", "unit_price",
    "currency", "moq", "lead_time_days", "ship_from", "sample_offered", "valid_until", "posted_at",
    "submitted_at", "response_hours", "viewed_at", "replied_at", "rejected_at", "accepted_at",
    "withdrawn_at", "pin_place", "orders",
)  # fmt: skip


def export_rows(seller: Seller, quotes: QuerySet, now: datetime) -> Iterator[list[Any]]:
    """Yield the header and one row per quote, in the order of the queryset.

    Reads `CHUNK` quotes at a time with a constant number of queries; instants are ISO 8601
    with offset. A response is streamed when the request's scope is left already, so each chunk
    enters the shop's own.
    """
    yield list(HEADER)
    quotes = quotes.select_related("rfq__category", "buyer")
    keys = list(quotes.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        with seller_scope(seller):
            found = quotes.in_bulk(keys[start : start + CHUNK])
            chunk = [found[key] for key in keys[start : start + CHUNK] if key in found]
            cells = [_cells(row) for row in quote_rows(seller, chunk, now)]
        yield from cells


def _cells(row: QuoteRow) -> list[Any]:
    quote = row.quote
    cells = {
        "quote": quote.pk,
        "rfq": quote.rfq.rfq_id,
        "title": quote.rfq.title,
        "category": quote.rfq.category.code,
        "buyer_badge": row.badge,
        "buyer_country": quote.buyer.country,
        "status": quote.status,
        "unit_price": f"{quote.unit_price.normalize():f}",
        "currency": quote.currency,
        "moq": quote.moq,
        "lead_time_days": quote.lead_time_days,
        "ship_from": quote.ship_from,
        "sample_offered": int(quote.sample_offered),
        "valid_until": quote.valid_until,
        "posted_at": quote.rfq.posted_at,
        "response_hours": f"{Decimal(quote.response_seconds) / 3600:.2f}",
        "pin_place": row.pin.slot if row.pin and row.pin.released_at is None else None,
        "orders": row.orders,
    }
    return [_text(cells[name] if name in cells else getattr(quote, name)) for name in HEADER]


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
