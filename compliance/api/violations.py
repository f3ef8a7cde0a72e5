"""Violations, appeals and the public list over the API (CMP-6, CMP-8).

Members of a closed shop may call these, naming it in `X-Seller` when they are in others: only so can they
see why it was closed, and appeal.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from compliance.api.violation_serializers import (
    AppealRequestSerializer,
    PenaltyPageSerializer,
    PenaltySerializer,
    PublicPageSerializer,
    penalty_row,
)
from compliance.models import Violation
from compliance.penalties.reading import (
    books_by_version,
    public_shown,
    public_violations,
    rules_today,
    shown,
    violations_read,
)
from compliance.services.appeals import appeal_make
from compliance.services.violations import points_of
from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.parsers import PortalJSONParser, files_sent
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.models import Member, User
from portal.scoping import unscoped
from portal.services.people import closed_memberships_of, memberships_of

APPEAL_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`appeal_closed`: the time is over, or the penalty was taken back."
    " `already_appealed`: one appeal per penalty.",
)
NOT_STORED = OpenApiResponse(
    ProblemSerializer,
    description="`file_not_stored` or `file_not_scanned`: nothing was kept; try later.",
)


class OpenToClosedShops(ScopedView):
    """A view that also members of a closed shop may call."""

    def memberships(self, user: User) -> list[Member]:
        """Return open shops first: without a header nobody acts for a closed one by accident."""
        return [*memberships_of(user), *closed_memberships_of(user)]


def answer(pk: int) -> dict[str, Any]:
    """Return one of the shop's violations as JSON; a foreign one does not exist (K-8)."""
    found = violations_read().filter(pk=pk).first()
    if found is None:
        raise Http404
    row = penalty_row(shown(found, books_by_version(), platform_time.now()))
    data: dict[str, Any] = PenaltySerializer(row).data
    return data


class ViolationListView(OpenToClosedShops):
    """`GET /compliance/violations`."""

    keyset = ("-penalised_at", "-pk")

    @extend_schema(
        summary="The shop's points and penalties",
        parameters=PAGING,
        responses={200: PenaltyPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the sum and a page of penalties, newest first."""
        now = platform_time.now()
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(violations_read(), request, self)
        rules, books = rules_today(now), books_by_version()
        body = {
            "points": points_of(request.seller, now),
            "closes_at": rules.closes_at if rules else None,
            "penalties": [penalty_row(shown(one, books, now)) for one in page],
            "next": paginator.get_next_link(),
        }
        return Response(PenaltyPageSerializer(body).data)


class ViolationView(OpenToClosedShops):
    """`GET /compliance/violations/{id}`."""

    @extend_schema(summary="A penalty of the shop", responses={200: PenaltySerializer})
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return it."""
        return Response(answer(pk))


class AppealView(OpenToClosedShops):
    """`POST /compliance/violations/{id}/appeal`."""

    write_action = Action.APPEAL
    parser_classes = [MultiPartParser, PortalJSONParser]

    @extend_schema(
        summary="Appeal against a penalty",
        request={
            "multipart/form-data": AppealRequestSerializer,
            "application/json": AppealRequestSerializer,
        },
        responses={201: PenaltySerializer, 409: APPEAL_REFUSED, 503: NOT_STORED},
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Appeal within 7 days of the penalty; owners only (CMP-8)."""
        violation = Violation.objects.filter(pk=pk).first()
        if violation is None:
            raise Http404
        sent: Any = request.data if hasattr(request.data, "get") else {}
        appeal_make(
            member=request.member,
            violation=violation,
            reason=str(sent.get("reason") or ""),
            text=str(sent.get("text") or ""),
            files=files_sent(request, "files"),
        )
        return Response(answer(pk), status=201)


class PublicListView(ScopedView):
    """`GET /compliance/violations/public`."""

    keyset = ("-penalised_at", "-pk")

    @extend_schema(
        summary="Published violations of all shops, names starred",
        parameters=PAGING,
        responses={200: PublicPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page, newest first; the cursor names nothing but the place in the list."""
        paginator = KeysetPagination()
        with unscoped():
            page = paginator.paginate_queryset(public_violations(), request, self)
        body = {
            "results": public_shown(page, books_by_version()),
            "next": paginator.get_next_link(),
        }
        return Response(PublicPageSerializer(body).data)
