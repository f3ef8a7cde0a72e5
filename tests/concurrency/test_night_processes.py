"""The night under kill -9, with real processes on a real database (NGT-3)."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.concurrency import whole_nights as nights
from tests.concurrency.machines import Machine

DAY, SHARDS = nights.DAY, nights.SHARDS

pytestmark = [pytest.mark.both_databases, pytest.mark.processes, pytest.mark.long]


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(
    "point",
    [
        "metrics:1:between",
        "metrics:2:start",
        "rfq.grants:1:end",
        "listings.themes:publish",
        "growth.rewards:0:end",
    ],
)
def test_a_night_killed_anywhere_resumes_to_the_same_result(
    machine: Machine, undisturbed: nights.Result, point: str
) -> None:
    machine.stop_at(nights.COMMAND, point).kill()
    before = machine.computed()
    assert before, "the night had begun"
    nights.play(machine, ["night", DAY, [], SHARDS])
    nights.assert_equal(nights.result(machine), undisturbed, machine)
    again = {shard for shard, times in machine.computed().items() if times > 1}
    # Only the shard whose transaction died with its process is computed a second time.
    assert again == ({point.rpartition(":")[0]} if point.endswith(":end") else set())


START_RUN = """
from datetime import date
from portal.nightly import engine, ledger
run = ledger.night_start(as_of=date(2022, 8, 1), jobs=["metrics"], shards=1)
engine.run_advance(run_id=run.pk)
"""
COMPUTE = """
import os, time
from portal.models import ShardRun
from portal.nightly import engine
shard = ShardRun.objects.latest("pk")
time.sleep(max(0, float(os.environ["NIGHT_AT"]) - time.time()))
engine.shard_compute(shard_id=shard.pk)
"""


def _two_workers_on_one_shard(machine: Machine, **extra: str) -> int:
    """Return how often the shard was computed."""
    machine.fork(START_RUN).join()
    together = {"NIGHT_AT": str(time.time() + 1.5), "NIGHT_SLOW": "1.5", **extra}
    workers = [machine.fork(COMPUTE, **together) for _ in range(2)]
    for worker in workers:
        worker.join()
    return machine.computed()["metrics:0"]


@pytest.mark.rule("NGT-3")
def test_two_workers_given_one_shard_compute_it_once(machine: Machine) -> None:
    assert _two_workers_on_one_shard(machine) == 1


@pytest.mark.rule("NGT-3")
@pytest.mark.postgres
def test_without_the_row_lock_both_would_compute_it(machine: Machine) -> None:
    """The control: the test above proves something."""
    assert _two_workers_on_one_shard(machine, NIGHT_UNGUARDED="lock") == 2


SCHEDULE = """
import os, time
from django.db import connection
from portal.nightly import ledger
from portal.nightly.schedule import nights_schedule
last_look = ledger.settled_days
def look_and_wait(**days):
    settled = last_look(**days)
    time.sleep(0.3)  # holds open the moment between the last look and the insert
    return settled
ledger.settled_days = look_and_wait
connection.ensure_connection()
time.sleep(max(0, float(os.environ["NIGHT_AT"]) - time.time()))
nights_schedule()
"""


def _runs_of_schedulers(machine: Machine) -> int:
    """Let six schedulers ask at one moment; return how many runs of the day there are."""
    at = {"NIGHT_AT": str(time.time() + 1.5)}
    schedulers = [machine.fork(SCHEDULE, **at) for _ in range(6)]
    for scheduler in schedulers:
        scheduler.join()
    return len(nights.runs(machine))


@pytest.mark.rule("NGT-3")
def test_schedulers_in_several_processes_make_one_run(machine: Machine) -> None:
    assert _runs_of_schedulers(machine) == 1


@pytest.mark.rule("NGT-3")
@pytest.mark.postgres
def test_without_the_constraints_there_would_be_several_runs(machine: Machine) -> None:
    """The control: the test above proves something."""
    with psycopg.connect(machine.url.replace("postgres://", "postgresql://", 1)) as link:
        link.execute("DROP INDEX night_one_open_per_day")
        link.execute("ALTER TABLE portal_nightrun DROP CONSTRAINT night_number_once")
    assert _runs_of_schedulers(machine) > 1
