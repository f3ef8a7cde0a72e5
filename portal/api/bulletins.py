"""`/bulletins`: what concerns the shop, and its questions to the platform (K-17)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.models import Bulletin, BulletinQuestion
from portal.rule_changes import rule_change_for
from portal.services.bulletins import (
    QUESTION_LENGTH,
    bulletin_ask,
    bulletin_find,
    bulletin_mark_read,
    bulletins_for,
)


class ActionSerializer(serializers.Serializer):
    """Something to do, and where in the portal."""

    text = serializers.CharField()
    url = serializers.CharField(help_text="Path of the portal's page.")


class LinkedRulebookSerializer(serializers.Serializer):
    """The rules a bulletin announces; see `/rulebooks`."""

    module = serializers.CharField()
    version = serializers.CharField()
    effective_from = serializers.DateField()


class BulletinSerializer(serializers.ModelSerializer):
    """A bulletin in the caller's language."""

    title = serializers.CharField()
    body = serializers.CharField(help_text="Plain text; blank lines separate paragraphs.")
    actions = ActionSerializer(source="action_items", many=True)
    rulebook = LinkedRulebookSerializer(allow_null=True)
    is_read = serializers.BooleanField(help_text="Whether the caller has opened it.")
    questions_open = serializers.BooleanField()

    class Meta:
        model = Bulletin
        fields = [
            "slug",
            "title",
            "body",
            "actions",
            "effective_on",
            "published_at",
            "questions_until",
            "questions_open",
            "rulebook",
            "is_read",
        ]
        read_only_fields = fields


class BulletinsSerializer(serializers.Serializer):
    """Every bulletin that concerns the shop."""

    results = BulletinSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


class BulletinList(ScopedView):
    """Published bulletins whose audience includes the shop."""

    @extend_schema(operation_id="bulletins_list", responses={200: BulletinsSerializer})
    def get(self, request: ScopedRequest) -> Response:
        """Return them, unread first, then newest."""
        bulletins = bulletins_for(seller=request.seller, member=request.member)
        return Response({"results": BulletinSerializer(bulletins, many=True).data, "next": None})


def _find(request: Any, slug: str) -> Bulletin:
    try:
        return bulletin_find(seller=request.seller, member=request.member, slug=slug)
    except Bulletin.DoesNotExist as error:
        raise Http404 from error


class BulletinDetail(ScopedView):
    """One bulletin."""

    @extend_schema(operation_id="bulletins_retrieve", responses=BulletinSerializer)
    def get(self, request: ScopedRequest, slug: str) -> Response:
        """Return it; a bulletin for other shops does not exist here."""
        return Response(BulletinSerializer(_find(request, slug)).data)


class ChangeRowSerializer(serializers.Serializer):
    """One figure under the old and the new rules; `direction` is 1 better, 0 the same, −1 worse."""

    label = serializers.CharField()  # type: ignore[assignment]
    before = serializers.CharField()
    after = serializers.CharField()
    direction = serializers.IntegerField()
    note = serializers.CharField()


class ChangeTableSerializer(serializers.Serializer):
    """Figures that belong together, and their sum."""

    title = serializers.CharField()
    rows = ChangeRowSerializer(many=True)
    total = ChangeRowSerializer(allow_null=True)


class RuleChangeSerializer(serializers.Serializer):
    """What a rulebook changes for the shop, on its figures as of a day."""

    before = serializers.CharField(help_text="Version of the rules before.")
    after = serializers.CharField(help_text="Version of the rules that replace them.")
    starts_on = serializers.DateField()
    as_of = serializers.DateField()
    summary = serializers.CharField()
    tables = ChangeTableSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())


class BulletinChangeSerializer(serializers.Serializer):
    """What a bulletin's rules change for the shop; null when it brings none, or none can be told."""

    change = RuleChangeSerializer(allow_null=True)


class BulletinChange(ScopedView):
    """What changes for the shop."""

    @extend_schema(operation_id="bulletins_change", responses={200: BulletinChangeSerializer})
    def get(self, request: ScopedRequest, slug: str) -> Response:
        """Return the shop's own figures under the rules before and under the bulletin's (K-17)."""
        change = rule_change_for(request.seller, _find(request, slug).rulebook)
        return Response(BulletinChangeSerializer({"change": change}).data)


class BulletinRead(ScopedView):
    """Having read a bulletin."""

    @extend_schema(operation_id="bulletins_read", request=None, responses={200: BulletinSerializer})
    def post(self, request: ScopedRequest, slug: str) -> Response:
        """Remember that the caller has read it."""
        bulletin_mark_read(member=request.member, bulletin=_find(request, slug))
        return Response(BulletinSerializer(_find(request, slug)).data)


class QuestionSerializer(serializers.ModelSerializer):
    """A question of the shop and its answer."""

    asked_by = serializers.CharField(source="member.user.username", default=None, allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = BulletinQuestion
        fields = ["id", "text", "asked_by", "asked_at", "answer", "answered_at"]
        read_only_fields = fields


class AskSerializer(serializers.Serializer):
    """A question."""

    text = serializers.CharField(max_length=QUESTION_LENGTH)


class BulletinQuestions(ScopedView, generics.ListAPIView):
    """The shop's own questions on a bulletin, newest first."""

    serializer_class = QuestionSerializer
    cursor_ordering = ("-asked_at", "-pk")

    def get_queryset(self) -> QuerySet[BulletinQuestion]:
        """Return the questions in scope."""
        if getattr(self, "swagger_fake_view", False):
            return BulletinQuestion.objects.none()
        bulletin = _find(self.request, self.kwargs["slug"])
        return BulletinQuestion.objects.filter(bulletin=bulletin).select_related("member__user")

    @extend_schema(
        operation_id="bulletins_questions_create",
        request=AskSerializer,
        responses={201: QuestionSerializer, 409: ProblemSerializer},
    )
    def post(self, request: ScopedRequest, slug: str) -> Response:
        """Ask until the deadline; viewers may not. Refuses `questions_closed`."""
        bulletin = _find(request, slug)
        body = AskSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        question = bulletin_ask(
            member=request.member, bulletin=bulletin, text=body.validated_data["text"]
        )
        return Response(QuestionSerializer(question).data, status=201)
