"""What the home page says about themes: one step away, worth publishing for, about to end (UI-2)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from listings.themes.actions import LOOKED_AT, themes_ending, themes_within_reach
from portal.models import Member, Seller
from portal.read_once import reading_once
from portal.scoping import seller_scope
from tests.listings.theme_world import ASKS, days_publish, match_make, product_feed, theme_make

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("UI-2", "LST-6")]

TODAY, DAY = date(2022, 8, 3), date(2022, 8, 1)


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None: ...


def test_one_step_away_comes_as_an_edit_and_the_rest_as_a_theme_to_publish_for(
    shop: Seller, owner: Member, viewer: Member
) -> None:
    days_publish(DAY)
    theme_make("near", **ASKS, traffic_gain=1900)
    theme_make("far", countries=["US"], price_max="10", traffic_gain=500)
    theme_make("waiting", traffic_gain=400)
    theme_make("elsewhere", category="kitchenware", traffic_gain=9000)
    done = theme_make("done", traffic_gain=8000)
    kit = product_feed(shop, "kit", price_max="2600")
    match_make(kit, done, DAY)
    with seller_scope(shop):
        edit, publish = themes_within_reach(shop, owner, TODAY)
        assert list(themes_within_reach(shop, viewer, TODAY)) == []
    assert "one step from" in str(edit.title)
    assert "2,600.00 USD" in str(edit.gain)
    assert "+1,900 % traffic" in str(edit.gain)
    assert edit.url == "/listings/product/kit/edit/?theme=near"
    assert publish.url == "/listings/themes/far/"


@pytest.mark.parametrize(
    ("ends_on", "told"),
    [("2022-08-02", False), ("2022-08-03", True), ("2022-08-17", True), ("2022-08-18", False)],
)
def test_a_theme_with_matches_that_ends_within_14_days_is_told(
    shop: Seller, owner: Member, stranger: Member, ends_on: str, told: bool
) -> None:
    days_publish(DAY)
    theme = theme_make("t", ends_on=ends_on)
    match_make(product_feed(shop, "kit"), theme, DAY)
    with seller_scope(shop):
        actions = list(themes_ending(shop, owner, TODAY))
    assert bool(actions) is told
    if told:
        assert "1 product leaves" in str(actions[0].loses)
    with seller_scope(stranger.seller):
        assert list(themes_ending(stranger.seller, stranger, TODAY)) == []


def test_they_cost_the_same_for_any_number_of_themes_and_products(
    shop: Seller, owner: Member
) -> None:
    days_publish(DAY)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured, seller_scope(shop), reading_once():
            assert list(themes_within_reach(shop, owner, TODAY))
            list(themes_ending(shop, owner, TODAY))
        return len(captured)

    theme_make("t0", **{**ASKS, "price_max": "1301"})
    product_feed(shop, "p0")
    few = queries()
    for number in range(1, 3 * LOOKED_AT):
        theme_make(f"t{number}", **{**ASKS, "price_max": "1301"}, traffic_gain=number)
        product_feed(shop, f"p{number}")
    assert queries() == few <= 10


def test_the_home_page_shows_them(shop: Seller, owner_client: Client) -> None:
    theme_make("far", countries=["US"], title_en="Lights for Texas", traffic_gain=500)
    assert "Lights for Texas" in owner_client.get("/").content.decode()
