"""The night: order, retries, publication in one step, catching up (NGT-1 … NGT-6)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.choices import RunState
from portal.errors import Refusal
from portal.models import Category, MetricValue, NightRun, Notice, Seller, ShardRun, User
from portal.nightly import engine, ledger, schedule
from portal.nightly.checks import check_jobs
from portal.nightly.plans import key_ranges, seller_ranges
from portal.nightly.published import published_day
from portal.nightly.registry import Job, RegistryError, ShardContext, registry
from portal.scoping import unscoped
from tests import factories
from tests.conftest import Clock
from tests.portal.night_world import DAY, YESTERDAY, Night, states, value_job, value_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


# --- Registry -----------------------------------------------------------------------------------


@pytest.mark.rule("NGT-2")
def test_jobs_run_after_what_they_need_and_shards_are_counted(night: Night) -> None:
    night.add("c", "b", "a")
    night.add("b", "a", shards=3)
    night.add("a")
    run = night.run()
    assert run.state == RunState.COMPLETE
    assert night.log == ["a/0", "b/0", "b/1", "b/2", "c/0"]
    assert [(each.job_run.job, each.done) for each in ledger.progress(run)] == [
        ("a", 1), ("b", 3), ("c", 1)
    ]  # fmt: skip


@pytest.mark.rule("NGT-2")
def test_unknown_needs_and_circles_stop_the_start_up(night: Night) -> None:
    night.add("a", "nobody")
    assert [error.id for error in check_jobs()] == ["portal.E001"]
    night.jobs.clear()
    night.add("a", "b")
    night.add("b", "a")
    with pytest.raises(RegistryError, match="need each other"):
        registry.ordered()
    night.jobs.clear()
    night.add("a")
    assert check_jobs() == []


def test_ranges_cover_every_key_once(shop: Seller, other_shop: Seller) -> None:
    third = factories.seller_create(shop.main_category)
    for shards in (1, 2, 3, 7):
        ranges = key_ranges("portal_seller", "id", shards)
        assert len(ranges) == min(shards, 3)
        for key in (1, shop.pk, other_shop.pk, third.pk, third.pk + 10**9):
            assert sum(part["lo"] <= key <= part["hi"] for part in ranges) == 1
    assert seller_ranges(DAY, None) == [{"lo": 0, "hi": 2**63 - 1}]


# --- Starting -----------------------------------------------------------------------------------


@pytest.mark.rule("NGT-1", "K-2")
@pytest.mark.parametrize(
    ("now", "allowed"),
    [("2022-08-03T00:00:00-07:00", True), ("2022-08-02T23:59:59-07:00", False)],
)
def test_a_day_is_computed_from_two_days_later_on(
    night: Night, clock: Clock, now: str, allowed: bool
) -> None:
    night.add("a")
    clock(now)
    if allowed:
        assert night.run().state == RunState.COMPLETE
        return
    with pytest.raises(Refusal) as refused:
        ledger.night_start(as_of=DAY)
    assert refused.value.code == "day_not_over"
    assert not NightRun.objects.exists()


@pytest.mark.rule("NGT-1", "K-1")
@pytest.mark.parametrize(
    ("midnight", "hours"), [("2026-03-09T00:00:00-07:00", 23), ("2026-11-02T00:00:00-08:00", 25)]
)
def test_daylight_saving_nights_start_once_at_pacific_midnight(
    night: Night, clock: Clock, midnight: str, hours: int
) -> None:
    night.add("a")
    start = platform_time.parse_instant(midnight)
    assert platform_time.hours_of(platform_time.day_of(start) - timedelta(days=1)) == hours
    clock((start - timedelta(hours=3)).isoformat())
    ledger.night_start(as_of=platform_time.day_of(start) - timedelta(days=4))
    engine.run_inline(run_id=NightRun.objects.get().pk)
    for minutes in range(-90, 120, 15):  # beat fires every 15 minutes around the change
        clock((start + timedelta(minutes=minutes)).isoformat())
        run = schedule.nights_schedule()
        while run is not None:
            engine.run_inline(run_id=run.pk)
            run = schedule.nights_schedule()
    days = list(NightRun.objects.order_by("as_of").values_list("as_of", "number"))
    first = platform_time.day_of(start) - timedelta(days=4)
    assert days == [(first + timedelta(days=offset), 1) for offset in range(3)]


@pytest.mark.rule("NGT-3")
def test_starting_a_day_that_is_open_joins_its_run(night: Night) -> None:
    night.add("a")
    night.add("b")
    first = ledger.night_start(as_of=DAY, jobs=["a"])
    second = ledger.night_start(as_of=DAY, jobs=["b"])
    assert first.pk == second.pk
    assert second.jobs_asked == ["a", "b"]
    assert set(states(first)) == {"a", "b"}
    with pytest.raises(IntegrityError), transaction.atomic():
        NightRun.objects.create(as_of=DAY, number=2)


@pytest.mark.rule("NGT-1")
def test_a_complete_day_asked_again_gets_a_new_run(night: Night) -> None:
    night.add("a")
    assert [night.run().number, night.run().number] == [1, 2]
    assert night.log == ["a/0", "a/0"]


@pytest.mark.rule("NGT-1")
def test_a_named_job_brings_only_needs_that_are_not_published(night: Night) -> None:
    night.add("a")
    night.add("b", "a")
    night.add("c", "b")
    assert set(states(night.run(jobs=["b"]))) == {"a", "b"}
    assert set(states(night.run(jobs=["c"]))) == {"c"}
    with pytest.raises(Refusal, match="nobody"):
        ledger.night_start(as_of=DAY, jobs=["nobody"])


# --- Failing and retrying -----------------------------------------------------------------------


@pytest.mark.rule("NGT-6", "NGT-3")
def test_a_failed_job_blocks_its_dependants_and_tells_operators_once(
    night: Night, staff: User, owner: object
) -> None:
    night.add("a", shards=2)
    night.add("b", "a")
    night.add("c", "b")
    night.add("d")
    night.broken = {"b"}
    run = night.run()
    assert run.state == RunState.FAILED
    assert states(run) == {"a": "complete", "b": "failed", "c": "failed", "d": "complete"}
    assert night.log.count("b/0") == engine.MAX_ATTEMPTS
    assert "ValueError: b is broken" in ShardRun.objects.get(job_run__job="b").error
    assert "needs b" in run.jobs.get(job="c").error
    with unscoped():
        told = list(Notice.objects.filter(kind="night_failed").values_list("user", flat=True))
    assert told == [staff.pk]
    engine.run_advance(run_id=run.pk)
    with unscoped():
        assert Notice.objects.filter(kind="night_failed").count() == 1


@pytest.mark.rule("NGT-6")
def test_staff_retry_runs_what_failed_and_what_was_blocked_only(night: Night, staff: User) -> None:
    night.add("a")
    night.add("b", "a", shards=2)
    night.add("c", "b")
    night.broken = {"b"}
    run = night.run()
    failed = run.jobs.get(job="b")
    night.broken, night.log[:] = set(), []
    ledger.job_retry(job_run=failed, actor=staff)
    assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE
    assert night.log == ["b/0", "b/1", "c/0"]
    with pytest.raises(Refusal) as refused:
        ledger.job_retry(job_run=failed, actor=staff)
    assert refused.value.code == "not_failed"


@pytest.mark.rule("NGT-6")
def test_a_retry_is_refused_while_a_newer_run_of_the_day_is_open(night: Night, staff: User) -> None:
    night.add("a")
    night.broken = {"a"}
    run = night.run()
    ledger.night_start(as_of=DAY)
    with pytest.raises(Refusal) as refused:
        ledger.job_retry(job_run=run.jobs.get(), actor=staff)
    assert refused.value.code == "night_open"
    run.refresh_from_db()
    assert (run.state, run.jobs.get().state) == (RunState.FAILED, RunState.FAILED)


@pytest.mark.rule("NGT-3")
def test_what_a_failing_shard_wrote_is_gone(night: Night, shop: Seller) -> None:
    def compute(ctx: ShardContext) -> None:
        Seller.objects.filter(pk=shop.pk).update(city="half a night")
        raise ValueError("stop")

    night.jobs["a"] = Job("a", "test", compute)
    night.run()
    shop.refresh_from_db()
    assert shop.city != "half a night"


@pytest.mark.rule("NGT-3")
def test_finished_shards_are_not_computed_again(night: Night) -> None:
    night.add("a", shards=3)
    run = ledger.night_start(as_of=DAY)
    engine.run_advance(run_id=run.pk)
    first, second, _third = ShardRun.objects.order_by("index")
    assert engine.shard_compute(shard_id=first.pk) is engine.Outcome.DONE
    assert engine.shard_compute(shard_id=first.pk) is engine.Outcome.NOTHING
    # A worker that died left its hint behind; that alone keeps nobody away.
    ShardRun.objects.filter(pk=second.pk).update(state=RunState.RUNNING, worker="gone:1")
    assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE
    assert night.log == ["a/0", "a/1", "a/2"]


@pytest.mark.rule("NGT-3")
def test_a_lost_connection_is_not_counted_as_a_failure(night: Night) -> None:
    """Though Django has opened another one by then, and that one works."""
    losses = iter([True] * 5)

    def compute(ctx: ShardContext) -> None:
        night.log.append("a")
        if next(losses, False):
            raise OperationalError from psycopg.errors.AdminShutdown()

    night.jobs["a"] = Job("a", "test", compute)
    assert night.run().state == RunState.COMPLETE
    assert len(night.log) == 6
    assert ShardRun.objects.get().attempts == 0


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(("away", "outlived"), [(engine.RECONNECT_SECONDS, True), (62, False)])
def test_a_lost_connection_is_waited_for_from_its_loss_on(
    night: Night, monkeypatch: pytest.MonkeyPatch, away: int, outlived: bool
) -> None:
    seconds = 0.0
    lost_at: list[float] = []
    night.add("a", shards=2)
    compute = engine.shard_compute

    def slow_then_lost(*, shard_id: int) -> engine.Outcome:
        nonlocal seconds
        if lost_at and seconds >= lost_at[0] + away:
            return compute(shard_id=shard_id)
        if not lost_at:
            seconds += 10 * engine.RECONNECT_SECONDS  # The shard took longer than the patience.
            lost_at.append(seconds)
        raise OperationalError from psycopg.OperationalError("the connection is lost")

    def pass_time(_seconds: float) -> None:
        nonlocal seconds
        seconds += 1

    monkeypatch.setattr(engine, "shard_compute", slow_then_lost)
    clock = SimpleNamespace(monotonic=lambda: seconds, sleep=pass_time)
    monkeypatch.setattr(engine, "time", clock)
    run = ledger.night_start(as_of=DAY)
    if outlived:
        assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE
        return
    with pytest.raises(OperationalError):
        engine.run_inline(run_id=run.pk)
    assert seconds == lost_at[0] + engine.RECONNECT_SECONDS + 1


# --- Publishing ---------------------------------------------------------------------------------


@pytest.mark.rule("NGT-5")
def test_readers_see_the_day_before_until_the_job_is_published(night: Night, shop: Seller) -> None:
    night.jobs["value"] = value_job({YESTERDAY: 1, DAY: 2}, shop)
    night.run(YESTERDAY)
    run = ledger.night_start(as_of=DAY)
    engine.run_advance(run_id=run.pk)
    engine.shard_compute(shard_id=ShardRun.objects.get(job_run__run=run).pk)
    assert (published_day("value"), value_of(DAY)) == (YESTERDAY, 1)
    engine.run_advance(run_id=run.pk)
    assert (published_day("value"), value_of(DAY), value_of(YESTERDAY)) == (DAY, 2, 1)
    assert published_day("value", on=YESTERDAY) == YESTERDAY
    assert published_day("value", on=YESTERDAY - timedelta(days=1)) is None


@pytest.mark.rule("K-2")
def test_readers_never_see_a_day_before_its_time(night: Night, clock: Clock, shop: Seller) -> None:
    night.jobs["value"] = value_job({YESTERDAY: 1, DAY: 2}, shop)
    night.run(YESTERDAY)
    night.run(DAY)
    clock("2022-08-02T12:00:00-07:00")
    assert published_day("value") == YESTERDAY


@pytest.mark.rule("NGT-4")
def test_shards_that_rest_on_an_overtaken_state_are_computed_again(
    night: Night, shop: Seller
) -> None:
    """An older day is published between a newer day's shards and its publication."""
    night.jobs["value"] = value_job({YESTERDAY: 7, DAY: 7}, shop)
    newer = ledger.night_start(as_of=DAY)
    engine.run_advance(run_id=newer.pk)
    engine.shard_compute(shard_id=ShardRun.objects.get(job_run__run=newer).pk)
    night.run(YESTERDAY)
    job_run = newer.jobs.get()
    assert engine.job_publish(job_run_id=job_run.pk) is False
    assert job_run.shards.get().state == RunState.PENDING
    assert engine.run_inline(run_id=newer.pk).state == RunState.COMPLETE
    with unscoped():
        row = MetricValue.objects.get(metric="test.value")
    assert (row.valid_from, value_of(DAY)) == (YESTERDAY, 7)


@pytest.mark.rule("NGT-3")
def test_a_publication_that_fails_changes_nothing_and_can_be_retried(
    night: Night, shop: Seller, staff: User
) -> None:
    broken = [True]

    def on_publish(ctx: object) -> None:
        if broken:
            raise ValueError("cannot publish")

    night.jobs["value"] = value_job({DAY: 2}, shop, on_publish=on_publish)
    run = night.run()
    assert run.state == RunState.FAILED
    assert "cannot publish" in run.jobs.get().error
    assert (value_of(DAY), published_day("value")) == (None, None)
    broken.clear()
    ledger.job_retry(job_run=run.jobs.get(), actor=staff)
    assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE
    assert value_of(DAY) == 2


# --- Commands -----------------------------------------------------------------------------------


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.mark.rule("NGT-1")
def test_the_command_runs_a_day_and_sums_it_up(night: Night, output: StringIO) -> None:
    night.add("a", shards=2)
    call_command("nightly", as_of="2022-08-01", shards=3, stdout=output)
    assert "3/3" in output.getvalue()
    assert NightRun.objects.get().state == RunState.COMPLETE


@pytest.mark.rule("NGT-1")
def test_the_command_fails_unless_every_job_is_complete(night: Night, output: StringIO) -> None:
    night.add("a")
    with pytest.raises(CommandError, match="newest day is 2022-08-01"):
        call_command("nightly", as_of="2022-08-02", stdout=output)
    with pytest.raises(CommandError, match="not a day"):
        call_command("nightly", as_of="today", stdout=output)
    assert not NightRun.objects.exists()
    night.broken = {"a"}
    errors = StringIO()
    with pytest.raises(CommandError, match="not complete"):
        call_command("nightly", as_of="2022-08-01", stdout=output, stderr=errors)
    assert "a is broken" in errors.getvalue()


@pytest.mark.rule("NGT-7")
def test_the_statements_of_a_metrics_shard_do_not_grow_with_sellers(
    clock: Clock, category: Category
) -> None:
    counts = []
    for _ in range(3):
        for _ in range(5):
            factories.seller_create(category)
        with CaptureQueriesContext(connection) as queries:
            ledger.night_start(as_of=DAY, jobs=["metrics"])
            engine.run_inline(run_id=NightRun.objects.latest("pk").pk)
        counts.append(len(queries))
    assert counts[1] == counts[2], "the first night also parses rulebooks"
