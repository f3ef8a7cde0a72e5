"""What operators see of nights and do about them: queue, stuck workers, stop, retry, recompute (NGT-4, NGT-6)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.choices import MailState, RunState
from portal.errors import Refusal
from portal.models import JobRun, MetricValue, NightRun, Notice, Seller, ShardRun, User
from portal.nightly import engine, ledger, schedule, watch
from portal.nightly.registry import registry
from portal.scoping import unscoped
from tests import factories
from tests.portal.night_world import DAY, YESTERDAY, Night, states, value_job

pytestmark = pytest.mark.django_db

LIST = "/admin/portal/nightrun/"


def _open(day: date = DAY) -> NightRun:
    """Return a run of the workers whose first jobs are planned, with nobody at work."""
    run = ledger.night_start(as_of=day, mode=ledger.CELERY)
    engine.run_advance(run_id=run.pk)
    run.refresh_from_db()
    return run


# --- What is to come ----------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("NGT-4")
def test_the_queue_names_each_missing_day_and_the_one_it_waits_for(
    night: Night, staff_client: Client
) -> None:
    night.add("a")
    night.run(DAY - timedelta(days=6))
    night.broken = {"a"}
    failed = night.run(DAY - timedelta(days=5))
    night.broken = set()
    night.run(DAY - timedelta(days=3))
    recomputed = _open(DAY - timedelta(days=6))
    outlook = watch.outlook()
    first, second, third, fourth = (DAY - timedelta(days=days) for days in (6, 4, 1, 0))
    assert outlook.failed == [failed]
    assert [(each.day, each.run, each.waits_for) for each in outlook.days] == [
        (first, recomputed, None),
        (second, None, first),
        (DAY - timedelta(days=2), None, second),
        (third, None, DAY - timedelta(days=2)),
        (fourth, None, third),
    ]
    page = staff_client.get(LIST).content.decode()
    assert "missed; starts after 2022-07-26" in page
    assert "Failed, waiting for a retry" in page
    # The order is not a promise of the page alone: workers keep it.
    engine.run_inline(run_id=recomputed.pk)
    assert schedule.missing_days() == outlook.missing


@pytest.mark.rule("NGT-4")
def test_days_beyond_the_limit_are_counted_and_left_to_staff(
    night: Night, settings: object
) -> None:
    night.add("a")
    settings.NIGHTLY_CATCHUP_DAYS = 3  # type: ignore[attr-defined]
    night.run(DAY - timedelta(days=10))
    night.run(DAY - timedelta(days=5))
    found = watch.outlook()
    assert found.missing == [DAY - timedelta(days=days) for days in (2, 1, 0)]
    assert found.too_old == 6


@pytest.mark.rule("NGT-4")
@pytest.mark.django_db(transaction=True)
def test_an_operator_catches_up_without_waiting_for_beat(
    night: Night, staff: User, staff_client: Client
) -> None:
    night.add("a")
    night.run(DAY - timedelta(days=2))
    assert "missed; starts next" in staff_client.get(f"{LIST}catch-up/").content.decode()
    assert NightRun.objects.count() == 1
    staff_client.post(f"{LIST}catch-up/")
    runs = NightRun.objects.order_by("pk").values_list("as_of", "state", "requested_by")
    assert list(runs)[1:] == [
        (YESTERDAY, RunState.COMPLETE, staff.pk),
        (DAY, RunState.COMPLETE, None),
    ]
    staff_client.post(f"{LIST}catch-up/")
    assert NightRun.objects.count() == 3


@pytest.mark.both_databases
@pytest.mark.rule("NGT-6")
def test_a_failed_run_waits_for_a_retry_until_a_later_one_replaces_it(night: Night) -> None:
    night.add("a")
    night.add("b")
    night.run()
    night.broken = {"a"}
    again, some = night.run(), night.run(YESTERDAY, jobs=["a"])
    assert watch.outlook().failed == [some, again], "also of a day that was complete before"
    night.broken = set()
    night.run(jobs=["b"])
    assert watch.outlook().failed == [some, again], "some jobs do not make good what all should"
    night.run()
    night.run(YESTERDAY, jobs=["b"])
    assert watch.outlook().failed == []


# --- At work ------------------------------------------------------------------------------------


def _at_work_since(run: NightRun, seconds: float) -> None:
    ShardRun.objects.filter(job_run__run=run).update(
        state=RunState.RUNNING,
        started_at=platform_time.wall_clock() - timedelta(seconds=seconds),
        worker="host-7:4711",
    )


@pytest.mark.both_databases
@pytest.mark.rule("NGT-6")
@pytest.mark.parametrize(
    ("seconds", "usual", "slow"),
    [(59, 1, False), (62, 1, True), (149, 50, False), (152, 50, True), (599, None, False),
     (602, None, True)],
)  # fmt: skip
def test_a_shard_is_slow_measured_by_its_job(
    night: Night, seconds: float, usual: float | None, slow: bool
) -> None:
    night.add("a")
    if usual is not None:
        before = night.run(YESTERDAY)
        began = platform_time.wall_clock()
        ShardRun.objects.filter(job_run__run=before).update(
            started_at=began, finished_at=began + timedelta(seconds=usual)
        )
    run = _open()
    _at_work_since(run, seconds)
    (found,) = watch.at_work([run])
    assert found.usual == usual
    assert found.is_slow is slow


@pytest.mark.rule("NGT-6")
def test_a_shard_nobody_moves_stands_out_on_both_pages(night: Night, staff_client: Client) -> None:
    night.add("a")
    run = _open()
    _at_work_since(run, 1000)
    for address in (LIST, f"{LIST}{run.pk}/change/"):
        page = staff_client.get(address).content.decode()
        assert "host-7:4711" in page
        assert "Far longer than usual" in page or "Its worker is gone" in page
    paused = staff_client.get(f"{LIST}{run.pk}/change/?live=0").content.decode()
    assert "http-equiv" not in paused


HOLD = """
import django; django.setup()
from django.db import connection, transaction
from portal.nightly.engine import allow_long_work
with transaction.atomic(), connection.cursor() as cursor:
    allow_long_work()
    cursor.execute("SELECT id FROM portal_shardrun WHERE id = %s FOR NO KEY UPDATE", [{shard}])
    print("held", flush=True)
    cursor.execute("SELECT pg_sleep(60)")
"""


@pytest.mark.postgres
@pytest.mark.processes
@pytest.mark.rule("NGT-6")
@pytest.mark.django_db(transaction=True)
def test_postgres_tells_a_working_worker_from_a_killed_one(night: Night) -> None:
    """The lock of a killed process is gone with its connection, and the page says so."""
    night.add("a")
    run = ledger.night_start(as_of=DAY)
    engine.run_advance(run_id=run.pk)
    _at_work_since(run, 30)
    shard = ShardRun.objects.get()
    name = connection.settings_dict["NAME"]
    url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
    environment = {
        **os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "portal.settings",
    }  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(shard=shard.pk)],
        env=environment, cwd=settings.BASE_DIR, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        (working,) = watch.at_work([run])
        assert (working.held, working.is_abandoned) == (True, False)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    deadline = time.monotonic() + 20
    while watch.at_work([run])[0].held and time.monotonic() < deadline:
        time.sleep(0.1)
    (gone,) = watch.at_work([run])
    assert (gone.held, gone.is_abandoned) == (False, True)
    # Looking took no lock: the next worker gets the shard at once.
    assert engine.shard_compute(shard_id=shard.pk) is engine.Outcome.DONE


# --- Stop and retry -----------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("NGT-6")
def test_a_stopped_night_goes_on_where_it_was(night: Night, staff: User) -> None:
    for name in ("a", "b"):
        night.add(name, shards=2)
    night.add("c", "a", "b")
    run = _open()
    first = ShardRun.objects.filter(job_run__job="a").first()
    assert first is not None
    engine.shard_compute(shard_id=first.pk)
    ledger.night_stop(run=run, actor=staff, reason="wrong rulebook")
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert set(states(run).values()) == {RunState.FAILED}
    # A message that was on its way finds nothing to do.
    for shard in ShardRun.objects.all():
        assert engine.shard_compute(shard_id=shard.pk) is engine.Outcome.NOTHING
    assert schedule.missing_days() == [], "it does not start by itself again"
    with pytest.raises(Refusal, match="not running"):
        ledger.night_stop(run=run, actor=staff)
    ledger.night_retry(run=run, actor=staff)
    assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE
    assert night.log == ["a/0", "a/1", "b/0", "b/1", "c/0"]


@pytest.mark.rule("NGT-6")
def test_stopping_lets_the_next_night_go_on_and_keeps_what_is_published(
    night: Night, staff: User, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    night.add("a")
    night.add("b", "a")
    older, newer = _open(YESTERDAY), ledger.night_start(as_of=DAY, mode=ledger.CELERY)
    engine.shard_run(shard_id=ShardRun.objects.get(job_run__run=older).pk)
    with django_capture_on_commit_callbacks(execute=True):
        ledger.night_stop(run=older, actor=staff, reason="late facts")
    assert states(older) == {"a": RunState.COMPLETE, "b": RunState.FAILED}
    assert "Stopped by" in older.jobs.get(job="b").error
    newer.refresh_from_db()
    assert newer.state == RunState.COMPLETE
    with unscoped():
        assert not Notice.objects.filter(kind="night_failed").exists(), "who stopped it knows"


@pytest.mark.rule("NGT-6")
def test_only_operators_stop_retry_and_catch_up(night: Night) -> None:
    night.add("a")
    reviewer, operator = factories.in_group("reviewer"), factories.in_group("operator")
    run = _open()
    addresses = [f"{LIST}{run.pk}/stop/", f"{LIST}{run.pk}/retry/", f"{LIST}catch-up/"]
    for address in addresses:
        assert reviewer.get(address).status_code == 403
        assert reviewer.post(address, {"reason": "x"}).status_code == 403
    for address in (LIST, f"{LIST}durations/", f"{LIST}{run.pk}/change/"):
        page = reviewer.get(address)
        assert page.status_code == 200
        assert b"/stop/" not in page.content
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert operator.get(addresses[0]).status_code == 200
    operator.post(addresses[0], {"reason": ""})
    run.refresh_from_db()
    assert run.state == RunState.RUNNING, "without a reason nothing is stopped"
    operator.post(addresses[0], {"reason": "wrong day"})
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    operator.post(addresses[1])
    run.refresh_from_db()
    assert run.state in (RunState.RUNNING, RunState.COMPLETE)


@pytest.mark.rule("NGT-6")
def test_retry_is_offered_for_what_failed_and_not_for_what_it_blocked(
    night: Night, staff_client: Client
) -> None:
    night.add("a")
    night.add("b", "a")
    night.broken = {"a"}
    run = night.run()
    page = staff_client.get(f"{LIST}{run.pk}/change/").content.decode()
    failed, blocked = run.jobs.get(job="a"), run.jobs.get(job="b")
    assert f"{LIST}retry/{failed.pk}/" in page
    assert f"{LIST}retry/{blocked.pk}/" not in page
    assert "Blocked: it needs a, which failed." in page


@pytest.mark.both_databases
@pytest.mark.rule("NGT-6")
def test_operators_are_told_once_per_failure_of_what_has_to_be_mended(
    night: Night, staff: User
) -> None:
    night.add("a")
    night.add("b", "a")
    night.broken = {"a"}
    run = night.run()

    def told() -> list[str]:
        with unscoped():
            notices = Notice.objects.filter(kind="night_failed", user=staff)
            return [notice.params["job"] for notice in notices]

    assert told() == ["a"]
    engine.run_advance(run_id=run.pk)
    schedule.nights_sweep()
    assert told() == ["a"]
    ledger.night_retry(run=run, actor=staff)
    engine.run_inline(run_id=run.pk)
    assert told() == ["a", "a"], "a retry that fails is news"


# --- Recomputing --------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("NGT-4")
def test_the_preview_of_a_recomputation_is_what_happens(
    night: Night, shop: Seller, staff: User
) -> None:
    days = [DAY - timedelta(days=days) for days in (4, 3, 1, 0)]
    night.jobs["value"] = value_job({day: index for index, day in enumerate(days)}, shop)
    for day in days:
        night.run(day)
    found = ledger.recompute_preview(days[1])
    assert found.days == days[1:]
    assert found.not_computed == [DAY - timedelta(days=2)]
    assert found.standing_rows == [(str(MetricValue._meta.verbose_name_plural), 3)]
    started = ledger.night_recompute_from(day=days[1], actor=staff)
    assert [run.as_of for run in started] == found.days
    assert {tuple(run.jobs.values_list("job", flat=True)) for run in started} == {tuple(found.jobs)}
    assert ledger.recompute_preview(DAY + timedelta(days=1)).days == []


@pytest.mark.rule("NGT-4")
def test_a_day_that_is_being_computed_is_not_recomputed_at_once(night: Night, staff: User) -> None:
    """Its run has read facts already, and joining it would not read the late ones."""
    night.add("a", shards=2)
    night.run(YESTERDAY)
    night.run(DAY)
    run = _open(DAY)
    assert ledger.recompute_preview(YESTERDAY).at_work == [DAY]
    with pytest.raises(Refusal) as refused:
        ledger.night_recompute_from(day=YESTERDAY, actor=staff)
    assert refused.value.code == "night_open"
    assert NightRun.objects.count() == 3
    engine.run_inline(run_id=run.pk)
    assert len(ledger.night_recompute_from(day=YESTERDAY, actor=staff)) == 2


@pytest.mark.rule("NGT-4")
def test_nothing_starts_when_other_days_were_computed_since_the_preview(
    night: Night, staff_client: Client
) -> None:
    night.add("a")
    night.run(YESTERDAY)
    stale = {"day": YESTERDAY.isoformat(), "previewed": YESTERDAY.isoformat(), "confirmed": "Start"}
    night.run(DAY)
    page = staff_client.post(f"{LIST}recompute/", stale).content.decode()
    assert "Other days have been computed since you looked" in page
    assert NightRun.objects.count() == 2


def test_every_job_without_standings_says_what_it_leaves_as_it_is() -> None:
    """What it does is done once and for all, and the preview of a recomputation has to warn of it."""
    silent = [job.name for job in registry.ordered() if not job.standings and not job.lasting]
    assert not silent


# --- Pages and figures --------------------------------------------------------------------------


@pytest.fixture
def long_ledger(night: Night) -> NightRun:
    """Five hundred nights of ten jobs with two shards each."""
    for number in range(10):
        night.add(f"job{number}")
    began = platform_time.wall_clock()
    with transaction.atomic():
        runs = NightRun.objects.bulk_create(
            NightRun(
                as_of=DAY - timedelta(days=days), state=RunState.COMPLETE,
                started_at=began, finished_at=began + timedelta(seconds=100),
            )
            for days in range(500)
        )  # fmt: skip
        jobs = JobRun.objects.bulk_create(
            JobRun(run=run, job=name, as_of=run.as_of, state=RunState.COMPLETE)
            for run in runs
            for name in night.jobs
        )
        ShardRun.objects.bulk_create(
            ShardRun(
                job_run=job, index=index, state=RunState.COMPLETE,
                started_at=began, finished_at=began + timedelta(seconds=4.5),
            )
            for job in jobs
            for index in range(2)
        )  # fmt: skip
    return runs[0]


@pytest.mark.rule("NGT-6")
def test_pages_ask_the_same_whether_there_are_two_nights_or_five_hundred(
    night: Night, staff_client: Client, request: pytest.FixtureRequest
) -> None:
    night.add("job0")
    night.run(DAY - timedelta(days=501))
    run = night.run(DAY - timedelta(days=500))
    addresses = [LIST, f"{LIST}durations/", "/metrics", f"{LIST}{run.pk}/change/"]

    def asked() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                assert staff_client.get(address).status_code == 200
            counts.append(len(queries))
        return counts

    staff_client.get(LIST)
    few = asked()
    request.getfixturevalue("long_ledger")
    many = asked()
    assert [more <= less for less, more in zip(few, many, strict=True)] == [True] * 4, (few, many)


@pytest.mark.rule("NGT-6")
def test_durations_are_plotted_job_by_job_with_a_table_each(
    long_ledger: NightRun, staff_client: Client
) -> None:
    page = staff_client.get(f"{LIST}durations/").content.decode()
    assert page.count('class="plot-canvas"') == 11
    assert page.count('class="plot-table"') == 11
    assert "9.00 s · 10%" in page
    assert "style=" not in page


@pytest.mark.rule("NGT-6", "K-18")
def test_prometheus_tells_durations_queues_and_waiting_mail(
    long_ledger: NightRun, staff_client: Client, staff: User
) -> None:
    with unscoped():
        for number, (state, hours) in enumerate(
            [(MailState.PENDING, 2), (MailState.PENDING, 1), (MailState.SENT, 9)]
        ):
            Notice.objects.create(
                user=staff, kind="night_failed", key=str(number), mail_state=state,
                created_at=platform_time.now() - timedelta(hours=hours),
            )  # fmt: skip
    NightRun.objects.filter(as_of=DAY).update(state=RunState.FAILED)
    run = _open(DAY)
    text = staff_client.get("/metrics").content.decode()
    for line in (
        "portal_night_seconds 100.0",
        'portal_night_job_seconds{job="job3"} 9.0',
        "portal_outbox_waiting 2.0",
        "portal_outbox_oldest_seconds 7200.0",
        f"portal_night_shards_waiting {run.jobs.count()}.0",
        "portal_night_shard_longest_seconds 0.0",
        "portal_last_complete_day_age_days 3.0",
    ):
        assert line in text, line
