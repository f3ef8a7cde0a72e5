"""`/members`: who works for the shop; an owner's business alone (K-7)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import BasePermission
from rest_framework.response import Response

from portal.api.permissions import IsMember
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action, Role
from portal.models import Member
from portal.services.members import member_change_role, member_deactivate, member_invite


class ManagesMembers(BasePermission):
    """The caller's role grants member management, reading included."""

    message = _("Only an owner manages the members of a shop.")

    def has_permission(self, request: Any, view: Any) -> bool:
        """Tell whether the caller is an owner."""
        return bool(request.member and request.member.can(Action.MANAGE_MEMBERS))


class MemberSerializer(serializers.ModelSerializer):
    """A person's role in the shop."""

    username = serializers.CharField(source="user.username")
    email = serializers.CharField(source="user.email")
    active = serializers.BooleanField(source="is_active")
    last_login = serializers.DateTimeField(source="user.last_login", allow_null=True)

    class Meta:
        model = Member
        fields = ["username", "email", "role", "active", "last_login"]
        read_only_fields = fields


class InviteSerializer(serializers.Serializer):
    """A person to invite."""

    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)


class RoleSerializer(serializers.Serializer):
    """Another role."""

    role = serializers.ChoiceField(choices=Role.choices)


class MembersView(ScopedView, generics.GenericAPIView):
    """What the calls about members share."""

    permission_classes = [IsMember, ManagesMembers]
    serializer_class = MemberSerializer
    lookup_field = "user__username"
    lookup_url_kwarg = "username"
    cursor_ordering = ("pk",)

    def get_queryset(self) -> QuerySet[Member]:
        """Return the members in scope, former ones too."""
        if getattr(self, "swagger_fake_view", False):
            return Member.objects.none()
        return Member.objects.select_related("user", "seller")


class MemberList(MembersView, generics.ListAPIView):
    """The shop's members, former ones included."""

    @extend_schema(
        operation_id="members_invite",
        request=InviteSerializer,
        responses={201: MemberSerializer, 409: ProblemSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Invite a person; they choose a password by mail. Refuses `taken`."""
        body = InviteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = member_invite(actor=request.user, seller=request.seller, **body.validated_data)
        return Response(MemberSerializer(member).data, status=201)


class MemberDetail(MembersView, generics.RetrieveAPIView):
    """One member of the shop."""

    @extend_schema(
        operation_id="members_change_role",
        request=RoleSerializer,
        responses={200: MemberSerializer, 409: ProblemSerializer},
    )
    def patch(self, request: ScopedRequest, username: str) -> Response:
        """Give a member another role. Refuses `last_owner`."""
        body = RoleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = member_change_role(
            actor=request.user, member=self.get_object(), role=body.validated_data["role"]
        )
        return Response(MemberSerializer(member).data)


class MemberDeactivate(MembersView):
    """Ending a membership."""

    @extend_schema(
        operation_id="members_deactivate",
        request=None,
        responses={200: MemberSerializer, 409: ProblemSerializer},
    )
    def post(self, request: ScopedRequest, username: str) -> Response:
        """End a membership; what the person did stays. Refuses `last_owner`, `not_active`."""
        member = member_deactivate(actor=request.user, member=self.get_object())
        return Response(MemberSerializer(member).data)
