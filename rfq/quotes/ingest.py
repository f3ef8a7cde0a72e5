"""The ingest kind `quotes` (09-contract): quotes made elsewhere, and buyers' reactions (K-15)."""

from __future__ import annotations

from collections import Counter

from django.utils.translation import gettext_lazy

from portal.ingest.columns import Instant, Money, Ref
from portal.ingest.kinds import IngestKind, Outcome, Row, register
from portal.models import Seller
from rfq.models import Rfq
from rfq.quotes.terms import LEAST_PRICE
from rfq.services.quote_feed import quotes_feed
from rfq.services.rfqs import CREATED, UNCHANGED, UPDATED

ATTRIBUTES = {"seller": "seller_id", "rfq": "rfq_id"}


@register
class QuoteKind(IngestKind):
    """Quotes by seller and RFQ; for one made in the portal only the reactions are taken."""

    name = "quotes"
    label = gettext_lazy("quotes")
    key = ("seller", "rfq")
    columns = (
        Ref("seller", model=Seller, by="member_id", example="cn1001"),
        Ref("rfq", model=Rfq, by="rfq_id", example="R-5001"),
        Instant("submitted_at", example="2022-07-19T18:00:00-07:00"),
        Money("unit_price", max_digits=14, places=4, least=LEAST_PRICE, example="118.50"),
        Instant("viewed_at", optional=True, example="2022-07-19T20:10:00-07:00"),
        Instant("replied_at", optional=True, example="2022-07-20T08:30:00-07:00"),
        Instant("rejected_at", optional=True),
        Instant("accepted_at", optional=True),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk through the quote service."""
        results = quotes_feed(
            [
                {ATTRIBUTES.get(name, name): value for name, value in row.values.items()}
                for row in rows
            ]
        )
        states = Counter(result.state for result in results)
        return Outcome(
            created=states[CREATED],
            updated=states[UPDATED],
            unchanged=states[UNCHANGED],
            rejections=[
                row.reject(name, text)
                for row, result in zip(rows, results, strict=True)
                for name, text in result.problems
            ],
        )
