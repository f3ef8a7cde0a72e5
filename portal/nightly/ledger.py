"""The night's ledger: starting runs, retrying them, and reading what happened (NGT-4, NGT-6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import RunState
from portal.errors import Refusal
from portal.models import JobRun, NightRun, ShardRun, User
from portal.models.nights import OPEN_STATES
from portal.models.standings import FOREVER
from portal.nightly.registry import Job, registry
from portal.queueing import enqueue_on_commit
from portal.scoping import unscoped
from portal.services import audit

OPENING_ATTEMPTS = 3
BLOCKED = "Blocked: "
"""How the error of a job begins that never ran, because one it needs failed."""
INLINE, CELERY = "inline", "celery"
SCHEDULED = "scheduled"
"""Reason of the runs that beat starts; only these start the next missing night when they are done."""


# --- Starting -----------------------------------------------------------------------------------


class AlreadySettled(Exception):
    """The day has a complete run, or a failed one that waits for staff."""


def night_start(
    *,
    as_of: date,
    jobs: Iterable[str] = (),
    mode: str = INLINE,
    requested_by: User | None = None,
    reason: str = "",
    shards: int | None = None,
    again: bool = True,
) -> NightRun:
    """Open a run for one day, or join the one that is open; return it (NGT-1, NGT-3).

    No `jobs` means all. Named jobs bring the jobs they need along, unless those are already published
    for the day. A settled day gets a new run, which computes it again; with `again` off it raises
    `AlreadySettled`. Raises `Refusal` for a day later than now − 2 (`day_not_over`) and for a job that
    does not exist (`unknown_job`).
    """
    _refuse_future(as_of)
    asked = sorted(set(jobs))
    wanted = _jobs_for(as_of, asked)
    for attempt in range(OPENING_ATTEMPTS):
        try:
            with transaction.atomic():
                run = _open_run(
                    as_of=as_of,
                    asked=asked,
                    mode=mode,
                    requested_by=requested_by,
                    reason=reason,
                    again=again,
                )
                _add_jobs(run, wanted, shards)
                if requested_by is not None:
                    audit.record(
                        action="night.start",
                        actor=requested_by,
                        obj=run,
                        after={"as_of": as_of, "jobs": asked or "all", "reason": reason},
                    )
                if mode == CELERY:
                    _advance_soon(run)
                return run
        except IntegrityError:
            # Another scheduler opened the day between our look and our insert: join that run.
            if attempt == OPENING_ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def settled_days(*, since: date, until: date) -> set[date]:
    """Return the days of which a run of all jobs is complete, or has failed and waits for staff (NGT-4)."""
    settled = NightRun.objects.filter(
        jobs_asked=[],
        as_of__range=(since, until),
        state__in=[RunState.COMPLETE, RunState.FAILED],
    )
    return set(settled.values_list("as_of", flat=True))


def _refuse_future(as_of: date) -> None:
    latest = platform_time.latest_as_of()
    if as_of > latest:
        raise Refusal(
            "day_not_over",
            _("%(day)s cannot be computed yet: the newest day is %(latest)s (today minus two).")
            % {"day": as_of.isoformat(), "latest": latest.isoformat()},
        )


def _jobs_for(as_of: date, asked: list[str]) -> list[Job]:
    """Return the jobs to run, needs first."""
    unknown = [name for name in asked if name not in registry]
    if unknown:
        raise Refusal(
            "unknown_job",
            _("There is no nightly job %(names)s. Jobs: %(jobs)s.")
            % {
                "names": ", ".join(unknown),
                "jobs": ", ".join(job.name for job in registry.ordered()),
            },
        )
    if not asked:
        return registry.ordered()
    published = set(
        JobRun.objects.filter(as_of=as_of, state=RunState.COMPLETE).values_list("job", flat=True)
    )
    return [
        job for job in registry.with_needs(asked) if job.name in asked or job.name not in published
    ]


def _open_run(
    *,
    as_of: date,
    asked: list[str],
    mode: str,
    requested_by: User | None,
    reason: str,
    again: bool,
) -> NightRun:
    """Return the day's open run, locked, or a new one.

    The order of the looks matters: whoever opens a run after the first takes our number, so our insert
    fails; a run from before it is either still open at the second or settled at the third.
    """
    last = NightRun.objects.filter(as_of=as_of).aggregate(last=Max("number"))["last"]
    run = (
        NightRun.objects.select_for_update(no_key=True)
        .filter(as_of=as_of, state__in=OPEN_STATES)
        .first()
    )
    if run is not None:
        together = sorted({*run.jobs_asked, *asked}) if run.jobs_asked and asked else []
        if together != run.jobs_asked:
            run.jobs_asked = together
            run.save(update_fields=["jobs_asked"])
        return run
    if not again and settled_days(since=as_of, until=as_of):
        raise AlreadySettled(as_of)
    return NightRun.objects.create(
        as_of=as_of,
        number=(last or 0) + 1,
        jobs_asked=asked,
        mode=mode,
        reason=reason[:200],
        requested_by=requested_by,
        code_version=settings.CODE_VERSION,
    )


def _add_jobs(run: NightRun, wanted: list[Job], shards: int | None) -> None:
    """Give the run a row for each job it lacks."""
    present = set(run.jobs.values_list("job", flat=True))
    JobRun.objects.bulk_create(
        JobRun(run=run, job=job.name, as_of=run.as_of, plan={"shards": shards} if shards else {})
        for job in wanted
        if job.name not in present
    )


def _advance_soon(run: NightRun) -> None:
    from portal import tasks

    enqueue_on_commit(tasks.advance_night, run.pk)


# --- Recomputing --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RecomputePreview:
    """What "recompute from this day" would touch."""

    days: list[date]
    """The days that get a run, oldest first."""
    jobs: list[str]
    standing_rows: list[tuple[str, int]]
    """(standing, rows that hold on one of these days)."""
    lasting: list[tuple[str, str]]
    """(job, what it has done once and for all and will not do again or take back)."""
    not_computed: list[date]
    """Days in between without a complete run: they stay without one."""
    at_work: list[date]
    """Days that are being computed right now: nothing starts before they are done."""


def computed_days(since: date) -> list[date]:
    """Return the days with a complete run of all jobs, from `since` to now − 2, oldest first."""
    return sorted(
        set(
            NightRun.objects.filter(
                as_of__gte=since,
                as_of__lte=platform_time.latest_as_of(),
                state=RunState.COMPLETE,
                jobs_asked=[],
            ).values_list("as_of", flat=True)
        )
    )


def recompute_preview(day: date) -> RecomputePreview:
    """Count what a recomputation from a day would look at; changes nothing (NGT-4)."""
    jobs = registry.ordered()
    days = computed_days(day)
    models = {model for job in jobs for model in job.standings} if days else set()
    with unscoped():
        rows = [
            (
                str(model._meta.verbose_name_plural),
                model._default_manager.filter(
                    valid_to__gte=days[0], valid_from__lte=days[-1]
                ).count(),
            )
            for model in sorted(models, key=lambda model: model._meta.label)
        ]
    known = set(days)
    span = (days[-1] - days[0]).days if days else 0
    between = (days[0] + timedelta(days=offset) for offset in range(span))
    return RecomputePreview(
        days=days,
        jobs=[job.name for job in jobs],
        standing_rows=rows,
        lasting=[(job.name, str(job.lasting)) for job in jobs if job.lasting],
        not_computed=[each for each in between if each not in known],
        at_work=_at_work(days),
    )


def _at_work(days: list[date]) -> list[date]:
    """Return the days of some whose open run has begun."""
    begun = NightRun.objects.filter(as_of__in=days, state=RunState.RUNNING)
    return sorted(begun.values_list("as_of", flat=True))


def night_recompute_from(*, day: date, actor: User, reason: str = "") -> list[NightRun]:
    """Open a run for every computed day from `day` on; they run one after another, oldest first.

    Late facts of past days are picked up this way (NGT-4). Raises `Refusal` when no day from there on
    has been computed (`nothing_computed`), and when one of them is being computed (`night_open`): what
    its run has published already would not be computed again.
    """
    days = computed_days(day)
    if not days:
        raise Refusal(
            "nothing_computed",
            _("No day from %(day)s on has been computed.") % {"day": day.isoformat()},
        )
    with transaction.atomic():
        if begun := _at_work(days):
            raise Refusal(
                "night_open",
                _("%(days)s is being computed. Wait until it is done, or stop it.")
                % {"days": ", ".join(each.isoformat() for each in begun)},
            )
        return [
            night_start(as_of=each, mode=CELERY, requested_by=actor, reason=reason) for each in days
        ]


# --- Stopping and retrying ----------------------------------------------------------------------


def night_stop(*, run: NightRun, actor: User, reason: str = "") -> None:
    """Stop an open run: its unpublished jobs fail, and it waits for a retry (NGT-6).

    What it has published stays published; of the other jobs the day keeps what it had. A shard that is
    being computed ends, and counts when the job is retried. The next open day goes on. Raises `Refusal`
    (`not_open`), having changed nothing.
    """
    with transaction.atomic():
        locked = (
            NightRun.objects.select_for_update(no_key=True)
            .filter(pk=run.pk, state__in=OPEN_STATES)
            .first()
        )
        # Counted under the locks of the jobs: one that is being published is waited for.
        stopped = locked is not None and locked.jobs.filter(state__in=OPEN_STATES).update(
            state=RunState.FAILED, error=f"Stopped by {actor}. {reason}".strip()
        )
        if locked is None or not stopped:
            raise Refusal("not_open", _("This night is not running any more."))
        locked.state, locked.finished_at = RunState.FAILED, platform_time.wall_clock()
        locked.save(update_fields=["state", "finished_at"])
        audit.record(
            action="night.stop", actor=actor, obj=locked, after={"jobs": stopped, "reason": reason}
        )
        following = (
            NightRun.objects.filter(state__in=OPEN_STATES, mode=CELERY).order_by("as_of").first()
        )
        if following is not None:
            _advance_soon(following)


def job_retry(*, job_run: JobRun, actor: User) -> None:
    """Let a failed job of a failed run try again: its failed shards, and the jobs it blocked (NGT-6).

    Finished shards stay finished. Raises `Refusal` (`not_failed`, `night_open`), having changed nothing.
    """
    _try_again(run_id=job_run.run_id, chosen=Q(pk=job_run.pk), what=job_run.job, actor=actor)


def night_retry(*, run: NightRun, actor: User) -> None:
    """Let every failed job of a run try again, as `job_retry` does with one (NGT-6)."""
    _try_again(run_id=run.pk, chosen=Q(), what="all", actor=actor)


def _try_again(*, run_id: int, chosen: Q, what: str, actor: User) -> None:
    try:
        with transaction.atomic():
            run = NightRun.objects.select_for_update(no_key=True).get(pk=run_id)
            failed = list(
                run.jobs.filter(chosen, state=RunState.FAILED).values_list("pk", flat=True)
            )
            if not failed:
                raise Refusal("not_failed", _("This job has not failed, or is being retried."))
            # What was never cut into shards was blocked, or the run was stopped before: it waits again.
            run.jobs.filter(state=RunState.FAILED, shards=None).update(
                state=RunState.PENDING, error=""
            )
            run.jobs.filter(pk__in=failed, state=RunState.FAILED).update(
                state=RunState.RUNNING, error=""
            )
            ShardRun.objects.filter(job_run__in=failed, state=RunState.FAILED).update(
                state=RunState.PENDING, attempts=0
            )
            ShardRun.objects.filter(job_run__in=failed, state__in=OPEN_STATES).update(
                enqueued_at=None
            )
            NightRun.objects.filter(pk=run.pk, state=RunState.FAILED).update(
                state=RunState.RUNNING, finished_at=None, mode=CELERY
            )
            audit.record(action="night.retry", actor=actor, obj=run, after={"job": what})
            _advance_soon(run)
    except IntegrityError as error:
        raise Refusal(
            "night_open", _("A newer run of this day is open; it computes the day instead.")
        ) from error


# --- Reading ------------------------------------------------------------------------------------


def published(job: str) -> QuerySet[JobRun]:
    """Return the publications of a job."""
    return JobRun.objects.filter(job=job, state=RunState.COMPLETE)


def base_of(job: str, as_of: date) -> dict[str, Any]:
    """Return what a job's shards build on; a publication meanwhile makes it stale."""
    found = published(job).aggregate(
        publications=Count("pk"),
        previous_day=Max("as_of", filter=Q(as_of__lt=as_of)),
        next_day=Min("as_of", filter=Q(as_of__gt=as_of)),
    )
    return {
        "publications": found["publications"],
        "previous_day": found["previous_day"].isoformat() if found["previous_day"] else None,
        "is_newest": found["next_day"] is None,
    }


def owned_until(job: str, as_of: date) -> date:
    """Return the last day that publishing a day sets: before the next published one, or for good."""
    following = published(job).filter(as_of__gt=as_of).aggregate(day=Min("as_of"))["day"]
    return following - timedelta(days=1) if following else FOREVER


@dataclass(frozen=True)
class JobProgress:
    """One job of a run with the counts of its shards."""

    job_run: JobRun
    shards: int
    done: int
    failed: int
    rows_read: int
    rows_written: int

    @property
    def percent(self) -> int:
        """Share of shards done, 0 … 100; a published job is always at 100."""
        if self.job_run.state == RunState.COMPLETE:
            return 100
        return 100 * self.done // self.shards if self.shards else 0


def progress(run: NightRun) -> list[JobProgress]:
    """Return a run's jobs in running order with their shards counted; one query."""
    order = {job.name: position for position, job in enumerate(registry.ordered())}
    rows = run.jobs.annotate(
        n_shards=Count("shards"),
        n_done=Count("shards", filter=Q(shards__state=RunState.COMPLETE)),
        n_failed=Count("shards", filter=Q(shards__state=RunState.FAILED)),
        n_read=Sum("shards__rows_read", default=0),
        n_written=Sum("shards__rows_written", default=0),
    )
    return [
        JobProgress(row, row.n_shards, row.n_done, row.n_failed, row.n_read, row.n_written)
        for row in sorted(rows, key=lambda row: (order.get(row.job, len(order)), row.job))
    ]


def newest_complete_day() -> date | None:
    """Return the newest as-of day with a complete run of all jobs, up to now − 2."""
    return NightRun.objects.filter(
        state=RunState.COMPLETE, jobs_asked=[], as_of__lte=platform_time.latest_as_of()
    ).aggregate(day=Max("as_of"))["day"]


def ready_shards(run: NightRun) -> QuerySet[ShardRun]:
    """Return the shards of a run that wait to be computed, in order."""
    return ShardRun.objects.filter(
        job_run__run=run, job_run__state=RunState.RUNNING, state__in=OPEN_STATES
    ).order_by("job_run_id", "index")
