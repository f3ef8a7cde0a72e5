"""The ledger of rights: granting, spending, giving back (RFQ-9, RFQ-10, RFQ-24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import RightKind
from rfq.models import RightEntry, RightLot
from rfq.services.rights import (
    Balances,
    Grant,
    balances_of,
    month_end,
    right_grant,
    right_spend,
    rights_grant_many,
    rights_refund,
)
from tests.rfq.world import lot_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-9")]


def instant(text: str) -> datetime:
    """An instant written with its offset."""
    return platform_time.parse_instant(text)


def spend(seller: Seller, key: str, kind: str = "quote", **over: Any) -> RightEntry:
    """Use a right in a transaction of its own."""
    with transaction.atomic():
        return right_spend(seller=seller, kind=kind, key=key, **over)


def lefts() -> dict[str, int | None]:
    """Lot key → what is left of it."""
    with unscoped():
        return dict(RightLot.objects.values_list("key", "left"))


def entries() -> int:
    """Rows in the ledger."""
    with unscoped():
        return RightEntry.objects.count()


def statement_sum(seller: Seller, kind: str) -> int:
    """The sum of the live rows of a kind: what a reader of the statement adds up."""
    now = platform_time.now()
    with seller_scope(seller):
        rows = RightEntry.objects.unexpired(now).filter(kind=kind, at__lte=now)
        return sum(row.delta or 0 for row in rows)


# --- Spending -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_lot_that_ends_first_is_used_first(shop: Seller, clock: Any) -> None:
    now = platform_time.now()
    lot_create(seller=shop, key="never", amount=1, expires_at=None)
    lot_create(seller=shop, key="later", amount=1, expires_at=now + timedelta(days=20))
    lot_create(seller=shop, key="soon", amount=1, expires_at=now + timedelta(days=5))
    lot_create(seller=shop, key="soon, younger", amount=1, expires_at=now + timedelta(days=5))
    assert [spend(shop, f"use-{n}").lot.key for n in range(4)] == [
        "soon",
        "soon, younger",
        "later",
        "never",
    ]
    with pytest.raises(Refusal) as refused:
        spend(shop, "use-5")
    assert refused.value.code == "no_quote_right"
    assert entries() == 8


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("quote", "no_quote_right"),
        ("gold", "no_gold_right"),
        ("fast_lane", "no_fast_lane"),
        ("pin", "no_pin_right"),
    ],
)
def test_without_a_right_of_the_kind_nothing_is_taken(
    shop: Seller, other_shop: Seller, clock: Any, kind: str, code: str
) -> None:
    for other in RightKind.values:
        if other != kind:
            lot_create(seller=shop, kind=other, key=other)
    lot_create(seller=other_shop, kind=kind, key="of the neighbour")
    before = lefts()
    with pytest.raises(Refusal) as refused:
        spend(shop, "use", kind)
    assert refused.value.code == code
    assert lefts() == before
    assert entries() == len(before)


def test_a_use_repeats_the_end_and_source_of_its_lot(shop: Seller, clock: Any) -> None:
    lot = lot_create(seller=shop, source="paid")
    quote = quote_create(seller=shop)
    use = spend(shop, "use", quote=quote)
    assert (use.delta, use.kind, use.source, use.expires_at, use.quote_id, use.at) == (
        -1,
        "quote",
        "paid",
        lot.expires_at,
        quote.pk,
        platform_time.now(),
    )


def test_a_right_lives_until_the_last_moment_before_its_end(shop: Seller, clock: Any) -> None:
    ends = month_end(platform_time.now())
    lot_create(seller=shop, amount=2, expires_at=ends)
    clock((ends - timedelta(microseconds=1)).isoformat())
    assert balances_of(seller=shop).quote == 2
    spend(shop, "in time")
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 1
    clock(ends.isoformat())
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 0
    with pytest.raises(Refusal):
        spend(shop, "too late")
    assert entries() == 2


def test_a_grant_of_tomorrow_is_not_there_today(shop: Seller, clock: Any) -> None:
    tomorrow = platform_time.now() + timedelta(days=1)
    lot_create(seller=shop, amount=3, granted_at=tomorrow)
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 0
    with pytest.raises(Refusal):
        spend(shop, "early")
    clock(tomorrow.isoformat())
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 3


def test_unlimited_beside_finite(shop: Seller, clock: Any) -> None:
    """Whichever ends first is used; when the unlimited one is over its uses are over with it."""
    now = platform_time.now()
    lot_create(seller=shop, key="paid", amount=2, expires_at=now + timedelta(days=90))
    lot_create(seller=shop, key="free", amount=None, expires_at=now + timedelta(days=10))
    lot_create(seller=shop, key="first", amount=1, expires_at=now + timedelta(days=1))
    assert balances_of(seller=shop).quote is None
    assert [spend(shop, f"use-{n}").lot.key for n in range(4)] == ["first", "free", "free", "free"]
    assert lefts() == {"paid": 2, "free": None, "first": 0}
    clock.advance(days=11)
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 2
    assert spend(shop, "use-5").lot.key == "paid"


@pytest.mark.both_databases
def test_the_same_key_again_is_the_same_use(shop: Seller, other_shop: Seller, clock: Any) -> None:
    lot_create(seller=shop, key="lot", amount=1)
    first = spend(shop, "use")
    assert spend(shop, "use") == first
    assert lefts() == {"lot": 0}
    assert entries() == 2
    with pytest.raises(ValueError, match="taken"):
        spend(other_shop, "use")


def test_spending_needs_the_callers_transaction_and_is_undone_with_it(
    shop: Seller, clock: Any
) -> None:
    lot_create(seller=shop, key="lot")
    with transaction.atomic():
        right_spend(seller=shop, kind="quote", key="use")
        transaction.set_rollback(True)
    assert lefts() == {"lot": 10}
    assert entries() == 1


# --- Granting -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_grant_is_given_once_per_key(shop: Seller, other_shop: Seller, clock: Any) -> None:
    lot, new = right_grant(
        seller=shop, kind="gold", amount=5, source="service_score", key="2022-08:1"
    )
    assert new
    again, new = right_grant(
        seller=shop, kind="gold", amount=7, source="service_score", key="2022-08:1"
    )
    assert not new
    assert again == lot
    assert balances_of(seller=shop) == Balances(gold=5)
    assert entries() == 1
    with pytest.raises(ValueError, match="taken"):
        right_grant(seller=other_shop, kind="gold", amount=5, source="staff", key="2022-08:1")
    assert balances_of(seller=other_shop) == Balances()


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"kind": "silver"}, "kind"),
        ({"source": " "}, "source"),
        ({"expires_at": "2022-08-03T12:00:00-07:00"}, "expires_at"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(
    shop: Seller, clock: Any, over: dict[str, Any], field: str
) -> None:
    if "expires_at" in over:
        over = {"expires_at": instant(over["expires_at"])}
    with pytest.raises(InvalidInput) as refused:
        right_grant(
            **{"seller": shop, "kind": "pin", "amount": 1, "source": "staff", "key": "k"} | over
        )
    assert [name for name, _text in refused.value.fields] == [field]
    assert not lefts()


@pytest.mark.both_databases
def test_many_grants_take_a_constant_number_of_statements(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    now = platform_time.now()

    def grants(count: int) -> list[Grant]:
        return [
            Grant(seller.pk, "quote", 3, "activity", f"{seller.member_id}:{n}", now)
            for n in range(count)
            for seller in (shop, other_shop)
        ]

    with CaptureQueriesContext(connection) as few:
        assert len(rights_grant_many(grants(2)).created) == 4
    with CaptureQueriesContext(connection) as many:
        granted = rights_grant_many(grants(40))
    # Many rows go in by COPY on PostgreSQL, with a savepoint around it.
    savepoint = 2 if connection.vendor == "postgresql" else 0
    assert (len(few), len(many)) == (6, 6 + savepoint)
    assert (len(granted.created), len(granted.unchanged), granted.differing) == (76, 4, [])
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 120


def test_a_repeated_grant_neither_refills_nor_changes_a_lot(shop: Seller, clock: Any) -> None:
    grant = Grant(shop.pk, "quote", 3, "activity", "k", platform_time.now())
    rights_grant_many([grant])
    spend(shop, "use")
    assert rights_grant_many([grant]).unchanged == [0]
    more = Grant(shop.pk, "quote", 9, "activity", "k", grant.granted_at)
    assert rights_grant_many([more]).differing == [(0, "amount")]
    assert lefts() == {"k": 2}


@pytest.mark.rule("RFQ-10")
@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2022-08-31T23:59:59-07:00", "2022-09-01T00:00:00-07:00"),
        ("2022-09-01T00:00:00-07:00", "2022-10-01T00:00:00-07:00"),
        ("2022-12-15T12:00:00-08:00", "2023-01-01T00:00:00-08:00"),
        # Summer time begins and ends within the month: the end has the other offset.
        ("2026-03-01T00:00:00-08:00", "2026-04-01T00:00:00-07:00"),
        ("2026-11-01T00:30:00-07:00", "2026-12-01T00:00:00-08:00"),
        # Already September in Shanghai, still August in California.
        ("2022-09-01T10:00:00+08:00", "2022-09-01T00:00:00-07:00"),
    ],
)
def test_a_month_ends_at_midnight_in_california(at: str, ends: str) -> None:
    assert month_end(instant(at)) == instant(ends)


# --- Giving back --------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-24")
@pytest.mark.both_databases
def test_rights_go_back_to_lots_that_live_and_into_new_ones_otherwise(
    owner: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    lot_create(seller=shop, key="over soon", amount=1, expires_at=now + timedelta(days=1))
    lot_create(seller=shop, key="pins", kind="pin", amount=3)
    lot_create(seller=shop, key="fast", kind="fast_lane", amount=None)
    lot_create(seller=other_shop, key="neighbour", amount=5)
    rfq = rfq_create()
    mine, theirs = quote_create(seller=shop, rfq=rfq), quote_create(seller=other_shop, rfq=rfq)
    for kind in ("quote", "fast_lane", "pin"):
        spend(shop, f"use:{kind}", kind, quote=mine)
    spend(other_shop, "use:theirs", quote=theirs)
    unrelated = quote_create(seller=other_shop)
    spend(other_shop, "use:unrelated", quote=unrelated)
    clock.advance(days=2)

    assert rights_refund(quotes=[mine, theirs], reason_key="spam:1", actor=owner.user) == 4
    assert balances_of(seller=shop) == Balances(quote=1, fast_lane=None, pin=3)
    assert balances_of(seller=other_shop) == Balances(quote=4)
    for quote in (mine, theirs):
        quote.refresh_from_db()
        assert quote.refunded_at == platform_time.now()
    unrelated.refresh_from_db()
    assert unrelated.refunded_at is None
    with unscoped():
        new = RightLot.objects.get(source="refund")
        back = {
            entry.reverses.key: entry.lot.key for entry in RightEntry.objects.exclude(reverses=None)
        }
    assert (new.seller, new.amount, new.left) == (shop, 1, 1)
    assert new.expires_at == month_end(platform_time.now())
    assert back == {
        "use:quote": new.key,
        "use:fast_lane": "fast",
        "use:pin": "pins",
        "use:theirs": "neighbour",
    }
    for seller in (shop, other_shop):
        assert balances_of(seller=seller).quote == statement_sum(seller, "quote")

    before = lefts(), entries()
    clock.advance(days=1)
    assert rights_refund(quotes=[mine, theirs], reason_key="spam:2") == 0
    assert (lefts(), entries()) == before
    mine.refresh_from_db()
    assert mine.refunded_at == platform_time.now() - timedelta(days=1)


@pytest.mark.rule("RFQ-24")
def test_a_lot_lives_until_its_end_for_refunds_too(shop: Seller, clock: Any) -> None:
    ends = platform_time.now() + timedelta(hours=1)
    lot_create(seller=shop, key="lot", amount=2, expires_at=ends)
    quotes = [quote_create(seller=shop) for _ in range(2)]
    for quote in quotes:
        spend(shop, f"use:{quote.pk}", quote=quote)
    clock((ends - timedelta(microseconds=1)).isoformat())
    rights_refund(quotes=quotes[:1], reason_key="in time")
    assert lefts()["lot"] == 1
    clock(ends.isoformat())
    rights_refund(quotes=quotes[1:], reason_key="too late")
    assert lefts()["lot"] == 1
    assert balances_of(seller=shop).quote == statement_sum(shop, "quote") == 1


@pytest.mark.rule("RFQ-24")
def test_refunds_take_a_constant_number_of_statements(
    shop: Seller, other_shop: Seller, clock: Any, django_assert_num_queries: Any
) -> None:
    ends = platform_time.now() + timedelta(hours=1)
    for seller in (shop, other_shop):
        lot_create(seller=seller, amount=5, expires_at=ends)
        lot_create(seller=seller, amount=20)
    quotes = [quote_create(seller=seller) for _ in range(8) for seller in (shop, other_shop)]
    for quote in quotes:
        spend(quote.seller, f"use:{quote.pk}", quote=quote)
    clock.advance(hours=2)
    rights_refund(quotes=quotes[:2], reason_key="warm up")
    with django_assert_num_queries(12):
        assert rights_refund(quotes=quotes[2:], reason_key="spam") == 14
    for seller in (shop, other_shop):
        assert balances_of(seller=seller).quote == statement_sum(seller, "quote") == 25
