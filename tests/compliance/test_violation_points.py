"""What violations cost: points, effects, closing the shop, and taking it all back (CMP-6, CMP-8)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry

from compliance.models import Violation
from compliance.services.penalties import merged
from compliance.services.violations import (
    effect_end,
    effects_in_force,
    points_of,
    violation_overturn,
    violation_preview,
)
from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, Notice, Seller, User
from portal.platform_time import days_later, parse_instant
from portal.scoping import unscoped
from portal.services.shops import seller_change_status
from tests.compliance.penalty_world import (
    CONTACT,
    DRUGS,
    GOODS,
    IMPROPER,
    PHONES,
    REFUSING,
    confirm,
    costs,
    flags,
    kinds,
    points_by_sql,
    state,
    status_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-6")]


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


# --- Points --------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_points_count_for_365_days_and_not_an_instant_longer(
    staff: User, shop: Seller, clock: Any
) -> None:
    made = confirm(staff, shop, PHONES)
    assert made.points_until == parse_instant("2023-08-03T12:00:00-07:00")
    assert points_of(shop, made.penalised_at - timedelta(microseconds=1)) == 0
    assert points_of(shop, made.points_until - timedelta(microseconds=1)) == 6
    assert points_of(shop, made.points_until) == 0
    # The same at the end of days, as the night counts them.
    for day, points in ((2, 0), (3, 6)):
        assert points_by_sql(date(2022, 8, day)).get(shop.pk, 0) == points
    assert points_by_sql(date(2023, 8, 2)).get(shop.pk, 0) == 6
    assert points_by_sql(date(2023, 8, 3)).get(shop.pk, 0) == 0


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        # 25 hours and 23 hours are a day; the hour that is left out is stepped over.
        ("2022-11-05T12:00:00-07:00", 1, "2022-11-06T12:00:00-08:00"),
        ("2023-03-11T12:00:00-08:00", 1, "2023-03-12T12:00:00-07:00"),
        ("2023-03-11T02:30:00-08:00", 1, "2023-03-12T03:30:00-07:00"),
        ("2022-11-05T01:30:00-07:00", 1, "2022-11-06T01:30:00-07:00"),
        ("2022-11-06T01:30:00-08:00", 1, "2022-11-07T01:30:00-08:00"),
        ("2024-02-29T08:00:00-08:00", 365, "2025-02-28T08:00:00-08:00"),
    ],
)
@pytest.mark.rule("K-1")
def test_days_later_is_the_same_local_time(start: str, days: int, end: str) -> None:
    assert days_later(parse_instant(start), days) == datetime.fromisoformat(end)


# --- Closing -------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_47_points_leave_the_shop_open_and_48_close_it(
    staff: User, shop: Seller, owner: Member
) -> None:
    confirm(staff, shop, GOODS, points=44)
    confirm(staff, shop)
    assert confirm(staff, shop).points == 3
    assert (points_of(shop), status_of(shop)) == (47, "active")
    last = confirm(staff, shop, GOODS, points=1)
    assert (points_of(shop), status_of(shop)) == (48, "closed")
    with unscoped():
        effect = last.effects.get()
        told = Notice.objects.filter(user=owner.user, kind="shop_closed")
        assert (effect.kind, effect.by_points, effect.ends_at) == ("shop_closed", True, None)
        assert told.count() == 1
    assert LogEntry.objects.filter(additional_data__action="seller.status").count() == 1


def test_a_preview_says_what_confirming_does_and_does_nothing(staff: User, shop: Seller) -> None:
    confirm(staff, shop, GOODS, points=45)
    confirm(staff, shop)
    unchanged = state()
    plan = violation_preview(actor=staff, seller=shop, rule=CONTACT)
    assert (plan.time, plan.points, plan.sum_after, plan.closes_shop) == (2, 3, 48, True)
    less = violation_preview(actor=staff, seller=shop, rule=GOODS, points=2)
    assert (less.sum_after, less.closes_shop) == (47, False)
    assert state() == unchanged


@pytest.mark.both_databases
def test_overturning_opens_the_shop_and_ends_what_the_penalty_did(
    staff: User, shop: Seller, owner: Member
) -> None:
    first = confirm(staff, shop, GOODS, points=24)
    closing = confirm(staff, shop, GOODS, points=24)
    assert status_of(shop) == "closed"
    # Not the one that tipped it: the sum is what counts.
    violation_overturn(actor=staff, violation=first, note="The goods were not ours to judge.")
    assert (status_of(shop), points_of(shop)) == ("active", 24)
    assert effects_in_force(shop) == []
    assert kinds(closing) == [("shop_closed", "")]
    with unscoped():
        kinds_told = set(Notice.objects.values_list("kind", flat=True))
    assert {"violation_overturned", "shop_reopened"} <= kinds_told
    with pytest.raises(Refusal) as refusal:
        violation_overturn(actor=staff, violation=first, note="Again.")
    assert refusal.value.code == "already_overturned"


def test_48_points_that_stay_keep_the_shop_closed(staff: User, shop: Seller) -> None:
    confirm(staff, shop, GOODS, points=24)
    tipped = confirm(staff, shop, GOODS, points=24)
    confirm(staff, shop, GOODS, points=24)
    violation_overturn(actor=staff, violation=tipped, note="A mistake.")
    assert (status_of(shop), points_of(shop)) == ("closed", 48)
    (effect,) = effects_in_force(shop)
    assert effect.by_points
    violation_overturn(actor=staff, violation=effect.violation, note="A mistake.")
    assert status_of(shop) == "active"


def test_what_a_rule_closed_stays_closed_below_48(staff: User, shop: Seller) -> None:
    improper = confirm(staff, shop, IMPROPER, grave=True)
    points = confirm(staff, shop, DRUGS)
    violation_overturn(actor=staff, violation=points, note="A mistake.")
    assert (status_of(shop), points_of(shop)) == ("closed", 0)
    violation_overturn(actor=staff, violation=improper, note="A mistake.")
    assert status_of(shop) == "active"


def test_points_beside_a_closing_rule_close_the_shop_alone(staff: User, shop: Seller) -> None:
    improper = confirm(staff, shop, IMPROPER, grave=True)
    confirm(staff, shop, DRUGS)
    violation_overturn(actor=staff, violation=improper, note="A mistake.")
    assert status_of(shop) == "closed"


def test_a_restricted_shop_is_restricted_again(staff: User, shop: Seller) -> None:
    seller_change_status(actor=staff, seller=shop, status="restricted", reason="Under review.")
    closing = confirm(staff, shop, DRUGS)
    assert status_of(shop) == "closed"
    violation_overturn(actor=staff, violation=closing, note="A mistake.")
    assert status_of(shop) == "restricted"


def test_what_staff_closed_by_hand_no_appeal_opens(staff: User, shop: Seller) -> None:
    seller_change_status(actor=staff, seller=shop, status="closed", reason="Company is gone.")
    closing = confirm(staff, shop, DRUGS)
    violation_overturn(actor=staff, violation=closing, note="A mistake.")
    assert status_of(shop) == "closed"


def test_staff_who_open_the_shop_by_hand_take_over(staff: User, shop: Seller) -> None:
    closing = confirm(staff, shop, DRUGS)
    seller_change_status(actor=staff, seller=shop, status="active", reason="Under watch.")
    assert effects_in_force(shop) == []
    small = confirm(staff, shop)
    # Still 48 points: a further violation closes it again, and that one is what closed it now.
    assert (small.points, status_of(shop)) == (0, "closed")
    seller_change_status(actor=staff, seller=shop, status="active", reason="Under watch.")
    seller_change_status(actor=staff, seller=shop, status="closed", reason="Enough.")
    violation_overturn(actor=staff, violation=closing, note="A mistake.")
    assert (status_of(shop), points_of(shop)) == ("closed", 0)


def test_points_that_run_out_open_nothing(staff: User, shop: Seller, clock: Any) -> None:
    made = confirm(staff, shop, DRUGS)
    clock(made.points_until.isoformat())
    assert (points_of(shop), status_of(shop)) == (0, "closed")


# --- Taking back ---------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_later_penalties_of_the_rule_come_down_a_rung(staff: User, shop: Seller) -> None:
    made = [confirm(staff, shop, REFUSING) for _time in range(4)]
    assert [one.points for one in made] == [0, 3, 3, 3]
    assert flags(shop)
    violation_overturn(actor=staff, violation=made[1], note="The buyer took it back.")
    with unscoped():
        rows = list(Violation.objects.order_by("pk"))
        told = Notice.objects.filter(kind="violation_lowered").count()
    assert costs(rows) == [(1, 0), (2, 3), (2, 3), (3, 3)]
    # The fourth is the third now: Trade Assurance is open again, at once and on this very day.
    assert (effects_in_force(shop), flags(shop)) == ([], [])
    assert [bool(one.lowered_at) for one in rows] == [False, False, False, True]
    assert (points_of(shop), told) == (6, 0)  # the shop has no members to tell
    assert confirm(staff, shop, REFUSING).step == 4


def test_lowering_takes_points_back_and_may_open_the_shop(staff: User, shop: Seller) -> None:
    first = confirm(staff, shop, PHONES)
    confirm(staff, shop, GOODS, points=30)
    confirm(staff, shop, PHONES)
    assert (points_of(shop), status_of(shop)) == (48, "closed")
    violation_overturn(actor=staff, violation=first, note="A mistake.")
    assert (points_of(shop), status_of(shop)) == (36, "active")


def test_a_rung_of_an_earlier_one_never_changes(staff: User, shop: Seller) -> None:
    made = [confirm(staff, shop) for _time in range(3)]
    violation_overturn(actor=staff, violation=made[2], note="A mistake.")
    with unscoped():
        assert costs(list(Violation.objects.order_by("pk"))) == [(1, 0), (2, 3), (3, 3)]
    assert confirm(staff, shop).step == 3


def test_the_past_keeps_the_sum_it_had(staff: User, shop: Seller, clock: Any) -> None:
    made = confirm(staff, shop, PHONES)
    clock.advance(days=10)
    violation_overturn(actor=staff, violation=made, note="A mistake.")
    assert points_of(shop) == 0
    assert points_of(shop, platform_time.now() - timedelta(seconds=1)) == 6
    assert points_by_sql(platform_time.today()).get(shop.pk, 0) == 0
    assert points_by_sql(platform_time.today() - timedelta(days=1))[shop.pk] == 6


def test_ending_an_effect_early_leaves_the_points(staff: User, shop: Seller, clock: Any) -> None:
    for _time in range(4):
        last = confirm(staff, shop, REFUSING)
    clock.advance(days=3)
    with unscoped():
        effect = last.effects.get()
    effect_end(actor=staff, effect=effect, note="It has shown good will.")
    assert (effects_in_force(shop), points_of(shop)) == ([], 9)
    assert flags(shop) == [("trade_assurance_closed", date(2022, 8, 3), date(2022, 8, 5))]
    with pytest.raises(Refusal) as refusal:
        effect_end(actor=staff, effect=effect, note="Again.")
    assert refusal.value.code == "effect_ended"


def test_spans_of_days_that_touch_are_one() -> None:
    day = [date(2022, 8, number) for number in range(1, 12)]
    assert merged([(day[0], day[2]), (day[3], day[4]), (day[4], day[4]), (day[6], None)]) == [
        (day[0], day[4]),
        (day[6], None),
    ]
    assert merged([(day[0], None), (day[3], day[4])]) == [(day[0], None)]
