"""The whole night, every job of it, killed at random moments: the same standings and effects (NGT-2, NGT-3, NGT-5)."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from portal.nightly.export import STANDINGS
from portal.nightly.registry import registry
from tests.concurrency import whole_nights as nights
from tests.concurrency.machines import Databases, Machine

pytestmark = [pytest.mark.both_databases, pytest.mark.processes, pytest.mark.long]

NIGHT = f"""
from datetime import date
from portal.nightly import engine, ledger
run = ledger.night_start(as_of=date.fromisoformat("{nights.DAY}"), shards={nights.SHARDS})
engine.run_inline(run_id=run.pk)
"""
TOLD_AT_NIGHT = {
    "certificate_expired",
    "certificate_expiring",
    "declaration_due",
    "enrolment_ending",
    "enrolment_removed",
    "entitlement_expiring",
    "entitlement_granted",
    "epr_register_by",
    "follow_up_due",
    "pack_ending",
    "pack_not_rewarded",
    "pack_reward_granted",
    "reviews_overdue",
    "reward_lapsing",
    "rights_mismatch",
    "star_assessed",
    "star_awaits_core_tasks",
    "theme_ending",
}
DONE_AT_NIGHT = {
    "certificate.expire",
    "enrolment.begin",
    "enrolment.end",
    "pack.list_close",
    "pack.settle",
}


@pytest.fixture(scope="module")
def before(databases: Databases, world: str) -> nights.Result:
    return nights.result(databases.machine(world))


# --- The world ----------------------------------------------------------------------------------


@pytest.mark.rule("NGT-2")
def test_every_job_and_standing_has_something_to_do(
    undisturbed: nights.Result,
) -> None:
    """A new job or standing has to find something in the world of these tests, too."""
    lines = [json.loads(line) for line in undisturbed.standings.splitlines()]
    found = {(line["module"], line["standing"]) for line in lines}
    assert found == set(STANDINGS)
    assert {job for job, rows in undisturbed.written.items() if rows} == set(registry.jobs)


@pytest.mark.rule("NGT-2")
def test_the_night_writes_every_kind_of_effect(
    undisturbed: nights.Result, before: nights.Result
) -> None:
    new = Counter(undisturbed.effects.splitlines()) - Counter(before.effects.splitlines())
    rows = [json.loads(line) for line in new]
    tables = Counter(row["row of"] for row in rows)
    for table in (
        "rfq.RightLot", "rfq.RightEntry", "rfq.Assessment", "growth.RewardGrant", "growth.PackClaim",
        "growth.PackListing", "growth.StarAssessment", "growth.Enrolment", "growth.EnrolmentEvent",
        "compliance.Certificate", "compliance.CertificateEvent", "portal.Seller", "portal.SellerFlag",
        "rfq.Rfq",
    ):  # fmt: skip
        assert tables[table], f"the night does nothing to {table}"
    assert {row["kind"] for row in rows if row["row of"] == "portal.Notice"} == TOLD_AT_NIGHT
    audits = [row["additional_data"] for row in rows if row["row of"] == "auditlog.LogEntry"]
    assert {details["action"] for details in audits} == DONE_AT_NIGHT
    assert undisturbed.mails
    assert max(undisturbed.mails.values()) == 1


# --- Faults -------------------------------------------------------------------------------------


@pytest.mark.rule("NGT-3")
def test_killed_at_twenty_random_moments(machine: Machine, undisturbed: nights.Result) -> None:
    working = [machine.fork(NIGHT, NIGHT_SLOW="0.1")]

    def hit(chance: random.Random) -> bool:
        working[0].kill()
        working[0] = machine.fork(NIGHT, NIGHT_SLOW="0.1")
        return True

    try:
        times = nights.disturb(machine, undisturbed.progress, nights.KILLS, 1, hit)
        nights.await_night(machine)
    finally:
        working[0].kill()
    assert times == nights.KILLS
    nights.assert_equal(nights.result(machine), undisturbed, machine)


@pytest.mark.rule("NGT-3")
def test_control_a_shard_called_done_before_it_is(
    machine: Machine, undisturbed: nights.Result
) -> None:
    """The control: without the transaction that holds a shard and its mark together, one kill is seen."""
    machine.stop_at(nights.COMMAND, "rfq.score:0:end", NIGHT_UNGUARDED="mark").kill()
    nights.play(machine, ["night", nights.DAY, [], nights.SHARDS])
    assert nights.result(machine).standings != undisturbed.standings


@pytest.mark.rule("NGT-3")
def test_a_day_computed_again_changes_nothing(machine: Machine, undisturbed: nights.Result) -> None:
    """Not the standings, in other shards, and no grant, notice, mail or enrolment twice."""
    nights.play(
        machine, ["night", nights.DAY, [], nights.SHARDS], ["now", nights.NOW],
        ["night", nights.DAY, [], 1], ["night", nights.DAY, [], 3],
    )  # fmt: skip
    nights.assert_equal(nights.result(machine), undisturbed, machine)
