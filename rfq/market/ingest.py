"""The ingest kind `rfqs` (09-contract): what buyers ask for (K-15, RFQ-1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.ingest.columns import (
    CellError,
    Choice,
    Code,
    Country,
    Instant,
    Int,
    Money,
    Ref,
    Text,
    TextList,
    quote,
)
from portal.ingest.kinds import IngestKind, Outcome, Row, register
from portal.models import Buyer, Category
from rfq.choices import Grade, RfqStatus
from rfq.models.market import DEFAULT_SEATS
from rfq.services.rfqs import CREATED, REJECTED, UNCHANGED, UPDATED, rfqs_feed

INSTANT = "2022-07-19T18:00:00-07:00"
ATTRIBUTES = {"buyer": "buyer_id", "category": "category_id"}
MAX_INVITED = 500


@dataclass(frozen=True)
class Link(Text):
    """An address on the web."""

    def parse(self, raw: Any) -> str:
        """Return the address; only http and https can be opened by a reader."""
        address = super().parse(raw)
        try:
            parts = urlsplit(address)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc or " " in address:
            raise CellError(_("%(value)s is not a web address") % {"value": quote(raw)})
        return address


@register
class RfqKind(IngestKind):
    """RFQs by their id; a missing column leaves what is stored, an empty cell clears it."""

    name = "rfqs"
    label = gettext_lazy("RFQs")
    key = ("rfq_id",)
    columns = (
        Code("rfq_id", example="R-5001"),
        Ref("buyer", model=Buyer, by="buyer_id", example="B-1001"),
        Text("title", max_length=300, example="500 sets of 48V e-bike conversion kits"),
        Ref("category", model=Category, by="code", example="e-bike-kits"),
        Money("quantity", places=3, least=Decimal(0), example="500"),
        Text("unit", max_length=40, example="set"),
        Text("details", max_length=20_000, optional=True, example="Rear hub motor, CE certified"),
        Instant("posted_at", example=INSTANT),
        Instant("expires_at", optional=True, example="2022-08-18T18:00:00-07:00"),
        Choice("grade", choices=Grade.values, example="silver"),
        Int("seats", optional=True, default=DEFAULT_SEATS, least=1, most=1_000, example="10"),
        Money("value_usd", optional=True, example="12500.00"),
        TextList("invited", optional=True, max_items=MAX_INVITED, item_length=64, example="cn1001"),
        Choice(
            "status",
            choices=RfqStatus.values,
            optional=True,
            default=RfqStatus.OPEN,
            example="open",
        ),
        Money("target_price", places=4, optional=True, example="118.50"),
        Country("destination", optional=True, example="US"),
        TextList(
            "attachments",
            item=Link("attachments", max_length=500),
            optional=True,
            max_items=20,
            item_length=500,
            example="https://files.example.com/drawing.pdf",
        ),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk through the RFQ service."""
        results = rfqs_feed(
            [
                {ATTRIBUTES.get(name, name): value for name, value in row.values.items()}
                for row in rows
            ]
        )
        outcome = Outcome()
        counts = dict.fromkeys((CREATED, UPDATED, UNCHANGED, REJECTED), 0)
        for row, result in zip(rows, results, strict=True):
            counts[result.state] += 1
            outcome.rejections += [row.reject(name, text) for name, text in result.problems]
        outcome.created, outcome.updated = counts[CREATED], counts[UPDATED]
        outcome.unchanged = counts[UNCHANGED]
        return outcome
