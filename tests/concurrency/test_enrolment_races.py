"""Enrolling under many real processes: places, double clicks, one coupon for an owner (GRO-18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from growth.choices import OPEN_ENROLMENTS, EnrolmentState
from growth.models import Enrolment, EnrolmentEvent, Programme
from growth.services.enrolment_review import enrolment_decide
from portal import platform_time
from portal.choices import Role
from portal.models import Category, Member, Seller
from portal.scoping import unscoped
from tests import factories
from tests.concurrency.forks import Failed, Processes
from tests.growth.programme_world import apply, operator_create, programme_create, shipped

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("GRO-18"),
]

SHOPS = 24
PLACES = 5


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened; a refusal counts by its code, a failure shows its trace."""
    for result in results:
        assert not isinstance(result, Failed) or result.code, result.text
    return Counter(one.code if isinstance(one, Failed) else one for one in results)


@pytest.fixture
def owners(category: Category, clock: Any) -> list[Member]:
    """Owners of many shops."""
    return [
        factories.member_create(factories.seller_create(category), Role.OWNER, f"owner-{number}")
        for number in range(SHOPS)
    ]


def enrol(member: Member, programme: Programme) -> Callable[[], str]:
    def act() -> str:
        return str(apply(member, programme).state)

    return act


def open_ones() -> int:
    with unscoped():
        return Enrolment.objects.filter(state__in=OPEN_ENROLMENTS).count()


def test_of_many_at_once_as_many_get_in_as_there_are_places(
    owners: list[Member], processes: Processes
) -> None:
    programme = programme_create(places=PLACES)
    found = outcomes(processes.run([enrol(member, programme) for member in owners]))
    assert found == {"active": PLACES, "full": SHOPS - PLACES}
    assert processes.ask(open_ones) == PLACES


def test_without_the_row_too_many_get_in(owners: list[Member], processes: Processes) -> None:
    """The control: counting and then inserting, each in a statement of its own."""
    programme = programme_create(places=PLACES)

    def naive(seller: Seller) -> Callable[[], str]:
        def act() -> str:
            with unscoped():
                if Enrolment.objects.filter(programme=programme).count() >= PLACES:
                    return "full"
                Enrolment.objects.create(
                    programme=programme,
                    seller=seller,
                    state=EnrolmentState.ACTIVE,
                    applied_at=platform_time.now(),
                )
            return "active"

        return act

    for _attempt in range(5):
        found = outcomes(processes.run([naive(member.seller) for member in owners]))
        if found["active"] > PLACES:
            return
    pytest.fail("the control did not show the race")


def test_of_many_clicks_one_enrols(owners: list[Member], processes: Processes) -> None:
    member, programme = owners[0], shipped("guarantee_upgrade")
    found = outcomes(processes.run([enrol(member, programme)] * SHOPS))
    assert found == {"active": 1, "already_enrolled": SHOPS - 1}

    def events() -> int:
        with unscoped():
            return EnrolmentEvent.objects.count()

    assert (processes.ask(open_ones), processes.ask(events)) == (1, 1)


def test_one_coupon_for_an_owner_of_many_shops(owners: list[Member], processes: Processes) -> None:
    programme = programme_create(once_per_owner=True, voucher=True)
    person = owners[0].user
    several = [
        Member.everywhere.create(seller=member.seller, user=person, role=Role.OWNER)
        for member in owners[1:]
    ]
    found = outcomes(processes.run([enrol(member, programme) for member in several]))
    assert found == {"active": 1, "already_enrolled": SHOPS - 2}


def test_two_reviewers_decide_once(owners: list[Member], processes: Processes) -> None:
    waiting = apply(owners[0], programme_create(routes=[{"review": True}]))
    reviewers = [operator_create(f"reviewer-{number}") for number in range(6)]

    def decide(number: int) -> Callable[[], str]:
        def act() -> str:
            done = enrolment_decide(
                actor=reviewers[number],
                enrolment=waiting,
                approve=number % 2 == 0,
                reason="Because.",
            )
            return "decided" if done.state else ""

        return act

    found = outcomes(processes.run([decide(number) for number in range(6)]))
    assert found == {"decided": 1, "gone_on": 5}
