"""What operators look at: what is at work, what is to come, how long it took (NGT-4, NGT-6).

Reading only. Nothing here takes a lock: a probe that did would send a worker home from its shard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection
from django.db.models import (
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)

from portal import platform_time
from portal.choices import RunState
from portal.models import NightRun, ShardRun
from portal.models.nights import OPEN_STATES
from portal.nightly import schedule

SLOW_SECONDS = 60.0
"""A shard is never called slow before."""
SLOW_TIMES = 3
"""… and then when it takes this many times as long as the longest of its job did the night before."""
UNKNOWN_SLOW_SECONDS = 600.0
"""When a job has no night before to compare with."""
FREE_SECONDS = 5.0
"""Between saying that it works on a shard and locking it a worker holds nothing, for a moment."""

TOOK = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())


# --- At work ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AtWork:
    """A shard some worker says it computes."""

    shard: ShardRun
    seconds: float
    usual: float | None
    """The longest shard of the job in the newest complete night before; none without one."""
    held: bool | None
    """Whether a database session holds its lock; none where the database does not say (SQLite)."""

    @property
    def is_abandoned(self) -> bool:
        """Its worker is gone: nobody holds the lock. The sweeper sends it again."""
        return self.held is False and self.seconds > FREE_SECONDS

    @property
    def is_slow(self) -> bool:
        """It takes far longer than its job does."""
        if self.usual is None:
            return self.seconds > UNKNOWN_SLOW_SECONDS
        return self.seconds > max(SLOW_SECONDS, SLOW_TIMES * self.usual)


def at_work(runs: Iterable[NightRun]) -> list[AtWork]:
    """Return the shards being computed in some runs, the longest at it first; four queries at most."""
    shards = list(
        ShardRun.objects.filter(
            job_run__run__in=[run.pk for run in runs],
            state=RunState.RUNNING,
            job_run__state=RunState.RUNNING,
            started_at__isnull=False,
        )
        .select_related("job_run__run")
        .order_by("started_at", "pk")
    )
    if not shards:
        return []
    held = _held([shard.pk for shard in shards])
    usual = _longest_shards(min(shard.job_run.as_of for shard in shards))
    now = platform_time.wall_clock()
    return [
        AtWork(
            shard,
            (now - shard.started_at).total_seconds() if shard.started_at else 0.0,
            usual.get(shard.job_run.job),
            None if held is None else shard.pk in held,
        )
        for shard in shards
    ]


def _held(shards: Sequence[int]) -> set[int] | None:
    """Return the shards whose row is locked by a transaction that lives; none on SQLite.

    A row's `xmax` names the transaction that locked it last, and a living transaction holds the lock
    on its own number, so the answer takes no lock itself.
    """
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id FROM portal_shardrun s WHERE s.id = ANY(%s) AND s.xmax IN "
            "(SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid' AND granted)",
            [list(shards)],
        )
        return {row[0] for row in cursor.fetchall()}


def _longest_shards(before: date) -> dict[str, float]:
    """Return job → seconds of its longest shard in the newest complete night before a day."""
    night = (
        _complete_nights().filter(as_of__lt=before).order_by("-as_of", "-number").first()
        or _complete_nights().order_by("-as_of", "-number").first()
    )
    if night is None:
        return {}
    rows = (
        ShardRun.objects.filter(job_run__run=night, finished_at__isnull=False)
        .order_by()
        .values_list("job_run__job")
        .annotate(longest=Max(TOOK))
    )
    return {job: longest.total_seconds() for job, longest in rows}


# --- To come ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DayToCome:
    """A day that is being computed or will be; `waits_for` is the day before it in the queue."""

    day: date
    run: NightRun | None
    """Its open run; none for a missed day nobody has started."""
    waits_for: date | None


@dataclass(frozen=True)
class Outlook:
    """What workers will do next, and what waits for staff."""

    days: list[DayToCome]
    """In the order they run."""
    failed: list[NightRun]
    """Runs that failed or were stopped and that no later run replaces: each waits for a retry."""
    too_old: int
    """Days without a complete run that lie farther back than missed nights are caught up."""

    @property
    def open_runs(self) -> list[NightRun]:
        """Runs that are not closed, in order."""
        return [each.run for each in self.days if each.run is not None]

    @property
    def missing(self) -> list[date]:
        """Days nobody has started yet, in order."""
        return [each.day for each in self.days if each.run is None]


def outlook() -> Outlook:
    """Return the nights to come in their order; a constant number of queries (NGT-4)."""
    latest = platform_time.latest_as_of()
    open_runs = list(NightRun.objects.filter(state__in=OPEN_STATES).order_by("as_of"))
    # A run of some jobs does not make the day complete: another one follows.
    computing = {run.as_of for run in open_runs if not run.jobs_asked}
    queue: list[tuple[date, NightRun | None]] = [(run.as_of, run) for run in open_runs]
    # Missed nights are started when nothing is open: they come behind all that is.
    queue += [(day, None) for day in schedule.missing_days() if day not in computing]
    days, before = [], None
    for day, run in queue:
        starts_now = run is not None and run.state == RunState.RUNNING
        days.append(DayToCome(day, run, None if starts_now else before))
        before = day
    complete = set(_complete_nights().filter(as_of__lte=latest).values_list("as_of", flat=True))
    failed = list(failed_nights())
    oldest = min(complete, default=None)
    too_old = 0
    if oldest is not None:
        known = complete | {run.as_of for run in failed}
        reach = (schedule.first_day_to_catch_up(oldest) - oldest).days
        behind = (oldest + timedelta(days=offset) for offset in range(reach))
        too_old = sum(day not in known for day in behind)
    return Outlook(days, failed, too_old)


def failed_nights() -> QuerySet[NightRun]:
    """Return the failed runs that no later one of their day replaces, oldest first (NGT-4)."""
    later = NightRun.objects.filter(as_of=OuterRef("as_of"), number__gt=OuterRef("number"))
    of_all_jobs = Q(jobs_asked=[])
    return NightRun.objects.filter(
        Q(of_all_jobs & ~Exists(later.filter(of_all_jobs))) | Q(~of_all_jobs & ~Exists(later)),
        state=RunState.FAILED,
    ).order_by("as_of", "number")


# --- Durations ----------------------------------------------------------------------------------


def _complete_nights() -> QuerySet[NightRun]:
    return NightRun.objects.filter(state=RunState.COMPLETE, jobs_asked=[])


def newest_nights(count: int) -> list[NightRun]:
    """Return the newest complete run of each of the last `count` computed days, oldest first."""
    newest: dict[date, NightRun] = {}
    # A day that was computed several times takes several of the rows read: twice as many will do.
    for run in _complete_nights().order_by("-as_of", "-number")[: 2 * count]:
        newest.setdefault(run.as_of, run)
    return sorted(newest.values(), key=lambda run: run.as_of)[-count:]


def wall_seconds(run: NightRun) -> float | None:
    """Return the seconds from a run's start to its end, or until now; none before it began."""
    if run.started_at is None:
        return None
    return ((run.finished_at or platform_time.wall_clock()) - run.started_at).total_seconds()


def seconds_by_job(runs: Iterable[NightRun]) -> dict[str, dict[date, float]]:
    """Return job → day → seconds its shards took to compute, added up over all workers; one query.

    Waiting for a worker and publishing are not in it.
    """
    rows = (
        ShardRun.objects.filter(
            job_run__run__in=[run.pk for run in runs],
            state=RunState.COMPLETE,
            started_at__isnull=False,
        )
        .order_by()
        .values_list("job_run__job", "job_run__as_of")
        .annotate(took=Sum(TOOK))
    )
    found: dict[str, dict[date, float]] = defaultdict(dict)
    for job, day, took in rows:
        found[job][day] = took.total_seconds()
    return dict(found)


def oldest_at_work_seconds() -> float:
    """Return how long the shard that is longest at work has been so; 0 without any."""
    began = ShardRun.objects.filter(
        state=RunState.RUNNING, job_run__state=RunState.RUNNING
    ).aggregate(began=Min("started_at"))["began"]
    return (platform_time.wall_clock() - began).total_seconds() if began else 0.0
