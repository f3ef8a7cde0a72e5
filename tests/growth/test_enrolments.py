"""Enrolling in programmes and leaving them (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from auditlog.models import LogEntry

from growth.choices import EnrolmentState
from growth.models import Enrolment, EnrolmentEvent, Programme
from growth.programmes.reading import content_of, programme_reading
from growth.services.enrolments import enrolment_leave
from portal import platform_time
from portal.audience import sellers_concerned
from portal.choices import BuyerTier, CompanyType, Membership, Role
from portal.errors import NotAllowed, Refusal
from portal.models import Buyer, Category, Member, Seller, SellerFlag
from portal.scoping import seller_scope, unscoped
from portal.services.buyers import buyer_badges
from tests import factories
from tests.growth.programme_world import (
    ACTIVE,
    APPLIED,
    apply,
    at,
    change,
    current,
    enrolments,
    programme_create,
    refused,
    shipped,
    state_of,
)
from tests.growth.rights_world import numbers
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("GRO-17")]

CLUB = "million_dollar_club"


@pytest.fixture
def starred(shop: Seller, owner: Member, clock: Any) -> Member:
    """The owner of a verified shop with a star, on the 10th of August."""
    change(shop, assessed_star=1)
    at(clock, "2022-08-10T12:00")
    return Member.everywhere.select_related("seller", "user").get(pk=owner.pk)


# --- Enrolling ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18", "K-11")
def test_the_club_reveals_l3_and_l4_while_a_shop_is_in(starred: Member, clock: Any) -> None:
    buyers = [
        Buyer.objects.create(buyer_id=tier, country="DE", tier=tier, tier_since=date(2022, 8, 1))
        for tier in BuyerTier.values
    ]

    def seen() -> list[str | None]:
        shown = buyer_badges(seller=starred.seller, buyers=buyers)
        return [shown[buyer.pk] for buyer in buyers]

    hidden, revealed = [None, *["L1+"] * 4], [None, "L1+", "L1+", "L3", "L4"]
    assert seen() == hidden
    enrolment = apply(starred, shipped(CLUB))
    assert (enrolment.state, enrolment.since, enrolment.until) == (ACTIVE, date(2022, 8, 10), None)
    assert enrolment.round == date(2022, 8, 7)
    assert seen() == revealed
    at(clock, "2022-10-01T12:00")
    assert seen() == revealed, "membership does not end with the window"
    enrolment_leave(member=starred, programme=shipped(CLUB))
    assert seen() == hidden, "leaving ends it the same day"
    [flag] = SellerFlag.objects.filter(seller=starred.seller)
    assert (flag.since, flag.until) == (date(2022, 8, 10), date(2022, 9, 30))


@pytest.mark.rule("GRO-18", "K-11")
def test_entering_and_leaving_on_one_day_leaves_no_flag(starred: Member) -> None:
    apply(starred, shipped(CLUB))
    enrolment_leave(member=starred, programme=shipped(CLUB))
    assert not SellerFlag.objects.exists()
    apply(starred, shipped(CLUB))
    [flag] = SellerFlag.objects.all()
    assert (flag.since, flag.until) == (date(2022, 8, 10), None)


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("instant", "code"),
    [
        ("2022-08-06T23:59:59.999999", "window_closed"),
        ("2022-08-07T00:00:00", ""),
        ("2022-08-23T23:59:59.999999", ""),
        ("2022-08-24T00:00:00", "window_closed"),
    ],
)
def test_the_club_is_open_from_the_7th_to_the_last_instant_of_the_23rd(
    starred: Member, clock: Any, instant: str, code: str
) -> None:
    at(clock, instant)
    if code:
        assert refused(apply, starred, shipped(CLUB)) == code
    else:
        assert apply(starred, shipped(CLUB)).state == ACTIVE


@pytest.mark.rule("GRO-18", "K-1")
def test_windows_end_with_the_pacific_day_also_on_the_longest(owner: Member, clock: Any) -> None:
    window = {"opens_on": "2022-11-06", "closes_on": "2022-11-06"}  # 25 hours
    programme = programme_create(windows=[window])
    clock("2022-11-07T07:59:59+00:00")
    assert apply(owner, programme).state == ACTIVE
    other = programme_create("later", windows=[window])
    clock("2022-11-07T08:00:00+00:00")
    assert refused(apply, owner, other) == "window_closed"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"assessed_star": 0}, "Assessed star 0, needs 1"),
        ({"membership": Membership.BASIC}, "Membership: Verified Supplier"),
    ],
)
def test_who_does_not_meet_a_condition_is_told_which(
    starred: Member, shop: Seller, fields: dict[str, Any], said: str
) -> None:
    change(shop, **fields)
    with pytest.raises(Refusal, match=said):
        apply(starred, shipped(CLUB))
    assert refused(apply, starred, shipped(CLUB)) == "not_eligible"
    with seller_scope(shop):
        reading = programme_reading(shop, CLUB)
    assert reading is not None
    [unmet] = [one for one in reading.conditions if not one.met]
    assert unmet.said.startswith(said)


@pytest.mark.rule("K-7")
def test_only_the_owner_enrols_and_leaves(starred: Member, colleague: Member) -> None:
    with pytest.raises(NotAllowed):
        apply(colleague, shipped(CLUB))
    apply(starred, shipped(CLUB))
    before = enrolments()
    with pytest.raises(NotAllowed):
        enrolment_leave(member=colleague, programme=shipped(CLUB))
    assert enrolments() == before


def test_a_second_click_is_refused_and_what_is_over_is_not_a_first(
    starred: Member, clock: Any
) -> None:
    programme = programme_create(term={"months": 1})
    apply(starred, programme)
    assert refused(apply, starred, programme) == "already_enrolled"
    at(clock, "2022-09-10T23:59:59")
    assert refused(apply, starred, programme) == "already_enrolled"
    at(clock, "2022-09-11T00:00")
    assert state_of(starred.seller, programme.code) == EnrolmentState.EXPIRED
    assert apply(starred, programme).since == date(2022, 9, 11)
    with unscoped():
        first = Enrolment.objects.earliest("pk")
    assert (first.state, first.until) == (EnrolmentState.EXPIRED, date(2022, 9, 10))
    assert first.ended_at == platform_time.end_of(date(2022, 9, 10))


def test_every_enrolment_is_written_down(starred: Member) -> None:
    enrolment = apply(starred, shipped(CLUB))
    with unscoped():
        [event] = EnrolmentEvent.objects.all()
    assert (event.state, event.actor) == (ACTIVE, starred.user)
    row = LogEntry.objects.get(additional_data__action="enrolment.apply")
    assert (row.object_pk, row.actor) == (str(enrolment.pk), starred.user)


def test_a_programme_taken_off_the_page_takes_nobody(starred: Member) -> None:
    programme = programme_create()
    Programme.objects.update(published=False)
    assert refused(apply, starred, programme) == "window_closed"


# --- Leaving ------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
def test_the_guarantee_is_left_from_day_30_and_joined_again_after_30_days(
    owner: Member, clock: Any
) -> None:
    programme = shipped("guarantee_upgrade")
    at(clock, "2022-08-10T23:59:59")
    apply(owner, programme)
    at(clock, "2022-09-08T23:59:59")
    assert refused(enrolment_leave, member=owner, programme=programme) == "too_early"
    at(clock, "2022-09-09T00:00")
    assert enrolment_leave(member=owner, programme=programme).state == EnrolmentState.LEFT
    at(clock, "2022-10-09T23:59:59")
    assert refused(apply, owner, programme) == "cooling_down"
    at(clock, "2022-10-10T00:00")
    assert apply(owner, programme).state == ACTIVE
    spans = SellerFlag.objects.order_by("since").values_list("since", "until")
    assert list(spans) == [(date(2022, 8, 10), date(2022, 9, 8)), (date(2022, 10, 10), None)]


def test_what_lasts_to_its_end_cannot_be_left(owner: Member, clock: Any) -> None:
    programme = programme_create(exit={"allowed": False})
    assert refused(enrolment_leave, member=owner, programme=programme) == "not_enrolled"
    apply(owner, programme)
    assert refused(enrolment_leave, member=owner, programme=programme) == "cannot_leave"


def test_a_form_made_for_an_earlier_enrolment_leaves_nothing(owner: Member, clock: Any) -> None:
    programme = programme_create()
    stale = apply(owner, programme)
    enrolment_leave(member=owner, programme=programme, enrolment_id=stale.pk)
    apply(owner, programme)
    leave = {"member": owner, "programme": programme, "enrolment_id": stale.pk}
    assert refused(enrolment_leave, **leave) == "gone_on"


def test_an_application_is_taken_back_at_any_time_without_cooling_down(
    owner: Member, clock: Any
) -> None:
    programme = programme_create(
        routes=[{"review": True}], exit={"allowed": False, "from_day": 30, "cool_down_days": 30}
    )
    assert apply(owner, programme).state == APPLIED
    left = enrolment_leave(member=owner, programme=programme)
    assert (left.state, left.since, left.until) == (EnrolmentState.LEFT, None, None)
    assert apply(owner, programme).state == APPLIED


# --- Find-factory -------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize("city", ["Guangzhou City", "SHENZHEN", "广州", "深圳市"])
def test_factories_of_guangzhou_and_shenzhen_come_in_as_verified_sellers_only(
    owner: Member, shop: Seller, clock: Any, city: str
) -> None:
    programme = shipped("find_factory")
    change(shop, membership=Membership.BASIC, city=city)
    assert refused(apply, owner, programme, agreement=True) == "not_eligible"
    with seller_scope(shop):
        reading = programme_reading(shop, "find_factory")
    assert reading is not None
    assert "Not from Guangzhou or Shenzhen" in reading.why_not
    assert "Verified" not in reading.why_not, "the way in for its membership is told"
    change(shop, membership=Membership.VERIFIED)
    assert apply(owner, programme).route == "verified"


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("fitting", "taking_part"),
    [(None, None), ("0", 0), ("2", 2), ("3", 3), ("4", 3)],
)
def test_three_products_of_a_quality_trader_take_part(
    owner: Member, shop: Seller, clock: Any, fitting: str | None, taking_part: int | None
) -> None:
    if fitting is not None:
        numbers(shop, products_score_75=fitting)
    with seller_scope(shop):
        reading = programme_reading(shop, "quality_traders")
    assert reading is not None
    assert reading.products is not None
    assert reading.products.taking_part == taking_part


@pytest.mark.rule("GRO-18")
def test_a_factory_by_its_licence_ticks_the_agreement_it_was_shown(
    owner: Member, shop: Seller, clock: Any
) -> None:
    programme = shipped("find_factory")
    change(shop, membership=Membership.BASIC, city="Ningbo")
    assert refused(apply, owner, programme) == "agreement_needed"
    stale = {"agreement": True, "terms": "0" * 64}
    assert refused(apply, owner, programme, **stale) == "agreement_needed"
    digest = content_of(programme).agreement_digest
    enrolment = apply(owner, programme, agreement=True, terms=digest)
    assert (enrolment.state, enrolment.route, enrolment.agreement) == (ACTIVE, "licence", digest)
    change(shop, company_type=CompanyType.TRADER)
    enrolment_leave(member=owner, programme=programme)
    assert refused(apply, owner, programme, agreement=True) == "not_eligible"


# --- Places -------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
def test_places_go_to_the_first_and_come_back_from_who_leaves(
    category: Category, clock: Any
) -> None:
    programme = programme_create(places=2, routes=[{"review": True}])
    owners = [
        factories.member_create(factories.seller_create(category), Role.OWNER, f"owner-{number}")
        for number in range(4)
    ]
    for member in owners[:2]:
        apply(member, programme)
    assert refused(apply, owners[2], programme) == "full"
    enrolment_leave(member=owners[0], programme=programme)
    assert apply(owners[2], programme).state == APPLIED
    assert refused(apply, owners[3], programme) == "full"


@pytest.mark.rule("GRO-18")
def test_a_tool_coupon_is_there_once_for_an_owner_and_for_that_day(
    owner: Member, other_shop: Seller, clock: Any
) -> None:
    at(clock, "2022-11-24T09:00")
    programme = shipped("tool_offer_2022_11_daze")
    coupon = apply(owner, programme)
    assert len(coupon.voucher) == 19
    assert (coupon.since, coupon.until) == (date(2022, 11, 24), date(2022, 11, 24))
    second = Member.everywhere.create(seller=other_shop, user=owner.user, role=Role.OWNER)
    assert refused(apply, second, programme) == "already_enrolled"
    assert apply(second, shipped("tool_offer_2022_11_chaojifapin")).voucher != coupon.voucher
    stranger = factories.member_create(other_shop, Role.OWNER, "somebody-else")
    assert apply(stranger, programme).state == ACTIVE
    clock("2022-11-25T08:00:00+00:00")
    assert refused(apply, owner, programme) == "already_enrolled"


# --- Prerequisites ------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
def test_the_ranking_needs_the_main_venue_and_ends_with_it(owner: Member, clock: Any) -> None:
    at(clock, "2022-11-25T12:00")
    venue, ranking = shipped("december_2022"), shipped("december_2022_best_value")
    assert refused(apply, owner, ranking) == "not_eligible"
    apply(owner, venue)
    assert apply(owner, ranking).state == ACTIVE
    enrolment_leave(member=owner, programme=venue)
    ended = current(owner.seller, ranking.code)
    assert (ended.state, ended.reason_code) == (EnrolmentState.EXPIRED, "prerequisite_ended")
    assert ended.until == date(2022, 11, 24)


def test_being_enrolled_is_a_metric_and_a_field_of_audiences(owner: Member, clock: Any) -> None:
    programme = programme_create("made_up")
    apply(owner, programme)  # on August 3
    conditions = [
        [{"metric": "growth.enrolled.made_up", "op": "gte", "value": 1}],
        [{"field": "enrolled_in", "op": "eq", "value": "made_up"}],
    ]

    def hold() -> list[bool]:
        with unscoped():
            return [bool(found) for found in sellers_concerned(conditions, Seller.objects.all())]

    def counted(day: int) -> list[bool]:
        with unscoped():
            night(date(2022, 8, day), "metrics")
        return hold()

    clock.advance(days=2)
    assert counted(2) == [False, True]
    assert counted(3) == [True, True]
    enrolment_leave(member=owner, programme=programme)  # on August 5
    assert hold() == [True, False]
    clock.advance(days=2)
    assert counted(4) == [True, False], "it was in on that day, whatever came after"
    assert counted(5) == [False, False]
