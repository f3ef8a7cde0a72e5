"""What a buyer is shown of the quotes on an RFQ (RFQ-11)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from rfq.models import Pin, Quote, Rfq
from rfq.models.quotes import LIVE


def quotes_shown(rfq: Rfq, now: datetime) -> QuerySet[Any]:
    """Return the live quotes on an RFQ in the buyer's order, each with its `slot` or none.

    Pinned ones come first in the order of pinning, then the others by submission. That order is the
    order of places, except that a place given up and taken again is shown last of the three. Pins
    are known by their keys: who has a place wrote its row after everybody before had theirs.
    """
    pin = Pin.objects.filter(quote=OuterRef("pk"), released_at__isnull=True)
    return (
        Quote.objects.filter(LIVE, rfq=rfq, submitted_at__lte=now)
        .annotate(pin=Subquery(pin.values("pk")), slot=Subquery(pin.values("slot")))
        .order_by(F("pin").asc(nulls_last=True), "submitted_at", "pk")
    )
