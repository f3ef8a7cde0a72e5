"""The nights in the admin: what runs and what comes, errors, durations, starting, stopping (NGT-4, NGT-6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.admin import night_plots
from portal.admin.base import ReadOnlyAdmin
from portal.admin.night_forms import DayForm, RecomputeForm, StartForm, StopForm
from portal.admin.own_pages import OwnSheet
from portal.admin_site import Queue, register_queue
from portal.choices import RunState
from portal.errors import Refusal
from portal.models import JobRun, NightRun, ShardRun
from portal.models.nights import OPEN_STATES
from portal.nightly import ledger, schedule, watch
from portal.nightly.registry import registry

SHOWN_SHARDS = 200
SHOWN_DAYS = 12
REFRESH_SECONDS = 3
PERMISSION = "portal.run_night"
LIST = "admin:portal_nightrun_changelist"
SHEET = "admin:portal_nightrun_change"


@admin.register(NightRun)
class NightRunAdmin(OwnSheet, ReadOnlyAdmin):
    """Read-only rows; nights are started, stopped and retried by POST after a preview."""

    list_display = ("as_of", "number", "state", "bar", "duration", "rows", "mode", "reason")
    list_filter = ("state", "mode")
    date_hierarchy = "as_of"
    change_list_template = "admin/portal/nightrun/change_list.html"
    own_pages = {
        "start": "start/",
        "recompute": "recompute/",
        "catch_up": "catch-up/",
        "durations": "durations/",
        "stop": "<int:run_id>/stop/",
        "retry_all": "<int:run_id>/retry/",
        "retry": "retry/<int:job_run_id>/",
    }

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
        seconds = watch.wall_seconds(run)
        return "" if seconds is None else str(timedelta(seconds=round(seconds)))

    @admin.display(description=gettext_lazy("changes"))
    def rows(self, run: NightRun) -> int:
        """Differences staged."""
        return run.n_written  # type: ignore[attr-defined]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Count shards and rows of the runs of this page alone, however long the ledger is."""
        changes = super().get_changelist_instance(request)
        _count_shards(list(changes.result_list))
        return changes

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what runs and what comes, how long nights took, and the runs."""
        to_come = watch.outlook()
        context = {
            "to_come": to_come,
            "to_come_more": max(0, len(to_come.days) - SHOWN_DAYS),
            "shown_days": SHOWN_DAYS,
            "at_work": watch.at_work(to_come.open_runs),
            "plot": night_plots.whole_nights(watch.newest_nights(night_plots.PLOTTED_NIGHTS)),
            "may_run": request.user.has_perm(PERMISSION),
            "newest_complete": ledger.newest_complete_day(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def sheet(self, request: HttpRequest, run: NightRun) -> HttpResponse:
        """Show one run with its jobs, shards and errors; reload while it is open."""
        is_open = run.state in OPEN_STATES
        live = is_open and request.GET.get("live") != "0"
        jobs = _job_rows(run)
        shards, total = _shards_to_show(run)
        return self.page(
            request,
            "detail",
            _("Night of %(day)s") % {"day": run},
            run=run,
            is_open=is_open,
            jobs=jobs,
            published=sum(job["row"].state == RunState.COMPLETE for job in jobs),
            retryable=sum(job["may_retry"] for job in jobs),
            at_work=watch.at_work([run]) if is_open else [],
            waits_for=_waits_for(run) if is_open else None,
            shards=shards,
            shards_total=total,
            duration=self.duration(run),
            refresh=REFRESH_SECONDS if live else None,
            may_run=request.user.has_perm(PERMISSION),
        )

    def durations_view(self, request: HttpRequest) -> HttpResponse:
        """Show how long each job took over past nights."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        nights = watch.newest_nights(night_plots.PLOTTED_NIGHTS)
        return self.page(
            request,
            "durations",
            _("Durations of nights"),
            whole=night_plots.whole_nights(nights),
            jobs=night_plots.nights_by_job(nights[-night_plots.PLOTTED_NIGHTS_PER_JOB :]),
        )

    # --- Actions ---

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a night, preview it, start it."""
        self._need_permission(request)

        def preview(data: dict[str, Any]) -> dict[str, Any]:
            jobs = registry.with_needs(data["jobs"]) if data["jobs"] else registry.ordered()
            joined = NightRun.objects.filter(as_of=data["day"], state__in=OPEN_STATES).first()
            names = [job.name for job in jobs]
            return {"days": [data["day"]], "job_names": names, "joined": joined}

        def start(data: dict[str, Any]) -> HttpResponse:
            run = ledger.night_start(
                as_of=data["day"],
                jobs=data["jobs"],
                mode=ledger.CELERY,
                requested_by=request.user,  # type: ignore[arg-type]
                reason=data["reason"],
            )
            return HttpResponseRedirect(reverse(SHEET, args=[run.pk]))

        return self._ask(request, StartForm, _("Start a night"), preview, start)

    def recompute_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for "recompute from day X", preview exactly what runs, start it (NGT-4)."""
        self._need_permission(request)

        def preview(data: dict[str, Any]) -> dict[str, Any]:
            found = ledger.recompute_preview(data["day"])
            return {
                "days": found.days,
                "job_names": found.jobs,
                "found": found,
                "seconds": _expected_seconds(len(found.days)),
                "previewed": _spelled(found.days),
                "changed": bool(data["previewed"]) and data["previewed"] != _spelled(found.days),
            }

        def start(data: dict[str, Any]) -> HttpResponse | None:
            if data["previewed"] != _spelled(ledger.computed_days(data["day"])):
                return None
            runs = ledger.night_recompute_from(
                day=data["day"],
                actor=request.user,  # type: ignore[arg-type]
                reason=data["reason"],
            )
            messages.success(request, _("%(count)s nights started.") % {"count": len(runs)})
            return HttpResponseRedirect(reverse(LIST))

        return self._ask(request, RecomputeForm, _("Recompute from a day"), preview, start)

    def catch_up_view(self, request: HttpRequest) -> HttpResponse:
        """Show which days lack a complete run and who waits for whom; start them (NGT-4)."""
        self._need_permission(request)
        if request.method != "POST":
            return self.page(request, "catch_up", _("Catch up"), to_come=watch.outlook())
        run = schedule.nights_schedule(actor=request.user)  # type: ignore[arg-type]
        if run is None:
            messages.warning(
                request,
                _("Nothing was started: a night is open, and what is missing follows, or none is."),
            )
            return HttpResponseRedirect(reverse(LIST))
        messages.success(
            request, _("%(day)s was started; later days follow.") % {"day": run.as_of.isoformat()}
        )
        return HttpResponseRedirect(reverse(SHEET, args=[run.pk]))

    def stop_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Confirm with a reason and stop an open night."""
        self._need_permission(request)
        run = get_object_or_404(NightRun, pk=run_id)
        form = StopForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            title = _("Stop the night of %(day)s") % {"day": run}
            return self.page(
                request,
                "stop",
                title,
                run=run,
                is_open=run.state in OPEN_STATES,
                form=form,
                jobs=_job_rows(run),
            )

        def stop() -> None:
            reason = form.cleaned_data["reason"]
            ledger.night_stop(run=run, actor=request.user, reason=reason)  # type: ignore[arg-type]

        return self._do(request, run, stop, _("The night was stopped."))

    def retry_all_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Confirm and retry every failed job of a run."""
        self._need_permission(request)
        run = get_object_or_404(NightRun, pk=run_id)
        if request.method != "POST":
            return self._ask_retry(request, run, _("Retry the night of %(day)s") % {"day": run})

        def retry() -> None:
            ledger.night_retry(run=run, actor=request.user)  # type: ignore[arg-type]

        return self._do(request, run, retry, _("The night is being retried."))

    def retry_view(self, request: HttpRequest, job_run_id: int) -> HttpResponse:
        """Confirm and retry a failed job."""
        self._need_permission(request)
        job_run = get_object_or_404(JobRun.objects.select_related("run"), pk=job_run_id)
        if request.method != "POST":
            return self._ask_retry(request, job_run.run, _("Retry %(job)s") % {"job": job_run.job})

        def retry() -> None:
            ledger.job_retry(job_run=job_run, actor=request.user)  # type: ignore[arg-type]

        # A message begins with a capital letter; the name of a job is written as it is.
        done = _("The job %(job)s is being retried.") % {"job": job_run.job}
        return self._do(request, job_run.run, retry, done)

    def _ask_retry(self, request: HttpRequest, run: NightRun, title: str) -> HttpResponse:
        failed = [job for job in _job_rows(run) if job["may_retry"]]
        return self.page(request, "retry", title, run=run, failed=failed)

    def _do(
        self, request: HttpRequest, run: NightRun, act: Callable[[], None], done: str
    ) -> HttpResponse:
        """Act on a run; say that it is done or why it was refused, on the run's page."""
        try:
            act()
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse(SHEET, args=[run.pk]))

    def _ask(
        self,
        request: HttpRequest,
        form_class: type[DayForm],
        title: str,
        preview: Callable[[dict[str, Any]], dict[str, Any]],
        start: Callable[[dict[str, Any]], HttpResponse | None],
    ) -> HttpResponse:
        """Form → preview → confirmed POST; nothing happens before the confirmation.

        `start` answers with nothing when what was previewed is no longer so: it is previewed again.
        """
        form = form_class(request.POST if request.method == "POST" else None)
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            try:
                answer = start(form.cleaned_data) if "confirmed" in request.POST else None
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                if answer is not None:
                    return answer
                context["preview"] = preview(form.cleaned_data)
                context["hidden"] = _hidden(form, request)
        return self.page(request, "ask", title, **context)

    def _need_permission(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied


def _hidden(form: forms.Form, request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was filled in, to be sent again with the confirmation."""
    names = [name for name, field in form.fields.items() if not field.widget.is_hidden]
    return [(name, value) for name in names for value in request.POST.getlist(name)]


def _spelled(days: list[Any]) -> str:
    return " ".join(day.isoformat() for day in days)


def _expected_seconds(nights: int) -> float | None:
    """Return how long so many nights take if each takes as long as the last one."""
    last = watch.newest_nights(1)
    seconds = watch.wall_seconds(last[0]) if last else None
    return None if seconds is None else seconds * nights


def _waits_for(run: NightRun) -> NightRun | None:
    """Return the older open night that a run of the workers waits for."""
    if run.mode != ledger.CELERY or run.state != RunState.PENDING:
        return None
    older = NightRun.objects.filter(as_of__lt=run.as_of, state__in=OPEN_STATES)
    return older.order_by("-as_of").first()


def _count_shards(runs: list[NightRun]) -> None:
    """Put the counts that the list shows on its runs; one query."""
    rows = (
        ShardRun.objects.filter(job_run__run__in=[run.pk for run in runs])
        .order_by()
        .values("job_run__run")
        .annotate(
            shards=Count("pk"),
            done=Count("pk", filter=Q(state=RunState.COMPLETE)),
            written=Sum("rows_written"),
        )
    )
    counts = {row["job_run__run"]: row for row in rows}
    for run in runs:
        row = counts.get(run.pk, {"shards": 0, "done": 0, "written": 0})
        run.n_shards, run.n_done = row["shards"], row["done"]  # type: ignore[attr-defined]
        run.n_written = row["written"]  # type: ignore[attr-defined]


def _job_rows(run: NightRun) -> list[dict[str, Any]]:
    """Return a run's jobs in running order with their shards; two queries."""
    shards: dict[int, list[str]] = defaultdict(list)
    for job_run, state in (
        ShardRun.objects.filter(job_run__run=run)
        .order_by("job_run_id", "index")
        .values_list("job_run_id", "state")
    ):
        shards[job_run].append(state)
    seconds = watch.seconds_by_job([run])
    return [
        {
            "progress": each,
            "row": each.job_run,
            "shards": shards[each.job_run.pk],
            "seconds": seconds.get(each.job_run.job, {}).get(run.as_of),
            "may_retry": each.job_run.state == RunState.FAILED
            and not each.job_run.error.startswith(ledger.BLOCKED),
        }
        for each in ledger.progress(run)
    ]


def _shards_to_show(run: NightRun) -> tuple[list[ShardRun], int]:
    """Return shards that failed or erred first, then those at work; bounded; and how many there are."""
    shards = ShardRun.objects.filter(job_run__run=run).select_related("job_run")
    interesting = shards.filter(~Q(error="") | Q(state=RunState.RUNNING) | Q(state=RunState.FAILED))
    rest = shards.exclude(pk__in=interesting.values("pk"))
    found = list(interesting.order_by("job_run_id", "index")[:SHOWN_SHARDS])
    found += list(rest.order_by("job_run_id", "index")[: SHOWN_SHARDS - len(found)])
    return found, shards.count()


register_queue(
    Queue(
        label=gettext_lazy("Nights that failed"),
        rows=watch.failed_nights,
        since="as_of",
        late=True,
        url_name=LIST,
        query="",  # the list names them above everything else
        permission=PERMISSION,
    )
)
