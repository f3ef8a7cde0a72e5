"""Shapes of the market's calls, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rfq.choices import Grade, OfferStatus, QuoteStatus, RfqStatus
from rfq.market.rows import MarketRow
from rfq.models import UnsolicitedOffer
from rfq.quotes.reading import attachments_of
from rfq.services.offers import LEAST_PRICE, MAX_MESSAGE, MAX_TITLE
from rfq.services.searches import MAX_NAME

PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 4}


class RfqBuyerSerializer(serializers.Serializer):
    """What a seller sees of the buyer: never who it is."""

    badge = serializers.CharField(allow_null=True)
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")


class RefusalSerializer(serializers.Serializer):
    """Why the shop cannot quote now; `code` is what quoting would be refused with."""

    code = serializers.CharField()
    message = serializers.CharField()


class OwnSerializer(serializers.Serializer):
    """What the shop has done about an RFQ."""

    quote = serializers.IntegerField(allow_null=True, help_text="Id of its live quote.")
    quote_status = serializers.ChoiceField(QuoteStatus.choices, allow_null=True)
    drafted = serializers.BooleanField(help_text="The caller has a draft of a quote.")
    invited = serializers.BooleanField()
    reported = serializers.BooleanField(help_text="A spam report of the shop waits for an answer.")


class RfqSerializer(serializers.Serializer):
    """An RFQ as the shop sees it now."""

    rfq_id = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField(help_text="Code.")
    grade = serializers.ChoiceField(Grade.choices)
    status = serializers.ChoiceField(RfqStatus.choices)
    quantity = serializers.DecimalField(max_digits=14, decimal_places=3)
    unit = serializers.CharField()
    target_price = serializers.DecimalField(**PRICE, allow_null=True, help_text="USD for a unit.")
    destination = serializers.CharField(help_text="ISO country; may be empty.")
    posted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    opens_to_all_at = serializers.DateTimeField(
        help_text="Until then a silver RFQ is open to sellers with early access alone."
    )
    seats = serializers.IntegerField()
    seats_left = serializers.IntegerField()
    pins_left = serializers.IntegerField(help_text="0 to 3.")
    buyer = RfqBuyerSerializer()
    can_quote = serializers.BooleanField(help_text="The shop could quote now.")
    refusal = RefusalSerializer(allow_null=True)
    own = OwnSerializer()


class RfqPageSerializer(serializers.Serializer):
    """A page of the market."""

    results = RfqSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class AttachmentSerializer(serializers.Serializer):
    """A file of the buyer, elsewhere on the web."""

    name = serializers.CharField()
    url = serializers.URLField()


class OfferSerializer(serializers.Serializer):
    """An unsolicited offer of the shop."""

    id = serializers.IntegerField()
    title = serializers.CharField(max_length=MAX_TITLE)
    price = serializers.DecimalField(**PRICE, help_text="USD for a unit.")
    message = serializers.CharField(max_length=MAX_MESSAGE)
    status = serializers.ChoiceField(OfferStatus.choices)
    submitted_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(help_text="Of staff; empty until decided.")


class OfferRequestSerializer(serializers.Serializer):
    """An offer to make."""

    title = serializers.CharField(max_length=MAX_TITLE)
    price = serializers.DecimalField(**PRICE, min_value=LEAST_PRICE, help_text="USD for a unit.")
    message = serializers.CharField(max_length=MAX_MESSAGE)


class RfqDetailSerializer(RfqSerializer):
    """An RFQ in full. Of one that was removed the buyer's text is left out."""

    details = serializers.CharField()
    attachments = AttachmentSerializer(many=True)
    offers_until = serializers.DateTimeField(
        allow_null=True, help_text="Last instant of unsolicited offers on an RFQ Pro."
    )
    offer = OfferSerializer(allow_null=True)


class SearchSerializer(serializers.Serializer):
    """A saved search; `query` is a query string of `GET /rfq/rfqs`."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=MAX_NAME)
    query = serializers.CharField(max_length=2500, allow_blank=True)
    alert = serializers.BooleanField(default=True)


class SearchChangeSerializer(serializers.Serializer):
    """What to change of a saved search."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    alert = serializers.BooleanField(required=False)


class SearchPageSerializer(serializers.Serializer):
    """The caller's saved searches."""

    results = SearchSerializer(many=True)
    next = serializers.URLField(allow_null=True)


# --- Answers ------------------------------------------------------------------------------------


def rfq_row(row: MarketRow) -> dict[str, Any]:
    """Return an RFQ as `RfqSerializer` shows it."""
    rfq, refusal = row.rfq, row.refusal
    return {
        "rfq_id": rfq.rfq_id,
        "title": "" if row.removed else rfq.title,
        "category": rfq.category.code,
        "grade": rfq.grade,
        "status": row.state,
        "quantity": rfq.quantity,
        "unit": rfq.unit,
        "target_price": rfq.target_price,
        "destination": rfq.destination,
        "posted_at": rfq.posted_at,
        "expires_at": rfq.expires_at,
        "opens_to_all_at": rfq.opens_to_all_at,
        "seats": rfq.seats,
        "seats_left": row.seats_left,
        "pins_left": row.pins_left,
        "buyer": {"badge": row.badge, "country": rfq.buyer.country},
        "can_quote": row.can_quote,
        "refusal": refusal and {"code": refusal.code, "message": str(refusal)},
        "own": {
            "quote": row.quote and row.quote.pk,
            "quote_status": row.quote and row.quote.status,
            "drafted": row.drafted,
            "invited": row.invited,
            "reported": row.reported,
        },
    }


def detail_row(row: MarketRow, offer: UnsolicitedOffer | None, offers_until: Any) -> dict[str, Any]:
    """Return an RFQ as `RfqDetailSerializer` shows it."""
    files = [] if row.removed else attachments_of(row.rfq)
    return rfq_row(row) | {
        "details": "" if row.removed else row.rfq.details,
        "attachments": [{"name": name, "url": url} for url, name in files],
        "offers_until": offers_until,
        "offer": offer,
    }
