"""A small world in which every nightly job has something to do, built the same on every database.

`build` brings a migrated, empty database to the moment before the night of `world.day`: the facts of
`night_facts`, what the people of `night_people` did, and the nights before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from growth.nightly.assess import newest_assessed_day
from portal import platform_time
from portal.choices import RunState
from portal.models import ShardRun
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.scoping import unscoped
from rfq.nightly.assess import newest_month_end
from tests.concurrency import night_people
from tests.concurrency.night_facts import HOUR, ONE_DAY, Facts, World, facts_of

FIRST_WORLD = World(seed=20220801, day=date(2022, 8, 1))
"""Its night of August 3 assesses July, grants August's rights, fixes stars, settles packs; and new
rules of the score have been announced."""
JOBS_OF_STARS = ("growth.stars", "growth.stages")
JOBS_OF_MONTH = ("rfq.score",)


def night_begins(day: date) -> datetime:
    """Return the instant at which the night of an as-of day is computed: an hour into the day after next."""
    return platform_time.start_of(day + 2 * ONE_DAY) + HOUR


@contextmanager
def living_at(instant: datetime) -> Iterator[None]:
    """Let this process live at an instant."""
    before = os.environ.get("PORTAL_NOW")
    os.environ["PORTAL_NOW"] = instant.isoformat()
    try:
        yield
    finally:
        os.environ.pop("PORTAL_NOW")
        if before is not None:
            os.environ["PORTAL_NOW"] = before


def night(day: date, *jobs: str, shards: int | None = None) -> None:
    """Compute a day in this process; it has to succeed."""
    run = run_inline(run_id=ledger.night_start(as_of=day, jobs=jobs, shards=shards).pk)
    errors = ShardRun.objects.filter(job_run__run=run).exclude(error="")
    assert run.state == RunState.COMPLETE, list(errors.values_list("error", flat=True))


def build(world: World, *, late_too: bool = True, nights_before: int = 1) -> None:
    """Bring the database to the moment before the nights of the world.

    Computed are the days before the `nights_before` newest ones and `world.day`, by the clock of their nights. Without
    `late_too` the late facts are left for `feed_late`.
    """
    first = world.day - nights_before * ONE_DAY
    facts = facts_of(world)
    with unscoped():
        with living_at(night_begins(first) - timedelta(hours=14)):
            _feed(facts, late_too)
            night_people.prepare(world)
        with living_at(night_begins(first)):
            month, starred = newest_month_end(world.day), newest_assessed_day(world.day)
            if month < first:
                night(month, *JOBS_OF_MONTH)
            night(first)
            if starred < first:
                night(starred, *JOBS_OF_STARS)
        with living_at(night_begins(first) + 11 * HOUR):
            night_people.act(world)


def _feed(facts: Facts, late_too: bool) -> None:
    rows = {kind: list(each) for kind, each in facts.on_time.items()}
    if late_too:
        for kind, each in facts.late.items():
            rows.setdefault(kind, []).extend(each)
    night_people.feed(rows)


def feed_late(world: World) -> None:
    """Feed what comes late, at the clock of the newest night."""
    with unscoped():
        night_people.feed(facts_of(world).late)
