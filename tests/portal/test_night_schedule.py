"""Nights start by themselves, catch up and are computed again (NGT-3, NGT-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from kombu.exceptions import OperationalError as BrokerDown

from portal import platform_time, queueing, tasks
from portal.choices import RunState
from portal.errors import Refusal
from portal.models import JobRun, MetricValue, NightRun, Seller, ShardRun, User
from portal.nightly import engine, ledger, schedule
from portal.nightly.registry import Job, ShardContext
from tests.conftest import Clock
from tests.portal.night_world import DAY, YESTERDAY, Night, value_job, value_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


# --- Scheduling ---------------------------------------------------------------------------------


@pytest.mark.rule("NGT-4")
def test_missed_nights_are_caught_up_oldest_first(night: Night, clock: Clock) -> None:
    night.add("a")
    assert schedule.missing_days() == [DAY]
    night.run(DAY - timedelta(days=5))
    night.run(DAY - timedelta(days=2))
    assert schedule.missing_days() == [DAY - timedelta(days=days) for days in (4, 3, 1, 0)]
    night.run(DAY, jobs=["a"])
    assert DAY in schedule.missing_days(), "a run of some jobs does not make the day complete"


@pytest.mark.rule("NGT-4")
def test_catching_up_has_a_limit(night: Night, settings: object) -> None:
    night.add("a")
    settings.NIGHTLY_CATCHUP_DAYS = 3  # type: ignore[attr-defined]
    night.run(DAY - timedelta(days=10))
    assert schedule.missing_days() == [DAY - timedelta(days=days) for days in (2, 1, 0)]


def test_a_failed_night_waits_for_staff_and_does_not_stop_the_next(night: Night) -> None:
    night.add("a")
    night.run(DAY - timedelta(days=2))
    night.broken = {"a"}
    night.run(YESTERDAY)
    assert schedule.missing_days() == [DAY]


@pytest.mark.rule("NGT-4")
@pytest.mark.django_db(transaction=True)
def test_workers_catch_up_one_night_after_the_other(night: Night) -> None:
    """With eager tasks the whole chain runs here: schedule → shards → publish → next night."""
    night.add("a", shards=2)
    night.add("b", "a")
    night.run(DAY - timedelta(days=3))
    night.log.clear()
    tasks.schedule_nights.delay()
    assert night.log == ["a/0", "a/1", "b/0"] * 3
    runs = NightRun.objects.order_by("pk").values_list("as_of", "state", "reason")[1:]
    assert list(runs) == [
        (DAY - timedelta(days=days), RunState.COMPLETE, ledger.SCHEDULED) for days in (2, 1, 0)
    ]


@pytest.mark.rule("NGT-3")
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_make_one_run(
    night: Night, at_once: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    night.add("a")
    monkeypatch.setattr(queueing, "enqueue", lambda *args: True)
    results = at_once([schedule.nights_schedule] * 6)
    assert not [result for result in results if isinstance(result, Exception)]
    assert NightRun.objects.count() == 1
    assert JobRun.objects.count() == 1


@pytest.mark.rule("NGT-3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("look", ["missing_days", "night_start"])
def test_a_night_that_ended_while_another_scheduler_looked_is_not_started_again(
    night: Night, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    """Two beats: the other's whole night fits between this one's look and its insert."""
    night.add("a")
    home = {"missing_days": schedule, "night_start": ledger}[look]
    original = getattr(home, look)

    def slow(*args: object, **options: object) -> object:
        found = original(*args, **options) if look == "missing_days" else None
        monkeypatch.setattr(home, look, original)
        assert schedule.nights_schedule() is not None
        return found or original(*args, **options)

    monkeypatch.setattr(home, look, slow)
    assert schedule.nights_schedule() is None
    assert night.log == ["a/0"]
    assert NightRun.objects.get().state == RunState.COMPLETE


@pytest.mark.rule("NGT-3")
@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_loses_nothing(
    night: Night, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.add("a", shards=2)
    night.add("b", "a")

    def refuse(*args: object, **options: object) -> None:
        raise BrokerDown("connection refused")

    with monkeypatch.context() as down:
        down.setattr(settings, "CELERY_TASK_ALWAYS_EAGER", False)
        for task in (tasks.run_shard, tasks.advance_night):
            down.setattr(task, "apply_async", refuse)
        run = ledger.night_start(as_of=DAY, mode=ledger.CELERY)
        engine.run_advance(run_id=run.pk)
    assert night.log == []
    # The broker is back. What was sent less than a minute ago is not sent again …
    assert schedule.nights_sweep() == 0
    # … and after it everything is.
    ShardRun.objects.update(enqueued_at=platform_time.wall_clock() - schedule.LOST_AFTER)
    assert schedule.nights_sweep() == 2
    run.refresh_from_db()
    assert run.state == RunState.COMPLETE
    assert night.log == ["a/0", "a/1", "b/0"]


@pytest.mark.rule("NGT-3")
def test_the_sweeper_publishes_what_a_killed_worker_left_unpublished(night: Night) -> None:
    night.add("a")
    run = ledger.night_start(as_of=DAY, mode=ledger.CELERY)
    engine.run_advance(run_id=run.pk)
    engine.shard_compute(shard_id=ShardRun.objects.get().pk)
    assert run.jobs.get().state == RunState.RUNNING
    schedule.nights_sweep()
    run.refresh_from_db()
    assert run.state == RunState.COMPLETE


# --- Recomputing --------------------------------------------------------------------------------


@pytest.mark.rule("NGT-4")
@pytest.mark.django_db(transaction=True)
def test_recompute_from_a_day_picks_up_late_facts_oldest_first(
    night: Night, shop: Seller, staff: User
) -> None:
    days = [DAY - timedelta(days=days) for days in (2, 1, 0)]
    values = dict.fromkeys(days, 1)
    job = night.jobs["value"] = value_job(values, shop)
    seen: list[date] = []

    def compute(ctx: ShardContext) -> None:
        seen.append(ctx.as_of)
        job.compute(ctx)

    night.jobs["value"] = Job("value", "test", compute, standings=(MetricValue,))
    for day in days:
        night.run(day)
    seen.clear()
    values |= {days[1]: 5, days[2]: 6}  # late facts
    preview = ledger.recompute_preview(days[1])
    assert (preview.days, preview.jobs) == (days[1:], ["value"])
    assert [value_of(day) for day in days] == [1, 1, 1]
    ledger.night_recompute_from(day=days[1], actor=staff, reason="late orders")
    assert seen == days[1:]
    assert [value_of(day) for day in days] == [1, 5, 6]
    with pytest.raises(Refusal):
        ledger.night_recompute_from(day=DAY + timedelta(days=1), actor=staff)


@pytest.mark.rule("NGT-4")
def test_workers_take_an_open_older_day_first(night: Night) -> None:
    night.add("a")
    older = ledger.night_start(as_of=YESTERDAY, mode=ledger.CELERY)
    newer = ledger.night_start(as_of=DAY, mode=ledger.CELERY)
    engine.run_advance(run_id=newer.pk)
    assert not newer.jobs.get().shards.exists()
    engine.run_inline(run_id=older.pk)
    engine.run_advance(run_id=newer.pk)
    assert newer.jobs.get().shards.exists()
