"""The service score over the API: newest or as of a day, history, what-if (RFQ-18, RFQ-19)."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from portal import platform_time
from portal.api.bulletins import BulletinChangeSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.errors import InvalidInput
from portal.nightly.published import read_as_of
from portal.services.rulebooks import rulebooks_published
from rfq.api.score_serializers import (
    ScoreHistorySerializer,
    ScoreSerializer,
    SimulationSerializer,
    score_answer,
)
from rfq.score.changes import change_ahead
from rfq.score.reading import score_history, score_standing
from rfq.score.schema import SCORE
from rfq.score.simulation import simulate

AS_OF = OpenApiParameter(
    "as_of",
    date,
    description="The newest published day at or before this one; default: the newest.",
)


class ScoreView(ScopedView):
    """`GET /rfq/score`."""

    @extend_schema(
        summary="The service score with its explanation",
        parameters=[AS_OF],
        responses={200: ScoreSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the newest published score at or before a day (RFQ-18, RFQ-19)."""
        standing = score_standing(request.seller, read_as_of(request.query_params.get("as_of")))
        assessed = standing.assessed
        answer = {
            "as_of": standing.as_of,
            "rulebook": standing.rulebook.version if standing.rulebook else None,
            "assessed": assessed.total if assessed else None,
            "assessed_as_of": assessed.as_of if assessed else None,
            **score_answer(standing.score),
        }
        return Response(ScoreSerializer(answer).data)


class ScoreOutlookView(ScopedView):
    """`GET /rfq/score/outlook`."""

    @extend_schema(
        summary="The newest figures under the rules that come next",
        responses={200: BulletinChangeSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return what announced rules, or those in force since, make of the figures (K-17).

        Null when the newest figures are judged by the newest rules.
        """
        change = change_ahead(score_standing(request.seller))
        return Response(BulletinChangeSerializer({"change": change}).data)


class ScoreHistoryView(ScopedView):
    """`GET /rfq/score/history`."""

    @extend_schema(
        summary="Predicted scores by day, and assessed ones",
        parameters=[AS_OF],
        responses={200: ScoreHistorySerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the scores of the published days of half a year (RFQ-18)."""
        history = score_history(request.seller, as_of=read_as_of(request.query_params.get("as_of")))
        answer = {
            "as_of": history.as_of,
            "results": history.predicted[::-1],
            "assessed": history.assessed,
            "next": None,
        }
        return Response(ScoreHistorySerializer(answer).data)


class SimulateView(ScopedView):
    """`POST /rfq/score/simulate`: saves nothing, so that every member may."""

    @extend_schema(
        summary="The score of made-up figures",
        request=SimulationSerializer,
        responses={200: ScoreSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Return the score of what was sent; ranked factors are given as points (RFQ-19)."""
        body = request.data
        if not isinstance(body, dict):
            raise InvalidInput([("", _("Send a JSON object."))])
        tried = simulate(
            body,
            seller=request.seller,
            rulebooks=tuple(rulebooks_published(SCORE)),
            today=platform_time.today(),
        )
        answer = {
            "as_of": None,
            "rulebook": tried.rulebook.version,
            "assessed": None,
            "assessed_as_of": None,
            **score_answer(tried.score),
        }
        return Response(ScoreSerializer(answer).data)
