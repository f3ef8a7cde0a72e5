"""Rows of the growth module for tests: each function fills in what the test does not care about."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from portal.choices import RunState
from portal.models import ExternalMetric, NightRun, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.scoping import unscoped


def night(day: date, *jobs: str, shards: int | None = None) -> NightRun:
    """Compute jobs of a day with all they need by the real engine, in this process."""
    run = ledger.night_start(as_of=day, jobs=list(jobs), shards=shards)
    run = run_inline(run_id=run.pk)
    assert run.state == RunState.COMPLETE, [job.error for job in run.jobs.all() if job.error]
    return run


def told(seller: Seller, metric: str, **days: int | str) -> None:
    """Feed a number only upstream knows: `told(shop, "ext.odm", d2022_07_01=1)`."""
    with unscoped():
        for day, value in days.items():
            ExternalMetric.objects.update_or_create(
                seller=seller,
                metric=metric,
                day=date(*map(int, day.removeprefix("d").split("_"))),
                defaults={"value": Decimal(value)},
            )
