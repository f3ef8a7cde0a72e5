"""Two writers of one product at the same moment, on real connections (LST-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from listings.models import Product, ProductRevision
from listings.services.products import product_save
from portal.errors import Refusal
from portal.models import Member
from portal.scoping import unscoped

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("LST-1"),
]

KIT = {"category": "e-bike-kits", "title": "Kit", "kind": "rts", "status": "live"}


def code_of(outcome: Any) -> str:
    """The refusal's code, or `saved`."""
    if isinstance(outcome, Refusal):
        return outcome.code
    assert isinstance(outcome, Product), outcome
    return "saved"


def test_one_id_created_by_two_shops_belongs_to_one(
    owner: Member, stranger: Member, at_once: Callable[..., list[Any]], clock: Any
) -> None:
    def create(member: Member) -> Callable[[], Product]:
        return lambda: product_save(
            actor=member, seller=member.seller, data=KIT, product_id="kit", origin="api"
        )

    for attempt in range(5):
        outcomes = at_once([create(owner), create(stranger), create(owner), create(stranger)])
        assert sorted(map(code_of, outcomes)) == ["product_id_taken"] * 3 + ["saved"], attempt
        with unscoped():
            assert ProductRevision.objects.count() == 1
            Product.objects.all().delete()


def test_of_edits_of_one_version_one_is_saved_and_none_is_lost(
    owner: Member, colleague: Member, at_once: Callable[..., list[Any]], clock: Any
) -> None:
    with unscoped():
        product = product_save(
            actor=owner, seller=owner.seller, data=KIT, product_id="kit", origin="form"
        )
    clock.advance(minutes=1)

    def edit(member: Member, title: str) -> Callable[[], Product]:
        return lambda: product_save(
            actor=member,
            seller=member.seller,
            data={"title": title},
            product=product,
            version=1,
            origin="form",
        )

    titles = [f"Title {number}" for number in range(6)]
    outcomes = at_once([edit(owner, title) for title in titles])
    assert sorted(map(code_of, outcomes)) == ["saved"] + ["stale"] * 5
    with unscoped():
        stored = Product.objects.get()
        assert stored.version == 2
        assert stored.title == titles[[code_of(one) for one in outcomes].index("saved")]
        assert ProductRevision.objects.count() == 2
