"""Rows of the RFQ module for tests: each function fills in what the test does not care about."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portal import platform_time
from portal.models import Buyer, Category, Order, Seller, StoredFile
from portal.scoping import unscoped
from rfq.choices import QuoteOrigin, QuoteStatus, RightKind
from rfq.models import Assessment, Quote, Rfq, RfqInvitation, RightEntry, RightLot
from rfq.services.quotes import response_seconds

_numbers = itertools.count(1)


def buyer_create(**over: Any) -> Buyer:
    """Make a buyer from the US."""
    number = next(_numbers)
    return Buyer.objects.create(
        **{"buyer_id": f"B-{number}", "country": "US", "tier": "L1"} | over  # type: ignore[arg-type]
    )


def rfq_create(**over: Any) -> Rfq:
    """Make an open standard RFQ, posted an hour ago and open for 30 days; needs `categories`."""
    number = next(_numbers)
    posted_at = over.get("posted_at") or platform_time.now() - timedelta(hours=1)
    fields: dict[str, Any] = {
        "rfq_id": f"R-{number}",
        "title": "500 sets of 48V e-bike conversion kits",
        "quantity": Decimal(500),
        "unit": "set",
        "posted_at": posted_at,
        "expires_at": posted_at + timedelta(days=30),
        "opens_to_all_at": posted_at,
    } | over
    fields.setdefault("buyer", None)
    fields["buyer"] = fields["buyer"] or buyer_create()
    if "category" not in fields:
        fields["category"] = Category.objects.get(code="e-bike-kits")
    return Rfq.objects.create(**fields)


def quote_create(**over: Any) -> Quote:
    """Make a quote of `seller` (needed) on `rfq` (a new one) and take its seat, unless withdrawn."""
    rfq: Rfq = over.pop("rfq", None) or rfq_create()
    submitted_at = over.get("submitted_at") or rfq.posted_at + timedelta(minutes=30)
    fields: dict[str, Any] = {
        "rfq": rfq,
        "buyer": rfq.buyer,
        "origin": QuoteOrigin.PORTAL,
        "unit_price": Decimal("12.5"),
        "submitted_at": submitted_at,
        "response_seconds": response_seconds(rfq.posted_at, submitted_at),
        "links_until": platform_time.years_later(submitted_at, 3),
    } | over
    if fields.get("withdrawn_at"):
        fields.setdefault("status", QuoteStatus.WITHDRAWN)
    with unscoped():
        quote = Quote.objects.create(**fields)
    if quote.withdrawn_at is None:
        rfq.quoted += 1
        rfq.save(update_fields=["quoted"])
    return quote


def lot_create(**over: Any) -> RightLot:
    """Grant `seller` (needed) ten quote rights for 30 days, with their line in the ledger."""
    now = platform_time.now()
    fields: dict[str, Any] = {
        "kind": RightKind.QUOTE,
        "source": "staff",
        "amount": 10,
        "granted_at": now - timedelta(days=1),
        "expires_at": now + timedelta(days=30),
        "key": f"lot-{next(_numbers)}",
    } | over
    fields.setdefault("left", fields["amount"])
    with unscoped():
        lot = RightLot.objects.create(**fields)
        RightEntry.objects.create(
            lot=lot,
            seller=lot.seller,
            kind=lot.kind,
            source=lot.source,
            delta=lot.amount,
            at=lot.granted_at,
            expires_at=lot.expires_at,
            key=f"grant:{lot.key}",
        )
    return lot


def rights_create(seller: Seller, **amounts: int | None) -> None:
    """Grant several kinds at once: `rights_create(shop, quote=10, gold=4, pin=None)`; None is unlimited."""
    for kind, amount in amounts.items():
        if amount != 0:
            lot_create(seller=seller, kind=kind, amount=amount)


def invitation_create(rfq: Rfq, seller: Seller) -> RfqInvitation:
    """Put a seller on the invitation list of an RFQ Pro."""
    with unscoped():
        return RfqInvitation.objects.create(rfq=rfq, seller=seller, invited_at=rfq.posted_at)


def assessment_create(**over: Any) -> Assessment:
    """Assess `seller` (needed) on the last day of July 2022: 85 points, early access, no rights."""
    fields: dict[str, Any] = {
        "as_of": platform_time.parse_day("2022-07-31"),
        "rulebook": "2022-01",
        "total": 85,
        "quotes": 12,
        "gmv": Decimal(20_000),
        "quote_rights": 0,
        "gold_rights": 0,
        "fast_lane_rights": 0,
        "pin_rights": 0,
        "early_access": True,
        "marketing_bonus": 0,
        "fixed_at": platform_time.parse_instant("2022-08-03T00:10:00-07:00"),
    } | over
    with unscoped():
        return Assessment.objects.create(**fields)


def order_create(**over: Any) -> Order:
    """Make an unpaid trade assurance order of `seller` (needed), placed an hour ago by a new buyer."""
    fields: dict[str, Any] = {
        "order_id": f"O-{next(_numbers)}",
        "channel": "trade_assurance",
        "kind": "rts",
        "amount": Decimal(1000),
        "created_at": platform_time.now() - timedelta(hours=1),
    } | over
    fields["buyer"] = fields.get("buyer") or buyer_create()
    with unscoped():
        return Order.objects.create(**fields)


def file_create(**over: Any) -> StoredFile:
    """Make the row of a stored file of `seller` (needed); nothing lies on the disk."""
    fields: dict[str, Any] = {
        "token": f"token-{next(_numbers)}",
        "purpose": "quote",
        "name": "drawing.pdf",
        "content_type": "application/pdf",
        "size": 1000,
        "sha256": "0" * 64,
        "file": "private/aa/none",
        "uploaded_at": platform_time.now(),
    } | over
    with unscoped():
        return StoredFile.objects.create(**fields)
