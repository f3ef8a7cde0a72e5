"""Wraps every registered job so that a test can stop the process at one point and kill it there.

| variable | meaning |
|---|---|
| `NIGHT_PAUSE` | where to stop: `metrics:1:between`, `…:start`, `…:end` of a shard, or `metrics:publish` |
| `NIGHT_MARK` | file that appears when the process has stopped there |
| `NIGHT_LOG` | file that gets a line per computed shard |
| `NIGHT_SLOW` | seconds each shard and each publication takes longer |
| `NIGHT_SLOW_SQL` | seconds a statement of each shard takes longer, on PostgreSQL |
| `NIGHT_HASTE` | file: no shard is slow any more once it exists |
| `NIGHT_SHARDS` | into how many shards jobs are cut when nobody says |
| `NIGHT_LOST_AFTER` | seconds until a shard that waits is sent again, 1 without it |
| `NIGHT_CLAIM` | seconds a worker may take for a mail, 3 without it |
| `NIGHT_UNGUARDED` | `lock`: compute without the shard's row lock; `mark`: call a shard done in a transaction
| | before its own. The controls of the tests |
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from django.db import connection, transaction

from portal.models import ShardRun
from portal.nightly import engine, schedule
from portal.nightly.registry import Job, Params, PublishContext, ShardContext, registry
from portal.services import notices

schedule.LOST_AFTER = timedelta(seconds=float(os.environ.get("NIGHT_LOST_AFTER", "1")))
notices.CLAIM = timedelta(seconds=float(os.environ.get("NIGHT_CLAIM", "3")))


def _stop_at(point: str) -> None:
    if os.environ.get("NIGHT_PAUSE") == point:
        Path(os.environ["NIGHT_MARK"]).touch()
        time.sleep(600)


def _be_slow() -> None:
    until = time.monotonic() + float(os.environ.get("NIGHT_SLOW", "0"))
    haste = Path(os.environ.get("NIGHT_HASTE", "/nowhere"))
    if (seconds := os.environ.get("NIGHT_SLOW_SQL")) and not haste.exists():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [float(seconds)])
    while time.monotonic() < until and not haste.exists():
        time.sleep(0.02)


def _wrapped(job: Job) -> Job:
    def compute(ctx: ShardContext) -> None:
        point = f"{job.name}:{ctx.shard.index}"
        _stop_at(f"{point}:start")
        job.compute(ctx)
        _be_slow()
        if log := os.environ.get("NIGHT_LOG"):
            with Path(log).open("a") as lines:
                lines.write(point + "\n")
        _stop_at(f"{point}:end")

    def on_publish(ctx: PublishContext) -> None:
        if job.on_publish:
            job.on_publish(ctx)
        _be_slow()
        _stop_at(f"{job.name}:publish")

    def plan(as_of: date, shards: int | None = None) -> list[Params]:
        wish = os.environ.get("NIGHT_SHARDS")
        return job.plan(as_of, shards or (int(wish) if wish else None))

    return replace(job, compute=compute, on_publish=on_publish, plan=plan)


for name, each in list(registry.jobs.items()):
    registry.jobs[name] = _wrapped(each)

_mark_running = engine._mark_running


def _mark_running_or_stop(shard_id: int) -> bool:
    shard = ShardRun.objects.select_related("job_run").get(pk=shard_id)
    _stop_at(f"{shard.job_run.job}:{shard.index}:between")
    return _mark_running(shard_id)


engine._mark_running = _mark_running_or_stop

_locked = engine._locked
_compute_locked = engine._compute_locked


def _unguarded(what: str) -> bool:
    return os.environ.get("NIGHT_UNGUARDED") == what


def _locked_or_not(shard_id: int) -> ShardRun | None:
    if not _unguarded("lock"):
        return _locked(shard_id)
    waiting = ShardRun.objects.filter(pk=shard_id, state__in=["pending", "running"])
    return waiting.select_related("job_run").first()


def _compute_or_mark_first(shard_id: int) -> engine.Outcome:
    if not _unguarded("mark"):
        return _compute_locked(shard_id)
    with transaction.atomic():
        shard = engine._locked(shard_id)
    assert shard is not None
    ShardRun.objects.filter(pk=shard_id).update(state="complete")
    with transaction.atomic():
        registry[shard.job_run.job].compute(engine._context(shard))
    return engine.Outcome.DONE


engine._locked = _locked_or_not
engine._compute_locked = _compute_or_mark_first
