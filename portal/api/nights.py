"""`/nights`: the nights' ledger for staff and service tokens (NGT-6)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal import platform_time
from portal.api.problems import ProblemSerializer
from portal.api.views import StaffView
from portal.models import NightRun
from portal.nightly import ledger


class NightSerializer(serializers.ModelSerializer):
    """One run of one as-of day; instants are wall clock."""

    class Meta:
        model = NightRun
        fields = [
            "as_of", "number", "state", "mode", "reason", "jobs_asked", "started_at",
            "finished_at", "code_version",
        ]  # fmt: skip
        read_only_fields = fields


class NightJobSerializer(serializers.Serializer):
    """One job of a run."""

    job = serializers.CharField(source="job_run.job")
    state = serializers.CharField(source="job_run.state")
    shards = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    rows_read = serializers.IntegerField()
    rows_written = serializers.IntegerField(help_text="Differences staged.")
    rows_published = serializers.IntegerField(source="job_run.rows_published")
    started_at = serializers.DateTimeField(source="job_run.started_at", allow_null=True)
    published_at = serializers.DateTimeField(source="job_run.published_at", allow_null=True)
    rulebooks = serializers.ListField(
        source="job_run.rulebooks", child=serializers.CharField(), help_text="Module and version."
    )
    error = serializers.CharField(source="job_run.error")


class NightDetailSerializer(NightSerializer):
    """A run with its jobs in running order."""

    jobs = serializers.SerializerMethodField()

    class Meta(NightSerializer.Meta):
        fields = [*NightSerializer.Meta.fields, "jobs"]
        read_only_fields = fields

    @extend_schema(responses=NightJobSerializer(many=True))
    def get_jobs(self, run: NightRun) -> list[dict[str, Any]]:
        """Count the shards of each job."""
        return NightJobSerializer(ledger.progress(run), many=True).data  # type: ignore[return-value]


class NightStartSerializer(serializers.Serializer):
    """The day to compute, and why."""

    as_of = serializers.DateField(help_text="Pacific day, at most two days ago.")
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class NightList(StaffView, generics.ListAPIView):
    """Runs, newest day first; starting one needs the permission `portal.run_night`."""

    staff_permission = "portal.view_nightrun"
    serializer_class = NightSerializer
    cursor_ordering = ("-as_of", "-number")
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[NightRun]:
        """Return every run."""
        return NightRun.objects.all()

    @extend_schema(
        request=NightStartSerializer,
        responses={
            202: NightSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`day_not_over`"),
        },
    )
    def post(self, request: Request) -> Response:
        """Start a run by the workers, or join the one that is open for the day (NGT-1)."""
        if not request.user.has_perm("portal.run_night"):
            raise PermissionDenied
        given = NightStartSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = ledger.night_start(
            mode=ledger.CELERY,
            requested_by=request.user,  # type: ignore[arg-type]
            **given.validated_data,
        )
        return Response(NightSerializer(run).data, status=202)


class NightDetail(StaffView):
    """The newest run of one day."""

    staff_permission = "portal.view_nightrun"

    @extend_schema(responses=NightDetailSerializer)
    def get(self, request: Request, as_of: str) -> Response:
        """Return the run with its jobs, shards counted."""
        try:
            day = platform_time.parse_day(as_of)
        except platform_time.InvalidInstant as error:
            raise Http404 from error
        run = NightRun.objects.filter(as_of=day).order_by("-number").first()
        if run is None:
            raise Http404
        return Response(NightDetailSerializer(run).data)
