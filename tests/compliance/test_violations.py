"""Confirming violations: which rung of which ladder, once, and by whom (CMP-6, CMP-7)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pydantic import ValidationError

from compliance.penalties.schema import ViolationRule
from compliance.services import penalties
from compliance.services.penalties import rules_on
from compliance.services.violations import (
    effects_in_force,
    points_of,
    points_of_many,
    products_demoted,
    violation_overturn,
    violation_publish,
)
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller, User
from portal.platform_time import days_later, parse_instant
from portal.services.rulebooks import RulebookMissing
from tests.compliance.penalty_world import (
    CONTACT,
    DRUGS,
    FALSE_PRICE,
    GOODS,
    IMPROPER,
    PHONES,
    REFUSING,
    confirm,
    costs,
    flags,
    kinds,
    state,
    status_of,
)
from tests.compliance.world import product_create, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-6")]


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


# --- Rungs ---------------------------------------------------------------------------------------


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


@pytest.mark.rule("CMP-2", "CMP-7")
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
        confirm(staff, shop, IMPROPER)
    assert refusal.value.fields[0][0] == "grave"
    with pytest.raises(InvalidInput):
        confirm(staff, shop, DRUGS, grave=True)
    confirm(staff, shop, IMPROPER, grave=True)
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


# --- Once, and by whom ---------------------------------------------------------------------------


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
            confirm(staff, shop, **{"rule": CONTACT} | over)
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
