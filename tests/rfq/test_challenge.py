"""The GMV challenge: who takes part, what counts, what is granted (RFQ-23)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry

from portal import platform_time
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Order, Seller
from portal.scoping import unscoped
from rfq.challenge.reading import (
    challenge_month,
    gmv_by_month,
    gmv_of,
    month_after,
    month_of,
    past_months,
)
from rfq.models import ChallengeEntry, RightLot
from rfq.services.challenge import challenge_claim, challenge_enrol
from rfq.services.rights import balances_of
from tests.rfq.world import buyer_create, order_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-23")]

AUGUST = date(2022, 8, 1)
PAID = platform_time.parse_instant("2022-08-02T10:00:00-07:00")
QUOTED = platform_time.parse_instant("2022-07-01T10:00:00-07:00")
SECOND = timedelta(seconds=1)


@pytest.fixture
def buyer(shop: Seller, clock: Any) -> Any:
    """A buyer whom the shop quoted in July."""
    buyer = buyer_create()
    rfq = rfq_create(buyer=buyer, posted_at=QUOTED - timedelta(hours=1))
    quote_create(seller=shop, rfq=rfq, submitted_at=QUOTED)
    return buyer


def pay(shop: Seller, buyer: Any, amount: str, **over: Any) -> Order:
    at = over.pop("paid_at", PAID)
    fields = {"seller": shop, "buyer": buyer, "amount": Decimal(amount), "paid_at": at}
    return order_create(**fields | {"created_at": PAID - timedelta(days=5)} | over)


def refusal_of(act: Any, **kwargs: Any) -> str:
    """Return the code of a refusal, having checked that nothing was granted or counted."""
    with unscoped():
        before = [*RightLot.objects.values(), *ChallengeEntry.objects.values()]
    with pytest.raises(Refusal) as refused:
        act(**kwargs)
    with unscoped():
        assert [*RightLot.objects.values(), *ChallengeEntry.objects.values()] == before
    return refused.value.code


# --- Enrolling ----------------------------------------------------------------------------------


def test_the_owner_enrols_once(owner: Member, clock: Any) -> None:
    first = challenge_enrol(member=owner, month=AUGUST)
    assert challenge_enrol(member=owner, month=AUGUST) == first
    assert (first.claimed, first.enrolled_by) == (0, owner.user)
    assert LogEntry.objects.filter(additional_data__action="challenge.enrol").count() == 1


def test_nobody_else_enrols(colleague: Member, clock: Any) -> None:
    with pytest.raises(NotAllowed):
        challenge_enrol(member=colleague, month=AUGUST)
    with unscoped():
        assert not ChallengeEntry.objects.exists()


@pytest.mark.parametrize(
    ("at", "month", "code"),
    [
        ("2022-07-31T23:59:59-07:00", date(2022, 7, 1), "not_open"),
        ("2022-07-31T23:59:59-07:00", AUGUST, "not_open"),
        ("2022-08-01T00:00:00-07:00", AUGUST, None),
        ("2022-08-31T23:59:59-07:00", AUGUST, None),
        ("2022-09-01T00:00:00-07:00", AUGUST, "closed"),
        ("2022-08-15T12:00:00-07:00", date(2022, 9, 1), "not_open"),
    ],
)
def test_a_month_can_be_joined_from_its_first_to_its_last_second(
    owner: Member, clock: Any, at: str, month: date, code: str | None
) -> None:
    clock(at)
    if code is None:
        assert challenge_enrol(member=owner, month=month).month == month
    else:
        assert refusal_of(challenge_enrol, member=owner, month=month) == code


# --- What counts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gmv", "rights"),
    [
        ("499.99", 0), ("500.00", 1), ("999.99", 1), ("1000.00", 2), ("2999.99", 2),
        ("3000.00", 5), ("7999.99", 5), ("8000.00", 10), ("14999.99", 10), ("15000.00", 15),
        ("999999.99", 15),
    ],
)  # fmt: skip
def test_tiers_on_both_sides(
    owner: Member, shop: Seller, buyer: Any, gmv: str, rights: int
) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    # In two payments, so that a sum is what is judged.
    pay(shop, buyer, "0.10")
    pay(shop, buyer, str(Decimal(gmv) - Decimal("0.10")))
    if rights == 0:
        assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "nothing_to_claim"
        return
    claim = challenge_claim(member=owner, month=AUGUST)
    assert (claim.gmv, claim.tier_reward, claim.claimed_now) == (Decimal(gmv), rights, rights)
    assert balances_of(seller=shop).quote == rights


def test_only_paid_linked_genuine_trade_assurance_orders_of_the_month_count(
    owner: Member, shop: Seller, other_shop: Seller, buyer: Any, clock: Any
) -> None:
    clock("2022-09-01T12:00:00-07:00")
    starts, ends = platform_time.start_of(AUGUST), platform_time.start_of(date(2022, 9, 1))
    assert pay(shop, buyer, "1", paid_at=starts)
    assert pay(shop, buyer, "2", paid_at=ends - SECOND)
    for out in (
        {"paid_at": starts - SECOND},
        {"paid_at": ends},
        {"paid_at": None},
        {"fake": True},
        {"channel": "e_collect"},
        {"created_at": QUOTED - SECOND},
        {"buyer": buyer_create()},
        {"seller": other_shop},
    ):
        pay(shop, out.pop("buyer", buyer), "1000", **out)
    assert gmv_of(shop, AUGUST, platform_time.now()) == Decimal("3.00")


def test_what_will_be_paid_does_not_count_yet(
    owner: Member, shop: Seller, buyer: Any, clock: Any
) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "500", paid_at=platform_time.now() + SECOND)
    assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "nothing_to_claim"
    clock.advance(seconds=1)
    assert challenge_claim(member=owner, month=AUGUST).claimed_now == 1


@pytest.mark.parametrize("month", [date(2022, 11, 1), date(2023, 3, 1)])
def test_months_with_a_change_of_the_clock_end_at_pacific_midnight(
    shop: Seller, buyer: Any, clock: Any, month: date
) -> None:
    after = month_after(month)
    clock.noon(after)
    starts, ends = platform_time.start_of(month), platform_time.start_of(after)
    assert starts.utcoffset() == timedelta(0)
    assert (ends - starts) % timedelta(days=1) in (timedelta(hours=1), timedelta(hours=23))
    pay(shop, buyer, "1", paid_at=starts - SECOND, created_at=starts - timedelta(days=9))
    pay(shop, buyer, "10", paid_at=starts, created_at=starts)
    pay(shop, buyer, "100", paid_at=ends - SECOND, created_at=starts)
    pay(shop, buyer, "1000", paid_at=ends, created_at=starts)
    now = platform_time.now()
    assert gmv_of(shop, month, now) == Decimal(110)
    by_month = gmv_by_month(shop, month_after(month, -1), after, now)
    assert by_month == {month_after(month, -1): 1, month: 110, after: 1000}


# --- Claiming -----------------------------------------------------------------------------------


def test_rights_are_granted_at_once_and_end_with_the_month(
    owner: Member, colleague: Member, shop: Seller, buyer: Any, clock: Any
) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "3000")
    challenge_claim(member=colleague, month=AUGUST)
    with unscoped():
        lot = RightLot.objects.get()
    assert (lot.kind, lot.amount, lot.left, lot.source) == ("quote", 5, 5, "challenge")
    assert lot.key == "challenge:cn1001:2022-08:5"
    assert lot.granted_at == platform_time.now()
    assert lot.expires_at == platform_time.start_of(date(2022, 9, 1))
    row = LogEntry.objects.get(additional_data__action="challenge.claim")
    assert (row.actor, row.changes) == (colleague.user, {"claimed": ["0", "5"]})


def test_a_later_claim_tops_up_to_the_higher_tier(owner: Member, shop: Seller, buyer: Any) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "600")
    assert challenge_claim(member=owner, month=AUGUST).claimed_now == 1
    assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "nothing_to_claim"
    pay(shop, buyer, "7400")
    claim = challenge_claim(member=owner, month=AUGUST)
    assert (claim.gmv, claim.tier_reward, claim.claimed_now) == (Decimal(8000), 10, 9)
    assert balances_of(seller=shop).quote == 10


def test_what_was_claimed_stays_when_an_order_turns_out_fake(
    owner: Member, shop: Seller, buyer: Any
) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    order = pay(shop, buyer, "3000")
    challenge_claim(member=owner, month=AUGUST)
    with unscoped():
        Order.objects.filter(pk=order.pk).update(fake=True)
    assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "nothing_to_claim"
    assert balances_of(seller=shop).quote == 5


def test_the_last_day_for_claims(owner: Member, shop: Seller, buyer: Any, clock: Any) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "600", paid_at=platform_time.start_of(date(2022, 9, 1)) - SECOND)
    clock("2022-09-04T00:00:00-07:00")
    assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "closed"
    clock("2022-09-03T23:59:59-07:00")
    assert challenge_claim(member=owner, month=AUGUST).claimed_now == 1
    with unscoped():
        # Claimed in September, usable until its end.
        assert RightLot.objects.get().expires_at == platform_time.start_of(date(2022, 10, 1))


def test_a_shop_that_did_not_enrol_claims_nothing(
    owner: Member, stranger: Member, shop: Seller, buyer: Any
) -> None:
    challenge_enrol(member=stranger, month=AUGUST)
    pay(shop, buyer, "3000")
    assert refusal_of(challenge_claim, member=owner, month=AUGUST) == "not_enrolled"
    assert refusal_of(challenge_claim, member=owner, month=date(2022, 7, 1)) == "not_open"
    assert refusal_of(challenge_claim, member=stranger, month=AUGUST) == "nothing_to_claim"


def test_a_viewer_claims_nothing(owner: Member, viewer: Member, shop: Seller, buyer: Any) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "3000")
    with pytest.raises(NotAllowed):
        challenge_claim(member=viewer, month=AUGUST)
    with unscoped():
        assert not RightLot.objects.exists()


# --- Reading ------------------------------------------------------------------------------------


def test_where_a_shop_stands(owner: Member, shop: Seller, buyer: Any, clock: Any) -> None:
    pay(shop, buyer, "880")
    before = challenge_month(shop, AUGUST, platform_time.now())
    assert (before.enrolled, before.claimable, before.tier_reward) == (False, 0, 1)
    challenge_enrol(member=owner, month=AUGUST)
    state = challenge_month(shop, AUGUST, platform_time.now())
    assert (state.enrolled, state.claimable, state.missing) == (True, 1, Decimal(120))
    assert state.next_tier is not None
    assert state.next_tier.quote_rights == 2
    over = challenge_month(shop, AUGUST, platform_time.start_of(date(2022, 9, 1)))
    assert (over.is_running, over.next_tier, over.claimable) == (False, None, 1)
    closed = challenge_month(shop, AUGUST, platform_time.start_of(date(2022, 9, 4)))
    assert (closed.is_closed, closed.claimable) == (True, 0)


def test_past_months(owner: Member, shop: Seller, buyer: Any, clock: Any) -> None:
    challenge_enrol(member=owner, month=AUGUST)
    pay(shop, buyer, "600")
    challenge_claim(member=owner, month=AUGUST)
    clock("2022-11-02T12:00:00-07:00")
    pay(shop, buyer, "20", paid_at=platform_time.parse_instant("2022-10-31T23:00:00-07:00"))
    months = past_months(shop, date(2022, 11, 1), platform_time.now())
    assert [(one.month.month, one.gmv, one.claimed) for one in months] == [
        (10, Decimal(20), None),
        (8, Decimal(600), 1),
    ]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2022-08", AUGUST), ("2022-12", date(2022, 12, 1)), ("2022-13", None), ("2022-8", None),
        ("2022-00", None), ("22-08", None), ("2022-08-01", None), ("٢٠٢٢-٠٨", None), ("", None),
    ],
)  # fmt: skip
def test_months_are_written_in_one_way(text: str, month: date | None) -> None:
    assert month_of(text) == month
