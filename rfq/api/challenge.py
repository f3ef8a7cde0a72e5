"""The GMV challenge over the API (RFQ-23)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal import platform_time
from portal.api.idempotency import IdempotentMixin
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import Refusal
from rfq.challenge.reading import ChallengeMonth, challenge_month, month_now, month_of
from rfq.services.challenge import challenge_claim, challenge_enrol

MONTH = OpenApiParameter(
    "month", str, OpenApiParameter.PATH, description="A Pacific calendar month: `YYYY-MM`."
)


class ClaimSerializer(serializers.Serializer):
    """What a month has earned so far."""

    gmv = serializers.DecimalField(
        max_digits=20, decimal_places=2, help_text="USD paid in the month that count."
    )
    tier_reward = serializers.IntegerField(help_text="Quote rights the GMV earns in all.")
    claimed_now = serializers.IntegerField(help_text="Quote rights granted by this call.")


class TierSerializer(serializers.Serializer):
    """One step of the challenge."""

    gmv = serializers.DecimalField(max_digits=20, decimal_places=2)
    quote_rights = serializers.IntegerField()


class ChallengeSerializer(serializers.Serializer):
    """Where the shop stands in a month."""

    month = serializers.CharField()
    enrolled = serializers.BooleanField()
    gmv = serializers.DecimalField(max_digits=20, decimal_places=2)
    tier_reward = serializers.IntegerField(help_text="Quote rights the GMV earns in all.")
    claimed = serializers.IntegerField(help_text="Quote rights of the month had so far.")
    claimable = serializers.IntegerField(help_text="Quote rights a claim would bring now.")
    ends_at = serializers.DateTimeField(help_text="First instant after the month.")
    closes_at = serializers.DateTimeField(help_text="First instant without claims.")
    tiers = TierSerializer(many=True)
    next = TierSerializer(allow_null=True, help_text="The lowest tier not reached yet.")


def _month_or_404(text: str) -> date:
    """Return the first day of a month; what is no month does not exist."""
    month = month_of(text)
    if month is None:
        raise Http404
    return month


class ChallengeView(ScopedView):
    """`GET /rfq/challenge/{YYYY-MM}`."""

    @extend_schema(
        summary="Where the shop stands in a month of the GMV challenge",
        parameters=[MONTH],
        responses={200: ChallengeSerializer},
    )
    def get(self, request: ScopedRequest, month: str) -> Response:
        """Return GMV, tiers and what can be claimed; a month without a challenge does not exist."""
        first, now = _month_or_404(month), platform_time.now()
        if first > month_now(now):
            raise Http404
        try:
            state = challenge_month(request.seller, first, now)
        except Refusal:
            raise Http404 from None
        return Response(ChallengeSerializer(_answer(state)).data)


def _answer(state: ChallengeMonth) -> dict[str, Any]:
    return {
        "month": f"{state.month:%Y-%m}",
        "enrolled": state.enrolled,
        "gmv": state.gmv,
        "tier_reward": state.tier_reward,
        "claimed": state.claimed or 0,
        "claimable": state.claimable,
        "ends_at": state.ends_at,
        "closes_at": state.closes_at,
        "tiers": state.rules.tiers,
        "next": state.next_tier,
    }


class EnrolView(ScopedView):
    """`POST /rfq/challenge/{YYYY-MM}/enrol`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Take part in the month's GMV challenge",
        parameters=[MONTH],
        request=None,
        responses={
            200: ClaimSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_open`, `closed`."),
        },
    )
    def post(self, request: ScopedRequest, month: str) -> Response:
        """Enrol the shop; again changes nothing. Nothing is claimed by it."""
        first = _month_or_404(month)
        challenge_enrol(member=request.member, month=first)
        state = challenge_month(request.seller, first, platform_time.now())
        answer = {"gmv": state.gmv, "tier_reward": state.tier_reward, "claimed_now": 0}
        return Response(ClaimSerializer(answer).data)


class ClaimView(IdempotentMixin, ScopedView):
    """`POST /rfq/challenge/{YYYY-MM}/claim`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="Claim the quote rights a month has earned",
        parameters=[MONTH],
        request=None,
        responses={
            200: ClaimSerializer,
            409: OpenApiResponse(
                ProblemSerializer,
                description="`not_enrolled`, `nothing_to_claim`, `closed`, `not_open`; or "
                "`idempotency_key_reused`, `idempotency_key_in_use`.",
            ),
        },
    )
    def post(self, request: ScopedRequest, month: str) -> Response:
        """Grant what the month's GMV has earned beyond what was claimed, usable at once."""
        first = _month_or_404(month)

        def act() -> tuple[int, Any]:
            claim = challenge_claim(member=request.member, month=first)
            return 200, ClaimSerializer(claim).data

        return self.answer_once(request, act)
