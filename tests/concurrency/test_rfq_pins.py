"""Three places for two hundred sellers, with real processes (RFQ-11)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, Seller
from portal.scoping import unscoped
from rfq.models import Pin, Quote, Rfq, RightEntry, RightLot
from rfq.services.pins import quote_pin
from rfq.services.quotes import quote_withdraw
from rfq.services.rights_check import rights_reconcile
from tests import factories
from tests.concurrency.forks import Failed, Processes
from tests.rfq.world import quote_create, rfq_create, rights_create

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("RFQ-11"),
]

SELLERS, PLACES = 200, 3
Work = Callable[[], str]


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened; a failed process shows its trace."""
    for result in results:
        assert not isinstance(result, Failed), result.text
    return Counter(results)


def crowd(shop: Seller, count: int, **rights: int) -> list[Member]:
    """Members of as many shops, each with the rights named."""
    sellers = [factories.seller_create(shop.main_category) for _ in range(count)]
    for seller in sellers:
        rights_create(seller, **rights)
    return [factories.member_create(seller) for seller in sellers]


def pinner(member: Member, quote: Quote) -> Work:
    def work() -> str:
        try:
            return f"place {quote_pin(member=member, quote=quote).slot}"
        except Refusal as refusal:
            return refusal.code

    return work


def pins_of(rfq: Rfq) -> list[tuple[int, int]]:
    """Place and quote of the pins that hold one."""
    with unscoped():
        held = Pin.objects.filter(rfq=rfq, released_at__isnull=True)
        return list(held.order_by("slot").values_list("slot", "quote_id"))


def rights_kept() -> tuple[int, int]:
    """Pin rights left over all shops, and uses in the ledger."""
    with unscoped():
        return (
            RightLot.objects.filter(kind="pin", left=1).count(),
            RightEntry.objects.filter(kind="pin", delta=-1).count(),
        )


@pytest.mark.long
def test_of_two_hundred_sellers_at_once_exactly_three_get_a_place(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    rfq = rfq_create(seats=SELLERS)
    members = crowd(shop, SELLERS, pin=1)
    quotes = [quote_create(seller=member.seller, rfq=rfq) for member in members]
    found = outcomes(processes.run([*map(pinner, members, quotes)]))
    assert found == {"place 1": 1, "place 2": 1, "place 3": 1, "pins_taken": SELLERS - PLACES}
    pinned = processes.ask(lambda: pins_of(rfq))
    assert [slot for slot, _quote in pinned] == [1, 2, 3]
    assert len({quote for _slot, quote in pinned}) == PLACES
    assert processes.ask(rights_kept) == (SELLERS - PLACES, PLACES)
    assert processes.ask(rights_reconcile) == []


def test_one_quote_pinned_from_many_windows_has_one_place_and_used_one_right(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    (member,) = crowd(shop, 1, pin=20)
    quote = quote_create(seller=member.seller)
    found = outcomes(processes.run([pinner(member, quote)] * 20))
    assert found == {"place 1": 1, "already_pinned": 19}
    assert processes.ask(rights_reconcile) == []
    assert processes.ask(rights_kept)[1] == 1


@pytest.mark.rule("RFQ-6")
def test_a_quote_that_is_withdrawn_while_it_is_pinned_holds_no_place(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    rfqs = [rfq_create() for _ in range(20)]
    members = crowd(shop, len(rfqs), pin=1)
    works: list[Work] = []
    for rfq, member in zip(rfqs, members, strict=True):
        quote = quote_create(seller=member.seller, rfq=rfq)

        def withdraw(member: Member = member, quote: Quote = quote) -> str:
            quote_withdraw(member=member, quote=quote)
            return "withdrawn"

        works += [withdraw, pinner(member, quote)]
    found = outcomes(processes.run(works))
    assert found["withdrawn"] == len(rfqs)
    assert found["place 1"] + found["closed"] == len(rfqs)

    def held() -> tuple[int, int]:
        with unscoped():
            held = Pin.objects.filter(released_at__isnull=True).count()
        return held, sum(Rfq.objects.values_list("quoted", flat=True))

    assert processes.ask(held) == (0, 0)


@pytest.fixture
def no_constraints(shop: Seller) -> Iterator[None]:
    """The table of pins without the two constraints that decide the race."""
    constraints = [one for one in Pin._meta.constraints if one.name.endswith(("slot_once", "seller_once"))]  # fmt: skip
    assert len(constraints) == 2
    with connection.schema_editor() as editor:
        for constraint in constraints:
            editor.remove_constraint(Pin, constraint)
    yield
    with unscoped():
        Pin.objects.all().delete()
    with connection.schema_editor() as editor:
        for constraint in constraints:
            editor.add_constraint(Pin, constraint)


@pytest.mark.postgres
def test_counting_first_and_inserting_then_would_give_more_places(
    shop: Seller, clock: Any, no_constraints: None, processes: Processes
) -> None:
    """The control: the same crowd, where the row is not what decides."""
    rfq = rfq_create(seats=SELLERS)
    members = crowd(shop, 40, pin=1)
    quotes = [quote_create(seller=member.seller, rfq=rfq) for member in members]

    def naive(member: Member, quote: Quote) -> Work:
        def work() -> str:
            with unscoped(), transaction.atomic():
                taken = Pin.objects.filter(rfq=rfq, released_at__isnull=True).count()
                if taken >= PLACES:
                    return "pins_taken"
                time.sleep(0.02)
                Pin.objects.create(
                    rfq=rfq,
                    seller=member.seller,
                    quote=quote,
                    slot=taken + 1,
                    pinned_at=platform_time.now(),
                )
            return "pinned"

        return work

    found = outcomes(processes.run([*map(naive, members, quotes)]))
    assert found["pinned"] > PLACES
