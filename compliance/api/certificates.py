"""Certificates over the API (EPR-4, EPR-5, CRT-1). Foreign ids answer like unknown ones."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from compliance.api.certificate_serializers import (
    CertificateDetailSerializer,
    CertificatePageSerializer,
    CertificateRequestSerializer,
    CertificateSerializer,
    certificate_row,
    detail_row,
    fields_sent,
)
from compliance.certificates.reading import certificates_to_show, status_filter
from compliance.choices import CertificateStatus, CertificateType, EprCategory
from compliance.models import Certificate
from compliance.services.certificates import (
    certificate_delete,
    certificate_save,
    certificate_submit,
    certificate_take_back,
)
from portal import platform_time
from portal.api.idempotency import IdempotentMixin
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.parsers import PortalJSONParser, files_sent
from portal.api.problems import ProblemSerializer
from portal.api.versions import IF_MATCH, etag, version_of
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Choice, Column, Country

NOT_STORED = OpenApiResponse(
    ProblemSerializer,
    description="`file_not_stored` or `file_not_scanned`: nothing was kept; try later.",
)
CHANGE_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`stale`, `already_submitted` or `not_editable`; nothing was changed.",
)
SUBMIT_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`already_waiting`, `number_of_another_seller`, `already_submitted`,"
    " `not_editable` or `stale`; nothing was changed.",
)
FILTERS: tuple[Column, ...] = (
    Choice("status", choices=CertificateStatus.values, optional=True),
    Choice("type", choices=CertificateType.values, optional=True),
    Country("country", optional=True),
    Choice("category", choices=EprCategory.values, optional=True),
)
REQUEST: Any = {
    "multipart/form-data": CertificateRequestSerializer,
    "application/json": CertificateRequestSerializer,
}


def certificate_or_404(request: ScopedRequest, pk: int) -> Certificate:
    """Return one of the shop's certificates."""
    certificates = certificates_to_show().select_related("seller")
    found = certificates.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def answer(request: ScopedRequest, pk: int) -> Response:
    """Answer with a certificate as it is stored now."""
    stored = certificate_or_404(request, pk)
    row = detail_row(stored, platform_time.now())
    return Response(CertificateDetailSerializer(row).data, headers=etag(stored.version))


def asked(request: ScopedRequest) -> QuerySet[Certificate]:
    """Return the shop's certificates as the parameters narrow them, or raise `InvalidInput`."""
    wanted: dict[str, str] = {}
    problems = []
    for column in FILTERS:
        try:
            wanted[column.name] = column.clean(request.query_params.get(column.name))
        except CellError as error:
            problems.append((column.name, str(error)))
    if problems:
        raise InvalidInput(problems)
    certificates = certificates_to_show()
    status = wanted.pop("status")
    if status:
        certificates = certificates.filter(status_filter(status, platform_time.now()))
    return certificates.filter(**{name: value for name, value in wanted.items() if value})


def _sent(request: ScopedRequest) -> Any:
    """Return the body; one that is no object has no fields, and the service names what lacks."""
    return request.data if hasattr(request.data, "get") else {}


class CertificateListView(IdempotentMixin, ScopedView):
    """`GET` and `POST /compliance/certificates`."""

    write_action = Action.UPLOAD_CERTIFICATE
    parser_classes = [MultiPartParser, PortalJSONParser]
    keyset = ("-changed_at", "-pk")

    @extend_schema(
        summary="The shop's certificates",
        parameters=[
            OpenApiParameter("status", str, enum=CertificateStatus.values),
            OpenApiParameter("type", str, enum=CertificateType.values),
            OpenApiParameter("country", str, description="ISO country of EPR registrations."),
            OpenApiParameter("category", str, enum=EprCategory.values),
            *PAGING,
        ],
        responses={200: CertificatePageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of certificates, last changed first."""
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(asked(request), request, self)
        now = platform_time.now()
        rows = [certificate_row(one, now) for one in page]
        results = CertificateSerializer(rows, many=True).data
        return Response({"results": results, "next": paginator.get_next_link()})

    @extend_schema(
        summary="Upload a certificate",
        request=REQUEST,
        responses={201: CertificateDetailSerializer, 503: NOT_STORED},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Save a draft with its files; `…/submit` hands it to the reviewers (EPR-4).

        Fields a type does not ask for are left out. Everything that is wrong is named at once.
        """

        def act() -> tuple[int, Any]:
            made = certificate_save(
                member=request.member,
                fields=fields_sent(_sent(request)),
                files=files_sent(request, "files"),
                invoices=files_sent(request, "invoices"),
            )
            return 201, dict(answer(request, made.pk).data)

        return self.answer_once(request, act)


class CertificateView(ScopedView):
    """`GET`, `PUT` and `DELETE /compliance/certificates/{id}`."""

    write_action = Action.UPLOAD_CERTIFICATE
    parser_classes = [MultiPartParser, PortalJSONParser]

    @extend_schema(summary="One certificate", responses=CertificateDetailSerializer)
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return the certificate with all it covers and what happened to it."""
        return answer(request, pk)

    @extend_schema(
        summary="Change a draft or a rejected certificate",
        parameters=[IF_MATCH],
        request=REQUEST,
        responses={200: CertificateDetailSerializer, 409: CHANGE_REFUSED, 503: NOT_STORED},
    )
    def put(self, request: ScopedRequest, pk: int) -> Response:
        """Replace all fields; files of a kind stay as they are unless new ones of it are sent."""
        certificate = certificate_or_404(request, pk)
        sent = _sent(request)
        certificate_save(
            member=request.member,
            fields=fields_sent(sent),
            files=files_sent(request, "files") or None,
            invoices=files_sent(request, "invoices") or None,
            certificate=certificate,
            version=version_of(request, sent),
        )
        return answer(request, pk)

    @extend_schema(
        summary="Delete a draft",
        responses={
            204: None,
            409: OpenApiResponse(
                ProblemSerializer, description="`not_draft` or `has_history`; it stays."
            ),
        },
    )
    def delete(self, request: ScopedRequest, pk: int) -> Response:
        """Delete a draft with its files."""
        certificate_delete(member=request.member, certificate=certificate_or_404(request, pk))
        return Response(status=204)


class CertificateSubmitView(ScopedView):
    """`POST /compliance/certificates/{id}/submit`."""

    write_action = Action.UPLOAD_CERTIFICATE

    @extend_schema(
        summary="Submit a certificate for review",
        request=None,
        responses={200: CertificateDetailSerializer, 409: SUBMIT_REFUSED},
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Hand a draft or a corrected certificate to the reviewers (EPR-4)."""
        certificate_submit(member=request.member, certificate=certificate_or_404(request, pk))
        return answer(request, pk)


class CertificateTakeBackView(ScopedView):
    """`POST /compliance/certificates/{id}/take-back`."""

    write_action = Action.UPLOAD_CERTIFICATE

    @extend_schema(
        summary="Take a submitted certificate back",
        request=None,
        responses={
            200: CertificateDetailSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`in_review` or `not_waiting`; nothing was changed."
            ),
        },
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Make it a draft again while no reviewer has taken it (EPR-4)."""
        certificate_take_back(member=request.member, certificate=certificate_or_404(request, pk))
        return answer(request, pk)
