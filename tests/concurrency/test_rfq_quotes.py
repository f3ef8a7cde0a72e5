"""Quotes under many real processes: rights, seats and one live quote per shop (RFQ-6 … RFQ-9)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, Seller
from portal.scoping import unscoped
from rfq.models import Quote, Rfq, RightEntry
from rfq.quotes.terms import QuoteTerms
from rfq.services import quotes as quote_services
from rfq.services.quote_feed import quotes_feed
from rfq.services.quotes import quote_submit, quote_withdraw
from rfq.services.rights import balances_of
from rfq.services.rights_check import rights_reconcile
from tests import factories
from tests.concurrency.forks import Failed, Processes
from tests.rfq.world import buyer_create, quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

TERMS = QuoteTerms(unit_price=Decimal(10))
Work = Callable[[], list[str]]


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened over all processes; a failed process shows its trace."""
    for result in results:
        assert not isinstance(result, Failed), result.text
    return Counter(outcome for result in results for outcome in result)


def quoting(member: Member, *rfqs: Rfq, pin: bool = False) -> Work:
    """Quotes one RFQ after the other and says what came of each."""

    def one(rfq: Rfq) -> str:
        try:
            made = quote_submit(member=member, rfq=rfq, terms=TERMS, pin=pin)
        except Refusal as refusal:
            return refusal.code
        used = [kind for kind, count in made.used.items() if count]
        return " + ".join(used) + (f", {made.pin_refusal}" if made.pin_refusal else "")

    return lambda: [one(rfq) for rfq in rfqs]


def crowd(shop: Seller, count: int, **rights: int | None) -> list[Member]:
    """Members of as many shops, each with the rights named."""
    sellers = [factories.seller_create(shop.main_category) for _ in range(count)]
    for seller in sellers:
        rights_create(seller, **rights)
    return [factories.member_create(seller) for seller in sellers]


def written() -> dict[str, int]:
    """What is stored of quotes, seats and uses; and RFQs whose counter is not their live quotes."""
    with unscoped():
        live = dict(
            Quote.objects.filter(withdrawn_at__isnull=True)
            .order_by()
            .values_list("rfq")
            .annotate(Count("pk"))
        )
        uses = RightEntry.objects.filter(delta=-1).order_by().values_list("kind")
        return {
            "quotes": Quote.objects.count(),
            "seats": Rfq.objects.aggregate(Sum("quoted"))["quoted__sum"],
            "wrong seats": sum(
                quoted != live.get(pk, 0) for pk, quoted in Rfq.objects.values_list("pk", "quoted")
            ),
            **{f"{kind} used": count for kind, count in uses.annotate(Count("pk"))},
        }


@pytest.mark.rule("RFQ-7", "RFQ-9")
def test_of_five_hundred_quotes_at_once_as_many_stand_as_there_are_rights(
    owner: Member, shop: Seller, clock: Any, processes: Processes
) -> None:
    rights_create(shop, quote=30)
    buyer = buyer_create()
    rfqs = [rfq_create(buyer=buyer, category=shop.main_category) for _ in range(500)]
    works = [quoting(owner, *rfqs[worker::25]) for worker in range(25)]
    assert outcomes(processes.run(works)) == {"quote": 30, "no_quote_right": 470}
    assert processes.ask(written) == {
        "quotes": 30, "seats": 30, "wrong seats": 0, "quote used": 30,
    }  # fmt: skip
    assert processes.ask(rights_reconcile) == []


@pytest.mark.rule("RFQ-7")
@pytest.mark.parametrize(("passes", "others"), [(1, "quote + fast_lane"), (0, "no_fast_lane")])
def test_of_those_who_want_the_last_seat_one_has_it_for_nothing(
    shop: Seller, clock: Any, processes: Processes, passes: int, others: str
) -> None:
    rfq = rfq_create(seats=1)
    members = crowd(shop, 10, quote=1, fast_lane=passes)
    found = outcomes(processes.run([quoting(member, rfq) for member in members]))
    assert found == {"quote": 1, others: 9}
    stored = processes.ask(written)
    assert stored["wrong seats"] == 0
    assert stored["quotes"] == (10 if passes else 1)
    assert stored.get("fast_lane used", 0) == 9 * passes
    assert processes.ask(rights_reconcile) == []


@pytest.mark.rule("RFQ-6", "RFQ-7")
def test_a_quote_sent_many_times_at_once_is_one_quote_and_one_right(
    owner: Member, colleague: Member, shop: Seller, clock: Any, processes: Processes
) -> None:
    rights_create(shop, quote=20)
    rfq = rfq_create()
    found = outcomes(processes.run([quoting(owner, rfq), quoting(colleague, rfq)] * 6))
    assert found == {"quote": 1, "already_quoted": 11}
    stored = processes.ask(written)
    assert (stored["quotes"], stored["seats"], stored["quote used"]) == (1, 1, 1)


@pytest.mark.rule("RFQ-7", "RFQ-11")
def test_a_crowd_that_quotes_and_pins_one_rfq_all_stand_and_three_are_pinned(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    rfq = rfq_create(seats=60)
    members = crowd(shop, 60, quote=1, pin=1)
    found = outcomes(processes.run([quoting(member, rfq, pin=True) for member in members]))
    assert found == {"quote + pin": 3, "quote, pins_taken": 57}
    assert processes.ask(written) == {
        "quotes": 60, "seats": 60, "wrong seats": 0, "quote used": 60, "pin used": 3,
    }  # fmt: skip
    assert processes.ask(rights_reconcile) == []


@pytest.mark.rule("RFQ-6", "RFQ-7")
def test_quoting_and_withdrawing_at_once_keep_the_seats_right(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    rfq = rfq_create(seats=10)
    leaving = crowd(shop, 10)
    works: list[Work] = []
    for member in leaving:
        quote = quote_create(seller=member.seller, rfq=rfq)

        def leave(member: Member = member, quote: Quote = quote) -> list[str]:
            quote_withdraw(member=member, quote=quote)
            return ["withdrawn"]

        works.append(leave)
    works += [quoting(member, rfq) for member in crowd(shop, 10, quote=1, fast_lane=1)]
    found = outcomes(processes.run(works))
    assert found["withdrawn"] == 10
    assert found["quote"] + found["quote + fast_lane"] == 10
    stored = processes.ask(written)
    assert (stored["quotes"], stored["seats"], stored["wrong seats"]) == (20, 10, 0)


@pytest.mark.rule("RFQ-6", "K-15")
def test_history_and_a_quote_made_at_the_same_moment_leave_one_live_quote(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    rfqs = [rfq_create() for _ in range(10)]
    members = crowd(shop, 10, quote=1)
    rows = [
        {
            "seller_id": member.seller_id,
            "rfq_id": rfq.pk,
            "submitted_at": platform_time.now(),
            "unit_price": Decimal(9),
        }
        for member, rfq in zip(members, rfqs, strict=True)
    ]

    def feed() -> list[str]:
        with unscoped(), transaction.atomic():
            return [f"fed: {result.state}" for result in quotes_feed(rows)]

    works = [quoting(member, rfq) for member, rfq in zip(members, rfqs, strict=True)]
    found = outcomes(processes.run([feed, *works, feed]))
    assert found["quote"] + found["already_quoted"] == 10
    assert found["fed: created"] == found["already_quoted"]
    stored = processes.ask(written)
    assert (stored["quotes"], stored["seats"], stored["wrong seats"]) == (10, 10, 0)


# --- Controls -----------------------------------------------------------------------------------


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Submissions that do not hold the RFQ while they decide."""
    look = quote_services.refusal_for

    def slowly(*judged: Any) -> Refusal | None:
        refusal = look(*judged)
        time.sleep(0.1)
        return refusal

    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_options: self)
    monkeypatch.setattr(quote_services, "refusal_for", slowly)
    return


@pytest.mark.postgres
@pytest.mark.rule("RFQ-7")
@pytest.mark.usefixtures("nobody_waits")
def test_without_holding_the_rfq_the_last_seat_is_given_more_than_once(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    """The control of the seats."""
    rfq = rfq_create(seats=1)
    members = crowd(shop, 10, quote=1, fast_lane=1)
    found = outcomes(processes.run([quoting(member, rfq) for member in members]))
    assert found["quote"] > 1


@pytest.mark.postgres
@pytest.mark.rule("RFQ-6")
@pytest.mark.usefixtures("nobody_waits")
def test_without_holding_the_rfq_the_constraint_still_lets_one_quote_stand(
    owner: Member, shop: Seller, clock: Any, processes: Processes
) -> None:
    rights_create(shop, quote=20)
    found = outcomes(processes.run([quoting(owner, rfq_create())] * 8))
    assert found == {"quote": 1, "already_quoted": 7}
    assert processes.ask(lambda: balances_of(seller=shop)).quote == 19
