"""Two writers of one product at the same moment, on real connections (LST-1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from listings.models import Product, ProductRevision
from listings.services import products
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
    """The refusal's code, an error's name, or `saved`."""
    if isinstance(outcome, Refusal):
        return outcome.code
    if isinstance(outcome, IntegrityError):
        return "IntegrityError"
    assert isinstance(outcome, Product), outcome
    return "saved"


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a while pass between reading and writing, so that all are in between at once."""
    load = products._Chunk._load

    def load_slowly(chunk: Any) -> None:
        load(chunk)
        time.sleep(0.2)

    monkeypatch.setattr(products._Chunk, "_load", load_slowly)


def write_chunk(rows: Any, origin: str, at: Any, *, dry_run: bool) -> Any:
    """Write without looking again when somebody was faster: the control."""
    with transaction.atomic():
        return products._Chunk(rows, origin, at).run(dry_run=dry_run)


@pytest.mark.parametrize("guarded", [True, False])
def test_one_id_created_by_two_shops_belongs_to_one(
    guarded: bool, owner: Member, stranger: Member, at_once: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch, clock: Any,
) -> None:  # fmt: skip
    def create(member: Member) -> Callable[[], Product]:
        return lambda: product_save(
            actor=member, seller=member.seller, data=KIT, product_id="kit", origin="api"
        )

    if not guarded:
        monkeypatch.setattr(products, "_write_chunk", write_chunk)
    outcomes = at_once([create(owner), create(stranger), create(owner), create(stranger)])
    told = "product_id_taken" if guarded else "IntegrityError"
    assert sorted(map(code_of, outcomes)) == sorted([told] * 3 + ["saved"])
    with unscoped():
        assert ProductRevision.objects.count() == 1


@pytest.mark.parametrize("guarded", [True, False])
def test_of_edits_of_one_version_one_is_saved_and_none_is_lost(
    guarded: bool, owner: Member, colleague: Member, at_once: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with unscoped():
        product = product_save(
            actor=owner, seller=owner.seller, data=KIT, product_id="kit", origin="form"
        )

    def edit(member: Member, title: str) -> Callable[[], Product]:
        return lambda: product_save(
            actor=member,
            seller=member.seller,
            data={"title": title},
            product=product,
            version=1,
            origin="form",
        )

    if not guarded:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_options: self)
    titles = [f"Title {number}" for number in range(6)]
    outcomes = at_once([edit(owner, title) for title in titles])
    codes = [code_of(one) for one in outcomes]
    with unscoped():
        stored = Product.objects.get()
    if not guarded:
        assert codes.count("saved") > 1, "the control: what others have saved is lost"
        return
    assert sorted(codes) == ["saved"] + ["stale"] * 5
    assert (stored.version, stored.title) == (2, titles[codes.index("saved")])
    with unscoped():
        assert ProductRevision.objects.count() == 2
