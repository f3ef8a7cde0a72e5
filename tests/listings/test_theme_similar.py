"""Similar products: ranked in the database exactly as the explanation counts (LST-6)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from listings.models import MatchProjection, Product, Theme
from listings.services.themes import theme_save
from listings.themes.similar import SHOWN, failures, nearest_products, similar_products
from portal.models import Seller
from portal.scoping import seller_scope
from tests.listings.theme_world import (
    ASKS,
    days_publish,
    match_make,
    product_feed,
    theme_make,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("LST-6")]

DAY = date(2022, 8, 1)

FAULTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "fits": ({}, set()),
    "off-shelf": ({"status": "off_shelf"}, {"status"}),
    "made-to-order": ({"kind": "customization"}, {"kind"}),
    "half-a-phrase": ({"title": "E-bike kit with hub motors"}, {"keywords"}),
    "chinese": ({"title": "电动自行车套件 hub motor套装"}, set()),
    "wrong-value": (
        {"attributes": {"voltage": ["36V"], "features": ["Foldable"]}},
        {"attribute:voltage"},
    ),
    "custom-value": (
        {"attributes": {"voltage": ["48V"]}, "custom_attributes": {"Features": "Foldable"}},
        {"attribute:features"},
    ),
    "one-service": ({"services": ["overseas_after_sales"]}, {"services"}),
    "a-cent-low": ({"price_min": "1199.99"}, {"price"}),
    "a-cent-high": ({"price_max": "2500.01"}, {"price"}),
    "at-the-edges": ({"price_min": "1200", "price_max": "2500"}, set()),
    "no-price": ({"price_min": "", "price_max": ""}, {"price"}),
    "elsewhere": ({"target_countries": ["US", "ZW"]}, {"countries"}),
    "three": (
        {"status": "draft", "target_countries": [], "attributes": {}},
        {"status", "countries", "attribute:voltage", "attribute:features"},
    ),
}


@pytest.fixture
def theme(category: Any, clock: Any) -> Theme:
    return theme_save(actor=None, data={**ASKS, "theme_id": "kits"})


def test_every_fault_is_counted_once_and_the_nearest_come_first(theme: Theme, shop: Seller) -> None:
    for name, (fields, _faults) in FAULTS.items():
        product_feed(shop, name, **fields)
    with seller_scope(shop):
        found = similar_products(theme, shop, DAY)
    assert {one.product.product_id: {need.key for need in one.failing} for one in found} == {
        name: faults for name, (_fields, faults) in FAULTS.items()
    }
    counts = [len(one.failing) for one in found]
    assert counts == sorted(counts)
    in_database = MatchProjection.objects.annotate(failing=failures(theme))
    assert dict(in_database.values_list("product__product_id", "failing")) == {
        name: len(faults) for name, (_fields, faults) in FAULTS.items()
    }


def test_a_service_without_a_name_of_its_own_counts_too(theme: Theme, shop: Seller) -> None:
    theme = theme_save(
        actor=None,
        theme=theme,
        data={"services": ["sample", "night_delivery"], "keyword_mode": "all"},
    )
    product_feed(shop, "both", services=["sample", "night_delivery"])
    product_feed(shop, "one", services=["sample"])
    with seller_scope(shop):
        found = similar_products(theme, shop, DAY)
    assert [(one.product.product_id, len(one.failing)) for one in found] == [
        ("both", 0),
        ("one", 1),
    ]


def test_it_leaves_out_matched_deleted_foreign_and_other_categories(
    theme: Theme, shop: Seller, other_shop: Seller
) -> None:
    days_publish(DAY)
    match_make(product_feed(shop, "matched"), theme, DAY)
    left = match_make(product_feed(shop, "left-again"), theme, date(2022, 7, 20), date(2022, 7, 31))
    product_feed(shop, "helmet", category="helmets", attributes={})
    product_feed(other_shop, "theirs")
    binned = product_feed(shop, "binned")
    with seller_scope(shop):
        Product.objects.filter(pk=binned.pk).update(deleted_at=binned.changed_at)
        found = similar_products(theme, shop, DAY)
    assert [one.product_id for one in (row.product for row in found)] == [left.product.product_id]


def test_it_shows_the_best_twenty_and_asks_a_constant_number_of_queries(
    theme: Theme, shop: Seller, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        product_feed(shop, f"few-{number}", target_countries=[])
    with seller_scope(shop), django_assert_num_queries(4):
        assert len(similar_products(theme, shop, DAY)) == 3
    for number in range(SHOWN):
        product_feed(shop, f"many-{number}", kind="customization", services=[])
    with seller_scope(shop), django_assert_num_queries(4):
        found = similar_products(theme, shop, DAY)
    assert len(found) == SHOWN
    assert {one.product.product_id for one in found[:3]} == {f"few-{number}" for number in range(3)}


def test_it_finds_the_nearest_product_of_several_themes_at_once(
    theme: Theme, shop: Seller, django_assert_num_queries: Any
) -> None:
    open_theme = theme_make("open", category="sports")
    empty = theme_make("empty", category="home")
    near = product_feed(shop, "near", target_countries=[])
    product_feed(shop, "far", target_countries=[], services=[])
    helmet = product_feed(shop, "helmet", category="helmets", status="live", attributes={})
    with seller_scope(shop), django_assert_num_queries(3):
        found = nearest_products([theme, open_theme, empty], shop)
    assert [(one.theme, one.failing) for one in found] == [(theme, 1), (open_theme, 0)]
    assert found[0].product_pk == near.pk
    assert found[1].product_pk in {near.pk, near.pk + 1, helmet.pk}


def test_the_call_lists_them_with_reasons_and_tells_strangers_nothing(
    theme: Theme, shop: Seller, owner_api: APIClient, stranger_api: APIClient
) -> None:
    product_feed(shop, "dear", price_max="2600")
    answer = owner_api.get("/api/v1/listings/themes/kits/similar").json()
    assert [row["product_id"] for row in answer["results"]] == ["dear"]
    assert answer["results"][0]["failing"] == 1
    price = next(need for need in answer["results"][0]["requirements"] if need["key"] == "price")
    assert not price["met"]
    assert "2,600.00" in price["reason"]
    assert stranger_api.get("/api/v1/listings/themes/kits/similar").json()["results"] == []
    assert owner_api.get("/api/v1/listings/themes/nosuch/similar").status_code == 404
    assert Client().get("/api/v1/listings/themes/kits/similar").status_code == 401
