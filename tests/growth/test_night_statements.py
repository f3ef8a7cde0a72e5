"""Growth's night runs the same statements for ten shops and one pack as for 300 shops and 30 packs (NGT-7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from growth.choices import EnrolmentState, RewardStatus
from growth.guide.schema import GUIDE
from growth.models import (
    Enrolment,
    GrowthScore,
    Pack,
    PackClaim,
    PackListing,
    RewardGrant,
    StageStanding,
    StarAssessment,
    StarStanding,
    TaskDone,
)
from growth.services.pack_writing import packs_write
from portal.choices import Membership, OrderChannel, TradeKind
from portal.models import Category, ExternalMetric, Inquiry, Member, Notice, Order, Seller, User
from portal.nightly.registry import registry
from portal.platform_time import start_of
from portal.scoping import unscoped
from portal.services.rulebooks import rulebooks_published
from tests.growth.guide_world import buyer
from tests.growth.programme_world import programme_create, shipped
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ONE = timedelta(days=1)
FEW, MANY = (10, 1), (300, 30)
"""Shops and packs."""
AUTOMATIC = "top_display_s2"
NOT_OURS = ("compliance.", "listings.", "rfq.")


@pytest.fixture(autouse=True)
def _unscoped() -> Iterator[None]:
    with unscoped():
        yield


def grow(category: Category, shops: int, packs: int, day: date) -> None:
    """Add shops with owners, facts, claims, rewards and enrolments, so that each job has to do with each."""
    first = Seller.objects.count()
    sellers = Seller.objects.bulk_create(
        Seller(
            member_id=f"m{first + n}", name_en="Shop", membership=Membership.VERIFIED,
            company_type="trader", main_category=category, industry=category,
            opened_on=day - (20 + 10 * (n % 12)) * ONE,
        )
        for n in range(shops)
    )  # fmt: skip
    users = User.objects.bulk_create(User(username=one.member_id) for one in sellers)
    Member.everywhere.bulk_create(
        Member(user=user, seller=seller, role="owner")
        for user, seller in zip(users, sellers, strict=True)
    )
    _facts(sellers, day)
    _packs(sellers, packs, day)
    _enrolments(sellers, day)


def _facts(sellers: list[Seller], day: date) -> None:
    at = start_of(day - 3 * ONE)
    asker = buyer()
    Order.objects.bulk_create(
        Order(
            order_id=one.member_id, seller=one, buyer=asker, kind=TradeKind.CUSTOMIZATION,
            channel=OrderChannel.TRADE_ASSURANCE, amount=Decimal(100), created_at=at, paid_at=at,
            received=Decimal(100), received_at=at, ship_by=day,
        )
        for one in sellers
    )  # fmt: skip
    Inquiry.objects.bulk_create(
        Inquiry(inquiry_id=one.member_id, seller=one, buyer=asker, at=at) for one in sellers
    )
    told = {"ext.card": 1, "ext.trade_assurance_active": 1, "ext.word_price_cny": 50_000}
    ExternalMetric.objects.bulk_create(
        ExternalMetric(seller=one, metric=metric, day=day - 2 * ONE, value=value)
        for one in sellers
        for metric, value in told.items()
    )


def _packs(sellers: list[Seller], number: int, day: date) -> None:
    """Packs that end today, are about to end, and one list to close; each shop claims two of each."""
    first, coupon = Pack.objects.count(), {"kind": "tool_coupon", "choices": ["Car"]}
    ends = {"settled": day, "ending": day + 9 * ONE}
    rows = [
        {
            "code": f"{name}-{first + n}", "title_en": "Pack", "opens_on": day - 9 * ONE,
            "closes_on": closes, "quota": 100,
            "tasks": [
                {"key": "card", "metric": "ext.card", "op": "gte", "value": 1},
                {"key": "orders", "metric": "growth.orders", "op": "gte",
                 "value": 1 if name == "settled" else 2 + n},
            ],
            "rewards": [{"key": key, "title_en": "Tool", **coupon} for key in ("one", "two")],
        }
        for name, closes in ends.items()
        for n in range(number)
    ]  # fmt: skip
    listed = {"code": f"list-{first}", "closes_on": day + 30 * ONE, "frozen_on": day + 2 * ONE}
    outcomes = packs_write(rows=[*rows, {**rows[0], **listed}])
    assert not [outcome.errors for outcome in outcomes if outcome.errors]
    made = {outcome.code: outcome.pack for outcome in outcomes}
    claims = PackClaim.objects.bulk_create(
        PackClaim(
            pack=made[f"{name}-{first + n % number}"], seller=one, claimed_at=start_of(day - ONE)
        )
        for name in ends
        for n, one in enumerate(sellers)
    )
    lapsing = start_of(day + 4 * ONE)
    _coupons(claims[: len(sellers)], lapsing - timedelta(hours=1), over=False)
    _coupons(claims[len(sellers) :], start_of(day), over=True)


def _coupons(claims: list[PackClaim], usable_until: datetime, *, over: bool) -> None:
    """Rewards of another pack that lapse tomorrow, or are over."""
    reward = claims[0].pack.rewards.first() if over else Pack.objects.latest("pk").rewards.first()
    RewardGrant.objects.bulk_create(
        RewardGrant(
            claim=claim, reward=reward, seller_id=claim.seller_id, granted_at=claim.claimed_at,
            usable_until=usable_until, status=RewardStatus.GRANTED,
        )
        for claim in claims
    )  # fmt: skip


def _enrolments(sellers: list[Seller], day: date) -> None:
    today = day + 2 * ONE
    over = programme_create(f"over_{day:%m}")
    ending = programme_create(f"ending_{day:%m}")
    Enrolment.objects.bulk_create(
        Enrolment(
            programme=programme, seller=one, state=EnrolmentState.ACTIVE, until=until,
            applied_at=start_of(day - 60 * ONE), since=day - 60 * ONE,
        )
        for programme, until in ((over, today - ONE), (ending, today + 6 * ONE))
        for one in sellers
    )  # fmt: skip


def statements(day: date) -> dict[str, int]:
    """Return how many statements the engine runs for each job as of a day, in one shard each."""
    found: dict[str, int] = {}
    # What a process remembers must not make the first one look dearer.
    ContentType.objects.clear_cache()
    rulebooks_published(GUIDE)

    def counting(execute: Callable[..., Any], *call: Any) -> Any:
        found[name] += 1
        return execute(*call)

    for job in registry.with_needs(("growth.programmes", "growth.rewards")):
        name = job.name
        found[name] = 0
        with connection.execute_wrapper(counting):
            night(day, name, shards=1)
    return found


def done(day: date) -> dict[str, int]:
    """Return how much there was to do, so that no job can be quick because it had nothing to do."""
    rows = {
        "done": TaskDone.objects.as_of(day),
        "stages": StageStanding.objects.as_of(day),
        "stars": StarStanding.objects.as_of(day),
        "scores": GrowthScore.objects.as_of(day),
        "assessed": StarAssessment.objects.filter(as_of=day),
        "rewarded": PackClaim.objects.filter(pack__closes_on=day, outcome="rewarded"),
        "granted": RewardGrant.objects.filter(claim__pack__closes_on=day, claim__outcome="rewarded"),
        "lapsed": RewardGrant.objects.filter(status=RewardStatus.LAPSED),
        "listed": PackListing.objects.all(),
        "begun": Enrolment.objects.filter(programme=shipped(AUTOMATIC)),
        "expired": Enrolment.objects.filter(state=EnrolmentState.EXPIRED),
        **{
            kind: Notice.objects.filter(kind=kind)
            for kind in (
                "pack_ending", "pack_reward_granted", "reward_lapsing", "enrolment_ending",
                "star_awaits_core_tasks",
            )
        },
    }  # fmt: skip
    return {name: each.count() for name, each in rows.items()}


@pytest.mark.rule("NGT-7", "GRO-5", "GRO-7", "GRO-8", "GRO-11", "GRO-12", "GRO-18", "K-18")
def test_the_statements_of_a_night_do_not_grow_with_shops_packs_or_claims(category, clock):
    industry = category.parent.parent.parent
    counted, before = [], done(date(2022, 8, 3))
    Pack.objects.all().delete()  # shipped ones, whose lists are closed on some of these days
    # On a 3rd, because stars are assessed then; a night before it, so that both have one to compare with.
    for (shops, packs), day in ((FEW, date(2022, 8, 3)), (MANY, date(2022, 10, 3))):
        clock.noon(day + ONE)
        night(day - ONE, "growth.programmes", "growth.rewards", shards=1)
        grow(industry, shops, packs, day)
        clock.noon(day + 2 * ONE)
        counted.append(statements(day))
        now = done(day)
        little = {name: number - before[name] for name, number in now.items()}
        assert not [name for name, number in little.items() if number < shops / 2], little
        before = now
    few, many = counted
    ours = [name for name in few if not name.startswith(NOT_OURS)]
    assert len(ours) == 11
    assert {name: many[name] for name in ours} == {name: few[name] for name in ours}
