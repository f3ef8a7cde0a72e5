"""A product told of while its shop answers holds what the shop said, whoever came first (EPR-2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from compliance.gate import gate, products_told
from compliance.models import GateBlock, GatedProduct
from compliance.services import traits
from compliance.services.gate_blocks import Block
from compliance.services.traits import category_traits_set, shop_traits_confirm
from portal.models import Category, Member, Seller, User
from portal.scoping import unscoped
from tests.compliance.world import product_create, told

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("EPR-2"),
]

BATTERY = 5
AtOnce = Callable[[list[Callable[[], object]]], list[object]]


def told_while(act: Callable[[], object], shop: Seller, at_once: AtOnce) -> tuple[int, str]:
    """Let somebody act between the telling of a product and its commit; return what then holds."""
    row, is_told, is_done = told(shop), threading.Event(), threading.Event()

    def tell() -> None:
        with transaction.atomic():
            products_told([row])
            is_told.set()
            is_done.wait(1)  # without a guard the other one is through by now

    def interfere() -> None:
        is_told.wait(5)
        act()
        is_done.set()

    outcomes = at_once([tell, interfere])
    assert outcomes == [None, None], outcomes
    with unscoped():
        product = GatedProduct.objects.get(product_id=row.product_id)
    return product.traits, product.source


@pytest.mark.parametrize("guarded", [True, False])
def test_an_answer_given_meanwhile_is_not_lost(
    guarded: bool, shop: Seller, owner: Member, category: Category, at_once: AtOnce,
    monkeypatch: pytest.MonkeyPatch, clock: Any,
) -> None:  # fmt: skip
    if not guarded:
        monkeypatch.setattr(traits, "_lock", lambda *_args: None)
    held = told_while(
        lambda: shop_traits_confirm(member=owner, answers={category.pk: BATTERY}), shop, at_once
    )
    assert held == ((BATTERY, "shop") if guarded else (1, "fallback"))


@pytest.mark.parametrize("guarded", [True, False])
def test_a_default_set_meanwhile_is_not_lost(
    guarded: bool, shop: Seller, staff: User, category: Category, at_once: AtOnce,
    monkeypatch: pytest.MonkeyPatch, clock: Any,
) -> None:  # fmt: skip
    if not guarded:
        monkeypatch.setattr(traits, "_lock", lambda *_args: None)
    held = told_while(
        lambda: category_traits_set(actor=staff, category=category, traits=BATTERY), shop, at_once
    )
    assert held == ((BATTERY, "category") if guarded else (1, "fallback"))


def read_then_written(blocks: Iterable[Block], at: datetime) -> None:
    """Count as one would without thinking of others: the control."""
    (block,) = blocks
    with unscoped():
        row = GateBlock.objects.get(product_id=block.product_id, country=block.country)
        time.sleep(0.1)
        GateBlock.objects.filter(pk=row.pk).update(times=row.times + 1)


@pytest.mark.rule("EPR-11")
@pytest.mark.parametrize("guarded", [True, False])
def test_blocks_asked_at_once_are_all_counted(
    guarded: bool, shop: Seller, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    clock("2022-12-27T10:00:00-08:00")
    product = product_create(seller=shop)
    gate(product, "DE")
    if not guarded:
        monkeypatch.setattr("compliance.gate.gate_blocks_log", read_then_written)
    answers = at_once([lambda: gate(product, "DE")] * 12)
    assert {answer.decision for answer in answers} == {"blocked"}  # type: ignore[attr-defined]
    with unscoped():
        ((times),) = GateBlock.objects.values_list("times", flat=True)
    assert (times == 13) is guarded
