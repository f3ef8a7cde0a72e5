"""Programmes over the API: what there is, enrolling, leaving, steps, renewals (GRO-17, GRO-18)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response

from growth.choices import EnrolmentState, ProgrammeKind, RenewalStatus
from growth.models import Enrolment, EnrolmentRenewal
from growth.programmes.input import application_of_form, application_of_json
from growth.programmes.reading import (
    NO_STATE,
    ProgrammeReading,
    programme_reading,
    programme_readings,
    published_programmes,
    reason_text,
)
from growth.programmes.rules import WindowState
from growth.services.enrolment_steps import enrolment_step
from growth.services.enrolments import enrolment_apply, enrolment_leave
from growth.services.renewals import renewal_request
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.parsers import PortalJSONParser
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import Refusal

CODE = OpenApiParameter("code", str, OpenApiParameter.PATH, description="Code of the programme.")
STATES = [(NO_STATE, "Never enrolled"), *EnrolmentState.choices]


class ProgrammeConditionSerializer(serializers.Serializer):
    """A condition as the shop meets it."""

    text = serializers.CharField(
        source="said",
        help_text="What is asked; unmet, what is missing: “Assessed star 0, needs 1”.",
    )
    met = serializers.BooleanField(
        allow_null=True, help_text="Null: staff judge it by the documents."
    )
    value = serializers.CharField(help_text="What the shop has.")


class ProgrammeOptionSerializer(serializers.Serializer):
    """A way to prove something."""

    key = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(["certificate", "file", "text", "fact"])
    types = serializers.ListField(
        child=serializers.CharField(), help_text="Types of certificate that will do."
    )


class ProgrammeRequirementSerializer(serializers.Serializer):
    """Something to be proven by one of its options."""

    key = serializers.CharField()
    title = serializers.CharField()
    options = ProgrammeOptionSerializer(many=True)


class ProgrammeRouteSerializer(serializers.Serializer):
    """A way in, with conditions and documents of its own."""

    key = serializers.CharField(source="route.key")
    title = serializers.CharField(allow_blank=True)
    eligible = serializers.BooleanField(help_text="No condition of this way in is unmet.")
    automatic = serializers.BooleanField(source="route.automatic")
    review = serializers.BooleanField(source="route.review", help_text="Staff decide.")
    conditions = ProgrammeConditionSerializer(source="criteria", many=True)
    documents = ProgrammeRequirementSerializer(source="route.documents", many=True)


class ProgrammeWindowSerializer(serializers.Serializer):
    """When shops can enrol: the window that is open, or the next one."""

    state = serializers.ChoiceField([each.value for each in WindowState])
    opens_on = serializers.DateField(source="span.first", default=None, allow_null=True)
    closes_on = serializers.DateField(source="span.last", default=None, allow_null=True)


class ProgrammeQuestionSerializer(serializers.Serializer):
    """A question of the application."""

    key = serializers.CharField()
    title = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.SerializerMethodField(help_text="Key → text; empty: free text.")

    def get_choices(self, question: Any) -> dict[str, str]:
        """Return the answers to choose from."""
        return {one.key: str(one.title) for one in question.choices}


class ProgrammeStepSerializer(serializers.Serializer):
    """A step after enrolling."""

    key = serializers.CharField()
    title = serializers.CharField()
    who = serializers.ChoiceField(["shop", "staff"])


class ProgrammeTableSerializer(serializers.Serializer):
    """A table of terms or benefits."""

    title = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class ProgrammeProductsSerializer(serializers.Serializer):
    """Which of the shop's products take part: the platform chooses them by their score."""

    most = serializers.IntegerField(source="rule.most", help_text="Products of a shop at most.")
    score_min = serializers.IntegerField(source="rule.score_min")
    fitting = serializers.IntegerField(
        allow_null=True, help_text="Products of that score; null: upstream has not told."
    )
    taking_part = serializers.IntegerField(allow_null=True)


class EnrolmentSerializer(serializers.Serializer):
    """An enrolment of the shop."""

    id = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(EnrolmentState.choices)
    route = serializers.CharField(allow_blank=True)
    applied_at = serializers.DateTimeField()
    since = serializers.DateField(allow_null=True)
    until = serializers.DateField(allow_null=True, help_text="Last day; null: no end.")
    step = serializers.CharField(allow_blank=True, help_text="Key of the last step done.")
    voucher = serializers.CharField(allow_blank=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.SerializerMethodField(help_text="Why it was refused or ended.")

    def get_reason(self, enrolment: Enrolment) -> str:
        """Return the reason in words."""
        return reason_text(enrolment)


class ProgrammeSerializer(serializers.Serializer):
    """A programme as the shop stands with it."""

    code = serializers.CharField(source="programme.code")
    kind = serializers.ChoiceField(ProgrammeKind.choices, source="programme.kind")
    title = serializers.CharField(source="programme.title")
    summary = serializers.CharField(source="content.summary")
    state = serializers.ChoiceField(
        STATES, help_text="State of the newest enrolment; `none`: there never was one."
    )
    eligible = serializers.BooleanField(help_text="No condition is unmet.")
    conditions = ProgrammeConditionSerializer(
        many=True, help_text="Asked of all, and on the way in that fits the shop best."
    )
    window = ProgrammeWindowSerializer()
    can_enrol = serializers.BooleanField(source="may_enrol")
    refusal = serializers.SerializerMethodField(help_text="Null while the shop can enrol.")
    places_left = serializers.IntegerField(allow_null=True, help_text="Null: no limit.")
    routes = ProgrammeRouteSerializer(many=True)
    agreement = serializers.CharField(
        source="content.agreement", allow_null=True, help_text="To be ticked; null: none."
    )
    terms = serializers.CharField(
        source="content.agreement_digest", allow_blank=True, help_text="Digest of the agreement."
    )
    questions = ProgrammeQuestionSerializer(source="content.questions", many=True)
    benefits = serializers.SerializerMethodField()
    products = ProgrammeProductsSerializer(
        allow_null=True, help_text="Null: it is not about chosen products."
    )
    buyers = serializers.ListField(
        source="content.tiers", child=serializers.CharField(), help_text="Buyer tiers it reaches."
    )
    tables = ProgrammeTableSerializer(source="content.tables", many=True)
    steps = ProgrammeStepSerializer(source="content.steps", many=True)
    enrolment = EnrolmentSerializer(source="newest", allow_null=True)

    def get_refusal(self, reading: ProgrammeReading) -> dict[str, str] | None:
        """Return what is in the way of enrolling."""
        code = reading.refusal()
        return {"code": code, "message": reading.why_not} if code else None

    def get_benefits(self, reading: ProgrammeReading) -> list[str]:
        """Return what it brings."""
        return [str(each.text) for each in reading.content.benefits]


class ProgrammePageSerializer(serializers.Serializer):
    """A page of programmes."""

    results = ProgrammeSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class EnrolRequestSerializer(serializers.Serializer):
    """What enrolling takes; only for the schema: the service says what is wrong."""

    agreement = serializers.BooleanField(required=False, help_text="The agreement is ticked.")
    terms = serializers.CharField(required=False, help_text="Digest of the text that was shown.")
    route = serializers.CharField(required=False, help_text="Default: the first that fits.")
    answers = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Key of question or text → answer."
    )
    documents = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Numbers of certificates."
    )


class RenewalRequestSerializer(serializers.Serializer):
    """What asking for a renewal takes."""

    note = serializers.CharField(required=False, allow_blank=True)


class RenewalSerializer(serializers.Serializer):
    """A renewal that was asked for."""

    id = serializers.IntegerField(source="pk")
    status = serializers.ChoiceField(RenewalStatus.choices)
    asked_at = serializers.DateTimeField()
    answer_due_at = serializers.DateTimeField()
    answer = serializers.CharField(allow_blank=True)


def _refusals(text: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description=text)


class ProgrammeListView(ScopedView):
    """`GET /growth/programmes`."""

    keyset = ("position", "code")

    @extend_schema(
        summary="Programmes, and whether the shop can enrol in each",
        parameters=PAGING,
        responses={200: ProgrammePageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return all published programmes with their conditions, met and unmet."""
        paginator = KeysetPagination()
        programmes = paginator.paginate_queryset(published_programmes(), request, self)
        readings = programme_readings(request.seller, programmes, user=request.user)
        answer = {
            "results": ProgrammeSerializer(readings, many=True).data,
            "next": paginator.get_next_link(),
        }
        return Response(answer)


class ProgrammeView(ScopedView):
    """`GET /growth/programmes/{code}`."""

    @extend_schema(
        summary="One programme, and whether the shop can enrol",
        parameters=[CODE],
        responses={200: ProgrammeSerializer},
    )
    def get(self, request: ScopedRequest, code: str) -> Response:
        """Return the programme."""
        return Response(ProgrammeSerializer(reading_or_404(request, code)).data)


class ProgrammeEnrolView(ScopedView):
    """`POST /growth/programmes/{code}/enrol`."""

    write_action = Action.ENROL
    parser_classes = [PortalJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        summary="Enrol the shop in a programme",
        parameters=[CODE],
        request=EnrolRequestSerializer,
        responses={
            200: ProgrammeSerializer,
            409: _refusals(
                "`already_enrolled`, `cooling_down`, `not_eligible`, `window_closed`, `full`, "
                "`agreement_needed`, `documents_needed`."
            ),
            503: _refusals("`file_not_stored`, `busy`: nothing was kept; try later."),
        },
    )
    def post(self, request: ScopedRequest, code: str) -> Response:
        """Enrol it at once, or apply where staff decide.

        Files come as `multipart/form-data`, with the fields `route`, `agreement`, `terms`, `documents` (once
        for each certificate), `answers.<key>` and `files.<key of the option>`.
        """
        programme = reading_or_404(request, code).programme
        content_type = request.content_type or ""
        if content_type.startswith(("multipart/", "application/x-www-form-urlencoded")):
            application = application_of_form(request.POST, request.FILES)
        else:
            application = application_of_json(request.data)
        enrolment_apply(member=request.member, programme=programme, application=application)
        return Response(ProgrammeSerializer(reading_or_404(request, code)).data)


class ProgrammeLeaveView(ScopedView):
    """`POST /growth/programmes/{code}/leave`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Leave a programme, or take the application back",
        parameters=[CODE],
        request=None,
        responses={
            200: ProgrammeSerializer,
            409: _refusals("`not_enrolled`, `too_early`, `cannot_leave`."),
        },
    )
    def post(self, request: ScopedRequest, code: str) -> Response:
        """Leave it; what builds on it ends too."""
        programme = reading_or_404(request, code).programme
        enrolment_leave(member=request.member, programme=programme)
        return Response(ProgrammeSerializer(reading_or_404(request, code)).data)


class ProgrammeStepView(ScopedView):
    """`POST /growth/programmes/{code}/steps/{step}`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Do the next step of a programme",
        parameters=[
            CODE,
            OpenApiParameter("step", str, OpenApiParameter.PATH, description="Key of the step."),
        ],
        request=None,
        responses={
            200: ProgrammeSerializer,
            409: _refusals("`not_enrolled`, `not_your_turn`, `gone_on`: it is not the next step."),
        },
    )
    def post(self, request: ScopedRequest, code: str, step: str) -> Response:
        """Mark the step as done."""
        enrolment_step(member=request.member, enrolment=_current(request, code), step=step)
        return Response(ProgrammeSerializer(reading_or_404(request, code)).data)


class ProgrammeRenewalView(ScopedView):
    """`POST /growth/programmes/{code}/renewal`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Ask for an enrolment to be renewed",
        parameters=[CODE],
        request=RenewalRequestSerializer,
        responses={
            201: RenewalSerializer,
            409: _refusals(
                "`not_enrolled`, `not_renewable`, `window_closed`, `already_asked`, `renewed_already`."
            ),
        },
    )
    def post(self, request: ScopedRequest, code: str) -> Response:
        """Ask for it: from some months before the last day, to the last day."""
        sent: Any = request.data if isinstance(request.data, dict) else {}
        renewal: EnrolmentRenewal = renewal_request(
            member=request.member,
            enrolment=_current(request, code),
            note=sent.get("note") or "",
        )
        return Response(RenewalSerializer(renewal).data, status=201)


def reading_or_404(request: ScopedRequest, code: str) -> ProgrammeReading:
    """Return a published programme as the shop reads it."""
    reading = programme_reading(request.seller, code, user=request.user)
    if reading is None:
        raise Http404
    return reading


def _current(request: ScopedRequest, code: str) -> Enrolment:
    current = reading_or_404(request, code).current
    if current is None:
        raise Refusal("not_enrolled", _("Your shop is not enrolled."))
    return current
