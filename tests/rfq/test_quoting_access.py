"""Who may quote what, judged one by one and in lists: the two always agree (RFQ-3 … RFQ-5, RFQ-8)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal import platform_time
from portal.choices import Membership, SellerStatus
from portal.models import Category, Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import Grade, RfqStatus
from rfq.market.access import QuotingStanding, can_quote_filter, quoting_standing, refusal_for
from rfq.models import Rfq
from rfq.services.rights import Balances
from tests import factories
from tests.rfq.world import (
    assessment_create,
    buyer_create,
    invitation_create,
    quote_create,
    rfq_create,
    rights_create,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
PLENTY = {"quote": 5, "gold": 5, "fast_lane": 5}


def refusal_code(seller: Seller, rfq: Rfq) -> str | None:
    """The code of the refusal now, after making sure that the list says the same."""
    now = platform_time.now()
    standing = quoting_standing(seller=seller, rfqs=[rfq], now=now)
    refusal = refusal_for(rfq, standing, now)
    listed = Rfq.objects.filter(can_quote_filter(standing, now), pk=rfq.pk).exists()
    assert listed is (refusal is None)
    return refusal.code if refusal else None


# --- The two executions ---------------------------------------------------------------------------


def every_kind_of_rfq(seller: Seller, other: Seller) -> None:
    """One RFQ for each combination of what may matter, around the instant of now."""
    now = platform_time.now()
    buyer = buyer_create()
    category = Category.objects.get(code="e-bike-kits")
    rfqs = itertools.product(
        Grade.values,
        [RfqStatus.OPEN, RfqStatus.CLOSED],
        [now, now + SECOND],  # expires_at
        [now, now + SECOND],  # opens_to_all_at
        [9, 10],  # quoted, of ten seats
        ["", "quoted", "withdrawn", "invited", "invited and quoted", "other's"],
    )
    for grade, status, expires_at, opens_to_all_at, quoted, own in rfqs:
        rfq = rfq_create(
            buyer=buyer, category=category, grade=grade, status=status, expires_at=expires_at,
            opens_to_all_at=opens_to_all_at, posted_at=now - HOUR,
        )  # fmt: skip
        if own in ("quoted", "invited and quoted"):
            quote_create(seller=seller, rfq=rfq)
        if own == "withdrawn":
            quote_create(seller=seller, rfq=rfq, withdrawn_at=now)
        if own.startswith("invited"):
            invitation_create(rfq, seller)
        if own == "other's":
            quote_create(seller=other, rfq=rfq)
            invitation_create(rfq, other)
        Rfq.objects.filter(pk=rfq.pk).update(quoted=quoted)
    rfq_create(buyer=buyer, category=category, posted_at=now + SECOND)
    rfq_create(buyer=buyer, category=category, posted_at=now)


def standings_of(seller: Seller, standing: QuotingStanding) -> list[QuotingStanding]:
    """The seller's standing with every combination of what may matter about a seller."""
    fields = dict(vars(standing))
    combinations = itertools.product(
        [SellerStatus.ACTIVE, SellerStatus.RESTRICTED, SellerStatus.CLOSED],
        [True, False],
        [True, False],
        [0, 1, None],
        [0, None],
        [0, 1],
    )
    return [
        QuotingStanding(
            **fields
            | {
                "status": status,
                "early_access": early,
                "gold_access": gold,
                "balances": Balances(quote=quotes, gold=golds, fast_lane=passes),
            }
        )
        for status, early, gold, quotes, golds, passes in combinations
    ]


@pytest.mark.both_databases
@pytest.mark.rule("RFQ-2", "RFQ-3", "RFQ-4", "RFQ-5", "RFQ-8")
def test_one_by_one_and_in_lists_the_same_rfqs_can_be_quoted(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    every_kind_of_rfq(shop, other_shop)
    now = platform_time.now()
    rfqs = list(Rfq.objects.all())
    standing = quoting_standing(seller=shop, rfqs=rfqs, now=now)
    ever: set[str | None] = set()
    for one in standings_of(shop, standing):
        refusals = {rfq.pk: refusal_for(rfq, one, now) for rfq in rfqs}
        ever |= {refusal.code if refusal else None for refusal in refusals.values()}
        allowed = {pk for pk, refusal in refusals.items() if refusal is None}
        with seller_scope(shop):
            listed = set(
                Rfq.objects.filter(can_quote_filter(one, now)).values_list("pk", flat=True)
            )
        assert listed == allowed, one
    # The world is rich enough to show every reason, and none.
    assert ever == {
        None, "seller_restricted", "closed", "already_quoted", "not_invited", "early_access_only",
        "gold_not_allowed", "no_quote_right", "no_gold_right", "no_fast_lane",
    }  # fmt: skip


def test_a_standing_for_all_open_rfqs_judges_them_like_one_for_those_asked(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    every_kind_of_rfq(shop, other_shop)
    rights_create(shop, **PLENTY)
    now = platform_time.now()
    rfqs = list(Rfq.objects.all())
    asked, everything = (
        [refusal.code if (refusal := refusal_for(rfq, standing, now)) else None for rfq in rfqs]
        for standing in (
            quoting_standing(seller=shop, rfqs=rfqs, now=now),
            quoting_standing(seller=shop, now=now),
        )
    )
    assert asked == everything


def test_a_standing_costs_the_same_for_one_rfq_and_for_many(
    shop: Seller, clock: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    basic = factories.seller_create(shop.main_category, membership=Membership.BASIC)
    rfqs = [rfq_create() for _ in range(5)]
    quoting_standing(seller=basic)  # the rulebook's content is kept from here on
    for judged in (None, rfqs[:1], rfqs):
        with django_assert_num_queries(5):
            quoting_standing(seller=basic, rfqs=judged)


# --- Each reason ----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-8")
def test_the_reason_about_the_shop_comes_before_those_about_the_rfq_and_the_rights(
    shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    rfq = rfq_create(
        grade=Grade.PRO, status=RfqStatus.CLOSED, posted_at=now - HOUR, opens_to_all_at=now + HOUR
    )
    own = quote_create(seller=shop, rfq=rfq)
    Rfq.objects.update(quoted=10)
    shop.status = SellerStatus.RESTRICTED

    def code() -> str | None:
        rfq.refresh_from_db()
        return refusal_code(shop, rfq)

    assert code() == "seller_restricted"
    shop.status = SellerStatus.ACTIVE
    assert code() == "closed"
    Rfq.objects.update(status=RfqStatus.OPEN)
    assert code() == "already_quoted"
    with unscoped():
        own.withdrawn_at = now
        own.save()
    assert code() == "not_invited"
    Rfq.objects.update(grade=Grade.SILVER)
    assert code() == "early_access_only"
    Rfq.objects.update(grade=Grade.GOLD)
    shop.membership = Membership.BASIC
    assert code() == "gold_not_allowed"
    shop.membership = Membership.VERIFIED
    assert code() == "no_quote_right"
    rights_create(shop, quote=1)
    assert code() == "no_gold_right"
    rights_create(shop, gold=1)
    assert code() == "no_fast_lane"
    rights_create(shop, fast_lane=1)
    assert code() is None


@pytest.mark.rule("RFQ-8")
@pytest.mark.parametrize(
    ("status", "says"),
    [("closed", "buyer has closed"), ("removed", "removed"), ("expired", "ran out at Sep 2")],
)
def test_what_closed_an_rfq_is_said(shop: Seller, clock: Any, status: str, says: str) -> None:
    rights_create(shop, **PLENTY)
    rfq = rfq_create(status=status)
    now = platform_time.now()
    refusal = refusal_for(rfq, quoting_standing(seller=shop, rfqs=[rfq]), now)
    assert refusal is not None
    assert refusal.code == "closed"
    assert says in str(refusal)


@pytest.mark.rule("RFQ-8")
def test_an_rfq_can_be_quoted_up_to_its_last_moment(shop: Seller, clock: Any) -> None:
    rights_create(shop, **PLENTY)
    now = platform_time.now()
    assert refusal_code(shop, rfq_create(expires_at=now + timedelta(microseconds=1))) is None
    assert refusal_code(shop, rfq_create(expires_at=now)) == "closed"
    assert refusal_code(shop, rfq_create(posted_at=now)) is None
    assert refusal_code(shop, rfq_create(posted_at=now + SECOND)) == "closed"


@pytest.mark.rule("RFQ-4")
def test_silver_opens_to_everybody_on_the_moment_and_earlier_to_early_access(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    for seller in (shop, other_shop):
        rights_create(seller, **PLENTY)
    assessment_create(seller=other_shop, fixed_at=now)
    opens_at = now + timedelta(microseconds=1)
    ahead = rfq_create(grade=Grade.SILVER, opens_to_all_at=opens_at)
    assert refusal_code(shop, ahead) == "early_access_only"
    assert refusal_code(other_shop, ahead) is None
    open_now = rfq_create(grade=Grade.SILVER, opens_to_all_at=now)
    assert refusal_code(shop, open_now) is None
    # The hours are about silver alone.
    assert refusal_code(shop, rfq_create(opens_to_all_at=opens_at)) is None


@pytest.mark.rule("RFQ-4")
def test_early_access_tells_until_when_others_wait(shop: Seller, clock: Any) -> None:
    ahead = rfq_create(
        grade=Grade.SILVER,
        opens_to_all_at=platform_time.parse_instant("2022-08-03T19:30:00-07:00"),
    )
    refusal = refusal_for(ahead, quoting_standing(seller=shop), platform_time.now())
    assert "Aug 3, 2022 19:30 (Pacific)" in str(refusal)


@pytest.mark.rule("RFQ-4", "RFQ-18")
def test_the_newest_assessment_that_is_fixed_gives_early_access(shop: Seller, clock: Any) -> None:
    rights_create(shop, **PLENTY)
    now = platform_time.now()
    ahead = rfq_create(grade=Grade.SILVER, opens_to_all_at=now + HOUR)
    assessment_create(
        seller=shop, as_of=platform_time.parse_day("2022-06-30"), fixed_at=now - timedelta(days=30)
    )
    assert refusal_code(shop, ahead) is None
    assessment_create(seller=shop, early_access=False, fixed_at=now + SECOND)
    assert refusal_code(shop, ahead) is None
    clock.advance(seconds=1)
    assert refusal_code(shop, ahead) == "early_access_only"


@pytest.mark.rule("RFQ-5")
@pytest.mark.parametrize(
    ("day", "membership", "star", "allowed"),
    [
        ("2022-08-03", "verified", 0, True),
        ("2022-08-03", "basic", 3, True),
        ("2022-08-03", "basic", 2, False),
        ("2022-08-02", "basic", 5, False),  # the rules before know no stars
        ("2022-08-02", "verified", 0, True),
        ("2021-08-31", "verified", 0, True),  # no rules in force yet
        ("2021-08-31", "basic", 5, False),
    ],
)
def test_gold_is_for_verified_sellers_and_basic_ones_from_three_stars(
    category: Category, clock: Any, day: str, membership: str, star: int, allowed: bool
) -> None:
    clock.noon(platform_time.parse_day(day))
    seller = factories.seller_create(category, membership=membership, assessed_star=star)
    rights_create(seller, **PLENTY)
    gold = rfq_create(grade=Grade.GOLD)
    assert refusal_code(seller, gold) == (None if allowed else "gold_not_allowed")
    assert refusal_code(seller, rfq_create()) is None


@pytest.mark.rule("RFQ-3")
def test_an_rfq_pro_is_for_those_the_buyer_invited(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    for seller in (shop, other_shop):
        rights_create(seller, **PLENTY)
    pro = rfq_create(grade=Grade.PRO)
    invitation_create(pro, shop)
    assert refusal_code(shop, pro) is None
    assert refusal_code(other_shop, pro) == "not_invited"


@pytest.mark.rule("RFQ-7", "RFQ-8")
def test_the_tenth_seat_is_free_and_the_eleventh_quote_needs_a_pass(
    shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=5)
    assert refusal_code(shop, rfq_create(quoted=9)) is None
    assert refusal_code(shop, rfq_create(quoted=10)) == "no_fast_lane"
    rights_create(shop, fast_lane=None)
    assert refusal_code(shop, rfq_create(quoted=10)) is None
