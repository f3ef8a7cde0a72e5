"""What rights that expire could be used for is counted as the market finds it (RFQ-2, RFQ-9)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product as every
from typing import Any

import pytest

from portal import platform_time
from portal.choices import Membership, SellerStatus
from portal.models import Category, Seller
from portal.read_once import reading_once
from portal.scoping import seller_scope
from rfq.choices import Grade
from rfq.market.own_quotable import own_quotable
from rfq.market.params import MarketQuery
from rfq.market.queries import market
from rfq.models import Rfq, RightLot
from tests.rfq.world import lot_create, quote_create, rfq_create

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.rule("RFQ-2", "RFQ-9"),
]
MANY = 50


def counts(shop: Seller, *, limit: int = MANY) -> dict[str, int]:
    """Count by grade (empty: any), after checking that the market finds as many."""
    now = platform_time.now()
    grades = ("", str(Grade.GOLD), str(Grade.SILVER))
    with seller_scope(shop), reading_once():
        found = dict(zip(grades, own_quotable(shop, now, grades, limit=limit), strict=True))
        for grade in grades:
            query = MarketQuery(own=True, can_quote=True, grade=grade)
            assert found[grade] == min(market(query, shop, now).count(), limit)
    return found


def test_it_counts_what_the_market_finds(
    clock: Any, categories: dict[str, Category], shop: Seller, other_shop: Seller
) -> None:
    now = platform_time.now()
    hour = timedelta(hours=1)
    elsewhere = next(
        one
        for code, one in categories.items()
        if code not in ("e-bikes", "e-bike-kits") and one.is_leaf
    )
    for grade, early in every((Grade.GOLD, Grade.SILVER, Grade.PRO, Grade.STANDARD), (False, True)):
        rfq_create(grade=grade, opens_to_all_at=now + hour if early else now)
    rfq_create(category=elsewhere)
    rfq_create(posted_at=now + hour)
    rfq_create(expires_at=now)
    quoted = rfq_create()
    quote_create(seller=shop, rfq=quoted)
    quote_create(seller=other_shop, rfq=rfq_create())

    assert counts(shop) == {"": 0, "gold": 0, "silver": 0}, "there are no rights"
    lot_create(seller=shop)
    without_gold = counts(shop)
    assert without_gold["gold"] == 0 < without_gold["silver"] < without_gold[""]
    lot_create(seller=shop, kind="gold")
    with_gold = counts(shop)
    assert with_gold["gold"] == 2
    assert with_gold[""] == without_gold[""] + 2
    assert counts(shop, limit=1) == {"": 1, "gold": 1, "silver": 1}


def test_what_changes_is_seen_at_once(
    clock: Any, categories: dict[str, Category], shop: Seller
) -> None:
    gold = rfq_create(grade=Grade.GOLD)
    rfq = rfq_create()
    lot_create(seller=shop)
    lot = lot_create(seller=shop, kind="gold")
    assert counts(shop) == {"": 2, "gold": 1, "silver": 0}
    with seller_scope(shop):
        RightLot.objects.filter(pk=lot.pk).update(left=0)  # the right just spent
    assert counts(shop) == {"": 1, "gold": 0, "silver": 0}
    quote_create(seller=shop, rfq=rfq)
    assert counts(shop) == {"": 0, "gold": 0, "silver": 0}
    with seller_scope(shop):
        RightLot.objects.filter(pk=lot.pk).update(left=1)
    assert counts(shop)["gold"] == 1
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC, assessed_star=0)
    assert counts(Seller.objects.get(pk=shop.pk))["gold"] == 0
    Seller.objects.filter(pk=shop.pk).update(
        membership=Membership.VERIFIED, status=SellerStatus.RESTRICTED
    )
    assert counts(Seller.objects.get(pk=shop.pk))[""] == 0
    Rfq.objects.filter(pk=gold.pk).update(expires_at=platform_time.now())
    assert counts(shop)["gold"] == 0, "the instant of the end is past it"
