"""`/metrics`: a shop's own numbers, counted nightly from facts (K-14)."""

from __future__ import annotations

from datetime import date

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal import platform_time
from portal.api.views import ScopedRequest, ScopedView
from portal.errors import InvalidInput
from portal.metrics import METRICS, metric_values
from portal.nightly.published import published_day
from portal.services.trends import metric_trends

HISTORY_DAYS = 180


class MetricSerializer(serializers.Serializer):
    """One metric of the shop."""

    metric = serializers.CharField(source="key")
    title = serializers.CharField()
    unit = serializers.CharField(help_text="`count`, `days`, `usd` or `percent`.")
    value = serializers.DecimalField(max_digits=20, decimal_places=4, normalize_output=True)
    as_of = serializers.DateField(help_text="The day it was counted for.")


class MetricsSerializer(serializers.Serializer):
    """The metrics of the newest published day up to the one asked for."""

    as_of = serializers.DateField(allow_null=True, help_text="Null before the first night.")
    results = MetricSerializer(many=True)


class MetricList(ScopedView):
    """`GET /metrics?as_of=`."""

    @extend_schema(
        parameters=[OpenApiParameter("as_of", OpenApiTypes.DATE, description="Pacific day.")],
        responses=MetricsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the shop's metrics with titles in the caller's language."""
        day = _day(request.query_params.get("as_of"))
        answer = {
            "as_of": published_day("metrics", day),
            "results": metric_values(request.seller, day),  # type: ignore[attr-defined]
        }
        return Response(MetricsSerializer(answer).data)


class ReadingSerializer(serializers.Serializer):
    """The value of a metric as of a published day."""

    as_of = serializers.DateField(source="day")
    value = serializers.DecimalField(
        max_digits=20, decimal_places=4, normalize_output=True, allow_null=True
    )


class MetricDetailSerializer(serializers.Serializer):
    """A metric with what it counts, and its history."""

    metric = serializers.CharField(source="key")
    title = serializers.CharField()
    about = serializers.CharField(help_text="What it counts, in the caller's language.")
    unit = serializers.CharField(help_text="`count`, `days`, `usd` or `percent`.")
    as_of = serializers.DateField(allow_null=True, help_text="Newest day; null before the first.")
    results = ReadingSerializer(many=True, help_text="Published days, the newest first.")
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


class MetricDetail(ScopedView):
    """`GET /metrics/{key}`."""

    @extend_schema(operation_id="metrics_retrieve", responses=MetricDetailSerializer)
    def get(self, request: ScopedRequest, key: str) -> Response:
        """Return the values of the published days of half a year (UI-3)."""
        trend = metric_trends(seller=request.seller, keys=[key], days=HISTORY_DAYS).get(key)
        told = trend or METRICS.get(key)
        if told is None:
            raise Http404
        readings = trend.readings[::-1] if trend else []
        answer = {
            "key": key,
            "title": told.title,
            "about": told.about,
            "unit": told.unit,
            "as_of": readings[0].day if readings else None,
            "results": readings,
            "next": None,
        }
        return Response(MetricDetailSerializer(answer).data)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return platform_time.parse_day(text)
    except platform_time.InvalidInstant as error:
        raise InvalidInput([("as_of", str(error))]) from error
