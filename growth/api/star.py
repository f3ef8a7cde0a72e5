"""Star levels over the API: newest or as of a day, history, outlook (GRO-12 … GRO-14)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from growth.api.shared import AS_OF
from growth.api.star_serializers import StarHistorySerializer, StarSerializer, star_answer
from growth.stars.changes import change_ahead
from growth.stars.reading import star_history, star_reading
from portal.api.bulletins import BulletinChangeSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.nightly.published import read_as_of


class StarView(ScopedView):
    """`GET /growth/star`."""

    @extend_schema(
        summary="The star level: four powers with their explanation",
        parameters=[AS_OF],
        responses={200: StarSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the newest published stars at or before a day, and the assessed star."""
        reading = star_reading(request.seller, read_as_of(request.query_params.get("as_of")))
        return Response(StarSerializer(star_answer(reading)).data)


class StarHistoryView(ScopedView):
    """`GET /growth/star/history`."""

    @extend_schema(
        summary="Predicted stars by day, and assessed ones",
        parameters=[AS_OF],
        responses={200: StarHistorySerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the stars of the published days of half a year."""
        history = star_history(request.seller, as_of=read_as_of(request.query_params.get("as_of")))
        answer = {
            "as_of": history.as_of,
            "results": history.predicted[::-1],
            "assessed": history.assessed,
            "next": None,
        }
        return Response(StarHistorySerializer(answer).data)


class StarOutlookView(ScopedView):
    """`GET /growth/star/outlook`."""

    @extend_schema(
        summary="The newest figures under the star rules that come next",
        responses={200: BulletinChangeSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return what announced rules, or those in force since, make of the figures (K-17).

        Null when the newest figures are judged by the newest rules.
        """
        change = change_ahead(star_reading(request.seller))
        return Response(BulletinChangeSerializer({"change": change}).data)
