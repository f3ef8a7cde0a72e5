"""The nights in the admin: live progress, errors, durations, starting and retrying (NGT-4, NGT-6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.base import ReadOnlyAdmin
from portal.admin.own_pages import OwnSheet
from portal.charts import Point, line_plot
from portal.choices import RunState
from portal.errors import Refusal
from portal.models import JobRun, NightRun, ShardRun
from portal.models.nights import OPEN_STATES
from portal.nightly import ledger
from portal.nightly.registry import registry

PLOTTED_NIGHTS = 60
SHOWN_SHARDS = 200
REFRESH_SECONDS = 3
PERMISSION = "portal.run_night"


class StartForm(forms.Form):
    """One night of all or some jobs."""

    day = forms.DateField(
        label=gettext_lazy("As of (Pacific day)"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    jobs = forms.MultipleChoiceField(
        label=gettext_lazy("Jobs"),
        required=False,
        help_text=gettext_lazy("None chosen means all. What they need comes along."),
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["jobs"].choices = [  # type: ignore[attr-defined]
            (job.name, job.name) for job in registry.ordered()
        ]
        if not self.is_bound:
            self.initial.setdefault("day", platform_time.latest_as_of())


class RecomputeForm(StartForm):
    """All computed days from one on."""

    field_order = ["day", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["jobs"]
        self.fields["day"].label = gettext_lazy("Recompute from (Pacific day)")


@admin.register(NightRun)
class NightRunAdmin(OwnSheet, ReadOnlyAdmin):
    """Read-only rows; nights are started, recomputed and retried by POST after a preview."""

    list_display = ("as_of", "number", "state", "bar", "duration", "rows", "mode", "reason")
    list_filter = ("state", "mode")
    date_hierarchy = "as_of"
    change_list_template = "admin/portal/nightrun/change_list.html"
    own_pages = {
        "start": "start/",
        "recompute": "recompute/",
        "retry": "retry/<int:job_run_id>/",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[NightRun]:
        """Count shards and rows with the rows."""
        return (
            super()
            .get_queryset(request)
            .annotate(
                n_shards=Count("jobs__shards"),
                n_done=Count("jobs__shards", filter=Q(jobs__shards__state=RunState.COMPLETE)),
                n_written=Sum("jobs__shards__rows_written", default=0),
            )
        )

    @admin.display(description=gettext_lazy("shards"))
    def bar(self, run: NightRun) -> SafeString:
        """Shards done of the shards planned so far."""
        done, shards = run.n_done, run.n_shards  # type: ignore[attr-defined]
        return format_html(
            '<progress max="{}" value="{}" aria-label="{}"></progress> {}/{}',
            max(shards, 1), done, _("shards"), done, shards,
        )  # fmt: skip

    @admin.display(description=gettext_lazy("duration"))
    def duration(self, run: NightRun) -> str:
        """Wall-clock time from start to end, or until now."""
        seconds = _seconds(run.started_at, run.finished_at)
        return "" if seconds is None else str(timedelta(seconds=round(seconds)))

    @admin.display(description=gettext_lazy("changes"))
    def rows(self, run: NightRun) -> int:
        """Differences staged."""
        return run.n_written  # type: ignore[attr-defined]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the runs, the plot of durations and what may be started."""
        context = {
            "plot": _durations_plot(),
            "may_run": request.user.has_perm(PERMISSION),
            "newest_complete": ledger.newest_complete_day(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def sheet(self, request: HttpRequest, run: NightRun) -> HttpResponse:
        """Show one run with its jobs, shards and errors; reload while it is open."""
        return self.page(
            request,
            "detail",
            _("Night of %(day)s") % {"day": run},
            run=run,
            jobs=[_job_row(each) for each in ledger.progress(run)],
            shards=_shards_to_show(run),
            duration=self.duration(run),
            refresh=REFRESH_SECONDS if run.state in OPEN_STATES else None,
            may_run=request.user.has_perm(PERMISSION),
        )

    # --- Actions ---

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a night, preview it, start it."""
        self._need_permission(request)

        def preview(data: dict[str, Any]) -> dict[str, Any]:
            jobs = registry.with_needs(data["jobs"]) if data["jobs"] else registry.ordered()
            return {"days": [data["day"]], "job_names": [job.name for job in jobs]}

        def start(data: dict[str, Any]) -> HttpResponse:
            run = ledger.night_start(
                as_of=data["day"],
                jobs=data["jobs"],
                mode=ledger.CELERY,
                requested_by=request.user,  # type: ignore[arg-type]
                reason=data["reason"],
            )
            return HttpResponseRedirect(reverse("admin:portal_nightrun_change", args=[run.pk]))

        return self._ask(request, StartForm, _("Start a night"), preview, start)

    def recompute_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for "recompute from day X", preview what it touches, start it (NGT-4)."""
        self._need_permission(request)

        def preview(data: dict[str, Any]) -> dict[str, Any]:
            found = ledger.recompute_preview(data["day"])
            return {
                "days": found.days,
                "job_names": found.jobs,
                "standing_rows": found.standing_rows,
            }

        def start(data: dict[str, Any]) -> HttpResponse:
            runs = ledger.night_recompute_from(
                day=data["day"],
                actor=request.user,  # type: ignore[arg-type]
                reason=data["reason"],
            )
            messages.success(request, _("%(count)s nights started.") % {"count": len(runs)})
            return HttpResponseRedirect(reverse("admin:portal_nightrun_changelist"))

        return self._ask(request, RecomputeForm, _("Recompute from a day"), preview, start)

    def retry_view(self, request: HttpRequest, job_run_id: int) -> HttpResponse:
        """Confirm and retry a failed job."""
        self._need_permission(request)
        job_run = get_object_or_404(JobRun.objects.select_related("run"), pk=job_run_id)
        if request.method != "POST":
            title = _("Retry %(job)s") % {"job": job_run.job}
            failed = job_run.shards.filter(state=RunState.FAILED).count()
            return self.page(request, "retry", title, job_run=job_run, failed=failed)
        try:
            ledger.job_retry(job_run=job_run, actor=request.user)  # type: ignore[arg-type]
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("%(job)s is being retried.") % {"job": job_run.job})
        return HttpResponseRedirect(reverse("admin:portal_nightrun_change", args=[job_run.run_id]))

    def _ask(
        self,
        request: HttpRequest,
        form_class: type[StartForm],
        title: str,
        preview: Callable[[dict[str, Any]], dict[str, Any]],
        start: Callable[[dict[str, Any]], HttpResponse],
    ) -> HttpResponse:
        """Form → preview → confirmed POST; nothing happens before the confirmation."""
        form = form_class(request.POST if request.method == "POST" else None)
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            if form.cleaned_data["day"] > platform_time.latest_as_of():
                form.add_error("day", _("This day cannot be computed yet."))
            elif "confirmed" in request.POST:
                try:
                    return start(form.cleaned_data)
                except Refusal as refusal:
                    form.add_error(None, str(refusal))
            else:
                hidden = [
                    (name, value) for name in form.fields for value in request.POST.getlist(name)
                ]
                context |= {"preview": preview(form.cleaned_data), "hidden": hidden}
        return self.page(request, "ask", title, **context)

    def _need_permission(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied


def _seconds(started: Any, ended: Any) -> float | None:
    if started is None:
        return None
    return ((ended or platform_time.wall_clock()) - started).total_seconds()


def _job_row(each: ledger.JobProgress) -> dict[str, Any]:
    ended = each.job_run.published_at
    if ended is None and each.job_run.state not in OPEN_STATES:
        seconds = None
    else:
        seconds = _seconds(each.job_run.started_at, ended)
    return {"progress": each, "row": each.job_run, "seconds": seconds}


def _shards_to_show(run: NightRun) -> list[ShardRun]:
    """Return shards that failed or erred first, then those at work; bounded."""
    shards = ShardRun.objects.filter(job_run__run=run).select_related("job_run")
    interesting = shards.filter(~Q(error="") | Q(state=RunState.RUNNING) | Q(state=RunState.FAILED))
    rest = shards.exclude(pk__in=interesting.values("pk"))
    found = list(interesting.order_by("job_run_id", "index")[:SHOWN_SHARDS])
    return found + list(rest.order_by("job_run_id", "index")[: SHOWN_SHARDS - len(found)])


def _durations_plot() -> SafeString:
    """Plot how long the newest complete run of each of the last nights took, in seconds."""
    newest: dict[date, float] = {}
    runs = NightRun.objects.filter(state=RunState.COMPLETE, jobs_asked=[]).order_by(
        "-as_of", "-number"
    )
    for run in runs[:PLOTTED_NIGHTS]:
        seconds = _seconds(run.started_at, run.finished_at)
        if seconds is not None:
            newest.setdefault(run.as_of, round(seconds, 1))
    points = [Point(day, seconds) for day, seconds in sorted(newest.items())]
    if len(points) < 2:
        return SafeString("")
    return line_plot(points, title=_("Duration of past nights"), value_label=_("Seconds"))
