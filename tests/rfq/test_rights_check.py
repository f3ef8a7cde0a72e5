"""Reconciliation of lots and ledger (RFQ-9): each kind of damage is found, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F

from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from rfq.models import RightEntry, RightLot
from rfq.services.rights import right_spend, rights_refund
from rfq.services.rights_check import rights_reconcile
from tests.rfq.world import lot_create, quote_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-9")]


@pytest.fixture
def used_lots(shop: Seller, other_shop: Seller, clock: Any) -> None:
    """Lots of every kind, used, given back, some of them over."""
    ends = platform_time.now() + timedelta(days=1)
    lot_create(seller=shop, key="finite", amount=3, expires_at=ends)
    lot_create(seller=shop, key="unlimited", amount=None, expires_at=None, kind="gold")
    lot_create(seller=other_shop, key="unused")
    quote = quote_create(seller=shop)
    with transaction.atomic():
        for number in range(3):
            right_spend(seller=shop, kind="quote", key=f"use:{number}")
        right_spend(seller=shop, kind="gold", key="use:gold", quote=quote)
        right_spend(seller=other_shop, kind="quote", key="use:theirs", quote=quote)
    clock.advance(days=2)
    rights_refund(quotes=[quote], reason_key="spam")


@pytest.mark.usefixtures("used_lots")
def test_a_ledger_in_order_is_clean(django_assert_num_queries: Any, capsys: Any) -> None:
    with django_assert_num_queries(1):
        assert rights_reconcile() == []
    call_command("rfq_reconcile")
    assert capsys.readouterr().out == "ledger: every grant agrees\n"


def entry(key: str) -> Any:
    """A ledger row, for damaging."""
    return RightEntry.objects.filter(key=key)


DAMAGE: list[tuple[str, Callable[[], Any]]] = [
    ("finite", lambda: RightLot.objects.filter(key="finite").update(left=1)),
    ("finite", lambda: entry("use:1").delete()),
    ("finite", lambda: entry("grant:finite").delete()),
    ("finite", lambda: entry("use:1").update(expires_at=None)),
    ("finite", lambda: entry("use:1").update(expires_at=F("expires_at") + timedelta(hours=1))),
    ("finite", lambda: entry("use:1").update(source="paid")),
    ("finite", lambda: entry("use:1").update(kind="pin")),
    ("finite", lambda: entry("grant:finite").update(delta=None)),
    ("unlimited", lambda: entry("grant:unlimited").delete()),
    ("unlimited", lambda: entry("grant:unlimited").update(delta=5)),
    ("unlimited", lambda: entry("use:gold").update(expires_at=platform_time.now())),
    ("unused", lambda: RightLot.objects.filter(key="unused").update(left=9)),
]


@pytest.mark.usefixtures("used_lots")
@pytest.mark.parametrize(("key", "damage"), DAMAGE)
def test_damage_is_found_where_it_is(key: str, damage: Callable[[], Any], capsys: Any) -> None:
    with unscoped():
        damage()
    assert [mismatch.key for mismatch in rights_reconcile()] == [key]
    with pytest.raises(CommandError, match="1 grants disagree"):
        call_command("rfq_reconcile")
    assert f" {key}: left " in capsys.readouterr().out


@pytest.mark.usefixtures("used_lots")
def test_a_row_moved_to_another_shop_is_found(other_shop: Seller) -> None:
    with unscoped():
        entry("use:1").update(seller=other_shop)
    assert [(mismatch.key, mismatch.strays) for mismatch in rights_reconcile()] == [("finite", 1)]
