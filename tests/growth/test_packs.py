"""Task packs: states, claims by hand, closed lists, places, rewards (GRO-6 … GRO-8, GRO-10)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.choices import ClaimOutcome, PackState
from growth.models import Pack, PackClaim, PackStanding, RewardGrant
from growth.nightly.packs import PACKS
from growth.nightly.rewards import REWARDS
from growth.packs.reading import pack_reading, pack_readings, packs_published
from growth.packs.rules import Standing, granted_by, months_after, outcomes_of, pack_state
from growth.services.pack_settling import pack_settle, packs_settle
from growth.services.packs import pack_claim
from portal.errors import NotAllowed, Refusal
from portal.models import Notice, Seller
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from tests import factories
from tests.growth.pack_world import (
    CARD,
    CLOSES,
    COUPON,
    OPENS,
    POWER,
    VERIFIED,
    by_member,
    claim_create,
    complete,
    pack_create,
    publish,
)
from tests.growth.world import night, told

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ONE = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    clock.noon(OPENS)
    Pack.objects.all().delete()  # those every portal has
    with unscoped():
        yield


def state(seller: Seller, code: str = "pack") -> str:
    found = pack_reading(seller, code)
    assert found is not None
    return found.state


# --- States -------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6")
@pytest.mark.parametrize(
    ("now", "facts", "expected"),
    [
        (start_of(OPENS) - SECOND, {}, "not_open"),
        (start_of(OPENS), {}, "open"),
        (end_of(CLOSES) - SECOND, {}, "open"),
        (end_of(CLOSES), {}, "ended"),
        (start_of(OPENS), {"eligible": False}, "not_eligible"),
        (end_of(CLOSES), {"eligible": False}, "not_eligible"),
        (start_of(OPENS), {"eligible": False, "claimed": True}, "claimed"),
        (start_of(OPENS), {"complete": True}, "open"),
        (end_of(CLOSES), {"claimed": True}, "claimed"),
        (end_of(CLOSES), {"claimed": True, "complete": True}, "complete"),
        (end_of(CLOSES), {"claimed": True, "complete": True, "outcome": "failed"}, "failed"),
        (end_of(CLOSES), {"claimed": True, "outcome": "quota_spent"}, "quota_spent"),
    ],
)
def test_the_state_follows_from_window_audience_claim_and_outcome(now, facts, expected):
    known = {"eligible": True, **facts}
    assert pack_state(now=now, opens_on=OPENS, closes_on=CLOSES, **known) == PackState(expected)


@pytest.mark.rule("GRO-6", "GRO-7")
def test_a_pack_goes_from_to_be_claimed_to_rewarded(shop, owner, clock):
    pack_create(tasks=[CARD, POWER], rewards=[COUPON])
    assert state(shop) == "open"
    pack_claim(member=owner, pack=Pack.objects.get())
    told(shop, "ext.card", d2022_08_05=1)
    told(shop, "ext.power", d2022_08_05=59, d2022_08_09=60)
    clock.noon(OPENS + 2 * ONE)
    night(OPENS, REWARDS)
    found = pack_reading(shop, "pack")
    assert (found.state, found.done, found.as_of) == ("claimed", 1, OPENS)
    assert [(task.key, task.value, task.done) for task in found.tasks] == [
        ("card", 1, True), ("power", 59, False),
    ]  # fmt: skip
    clock.noon(date(2022, 8, 11))
    night(date(2022, 8, 9), REWARDS)
    assert state(shop) == "complete"
    clock.noon(CLOSES + ONE)
    assert state(shop) == "complete"
    clock.noon(CLOSES + 2 * ONE)
    night(CLOSES, REWARDS)
    claim = PackClaim.objects.get()
    assert (state(shop), claim.complete_since) == ("rewarded", date(2022, 8, 9))
    assert RewardGrant.objects.get().seller == shop


@pytest.mark.rule("GRO-6")
def test_what_was_done_before_claiming_counts_at_once_but_never_without_a_claim(
    shop, other_shop, owner, clock
):
    pack = pack_create(rewards=[COUPON], quota=1)
    for seller in (shop, other_shop):
        told(seller, "ext.card", d2022_08_01=1)
    clock.noon(OPENS + 2 * ONE)
    night(OPENS, REWARDS)
    assert (state(shop), pack_reading(shop, "pack").quota_left) == ("open", 1)
    pack_claim(member=owner, pack=pack)
    assert (state(shop), pack_reading(shop, "pack").quota_left) == ("complete", 0)
    clock.noon(CLOSES + 2 * ONE)
    night(CLOSES, REWARDS)
    assert (state(shop), state(other_shop)) == ("rewarded", "ended")
    assert [grant.seller for grant in RewardGrant.objects.all()] == [shop]


@pytest.mark.rule("GRO-7")
def test_places_left_count_each_claim_once_whichever_day_it_is_of(shop, other_shop, clock):
    """The last claim the night knows, and the first it does not."""
    pack = pack_create(quota=5)
    for seller, at in ((shop, end_of(OPENS) - SECOND), (other_shop, end_of(OPENS))):
        told(seller, "ext.card", d2022_08_01=1)
        claim_create(seller, pack, at)
    clock.noon(OPENS + 2 * ONE)
    night(OPENS, PACKS)
    assert pack_reading(shop, "pack").quota_left == 3


@pytest.mark.rule("GRO-7")
def test_complete_on_the_tenth_and_broken_on_the_last_day_is_not_complete(shop, other_shop, clock):
    pack = pack_create(rewards=[COUPON])
    for seller in (shop, other_shop):
        claim_create(seller, pack)
        told(seller, "ext.card", d2022_08_10=1)
    told(shop, "ext.card", d2022_09_02=0)
    told(other_shop, "ext.card", d2022_09_03=0)
    clock.noon(date(2022, 9, 6))
    night(date(2022, 8, 10), REWARDS)
    assert {row.seller_id for row in PackStanding.objects.as_of(date(2022, 8, 10))} == {
        shop.pk, other_shop.pk,
    }  # fmt: skip
    night(CLOSES, REWARDS)
    assert by_member(PackClaim.objects.all()) == {"cn1001": "failed", "cn2002": "rewarded"}
    # What happens later, or is computed again later, changes nothing.
    told(shop, "ext.card", d2022_09_02=1)
    night(CLOSES + ONE, REWARDS)
    night(CLOSES, REWARDS)
    assert by_member(PackClaim.objects.all()) == {"cn1001": "failed", "cn2002": "rewarded"}


@pytest.mark.rule("GRO-7")
def test_nothing_is_settled_before_the_last_day_itself_was_counted(shop, clock):
    pack = pack_create()
    claim_create(shop, pack)
    complete(shop, pack, OPENS)
    clock.noon(CLOSES + 9 * ONE)
    publish(CLOSES - ONE, PACKS)
    publish(CLOSES + ONE, PACKS)
    assert pack_settle(pack=pack, as_of=CLOSES + ONE) is None
    publish(CLOSES, PACKS)
    assert pack_settle(pack=pack, as_of=CLOSES - ONE) is None
    assert PackClaim.objects.get().outcome == ""
    assert pack_settle(pack=pack, as_of=CLOSES + ONE).rewarded == 1
    assert pack_settle(pack=pack, as_of=CLOSES + ONE) is None


@pytest.mark.rule("GRO-7", "NGT-3")
def test_a_night_run_twice_gives_the_same_standings_one_grant_and_one_notice(shop, owner, clock):
    pack = pack_create(rewards=[COUPON])
    claim_create(shop, pack)
    told(shop, "ext.card", d2022_08_06=1)
    clock.noon(CLOSES + 2 * ONE)
    night(CLOSES, REWARDS)
    lines = list(standing_lines(CLOSES, "growth.packs"))
    outcomes = list(standing_lines(CLOSES, "growth.pack_outcomes"))
    assert len(lines) == len(outcomes) == 1
    assert '"complete_since":"2022-08-06"' in lines[0]
    assert '"outcome":"rewarded"' in outcomes[0]
    night(CLOSES, PACKS, REWARDS)
    assert list(standing_lines(CLOSES, "growth.packs")) == lines
    assert list(standing_lines(CLOSES, "growth.pack_outcomes")) == outcomes
    assert RewardGrant.objects.count() == 1
    assert [notice.kind for notice in Notice.objects.all()] == ["pack_reward_granted"]


@pytest.mark.rule("GRO-7", "K-2")
def test_a_claim_after_the_day_is_not_in_its_standing(shop, other_shop, clock):
    pack = pack_create()
    claim_create(shop, pack, end_of(OPENS) - SECOND)
    claim_create(other_shop, pack, end_of(OPENS))
    clock.noon(OPENS + 3 * ONE)
    night(OPENS, PACKS)
    assert [row.seller for row in PackStanding.objects.as_of(OPENS)] == [shop]
    night(OPENS + ONE, PACKS)
    assert PackStanding.objects.as_of(OPENS + ONE).count() == 2
    night(OPENS, PACKS)
    assert [row.seller for row in PackStanding.objects.as_of(OPENS)] == [shop]


@pytest.mark.rule("GRO-7")
def test_a_pack_is_complete_since_the_last_of_its_tasks(shop, clock):
    claim_create(shop, pack_create(tasks=[CARD, POWER, {**CARD, "key": "again"}]))
    told(shop, "ext.card", d2022_07_01=1)
    told(shop, "ext.power", d2022_08_06=60, d2022_08_07=10, d2022_08_08=61)
    clock.noon(date(2022, 8, 12))
    night(date(2022, 8, 7), PACKS)
    [row] = PackStanding.objects.as_of(date(2022, 8, 7))
    assert (row.done, row.tasks, row.complete_since) == (2, 3, None)
    night(date(2022, 8, 10), PACKS)
    [row] = PackStanding.objects.as_of(date(2022, 8, 10))
    assert (row.done, row.tasks, row.complete_since) == (3, 3, date(2022, 8, 8))


# --- Places -------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-7")
@pytest.mark.parametrize("quota", [None, 1, 7, 40, 500])
def test_sql_and_python_give_the_same_outcomes(quota, category, clock):
    dice = random.Random(f"{quota}")
    pack = pack_create(quota=quota)
    figures = []
    for number in range(60):
        seller = factories.seller_create(category)
        at = start_of(OPENS) + timedelta(seconds=dice.randrange(4))
        since = dice.choice([None, OPENS - 90 * ONE, OPENS, OPENS + ONE])
        claim = claim_create(seller, pack, at)
        complete(seller, pack, since)
        figures.append((claim.pk, Standing(since, at, number)))
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)
    settled = pack_settle(pack=pack, as_of=CLOSES)
    expected = outcomes_of(figures, quota)
    assert dict(PackClaim.objects.values_list("pk", "outcome")) == expected
    assert settled.rewarded == list(expected.values()).count(ClaimOutcome.REWARDED)


@pytest.mark.rule("GRO-7")
def test_of_twelve_hundred_complete_exactly_a_thousand_get_a_place_by_time(category, clock):
    """In a constant number of statements, but for the notices, which are told a thousand at a time."""
    pack = pack_create(quota=1000, rewards=[COUPON])
    sellers = Seller.objects.bulk_create(
        Seller(
            member_id=f"s{number}", name_en="S", membership="verified", company_type="trader",
            main_category=category, industry=category,
        )
        for number in range(1200)
    )  # fmt: skip
    order = list(range(1200))
    random.Random(7).shuffle(order)
    claims = PackClaim.objects.bulk_create(
        PackClaim(
            pack=pack, seller=seller, claimed_at=start_of(OPENS) + timedelta(seconds=1200 - place)
        )
        for seller, place in zip(sellers, order, strict=True)
    )
    PackStanding.objects.bulk_create(
        PackStanding(
            pack=pack, seller=seller, done=1, tasks=1, valid_from=OPENS,
            # Complete earlier the higher the place; the last 600 at once, the earlier claim first.
            complete_since=OPENS + min(20, place // 30) * ONE,
        )
        for seller, place in zip(sellers, order, strict=True)
    )  # fmt: skip
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        settled = pack_settle(pack=pack, as_of=CLOSES)
    assert (settled.rewarded, settled.quota_spent, settled.grants) == (1000, 200, 1000)
    assert len(queries) < 40
    rewarded = set(PackClaim.objects.filter(outcome="rewarded").values_list("pk", flat=True))
    first = sorted(
        zip(claims, order, strict=True),
        key=lambda pair: (min(20, pair[1] // 30), pair[0].claimed_at),
    )
    assert rewarded == {claim.pk for claim, _place in first[:1000]}
    assert pack_reading(sellers[0], "pack").quota_left == 0


@pytest.mark.rule("GRO-7", "GRO-8")
def test_packs_of_one_day_have_places_and_rewards_of_their_own(shop, other_shop, clock):
    for code, first, second in (("a", shop, other_shop), ("b", other_shop, shop)):
        pack = pack_create(code=code, quota=1, rewards=[{**COUPON, "key": code}])
        for seller, since in ((first, OPENS), (second, OPENS + ONE)):
            claim_create(seller, pack)
            complete(seller, pack, since)
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)
    settled = packs_settle(as_of=CLOSES)
    assert {(each.rewarded, each.quota_spent, each.grants) for each in settled.values()} == {
        (1, 1, 1)
    }
    won = RewardGrant.objects.values_list("reward__key", "seller__member_id", "claim__pack__code")
    assert set(won) == {("a", "cn1001", "a"), ("b", "cn2002", "b")}


@pytest.mark.rule("GRO-7")
def test_a_shop_that_was_closed_takes_no_place(shop, other_shop, clock):
    pack = pack_create(quota=1)
    for seller, since in ((shop, OPENS), (other_shop, OPENS + ONE)):
        claim_create(seller, pack)
        complete(seller, pack, since)
    Seller.objects.filter(pk=shop.pk).update(status="closed")
    clock.noon(CLOSES + 2 * ONE)
    publish(CLOSES, PACKS)
    pack_settle(pack=pack, as_of=CLOSES)
    assert by_member(PackClaim.objects.all()) == {"cn1001": "failed", "cn2002": "rewarded"}


# --- Claiming -----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6")
def test_the_last_second_of_the_window_counts_and_the_next_does_not(owner, stranger, clock):
    pack = pack_create()
    clock((start_of(OPENS) - SECOND).isoformat())
    with pytest.raises(Refusal) as early:
        pack_claim(member=owner, pack=pack)
    clock((end_of(CLOSES) - SECOND).isoformat())
    pack_claim(member=owner, pack=pack)
    clock(end_of(CLOSES).isoformat())
    with pytest.raises(Refusal) as late:
        pack_claim(member=stranger, pack=pack)
    assert (early.value.code, late.value.code) == ("not_open", "not_open")
    [claim] = PackClaim.objects.all()
    assert (claim.seller, claim.claimed_by) == (owner.seller, owner.user)
    [row] = LogEntry.objects.filter(additional_data__action="pack.claim")
    assert (row.actor, row.changes) == (owner.user, {"pack": [None, "pack"]})


@pytest.mark.rule("GRO-6")
def test_a_pack_that_staff_have_just_taken_off_the_page_is_not_claimed(owner):
    pack = pack_create()
    Pack.objects.update(published=False)
    with pytest.raises(Refusal) as gone:
        pack_claim(member=owner, pack=pack)
    assert gone.value.code == "not_open"
    assert not PackClaim.objects.exists()


@pytest.mark.rule("GRO-6", "K-7")
def test_claims_are_the_owners_once_and_for_the_audience(owner, colleague, viewer, shop, clock):
    pack = pack_create(audience=[{"field": "membership", "op": "eq", "value": "basic"}])
    for member in (colleague, viewer):
        with pytest.raises(NotAllowed):
            pack_claim(member=member, pack=pack)
    with pytest.raises(Refusal) as refusal:
        pack_claim(member=owner, pack=pack)
    assert refusal.value.code == "not_eligible"
    assert not PackClaim.objects.exists()
    Seller.objects.filter(pk=shop.pk).update(membership="basic")
    pack_claim(member=owner, pack=pack)
    Seller.objects.filter(pk=shop.pk).update(membership="verified")
    assert state(shop) == "claimed"
    with pytest.raises(Refusal) as refusal:
        pack_claim(member=owner, pack=pack)
    assert refusal.value.code == "already_claimed"
    assert PackClaim.objects.count() == 1


# --- Days ---------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-8")
def test_rewards_come_by_the_tenth_or_fifteenth_of_the_month_after():
    assert granted_by("verified", date(2022, 8, 1)) == date(2022, 9, 10)
    assert granted_by("general", date(2022, 8, 31)) == date(2022, 9, 15)
    assert granted_by("verified", date(2022, 12, 31)) == date(2023, 1, 10)


@pytest.mark.rule("GRO-8")
@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2022, 9, 4), 3, date(2022, 12, 4)),
        (date(2022, 11, 30), 3, date(2023, 2, 28)),
        (date(2023, 11, 30), 3, date(2024, 2, 29)),
        (date(2022, 12, 31), 12, date(2023, 12, 31)),
        (date(2022, 10, 31), 1, date(2022, 11, 30)),
    ],
)
def test_months_are_calendar_months(day, months, expected):
    assert months_after(day, months) == expected


# --- Reading ------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6")
def test_any_number_of_packs_is_read_in_the_same_number_of_queries(shop, clock):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            pack_readings(shop, list(packs_published()))
        return len(found)

    def packs(numbers: range) -> None:
        for number in numbers:
            past = number % 3 == 0
            days = {"opens_on": date(2022, 7, 1), "closes_on": date(2022, 7, 20 + number)}
            pack = pack_create(
                code=f"p{number}", audience=[VERIFIED], quota=5, **(days if past else {}),
                rewards=[COUPON], tasks=[CARD, POWER],
            )  # fmt: skip
            if number % 2:
                claim_create(shop, pack)
            if past:
                Pack.objects.filter(pk=pack.pk).update(settled_at=datetime(2022, 8, 1, tzinfo=UTC))

    clock.noon(OPENS + 2 * ONE)
    packs(range(6))
    night(OPENS, PACKS)
    few = queries()
    packs(range(6, 11))
    assert queries() == few <= 16
