"""The diagnosis over the API: newest or as of a day, history, outlook (GRO-11)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from growth.api.shared import AS_OF, NUMBER
from growth.choices import BenchmarkScope
from growth.diagnosis.changes import change_ahead
from growth.diagnosis.reading import (
    DiagnosisReading,
    diagnosis_access,
    diagnosis_day,
    diagnosis_history,
    diagnosis_reading,
)
from growth.diagnosis.rules import FULL, ItemResult, ItemState
from growth.tasks.reading import number_json, page_url
from portal.api.bulletins import BulletinChangeSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.nightly.published import read_as_of

STATES = [state.value for state in ItemState]


class DiagnosisItemSerializer(serializers.Serializer):
    """A metric of the shop next to its benchmark."""

    key = serializers.CharField(source="item.key")
    metric = serializers.CharField(source="item.metric")
    title = serializers.CharField(source="item.title")
    state = serializers.ChoiceField(
        STATES, help_text="Items `no_value` and `no_benchmark` do not count."
    )
    value = serializers.SerializerMethodField(method_name="value_of")
    benchmark = serializers.SerializerMethodField(
        method_name="benchmark_of", help_text="Null below five sellers."
    )
    sellers = serializers.IntegerField(
        source="benchmark.sellers", default=None, allow_null=True, help_text="Behind the benchmark."
    )
    scope = serializers.ChoiceField(
        BenchmarkScope.choices,
        source="benchmark.scope",
        default=None,
        allow_null=True,
        help_text="Of the industry: those with an assessed star, or all.",
    )
    lower_is_better = serializers.BooleanField(source="item.lower_is_better")
    weight = serializers.IntegerField(source="item.weight")
    score = serializers.SerializerMethodField(
        method_name="score_of",
        help_text="Part of the benchmark that is reached, 0 to 1, with the eight decimals that count.",
    )
    gain = serializers.DecimalField(
        max_digits=5,
        decimal_places=2,
        help_text="How much higher the growth score would be with the benchmark reached.",
    )
    brings = serializers.CharField(
        source="item.gain", allow_blank=True, help_text="What a better value brings."
    )
    guide = serializers.CharField(source="item.guide", allow_blank=True)
    url = serializers.SerializerMethodField(help_text="Page where it is improved, or empty.")

    @extend_schema_field(NUMBER)
    def value_of(self, result: ItemResult) -> Any:
        """Return the shop's own value."""
        return number_json(result.value)

    @extend_schema_field(NUMBER)
    def benchmark_of(self, result: ItemResult) -> Any:
        """Return the benchmark."""
        return number_json(result.benchmark.value if result.benchmark else None)

    @extend_schema_field({"type": ["string", "null"], "format": "decimal"})
    def score_of(self, result: ItemResult) -> str | None:
        """Return the item's score; null where it does not count."""
        return None if result.share is None else f"{Decimal(result.share) / FULL:.8f}"

    def get_url(self, result: ItemResult) -> str:
        """Return the address of the page."""
        return page_url(result.item.page)


class DiagnosisSerializer(serializers.Serializer):
    """A growth score with all its items; everything is null or empty before the first night."""

    as_of = serializers.DateField(allow_null=True)
    rulebook = serializers.CharField(allow_null=True, help_text="Version; see `/rulebooks`.")
    unlocked = serializers.BooleanField(
        help_text="The shop's pages show it: mature now, or unlocked by the guide's milestone."
    )
    score = serializers.DecimalField(
        max_digits=5,
        decimal_places=2,
        allow_null=True,
        help_text="0 to 100; null while nothing can be compared.",
    )
    suggestions = serializers.IntegerField(
        allow_null=True, help_text="Items below their benchmark."
    )
    items = DiagnosisItemSerializer(
        many=True, help_text="Suggestions first, those with the most score to gain before others."
    )


class DiagnosisDaySerializer(serializers.Serializer):
    """The growth score as of one published day."""

    as_of = serializers.DateField()
    rulebook = serializers.CharField()
    score = serializers.DecimalField(max_digits=5, decimal_places=2)
    suggestions = serializers.IntegerField()


class DiagnosisHistorySerializer(serializers.Serializer):
    """Growth scores by day, the newest first."""

    as_of = serializers.DateField(allow_null=True)
    results = DiagnosisDaySerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


def diagnosis_answer(reading: DiagnosisReading, *, unlocked: bool) -> dict[str, Any]:
    """Return what `DiagnosisSerializer` takes."""
    return {
        "as_of": reading.as_of,
        "rulebook": reading.rulebook.version if reading.rulebook else None,
        "unlocked": unlocked,
        "score": reading.score,
        "suggestions": reading.row.suggestions if reading.row else None,
        "items": reading.diagnosis.listed if reading.diagnosis else (),
    }


class DiagnosisView(ScopedView):
    """`GET /growth/diagnosis`."""

    @extend_schema(
        summary="The growth score, item by item against the benchmarks of the industry",
        parameters=[AS_OF],
        responses={200: DiagnosisSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the newest published diagnosis at or before a day, whatever the shop's stage."""
        reading = diagnosis_reading(request.seller, read_as_of(request.query_params.get("as_of")))
        unlocked = diagnosis_access(request.seller).open
        return Response(DiagnosisSerializer(diagnosis_answer(reading, unlocked=unlocked)).data)


class DiagnosisHistoryView(ScopedView):
    """`GET /growth/diagnosis/history`."""

    @extend_schema(
        summary="Growth scores by day",
        parameters=[AS_OF],
        responses={200: DiagnosisHistorySerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the scores of the published days of half a year (GRO-11)."""
        wanted = read_as_of(request.query_params.get("as_of"))
        answer = {
            "as_of": diagnosis_day(wanted),
            "results": diagnosis_history(request.seller, as_of=wanted)[::-1],
            "next": None,
        }
        return Response(DiagnosisHistorySerializer(answer).data)


class DiagnosisOutlookView(ScopedView):
    """`GET /growth/diagnosis/outlook`."""

    @extend_schema(
        summary="The newest figures under the rules of the diagnosis that come next",
        responses={200: BulletinChangeSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return what announced rules, or those in force since, make of the figures (K-17).

        Null when the newest figures are judged by the newest rules.
        """
        change = change_ahead(diagnosis_reading(request.seller))
        return Response(BulletinChangeSerializer({"change": change}).data)
