"""What tests with real processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.concurrency import whole_nights as nights
from tests.concurrency.forks import Processes
from tests.concurrency.machines import Databases, Machine
from tests.concurrency.night_world import FIRST_WORLD


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    """Runs functions in real processes on the test's database."""
    return Processes(tmp_path)


# --- The whole night ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broker_url() -> str:
    """Where nights look for a broker: nobody listens there, unless a file of tests starts one."""
    return "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> Iterator[Databases]:
    """Makes copies of prepared databases."""
    made = Databases(
        tmp_path_factory.mktemp("nights"),
        variables={"PORTAL_NOW": nights.NOW, "REDIS_URL": broker_url},
    )
    yield made
    made.drop()


@pytest.fixture(scope="module")
def world(databases: Databases) -> str:
    """The world of the night, before its night."""
    return nights.prepared(databases, FIRST_WORLD)


@pytest.fixture(scope="module")
def undisturbed(databases: Databases, world: str) -> nights.Result:
    """What the night leaves when one process computes it and nothing happens to it."""
    machine = databases.machine(world)
    nights.play(machine, ["night", nights.DAY, [], nights.SHARDS])
    return nights.result(machine)


@pytest.fixture
def machine(databases: Databases, world: str) -> Machine:
    """A database of one test's own, with the world in it."""
    return databases.machine(world)
