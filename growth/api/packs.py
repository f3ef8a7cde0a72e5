"""Task packs and their rewards over the API (GRO-6 … GRO-8)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.response import Response

from growth.api.shared import TaskSerializer
from growth.choices import PackEdition, PackState, RewardKind, RewardStatus
from growth.models import RewardGrant
from growth.packs.reading import (
    PackReading,
    RewardReading,
    pack_reading,
    pack_readings,
    packs_published,
    reward_grants,
    reward_reading,
)
from growth.services.packs import pack_claim
from growth.services.rewards import reward_choose, reward_use
from portal.api.idempotency import IdempotentMixin
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action

KEYS = "`idempotency_key_reused`, `idempotency_key_in_use`"
CODE = OpenApiParameter("code", str, OpenApiParameter.PATH, description="Code of the pack.")


class PackTaskSerializer(TaskSerializer):
    """A task of a pack with what the shop has reached."""


class ToolSerializer(serializers.Serializer):
    """A tool a coupon can be used for."""

    code = serializers.CharField()
    name_en = serializers.CharField()
    name_zh = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)


class PackRewardSerializer(serializers.Serializer):
    """What a completed pack gives."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(RewardKind.choices)
    title = serializers.CharField()
    choices = ToolSerializer(many=True, help_text="Choose one of these; empty: nothing to choose.")
    amount = serializers.IntegerField()
    programme = serializers.CharField(allow_blank=True)
    valid_months = serializers.IntegerField(help_text="Months it holds once it is used.")
    usable_months = serializers.IntegerField(help_text="Months to use it in before it lapses.")


class PackSerializer(serializers.Serializer):
    """A task pack as the shop stands with it."""

    code = serializers.CharField(source="pack.code")
    title = serializers.CharField(source="pack.title")
    rules = serializers.CharField(source="pack.rules", allow_blank=True)
    edition = serializers.ChoiceField(PackEdition.choices, source="pack.edition")
    state = serializers.ChoiceField(PackState.choices)
    opens_on = serializers.DateField(source="pack.opens_on")
    closes_on = serializers.DateField(source="pack.closes_on", help_text="It counts whole.")
    as_of = serializers.DateField(
        allow_null=True, help_text="The day the tasks are judged by: the last day at most."
    )
    claimed_at = serializers.DateTimeField(source="claim.claimed_at", default=None, allow_null=True)
    tasks = PackTaskSerializer(many=True)
    rewards = PackRewardSerializer(many=True)
    quota = serializers.IntegerField(source="pack.quota", allow_null=True)
    quota_left = serializers.IntegerField(
        allow_null=True,
        help_text="Places less the claims complete as of the day, or less those rewarded; null: no limit.",
    )
    granted_by = serializers.DateField(help_text="Rewards are granted by this day.")


class PackPageSerializer(serializers.Serializer):
    """A page of packs."""

    results = PackSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class PackListView(ScopedView):
    """`GET /growth/packs`."""

    keyset = ("-opens_on", "code")

    @extend_schema(
        summary="Task packs and where the shop stands with each",
        parameters=PAGING,
        responses={200: PackPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return all published packs, the newest first; those not for the shop say so."""
        paginator = KeysetPagination()
        packs = paginator.paginate_queryset(packs_published(), request, self)
        readings = pack_readings(request.seller, packs)
        answer = {
            "results": PackSerializer(readings, many=True).data,
            "next": paginator.get_next_link(),
        }
        return Response(answer)


class PackView(ScopedView):
    """`GET /growth/packs/{code}`."""

    @extend_schema(
        summary="One task pack and where the shop stands with it",
        parameters=[CODE],
        responses={200: PackSerializer},
    )
    def get(self, request: ScopedRequest, code: str) -> Response:
        """Return the pack."""
        return Response(PackSerializer(_pack_or_404(request, code)).data)


class PackClaimView(IdempotentMixin, ScopedView):
    """`POST /growth/packs/{code}/claim`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Claim a task pack for the shop",
        parameters=[CODE],
        request=None,
        responses={
            200: PackSerializer,
            409: OpenApiResponse(
                ProblemSerializer,
                description=f"`not_eligible`, `not_open`, `already_claimed`; or {KEYS}.",
            ),
        },
    )
    def post(self, request: ScopedRequest, code: str) -> Response:
        """Claim it, by hand and inside its window: without a claim nothing is rewarded."""
        pack = _pack_or_404(request, code).pack

        def act() -> tuple[int, Any]:
            pack_claim(member=request.member, pack=pack)
            return 200, PackSerializer(_pack_or_404(request, code)).data

        return self.answer_once(request, act)


def _pack_or_404(request: ScopedRequest, code: str) -> PackReading:
    reading = pack_reading(request.seller, code)
    if reading is None:
        raise Http404
    return reading


# --- Rewards ------------------------------------------------------------------------------------


class RewardGrantSerializer(serializers.Serializer):
    """A reward in the shop's hands."""

    id = serializers.IntegerField(source="grant.pk")
    pack = serializers.CharField(source="pack.code")
    key = serializers.CharField(source="grant.reward.key")
    kind = serializers.ChoiceField(RewardKind.choices, source="grant.reward.kind")
    title = serializers.CharField(source="grant.reward.title")
    amount = serializers.IntegerField(source="grant.reward.amount")
    status = serializers.ChoiceField(RewardStatus.choices)
    choices = ToolSerializer(source="grant.reward.choices", many=True)
    choice = serializers.CharField(
        source="grant.choice", allow_blank=True, help_text="Code of the tool chosen; empty before."
    )
    granted_at = serializers.DateTimeField(source="grant.granted_at")
    usable_until = serializers.DateTimeField(
        source="grant.usable_until", help_text="First instant at which it has lapsed."
    )
    used_at = serializers.DateTimeField(source="grant.used_at", allow_null=True)
    valid_until = serializers.DateTimeField(
        source="grant.valid_until", allow_null=True, help_text="First instant at which it is over."
    )
    voucher = serializers.CharField(source="grant.voucher", allow_blank=True)


class RewardGrantPageSerializer(serializers.Serializer):
    """A page of rewards."""

    results = RewardGrantSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class RewardChoiceSerializer(serializers.Serializer):
    """The tool to choose."""

    choice = serializers.CharField(max_length=60, help_text="`code` of one of the `choices`.")


class RewardListView(ScopedView):
    """`GET /growth/rewards`."""

    keyset = ("-granted_at", "-pk")

    @extend_schema(
        summary="The shop's rewards from task packs",
        parameters=PAGING,
        responses={200: RewardGrantPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the rewards, the newest first."""
        paginator = KeysetPagination()
        grants = paginator.paginate_queryset(reward_grants(), request, self)
        answer = {
            "results": RewardGrantSerializer(map(reward_reading, grants), many=True).data,
            "next": paginator.get_next_link(),
        }
        return Response(answer)


class RewardChooseView(IdempotentMixin, ScopedView):
    """`POST /growth/rewards/{id}/choose`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Choose the tool of a coupon",
        request=RewardChoiceSerializer,
        responses={
            200: RewardGrantSerializer,
            409: OpenApiResponse(
                ProblemSerializer,
                description=f"`already_chosen`, `already_used`, `lapsed`; or {KEYS}.",
            ),
        },
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Choose it, once and for good."""
        grant = grant_or_404(pk)
        sent = RewardChoiceSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        choice = sent.validated_data["choice"]

        def act() -> tuple[int, Any]:
            chosen = reward_choose(member=request.member, grant=grant, choice=choice)
            return 200, RewardGrantSerializer(_reading(chosen)).data

        return self.answer_once(request, act)


class RewardUseView(IdempotentMixin, ScopedView):
    """`POST /growth/rewards/{id}/use`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Use a coupon: it becomes a voucher with a code",
        request=None,
        responses={
            200: RewardGrantSerializer,
            409: OpenApiResponse(
                ProblemSerializer,
                description=f"`choice_missing`, `already_used`, `lapsed`; or {KEYS}.",
            ),
        },
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Use it; the voucher is valid from now on."""
        grant = grant_or_404(pk)

        def act() -> tuple[int, Any]:
            used = reward_use(member=request.member, grant=grant)
            return 200, RewardGrantSerializer(_reading(used)).data

        return self.answer_once(request, act)


def grant_or_404(pk: int) -> RewardGrant:
    """Return a reward of the shop in scope."""
    grant = RewardGrant.objects.filter(pk=pk).first()
    if grant is None:
        raise Http404
    return grant


def _reading(grant: RewardGrant) -> RewardReading:
    return reward_reading(reward_grants().get(pk=grant.pk))
