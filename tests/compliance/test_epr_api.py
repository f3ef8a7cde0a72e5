"""The overview, impact and blocked trades over the API (EPR-11, EPR-12, API-1)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from compliance.choices import CertificateStatus
from compliance.gate import gate_many
from portal.models import Seller
from portal.platform_time import end_of, parse_instant
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1", "EPR-11")]

API = "/api/v1/compliance"


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03."""


def test_the_overview_is_the_matrix(
    shop: Seller, other_shop: Seller, viewer_api: APIClient
) -> None:
    product_create(seller=shop, epr_traits=["packaging", "battery"])
    product_create(seller=shop, epr_traits=None, countries=("US",))
    product_create(seller=other_shop, epr_traits=["tyre"])
    certificate_create(seller=shop)
    answer = viewer_api.get(f"{API}/overview").json()
    assert (answer["live"], answer["affected"], answer["blocked"], answer["assumed"]) == (
        2,
        1,
        0,
        1,
    )
    assert parse_instant(answer["interrupts_at"]) == parse_instant("2022-12-27T00:00:00-08:00")
    assert [(one["country"], one["sold"], one["stopping"]) for one in answer["countries"]] == [
        ("DE", 1, 1), ("FR", 1, 1),
    ]  # fmt: skip
    cells = {(cell["country"], cell["category"]): cell for cell in answer["cells"]}
    assert len(cells) == 10
    assert cells["DE", "packaging"]["states"] == {"covered": 1}
    battery = cells["DE", "battery"]
    assert (battery["state"], battery["missing"], battery["decision"]) == ("missing", 1, "warn")
    assert (battery["register_before"], battery["weeks"]) == ("2022-10-04", [6, 12])
    assert cells["FR", "tyre"]["required"] == 0


def test_products_are_listed_by_state_page_by_page(shop: Seller, owner_api: APIClient) -> None:
    for number in range(5):
        product_create(seller=shop, product_id=f"p{number}")
    query = "country=FR&category=packaging&state=missing&page_size=3"
    first = owner_api.get(f"{API}/products?{query}").json()
    second = owner_api.get(first["next"]).json()
    rows = [*first["results"], *second["results"]]
    assert [row["product_id"] for row in rows] == [f"p{number}" for number in range(5)]
    assert {row["state"] for row in rows} == {"missing"}
    assert second["next"] is None


@pytest.mark.rule("EPR-12")
def test_the_impact_tells_what_stops_when(
    shop: Seller, other_shop: Seller, owner_api: APIClient
) -> None:
    product_create(seller=shop, countries=("DE",))
    end = end_of(date(2023, 1, 31))
    certificate = certificate_create(seller=shop, valid_until=end)
    foreign = certificate_create(seller=other_shop)
    draft = certificate_create(seller=shop, status=CertificateStatus.DRAFT)
    moments = owner_api.get(f"{API}/impact").json()["moments"]
    assert [(one["interrupted"], one["ending"], one["products"]) for one in moments] == [
        (["DE", "FR"], [], 0),
        ([], [certificate.pk], 1),
    ]
    assert moments[1]["stops"] == [{"country": "DE", "products": 1, "lacking": {"packaging": 1}}]
    one = owner_api.get(f"{API}/certificates/{certificate.pk}/impact").json()
    assert (one["covers"], one["depending"], parse_instant(one["stops_at"])) == (1, 1, end)
    for other in (foreign, draft):
        assert owner_api.get(f"{API}/certificates/{other.pk}/impact").status_code == 404


def test_blocked_trades_are_the_shops_own(
    shop: Seller, other_shop: Seller, owner_api: APIClient, clock: Any
) -> None:
    clock("2022-12-27T00:00:00-08:00")
    product_create(seller=shop, product_id="mine")
    product_create(seller=other_shop, product_id="theirs")
    gate_many([("mine", "DE"), ("theirs", "DE"), ("mine", "FR"), ("mine", "US")])
    first = owner_api.get(f"{API}/gate-blocks?page_size=1").json()
    second = owner_api.get(first["next"]).json()
    rows = [*first["results"], *second["results"]]
    assert {(row["product_id"], row["country"]) for row in rows} == {("mine", "DE"), ("mine", "FR")}
    assert rows[0]["reasons"] == [{"code": "epr_missing", "category": "packaging"}]
    assert second["next"] is None
    assert owner_api.get(f"{API}/gate-blocks?product=theirs").json()["results"] == []
