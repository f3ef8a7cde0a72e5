"""Schemathesis over the whole schema with two sellers: no 5xx, no undocumented answer, no bypass (API-2).

`SCHEMATHESIS_EXAMPLES` says how many random cases an operation gets from each person, and four times as
many at the edges of the schema; `pytest -s` shows how often each operation answered what.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.aims import UNREACHED, VIEWER_MAY
from tests.api.driver import SAFE, Report, Walk, of_shops, operation_name, schema_of
from tests.api.world import Person, World

pytestmark = [
    pytest.mark.django_db, pytest.mark.rule("API-2"), pytest.mark.rule("K-8"), pytest.mark.once,
]  # fmt: skip


def walked(person: Person, world: World) -> tuple[Report, dict[str, Any]]:
    """Call every operation as a person; return what became of it, and the operations by name."""
    schema = schema_of(person)
    operations = [one.ok() for one in schema.get_all_operations()]
    report = Walk(person, world, schema).run(operations)
    print(f"\n{person.name}: {report.calls()} calls\n{report.table()}\n{sorted(report.codes)}")
    assert not report.problems, report.text()
    return report, {operation_name(one): one for one in operations}


@pytest.mark.parametrize("name", ["owner", "stranger"])
def test_owners_reach_every_operation_of_their_shop_and_nothing_of_another(
    world: World, name: str
) -> None:
    report, operations = walked(world.people[name], world)
    theirs = {one for one, operation in operations.items() if of_shops(operation)}
    assert theirs - report.reached() == set(UNREACHED[name])
    assert report.reached() <= theirs


def test_viewers_read_and_change_nothing_of_the_shop(world: World) -> None:
    report, operations = walked(world.people["viewer"], world)
    changing = {one for one, operation in operations.items() if operation.method not in SAFE}
    assert report.reached() & changing == VIEWER_MAY


def test_staff_reach_every_operation_of_theirs_and_no_shop(world: World) -> None:
    report, operations = walked(world.people["service"], world)
    theirs = {one for one, operation in operations.items() if not of_shops(operation)}
    assert report.reached() == theirs
