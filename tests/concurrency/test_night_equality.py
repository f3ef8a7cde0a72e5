"""The same world on SQLite and on PostgreSQL: the same bytes, night after night (NGT-3, NGT-4, NGT-8).

Worlds are random by their seed and stand at days that matter: around both daylight-saving nights, the turn of a month and
announced rules. `NIGHT_SEEDS` in the environment says how many random ones are compared; hundreds by hand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from portal.platform_time import hours_of
from tests.concurrency import whole_nights as nights
from tests.concurrency.machines import Databases, Machine
from tests.concurrency.night_facts import ONE_DAY, World

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.postgres,
]

SEEDS = int(os.environ.get("NIGHT_SEEDS", "2"))
FIRST_SEED = int(os.environ.get("NIGHT_FIRST_SEED", "1"))
DAYS = (
    date(2022, 8, 1),
    date(2022, 8, 11),
    date(2022, 12, 9),
    date(2022, 3, 14),
    date(2026, 11, 3),
)
"""Newest days of random worlds, in turns."""
CLOCK_CHANGES = (date(2022, 3, 13), date(2022, 11, 6), date(2026, 3, 8), date(2026, 11, 1))
NIGHTS = 3


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Databases]]:
    """SQLite and PostgreSQL."""
    variables = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    server = os.environ["DATABASE_URL"]
    made = [
        Databases(tmp_path_factory.mktemp("sqlite"), server="", variables=variables),
        Databases(tmp_path_factory.mktemp("postgres"), server=server, variables=variables),
    ]
    yield made
    for each in made:
        each.drop()


def days_of(world: World) -> list[date]:
    """Return the days to compute, in order."""
    return [world.day - back * ONE_DAY for back in reversed(range(NIGHTS))]


def ordered(world: World) -> list[Any]:
    """Return the steps that compute the days in order."""
    return [["night", day.isoformat(), [], 2] for day in days_of(world)]


def left(machine: Machine, world: World, name: str) -> list[Any]:
    """Return the steps that write down what the days have left, in files that begin with a name."""
    return [
        *(
            ["standings", day.isoformat(), str(machine.folder / f"{name}-{day}")]
            for day in days_of(world)
        ),
        ["effects", str(machine.folder / f"{name}-effects"), True],
    ]


def found(machine: Machine, name: str) -> dict[str, Counter[bytes]]:
    """Return the lines that were written down, by what they are about."""
    return {
        file.name.removeprefix(f"{name}-"): Counter(file.read_bytes().splitlines())
        for file in sorted(machine.folder.glob(f"{name}-*"))
    }


def same(one: dict[str, Counter[bytes]], other: dict[str, Counter[bytes]]) -> None:
    """Check that two nights left the same; a difference is shown line by line."""
    assert set(one) == set(other)
    for about, lines in one.items():
        assert (about, lines - other[about], other[about] - lines) == (about, Counter(), Counter())


def played(both: list[Databases], world: World, steps_of: Any, **options: Any) -> list[Machine]:
    """Build a world on both databases and play steps there, at the same time; return the machines."""
    machines = [databases.machine() for databases in both]
    running = []
    for machine in machines:
        build = nights.world_steps(world, nights_before=NIGHTS, **options)
        running.append(nights.playing(machine, build, *steps_of(machine)))
    for process in running:
        process.join()
    return machines


@pytest.mark.rule("NGT-3", "NGT-8")
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_random_worlds_are_computed_alike(both: list[Databases], seed: int) -> None:
    """First run and second, on both databases."""
    world = World(seed, DAYS[seed % len(DAYS)], shops=8 + seed % 17)

    def steps(machine: Machine) -> list[Any]:
        newest = world.day.isoformat()
        return [
            *ordered(world), *left(machine, world, "first"),
            # The clock stands at the newest night: a past one is never lived again.
            ["now", f"{world.day + 2 * ONE_DAY}T01:00:00-07:00"],
            ["night", newest, [], 1], *left(machine, world, "second"),
        ]  # fmt: skip

    sqlite, postgres = played(both, world, steps)
    assert all(found(sqlite, "first").values())
    same(found(sqlite, "first"), found(postgres, "first"))
    same(found(sqlite, "first"), found(sqlite, "second"))
    same(found(postgres, "first"), found(postgres, "second"))


@pytest.mark.rule("NGT-3", "NGT-8")
@pytest.mark.parametrize("changes", CLOCK_CHANGES, ids=str)
def test_nights_around_a_change_of_the_clock(both: list[Databases], changes: date) -> None:
    """The day of 23 or 25 hours, the one before and the one after."""
    assert hours_of(changes) in (23, 25)
    world = World(changes.toordinal(), changes + ONE_DAY, shops=12)
    sqlite, postgres = played(
        both, world, lambda machine: [*ordered(world), *left(machine, world, "first")]
    )
    assert len(found(sqlite, "first")) == NIGHTS + 1
    same(found(sqlite, "first"), found(postgres, "first"))


@pytest.mark.rule("NGT-4", "NGT-8")
def test_late_facts_and_missed_nights_leave_what_there_would_have_been(
    both: list[Databases],
) -> None:
    """Facts that came late and a recomputation, against facts in time; on both databases.

    The world stands in the middle of a month: what is fixed once and never changed (assessments, settled packs)
    has been fixed before, and is not what late facts change.
    """
    world = World(77, date(2022, 8, 11), shops=16)
    late = played(
        both,
        world,
        lambda machine: [
            *ordered(world), *left(machine, world, "without"), ["late"],
            ["now", "2022-08-13T02:00:00-07:00"],
            *ordered(world), *left(machine, world, "late"),
        ],
        late_too=False,
    )  # fmt: skip
    in_time = played(both, world, lambda machine: [*ordered(world), *left(machine, world, "first")])
    for machine, other in zip(late, in_time, strict=True):
        same(computed(found(machine, "late")), computed(found(other, "first")))
        assert found(machine, "without") != found(machine, "late")
    same(found(late[0], "late"), found(late[1], "late"))


def computed(lines: dict[str, Counter[bytes]]) -> dict[str, Counter[bytes]]:
    """Return the standings alone, and of these what is computed anew with every day."""
    settled = (b'"standing":"pack_outcomes"',)
    return {
        about: Counter(
            {line: n for line, n in each.items() if not any(name in line for name in settled)}
        )
        for about, each in lines.items()
        if about != "effects"
    }


@pytest.mark.rule("NGT-4")
def test_an_older_day_computed_last_leaves_newer_ones_alone(both: list[Databases]) -> None:
    """Out of order: the day in the middle was missed, comes last, and is then as it would have been."""
    world = World(78, date(2022, 8, 11), shops=12)
    missed = world.day - 2 * ONE_DAY
    at_work = ["metrics", "rfq.score", "listings.themes", "compliance.gate_overview", "rfq.outlook"]

    def steps(machine: Machine) -> list[Any]:
        others = [day for day in days_of(world) if day != missed]
        return [
            *(["night", day.isoformat(), at_work, 2] for day in others),
            *left(machine, world, "before"),
            ["night", missed.isoformat(), at_work, 3],
            *left(machine, world, "after"),
        ]

    def in_order(machine: Machine) -> list[Any]:
        every = (["night", day.isoformat(), at_work, 2] for day in days_of(world))
        return [*every, *left(machine, world, "after")]

    for machine, other in zip(
        played(both, world, steps), played(both, world, in_order), strict=True
    ):
        before, after = found(machine, "before"), found(machine, "after")
        for day in days_of(world):
            if day != missed:
                assert after[str(day)] == before[str(day)]
        same(computed(after), computed(found(other, "after")))
