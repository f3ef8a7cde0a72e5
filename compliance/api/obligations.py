"""Declarations, their ticks and the calendar's address over the API (EPR-9)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from compliance.choices import EprCategory, ObligationState
from compliance.models import Certificate
from compliance.obligations.lead_times import LeadTime, lead_times_of
from compliance.obligations.reading import Obligation, calendar_of
from compliance.services.obligations import (
    declaration_tick,
    feed_create,
    feed_remove,
    feeds_live,
)
from portal import platform_time
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput


class PeriodSerializer(serializers.Serializer):
    """What a declaration is about."""

    start = serializers.DateField(source="due.period_start")
    end = serializers.DateField(source="due.period_end", help_text="Last day.")
    text = serializers.CharField(source="period", help_text="In the caller's language.")
    planned = serializers.BooleanField(
        source="due.is_plan", help_text="Amounts to come, not amounts that were."
    )


class ObligationSerializer(serializers.Serializer):
    """One declaration of a registration."""

    certificate = serializers.IntegerField(source="certificate.pk")
    country = serializers.CharField(source="certificate.country")
    category = serializers.ChoiceField(EprCategory.choices, source="certificate.category")
    number = serializers.CharField(source="certificate.number")
    due_on = serializers.DateField(source="due.due_on", help_text="Last day, Pacific.")
    period = PeriodSerializer(source="*")
    state = serializers.ChoiceField(ObligationState.choices)
    declared_at = serializers.DateTimeField(allow_null=True)
    can_be_ticked = serializers.BooleanField(
        help_text="The period is over, or amounts to come are asked for."
    )


class MissingNumberSerializer(serializers.Serializer):
    """A number the shop lacks for live products, and until when to begin."""

    country = serializers.CharField(source="requirement.country")
    category = serializers.ChoiceField(EprCategory.choices, source="requirement.category")
    products = serializers.IntegerField(help_text="Live products that need it.")
    weeks = serializers.ListField(
        child=serializers.IntegerField(),
        source="requirement.weeks",
        help_text="How long registering takes: least and most.",
    )
    register_before = serializers.DateField(
        allow_null=True, help_text="Last day to begin registering in time."
    )
    interrupts_on = serializers.DateField(source="requirement.interrupts_on", allow_null=True)


class ObligationListSerializer(serializers.Serializer):
    """The calendar: a year back, and far enough ahead for every yearly declaration."""

    results = ObligationSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always null: all of them are here.")
    missing = MissingNumberSerializer(many=True)


class TickSerializer(serializers.Serializer):
    """Which declaration was made."""

    certificate = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    due_on = serializers.DateField()
    done = serializers.BooleanField(default=True, help_text="`false` takes the tick back.")


class ObligationListView(ScopedView):
    """`GET /compliance/obligations`."""

    @extend_schema(
        summary="What the shop has to declare, and the numbers it lacks",
        parameters=[OpenApiParameter("state", str, enum=ObligationState.values)],
        responses={200: ObligationListSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return declarations by due day, and what to register with its last day to begin."""
        state = request.query_params.get("state", "")
        if state and state not in ObligationState.values:
            raise InvalidInput([("state", f"{', '.join(ObligationState.values)}")])
        now = platform_time.now()
        rows: list[Obligation] = [
            one for one in calendar_of(now).obligations if not state or one.state == state
        ]
        missing: list[LeadTime] = lead_times_of(request.seller, now)
        answer = {"results": rows, "next": None, "missing": missing}
        return Response(ObligationListSerializer(answer).data)


class TickView(ScopedView):
    """`POST /compliance/obligations/tick`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="Note that a declaration was made, or take that back",
        request=TickSerializer,
        responses={200: ObligationSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Tick one declaration; again changes nothing (EPR-9)."""
        sent = TickSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        data = sent.validated_data
        certificate = Certificate.objects.filter(pk=data["certificate"]).first()
        if certificate is None:
            raise Http404
        declaration_tick(
            member=request.member,
            certificate=certificate,
            due_on=data["due_on"],
            done=data["done"],
        )
        found = (
            one
            for one in calendar_of(platform_time.now()).obligations
            if certificate.pk in one.registration.pks and one.due.due_on == data["due_on"]
        )
        return Response(ObligationSerializer(next(found)).data)


# --- The calendar's address ---------------------------------------------------------------------


class FeedSerializer(serializers.Serializer):
    """Whether the calendar can be read at a secret address."""

    active = serializers.BooleanField()
    created_at = serializers.DateTimeField(allow_null=True)


class FeedAddressSerializer(serializers.Serializer):
    """The secret address; it is never shown again."""

    url = serializers.URLField()


class FeedView(ScopedView):
    """`GET`, `POST` and `DELETE /compliance/calendar-feed`."""

    write_action = Action.MANAGE_MEMBERS

    @extend_schema(
        summary="Whether the calendar has a secret address", responses={200: FeedSerializer}
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the state, never the address."""
        feed = feeds_live().first()
        row = {"active": feed is not None, "created_at": feed.created_at if feed else None}
        return Response(FeedSerializer(row).data)

    @extend_schema(
        summary="Make the calendar's secret address, or a new one instead of the old",
        request=None,
        responses={201: FeedAddressSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Return the address, this once; an older one leads nowhere from now on."""
        path = reverse("compliance:calendar-file", args=[feed_create(member=request.member)])
        row: dict[str, Any] = {"url": settings.BASE_URL + path}
        headers = {"Cache-Control": "no-store"}
        return Response(FeedAddressSerializer(row).data, status=201, headers=headers)

    @extend_schema(
        summary="Remove the calendar's secret address",
        responses={204: OpenApiResponse(description="It leads nowhere, or there was none.")},
    )
    def delete(self, request: ScopedRequest) -> Response:
        """Let the address lead nowhere."""
        feed_remove(member=request.member)
        return Response(status=204)
