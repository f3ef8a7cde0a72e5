"""The whole night on PostgreSQL, Valkey, two Celery workers and two beats, with faults (NGT-1, NGT-3, NGT-8).

Beat starts the night, as it does every night; the workers' settings are production's. What is shorter is how often beat
asks (`NIGHT_BEAT`), and after how long a shard counts as lost.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from portal.nightly import engine, schedule
from tests import servers
from tests.concurrency import whole_nights as nights
from tests.concurrency.fleet import CHILDREN, Fleet
from tests.concurrency.machines import Databases, Machine

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.postgres,
    pytest.mark.redis,
]

QUICK = {
    "NIGHT_BEAT": "1", "NIGHT_LOST_AFTER": "2", "NIGHT_SHARDS": str(nights.SHARDS), "LOG_LEVEL": "ERROR",
}  # fmt: skip
PRODUCTION = {"NIGHT_LOST_AFTER": str(schedule.LOST_AFTER.total_seconds()), "NIGHT_CLAIM": "120"}
START = "from portal.nightly.schedule import nights_schedule\nnights_schedule()"
AS_IN_PRODUCTION = os.environ.get("NIGHT_PRODUCTION_INTERVALS") == "1"
"""Whether the test of a killed worker waits as long as in production: by hand, it takes minutes."""
OUTAGES = int(os.environ.get("NIGHT_OUTAGES", "4"))
"""How often PostgreSQL as a whole is killed in one night."""
PICKED_UP = 75
"""Seconds within which the shards of a worker that is gone have to be worked on again."""


@pytest.fixture(scope="module")
def broker() -> Iterator[servers.Server]:
    server = servers.start_valkey()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker_url(broker: servers.Server) -> str:
    return broker.url


def assert_one_run(machine: Machine) -> None:
    """Two beats have asked every second, and started the night once."""
    assert nights.runs(machine) == ["complete"]


@pytest.mark.rule("NGT-1", "NGT-3", "NGT-8")
def test_killed_at_twenty_random_moments(machine: Machine, undisturbed: nights.Result) -> None:
    chosen = []
    with Fleet(machine, variables={**QUICK, "NIGHT_SLOW": "0.3"}) as fleet:

        def hit(chance: random.Random) -> bool:
            victim = fleet.kill_one(chance)
            chosen.append(victim)
            return bool(victim)

        times = nights.disturb(machine, undisturbed.progress, nights.KILLS, 2, hit, fleet.tend)
        nights.await_night(machine, fleet.tend)
        restarts = fleet.restarts
    assert times == nights.KILLS
    # Parents and children both: a child is started again by its parent.
    assert 0 < restarts < times
    assert_one_run(machine)
    nights.assert_equal(nights.result(machine), undisturbed, machine)


@pytest.mark.rule("NGT-3")
def test_the_broker_is_killed_and_restarted(
    machine: Machine, broker: servers.Server, undisturbed: nights.Result
) -> None:
    with Fleet(machine, variables={**QUICK, "NIGHT_SLOW": "0.3"}) as fleet:

        def hit(chance: random.Random) -> bool:
            broker.kill()
            time.sleep(chance.uniform(0.2, 2))
            broker.restart()
            return True

        times = nights.disturb(machine, undisturbed.progress, 4, 3, hit, fleet.tend)
        nights.await_night(machine, fleet.tend)
    assert times == 4
    assert_one_run(machine)
    nights.assert_equal(nights.result(machine), undisturbed, machine)


@pytest.mark.rule("NGT-3")
def test_all_connections_to_the_database_are_cut_again_and_again(
    machine: Machine, databases: Databases, undisturbed: nights.Result
) -> None:
    with Fleet(machine, variables={**QUICK, "NIGHT_SLOW": "0.3"}) as fleet:
        times = nights.disturb(
            machine,
            undisturbed.progress,
            12,
            4,
            lambda chance: databases.cut_connections(machine) > 0,
            fleet.tend,
        )
        nights.await_night(machine, fleet.tend)
    assert times == 12
    assert_one_run(machine)
    # Nobody's fault, so no failure was counted.
    assert machine.select("SELECT SUM(attempts) FROM portal_shardrun") == [(0,)]
    assert machine.select("SELECT plan FROM portal_jobrun WHERE plan::text LIKE '%failures%'") == []
    nights.assert_equal(nights.result(machine), undisturbed, machine)


@pytest.fixture
def outage(
    databases: Databases, world: str, tmp_path: Path
) -> Iterator[tuple[servers.Server, Machine]]:
    """A PostgreSQL of its own, which nobody else needs, and a machine on it that stands before the night."""
    server = servers.start_copy(databases.server)
    own = Databases(tmp_path, server=server.url, variables=databases.variables)
    try:
        yield server, own.machine(f"{server.url.rpartition('/')[0]}/{world.rpartition('/')[2]}")
    finally:
        own.close()
        server.stop()


@pytest.mark.rule("NGT-3")
def test_postgres_is_killed_and_restarted(
    outage: tuple[servers.Server, Machine], undisturbed: nights.Result
) -> None:
    """All of it at once (`stop -m immediate`), with whatever its processes were writing."""
    server, machine = outage
    with Fleet(machine, variables={**QUICK, "NIGHT_SLOW": "0.3"}) as fleet:

        def hit(chance: random.Random) -> bool:
            server.kill()
            time.sleep(chance.uniform(0.1, 1))
            server.restart()
            return True

        times = nights.disturb(machine, undisturbed.progress, OUTAGES, 5, hit, fleet.tend)
        nights.await_night(machine, fleet.tend)
    assert times == OUTAGES
    assert_one_run(machine)
    assert machine.select("SELECT SUM(attempts) FROM portal_shardrun") == [(0,)]
    nights.assert_equal(nights.result(machine), undisturbed, machine)


@pytest.mark.rule("NGT-3")
def test_shards_of_a_worker_that_is_gone_are_picked_up(
    machine: Machine, undisturbed: nights.Result
) -> None:
    """One of two workers dies with all its processes, in the middle of long statements, and stays away."""
    intervals = PRODUCTION if AS_IN_PRODUCTION else QUICK
    haste = machine.folder / "haste"
    slow = {"NIGHT_SHARDS": "4", "NIGHT_SLOW_SQL": "120", "NIGHT_HASTE": str(haste)}
    with Fleet(machine, workers=1, variables={**intervals, **slow}) as fleet:
        if AS_IN_PRODUCTION:  # beat asks at the quarters of an hour
            assert machine.run(START, CELERY_QUEUE=machine.folder.name).wait() == 0
        held = _at_work(machine, fleet)
        haste.touch()  # what is computed from now on is not slow any more
        fleet.kill_whole("worker0")
        gone = time.monotonic()
        while not _done(machine, held):
            assert time.monotonic() - gone < nights.PATIENCE, machine.said()
            fleet.tend()  # another worker takes its place
            time.sleep(0.1)
        took = time.monotonic() - gone
        nights.await_night(machine, fleet.tend)
    print(f"\npicked up and done after {took:.1f} s")
    assert took < PICKED_UP
    assert_one_run(machine)
    nights.assert_equal(nights.result(machine), undisturbed, machine)


def _at_work(machine: Machine, fleet: Fleet) -> set[int]:
    """Wait until both children of the worker are in a shard's statement; return the shards."""
    sleeping = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + nights.PATIENCE
    while machine.select(sleeping)[0][0] < CHILDREN:
        assert time.monotonic() < deadline, machine.said()
        fleet.tend()
        time.sleep(0.1)
    return {
        pk for (pk,) in machine.select("SELECT id FROM portal_shardrun WHERE state = 'running'")
    }


def _done(machine: Machine, shards: set[int]) -> bool:
    done = machine.select("SELECT id FROM portal_shardrun WHERE state = 'complete'")
    return shards <= {pk for (pk,) in done}


@pytest.mark.rule("NGT-3")
def test_production_picks_up_in_time() -> None:
    """What the test above waits for, with the intervals of production: lost, swept, and a lock let go."""
    sweep = settings.CELERY_BEAT_SCHEDULE["sweep-nights"]["schedule"]
    assert schedule.LOST_AFTER.total_seconds() + sweep < PICKED_UP
    assert int(engine.CLIENT_CHECK.removesuffix("s")) <= sweep
