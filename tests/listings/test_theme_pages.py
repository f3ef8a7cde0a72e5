"""The theme browser, a theme's page and the benefits, as sellers see them (LST-5, LST-6, LST-9)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from listings.themes.benefits import benefits_for
from portal.models import Seller, SellerFlag
from portal.scoping import seller_scope
from tests.listings.theme_world import (
    ASKS,
    days_publish,
    match_make,
    product_feed,
    theme_make,
)

pytestmark = pytest.mark.django_db

DAY = date(2022, 8, 1)


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None:
    """2022-08-03: the newest day there can be is 2022-08-01."""


def titles(response: Any) -> list[str]:
    return [card.theme.theme_id for card in response.context["page_obj"].object_list]


# --- Browser ------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("LST-5")
def test_own_categories_come_first_then_the_gain(shop: Seller, owner_client: Client) -> None:
    theme_make("far-high", category="helmets", traffic_gain=900)
    theme_make("own-low", category="e-bike-kits", traffic_gain=10)
    theme_make("own-none", category="sports")
    theme_make("sold-here", category="home", traffic_gain=500)
    theme_make("far-low", category="helmets", traffic_gain=5)
    product_feed(shop, "flask", category="vacuum-flasks", attributes={})
    response = owner_client.get("/listings/themes/")
    assert titles(response) == ["sold-here", "own-low", "own-none", "far-high", "far-low"]
    assert [card.theme.own for card in response.context["page_obj"].object_list] == [1, 1, 1, 0, 0]


@pytest.mark.rule("LST-5")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"kits", "helmets", "sports", "flasks"}),
        ("category=bicycles", {"kits", "helmets"}),
        ("category=e-bike-kits", {"kits"}),
        ("country=MY", {"kits"}),
        ("country=us", {"helmets"}),
        ("kind=customization", {"helmets"}),
        ("rts=1", {"kits"}),
        ("national=1", {"kits", "helmets"}),
        ("national=0", {"sports", "flasks"}),
        ("q=WINTER", {"flasks"}),
        ("q=保温", {"flasks"}),
        ("q=kits", {"kits"}),
        ("category=bicycles&national=1&rts=1", {"kits"}),
        ("category=helmets&rts=1", set()),
    ],
)
def test_filters_narrow_the_list(owner_client: Client, query: str, expected: set[str]) -> None:
    theme_make("kits", kind="rts", countries=["ID", "MY"], title_en="Hub motors")
    theme_make(
        "helmets", category="helmets", kind="customization", countries=["US"], title_en="Hats"
    )
    theme_make("sports", category="sports", title_en="Anything")
    theme_make("flasks", category="vacuum-flasks", title_en="Winter flasks", title_zh="冬季保温杯")
    theme_make("ended", starts_on="2022-06-01", ends_on="2022-08-02")
    theme_make("tomorrow", starts_on="2022-08-04")
    response = owner_client.get(f"/listings/themes/?{query}")
    assert set(titles(response)) == expected
    assert response.context["page_obj"].paginator.count == len(expected)


@pytest.mark.rule("LST-5")
@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("traffic", ["a", "b", "c"]),
        ("conversion", ["b", "a", "c"]),
        ("trade", ["b", "a", "c"]),
        ("newest", ["c", "b", "a"]),
    ],
)
def test_it_sorts_by_what_was_asked_and_unknown_gains_come_last(
    owner_client: Client, ordering: str, expected: list[str]
) -> None:
    theme_make("a", traffic_gain=900, conversion_gain=1, trade_gain=-5, starts_on="2022-06-01")
    theme_make("b", traffic_gain=120, conversion_gain=2, trade_gain=0, starts_on="2022-06-02")
    theme_make("c", starts_on="2022-06-03")
    assert titles(owner_client.get(f"/listings/themes/?ordering={ordering}")) == expected


@pytest.mark.both_databases
@pytest.mark.rule("LST-5")
def test_matched_and_similar_are_the_shop_s_own(
    shop: Seller, other_shop: Seller, owner_client: Client, stranger_client: Client
) -> None:
    theme = theme_make("wide", category="bicycles")
    days_publish(DAY)
    kit = product_feed(shop, "kit")
    match_make(kit, theme, DAY)
    match_make(product_feed(shop, "left"), theme, date(2022, 7, 1), date(2022, 7, 31))
    product_feed(shop, "helmet", category="helmets", attributes={})
    product_feed(shop, "flask", category="vacuum-flasks", attributes={})
    match_make(product_feed(other_shop, "theirs"), theme, DAY)
    moved = product_feed(shop, "moved")
    match_make(moved, theme, DAY)
    product_feed(
        shop, "moved", at="2022-08-03T10:00:00-07:00", category="vacuum-flasks", attributes={}
    )
    counts = owner_client.get("/listings/themes/").context["page_obj"].object_list[0].counts
    # "moved" matched as of the day, and is in another category now: it is not among the similar.
    assert (counts.matched, counts.similar) == (2, 2)
    theirs = stranger_client.get("/listings/themes/").context["page_obj"].object_list[0].counts
    assert (theirs.matched, theirs.similar) == (1, 0)


@pytest.mark.both_databases
@pytest.mark.rule("LST-5")
def test_the_browser_asks_the_same_number_of_queries_for_5_and_200_themes(
    shop: Seller, owner_client: Client
) -> None:
    days_publish(DAY)
    product = product_feed(shop, "kit")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_client.get("/listings/themes/?page=1").status_code == 200
        return len(captured)

    for number in range(5):
        match_make(product, theme_make(f"t{number}", attributes={"voltage": ["36V"]}), DAY)
    few = queries()
    for number in range(5, 200):
        theme_make(f"t{number}", attributes={"voltage": ["48V"]}, countries=["US", "DE"])
    assert queries() == few
    assert few <= 25


@pytest.mark.rule("LST-5")
def test_it_says_why_a_category_has_no_themes(owner_client: Client) -> None:
    theme_make("helmets", category="helmets", countries=["US"])
    text = owner_client.get("/listings/themes/?category=e-bike-kits").content.decode()
    assert "operators judge that nothing is lacking here" in text
    text = owner_client.get("/listings/themes/?category=helmets&country=DE").content.decode()
    assert "No theme fits all of these filters" in text
    assert "nothing is lacking" not in text


@pytest.mark.rule("LST-5")
def test_a_category_can_be_found_by_its_name(owner_client: Client) -> None:
    theme_make("helmets", category="helmets")
    response = owner_client.get("/listings/themes/?category=头盔")
    assert [one.code for one in response.context["category_choices"]] == ["helmets"]
    assert "category=helmets" in response.content.decode()
    assert not response.context["query"].errors


@pytest.mark.parametrize(
    "query",
    ["category=%00", "country=Mars", "kind=x", "national=maybe", "ordering=sideways", "page=x"],
)
def test_nonsense_in_the_address_is_answered_with_a_page(owner_client: Client, query: str) -> None:
    theme_make("one")
    response = owner_client.get(f"/listings/themes/?{query}")
    assert response.status_code == 200
    assert titles(response) == ["one"]


# --- One theme ----------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("LST-6")
def test_a_theme_shows_what_it_asks_what_fails_and_what_matches(
    shop: Seller, owner_client: Client, viewer_client: Client, stranger_client: Client
) -> None:
    theme = theme_make("121323", **{**ASKS, "reason_en": "DIY riders", "ends_on": "2022-08-31"})
    days_publish(DAY)
    match_make(product_feed(shop, "good", title="Good hub motor"), theme, DAY)
    product_feed(shop, "dear", title="Dear hub motor", price_max="2600")
    text = owner_client.get("/listings/themes/121323/").content.decode()
    for expected in (
        "48V",
        "52V",
        "Indonesia",
        "Malaysia",
        "US$1,200.00",
        "DIY riders",
        "Aug 31, 2022",
    ):
        assert expected in text
    assert "The highest price, 2,600.00 USD, is outside" in text
    assert "/listings/products/new/?theme=121323" in text
    assert "similar=dear&amp;theme=121323" in text
    assert text.index("Dear hub motor") < text.index("Good hub motor")
    reader = viewer_client.get("/listings/themes/121323/").content.decode()
    assert "Dear hub motor" in reader
    assert "products/new" not in reader
    theirs = stranger_client.get("/listings/themes/121323/").content.decode()
    assert "hub motor" in theirs
    assert "Dear" not in theirs
    assert "Good" not in theirs


@pytest.mark.rule("LST-6")
def test_a_product_that_meets_everything_now_is_told_to_wait(
    shop: Seller, owner_client: Client
) -> None:
    theme_make("kits", **ASKS)
    product_feed(shop, "fixed-today")
    text = owner_client.get("/listings/themes/kits/").content.decode()
    assert "Meets everything now: it counts within 48 hours." in text


@pytest.mark.both_databases
@pytest.mark.parametrize("theme_id", ["nosuch", "%00", "%F0%9F%98%80", "%0A"])
def test_a_theme_that_does_not_exist_is_404(owner_client: Client, theme_id: str) -> None:
    assert owner_client.get(f"/listings/themes/{theme_id}/").status_code == 404


@pytest.mark.parametrize(
    "path", ["themes/", "themes/x/", "matches/", "matches/history/", "benefits/"]
)
def test_pages_need_somebody_signed_in(client: Client, path: str) -> None:
    theme_make("x")
    response = client.get(f"/listings/{path}")
    assert response.status_code == 302
    assert "/accounts/login/" in response["Location"]


# --- Benefits -----------------------------------------------------------------------------------


@pytest.mark.rule("LST-9")
@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("theme_search", date(2021, 7, 1), None),
        ("just_for_you", date(2021, 7, 1), None),
        ("trend_scene", date(2021, 7, 1), None),
        ("national_floor", date(2021, 9, 1), None),
        ("september_promotion", date(2021, 9, 1), date(2021, 9, 30)),
        ("national_just_for_you", date(2021, 9, 30), None),
        ("national_theme_search", date(2021, 10, 31), None),
    ],
)
def test_a_benefit_is_live_from_its_first_day_through_its_last(
    shop: Seller, key: str, first: date, last: date | None
) -> None:
    def state(day: date) -> str | None:
        with seller_scope(shop):
            table = benefits_for(shop, day)
        return {row.benefit.key: row.state for row in table.rows}[key] if table else None

    before = date.fromordinal(first.toordinal() - 1)
    assert state(before) in (None, "upcoming")
    assert state(first) == "live"
    if last is None:
        assert state(date(2023, 1, 1)) == "live"
    else:
        assert state(last) == "live"
        assert state(date.fromordinal(last.toordinal() + 1)) == "ended"


@pytest.mark.rule("LST-9")
def test_ordinary_products_get_what_the_briefing_says(shop: Seller) -> None:
    with seller_scope(shop):
        table = benefits_for(shop, date(2021, 8, 1))
    assert table is not None
    assert {row.benefit.key for row in table.rows if row.benefit.ordinary} == {
        "theme_search", "just_for_you", "trend_scene",
    }  # fmt: skip
    assert all(row.benefit.national for row in table.rows)


@pytest.mark.rule("LST-9")
def test_the_promotion_asks_for_venue_match_and_score(
    clock: Any, shop: Seller, owner_client: Client
) -> None:
    clock("2021-09-10T12:00:00-07:00")

    def conditions() -> dict[str, bool | None]:
        table = owner_client.get("/listings/benefits/").context["table"]
        return {one.kind: one.met for one in table.promotions[0].conditions}

    assert conditions() == {"flag": False, "national_match": False, "product_score": None}
    days_publish(date(2021, 9, 8))
    kit = product_feed(shop, "kit")
    match_make(kit, theme_make("ordinary", starts_on="2021-07-01"), date(2021, 9, 8))
    assert conditions()["national_match"] is False
    national = theme_make("national", starts_on="2021-07-01", countries=["MY"])
    match_make(kit, national, date(2021, 9, 8))
    flag = SellerFlag.objects.create(
        seller=shop, code="industry_venue_2021_09", since=date(2021, 9, 1), until=date(2021, 9, 9)
    )
    assert conditions() == {"flag": False, "national_match": True, "product_score": None}
    SellerFlag.objects.filter(pk=flag.pk).update(until=date(2021, 9, 10))
    assert conditions()["flag"] is True
    text = owner_client.get("/listings/benefits/").content.decode()
    assert "at least 60" in text
