"""Strength labels and buyers' cards over the API (GRO-16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from growth.choices import AffiliationWay
from growth.membership.strength_reading import Strength, strength_of
from growth.membership.strength_schema import CARD_UNITS, LABEL_CATEGORIES
from growth.membership.supplier_card import LABELS, CardNumber
from growth.services.strength_labels import strength_labels_choose
from growth.tasks.reading import number_json
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action


class LabelSerializer(serializers.Serializer):
    """A label of the catalogue as the shop stands with it."""

    key = serializers.CharField(source="entry.key")
    category = serializers.ChoiceField(list(LABEL_CATEGORIES), source="entry.category")
    title = serializers.CharField(source="entry.title", help_text="In the caller's language.")
    proof = serializers.CharField(
        source="entry.proof", allow_blank=True, help_text="What it asks for; empty: nothing."
    )
    available = serializers.BooleanField()
    chosen = serializers.BooleanField()


class LabelsSerializer(serializers.Serializer):
    """The catalogue and the choice."""

    chosen = serializers.ListField(child=serializers.CharField(), help_text="Keys, in order.")
    shown = serializers.ListField(
        child=serializers.CharField(), help_text="Those of them that buyers see."
    )
    labels = LabelSerializer(many=True)


class LabelChoiceSerializer(serializers.Serializer):
    """The two labels."""

    labels = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=20, help_text="Exactly two keys."
    )
    seen = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=20,
        required=False,
        allow_null=True,
        default=None,
        help_text="What was `chosen` when you looked; refuses `stale` when it is no longer.",
    )


class ShownLabelSerializer(serializers.Serializer):
    """A label buyers see."""

    key = serializers.CharField()
    title = serializers.CharField()


class CertificateNameSerializer(serializers.Serializer):
    """A management-system certificate on the supplier card."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField(allow_blank=True)
    number = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)


class PlaceSerializer(serializers.Serializer):
    """A place of the product-page card."""

    place = serializers.IntegerField(help_text="1–3 online data, 4–6 verified offline data.")
    kind = serializers.ChoiceField(["online", "offline"])
    key = serializers.CharField()
    title = serializers.CharField()
    value = serializers.CharField(help_text="A decimal number.")
    unit = serializers.ChoiceField(list(CARD_UNITS))


class CombinedSerializer(serializers.Serializer):
    """The second company."""

    company = serializers.CharField()
    combined_by = serializers.ChoiceField(AffiliationWay.choices, allow_null=True)


class CardsSerializer(serializers.Serializer):
    """Both cards."""

    class SupplierCardSerializer(serializers.Serializer):
        """Beside the supplier's name in search; of verified sellers alone."""

        certificates = CertificateNameSerializer(many=True)
        labels = ShownLabelSerializer(many=True)

    class ProductCardSerializer(serializers.Serializer):
        """On the product page."""

        places = PlaceSerializer(many=True)
        labels = ShownLabelSerializer(many=True)

    as_of = serializers.DateField(allow_null=True, help_text="Day of the numbers.")
    verified = serializers.BooleanField()
    affiliate = CombinedSerializer(allow_null=True)
    supplier_card = SupplierCardSerializer()
    product_card = ProductCardSerializer()


class StrengthLabelsView(ScopedView):
    """`GET` and `PUT /growth/strength-labels`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(summary="Strength labels", responses={200: LabelsSerializer})
    def get(self, request: ScopedRequest) -> Response:
        """Return the catalogue, what is available to the shop and what it has chosen."""
        return Response(LabelsSerializer(_labels(strength_of(request.seller))).data)

    @extend_schema(
        summary="Choose the two strength labels",
        request=LabelChoiceSerializer,
        responses={
            200: LabelsSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`not_verified`, `label_unavailable`, `stale`."
            ),
        },
    )
    def put(self, request: ScopedRequest) -> Response:
        """Choose them; the same choice again changes nothing (GRO-16). Owner and managers."""
        sent = LabelChoiceSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        strength_labels_choose(member=request.member, **sent.validated_data)
        return Response(LabelsSerializer(_labels(strength_of(request.seller))).data)


def _labels(strength: Strength) -> dict[str, Any]:
    return {
        "chosen": strength.chosen,
        "shown": [entry.key for entry in strength.facts.labels[:LABELS]],
        "labels": strength.labels,
    }


class SupplierCardView(ScopedView):
    """`GET /growth/supplier-card`."""

    @extend_schema(summary="The cards buyers see", responses={200: CardsSerializer})
    def get(self, request: ScopedRequest) -> Response:
        """Return the supplier card and the card on the product page (GRO-16)."""
        strength = strength_of(request.seller)
        card, affiliate = strength.product_card, strength.affiliate
        answer = {
            "as_of": strength.as_of,
            "verified": strength.verified,
            "affiliate": {
                "company": affiliate.company.name,
                "combined_by": affiliate.rule.way if affiliate.rule else None,
            }
            if affiliate
            else None,
            "supplier_card": {
                "certificates": strength.certificates if strength.verified else [],
                "labels": strength.supplier_card.labels,
            },
            "product_card": {
                "places": [
                    *_places("online", 1, strength, card.online),
                    *_places("offline", 4, strength, card.offline),
                ],
                "labels": card.labels,
            },
        }
        return Response(CardsSerializer(answer).data)


def _places(
    kind: str, first: int, strength: Strength, numbers: tuple[CardNumber, ...]
) -> Iterator[dict[str, Any]]:
    for place, number in enumerate(numbers, start=first):
        yield {
            "place": place,
            "kind": kind,
            "key": number.entry.key,
            "title": number.entry.title,
            "value": str(number_json(number.value)),
            "unit": number.entry.unit,
        }
