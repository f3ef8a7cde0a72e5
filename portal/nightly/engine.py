"""Computing shards, publishing jobs and moving a run forward (NGT-2, NGT-3).

Every function here may be called at any time, by anybody, any number of times: what it may do is
decided by the ledger's rows under their locks, never by who calls. On PostgreSQL the row lock of a
shard lasts as long as the transaction that computes it; on SQLite the write lock of the transaction
(`BEGIN IMMEDIATE`) does the same for the whole file.
"""

from __future__ import annotations

import enum
import logging
import os
import socket
import time
import traceback
from collections.abc import Callable
from datetime import date

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from portal import platform_time
from portal.choices import RulebookStatus, RunState
from portal.models import JobRun, NightRun, Rulebook, ShardRun
from portal.models.nights import OPEN_STATES
from portal.nightly import ledger
from portal.nightly.operators import operators_tell
from portal.nightly.registry import Job, PublishContext, ShardContext, registry
from portal.nightly.standings import publish
from portal.outages import is_connection_loss
from portal.queueing import enqueue, enqueue_on_commit
from portal.scoping import unscoped

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Failures after which a shard, or a publication, waits for staff. A killed worker is no failure."""
POLL_SECONDS = 0.2
RECONNECT_SECONDS = 60
CLIENT_CHECK = "5s"
"""How often PostgreSQL looks whether the worker of a long statement is still there."""


class Outcome(enum.Enum):
    """What became of one attempt at a shard."""

    DONE = "done"
    RETRY = "retry"
    """It failed and may be tried again."""
    FAILED = "failed"
    NOTHING = "nothing"
    """Somebody else is at it, or it is not waiting any more."""


# --- Shards -------------------------------------------------------------------------------------


def shard_compute(*, shard_id: int) -> Outcome:
    """Compute one shard if nobody else does and it is not done; all or nothing (NGT-3)."""
    with unscoped():
        if not _mark_running(shard_id):
            return Outcome.NOTHING
        try:
            return _compute_locked(shard_id)
        except Exception as error:
            logger.exception("nightly shard %s failed", shard_id)
            return _record_failure(shard_id, error)


def shard_run(*, shard_id: int) -> Outcome:
    """Compute one shard, then do what that makes possible: what a worker does with a message."""
    from portal import tasks

    outcome = shard_compute(shard_id=shard_id)
    if outcome is Outcome.RETRY:
        enqueue(tasks.run_shard, shard_id)
    elif outcome is not Outcome.NOTHING:
        row = JobRun.objects.get(shards=shard_id)
        if not row.shards.filter(state__in=OPEN_STATES).exists():
            run_advance(run_id=row.run_id)
    return outcome


def _mark_running(shard_id: int) -> bool:
    """Show the operator that the shard is being worked on; a hint only, never a claim."""
    try:
        with transaction.atomic():
            shard = _locked(shard_id)
            if shard is None:
                return False
            ShardRun.objects.filter(pk=shard_id).update(
                state=RunState.RUNNING,
                started_at=platform_time.wall_clock(),
                worker=f"{socket.gethostname()}:{os.getpid()}"[:120],
            )
            return True
    except OperationalError as error:
        # SQLite: another writer holds the file. The shard still waits; whoever asked asks again.
        if connection.vendor == "sqlite":
            logger.info("nightly shard %s has to wait: %s", shard_id, error)
            return False
        raise


def _locked(shard_id: int) -> ShardRun | None:
    """Return the shard with its row locked, or none when it is taken or not waiting."""
    return (
        ShardRun.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("job_run")
        .filter(pk=shard_id, state__in=OPEN_STATES, job_run__state=RunState.RUNNING)
        .first()
    )


def _compute_locked(shard_id: int) -> Outcome:
    with transaction.atomic():
        allow_long_work()
        shard = _locked(shard_id)
        if shard is None:
            return Outcome.NOTHING
        context = _context(shard)
        registry[shard.job_run.job].compute(context)
        ShardRun.objects.filter(pk=shard_id).update(
            state=RunState.COMPLETE,
            finished_at=platform_time.wall_clock(),
            rows_read=context.rows_read,
            rows_written=context.rows_written,
            error="",
        )
        return Outcome.DONE


def _context(shard: ShardRun) -> ShardContext:
    plan = shard.job_run.plan
    previous = plan.get("previous_day")
    return ShardContext(
        as_of=shard.job_run.as_of,
        params=dict(shard.params),
        shard=shard,
        connection=connection,
        previous_day=date.fromisoformat(previous) if previous else None,
        is_newest=plan.get("is_newest", True),
    )


def allow_long_work() -> None:
    """Give the current transaction a night's time limits instead of a page's."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for name, value in (
            ("statement_timeout", settings.NIGHTLY_STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", settings.NIGHTLY_STATEMENT_TIMEOUT),
            ("lock_timeout", "60s"),
            ("work_mem", settings.NIGHTLY_WORK_MEM),
            # The statement of a killed worker ends, and with it the lock of its shard; PostgreSQL would
            # otherwise notice when it has something to send.
            ("client_connection_check_interval", CLIENT_CHECK),
        ):
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _record_failure(shard_id: int, error: Exception) -> Outcome:
    """Count a failure; a connection that was lost is nobody's fault and is not counted."""
    lost = _connection_lost(error)
    text = "".join(traceback.format_exception(error))
    with transaction.atomic():
        shard = _locked(shard_id)
        if shard is None:
            return Outcome.NOTHING
        attempts = shard.attempts + (0 if lost else 1)
        state = RunState.FAILED if attempts >= MAX_ATTEMPTS else RunState.PENDING
        ShardRun.objects.filter(pk=shard_id).update(
            state=state, attempts=attempts, error=text, finished_at=platform_time.wall_clock()
        )
    return Outcome.FAILED if state == RunState.FAILED else Outcome.RETRY


def _connection_lost(error: Exception) -> bool:
    """Tell whether the connection was lost; one that broke is closed, so that the next query opens another."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
    return is_connection_loss(error)


# --- Jobs ---------------------------------------------------------------------------------------


def _job_settle(job_run: JobRun) -> None:
    """Publish a job whose shards are all complete; close one that cannot go on."""
    states = set(job_run.shards.values_list("state", flat=True))
    if states & set(OPEN_STATES):
        return
    if RunState.FAILED in states:
        JobRun.objects.filter(pk=job_run.pk, state=RunState.RUNNING).update(
            state=RunState.FAILED, error="Shards have failed; see their errors."
        )
        return
    try:
        job_publish(job_run_id=job_run.pk)
    except Exception as error:
        if _connection_lost(error):
            raise
        logger.exception("publishing %s failed", job_run)
        _count_failed_publication(job_run.pk, error)


def _count_failed_publication(job_run_id: int, error: Exception) -> None:
    """Compute the shards again: what they staged may speak of rows that are gone by now."""
    with transaction.atomic():
        job_run = JobRun.objects.select_for_update(no_key=True).get(pk=job_run_id)
        failures = job_run.plan.get("publish_failures", 0) + 1
        job_run.plan["publish_failures"] = failures % MAX_ATTEMPTS
        job_run.error = "".join(traceback.format_exception(error))
        if failures >= MAX_ATTEMPTS:
            job_run.state = RunState.FAILED
        job_run.save(update_fields=["plan", "error", "state"])
        job_run.shards.update(state=RunState.PENDING, enqueued_at=None)
        if job_run.state == RunState.RUNNING:
            _send_shards(job_run)


def job_publish(*, job_run_id: int) -> bool:
    """Show a job's day to readers in one step, if all its shards are complete (NGT-5).

    If another day of the job was published since its shards began, what they staged may rest on what
    is no longer so: the shards go back to waiting and nothing is published.
    """
    with unscoped(), transaction.atomic():
        allow_long_work()
        job_run = (
            JobRun.objects.select_for_update(no_key=True)
            .filter(pk=job_run_id, state=RunState.RUNNING)
            .first()
        )
        if job_run is None or job_run.shards.exclude(state=RunState.COMPLETE).exists():
            return False
        _one_publication_at_a_time(job_run.job)
        base = ledger.base_of(job_run.job, job_run.as_of)
        if base["publications"] != job_run.plan.get("publications"):
            _compute_again(job_run, base)
            return False
        job = registry[job_run.job]
        last = ledger.owned_until(job.name, job_run.as_of)
        job_run.rows_published = sum(
            publish(job_run, model, owned_until=last) for model in job.standings
        )
        if job.on_publish:
            job.on_publish(PublishContext(job_run.as_of, job_run, connection))
        job_run.state, job_run.error = RunState.COMPLETE, ""
        job_run.published_at = platform_time.wall_clock()
        job_run.save(update_fields=["state", "error", "published_at", "rows_published"])
        return True


def _one_publication_at_a_time(job: str) -> None:
    """Let days of one job be published one after another."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"night:{job}"]
            )


def _compute_again(job_run: JobRun, base: dict[str, object]) -> None:
    job_run.plan = {**job_run.plan, **base}
    job_run.save(update_fields=["plan"])
    job_run.shards.update(state=RunState.PENDING, enqueued_at=None)
    _send_shards(job_run)


def _plan(job_run: JobRun, job: Job) -> None:
    """Cut a job whose needs are complete into shards and hand them out."""
    wish = job_run.plan.get("shards")
    job_run.plan = {**job_run.plan, **ledger.base_of(job.name, job_run.as_of)}
    job_run.state = RunState.RUNNING
    job_run.started_at = platform_time.wall_clock()
    job_run.rulebooks = _rulebooks_in_force(job, job_run.as_of)
    job_run.save(update_fields=["plan", "state", "started_at", "rulebooks"])
    ShardRun.objects.bulk_create(
        ShardRun(job_run=job_run, index=index, params=params)
        for index, params in enumerate(job.plan(job_run.as_of, wish))
    )
    _send_shards(job_run)


def _rulebooks_in_force(job: Job, day: date) -> list[str]:
    if not job.rulebook_modules:
        return []
    rows = Rulebook.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gte=day),
        module__in=job.rulebook_modules,
        status=RulebookStatus.PUBLISHED,
        effective_from__lte=day,
    )
    return [f"{row.module} {row.version}" for row in rows.order_by("module")]


def _modules_without_rules(job: Job, day: date) -> list[str]:
    """Return the modules of a job whose rules have ended, or never were: judging without them would take away
    what shops have, as if they had earned nothing (NGT-2).

    Days before the first rules of a module are no mistake: then nobody was judged.
    """
    if not job.rulebook_modules:
        return []
    published = Rulebook.objects.filter(
        module__in=job.rulebook_modules, status=RulebookStatus.PUBLISHED
    ).values_list("module", "effective_from", "effective_to")
    spans: dict[str, list[tuple[date, date | None]]] = {name: [] for name in job.rulebook_modules}
    for module, first, last in published:
        spans[module].append((first, last))
    return [module for module, found in spans.items() if _has_ended(found, day)]


def _has_ended(spans: list[tuple[date, date | None]], day: date) -> bool:
    """Tell whether no span holds on a day although one has begun, or there is none at all."""
    begun = [last for first, last in spans if first <= day]
    if not begun:
        return not spans
    return all(last is not None and last < day for last in begun)


def _send_shards(job_run: JobRun) -> None:
    """Hand a job's waiting shards to the workers once the transaction has committed."""
    from portal import tasks

    if job_run.run.mode != ledger.CELERY:
        return
    waiting = job_run.shards.filter(state__in=OPEN_STATES)
    waiting.update(enqueued_at=platform_time.wall_clock())
    for shard_id in waiting.values_list("pk", flat=True):
        enqueue_on_commit(tasks.run_shard, shard_id)


# --- Runs ---------------------------------------------------------------------------------------


def run_advance(*, run_id: int) -> None:
    """Do all that has become possible in a run: publish, start dependants, close it."""
    with unscoped():
        for job_run in JobRun.objects.filter(run_id=run_id, state=RunState.RUNNING).order_by("pk"):
            _job_settle(job_run)
        with transaction.atomic():
            allow_long_work()
            run = (
                NightRun.objects.select_for_update(no_key=True)
                .filter(pk=run_id, state__in=OPEN_STATES)
                .first()
            )
            if run is not None and not _has_to_wait(run):
                _start_jobs(run)
                _close(run)


def _has_to_wait(run: NightRun) -> bool:
    """Tell whether an older day is still open: workers take days oldest first (NGT-4).

    A run started by hand in the foreground does not wait; should it overtake an older day, the older
    day's shards are computed again before they are published.
    """
    if run.mode != ledger.CELERY or run.state != RunState.PENDING:
        return False
    return NightRun.objects.filter(as_of__lt=run.as_of, state__in=OPEN_STATES).exists()


def _start_jobs(run: NightRun) -> None:
    if run.state == RunState.PENDING:
        run.state, run.started_at = RunState.RUNNING, platform_time.wall_clock()
        run.save(update_fields=["state", "started_at"])
    rows = {row.job: row for row in run.jobs.select_related("run")}
    order = {job.name: job for job in registry.ordered()}
    for name in [*order, *sorted(set(rows) - set(order))]:
        row = rows.get(name)
        if row is None or row.state != RunState.PENDING:
            continue
        job = order.get(name)
        needs = [rows[need] for need in job.needs if need in rows] if job else []
        failed = [need.job for need in needs if need.state == RunState.FAILED]
        if job is None:
            _fail(row, "This version of the portal has no such job.")
        elif failed:
            _fail(row, f"{ledger.BLOCKED}it needs {', '.join(failed)}, which failed.")
        elif ended := _modules_without_rules(job, row.as_of):
            _fail(row, f"No rules of {', '.join(ended)} are in force on {row.as_of}.")
        elif all(need.state == RunState.COMPLETE for need in needs):
            _plan(row, job)


def _fail(job_run: JobRun, error: str) -> None:
    job_run.state, job_run.error = RunState.FAILED, error
    job_run.save(update_fields=["state", "error"])


def _close(run: NightRun) -> None:
    """Close a run of which every job is complete or failed; tell operators of a failure, once."""
    from portal import tasks

    states = set(run.jobs.values_list("state", flat=True))
    if states & set(OPEN_STATES):
        return
    run.state = RunState.FAILED if RunState.FAILED in states else RunState.COMPLETE
    run.finished_at = platform_time.wall_clock()
    run.save(update_fields=["state", "finished_at"])
    if run.state == RunState.FAILED:
        operators_tell(run)
    following = NightRun.objects.filter(state__in=OPEN_STATES).order_by("as_of").first()
    if following is not None and following.mode == ledger.CELERY:
        enqueue_on_commit(tasks.advance_night, following.pk)
    elif following is None and run.reason == ledger.SCHEDULED and run.state == RunState.COMPLETE:
        enqueue_on_commit(tasks.schedule_nights)


def run_inline(*, run_id: int, on_change: Callable[[], None] = lambda: None) -> NightRun:
    """Compute a run in this process until it is closed; return it.

    Other processes may work on the same run: what they hold is skipped. A lost database connection
    is waited for, up to a minute.
    """
    lost_at: float | None = None
    while True:
        try:
            run_advance(run_id=run_id)
            run = NightRun.objects.get(pk=run_id)
            on_change()
            if run.state not in OPEN_STATES:
                return run
            worked = False
            for shard_id in list(ledger.ready_shards(run).values_list("pk", flat=True)):
                worked |= shard_compute(shard_id=shard_id) is not Outcome.NOTHING
                on_change()
                lost_at = None
            lost_at = None
        except (OperationalError, InterfaceError) as error:
            if not _connection_lost(error):
                raise
            # From the loss, not from the last success: a shard may take longer than the patience.
            lost_at = lost_at or time.monotonic()
            if time.monotonic() - lost_at > RECONNECT_SECONDS:
                raise
            worked = False
        if not worked:
            time.sleep(POLL_SECONDS)
