"""Shapes of the calls around quotes, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.filters import CALENDAR
from rfq.choices import FollowUpKind
from rfq.models import FollowUp, QuoteDraft, QuoteTemplate
from rfq.quotes.content import ELEMENT_LENGTH, TEXT_FIELDS
from rfq.quotes.self_check import ELEMENTS
from rfq.services.quote_templates import NAME_LENGTH


class PageSerializer(serializers.Serializer):
    """A page of rows; subclasses name them."""

    next = serializers.URLField(allow_null=True)


def _text(name: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=TEXT_FIELDS[name]
    )


class QuoteDraftContentSerializer(serializers.Serializer):
    """A quote as far as it was typed: texts that nobody has checked yet."""

    unit_price = _text("unit_price")
    currency = _text("currency")
    moq = _text("moq")
    lead_time_days = _text("lead_time_days")
    ship_from = _text("ship_from")
    valid_until = _text("valid_until")
    message = _text("message")
    products = _text("products")
    sample_offered = serializers.BooleanField(required=False)
    pin = serializers.BooleanField(required=False)


class QuoteDraftSerializer(serializers.ModelSerializer):
    """A draft of the caller."""

    rfq_id = serializers.CharField(source="rfq.rfq_id")
    expires_at = serializers.DateTimeField(source="rfq.expires_at", help_text="The RFQ's.")
    content = QuoteDraftContentSerializer()

    class Meta:
        model = QuoteDraft
        fields = ["rfq_id", "expires_at", "content", "saved_at"]
        read_only_fields = fields


class QuoteDraftPageSerializer(PageSerializer):
    """A page of drafts."""

    results = QuoteDraftSerializer(many=True)


class IntroductionSerializer(serializers.Serializer):
    """The six elements of a company introduction."""

    def get_fields(self) -> dict[str, Any]:
        """Return one text per element."""
        return {
            key: serializers.CharField(
                required=False, allow_blank=True, max_length=ELEMENT_LENGTH, help_text=str(label)
            )
            for key, label in ELEMENTS.items()
        }


class QuoteTemplateContentSerializer(serializers.Serializer):
    """Terms and wording that a template repeats."""

    currency = _text("currency")
    moq = _text("moq")
    lead_time_days = _text("lead_time_days")
    ship_from = _text("ship_from")
    message = _text("message")
    sample_offered = serializers.BooleanField(required=False)
    valid_days = serializers.IntegerField(required=False, min_value=1, max_value=365)


class QuoteTemplateWriteSerializer(serializers.Serializer):
    """A template to save: it says terms, wording, an introduction, or all of them."""

    name = serializers.CharField(max_length=NAME_LENGTH)
    content = QuoteTemplateContentSerializer(required=False)
    elements = IntroductionSerializer(required=False)


class QuoteTemplateSerializer(serializers.ModelSerializer):
    """A template of the shop."""

    content = QuoteTemplateContentSerializer()
    elements = IntroductionSerializer()

    class Meta:
        model = QuoteTemplate
        fields = ["id", "name", "content", "elements", "changed_at"]
        read_only_fields = fields


class QuoteTemplatePageSerializer(PageSerializer):
    """All templates by name."""

    results = QuoteTemplateSerializer(many=True)


class QuoteCheckRequestSerializer(QuoteDraftContentSerializer):
    """What to check, and against which RFQ."""

    rfq_id = serializers.CharField(max_length=64)


class QuoteCheckItemSerializer(serializers.Serializer):
    """One line of the checklist."""

    key = serializers.CharField()
    met = serializers.BooleanField()
    label = serializers.CharField()  # type: ignore[assignment]
    advice = serializers.CharField(help_text="What to do while it is not met.")


class QuoteCheckSerializer(serializers.Serializer):
    """The checklist; nothing in it stands in the way of sending."""

    met = serializers.IntegerField()
    items = QuoteCheckItemSerializer(many=True)


class FollowUpSerializer(serializers.ModelSerializer):
    """A follow-up of a quote."""

    quote = serializers.IntegerField(source="quote_id")
    rfq_id = serializers.CharField(source="quote.rfq.rfq_id")

    class Meta:
        model = FollowUp
        fields = ["quote", "rfq_id", "kind", "due_on", "done_at"]
        read_only_fields = fields


class FollowUpPageSerializer(PageSerializer):
    """Follow-ups."""

    results = FollowUpSerializer(many=True)


class FollowUpTickSerializer(serializers.Serializer):
    """Which follow-up is done, or open again; without `kind` the buyer was contacted just now."""

    kind = serializers.ChoiceField(FollowUpKind.choices, required=False)
    done = serializers.BooleanField(default=True)


class FunnelRequestSerializer(serializers.Serializer):
    """The period; without it the last 30 Pacific days."""

    first_day = serializers.DateField(required=False, validators=CALENDAR)
    last_day = serializers.DateField(required=False, validators=CALENDAR)


class ResponseBinSerializer(serializers.Serializer):
    """Quotes submitted within so many hours and not within the bin before."""

    hours = serializers.IntegerField(allow_null=True, help_text="Null: later than all bins.")
    quotes = serializers.IntegerField()


class QuoteFunnelSerializer(serializers.Serializer):
    """What became of the quotes of a period."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    quotes = serializers.IntegerField()
    viewed = serializers.IntegerField()
    replied = serializers.IntegerField()
    ordered = serializers.IntegerField(help_text="With at least one linked order.")
    responses = ResponseBinSerializer(many=True)
