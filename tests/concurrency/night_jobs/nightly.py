"""Wraps every registered job so that a test can stop the process at one point and kill it there.

| variable | meaning |
|---|---|
| `NIGHT_PAUSE` | where to stop: `metrics:1:between`, `…:start`, `…:end` of a shard, or `metrics:publish` |
| `NIGHT_MARK` | file that appears when the process has stopped there |
| `NIGHT_LOG` | file that gets a line per computed shard |
| `NIGHT_SLOW` | seconds each shard takes longer |
| `NIGHT_UNGUARDED` | compute without the shard's row lock: the control of the race test |
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from portal.models import ShardRun
from portal.nightly import engine, schedule
from portal.nightly.registry import Job, PublishContext, ShardContext, registry

schedule.LOST_AFTER = timedelta(seconds=1)


def _stop_at(point: str) -> None:
    if os.environ.get("NIGHT_PAUSE") == point:
        Path(os.environ["NIGHT_MARK"]).touch()
        time.sleep(600)


def _wrapped(job: Job) -> Job:
    def compute(ctx: ShardContext) -> None:
        point = f"{job.name}:{ctx.shard.index}"
        _stop_at(f"{point}:start")
        job.compute(ctx)
        time.sleep(float(os.environ.get("NIGHT_SLOW", "0")))
        if log := os.environ.get("NIGHT_LOG"):
            with Path(log).open("a") as lines:
                lines.write(point + "\n")
        _stop_at(f"{point}:end")

    def on_publish(ctx: PublishContext) -> None:
        if job.on_publish:
            job.on_publish(ctx)
        _stop_at(f"{job.name}:publish")

    return replace(job, compute=compute, on_publish=on_publish)


for name, each in list(registry.jobs.items()):
    registry.jobs[name] = _wrapped(each)

_mark_running = engine._mark_running


def _mark_running_or_stop(shard_id: int) -> bool:
    shard = ShardRun.objects.select_related("job_run").get(pk=shard_id)
    _stop_at(f"{shard.job_run.job}:{shard.index}:between")
    return _mark_running(shard_id)


engine._mark_running = _mark_running_or_stop

if os.environ.get("NIGHT_UNGUARDED"):
    engine._locked = lambda shard_id: (
        ShardRun.objects.select_related("job_run")
        .filter(pk=shard_id, state__in=["pending", "running"])
        .first()
    )
