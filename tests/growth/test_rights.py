"""The rights of a membership as a shop sees them: page and API (GRO-15)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from growth.choices import EnrolmentState, RewardStatus
from growth.membership.reading import membership_years, rights_of, rights_rules
from growth.models import Enrolment, PackReward, Programme, RewardGrant
from growth.tasks.reading import page_url
from portal import platform_time
from portal.choices import CompanyType, Membership, SellerStatus
from portal.models import Member, Seller, ShowcaseUse
from portal.scoping import unscoped
from rfq.services.rights import right_spend, rights_refund
from tests.growth.pack_world import claim_create, pack_create
from tests.growth.rights_world import FREE, affiliate_create, choose, counted, numbers, system
from tests.rfq.world import lot_create, quote_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-15"), pytest.mark.usefixtures("clock")]

API = "/api/v1/growth/rights"
PAGE = "/growth/rights/"


def basic(shop: Seller) -> None:
    """Make the shop a basic seller."""
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC)


def right(client: APIClient, key: str) -> dict[str, Any]:
    """One right as the API tells it."""
    [found] = [one for one in client.get(API).json()["rights"] if one["key"] == key]
    return dict(found)


# --- What there is ------------------------------------------------------------------------------


def test_every_right_is_in_both_languages_and_leads_to_a_page() -> None:
    rules = rights_rules(platform_time.today())
    assert rules
    assert len(rules.rights) > 24, "dozens of rights"
    for one in rules.rights:
        assert all((one.title_zh, one.text_zh)), one.key
        assert bool(one.action_en) == bool(one.action_zh), one.key
        assert not one.basic or all((one.basic_en, one.basic_zh, one.verified_zh)), one.key
        assert not one.page or page_url(one.page), one.page
        if one.counted_by == "programme":
            assert Programme.objects.filter(code=one.subject, published=True).exists(), one.subject


def test_a_verified_seller_has_everything_for_its_type(shop: Seller, owner_api: APIClient) -> None:
    answer = owner_api.get(API).json()
    assert answer["locked"] == 0
    assert answer["used"] + answer["unused"] == len(answer["rights"])
    keys = {one["key"] for one in answer["rights"]}
    assert "find_factory" in keys
    assert "quality_traders" not in keys, "for traders"
    Seller.objects.filter(pk=shop.pk).update(company_type=CompanyType.TRADER)
    keys = {one["key"] for one in owner_api.get(API).json()["rights"]}
    assert ("find_factory" in keys, "quality_traders" in keys) == (False, True)


def test_a_basic_seller_sees_verified_rights_locked_with_the_difference(
    shop: Seller, owner_api: APIClient, owner_client: Client
) -> None:
    lot_create(seller=shop, kind="gold", amount=7)
    basic(shop)
    gold = right(owner_api, "gold_rfq")
    assert (gold["state"], gold["left"], gold["note"]) == ("locked", None, "")
    assert right(owner_api, "quote_rights")["state"] == "unused"
    answer = owner_api.get(API).json()
    locked = [one["key"] for one in answer["rights"] if one["state"] == "locked"]
    assert answer["locked"] == len(locked) > 10
    page = owner_client.get(PAGE).content.decode()
    assert "What Verified Suppliers get more" in page
    assert "Become a Verified Supplier" in page
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.VERIFIED)
    page = owner_client.get(PAGE).content.decode()
    assert "What Verified Suppliers get more" not in page
    assert "Become a Verified Supplier" not in page


@pytest.mark.parametrize(
    ("day", "there"), [("2022-07-31", False), ("2022-08-01", True)], ids=["before", "since"]
)
def test_a_right_is_there_from_its_first_day(
    owner_api: APIClient, clock: Any, day: str, there: bool
) -> None:
    clock.noon(platform_time.parse_day(day))
    assert ("pin" in {one["key"] for one in owner_api.get(API).json()["rights"]}) is there


def test_before_the_first_list_the_page_says_so(owner_client: Client, clock: Any) -> None:
    clock.noon(date(2020, 12, 31))
    assert "No rights are listed yet" in owner_client.get(PAGE).content.decode()


# --- What is left -------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_balances_are_real_and_used_means_used_this_month(
    shop: Seller, other_shop: Seller, owner_api: APIClient, clock: Any
) -> None:
    assert right(owner_api, "gold_rfq")["note"] == "None left"
    ends = platform_time.now() + timedelta(days=14)
    lot_create(seller=shop, kind="gold", amount=7, expires_at=ends)
    lot_create(seller=other_shop, kind="gold", amount=90)
    gold = right(owner_api, "gold_rfq")
    assert (gold["state"], gold["left"], gold["note"]) == ("unused", 7, "7 left")
    quote = quote_create(seller=shop)
    right_spend(seller=shop, kind="gold", key="use", quote=quote)
    gold = right(owner_api, "gold_rfq")
    assert (gold["state"], gold["left"]) == ("used", 6)
    rights_refund(quotes=[quote], reason_key="spam")
    gold = right(owner_api, "gold_rfq")
    assert (gold["state"], gold["left"]) == ("unused", 7), "what was given back was not used"
    right_spend(seller=shop, kind="gold", key="again", quote=quote_create(seller=shop))
    clock("2022-08-31T23:59:59-07:00")
    assert right(owner_api, "gold_rfq")["state"] == "used"
    clock("2022-09-01T00:00:00-07:00")
    assert right(owner_api, "gold_rfq")["state"] == "unused"


def test_an_unlimited_right_is_told_from_none(shop: Seller, owner_api: APIClient) -> None:
    lot_create(seller=shop, kind="quote", amount=None, expires_at=None)
    found = right(owner_api, "quote_rights")
    assert (found["left"], found["unlimited"], found["note"]) == (None, True, "Unlimited")


@pytest.mark.parametrize(("seconds", "soon"), [(0, True), (1, False)])
def test_a_right_expires_soon_from_fourteen_days_before(
    shop: Seller, owner_api: APIClient, owner_client: Client, seconds: int, soon: bool
) -> None:
    ends = platform_time.now() + timedelta(days=14, seconds=seconds)
    lot_create(seller=shop, kind="fast_lane", amount=2, expires_at=ends)
    assert right(owner_api, "fast_lane")["expires_soon"] is soon
    with unscoped():
        first = [one.right.key for one in rights_of(shop).first]
    assert first == [
        *(["fast_lane"] if soon else []), "showcase", "gold_rfq", "data_adviser", "million_dollar_club"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "used", "note"),
    [
        (date(2022, 8, 3), 33, "67 of 100 slots free"),
        (date(2022, 7, 5), 33, "67 of 100 slots free"),
        (date(2022, 7, 4), 33, "No figures yet"),
        (date(2022, 8, 4), 33, "No figures yet"),
        (date(2022, 8, 1), 0, "100 of 100 slots free"),
    ],
)
def test_showcase_slots_are_those_of_the_newest_day(
    shop: Seller, owner_api: APIClient, day: date, used: int, note: str
) -> None:
    with unscoped():
        ShowcaseUse.objects.create(seller=shop, day=day, slots=100, used=used)
    found = right(owner_api, "showcase")
    assert found["note"] == note
    assert found["state"] == ("used" if used and "free" in note else "unused")


@pytest.mark.parametrize(
    ("state", "used", "note"),
    [
        (EnrolmentState.ACTIVE, "used", "Enrolled through Aug 10, 2022"),
        (EnrolmentState.IN_REVIEW, "unused", "In review"),
        (EnrolmentState.REMOVED, "unused", "Not enrolled"),
        (EnrolmentState.EXPIRED, "unused", "Not enrolled"),
    ],
    ids=str,
)
def test_a_programme_is_used_by_whom_it_has(
    shop: Seller,
    other_shop: Seller,
    owner_api: APIClient,
    owner_client: Client,
    state: str,
    used: str,
    note: str,
) -> None:
    rules = rights_rules(platform_time.today())
    assert rules
    [club] = [one for one in rules.rights if one.key == "million_dollar_club"]
    programme = Programme.objects.get(code=club.subject)
    fields = {"programme": programme, "state": state, "applied_at": platform_time.now()}
    with unscoped():
        Enrolment.objects.create(seller=shop, until=date(2022, 8, 10), **fields)
        Enrolment.objects.create(
            seller=other_shop, programme=programme, state=EnrolmentState.ACTIVE,
            applied_at=platform_time.now(),
        )  # fmt: skip
    found = right(owner_api, "million_dollar_club")
    assert (found["state"], found["note"]) == (used, note)
    assert found["expires_soon"] is (used == "used")
    assert found["url"] == "/growth/programmes/million_dollar_club/"
    button = f'href="{found["url"]}">{"Enrol" if note == "Not enrolled" else "View"}<'
    assert button in owner_client.get(PAGE).content.decode()


def test_an_enrolment_that_is_over_is_no_use_before_the_night_says_so(
    shop: Seller, owner_api: APIClient, clock: Any
) -> None:
    with unscoped():
        Enrolment.objects.create(
            programme=Programme.objects.get(code="million_dollar_club"), seller=shop,
            state=EnrolmentState.ACTIVE, applied_at=platform_time.now(), until=date(2022, 8, 3),
        )  # fmt: skip
    clock("2022-08-03T23:59:59-07:00")
    assert right(owner_api, "million_dollar_club")["state"] == "used"
    clock("2022-08-04T00:00:00-07:00")
    assert right(owner_api, "million_dollar_club")["state"] == "unused"


@pytest.mark.both_databases
def test_coupons_of_task_packs_are_counted_while_they_can_be_used(
    shop: Seller, owner_api: APIClient
) -> None:
    assert right(owner_api, "tool_coupons")["note"] == "None yet"
    pack = pack_create()
    claim = claim_create(shop, pack)
    now = platform_time.now()
    kinds = ["tool_coupon"] * 4 + ["showcase_slots"]
    with unscoped():
        rewards = [
            PackReward.objects.create(pack=pack, key=f"r{number}", kind=kind, title_en="Tool")
            for number, kind in enumerate(kinds)
        ]
        ends = [now + timedelta(days=20), now + timedelta(days=9), now, now + timedelta(days=30)]
        for reward, until in zip(rewards, ends, strict=False):
            RewardGrant.objects.create(
                claim=claim, reward=reward, seller=shop, granted_at=now, usable_until=until,
                status=RewardStatus.USED if reward is rewards[3] else RewardStatus.GRANTED,
            )  # fmt: skip
        RewardGrant.objects.create(
            claim=claim, reward=rewards[4], seller=shop, granted_at=now, usable_until=now,
            status=RewardStatus.USED, valid_until=now + timedelta(days=3),
        )  # fmt: skip
    found = right(owner_api, "tool_coupons")
    assert (found["left"], found["state"], found["expires_soon"]) == (2, "used", True)
    assert datetime.fromisoformat(found["ends_at"]).astimezone(UTC) == ends[1]


def test_certificates_labels_and_numbers_count(
    shop: Seller, owner: Member, owner_api: APIClient
) -> None:
    keys = ("management_system", "strength_labels", "industry_capability", "certified_products")
    assert [right(owner_api, key)["state"] for key in keys] == ["unused"] * 4
    system(shop, valid_until=platform_time.now() + timedelta(days=14))
    system(shop, "BSCI", valid_until=platform_time.now())
    choose(owner, *FREE)
    counted(shop, {"ext.industry_capability_certified": 1, "compliance.linked_products": 41})
    found = {key: right(owner_api, key) for key in keys}
    assert {one["state"] for one in found.values()} == {"used"}
    assert [one["note"] for one in found.values()] == ["1 verified", "2 of 2 shown", "Set up", "41"]
    assert found["management_system"]["expires_soon"]


@pytest.mark.parametrize(("value", "state"), [("0.99", "unused"), (1, "used")])
def test_a_number_makes_use_of_a_right_from_its_target(
    shop: Seller, owner_api: APIClient, value: Any, state: str
) -> None:
    numbers(shop, data_adviser_used=value)
    assert right(owner_api, "data_adviser")["state"] == state


# --- Identity -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened_on", "day", "years"),
    [
        (None, date(2022, 8, 3), None),
        (date(2022, 8, 4), date(2022, 8, 3), None),
        (date(2022, 8, 3), date(2022, 8, 3), 1),
        (date(2021, 8, 4), date(2022, 8, 3), 1),
        (date(2021, 8, 3), date(2022, 8, 3), 2),
        (date(2020, 2, 29), date(2021, 2, 28), 1),
        (date(2020, 2, 29), date(2021, 3, 1), 2),
    ],
)
def test_years_are_running_years_since_the_opening(
    opened_on: date | None, day: date, years: int | None
) -> None:
    assert membership_years(opened_on, day) == years


def test_the_identity_says_who_the_shop_is(
    shop: Seller, owner_api: APIClient, owner_client: Client
) -> None:
    affiliate_create(shop, shares=50)
    Seller.objects.filter(pk=shop.pk).update(
        opened_on=date(2020, 8, 3), service_ends_on=date(2022, 8, 20)
    )
    answer = owner_api.get(API).json()
    assert answer["identity"] == {
        "member_id": "cn1001",
        "name": "Suzhou E-Bike Kits Ltd",
        "membership": "verified",
        "company_type": "manufacturer",
        "industry": "sports",
        "service_ends_on": "2022-08-20",
    }
    assert (answer["years"], answer["combined_by"]) == (3, "shares")
    page = owner_client.get(PAGE).content.decode()
    assert "3 years" in page
    assert "combined with Works Ltd" in page


# --- Page ---------------------------------------------------------------------------------------


def test_the_page_keeps_the_rights_of_one_state(shop: Seller, owner_client: Client) -> None:
    lot_create(seller=shop, kind="fast_lane", amount=2)
    everything = owner_client.get(PAGE).content.decode()
    assert everything.count("Fast lane") > 1
    used = owner_client.get(PAGE, {"state": "used"}).content.decode()
    assert "Verified badge" in used
    assert "Fast lane" not in used
    assert owner_client.get(PAGE, {"state": "nonsense"}).content.decode().count("Fast lane") > 1


def test_the_page_takes_a_constant_number_of_queries(
    shop: Seller, owner: Member, owner_client: Client
) -> None:
    owner_client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        owner_client.get(PAGE)
    counted(shop, {"ext.data_adviser_used": 1})
    for kind in ("quote", "gold", "fast_lane", "pin"):
        lot_create(seller=shop, kind=kind, amount=5)
    for number in range(3):
        system(shop, f"ISO {number}")
    choose(owner, *FREE)
    owner_client.get(PAGE)
    with CaptureQueriesContext(connection) as many:
        owner_client.get(PAGE)
    # The numbers of the night, read for the labels and for the rights.
    assert len(many) <= len(few) + 2
    assert len(many) < 40


def test_people_of_a_closed_shop_have_no_rights_page(
    shop: Seller, owner_client: Client, owner_api: APIClient
) -> None:
    Seller.objects.filter(pk=shop.pk).update(status=SellerStatus.CLOSED)
    assert owner_client.get(PAGE).status_code == 302
    assert owner_api.get(API).status_code == 403


def test_a_viewer_reads_the_rights(shop: Seller, viewer_client: Client) -> None:
    basic(shop)
    page = viewer_client.get(PAGE).content.decode()
    assert "The owner of the shop can ask" in page
    assert 'href="/growth/rights/upgrade/"' not in page
