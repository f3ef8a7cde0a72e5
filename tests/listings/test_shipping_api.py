"""Shipping templates over the API: the shop's own, by those who edit products (LST-1, K-8)."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from listings.models import Product, ShippingTemplate
from portal.models import Member, Seller
from portal.scoping import unscoped
from tests.listings.theme_world import product_feed

URL = "/api/v1/listings/shipping-templates"
BODY = {"name": "Express", "lines": [{"code": "DHL", "countries": ["us", "DE"]}]}

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LST-1", "API-1")]


def stored() -> list[tuple[str, int]]:
    with unscoped():
        return [(one.name, len(one.lines)) for one in ShippingTemplate.objects.order_by("pk")]


def test_a_template_is_made_changed_and_deleted(owner_api: APIClient) -> None:
    made = owner_api.post(URL, BODY)
    assert made.status_code == 201
    line = {"code": "DHL", "countries": ["DE", "US"], "guaranteed": False}
    assert made.json()["lines"] == [line]
    one = f"{URL}/{made.json()['id']}"
    assert owner_api.put(one, {**BODY, "name": "Sea"}).json()["name"] == "Sea"
    assert [row["name"] for row in owner_api.get(URL).json()["results"]] == ["Sea"]
    assert owner_api.delete(one).status_code == 204
    assert owner_api.get(one).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"lines": []}, "lines"),
        ({"lines": [{"code": "DHL", "countries": ["XX"]}]}, "lines"),
        ({"lines": [{"code": "DHL", "countries": "US"}]}, "lines.0.countries"),
        ({"lines": "DHL"}, "lines"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_saved(
    owner_api: APIClient, change: dict, field: str
) -> None:
    answer = owner_api.post(URL, {**BODY, **change})
    assert answer.status_code == 400
    assert [row["field"] for row in answer.json()["errors"]] == [field]
    assert stored() == []


@pytest.mark.rule("K-7", "K-8")
def test_strangers_and_viewers_change_nothing(
    owner_api: APIClient, viewer_api: APIClient, stranger_api: APIClient
) -> None:
    one = f"{URL}/{owner_api.post(URL, BODY).json()['id']}"
    assert stranger_api.get(URL).json()["results"] == []
    for answer in (stranger_api.get(one), stranger_api.put(one, BODY), stranger_api.delete(one)):
        assert answer.status_code == 404
    assert viewer_api.get(one).status_code == 200
    for answer in (viewer_api.post(URL, BODY), viewer_api.put(one, BODY), viewer_api.delete(one)):
        assert answer.status_code == 403
    assert stored() == [("Express", 1)]


def test_a_template_in_use_stays(owner_api: APIClient, owner: Member, shop: Seller) -> None:
    made = owner_api.post(URL, BODY).json()
    product = product_feed(shop, "p1")
    with unscoped():
        Product.objects.filter(pk=product.pk).update(shipping_template=made["id"])
    answer = owner_api.delete(f"{URL}/{made['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert stored() == [("Express", 1)]
