"""Task packs under many real processes: claims, places, lists, coupons (GRO-6 … GRO-8, GRO-10)."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from growth.choices import ClaimOutcome, RewardStatus
from growth.models import Pack, PackClaim, PackListing, PackStanding, RewardGrant
from growth.nightly.packs import PACKS
from growth.services.pack_settling import pack_settle
from growth.services.packs import pack_claim, pack_list_close, packs_open_to
from growth.services.rewards import reward_choose, reward_use
from portal.models import Category, Member, Notice, Seller
from portal.platform_time import start_of
from portal.scoping import unscoped
from tests import factories
from tests.concurrency.forks import Failed, Processes
from tests.growth.pack_world import (
    CLOSES,
    COUPON,
    OPENS,
    claim_create,
    complete,
    pack_create,
    publish,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

AT_ONCE = 50
NIGHTS = 6
ONE = timedelta(days=1)


@pytest.fixture(autouse=True)
def _ready(clock: Any) -> None:
    # A server at work has read its addresses; a process that starts here would do so under locks.
    reverse("growth:rewards")
    clock.noon(OPENS)


def outcomes(results: list[Any]) -> Counter[Any]:
    """How often each thing happened; a refusal counts by its code, a failure shows its trace."""
    for result in results:
        assert not isinstance(result, Failed) or result.code, result.text
    return Counter(one.code if isinstance(one, Failed) else one for one in results)


# --- Claims -------------------------------------------------------------------------------------


def claims() -> int:
    with unscoped():
        return PackClaim.objects.count()


@pytest.mark.rule("GRO-6")
def test_of_fifty_claims_at_once_one_is_made(owner: Member, processes: Processes) -> None:
    pack = pack_create()

    def claim() -> str:
        pack_claim(member=owner, pack=pack)
        return "claimed"

    found = outcomes(processes.run([claim] * AT_ONCE))
    assert found == {"claimed": 1, "already_claimed": AT_ONCE - 1}
    assert processes.ask(claims) == 1


@pytest.mark.rule("GRO-6")
def test_looking_and_claiming_then_would_claim_twice(owner: Member, processes: Processes) -> None:
    """The control: having looked is not enough; only the constraint stops the second one, as an error."""
    pack = pack_create()

    def naive() -> str:
        with unscoped():
            if PackClaim.objects.filter(pack=pack, seller=owner.seller).exists():
                return "already_claimed"
        time.sleep(0.2)
        claim_create(owner.seller, pack)
        return "claimed"

    results = processes.run([naive] * 12)
    assert sum(isinstance(one, Failed) and one.name == "IntegrityError" for one in results) > 0


# --- Places -------------------------------------------------------------------------------------


def finish(category: Category, pack: Pack, count: int) -> list[int]:
    """Let shops claim and complete a pack; return their claims in the order of their places."""
    sellers = Seller.objects.bulk_create(
        Seller(
            member_id=f"r{number}", name_en="R", membership="verified", company_type="trader",
            main_category=category, industry=category,
        )
        for number in range(count)
    )  # fmt: skip
    places = list(range(count))
    random.Random(count).shuffle(places)
    with unscoped():
        made = PackClaim.objects.bulk_create(
            PackClaim(pack=pack, seller=seller, claimed_at=start_of(OPENS) + place * timedelta(seconds=1))
            for seller, place in zip(sellers, places, strict=True)
        )  # fmt: skip
        PackStanding.objects.bulk_create(
            PackStanding(
                pack=pack, seller=seller, done=1, tasks=1, valid_from=OPENS,
                complete_since=OPENS + (place * 20 // count) * ONE,
            )
            for seller, place in zip(sellers, places, strict=True)
        )  # fmt: skip
    ordered = sorted(zip(places, made, strict=True), key=lambda pair: pair[0])
    return [claim.pk for _place, claim in ordered]


@pytest.mark.rule("GRO-7", "GRO-8")
@pytest.mark.parametrize(("finishing", "quota"), [(1200, 1000), (50, 1)])
def test_never_one_too_many_however_many_nights_settle_at_once(
    finishing: int, quota: int, category: Category, clock: Any, processes: Processes
) -> None:
    pack = pack_create(quota=quota, rewards=[COUPON])
    in_order = finish(category, pack, finishing)
    told = Seller.objects.get(member_id="r0")
    factories.member_create(told)
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)

    def settle() -> str:
        return "settled" if pack_settle(pack=pack, as_of=CLOSES) else "found settled"

    found = outcomes(processes.run([settle] * NIGHTS))
    assert found == {"settled": 1, "found settled": NIGHTS - 1}

    def state() -> tuple[set[int], int, int]:
        with unscoped():
            rewarded = PackClaim.objects.filter(outcome=ClaimOutcome.REWARDED)
            return (
                set(rewarded.values_list("pk", flat=True)),
                RewardGrant.objects.count(),
                Notice.objects.count(),
            )

    assert processes.ask(state) == (set(in_order[:quota]), quota, 1)


@pytest.mark.rule("GRO-7")
def test_counting_places_and_giving_one_then_would_give_too_many(
    category: Category, processes: Processes
) -> None:
    """The control: workers that count the places left and then take one oversell."""
    pack = pack_create(quota=1)
    in_order = finish(category, pack, 12)

    def naive(claim: int) -> Callable[[], str]:
        def work() -> str:
            with unscoped():
                taken = PackClaim.objects.filter(outcome=ClaimOutcome.REWARDED).count()
                time.sleep(0.2)
                if taken >= 1:
                    return "quota_spent"
                PackClaim.objects.filter(pk=claim).update(outcome=ClaimOutcome.REWARDED)
            return "rewarded"

        return work

    assert outcomes(processes.run([naive(claim) for claim in in_order]))["rewarded"] > 1


# --- Lists --------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-10")
def test_a_list_is_taken_once_by_whoever_comes_first(
    shop: Seller, other_shop: Seller, processes: Processes
) -> None:
    pack = pack_create(frozen_on=OPENS)
    found = outcomes(processes.run([lambda: pack_list_close(pack=pack)] * 12))
    assert found == {2: 1, 0: 11}

    def listed() -> int:
        with unscoped():
            return PackListing.objects.count()

    assert processes.ask(listed) == 2


@pytest.mark.rule("GRO-10")
@pytest.mark.postgres
def test_while_a_list_is_taken_pages_go_on_and_claims_wait(
    owner: Member, processes: Processes, clock: Any
) -> None:
    """Taking a long list lasts longer than a page waits for a row (`lock_timeout`, 3 s)."""
    pack = pack_create(frozen_on=OPENS)

    def take() -> str:
        with unscoped(), transaction.atomic():
            pack_list_close(pack=Pack.objects.get(pk=pack.pk))
            time.sleep(5)
        return "taken"

    def look() -> bool:
        time.sleep(1)
        began = time.monotonic()
        assert packs_open_to(owner.seller, [pack]) == {pack.pk}
        return time.monotonic() - began < 2

    def claim() -> str:
        time.sleep(1)
        pack_claim(member=owner, pack=pack)
        return "claimed"

    assert outcomes(processes.run([take, look, claim])) == {"taken": 1, True: 1, "claimed": 1}


# --- Coupons ------------------------------------------------------------------------------------


@pytest.fixture
def grant(owner: Member, clock: Any) -> RewardGrant:
    """A coupon of the shop, to be chosen for and used."""
    pack = pack_create(rewards=[COUPON])
    claim_create(owner.seller, pack)
    complete(owner.seller, pack, OPENS)
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)
    pack_settle(pack=pack, as_of=CLOSES)
    with unscoped():
        return RewardGrant.objects.get()


def coupon() -> tuple[str, str, str]:
    with unscoped():
        found = RewardGrant.objects.get()
    return found.status, found.choice, found.voucher


@pytest.mark.rule("GRO-8")
def test_of_many_choices_at_once_one_is_final(
    owner: Member, grant: RewardGrant, processes: Processes
) -> None:
    def choose(tool: str) -> Callable[[], str]:
        return lambda: reward_choose(member=owner, grant=grant, choice=tool).choice

    found = outcomes(processes.run([choose("car"), choose("assistant")] * 8))
    assert found.pop("already_chosen") == 15
    ((winner, once),) = found.items()
    assert once == 1
    assert processes.ask(coupon) == ("granted", winner, "")


@pytest.mark.rule("GRO-8")
def test_of_many_uses_at_once_one_gives_a_voucher(
    owner: Member, grant: RewardGrant, processes: Processes
) -> None:
    reward_choose(member=owner, grant=grant, choice="car")
    found = outcomes(processes.run([lambda: reward_use(member=owner, grant=grant).voucher] * 16))
    assert found.pop("already_used") == 15
    ((voucher, once),) = found.items()
    assert once == 1
    assert processes.ask(coupon) == ("used", "car", voucher)


@pytest.mark.rule("GRO-8")
def test_looking_and_using_then_would_give_several_vouchers(
    grant: RewardGrant, processes: Processes
) -> None:
    """The control: without the condition on the row several codes go out, and one of them holds."""

    def naive(number: int) -> Callable[[], str]:
        def work() -> str:
            with unscoped():
                if RewardGrant.objects.get(pk=grant.pk).status == RewardStatus.USED:
                    return "already_used"
                time.sleep(0.2)
                RewardGrant.objects.filter(pk=grant.pk).update(
                    status=RewardStatus.USED, voucher=f"code-{number}"
                )
            return f"code-{number}"

        return work

    found = outcomes(processes.run([naive(number) for number in range(12)]))
    assert len(found) > 1
