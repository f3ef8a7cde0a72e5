"""Combined companies and the cards buyers see: pure functions, then the reading of a shop (GRO-16)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from growth.membership.affiliation import Tie, combined_by
from growth.membership.schema import AffiliationRules
from growth.membership.strength_schema import StrengthRules
from growth.membership.supplier_card import CardFacts, product_card, supplier_card
from growth.models import AffiliatedCompany
from growth.services.affiliates import affiliate_save
from portal import platform_time
from portal.choices import Membership
from portal.errors import InvalidInput, NotAllowed
from portal.models import Member, Seller, User
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from tests.growth.rights_world import (
    FREE,
    affiliate_create,
    choose,
    counted,
    numbers,
    strength,
    system,
)
from tests.portal.ingest_tools import counts, send, why

pytestmark = pytest.mark.rule("GRO-16")
CARD = "/api/v1/growth/supplier-card"


# --- Combined companies -------------------------------------------------------------------------


def affiliation(day: str) -> AffiliationRules:
    """The rules in force on a day."""
    rules: AffiliationRules = rulebook_for(
        "growth.membership.affiliation", platform_time.parse_day(day)
    ).content
    return rules


def tie(shares: str, concert: str | None = None, same: bool = False) -> Tie:
    """A tie of two companies; percentages as text."""
    return Tie(Decimal(shares), Decimal(concert) if concert else None, same)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("held", "before", "after"),
    [
        (tie("50"), "shares", "shares"),
        (tie("49.99"), None, None),
        (tie("100"), "shares", "shares"),
        (tie("49.99", "50.01"), None, "concert"),
        (tie("49.99", "50"), None, None),
        (tie("0.01", "50.01"), None, "concert"),
        (tie("0", "100"), None, None),
        (tie("0", same=True), None, "legal_person"),
        (tie("60", "60", same=True), "shares", "shares"),
        (tie("0"), None, None),
    ],
)
def test_until_august_2021_only_half_of_the_shares_combine_two_companies(
    held: Tie, before: str | None, after: str | None
) -> None:
    for day, way in (("2021-08-31", before), ("2021-09-01", after), ("2022-12-01", after)):
        rule = combined_by(affiliation(day), held)
        assert (rule.way if rule else None) == way, day


# --- Cards --------------------------------------------------------------------------------------

OFFLINE = {
    "ext.floor_area": 1200,
    "ext.qc_staff": 8,
    "ext.rd_staff": 5,
    "ext.patents": 5,
    "ext.employees": 90,
}
ONLINE = {
    "ext.response_hours": 3,
    "portal.on_time_dispatch_90d": 97,
    "portal.received_gmv_90d": 12500,
}


@pytest.fixture
def rules(db: None) -> StrengthRules:
    """The card in force."""
    content: StrengthRules = rulebook_for(
        "growth.strength", platform_time.parse_day("2022-08-03")
    ).content
    return content


def facts(**over: Any) -> CardFacts:
    """A verified shop that has every number and one certificate."""
    values = {key: Decimal(value) for key, value in (ONLINE | OFFLINE).items()}
    for key in over.pop("without", ()):
        del values[key]
    fields = {"verified": True, "numbers": values, "certificates": ["ISO 9001"], **over}
    return CardFacts(**fields)


def offline(found: CardFacts, rules: StrengthRules) -> list[str]:
    """Keys of the offline data that have a place."""
    return [number.entry.key for number in product_card(found, rules).offline]


def test_three_offline_places_go_by_priority(rules: StrengthRules) -> None:
    assert offline(facts(), rules) == ["floor_area", "certificates", "qc_staff"]
    card = product_card(facts(), rules)
    assert [number.entry.key for number in card.waiting] == ["rd_staff", "patents", "employees"]
    assert [number.entry.key for number in card.online] == ["response_time", "on_time_rate", "gmv"]


@pytest.mark.parametrize(
    ("without", "places"),
    [
        (["ext.floor_area"], ["certificates", "qc_staff", "rd_staff"]),
        (["ext.floor_area", "ext.qc_staff"], ["certificates", "rd_staff", "patents"]),
        (
            ["ext.floor_area", "ext.qc_staff", "ext.rd_staff"],
            ["certificates", "patents", "employees"],
        ),
        (
            ["ext.floor_area", "ext.qc_staff", "ext.patents"],
            ["certificates", "rd_staff", "employees"],
        ),
        (list(OFFLINE), ["certificates"]),
    ],
)
def test_what_a_shop_lacks_leaves_its_place_to_the_next(
    rules: StrengthRules, without: list[str], places: list[str]
) -> None:
    assert offline(facts(without=without), rules) == places


def test_research_staff_comes_before_patents_of_the_same_rank(rules: StrengthRules) -> None:
    ranks = {entry.key: entry.rank for entry in rules.offline}
    assert ranks["rd_staff"] == ranks["patents"] < ranks["employees"]
    found = facts(without=["ext.floor_area"])
    assert offline(found, rules)[-1] == "rd_staff"


def test_nothing_and_none_take_no_place(rules: StrengthRules) -> None:
    found = facts(
        numbers={"ext.floor_area": Decimal(0), "ext.patents": Decimal(1)}, certificates=[]
    )
    assert offline(found, rules) == ["patents"]


def test_online_data_never_leave_their_places_to_offline_ones(rules: StrengthRules) -> None:
    card = product_card(facts(without=list(ONLINE)), rules)
    assert (len(card.online), len(card.offline)) == (0, 3)


def test_basic_sellers_have_online_data_alone(rules: StrengthRules) -> None:
    found = facts(verified=False, labels=rules.labels[:2])
    card = product_card(found, rules)
    assert (len(card.online), card.offline, card.labels) == (3, (), ())
    assert supplier_card(found).is_empty


def test_a_combined_company_adds_up_area_and_staff_and_no_patents(rules: StrengthRules) -> None:
    partner = {key: Decimal(100) for key in OFFLINE}
    found = facts(without=["ext.floor_area"], partner=partner)
    card = product_card(found, rules)
    values = {number.entry.key: number.value for number in (*card.offline, *card.waiting)}
    assert values == {
        "floor_area": 100, "certificates": 1, "qc_staff": 108, "rd_staff": 105, "patents": 5,
        "employees": 190,
    }  # fmt: skip


AMOUNTS = st.dictionaries(st.sampled_from(sorted(OFFLINE)), st.decimals(0, 10**6, places=2))


@given(numbers=AMOUNTS, partner=AMOUNTS, certificates=st.integers(0, 4), verified=st.booleans())
def test_no_more_than_three_offline_data_ever_show_the_highest_first(
    numbers: dict, partner: dict, certificates: int, verified: bool
) -> None:
    entries = [
        {"key": key.removeprefix("ext."), "title_en": key, "title_zh": key, "unit": "count",
         "metric": key, "rank": rank, "summed": rank < 3}
        for rank, key in enumerate(OFFLINE, start=1)
    ]  # fmt: skip
    labels = [{"key": key, "category": "design", "title_en": key, "title_zh": key} for key in "ab"]
    content = {"offline_places": 3, "online": [entries[0] | {"key": "on"}], "offline": entries}
    rules = StrengthRules.model_validate({**content, "labels": labels})
    found = CardFacts(verified, numbers, partner, ["x"] * certificates)
    card = product_card(found, rules)
    assert len(card.offline) <= (3 if verified else 0)
    shown = [*card.offline, *card.waiting]
    assert all(number.value > 0 for number in shown)
    assert all(one.entry.rank <= other.entry.rank for one, other in pairwise(shown))


# --- One shop -----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_api_shows_both_cards(
    shop: Seller, owner: Member, owner_api: APIClient, clock: Any
) -> None:
    counted(shop, ONLINE | OFFLINE)
    system(shop, "BSCI")
    system(shop, "ISO 9001", valid_until=platform_time.now())
    affiliate_create(shop, shares="49.99", same_legal_person=True, floor_area=300, qc_staff=2)
    choose(owner, *FREE)
    answer = owner_api.get(CARD).json()
    assert answer["as_of"] == "2022-08-01"
    assert answer["affiliate"] == {"company": "Works Ltd", "combined_by": "legal_person"}
    supplier = answer["supplier_card"]
    assert [one["name"] for one in supplier["certificates"]] == ["BSCI"], "the other one is over"
    assert [one["key"] for one in supplier["labels"]] == FREE
    places = {
        (one["place"], one["kind"], one["key"]): one["value"]
        for one in answer["product_card"]["places"]
    }
    assert places == {
        (1, "online", "response_time"): "3",
        (2, "online", "on_time_rate"): "97",
        (3, "online", "gmv"): "12500",
        (4, "offline", "floor_area"): "1500",
        (5, "offline", "certificates"): "1",
        (6, "offline", "qc_staff"): "10",
    }
    assert [one["key"] for one in answer["product_card"]["labels"]] == FREE


@pytest.mark.django_db
def test_the_rules_of_the_day_say_whether_both_companies_count(shop: Seller, clock: Any) -> None:
    affiliate_create(shop, shares=10, same_legal_person=True, floor_area=300)
    for instant, area in (("2021-08-31T23:59:59-07:00", None), ("2021-09-01T00:00:00-07:00", 300)):
        clock(instant)
        found = {number.entry.key: number.value for number in strength(shop).product_card.offline}
        assert found.get("floor_area") == area


@pytest.mark.django_db
def test_a_basic_seller_has_no_supplier_card(
    shop: Seller, owner: Member, owner_api: APIClient, clock: Any
) -> None:
    numbers(shop, floor_area=1200, response_hours="2.5")
    system(shop)
    choose(owner, *FREE)
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC)
    answer = owner_api.get(CARD).json()
    assert answer["supplier_card"] == {"certificates": [], "labels": []}
    shown = [(one["key"], one["value"]) for one in answer["product_card"]["places"]]
    assert shown == [("response_time", "2.5"), ("gmv", "0")]
    assert answer["product_card"]["labels"] == []


@pytest.mark.django_db
def test_before_the_first_night_the_page_says_so(owner_client: Client, clock: Any) -> None:
    page = owner_client.get("/growth/supplier-card/").content.decode()
    assert "First figures are on their way" in page
    assert "No figures yet: Response time" in page


@pytest.mark.django_db
def test_the_page_shows_what_found_no_place_and_how_a_sum_came_about(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    counted(shop, ONLINE | OFFLINE)
    affiliate_create(shop, floor_area=300, shares=50)
    page = owner_client.get("/growth/supplier-card/").content.decode()
    assert "1,500 m²" in page
    assert "1,200 of your company and 300 of the affiliated one" in page
    assert page.count("No place left") == 2
    assert "Combined company" in page
    with unscoped():
        AffiliatedCompany.objects.update(shares="49.99")
    page = owner_client.get("/growth/supplier-card/").content.decode()
    assert "Not combined" in page
    assert "1,500 m²" not in page


@pytest.mark.django_db
def test_the_card_takes_a_constant_number_of_queries(
    shop: Seller, owner: Member, owner_client: Client, clock: Any
) -> None:
    owner_client.get("/growth/supplier-card/")
    with CaptureQueriesContext(connection) as few:
        owner_client.get("/growth/supplier-card/")
    counted(shop, ONLINE | OFFLINE)
    for number in range(4):
        system(shop, f"ISO {number}")
    affiliate_create(shop)
    choose(owner, *FREE)
    owner_client.get("/growth/supplier-card/")
    with CaptureQueriesContext(connection) as many:
        owner_client.get("/growth/supplier-card/")
    # The numbers of the night, and what judges the second company.
    assert len(many) <= len(few) + 2
    assert len(many) < 25


# --- Second companies ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_staff_keep_the_second_company_and_its_history(shop: Seller, staff: User) -> None:
    values = {"name": "Works Ltd", "shares": Decimal("49.99"), "floor_area": 300}
    company = affiliate_save(actor=staff, seller=shop, values=values)
    again = affiliate_save(actor=staff, seller=shop, values={"shares": Decimal(50)})
    assert (again.pk, again.name, again.shares, again.floor_area) == (
        company.pk,
        "Works Ltd",
        50,
        300,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "", "shares": 50}, "name"),
        ({"name": "Works", "shares": Decimal("100.01")}, "shares"),
        ({"name": "Works", "shares": Decimal("-0.01")}, "shares"),
        ({"name": "Works", "shares": Decimal("49.999")}, "shares"),
        ({"name": "Works", "concert_shares": Decimal(101)}, "concert_shares"),
        ({"name": "Works", "employees": -1}, "employees"),
    ],
)
def test_a_company_that_cannot_be_is_refused(
    shop: Seller, staff: User, values: dict, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        affiliate_save(actor=staff, seller=shop, values=values)
    assert [name for name, _text in refused.value.fields] == [field]
    with unscoped():
        assert not AffiliatedCompany.objects.exists()


@pytest.mark.django_db
def test_people_of_shops_do_not_write_their_second_company(shop: Seller, owner: Member) -> None:
    with pytest.raises(NotAllowed):
        affiliate_save(actor=owner.user, seller=shop, values={"name": "Mine", "shares": 100})
    with unscoped():
        assert not AffiliatedCompany.objects.exists()


@pytest.mark.django_db
@pytest.mark.both_databases
def test_upstream_reports_second_companies(shop: Seller, other_shop: Seller) -> None:
    rows = [
        {"seller": shop.member_id, "name": "Works Ltd", "shares": "49.99", "floor_area": 300},
        {"seller": other_shop.member_id, "name": "Too much Ltd", "shares": "100.01"},
    ]
    first = send("affiliates", *rows)
    assert (counts(first), why(first)) == ((1, 0, 0, 1), [(2, "shares")])
    assert counts(send("affiliates", rows[0])) == (0, 0, 1, 0)
    with unscoped():
        company = AffiliatedCompany.objects.get()
    assert (company.seller_id, company.shares, company.concert_shares) == (
        shop.pk, Decimal("49.99"), None,
    )  # fmt: skip


@pytest.mark.django_db
def test_a_certificate_leaves_the_card_at_its_instant(shop: Seller, clock: Any) -> None:
    ends = platform_time.now() + timedelta(hours=1)
    system(shop, "BSCI", valid_until=ends)
    clock((ends - timedelta(seconds=1)).isoformat())
    assert strength(shop).supplier_card.certificates == ("BSCI",)
    clock(ends.isoformat())
    assert strength(shop).supplier_card.certificates == ()
