"""Shapes of the quote calls, for answers and for the schema."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from portal.api.partial import EveryFieldOptional
from portal.models import Seller
from portal.services.buyers import buyer_badges
from rfq.api.quote_files import QuoteFileSerializer, files_field, files_of
from rfq.choices import Grade, QuoteOrigin, QuoteStatus
from rfq.models import Pin, Quote
from rfq.quotes.terms import LEAST_PRICE, MAX_LEAD_TIME_DAYS, MAX_MESSAGE, MAX_MOQ, MAX_PRODUCTS
from rfq.services.quotes import Submission

PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 4}


class TermsSerializer(serializers.Serializer):
    """What a quote says. The price is a decimal string in `currency` (ISO 4217)."""

    unit_price = serializers.DecimalField(**PRICE, min_value=LEAST_PRICE)
    currency = serializers.CharField(default="USD", max_length=3)
    moq = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_MOQ, help_text="Least order."
    )
    lead_time_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_LEAD_TIME_DAYS
    )
    ship_from = serializers.CharField(required=False, allow_blank=True, max_length=80)
    sample_offered = serializers.BooleanField(default=False)
    valid_until = serializers.DateField(
        required=False, allow_null=True, help_text="Last Pacific day; not before today."
    )
    message = serializers.CharField(required=False, allow_blank=True, max_length=MAX_MESSAGE)
    products = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=MAX_PRODUCTS,
        help_text="Ids of the shop's own products.",
    )


class SubmitSerializer(TermsSerializer):
    """A quote to submit."""

    pin = serializers.BooleanField(
        default=False, help_text="Pin it too; when that fails the quote stands all the same."
    )


class ReviseSerializer(EveryFieldOptional, TermsSerializer):
    """Terms to change; the others stay. `version` refuses the change of a stale copy."""

    version = serializers.IntegerField(min_value=1)


class SubmitFormSerializer(SubmitSerializer):
    """A quote to submit with files."""

    files = files_field()


class ReviseFormSerializer(ReviseSerializer):
    """Terms to change, and the files instead of those the quote had."""

    files = files_field()


class UsedSerializer(serializers.Serializer):
    """Rights used, by kind: 0 or 1."""

    quote = serializers.IntegerField()
    gold = serializers.IntegerField()
    fast_lane = serializers.IntegerField()
    pin = serializers.IntegerField()


class LeftSerializer(serializers.Serializer):
    """Rights left, by kind; null is unlimited."""

    quote = serializers.IntegerField(allow_null=True)
    gold = serializers.IntegerField(allow_null=True)
    fast_lane = serializers.IntegerField(allow_null=True)
    pin = serializers.IntegerField(allow_null=True)


class SubmissionSerializer(serializers.Serializer):
    """A quote that was submitted, and exactly what it took."""

    id = serializers.IntegerField()
    used = UsedSerializer()
    left = LeftSerializer()
    pinned = serializers.IntegerField(allow_null=True, help_text="The place, 1 to 3.")
    pin_refusal = serializers.ChoiceField(
        choices=["pins_taken", "no_pin_right"],
        allow_null=True,
        help_text="Why a pin that was asked for failed; no right was used for it.",
    )


class PinnedSerializer(serializers.Serializer):
    """A place won."""

    slot = serializers.IntegerField(help_text="1 to 3.")
    left = LeftSerializer()


class QuoteBuyerSerializer(serializers.Serializer):
    """What a seller sees of the buyer of an RFQ: never who it is."""

    badge = serializers.CharField(allow_null=True)
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")


class QuoteSerializer(TermsSerializer):
    """A quote of the shop as it is now."""

    id = serializers.IntegerField()
    rfq_id = serializers.CharField()
    title = serializers.CharField(help_text="The RFQ's.")
    grade = serializers.ChoiceField(Grade.choices, help_text="The RFQ's.")
    buyer = QuoteBuyerSerializer()
    status = serializers.ChoiceField(QuoteStatus.choices)
    origin = serializers.ChoiceField(QuoteOrigin.choices)
    submitted_at = serializers.DateTimeField()
    viewed_at = serializers.DateTimeField(allow_null=True)
    replied_at = serializers.DateTimeField(allow_null=True)
    rejected_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    refunded_at = serializers.DateTimeField(allow_null=True)
    pinned = serializers.IntegerField(allow_null=True, help_text="The place, 1 to 3.")
    version = serializers.IntegerField()
    files = QuoteFileSerializer(many=True)


class QuotePageSerializer(serializers.Serializer):
    """A page of quotes."""

    results = QuoteSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class ShownQuoteSerializer(serializers.Serializer):
    """A quote in the order the buyer sees it."""

    id = serializers.IntegerField()
    seller = serializers.CharField(help_text="Member id.")
    slot = serializers.IntegerField(allow_null=True, help_text="The pin's place, 1 to 3.")
    status = serializers.ChoiceField(QuoteStatus.choices)
    submitted_at = serializers.DateTimeField()


class BuyerListSerializer(serializers.Serializer):
    """All live quotes on an RFQ."""

    results = ShownQuoteSerializer(many=True)
    next = serializers.URLField(allow_null=True)


# --- Answers ------------------------------------------------------------------------------------

_PLAIN = (
    "currency", "moq", "lead_time_days", "ship_from", "sample_offered", "message", "products",
    "status", "origin", "version",
)  # fmt: skip
_INSTANTS = (
    "submitted_at", "viewed_at", "replied_at", "rejected_at", "accepted_at", "withdrawn_at",
    "refunded_at",
)  # fmt: skip


def submission_row(made: Submission) -> dict[str, Any]:
    """Return what the contract answers to a submission."""
    return {
        "id": made.quote.pk,
        "used": made.used,
        "left": made.left.as_dict(),
        "pinned": made.pinned,
        "pin_refusal": made.pin_refusal,
    }


def quote_rows(seller: Seller, quotes: Iterable[Quote]) -> list[dict[str, Any]]:
    """Return quotes as the API answers them; read them with their `rfq` and `buyer`.

    A constant number of queries.
    """
    quotes = list(quotes)
    badges = buyer_badges(seller=seller, buyers=[quote.buyer for quote in quotes])
    pins = Pin.objects.filter(quote__in=quotes, released_at__isnull=True)
    slots = dict(pins.values_list("quote_id", "slot"))
    files = files_of(quotes)
    return [
        {
            "id": quote.pk,
            "rfq_id": quote.rfq.rfq_id,
            "title": quote.rfq.title,
            "grade": quote.rfq.grade,
            "buyer": {"badge": badges[quote.buyer_id], "country": quote.buyer.country},
            "unit_price": price_text(quote.unit_price),
            "valid_until": quote.valid_until and quote.valid_until.isoformat(),
            "pinned": slots.get(quote.pk),
            "files": files.get(quote.pk, []),
            **{name: getattr(quote, name) for name in _PLAIN},
            **{name: instant_text(getattr(quote, name)) for name in _INSTANTS},
        }
        for quote in quotes
    ]


def price_text(price: Decimal) -> str:
    """Return a price with two decimal places, or more where it has them."""
    short = price.normalize()
    return f"{short:.2f}" if short == round(short, 2) else f"{short:f}"


def instant_text(instant: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")
