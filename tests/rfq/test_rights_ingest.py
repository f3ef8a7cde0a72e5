"""The ingest kind `grants` (09-contract, RFQ-9)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from rfq.models import RightEntry, RightLot
from rfq.services.rights import Balances, balances_of, right_spend
from tests.portal.ingest_tools import counts, send, send_text, why

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-9", "K-15")]

ROW = {
    "key": "activity-1",
    "seller": "cn1001",
    "kind": "quote",
    "amount": "20",
    "granted_at": "2022-08-01T00:00:00-07:00",
    "expires_at": "2022-09-01T00:00:00-07:00",
    "source": "activity",
}


def rows_stored() -> tuple[int, int]:
    """Lots and ledger rows."""
    with unscoped():
        return RightLot.objects.count(), RightEntry.objects.count()


def test_a_grant_counts_at_once_and_only_once(shop: Seller, clock: Any) -> None:
    assert counts(send("grants", ROW)) == (1, 0, 0, 0)
    assert balances_of(seller=shop) == Balances(quote=20)
    with transaction.atomic():
        right_spend(seller=shop, kind="quote", key="use")
    assert counts(send("grants", ROW)) == (0, 0, 1, 0)
    assert balances_of(seller=shop) == Balances(quote=19)
    assert rows_stored() == (1, 2)


def test_an_empty_amount_is_unlimited_and_an_absent_end_is_none(
    shop: Seller, clock: Any, tmp_path: Any
) -> None:
    report = send_text(
        "grants",
        tmp_path,
        "key,seller,kind,amount,granted_at,source\n"
        "g1,cn1001,gold,,2022-08-03T00:00:00-07:00,service_score\n"
        "g2,cn1001,pin,5,2022-08-03T00:00:00-07:00,A word of theirs\n",
    )
    assert counts(report) == (2, 0, 0, 0)
    assert balances_of(seller=shop) == Balances(gold=None, pin=5)
    with unscoped():
        lot = RightLot.objects.get(kind="pin")
    assert (lot.expires_at, lot.source) == (None, "A word of theirs")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"amount": "21"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"kind": "gold"}, "kind"),
        ({"seller": "cn2002"}, "seller"),
        ({"source": "paid"}, "source"),
        ({"granted_at": "2022-08-02T00:00:00-07:00"}, "granted_at"),
        ({"expires_at": ""}, "expires_at"),
    ],
)
def test_a_grant_never_changes(
    shop: Seller, other_shop: Seller, clock: Any, over: dict[str, str], field: str
) -> None:
    send("grants", ROW)
    report = send("grants", ROW | over)
    assert counts(report) == (0, 0, 0, 1)
    assert why(report) == [(1, field)]
    assert balances_of(seller=shop) == Balances(quote=20)
    assert rows_stored() == (1, 1)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-3"}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"kind": "silver"}, "kind"),
        ({"seller": "nobody"}, "seller"),
        ({"source": ""}, "source"),
        ({"key": ""}, "key"),
        ({"key": "k" * 101}, "key"),
        ({"granted_at": "2022-08-01"}, "granted_at"),
        ({"expires_at": "2022-08-01T00:00:00-07:00"}, "expires_at"),
        ({"expires_at": "2022-07-31T00:00:00-07:00"}, "expires_at"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_and_the_others_stand(
    shop: Seller, clock: Any, over: dict[str, str], field: str
) -> None:
    report = send("grants", ROW | {"key": "fine"}, ROW | over)
    assert why(report) == [(2, field)]
    assert rows_stored() == (1, 1)


def test_upstream_keys_never_meet_the_portal_s_own(shop: Seller, clock: Any) -> None:
    with unscoped():
        RightLot.objects.create(
            seller=shop,
            kind="quote",
            source="staff",
            amount=1,
            left=1,
            granted_at=platform_time.now(),
            key="activity-1",
        )
    assert counts(send("grants", ROW)) == (1, 0, 0, 0)


def test_a_chunk_takes_a_constant_number_of_statements(
    shop: Seller, clock: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(25):
        send("grants", *[ROW | {"key": f"k{number}"} for number in range(200)])
    assert balances_of(seller=shop) == Balances(quote=4_000)
