"""Whole nights on real processes: started, disturbed at random moments, awaited, and compared (NGT-3)."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.concurrency.machines import Databases, Machine
from tests.concurrency.night_facts import World
from tests.concurrency.zygote import Forked

DAY = "2022-08-01"
NOW = "2022-08-03T01:00:00-07:00"
SHARDS = 4
KILLS = int(os.environ.get("NIGHT_KILLS", "20"))
"""How often the processes of one night are killed."""
PATIENCE = 240
COMMAND = f"""from django.core.management import call_command
call_command("nightly", "--as-of", "{DAY}", "--shards", "{SHARDS}")"""
"""The night as an operator computes it, for `Machine.fork`."""

PROGRESS = """SELECT
    (SELECT COUNT(*) FROM portal_shardrun s JOIN portal_jobrun j ON j.id = s.job_run_id
        WHERE j.as_of = '{day}' AND s.state = 'complete')
  + (SELECT COUNT(*) FROM portal_jobrun WHERE as_of = '{day}' AND state = 'complete')"""
WRITTEN = """SELECT j.job, SUM(s.rows_written) FROM portal_jobrun j JOIN portal_shardrun s
    ON s.job_run_id = j.id WHERE j.as_of = '{day}' GROUP BY j.job"""
RUNS = "SELECT state FROM portal_nightrun WHERE as_of = '{day}' ORDER BY number"
LEFT = """SELECT
    (SELECT COUNT(*) FROM portal_shardrun WHERE state <> 'complete'),
    (SELECT COUNT(*) FROM portal_jobrun WHERE state <> 'complete')"""


@dataclass(frozen=True)
class Result:
    """What a night left: standings and everything else as bytes, Message-IDs of mails with their numbers.

    `written` says how many rows each job has written.
    """

    standings: bytes
    effects: bytes
    mails: Counter[str]
    progress: int
    written: dict[str, int]


def play(machine: Machine, *steps: Sequence[Any], **extra: str) -> None:
    """Run steps of `night_play` in one process that has to succeed."""
    playing(machine, *steps, **extra).join()


def playing(machine: Machine, *steps: Sequence[Any], **extra: str) -> Forked:
    """Start a process that runs steps of `night_play`; return it."""
    call = f"from django.core.management import call_command\ncall_command('night_play', {json.dumps(steps)!r})"
    return machine.fork(call, **extra)


def world_steps(world: World, **options: Any) -> list[Any]:
    """Return the step that builds a world."""
    return ["world", world.seed, world.day.isoformat(), world.shops, options]


def prepared(databases: Databases, world: World) -> str:
    """Return the address of a database that stands before the night of a world; made once per run."""
    name = f"world_{world.seed}_{world.day:%Y%m%d}_{world.shops}"
    return databases.prepared(name, lambda machine: play(machine, world_steps(world), ["mails"]))


def progress(machine: Machine) -> int:
    """Return how many shards of the night are done, and jobs published."""
    return int(machine.select(PROGRESS.format(day=DAY))[0][0])


def runs(machine: Machine) -> list[str]:
    """Return the states of the night's runs."""
    return [state for (state,) in machine.select(RUNS.format(day=DAY))]


def await_night(machine: Machine, tend: Callable[[], None] = lambda: None) -> None:
    """Wait until the night is complete; `tend` is called meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while runs(machine) != ["complete"]:
        tend()
        assert time.monotonic() < deadline, f"{runs(machine)} {machine.said()}"
        time.sleep(0.1)
    assert machine.select(LEFT) == [(0, 0)]


def disturb(
    machine: Machine,
    total: int,
    times: int,
    seed: int,
    hit: Callable[[random.Random], bool],
    tend: Callable[[], None] = lambda: None,
) -> int:
    """Hit a night `times` at random moments of its progress (0 … `total`); return how often.

    `hit` returns whether there was something to hit. `tend` is called all the time.
    """
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(total - 1), min(times, total - 1)))
    deadline = time.monotonic() + PATIENCE
    done = 0
    while done < len(moments):
        assert time.monotonic() < deadline, machine.said()
        tend()
        if runs(machine) == ["complete"]:
            break
        if progress(machine) < moments[done]:
            time.sleep(0.02)
            continue
        time.sleep(chance.uniform(0, 0.3))
        done += hit(chance)
    return done


def result(machine: Machine) -> Result:
    """Return what the night has left, once all its mails have gone out."""
    standings, effects = machine.folder / "standings", machine.folder / "effects"
    play(machine, ["mails"], ["standings", DAY, str(standings)], ["effects", str(effects)])
    return Result(
        standings.read_bytes(),
        effects.read_bytes(),
        mails_of(machine),
        progress(machine),
        dict(machine.select(WRITTEN.format(day=DAY))),
    )


def mails_of(machine: Machine) -> Counter[str]:
    """Return how often each mail was sent, by its Message-ID."""
    found: Counter[str] = Counter()
    for file in (machine.folder / "mails").glob("*"):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        found.update(line for line in lines if line.startswith("Message-ID:"))
    return found


def assert_equal(found: Result, undisturbed: Result, machine: Machine) -> None:
    """Check that a disturbed night left what an undisturbed one leaves."""
    assert found.standings == undisturbed.standings
    difference = Counter(found.effects.splitlines())
    difference.subtract(undisturbed.effects.splitlines())
    assert {line: number for line, number in difference.items() if number} == {}
    assert set(found.mails) == set(undisturbed.mails)
    # A worker that dies between the mail server's yes and its own note sends again under the same
    # Message-ID, which readers see once (decision 12): nothing else may be sent twice.
    twice = sum(number - 1 for number in found.mails.values())
    tries = machine.select(
        "SELECT COALESCE(SUM(mail_attempts - 1), 0) FROM portal_notice WHERE mail_attempts > 1"
    )
    assert twice <= int(tries[0][0])
