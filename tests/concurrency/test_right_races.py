"""Rights and repeated requests under many real processes (RFQ-9, API-1)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from portal import platform_time
from portal.models import IdempotentAnswer, Seller
from portal.scoping import unscoped
from portal.services.idempotency import answer_once
from rfq.models import Quote, RightEntry, RightLot
from rfq.services.rights import balances_of, right_grant, right_spend, rights_refund
from rfq.services.rights_check import rights_reconcile
from tests.concurrency.forks import Failed, Processes
from tests.rfq.world import lot_create, quote_create, rfq_create

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("RFQ-9"),
]

RIGHTS, WORKERS, TRIES = 30, 16, 5
Work = Callable[[], list[str]]


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened over all processes; a failed process shows its trace."""
    for result in results:
        assert not isinstance(result, Failed), result.text
    return Counter(outcome for result in results for outcome in result)


def uses(kind: str = "quote") -> int:
    """Uses in the ledger."""
    with unscoped():
        return RightEntry.objects.filter(kind=kind, delta__lt=0).count()


@pytest.fixture
def thirty(shop: Seller, clock: Any) -> Seller:
    """A shop with thirty gold rights in three lots, and more quote rights than that."""
    now = platform_time.now()
    for days in (1, 5, 9):
        lot_create(seller=shop, kind="gold", amount=10, expires_at=now + timedelta(days=days))
    lot_create(seller=shop, amount=100)
    return shop


def spender(seller: Seller, worker: int) -> Work:
    """Quotes on gold RFQs as long as there are rights."""

    def work() -> list[str]:
        found = []
        for number in range(TRIES):
            try:
                with transaction.atomic():
                    for kind in ("quote", "gold"):
                        right_spend(seller=seller, kind=kind, key=f"{kind}:{worker}:{number}")
                found.append("quoted")
            except Exception as error:
                found.append(getattr(error, "code", repr(error)))
        return found

    return work


def test_of_eighty_spends_at_once_exactly_thirty_succeed(
    thirty: Seller, processes: Processes
) -> None:
    results = processes.run([spender(thirty, worker) for worker in range(WORKERS)])
    assert outcomes(results) == {
        "quoted": RIGHTS,
        "no_gold_right": WORKERS * TRIES - RIGHTS,
    }
    left = processes.ask(lambda: balances_of(seller=thirty))
    assert (left.quote, left.gold) == (100 - RIGHTS, 0), "a refused one keeps its quote right"
    assert processes.ask(lambda: (uses(), uses("gold"))) == (RIGHTS, RIGHTS)
    assert processes.ask(rights_reconcile) == []


def test_reading_first_and_writing_then_would_sell_more(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    """The control: the same crowd without the conditional update uses more rights than there are."""
    lot = lot_create(seller=shop, amount=RIGHTS)

    def naive(worker: int) -> Work:
        def work() -> list[str]:
            found = []
            for number in range(TRIES):
                with unscoped():
                    left = RightLot.objects.values_list("left", flat=True).get(pk=lot.pk)
                    if left < 1:
                        found.append("no_quote_right")
                        continue
                    time.sleep(0.01)
                    with transaction.atomic():
                        RightLot.objects.filter(pk=lot.pk).update(left=left - 1)
                        RightEntry.objects.create(
                            lot_id=lot.pk,
                            seller_id=shop.pk,
                            kind="quote",
                            source=lot.source,
                            delta=-1,
                            at=lot.granted_at,
                            expires_at=lot.expires_at,
                            key=f"naive:{worker}:{number}",
                        )
                found.append("quoted")
            return found

        return work

    results = processes.run([naive(worker) for worker in range(WORKERS)])
    assert outcomes(results)["quoted"] > RIGHTS
    assert processes.ask(uses) > RIGHTS
    assert processes.ask(rights_reconcile) != []


def test_one_key_in_many_processes_is_one_use(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    """Also when the lots that processes pick differ: what a repetition has taken goes back."""
    now = platform_time.now()
    for days in range(1, 11):
        lot_create(seller=shop, amount=1, expires_at=now + timedelta(days=days))

    def use() -> list[str]:
        with transaction.atomic():
            entry = right_spend(seller=shop, kind="quote", key="the one")
            time.sleep(0.02)
        return [str(entry.pk)]

    found = outcomes(processes.run([use] * WORKERS))
    assert list(found.values()) == [WORKERS]
    assert processes.ask(lambda: balances_of(seller=shop)).quote == 9
    assert processes.ask(rights_reconcile) == []


def test_one_grant_in_many_processes_is_one_lot(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    def grant() -> list[str]:
        _lot, new = right_grant(seller=shop, kind="quote", amount=5, source="staff", key="once")
        return ["new" if new else "again"]

    found = outcomes(processes.run([grant] * WORKERS))
    assert found == {"new": 1, "again": WORKERS - 1}
    assert processes.ask(lambda: balances_of(seller=shop)).quote == 5


@pytest.mark.rule("RFQ-24")
def test_spending_and_giving_back_at_once_neither_block_nor_lose_rights(
    shop: Seller, other_shop: Seller, clock: Any, processes: Processes
) -> None:
    now = platform_time.now()
    sellers = (shop, other_shop)
    quotes: list[list[Quote]] = []
    for seller in sellers:
        for kind in ("quote", "gold", "pin"):
            lot_create(seller=seller, kind=kind, amount=20, expires_at=now + timedelta(days=2))
            lot_create(seller=seller, kind=kind, amount=200, expires_at=None)
    for _number in range(6):
        rfq = rfq_create()
        pair = [quote_create(seller=seller, rfq=rfq) for seller in sellers]
        with transaction.atomic():
            for quote in pair:
                for kind in ("quote", "gold", "pin"):
                    key = f"before:{kind}:{quote.pk}"
                    right_spend(seller=quote.seller, kind=kind, key=key, quote=quote)
        quotes.append(pair)

    def refunder(order: int) -> Work:
        def work() -> list[str]:
            given = [
                rights_refund(quotes=pair[::order], reason_key=f"spam {number}")
                for number, pair in enumerate(quotes)
            ]
            return ["given back"] * sum(given)

        return work

    spending = [spender(sellers[worker % 2], worker) for worker in range(10)]
    found = outcomes(processes.run([*spending, *[refunder(1), refunder(-1)] * 2]))
    assert found == {"quoted": 10 * TRIES, "given back": 6 * 2 * 3}
    for seller in sellers:
        left = processes.ask(lambda seller=seller: balances_of(seller=seller))
        assert (left.quote, left.gold, left.pin) == (220 - 25, 220 - 25, 220)
    assert processes.ask(rights_reconcile) == []


# --- Repeated requests --------------------------------------------------------------------------

POSTS = 50


def grant_of(seller: Seller) -> Callable[[], tuple[int, Any]]:
    """An action whose effect counts: each time it runs there is one more lot."""

    def act() -> tuple[int, Any]:
        with unscoped():
            number = RightLot.objects.count()
            lot = lot_create(seller=seller, amount=1, key=f"lot {number}")
        time.sleep(0.02)
        return 201, {"lot": lot.pk}

    return act


@pytest.mark.rule("API-1")
def test_of_fifty_identical_requests_at_once_one_takes_effect(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    def post() -> list[str]:
        status, answer, replayed = answer_once(
            seller=shop, key="k", request_digest="same", act=grant_of(shop)
        )
        return [f"{status} {answer}", "replayed" if replayed else "done"]

    found = outcomes(processes.run([post] * POSTS))
    assert (found["done"], found["replayed"]) == (1, POSTS - 1)
    assert len(found) == 3, "everybody has the same answer"
    assert processes.ask(lambda: balances_of(seller=shop)).quote == 1


@pytest.mark.rule("API-1")
def test_looking_for_an_answer_first_would_act_more_than_once(
    shop: Seller, clock: Any, processes: Processes
) -> None:
    """The control: look for the key, act, write the answer."""

    def post(worker: int) -> Work:
        def work() -> list[str]:
            with unscoped():
                known = IdempotentAnswer.objects.filter(seller=shop, key__startswith="k").first()
            if known is not None:
                return ["replayed"]
            time.sleep(0.05)
            with transaction.atomic(), unscoped():
                lot_create(seller=shop, amount=1, key=f"lot {worker}")
                IdempotentAnswer.objects.create(
                    seller=shop,
                    key=f"k{worker}",
                    request="same",
                    status=201,
                    created_at=platform_time.wall_clock(),
                )
            return ["done"]

        return work

    found = outcomes(processes.run([post(worker) for worker in range(POSTS)]))
    assert found["done"] > 1
    assert processes.ask(lambda: balances_of(seller=shop)).quote == found["done"]
