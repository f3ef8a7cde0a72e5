"""The matched list and its history: days, counts, reasons, and nobody else's rows (LST-8)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from listings.models import Theme
from listings.services.themes import theme_save
from portal.models import Seller
from tests.listings.match_world import night
from tests.listings.theme_world import (
    ASKS,
    days_publish,
    ids,
    match_make,
    product_feed,
    theme_make,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("LST-8")]

MATCHES = "/api/v1/listings/matches"
HISTORY = "/api/v1/listings/matches/history"


def august(day: int) -> date:
    return date(2022, 8, day)


@pytest.fixture(autouse=True)
def _late_august(clock: Any, categories: Any) -> None:
    """2022-08-20: the newest day there can be is 2022-08-18."""
    clock.noon(august(20))


def test_a_match_is_listed_from_its_first_day_through_its_last(
    shop: Seller, owner_api: APIClient
) -> None:
    days_publish(*(august(day) for day in (9, 10, 11, 14, 15, 16)))
    match_make(product_feed(shop, "kit"), theme_make("t", countries=["MY"]), august(10), august(14))
    expected = {9: [], 10: ["kit"], 11: ["kit"], 14: ["kit"], 15: [], 16: []}
    for day, products in expected.items():
        answer = owner_api.get(MATCHES, {"as_of": august(day).isoformat()}).json()
        assert answer["as_of"] == august(day).isoformat()
        assert ids(answer["results"], "product_id") == products
        assert answer["total"] == answer["national"] == len(products)
    # A day without a night is answered with the newest one before it.
    answer = owner_api.get(MATCHES, {"as_of": "2022-08-13"}).json()
    assert answer["as_of"] == "2022-08-11"
    assert answer["results"] == [{"theme_id": "t", "product_id": "kit", "since": "2022-08-10"}]
    assert owner_api.get(MATCHES).json()["as_of"] == "2022-08-16"


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        ("2022-08-18", 200),
        ("2022-08-19", 400),
        ("9999-12-31", 400),
        ("0001-01-01", 200),
        ("yesterday", 400),
        ("2022-13-01", 400),
        ("2022-08-18T00:00:00Z", 400),
        ("\x00", 400),
    ],
)
@pytest.mark.parametrize("path", [MATCHES, HISTORY])
def test_a_day_that_cannot_be_known_is_refused(
    owner_api: APIClient, path: str, as_of: str, status: int
) -> None:
    days_publish(august(10))
    response = owner_api.get(path, {"as_of": as_of})
    assert response.status_code == status
    if status == 400:
        assert response["Content-Type"].startswith("application/problem+json")
        assert response.json()["errors"][0]["field"] == "as_of"
    else:
        assert response.json()["as_of"] == ("2022-08-10" if as_of > "2022" else None)


def test_counts_rows_and_distinct_products_and_the_national_ones(
    shop: Seller, other_shop: Seller, owner_api: APIClient, owner_client: Client
) -> None:
    days_publish(august(10))
    national, ordinary = theme_make("n", countries=["MY"]), theme_make("o")
    both, one = product_feed(shop, "both"), product_feed(shop, "one")
    theirs = product_feed(other_shop, "theirs")
    for product, theme in ((both, national), (both, ordinary), (one, ordinary), (theirs, national)):
        match_make(product, theme, august(10))
    answer = owner_api.get(MATCHES).json()
    assert (answer["total"], answer["national"]) == (3, 1)
    assert (answer["products"], answer["national_products"]) == (2, 1)
    assert [(row["theme_id"], row["product_id"]) for row in answer["results"]] == [
        ("n", "both"), ("o", "both"), ("o", "one"),
    ]  # fmt: skip
    only = owner_api.get(MATCHES, {"theme_id": "o"}).json()
    assert (only["total"], only["national"]) == (2, 0)
    assert owner_api.get(MATCHES, {"theme_id": "nosuch"}).status_code == 404
    text = owner_client.get("/listings/matches/").content.decode()
    assert "2 matched products, of which 1 national" in text
    assert "Aug 10, 2022 24:00" in text
    assert "theirs" not in text


def test_pages_follow_each_other_without_loss(shop: Seller, owner_api: APIClient) -> None:
    days_publish(august(10))
    theme = theme_make("t")
    for number in range(7):
        match_make(product_feed(shop, f"p{number}"), theme, august(10))
    found, url = [], f"{MATCHES}?page_size=3"
    while url:
        page = owner_api.get(url).json()
        assert page["total"] == 7
        found += ids(page["results"], "product_id")
        url = page["next"]
    assert found == [f"p{number}" for number in range(7)]


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsIDJd", "WyJhIiwgImIiLCAiYyJd", "%00", "W1tdLCBbXV0"]
)
@pytest.mark.parametrize("path", [MATCHES, HISTORY, "/api/v1/listings/themes"])
def test_a_forged_cursor_is_refused_or_harmless(
    owner_api: APIClient, path: str, cursor: str
) -> None:
    days_publish(august(10))
    response = owner_api.get(f"{path}?cursor={cursor}")
    assert response.status_code in (200, 400)


@pytest.mark.rule("K-8")
def test_no_call_tells_a_stranger_anything(
    shop: Seller, owner_api: APIClient, stranger_api: APIClient, stranger_client: Client
) -> None:
    days_publish(august(9), august(10))
    match_make(
        product_feed(shop, "secret", title="Secret kit"), theme_make("t"), august(9), august(9)
    )
    match_make(product_feed(shop, "secret-2", title="Secret kit"), theme_make("u"), august(10))
    assert owner_api.get(HISTORY).json()["results"]
    for path in (MATCHES, HISTORY, "/api/v1/listings/themes/t/similar"):
        assert stranger_api.get(path).json()["results"] == []
    assert stranger_api.get("/api/v1/listings/themes/u").json()["matched"] == 0
    for path in ("matches/", "matches/history/", "themes/u/", "themes/"):
        assert "ecret" not in stranger_client.get(f"/listings/{path}").content.decode()


def test_before_the_first_night_it_says_so(owner_api: APIClient, owner_client: Client) -> None:
    assert owner_api.get(MATCHES).json() == {
        "as_of": None, "total": 0, "national": 0, "products": 0, "national_products": 0,
        "results": [], "next": None,
    }  # fmt: skip
    assert owner_api.get(HISTORY).json() == {"as_of": None, "results": [], "next": None}
    assert "within 48 hours" in owner_client.get("/listings/matches/").content.decode()
    days_publish(august(10))
    assert "It counts in 48 hours" in owner_client.get("/listings/matches/").content.decode()


# --- History ------------------------------------------------------------------------------------


def test_each_change_of_the_list_says_what_made_it(
    clock: Any, shop: Seller, owner_api: APIClient
) -> None:
    """The lives of some products, told by six nights."""
    clock.noon(august(1))
    theme_save(actor=None, data={**ASKS, "theme_id": "kits", "ends_on": "2022-08-16"})
    clock.noon(august(20))
    begins = "2022-08-01T12:00:00-07:00"
    for name in ("dearer", "shelved", "edited", "retitled", "stays"):
        product_feed(shop, name, at=begins, target_countries=["DE" if name == "edited" else "MY"])
    night(august(9))
    product_feed(shop, "dearer", at="2022-08-10T12:00:00-07:00", price_max="2600")
    product_feed(shop, "shelved", at="2022-08-10T23:59:59-07:00", status="off_shelf")
    product_feed(shop, "edited", at="2022-08-10T13:00:00-07:00", target_countries=["MY"])
    product_feed(shop, "new", at="2022-08-10T13:00:00-07:00")
    product_feed(shop, "retitled", at="2022-08-11T00:00:00-07:00", title="E-bike kit")
    night(august(10))
    theme_make("late", category="e-bike-kits", title_en="Made on the 20th")
    # Nobody ran the 11th to the 13th: the reason is still found against the 10th.
    night(august(14))
    theme_save(actor=None, theme=_theme("kits"), data={"kind": "customization"})
    night(august(15))
    theme_save(actor=None, theme=_theme("kits"), data={"kind": "rts"})
    night(august(16))
    night(august(17))

    rows = owner_api.get(HISTORY, {"page_size": 100}).json()["results"]
    told = {
        (row["day"], row["event"], row["product_id"]): row["reasons"]
        for row in rows
        if row["theme_id"] == "kits"
    }
    assert [row["day"] for row in rows] == sorted((row["day"] for row in rows), reverse=True)
    first = told["2022-08-09", "entered", "stays"]
    assert first == ["In the list since it was computed for the first time"]
    assert "2,600.00 USD" in told["2022-08-10", "left", "dearer"][0]
    assert told["2022-08-10", "left", "shelved"] == ["The product has to be live; it is: Off shelf"]
    assert "Malaysia" in told["2022-08-10", "entered", "edited"][0]
    assert told["2022-08-10", "entered", "new"] == [
        "The product is new and meets every requirement"
    ]
    assert told["2022-08-14", "left", "retitled"] == ["The title needs one of: hub motor"]
    assert told["2022-08-15", "left", "stays"] == ["The theme's requirements changed"]
    assert told["2022-08-16", "entered", "stays"] == ["The theme's requirements changed"]
    assert told["2022-08-17", "left", "stays"] == ["The theme ended on Aug 16, 2022"]
    new = next(row for row in rows if row["theme_id"] == "late" and row["product_id"] == "stays")
    assert (new["day"], new["event"], new["reasons"]) == (
        "2022-08-14",
        "entered",
        ["The theme is new"],
    )


def _theme(theme_id: str) -> Theme:
    return Theme.objects.get(theme_id=theme_id)


def test_history_pages_and_filters(
    shop: Seller, owner_api: APIClient, owner_client: Client
) -> None:
    days_publish(*(august(day) for day in range(1, 11)))
    theme, other = theme_make("t"), theme_make("other")
    for number in range(4):
        product = product_feed(shop, f"p{number}")
        match_make(product, theme, august(2), august(5))
        match_make(product, theme, august(8))
    match_make(product_feed(shop, "q"), other, august(5))
    found, url = [], f"{HISTORY}?page_size=2"
    while url:
        page = owner_api.get(url).json()
        found += [(row["day"], row["event"], row["product_id"]) for row in page["results"]]
        url = page["next"]
    assert len(found) == len(set(found)) == 13
    assert [day for day, _event, _product in found] == sorted(
        (day for day, _event, _product in found), reverse=True
    )
    left = owner_api.get(HISTORY, {"event": "left"}).json()["results"]
    assert {row["day"] for row in left} == {"2022-08-06"}
    assert len(owner_api.get(HISTORY, {"theme_id": "other"}).json()["results"]) == 1
    assert owner_api.get(HISTORY, {"event": "moved"}).status_code == 400
    # As of the 5th nobody had left yet.
    earlier = owner_api.get(HISTORY, {"as_of": "2022-08-05"}).json()["results"]
    assert {row["event"] for row in earlier} == {"entered"}
    assert (
        owner_client.get("/listings/matches/history/?event=left&after=nonsense").status_code == 200
    )


def test_lists_and_history_ask_a_constant_number_of_queries(
    shop: Seller, owner_client: Client, owner_api: APIClient
) -> None:
    days_publish(*(august(day) for day in range(1, 11)))

    def queries() -> list[int]:
        numbers = []
        for get, path in (
            (owner_client.get, "/listings/matches/"),
            (owner_client.get, "/listings/matches/history/"),
            (owner_api.get, MATCHES),
            (owner_api.get, HISTORY),
        ):
            with CaptureQueriesContext(connection) as captured:
                assert get(path).status_code == 200
            numbers.append(len(captured))
        return numbers

    themes = [theme_make(f"t{number}", attributes={"voltage": ["48V"]}) for number in range(6)]
    match_make(product_feed(shop, "p"), themes[0], august(3))
    few = queries()
    for number in range(30):
        product = product_feed(shop, f"p{number}")
        match_make(product, themes[number % 6], august(3), august(6))
        match_make(product, themes[number % 6], august(8))
    assert queries() == few
