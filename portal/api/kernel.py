"""Kernel calls of the API."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from drf_spectacular.utils import extend_schema
from portal.api.views import ScopedView


class MeSerializer(serializers.Serializer):
    """Who is calling."""

    member = serializers.CharField()
    seller = serializers.CharField()
    role = serializers.CharField()
    language = serializers.CharField()


class MeView(ScopedView):
    """`GET /me`."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return member, seller, role and language."""
        member = request.member
        return Response(
            {
                "member": member.user.get_username(),
                "seller": member.seller.member_id,
                "role": member.role,
                "language": member.user.language,
            }
        )
