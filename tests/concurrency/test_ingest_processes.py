"""Two processes that feed the same new rows at once, each with a connection of its own (K-15)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from portal.ingest import upsert
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Buyer
from portal.scoping import unscoped
from tests.concurrency.forks import Failed, Processes

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("K-15"),
]

ROWS = [{"buyer_id": f"B{number}", "country": "US", "tier": "L1"} for number in range(2_000)]


def fed() -> tuple[int, int]:
    """Feed all rows; return how many were created, and how many were there already."""
    _look_for_a_while()
    kind = kind_named("buyers")
    assert kind is not None
    with unscoped():
        report = ingest_rows(kind, ROWS)
    assert report.ok, (report.error, report.rejections[:3])
    return report.created, report.unchanged


def _look_for_a_while() -> None:
    """Let this process think about what it has found, so that the other one has looked, too, before it writes."""
    load = upsert._Upsert._load

    def load_slowly(*asked: Any) -> Any:
        found = load(*asked)
        time.sleep(0.3)
        return found

    upsert._Upsert._load = load_slowly  # type: ignore[method-assign]


def test_two_processes_with_the_same_new_ids(processes: Processes) -> None:
    """They wait for each other: every id is created once, and nobody fails."""
    found = processes.run([fed, fed])
    assert not [one.text for one in found if isinstance(one, Failed)]
    created, unchanged = (sum(part) for part in zip(*found, strict=True))
    assert created == unchanged == len(ROWS)
    assert processes.ask(Buyer.objects.count) == len(ROWS)


def naive() -> str:
    there = set(Buyer.objects.values_list("buyer_id", flat=True))
    time.sleep(0.3)
    Buyer.objects.bulk_create(Buyer(**row) for row in ROWS if row["buyer_id"] not in there)
    return "fed"


def test_looking_and_inserting_then_would_fail(processes: Processes) -> None:
    """The control: what was not there when one looked may be there now."""
    found = processes.run([naive, naive])
    assert sorted(getattr(one, "name", one) for one in found) == ["IntegrityError", "fed"]
