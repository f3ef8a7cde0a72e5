"""`/metrics`: a shop's own numbers, counted nightly from facts (K-14)."""

from __future__ import annotations

from datetime import date

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal import platform_time
from portal.api.views import ScopedView
from portal.errors import InvalidInput
from portal.metrics import metric_values
from portal.nightly.published import published_day


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


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return platform_time.parse_day(text)
    except platform_time.InvalidInstant as error:
        raise InvalidInput([("as_of", str(error))]) from error
