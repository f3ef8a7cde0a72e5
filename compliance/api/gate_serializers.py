"""Shapes of the trade gate and of requirements, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from compliance.choices import CoverState, EprCategory, GateDecision
from compliance.gate import Answer, Cover

MAX_PAIRS = 5_000


@extend_schema_field(
    {
        "type": "array",
        "prefixItems": [
            {"type": "string", "description": "Product id."},
            {"type": "string", "description": "Country, ISO 3166-1 alpha-2."},
        ],
        "minItems": 2,
        "maxItems": 2,
    }
)
class PairField(serializers.ListField):
    """A pair of product id and country."""


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two pairs",
            {"pairs": [["1600312", "DE"], ["1600312", "FR"]], "at": "2022-12-27T00:00:00-08:00"},
            request_only=True,
        )
    ]
)
class TradeGateRequestSerializer(serializers.Serializer):
    """Pairs to be judged at one instant."""

    pairs = serializers.ListField(child=PairField(), max_length=MAX_PAIRS)
    at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="The instant to judge, past or to come; now when missing.",
    )


class GateReasonSerializer(serializers.Serializer):
    """Why a pair is warned of or blocked."""

    code = serializers.CharField(
        help_text="`epr_missing` `epr_in_review` `epr_rejected` `epr_not_covered` `epr_expired`"
        " `epr_revoked`; `no_online_trade` `forbidden_chemical` `display_only` `unknown_product`"
        " `unknown_country` block at once."
    )
    category = serializers.ChoiceField(EprCategory.choices, allow_null=True)


class TradeGateAnswerSerializer(serializers.Serializer):
    """The answer for a pair."""

    product_id = serializers.CharField()
    country = serializers.CharField()
    decision = serializers.ChoiceField(GateDecision.choices)
    reasons = GateReasonSerializer(many=True)


def answer_row(answer: Answer) -> dict[str, Any]:
    """Return an answer of the gate as the API says it."""
    return {
        "product_id": answer.product_id,
        "country": answer.country,
        "decision": answer.decision.value,
        "reasons": [{"code": code, "category": category} for code, category in answer.reasons],
    }


class EprRequirementSerializer(serializers.Serializer):
    """What a country asks of a product."""

    country = serializers.CharField()
    category = serializers.ChoiceField(EprCategory.choices)
    required = serializers.BooleanField(  # type: ignore[assignment]  # the field's name is the contract's
        help_text="Whether the product is of that kind."
    )
    covered_by = serializers.IntegerField(
        allow_null=True, help_text="Id of the certificate that covers it."
    )
    status = serializers.ChoiceField(CoverState.choices)
    certificate = serializers.IntegerField(
        allow_null=True, help_text="Id of the certificate the status speaks of."
    )
    decision = serializers.ChoiceField(
        GateDecision.choices, help_text="What the trade gate says because of this alone, now."
    )
    interrupts_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when, or from when, trade without the number is blocked."
    )


class ProductRequirementsSerializer(serializers.Serializer):
    """The requirements of a product."""

    product_id = serializers.CharField()
    requirements = EprRequirementSerializer(many=True)


class RequirementsPageSerializer(serializers.Serializer):
    """A page of products."""

    results = ProductRequirementsSerializer(many=True)
    next = serializers.URLField(allow_null=True)


def cover_row(cover: Cover) -> dict[str, Any]:
    """Return a line of requirements as the API says it."""
    return {
        "country": cover.country,
        "category": cover.category,
        "required": cover.required,
        "covered_by": cover.certificate if cover.status == CoverState.COVERED else None,
        "status": cover.status.value,
        "certificate": cover.certificate,
        "decision": cover.decision.value,
        "interrupts_at": cover.interrupts_at,
    }
