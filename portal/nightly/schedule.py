"""Which finished Pacific days lack a complete run, and what got lost on the way (NGT-1, NGT-4)."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q

from portal import platform_time
from portal.choices import RunState
from portal.models import NightRun, ShardRun, User
from portal.models.nights import OPEN_STATES
from portal.nightly import engine, ledger
from portal.queueing import enqueue

logger = logging.getLogger(__name__)

LOST_AFTER = timedelta(seconds=60)
SWEEP_LIMIT = 1000


def missing_days() -> list[date]:
    """Return the days that should have a complete run and have none, oldest first.

    They begin with the oldest complete day, at most `NIGHTLY_CATCHUP_DAYS` back; a portal that never
    ran a night begins with the newest day alone. A day whose last run failed waits for staff.
    """
    latest = platform_time.latest_as_of()
    complete = NightRun.objects.filter(jobs_asked=[], as_of__lte=latest, state=RunState.COMPLETE)
    first = first_day_to_catch_up(complete.aggregate(day=Min("as_of"))["day"])
    settled = ledger.settled_days(since=first, until=latest)
    days = [first + timedelta(days=offset) for offset in range((latest - first).days + 1)]
    return [day for day in days if day not in settled]


def first_day_to_catch_up(oldest_complete: date | None) -> date:
    """Return the first day that a missed night is caught up for; without a complete day the newest."""
    latest = platform_time.latest_as_of()
    if oldest_complete is None:
        return latest
    return max(oldest_complete, latest - timedelta(days=settings.NIGHTLY_CATCHUP_DAYS - 1))


def nights_schedule(*, actor: User | None = None) -> NightRun | None:
    """Start the oldest missing night unless one is open; return it. Safe to call twice at once.

    The others follow by themselves, one after another, whether beat or an `actor` has asked.
    """
    if NightRun.objects.filter(state__in=OPEN_STATES).exists():
        return None
    missing = missing_days()
    if not missing:
        return None
    try:
        return ledger.night_start(
            as_of=missing[0],
            mode=ledger.CELERY,
            reason=ledger.SCHEDULED,
            requested_by=actor,
            again=False,
        )
    except ledger.AlreadySettled:
        # Since we looked, another scheduler's whole night began and ended; it starts what follows.
        return None


def nights_sweep() -> int:
    """Send again what was lost and finish what was left; return how many shards were sent.

    A shard that waits for over a minute is sent again: if a worker does hold it, that worker's row
    lock makes the second message harmless. Jobs whose last shard finished but whose publication was
    lost are published here.
    """
    from portal import tasks

    for run_id in list(
        NightRun.objects.filter(state__in=OPEN_STATES)
        .order_by("as_of")
        .values_list("pk", flat=True)
    ):
        engine.run_advance(run_id=run_id)
    now = platform_time.wall_clock()
    with transaction.atomic():
        lost = list(
            ShardRun.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(
                Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=now - LOST_AFTER),
                state__in=OPEN_STATES,
                job_run__state=RunState.RUNNING,
                job_run__run__state__in=OPEN_STATES,
            )
            .order_by("pk")
            .values_list("pk", flat=True)[:SWEEP_LIMIT]
        )
        ShardRun.objects.filter(pk__in=lost).update(enqueued_at=now)
    for shard_id in lost:
        enqueue(tasks.run_shard, shard_id)
    if lost:
        logger.info("sent %s nightly shards again", len(lost))
    return len(lost)
