"""`/ingest`: bulk rows from upstream systems (K-15)."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.problems import ProblemSerializer, TooLarge, problem
from portal.api.views import StaffView
from portal.errors import InvalidInput
from portal.ingest.columns import Column
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import IngestKind, all_kinds, kind_named

MAX_ROWS = 50_000
KIND = OpenApiParameter(
    "kind", str, OpenApiParameter.PATH, enum=[kind.name for kind in all_kinds()]
)


class IngestRequestSerializer(serializers.Serializer):
    """Rows of one kind; `GET /ingest` lists the columns of each."""

    rows = serializers.ListField(
        child=serializers.DictField(), max_length=MAX_ROWS, help_text="Numbered from 1."
    )
    strict = serializers.BooleanField(
        default=False, help_text="Apply nothing if any row is rejected."
    )


class RejectedRowSerializer(serializers.Serializer):
    """A row that was not applied."""

    row = serializers.IntegerField()
    field = serializers.CharField(help_text="Empty: the row as a whole.")
    message = serializers.CharField()


class IngestAnswerSerializer(serializers.Serializer):
    """What became of the rows; each counts once."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    rejected = RejectedRowSerializer(many=True)


class ColumnSerializer(serializers.Serializer):
    """A column of a kind."""

    name = serializers.CharField()
    type = serializers.CharField()
    optional = serializers.BooleanField(help_text="May be absent or empty.")
    example = serializers.CharField()


class KindSerializer(serializers.Serializer):
    """A kind of rows."""

    kind = serializers.CharField()
    key = serializers.ListField(child=serializers.CharField(), help_text="What identifies a row.")
    columns = ColumnSerializer(many=True)


class IngestKinds(StaffView):
    """The kinds of rows there are."""

    staff_permission = "portal.add_ingestbatch"

    @extend_schema(responses=KindSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List every kind with its columns."""
        return Response([_describe(kind) for kind in all_kinds()])


class IngestRows(StaffView):
    """Rows of one kind."""

    staff_permission = "portal.add_ingestbatch"

    @extend_schema(
        parameters=[KIND],
        request=IngestRequestSerializer,
        responses={
            200: IngestAnswerSerializer,
            413: OpenApiResponse(ProblemSerializer, "Too many bytes or rows for one call."),
            503: OpenApiResponse(
                ProblemSerializer, "`busy`: the database was busy; send the rows again."
            ),
        },
    )
    def post(self, request: Request, kind: str) -> Response:
        """Apply the good rows and report the others; with `strict` all or nothing."""
        kind_class = kind_named(kind)
        if kind_class is None:
            raise Http404
        rows, strict = _body(request)
        report = ingest_rows(kind_class, rows, actor=request.user, strict=strict)  # type: ignore[arg-type]
        if report.busy:
            return problem(code="busy", title=report.error, http_status=503)
        if report.error:
            raise InvalidInput([("rows", report.error)])
        return Response(
            {
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "rejected": [item.as_json() for item in report.rejections],
            }
        )


def _body(request: Request) -> tuple[list[object], bool]:
    """Return rows and `strict`; each row is judged by the engine, not here."""
    data = request.data
    if not isinstance(data, dict):
        raise InvalidInput([("", _("The body must be an object with the list `rows`."))])
    rows, strict = data.get("rows"), data.get("strict", False)
    if not isinstance(rows, list):
        raise InvalidInput([("rows", _("A list of rows is needed."))])
    if not isinstance(strict, bool):
        raise InvalidInput([("strict", _("This must be true or false."))])
    if len(rows) > MAX_ROWS:
        raise TooLarge(_("At most %(most)d rows fit in one call.") % {"most": MAX_ROWS})
    return rows, strict


def _describe(kind: type[IngestKind]) -> dict[str, object]:
    return {
        "kind": kind.name,
        "key": list(kind.key),
        "columns": [_describe_column(column) for column in kind.columns],
    }


def _describe_column(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "type": column.type_name(),
        "optional": column.optional,
        "example": column.example,
    }
