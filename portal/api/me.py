"""`/me`: who is calling, and for which shop."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Role
from portal.models import Member
from portal.services.people import language_save, memberships_of


class ShopSerializer(serializers.Serializer):
    """A shop the caller belongs to."""

    seller = serializers.CharField(source="seller.member_id", help_text="Member id.")
    name = serializers.CharField(source="seller.name")
    role = serializers.ChoiceField(choices=Role.choices)


class MeSerializer(serializers.Serializer):
    """Who is calling."""

    member = serializers.CharField(source="user.username", help_text="Username.")
    seller = serializers.CharField(source="seller.member_id", help_text="Member id of the shop.")
    role = serializers.ChoiceField(choices=Role.choices)
    language = serializers.CharField(source="user.language")
    shops = ShopSerializer(many=True, help_text="Every shop the caller can act for.")


class LanguageSerializer(serializers.Serializer):
    """What a person can change about themselves."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES)


class MeView(ScopedView):
    """The calling member."""

    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return member, shop, role and language, and the other shops of the caller."""
        return Response(_me(request.member))

    @extend_schema(operation_id="me_update", request=LanguageSerializer, responses=MeSerializer)
    def patch(self, request: ScopedRequest) -> Response:
        """Choose the language of answers, notices and mails."""
        body = LanguageSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        language_save(user=request.user, language=body.validated_data["language"])
        request.user.refresh_from_db(fields=["language"])
        return Response(_me(request.member))


def _me(member: Member) -> dict[str, object]:
    member.user.refresh_from_db(fields=["language"])
    member.shops = memberships_of(member.user)  # type: ignore[attr-defined]
    return dict(MeSerializer(member).data)
