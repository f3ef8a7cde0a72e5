"""Violations: rungs, points, effects, closing and reopening (CMP-6, CMP-7)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from pydantic import ValidationError

from compliance.models import PenaltyEffect, Violation
from compliance.points import POINTS_SQL
from compliance.services.penalties import merged, rules_on
from compliance.services.violations import (
    effect_end,
    effects_in_force,
    points_of,
    points_of_many,
    products_demoted,
    violation_confirm,
    violation_overturn,
    violation_preview,
    violation_publish,
)
from compliance.violations_schema import ViolationRule
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, SellerFlag, User
from portal.platform_time import days_later, parse_instant
from portal.scoping import unscoped
from portal.services.rulebooks import RulebookMissing
from portal.services.shops import seller_change_status
from tests.compliance.world import product_create, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-6")]

CONTACT, REFUSING, PHONES = "off_platform_contact", "refusing_trade_assurance", "phone_evasion"
GOODS, DRUGS, FALSE_PRICE = "prohibited_goods", "drugs_severe", "false_price"


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def confirm(staff: User, seller: Seller, rule: str = CONTACT, **over: Any) -> Violation:
    fields: dict[str, Any] = {"evidence": "“Add me on WhatsApp”, chat of yesterday"} | over
    return violation_confirm(actor=staff, seller=seller, rule=rule, **fields)


def costs(violations: list[Violation]) -> list[tuple[int, int]]:
    return [(one.step, one.points) for one in violations]


def kinds(violation: Violation) -> list[tuple[str, str]]:
    with unscoped():
        return [(one.kind, one.service) for one in violation.effects.order_by("pk")]


def flags(seller: Seller) -> list[tuple[str, date, date | None]]:
    rows = SellerFlag.objects.filter(seller=seller).order_by("code", "since")
    return list(rows.values_list("code", "since", "until"))


def status_of(seller: Seller) -> str:
    seller.refresh_from_db()
    return seller.status


def state() -> tuple[int, ...]:
    with unscoped():
        models = (Violation, PenaltyEffect, SellerFlag, Notice, LogEntry)
        return tuple(model.objects.count() for model in models)


# --- Rungs --------------------------------------------------------------------------------------


@pytest.mark.rule("CMP-7")
@pytest.mark.both_databases
def test_off_platform_contact_warns_then_three_then_six(staff: User, shop: Seller) -> None:
    made = [confirm(staff, shop) for _time in range(5)]
    assert costs(made) == [(1, 0), (2, 3), (3, 3), (4, 6), (5, 6)]
    assert points_of(shop) == 18
    grave = confirm(staff, shop, grave=True)
    assert (grave.points, kinds(grave)) == (6, [("shop_demoted", "")])


@pytest.mark.rule("CMP-7")
@pytest.mark.both_databases
def test_the_fourth_refusal_of_trade_assurance_closes_it_for_ninety_days(
    staff: User, shop: Seller
) -> None:
    made = [confirm(staff, shop, REFUSING) for _time in range(3)]
    assert costs(made) == [(1, 0), (2, 3), (3, 3)]
    assert effects_in_force(shop) == flags(shop) == []
    fourth = confirm(staff, shop, REFUSING)
    assert (fourth.step, fourth.points) == (4, 3)
    (effect,) = effects_in_force(shop)
    assert (effect.kind, effect.service) == ("service_closed", "trade_assurance")
    # Other modules read it as days: the first day and ninety in all.
    until = date(2022, 10, 31)
    assert flags(shop) == [("trade_assurance_closed", date(2022, 8, 3), until)]
    assert (until - date(2022, 8, 3)).days + 1 == 90
    end = parse_instant("2022-11-01T12:00:00-07:00")
    assert effect.ends_at == end
    assert effects_in_force(shop, end - timedelta(microseconds=1)) == [effect]
    assert effects_in_force(shop, end) == []
    # The fifth runs on from where it is: one stretch of days.
    confirm(staff, shop, REFUSING)
    assert len(flags(shop)) == 1


@pytest.mark.rule("CMP-7")
def test_other_rules_have_their_own_count(staff: User, shop: Seller, other_shop: Seller) -> None:
    made = [
        confirm(staff, shop), confirm(staff, shop, PHONES), confirm(staff, other_shop),
        confirm(staff, shop, PHONES), confirm(staff, shop), confirm(staff, shop, REFUSING),
    ]  # fmt: skip
    assert costs(made) == [(1, 0), (1, 6), (1, 0), (2, 12), (2, 3), (1, 0)]
    assert points_of_many([shop.pk, other_shop.pk]) == {shop.pk: 21, other_shop.pk: 0}


@pytest.mark.rule("CMP-7")
def test_a_rule_holds_from_its_day_and_judges_what_happened_then(staff: User, shop: Seller) -> None:
    before = platform_time.start_of(date(2021, 8, 9)) - timedelta(seconds=1)
    refused = pytest.raises(InvalidInput)
    unchanged = state()
    with refused as refusal:
        confirm(staff, shop, REFUSING, happened_at=before)
    assert refusal.value.fields[0][0] == "rule"
    with pytest.raises(InvalidInput):
        confirm(staff, shop, PHONES, happened_at=parse_instant("2021-07-06T23:59:59-07:00"))
    with pytest.raises(RulebookMissing):
        confirm(staff, shop, happened_at=parse_instant("2020-12-31T23:59:59-08:00"))
    with pytest.raises(InvalidInput):
        confirm(staff, shop, FALSE_PRICE)  # not before 2022-10-29
    assert state() == unchanged
    first = confirm(staff, shop, REFUSING, happened_at=before + timedelta(seconds=1))
    assert (first.rulebook, first.step) == ("2021-08", 1)
    assert confirm(staff, shop, PHONES, happened_at=before).rulebook == "2021-07"


def test_false_price_shows_the_product_further_down_then_also_the_shop(
    staff: User, shop: Seller, clock: Any
) -> None:
    clock("2022-11-18T12:00:00-08:00")
    product = product_create(seller=shop)
    with pytest.raises(InvalidInput) as refusal:
        confirm(staff, shop, FALSE_PRICE)
    assert [field for field, _text in refusal.value.fields] == ["product"]
    first = confirm(staff, shop, FALSE_PRICE, product=product)
    assert (first.points, kinds(first)) == (0, [("product_demoted", "")])
    assert products_demoted(shop) == {product.product_id}
    assert products_demoted(shop, days_later(platform_time.now(), 14)) == set()
    assert flags(shop) == []
    again = confirm(staff, shop, FALSE_PRICE, product=product)
    assert (again.points, kinds(again)) == (6, [("product_demoted", ""), ("shop_demoted", "")])
    assert flags(shop) == [("shop_demoted", date(2022, 11, 18), date(2022, 11, 24))]


def test_staff_choose_points_only_where_the_rule_leaves_them(staff: User, shop: Seller) -> None:
    assert confirm(staff, shop, GOODS).points == 0
    assert confirm(staff, shop, GOODS, points=47).points == 47
    for rule, points in ((GOODS, 49), (GOODS, -1), (CONTACT, 5)):
        with pytest.raises(InvalidInput) as refusal:
            confirm(staff, shop, rule, points=points)
        assert refusal.value.fields[0][0] == "points"


def test_improper_trading_is_known_only_as_grave(staff: User, shop: Seller) -> None:
    with pytest.raises(InvalidInput) as refusal:
        confirm(staff, shop, "improper_trading")
    assert refusal.value.fields[0][0] == "grave"
    with pytest.raises(InvalidInput):
        confirm(staff, shop, DRUGS, grave=True)
    confirm(staff, shop, "improper_trading", grave=True)
    assert (status_of(shop), points_of(shop)) == ("closed", 0)


def rule(**over: Any) -> ViolationRule:
    texts = dict.fromkeys(("name_en", "name_zh", "text_en", "text_zh"), "x")
    ladder = [{"from_time": 1, "warning": True}, {"from_time": 2, "points": 3}]
    return ViolationRule.model_validate({"key": "stream", "ladder": ladder, **texts} | over)


def test_a_window_counts_what_happened_within_its_days(
    staff: User, shop: Seller, monkeypatch: Any
) -> None:
    """Rules to come count within 90 or 180 days: the 90th day is in, the one before it is out."""
    rules = rules_on(platform_time.today())
    windowed = rules.model_copy(update={"rules": [rule(window_days=90)]})
    from compliance.services import penalties

    book = penalties.rulebook_for(penalties.VIOLATIONS, platform_time.today())
    changed = type(book)(**{**book.__dict__, "content": windowed})
    monkeypatch.setattr(penalties, "rulebook_for", lambda module, day: changed)
    last = platform_time.start_of(date(2022, 5, 6))
    steps = [
        confirm(staff, shop, "stream", happened_at=happened).step
        for happened in (last - timedelta(seconds=1), last, None)
    ]
    # 2022-05-06 is the 90th day back from 2022-08-03; the first lies a day before it.
    assert steps == [1, 2, 2]


def test_a_ladder_per_product_counts_each_product_alone(
    staff: User, shop: Seller, monkeypatch: Any
) -> None:
    from compliance.services import penalties

    book = penalties.rulebook_for(penalties.VIOLATIONS, platform_time.today())
    content = book.content.model_copy(update={"rules": [rule(level="product")]})
    changed = type(book)(**{**book.__dict__, "content": content})
    monkeypatch.setattr(penalties, "rulebook_for", lambda module, day: changed)
    one, two = product_create(seller=shop), product_create(seller=shop)
    steps = [confirm(staff, shop, "stream", product=each).step for each in (one, two, one)]
    assert steps == [1, 1, 2]
    with pytest.raises(InvalidInput):
        confirm(staff, shop, "stream")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ladder": []},
        {"ladder": [{"from_time": 2, "points": 3}]},
        {"ladder": [{"from_time": 1, "points": 3}, {"from_time": 2, "warning": True}]},
        {"ladder": [{"from_time": 1}]},
        {"ladder": [{"warning": True, "points": 3}]},
        {"ladder": [{"points": 3, "points_most": 3}]},
        {"ladder": [{"effects": [{"kind": "service_closed", "days": 7}]}]},
        {"ladder": [{"effects": [{"kind": "shop_closed", "days": 7}]}]},
    ],
)
def test_a_rulebook_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


# --- Points -------------------------------------------------------------------------------------


def sql_points(day: date) -> dict[int, int]:
    ends = connection.ops.adapt_datetimefield_value(platform_time.end_of(day))
    with connection.cursor() as cursor:
        cursor.execute(POINTS_SQL.format(sellers="1 = 1"), {"ends": ends})
        return {seller: int(value) for seller, value in cursor.fetchall()}


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
        assert sql_points(date(2022, 8, day)).get(shop.pk, 0) == points
    assert sql_points(date(2023, 8, 2)).get(shop.pk, 0) == 6
    assert sql_points(date(2023, 8, 3)).get(shop.pk, 0) == 0


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


# --- Closing ------------------------------------------------------------------------------------


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
    improper = confirm(staff, shop, "improper_trading", grave=True)
    points = confirm(staff, shop, DRUGS)
    violation_overturn(actor=staff, violation=points, note="A mistake.")
    assert (status_of(shop), points_of(shop)) == ("closed", 0)
    violation_overturn(actor=staff, violation=improper, note="A mistake.")
    assert status_of(shop) == "active"


def test_points_beside_a_closing_rule_close_the_shop_alone(staff: User, shop: Seller) -> None:
    improper = confirm(staff, shop, "improper_trading", grave=True)
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


# --- Taking back --------------------------------------------------------------------------------


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
    assert sql_points(platform_time.today()).get(shop.pk, 0) == 0
    assert sql_points(platform_time.today() - timedelta(days=1))[shop.pk] == 6


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


# --- Once, and by whom --------------------------------------------------------------------------


def test_the_same_key_again_is_the_same_case(staff: User, shop: Seller, other_shop: Seller) -> None:
    first = confirm(staff, shop, PHONES, key="radar:17", files=[upload("chat.png")])
    unchanged = state()
    assert confirm(staff, shop, PHONES, key="radar:17", files=[upload("chat.png")]) == first
    for seller, key_rule in ((other_shop, PHONES), (shop, CONTACT)):
        with pytest.raises(Refusal) as refusal:
            confirm(staff, seller, key_rule, key="radar:17")
        assert refusal.value.code == "key_reused"
    assert state() == unchanged


def test_what_is_wrong_is_named_and_nothing_is_kept(
    staff: User, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    foreign = product_create(seller=other_shop)
    soon = platform_time.now() + timedelta(seconds=1)
    script = SimpleUploadedFile("proof.png", b"<script>alert(1)</script>")
    unchanged = state()
    for over, field in (
        ({"evidence": " "}, "evidence"),
        ({"happened_at": soon}, "happened_at"),
        ({"product": foreign}, "product"),
        ({"rule": "jaywalking"}, "rule"),
        ({"files": [script]}, "files"),
        ({"files": [upload() for _file in range(6)]}, "files"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            confirm(staff, shop, **{"rule": CONTACT} | over)  # type: ignore[arg-type]
        assert [name for name, _text in refusal.value.fields] == [field]
    assert state() == unchanged


def test_only_officers_who_are_strangers_to_the_shop_decide(
    staff: User, shop: Seller, owner: Member, reviewer: User
) -> None:
    made = confirm(staff, shop)
    Member.everywhere.create(user=staff, seller=shop, role="viewer", is_active=False)
    unchanged = state()
    for actor in (staff, reviewer, owner.user):
        with pytest.raises(NotAllowed):
            confirm(actor, shop)
        with pytest.raises(NotAllowed):
            violation_overturn(actor=actor, violation=made, note="x")
        with pytest.raises(NotAllowed):
            violation_publish(actor=actor, violation=made, public=True)
    assert state() == unchanged


@pytest.fixture
def reviewer() -> User:
    from tests.compliance.world import reviewer_create

    return reviewer_create("reviewer")
