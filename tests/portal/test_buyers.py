"""What a seller sees of a buyer's tier (K-10, K-11)."""

from __future__ import annotations

from datetime import date

import pytest

from portal.choices import Membership
from portal.models import Buyer, Seller, SellerFlag
from portal.services.buyers import BadgeViewer, buyer_badge, buyer_badges
from portal.services.rulebooks import rulebook_for

pytestmark = [pytest.mark.rule("K-10", "K-11"), pytest.mark.django_db]

DAY = date(2022, 8, 1)
CLUB = frozenset({"million_dollar_club"})


@pytest.mark.parametrize("tier", ["L0", "L1", "L2", "L3", "L4"])
@pytest.mark.parametrize(
    ("viewer", "exact"),
    [
        (BadgeViewer("verified", 1, CLUB), True),
        (BadgeViewer("verified", 5, CLUB), True),
        (BadgeViewer("verified", 0, CLUB), False),
        (BadgeViewer("verified", 1), False),
        (BadgeViewer("basic", 1, CLUB), False),
    ],
)
def test_only_starred_verified_club_members_see_l3_and_l4(
    tier: str, viewer: BadgeViewer, exact: bool
) -> None:
    labels = rulebook_for("portal.buyer_labels", DAY).content
    expected = {"L0": None}.get(tier, tier if exact and tier in ("L3", "L4") else "L1+")
    seen = buyer_badge(labels=labels, tier=tier, tier_since=None, viewer=viewer, day=DAY)
    assert seen == expected


@pytest.mark.parametrize(("day", "seen"), [(date(2022, 7, 31), None), (DAY, "L1+")])
def test_tiers_show_from_2022_08_01(shop: Seller, day: date, seen: str | None) -> None:
    buyer = Buyer.objects.create(buyer_id="b", country="DE", tier="L4")
    assert buyer_badges(seller=shop, buyers=[buyer], day=day) == {buyer.pk: seen}


@pytest.mark.parametrize(("day", "seen"), [(date(2022, 9, 9), None), (date(2022, 9, 10), "L1+")])
def test_a_tier_counts_from_its_first_day(shop: Seller, day: date, seen: str | None) -> None:
    buyer = Buyer.objects.create(
        buyer_id="b", country="DE", tier="L2", tier_since=date(2022, 9, 10)
    )
    assert buyer_badges(seller=shop, buyers=[buyer], day=day) == {buyer.pk: seen}


@pytest.mark.parametrize(
    ("day", "seen"),
    [
        (date(2022, 9, 4), "L1+"),
        (date(2022, 9, 5), "L3"),
        (date(2022, 9, 9), "L3"),
        (date(2022, 9, 10), "L1+"),
    ],
)
def test_the_club_counts_on_the_days_it_holds(shop: Seller, day: date, seen: str) -> None:
    Seller.objects.filter(pk=shop.pk).update(assessed_star=1)
    shop.refresh_from_db()
    assert shop.membership == Membership.VERIFIED
    SellerFlag.objects.create(
        seller=shop,
        code="million_dollar_club",
        since=date(2022, 9, 5),
        until=date(2022, 9, 9),
    )
    buyer = Buyer.objects.create(buyer_id="b", country="DE", tier="L3")
    assert buyer_badges(seller=shop, buyers=[buyer], day=day) == {buyer.pk: seen}


def test_a_list_of_buyers_takes_as_many_queries_as_one(
    shop: Seller, django_assert_num_queries: object
) -> None:
    buyers = [
        Buyer.objects.create(buyer_id=f"b{number}", country="DE", tier="L1") for number in range(20)
    ]
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert set(buyer_badges(seller=shop, buyers=buyers, day=DAY).values()) == {"L1+"}
