"""`/notices` and `/notice-preferences`: the inbox of the calling member in this shop (K-18)."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from portal.api.filters import KnownFilter, TruthFilter
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.models import Notice
from portal.notice_kinds import NOTICE_KINDS
from portal.services.notices import (
    notice_mark_read,
    notice_preferences,
    notice_preferences_save,
    notice_unread_count,
)


class NoticeSerializer(serializers.ModelSerializer):
    """A notice in the caller's language."""

    title = serializers.CharField()
    body = serializers.CharField()
    link = serializers.CharField(help_text="Path of the portal's page, or empty.")

    class Meta:
        model = Notice
        fields = ["id", "kind", "title", "body", "link", "created_at", "read_at"]
        read_only_fields = fields


class NoticeFilter(django_filters.FilterSet):
    """By kind and whether it was read."""

    kind = KnownFilter(known=NOTICE_KINDS, label="Kind of notice.")
    unread = TruthFilter(
        field_name="read_at", lookup_expr="isnull", label="Unread ones only, or read ones only."
    )

    class Meta:
        model = Notice
        fields: list[str] = []


class NoticeList(ScopedView, generics.ListAPIView):
    """The caller's notices in this shop, newest first."""

    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    cursor_ordering = ("-created_at", "-pk")

    def get_queryset(self) -> QuerySet[Notice]:
        """Return the caller's own; a colleague's are not theirs to read."""
        if getattr(self, "swagger_fake_view", False):
            return Notice.objects.none()
        return Notice.objects.filter(user_id=self.request.user.pk or 0)


class ReadNoticesSerializer(serializers.Serializer):
    """Which notices to mark."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=500,
        help_text="Ids of own notices; without it all of them.",
    )


class UnreadSerializer(serializers.Serializer):
    """What is left to read."""

    unread = serializers.IntegerField()


class NoticesRead(ScopedView):
    """Marking notices as read."""

    @extend_schema(
        operation_id="notices_read",
        request=ReadNoticesSerializer,
        responses={200: UnreadSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Mark own notices as read; ids of anything else are passed over. Answers what is left."""
        body = ReadNoticesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        notice_mark_read(
            user=request.user, seller=request.seller, notice_ids=body.validated_data.get("ids")
        )
        unread = notice_unread_count(user=request.user, seller=request.seller)
        return Response({"unread": unread})


class PreferenceSerializer(serializers.Serializer):
    """Whether a kind of notice is mailed to the caller."""

    kind = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="Name of the kind, in the caller's language."
    )
    email = serializers.BooleanField()


class PreferencesSerializer(serializers.Serializer):
    """Every kind a member can receive."""

    results = PreferenceSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


class PreferencesUpdateSerializer(serializers.Serializer):
    """Choices to change; kinds not named stay."""

    email = serializers.DictField(
        child=serializers.BooleanField(), help_text="Kind → whether it is mailed."
    )


class NoticePreferences(ScopedView):
    """The caller's choices in this shop."""

    @extend_schema(operation_id="notice_preferences", responses=PreferencesSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return every kind with the caller's choice or its default."""
        return Response(self._preferences(request))

    @extend_schema(
        operation_id="notice_preferences_update",
        request=PreferencesUpdateSerializer,
        responses={200: PreferencesSerializer, 400: ProblemSerializer},
    )
    def patch(self, request: ScopedRequest) -> Response:
        """Change choices; an unknown kind refuses the whole change."""
        body = PreferencesUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        notice_preferences_save(member=request.member, email=body.validated_data["email"])
        return Response(self._preferences(request))

    def _preferences(self, request: ScopedRequest) -> dict[str, object]:
        rows = [
            {"kind": kind.code, "label": kind.label, "email": email}
            for kind, email in notice_preferences(member=request.member)
        ]
        return {"results": rows, "next": None}
