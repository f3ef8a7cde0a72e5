"""Spam reports over the API (RFQ-24)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.parsers import PortalJSONParser
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.services.files import file_url
from rfq.choices import ReportStatus, SpamKind
from rfq.models import Rfq, SpamEvidence, SpamReport
from rfq.services.spam import spam_report


class EvidenceSerializer(serializers.Serializer):
    """An image that shows the spam."""

    name = serializers.CharField(source="file.name")
    url = serializers.SerializerMethodField(help_text="For signed-in members of the shop.")

    def get_url(self, evidence: SpamEvidence) -> str:
        """Return the path of the file."""
        return file_url(evidence.file)


class SpamReportSerializer(serializers.Serializer):
    """A report of the shop and what became of it."""

    id = serializers.IntegerField(source="pk")
    rfq_id = serializers.CharField(source="rfq.rfq_id")
    kind = serializers.ChoiceField(SpamKind.choices)
    description = serializers.CharField()
    status = serializers.ChoiceField(ReportStatus.choices)
    reported_at = serializers.DateTimeField()
    answer_due_at = serializers.DateTimeField(help_text="Answered by then: 3 working days.")
    decided_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(help_text="Empty while it waits.")
    evidence = EvidenceSerializer(source="evidence.all", many=True)


class SpamReportPageSerializer(serializers.Serializer):
    """A page of reports."""

    results = SpamReportSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SpamReportRequestSerializer(serializers.Serializer):
    """What is sent; only for the schema: the service says what is wrong, all of it at once."""

    kind = serializers.ChoiceField(SpamKind.choices)
    description = serializers.CharField(help_text="What is wrong with the RFQ.")
    evidence = serializers.ListField(
        child=serializers.FileField(), help_text="1 to 5 images (PNG, JPEG, WebP) of up to 10 MB."
    )


class SpamReportListView(ScopedView):
    """`GET /rfq/spam-reports`."""

    keyset = ("-reported_at", "-pk")

    @extend_schema(
        summary="The shop's spam reports",
        parameters=PAGING,
        responses={200: SpamReportPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the reports, newest first."""
        paginator = KeysetPagination()
        reports = SpamReport.objects.select_related("rfq").prefetch_related("evidence__file")
        page = paginator.paginate_queryset(reports, request, self)
        results = SpamReportSerializer(page, many=True).data
        return Response({"results": results, "next": paginator.get_next_link()})


class SpamReportView(ScopedView):
    """`POST /rfq/rfqs/{rfq_id}/spam-reports`."""

    write_action = Action.QUOTE
    parser_classes = [MultiPartParser, PortalJSONParser]

    @extend_schema(
        summary="Report an RFQ as spam",
        request={"multipart/form-data": SpamReportRequestSerializer},
        responses={
            201: SpamReportSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`already_reported`, `removed`."),
            429: OpenApiResponse(
                ProblemSerializer,
                description="`report_limit`: five in any 24 hours; `Retry-After` says when the next"
                " is possible. Or too many calls.",
            ),
            503: OpenApiResponse(
                ProblemSerializer, description="`file_not_stored`: nothing was kept; try later."
            ),
        },
    )
    def post(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Send a report with its evidence (RFQ-24)."""
        rfqs = Rfq.objects.filter(rfq_id=rfq_id, posted_at__lte=platform_time.now())
        rfq = rfqs.first()
        if rfq is None:
            raise Http404
        sent: Any = request.data if isinstance(request.data, dict) else {}
        report = spam_report(
            member=request.member,
            rfq=rfq,
            kind=str(sent.get("kind") or ""),
            description=str(sent.get("description") or ""),
            evidence=request.FILES.getlist("evidence"),
        )
        return Response(SpamReportSerializer(report).data, status=201)
