"""Violations and appeals under real processes: rungs, the limit, one appeal, one decision (CMP-6 … CMP-8)."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from django.urls import reverse

from compliance.models import Appeal, PenaltyEffect, Violation
from compliance.services.violations import (
    appeal_decide,
    appeal_make,
    points_of,
    violation_confirm,
    violation_overturn,
)
from portal import platform_time
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from tests.concurrency.forks import Failed, Processes

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

CROWD = 10


@pytest.fixture(autouse=True)
def _ready(clock: Any) -> None:
    # A server at work has read its addresses; a process that starts here would do so under locks.
    reverse("compliance:violations")


def outcomes(results: list[Any]) -> Counter[str]:
    for result in results:
        assert not isinstance(result, Failed) or result.code, result.text
    return Counter(one.code if isinstance(one, Failed) else one for one in results)


def confirm(staff: User, shop: Seller, rule: str, **over: Any) -> Violation:
    return violation_confirm(actor=staff, seller=shop, rule=rule, evidence="Seen.", **over)


def rows() -> list[tuple[int, int]]:
    with unscoped():
        return list(Violation.objects.order_by("step").values_list("step", "points"))


@pytest.mark.rule("CMP-7")
def test_confirmations_at_once_take_one_rung_each(
    staff: User, shop: Seller, processes: Processes
) -> None:
    def work() -> str:
        return f"rung {confirm(staff, shop, 'off_platform_contact').step}"

    found = outcomes(processes.run([work] * CROWD))
    assert found == {f"rung {number}": 1 for number in range(1, CROWD + 1)}
    ladder = [0, 3, 3, *[6] * (CROWD - 3)]
    assert processes.ask(rows) == list(zip(range(1, CROWD + 1), ladder, strict=True))
    assert processes.ask(lambda: points_of(shop)) == 48


@pytest.mark.rule("CMP-7")
def test_counting_and_writing_then_would_give_one_rung_twice(
    staff: User, shop: Seller, processes: Processes
) -> None:
    """The control: the same crowd without holding the shop's row."""
    now = platform_time.now()
    later = platform_time.days_later(now, 7)

    def naive(number: int) -> Any:
        def work() -> str:
            with unscoped():
                step = 1 + Violation.objects.filter(seller=shop).count()
                time.sleep(0.1)
                Violation.objects.create(
                    seller=shop, rule="off_platform_contact", rulebook="2021-08", step=step,
                    happened_at=now, evidence="Seen.", penalised_at=now, points_until=later,
                    appeal_until=later, key=f"naive {number}",
                )  # fmt: skip
            return f"rung {step}"

        return work

    found = outcomes(processes.run([naive(number) for number in range(CROWD)]))
    assert max(found.values()) > 1


@pytest.mark.rule("CMP-6")
def test_of_many_that_reach_the_limit_one_closes_the_shop(
    staff: User, shop: Seller, owner: Member, processes: Processes
) -> None:
    def work() -> str:
        confirm(staff, shop, "prohibited_goods", points=12)
        return "confirmed"

    assert outcomes(processes.run([work] * CROWD)) == {"confirmed": CROWD}

    def state() -> tuple[str, int, int, int]:
        with unscoped():
            shop.refresh_from_db()
            closings = PenaltyEffect.objects.filter(kind="shop_closed").count()
            told = Notice.objects.filter(kind="shop_closed").count()
        return shop.status, points_of(shop), closings, told

    assert processes.ask(state) == ("closed", 12 * CROWD, 1, 1)


@pytest.mark.rule("CMP-6")
def test_one_case_confirmed_at_once_is_one_case(
    staff: User, shop: Seller, processes: Processes
) -> None:
    def work() -> str:
        return str(confirm(staff, shop, "phone_evasion", key="case 17").pk)

    assert list(outcomes(processes.run([work] * CROWD)).values()) == [CROWD]
    assert processes.ask(rows) == [(1, 6)]


@pytest.mark.rule("CMP-8")
def test_of_many_appeals_at_once_one_is_taken(
    staff: User, shop: Seller, owner: Member, processes: Processes
) -> None:
    violation = confirm(staff, shop, "phone_evasion")

    def work() -> str:
        appeal_make(member=owner, violation=violation, reason="other", text="No.", files=[])
        return "taken"

    found = outcomes(processes.run([work] * CROWD))
    assert found == {"taken": 1, "already_appealed": CROWD - 1}


@pytest.mark.rule("CMP-8")
def test_of_many_decisions_at_once_one_is_taken(
    staff: User, shop: Seller, owner: Member, processes: Processes
) -> None:
    """Upheld, overturned and taken back at the same moment: whichever wins, it is whole and alone."""
    violation = confirm(staff, shop, "drugs_severe")
    appeal = appeal_make(member=owner, violation=violation, reason="other", text="No.", files=[])

    def decide(number: int) -> Any:
        def work() -> str:
            appeal_decide(actor=staff, appeal=appeal, overturn=number % 2 == 0, answer="So it is.")
            return "overturned" if number % 2 == 0 else "penalty_upheld"

        return work

    found = outcomes(processes.run([decide(number) for number in range(CROWD)]))
    assert found.pop("already_decided") == CROWD - 1
    ((winner, once),) = found.items()
    assert once == 1

    def state() -> tuple[str, str, int, int]:
        with unscoped():
            shop.refresh_from_db()
            told = Notice.objects.filter(kind="appeal_decided").count()
            return Appeal.objects.get().status, shop.status, points_of(shop), told

    right = winner == "overturned"
    assert processes.ask(state) == (winner, "active" if right else "closed", 0 if right else 48, 1)


@pytest.mark.rule("CMP-8")
def test_taking_back_while_others_confirm_leaves_rungs_without_gaps(
    staff: User, shop: Seller, processes: Processes
) -> None:
    first = confirm(staff, shop, "off_platform_contact")

    def undo() -> str:
        violation_overturn(actor=staff, violation=first, note="A mistake.")
        return "taken back"

    def again() -> str:
        confirm(staff, shop, "off_platform_contact")
        return "confirmed"

    assert outcomes(processes.run([undo, *[again] * 5])) == {"taken back": 1, "confirmed": 5}

    def standing() -> list[tuple[int, int]]:
        with unscoped():
            left = Violation.objects.filter(overturned_at__isnull=True).order_by("step")
            return list(left.values_list("step", "points"))

    assert processes.ask(standing) == [(1, 0), (2, 3), (3, 3), (4, 6), (5, 6)]
