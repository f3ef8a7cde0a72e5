"""Rights of the membership and the upgrade request over the API (GRO-15)."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from growth.choices import AffiliationWay, RightGroup, RightState
from growth.membership.reading import rights_of
from growth.models import UpgradeRequest
from growth.services.upgrade_requests import (
    MAX_CONTACT,
    MAX_PHONE,
    MAX_WISHES,
    open_request,
    upgrade_request_cancel,
    upgrade_request_make,
)
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action, CompanyType, Membership


class IdentitySerializer(serializers.Serializer):
    """Who the shop is."""

    member_id = serializers.CharField()
    name = serializers.CharField()
    membership = serializers.ChoiceField(Membership.choices)
    company_type = serializers.ChoiceField(CompanyType.choices)
    industry = serializers.CharField(source="industry.code", help_text="Code of the category.")
    service_ends_on = serializers.DateField(allow_null=True, help_text="Last Pacific day.")


class RightSerializer(serializers.Serializer):
    """A right of the membership as the shop stands with it."""

    key = serializers.CharField(source="right.key")
    group = serializers.ChoiceField(RightGroup.choices, source="right.group")
    title = serializers.CharField(source="right.title", help_text="In the caller's language.")
    text = serializers.CharField(source="right.text")
    priority = serializers.BooleanField(source="right.priority")
    state = serializers.ChoiceField(
        RightState.choices, help_text="`locked`: verified sellers have it."
    )
    note = serializers.CharField(help_text="Where the shop stands, in words.", allow_blank=True)
    left = serializers.IntegerField(
        allow_null=True, help_text="What remains; null: unlimited, or nothing that is counted."
    )
    unlimited = serializers.BooleanField()
    total = serializers.IntegerField(allow_null=True)
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="First instant at which something of it is gone."
    )
    expires_soon = serializers.BooleanField()
    basic = serializers.CharField(
        source="right.for_basic", allow_blank=True, help_text="What basic sellers get of it."
    )
    verified = serializers.CharField(
        source="right.for_verified", help_text="What verified sellers get of it."
    )
    url = serializers.CharField(allow_blank=True, help_text="Page where it is used.")


class UpgradeSerializer(serializers.ModelSerializer):
    """A request to become verified."""

    class Meta:
        model = UpgradeRequest
        fields = [
            "id", "status", "contact", "phone", "wishes", "asked_at", "due_at", "handled_at", "answer",
        ]  # fmt: skip
        read_only_fields = fields


class RightsSerializer(serializers.Serializer):
    """The rights centre."""

    as_of = serializers.DateField(
        allow_null=True, help_text="Day of the numbers a night counts; all else is as of now."
    )
    identity = IdentitySerializer()
    years = serializers.IntegerField(allow_null=True, help_text="Running year since opening.")
    combined_by = serializers.ChoiceField(
        AffiliationWay.choices,
        allow_null=True,
        help_text="Why the shop and its second company count as one; null: they do not.",
    )
    used = serializers.IntegerField()
    unused = serializers.IntegerField()
    locked = serializers.IntegerField()
    rights = RightSerializer(many=True)
    upgrade = UpgradeSerializer(allow_null=True, help_text="The newest request, open or not.")


class UpgradeAskSerializer(serializers.Serializer):
    """Whom staff call."""

    contact = serializers.CharField(max_length=MAX_CONTACT)
    phone = serializers.CharField(max_length=MAX_PHONE)
    wishes = serializers.CharField(
        max_length=MAX_WISHES, required=False, allow_blank=True, default=""
    )


def _newest() -> UpgradeRequest | None:
    found: UpgradeRequest | None = UpgradeRequest.objects.order_by("-asked_at", "-pk").first()
    return found


class RightsView(ScopedView):
    """`GET /growth/rights`."""

    @extend_schema(summary="Rights of the membership", responses={200: RightsSerializer})
    def get(self, request: ScopedRequest) -> Response:
        """Return who the shop is, every right with its use, and what the membership lacks (GRO-15)."""
        rights = rights_of(request.seller)
        affiliate = rights.strength.affiliate
        answer = {
            "as_of": rights.as_of,
            "identity": request.seller,
            "years": rights.years,
            "combined_by": affiliate.rule.way if affiliate and affiliate.rule else None,
            "used": rights.used,
            "unused": rights.unused,
            "locked": rights.locked,
            "rights": rights.rights,
            "upgrade": _newest(),
        }
        return Response(RightsSerializer(answer).data)


class UpgradeRequestView(ScopedView):
    """`GET` and `POST /growth/upgrade-request`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="The shop's newest request to become verified",
        responses={200: UpgradeSerializer, 404: ProblemSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return it; 404 when the shop has never asked."""
        asked = _newest()
        if asked is None:
            raise Http404
        return Response(UpgradeSerializer(asked).data)

    @extend_schema(
        summary="Ask to become verified",
        request=UpgradeAskSerializer,
        responses={
            201: UpgradeSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`already_requested`, `already_verified`."
            ),
        },
    )
    def post(self, request: ScopedRequest) -> Response:
        """Ask; staff follow up by `due_at` (GRO-15)."""
        sent = UpgradeAskSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = upgrade_request_make(member=request.member, **sent.validated_data)
        return Response(UpgradeSerializer(made).data, status=201)


class UpgradeRequestCancelView(ScopedView):
    """`POST /growth/upgrade-request/cancel`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Take back the request that is open",
        request=None,
        responses={
            200: UpgradeSerializer,
            404: ProblemSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_open`: staff have begun."),
        },
    )
    def post(self, request: ScopedRequest) -> Response:
        """Take it back while nobody has begun with it."""
        asked = open_request()
        if asked is None:
            raise Http404
        asked = upgrade_request_cancel(member=request.member, request=asked)
        return Response(UpgradeSerializer(asked).data)
