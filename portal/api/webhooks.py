"""`/webhooks`: the shop's endpoints, their log, and replaying; an owner's business alone (API-1, K-7)."""

from __future__ import annotations

import uuid
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import BasePermission
from rest_framework.response import Response

from portal.api.facts import DayRangeFilter
from portal.api.filters import KnownFilter
from portal.api.idempotency import IdempotentMixin
from portal.api.permissions import IsMember
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action, DeliveryError, DeliveryState, WebhookDisabled, WebhookStatus
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.models.webhooks import MAX_URL
from portal.services.webhook_events import (
    deliveries_replay_failed,
    delivery_of,
    delivery_replay,
    webhook_test,
)
from portal.services.webhooks import (
    MAX_DESCRIPTION,
    webhook_change,
    webhook_create,
    webhook_delete,
    webhook_input,
    webhook_pause,
    webhook_resume,
    webhook_rotate,
)
from portal.webhooks.events import WEBHOOK_EVENTS, webhook_kinds
from portal.webhooks.signing import secret_text


class ManagesWebhooks(BasePermission):
    """The caller's role grants the management of webhooks, reading included."""

    message = _("Only an owner manages the webhooks of a shop.")

    def has_permission(self, request: Any, view: Any) -> bool:
        """Tell whether the caller is an owner."""
        return bool(request.member and request.member.can(Action.MANAGE_WEBHOOKS))


# --- Shapes -------------------------------------------------------------------------------------


class WebhookEventKindSerializer(serializers.Serializer):
    """A type of event an endpoint can be told of."""

    type = serializers.CharField()
    version = serializers.IntegerField()
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="In the caller's language."
    )
    about = serializers.CharField()
    example = serializers.JSONField(help_text="What `data` of such an event looks like.")


class WebhookEventKindsSerializer(serializers.Serializer):
    """Every type of event."""

    results = WebhookEventKindSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


class WebhookSerializer(serializers.ModelSerializer):
    """An endpoint of the shop."""

    id = serializers.UUIDField(source="uid")
    events = serializers.ListField(child=serializers.CharField(), source="event_types")
    status = serializers.ChoiceField(choices=WebhookStatus.choices)
    disabled_reason = serializers.ChoiceField(
        choices=[*WebhookDisabled.choices, ("", "–")], help_text="Empty unless `disabled`."
    )
    secret_overlaps_until = serializers.DateTimeField(
        source="previous_until",
        allow_null=True,
        help_text="Until then events are signed with the secret before, too.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "url",
            "description",
            "events",
            "status",
            "disabled_reason",
            "disabled_at",
            "created_at",
            "failures",
            "failing_since",
            "resting_until",
            "secret_overlaps_until",
        ]
        read_only_fields = fields


class WebhookSecretSerializer(WebhookSerializer):
    """An endpoint with its new secret, which is shown this once."""

    secret = serializers.CharField(
        help_text="`whsec_…`: key of the signatures (Standard Webhooks). Not shown again."
    )

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class WebhookCreateSerializer(serializers.Serializer):
    """An endpoint to add."""

    url = serializers.CharField(max_length=MAX_URL, help_text="HTTPS, on the public internet.")
    events = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=50
    )
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, default=""
    )


class WebhookChangeSerializer(serializers.Serializer):
    """What to change; what is not named stays."""

    url = serializers.CharField(max_length=MAX_URL, required=False)
    events = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=50, required=False
    )
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True
    )


class WebhookDeliverySerializer(serializers.ModelSerializer):
    """What became of an event at an endpoint; all but the counts tells of the last attempt."""

    event = serializers.CharField(source="event.external_id", help_text="`evt_…`")
    type = serializers.CharField(source="event.type")
    occurred_at = serializers.DateTimeField(source="event.occurred_at")
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    next_attempt_at = serializers.DateTimeField(source="due_at", allow_null=True)
    error = serializers.ChoiceField(choices=[*DeliveryError.choices, ("", "–")])

    class Meta:
        model = WebhookDelivery
        fields = [
            "event",
            "type",
            "occurred_at",
            "state",
            "attempts",
            "replays",
            "attempted_at",
            "next_attempt_at",
            "delivered_at",
            "status",
            "error",
            "excerpt",
            "milliseconds",
        ]
        read_only_fields = fields


class WebhookDeliveryDetailSerializer(WebhookDeliverySerializer):
    """The same, with what is sent."""

    payload = serializers.JSONField(source="event.payload")

    class Meta(WebhookDeliverySerializer.Meta):
        fields = [*WebhookDeliverySerializer.Meta.fields, "payload"]
        read_only_fields = fields


class ReplaySerializer(serializers.Serializer):
    """From when on."""

    since = serializers.DateTimeField(help_text="Events that occurred at this instant or later.")


class ReplayedSerializer(serializers.Serializer):
    """What a replay did."""

    replayed = serializers.IntegerField(help_text="Events that are sent again.")


# --- Endpoints ----------------------------------------------------------------------------------


class WebhookView(ScopedView, generics.GenericAPIView):
    """What the calls about webhooks share."""

    permission_classes = [IsMember, ManagesWebhooks]
    serializer_class = WebhookSerializer
    lookup_field = "uid"
    cursor_ordering = ("pk",)

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        """Return the endpoints in scope."""
        if getattr(self, "swagger_fake_view", False):
            return WebhookEndpoint.objects.none()
        return WebhookEndpoint.objects.select_related("seller").prefetch_related("subscriptions")

    def answer(self, endpoint: WebhookEndpoint) -> dict[str, Any]:
        """Return an endpoint as it is now."""
        data: dict[str, Any] = WebhookSerializer(self.get_queryset().get(pk=endpoint.pk)).data
        return data


class WebhookEventKinds(ScopedView):
    """`GET /webhook-events`."""

    @extend_schema(
        summary="The events an endpoint can be told of",
        operation_id="webhook_events_list",
        responses=WebhookEventKindsSerializer,
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return every type with an example of its `data`."""
        kinds = [
            {
                "type": kind.type,
                "version": kind.version,
                "label": str(kind.label),
                "about": str(kind.about),
                "example": kind.example,
            }
            for kind in webhook_kinds()
        ]
        return Response({"results": kinds, "next": None})


class WebhookList(IdempotentMixin, WebhookView, generics.ListAPIView):
    """The shop's endpoints."""

    @extend_schema(
        operation_id="webhooks_create",
        request=WebhookCreateSerializer,
        responses={
            201: WebhookSecretSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`too_many`: ten are the most."),
        },
    )
    def post(self, request: ScopedRequest) -> Response:
        """Add an endpoint; the answer has its secret, which is not shown again."""
        body = WebhookCreateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = webhook_input(**body.validated_data)

        def act() -> tuple[int, Any]:
            made, _secret = webhook_create(member=request.member, wanted=wanted)
            return 201, self.answer(made)

        answer = self.answer_once(request, act)
        # Not kept with the answer: it follows from the endpoint, also for who asks again.
        made = WebhookEndpoint.objects.filter(uid=answer.data["id"]).first()
        answer.data = {**answer.data, "secret": secret_text(made.secret_salt) if made else ""}
        return answer


class WebhookDetail(WebhookView, generics.RetrieveAPIView):
    """One endpoint of the shop."""

    @extend_schema(
        operation_id="webhooks_change",
        request=WebhookChangeSerializer,
        responses={200: WebhookSerializer, 409: ProblemSerializer},
    )
    def patch(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Change it; what waits goes to the new address."""
        endpoint = self.get_object()
        body = WebhookChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = webhook_input(**body.validated_data)
        webhook_change(member=request.member, endpoint=endpoint, wanted=wanted)
        return Response(self.answer(endpoint))

    @extend_schema(operation_id="webhooks_delete", responses={204: None, 409: ProblemSerializer})
    def delete(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Remove it with its log; nothing more is sent."""
        webhook_delete(member=request.member, endpoint=self.get_object())
        return Response(status=204)


class WebhookRotate(WebhookView):
    """Giving an endpoint a new secret."""

    @extend_schema(
        operation_id="webhooks_rotate",
        request=None,
        responses={200: WebhookSecretSerializer, 409: ProblemSerializer},
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Make a new secret; the one before counts for another 24 hours."""
        endpoint, secret = webhook_rotate(member=request.member, endpoint=self.get_object())
        return Response({**self.answer(endpoint), "secret": secret})


class WebhookPause(WebhookView):
    """Sending nothing for now."""

    @extend_schema(
        operation_id="webhooks_pause",
        request=None,
        responses={
            200: WebhookSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_active`."),
        },
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Pause it: what happens meanwhile is not told, what waits stays."""
        endpoint = webhook_pause(member=request.member, endpoint=self.get_object())
        return Response(self.answer(endpoint))


class WebhookResume(WebhookView):
    """Sending again."""

    @extend_schema(
        operation_id="webhooks_resume",
        request=None,
        responses={
            200: WebhookSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`already_active`, `disabled_by_staff`."
            ),
        },
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Activate a paused or disabled endpoint; replay what it missed."""
        endpoint = webhook_resume(member=request.member, endpoint=self.get_object())
        return Response(self.answer(endpoint))


class WebhookTest(WebhookView):
    """Trying an endpoint out."""

    @extend_schema(
        operation_id="webhooks_test",
        request=None,
        responses={
            201: WebhookDeliveryDetailSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_active`, `too_many_tests`."),
        },
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Send an event of the type `webhook.test`, at most five a minute."""
        made = webhook_test(member=request.member, endpoint=self.get_object())
        return Response(_detail(uid, made.event.external_id), status=201)


# --- Deliveries ---------------------------------------------------------------------------------


class WebhookDeliveryFilter(DayRangeFilter):
    """By state and type, and by the days on which the events occurred."""

    instant = "event__occurred_at"
    state = django_filters.ChoiceFilter(choices=DeliveryState.choices)
    type = KnownFilter("event__type", known=WEBHOOK_EVENTS, label="Type of event.")

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []


class WebhookDeliveryList(ScopedView, generics.ListAPIView):
    """What was sent to an endpoint and what waits, newest first."""

    permission_classes = [IsMember, ManagesWebhooks]
    serializer_class = WebhookDeliverySerializer
    filterset_class = WebhookDeliveryFilter
    cursor_ordering = ("-pk",)

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        """Return the deliveries of one endpoint in scope."""
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        endpoint = WebhookEndpoint.objects.filter(uid=self.kwargs["uid"]).first()
        if endpoint is None:
            raise Http404
        return WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event")


class WebhookDeliveryDetail(ScopedView):
    """One delivery."""

    permission_classes = [IsMember, ManagesWebhooks]

    @extend_schema(
        operation_id="webhook_deliveries_retrieve", responses=WebhookDeliveryDetailSerializer
    )
    def get(self, request: ScopedRequest, uid: uuid.UUID, event: str) -> Response:
        """Return what became of an event at an endpoint, and what is sent."""
        return Response(_detail(uid, event))


class WebhookDeliveryReplay(ScopedView):
    """Sending one event again."""

    permission_classes = [IsMember, ManagesWebhooks]

    @extend_schema(
        operation_id="webhook_deliveries_replay",
        request=None,
        responses={
            200: WebhookDeliveryDetailSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_active`, `still_waiting`."),
        },
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID, event: str) -> Response:
        """Send it once more, under its id, with all attempts."""
        delivery_replay(member=request.member, delivery=_found(uid, event))
        return Response(_detail(uid, event))


class WebhookReplay(WebhookView):
    """Sending again what failed."""

    @extend_schema(
        operation_id="webhooks_replay",
        request=ReplaySerializer,
        responses={
            200: ReplayedSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_active`."),
        },
    )
    def post(self, request: ScopedRequest, uid: uuid.UUID) -> Response:
        """Send every event again that occurred since an instant and could not be delivered."""
        endpoint = self.get_object()
        body = ReplaySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        count = deliveries_replay_failed(
            member=request.member, endpoint=endpoint, since=body.validated_data["since"]
        )
        return Response({"replayed": count})


def _found(uid: uuid.UUID, event: str) -> WebhookDelivery:
    found = delivery_of(uid, event)
    if found is None:
        raise Http404
    return found


def _detail(uid: uuid.UUID, event: str) -> dict[str, Any]:
    data: dict[str, Any] = WebhookDeliveryDetailSerializer(_found(uid, event)).data
    return data
