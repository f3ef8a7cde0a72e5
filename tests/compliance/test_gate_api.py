"""The trade gate and requirements over the API (EPR-1, EPR-11)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from compliance.gate import products_told
from compliance.models import GateBlock
from portal.models import Seller
from portal.scoping import unscoped
from tests import factories
from tests.compliance.world import certificate_create, product_create, told

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-11")]

GATE = "/api/v1/trade-gate"
REQUIREMENTS = "/api/v1/compliance/requirements"
BEFORE, AT = "2022-12-26T23:59:59-08:00", "2022-12-27T00:00:00-08:00"


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def test_it_answers_in_the_order_asked_and_in_the_shape_agreed(
    staff_api: APIClient, shop: Seller
) -> None:
    product_create(seller=shop, product_id="kit", epr_traits=["packaging", "battery"])
    certificate_create(seller=shop)
    pairs = [["kit", "FR"], ["nobody", "DE"], ["kit", "DE"], ["kit", "US"]]
    answer = staff_api.post(GATE, {"pairs": pairs, "at": AT})
    assert answer.status_code == 200
    lacking = [{"code": "epr_missing", "category": "packaging"},
               {"code": "epr_missing", "category": "battery"}]  # fmt: skip
    assert answer.json() == [
        {"product_id": "kit", "country": "FR", "decision": "blocked", "reasons": lacking},
        {"product_id": "nobody", "country": "DE", "decision": "blocked",
         "reasons": [{"code": "unknown_product", "category": None}]},
        {"product_id": "kit", "country": "DE", "decision": "blocked", "reasons": lacking[1:]},
        {"product_id": "kit", "country": "US", "decision": "allowed", "reasons": []},
    ]  # fmt: skip
    before = staff_api.post(GATE, {"pairs": pairs, "at": BEFORE}).json()
    assert [row["decision"] for row in before] == ["warn", "blocked", "warn", "allowed"]
    assert staff_api.post(GATE, {"pairs": [], "at": None}).json() == []


@pytest.mark.both_databases
def test_a_thousand_pairs_in_one_call_cost_what_one_costs(
    staff_api: APIClient, shop: Seller, clock: Any
) -> None:
    clock("2022-12-28T12:00:00-08:00")
    products_told(told(shop, product_id=f"n{number}") for number in range(1_000))

    def ask(count: int) -> int:
        pairs = [[f"n{number}", "DE"] for number in range(count)]
        with CaptureQueriesContext(connection) as queries:
            answers = staff_api.post(GATE, {"pairs": pairs}).json()
        assert [row["product_id"] for row in answers] == [pair[0] for pair in pairs]
        assert {row["decision"] for row in answers} == {"blocked"}
        return len(queries)

    ask(1)
    assert ask(1) == ask(1_000)
    with unscoped():
        assert sorted(GateBlock.objects.values_list("times", flat=True)) == [1] * 999 + [3]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ({}, "pairs"),
        ({"pairs": "kit"}, "pairs"),
        ({"pairs": [["kit", "DE"], ["kit"]]}, "pairs[1]"),
        ({"pairs": [["kit", "DE"], "kitDE"]}, "pairs[1]"),
        ({"pairs": [[7, "DE"]]}, "pairs[0]"),
        ({"pairs": [], "at": "2022-12-27"}, "at"),
        ({"pairs": [], "at": "0001-01-01T00:00:00Z"}, "at"),
        ({"pairs": [], "at": 7}, "at"),
    ],
)
def test_a_question_that_is_none_names_the_place(
    staff_api: APIClient, body: Any, field: str
) -> None:
    answer = staff_api.post(GATE, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.both_databases
def test_a_pair_the_gate_cannot_know_does_not_stop_the_others(
    staff_api: APIClient, shop: Seller, clock: Any
) -> None:
    clock("2022-12-28T12:00:00-08:00")
    products_told([told(shop, product_id="kit")])
    odd = [["kit", "Germany"], ["kit", "XX"], ["kit", ""], ["", "DE"], ["k\x00t", "DE"]]
    pairs = [["kit", "US"], *odd, ["x" * 65, "DE"], ["kit", "us"]]
    rows = staff_api.post(GATE, {"pairs": pairs}).json()
    assert [(row["decision"], [one["code"] for one in row["reasons"]]) for row in rows] == [
        ("allowed", []),
        *[("blocked", ["unknown_country"])] * 3,
        *[("blocked", ["unknown_product"])] * 3,
        ("allowed", []),
    ]
    with unscoped():
        assert not GateBlock.objects.exists()


def test_more_than_it_takes_is_413(staff_api: APIClient) -> None:
    assert staff_api.post(GATE, {"pairs": [["kit", "DE"]] * 5_000}).status_code == 200
    assert staff_api.post(GATE, {"pairs": [["kit", "DE"]] * 5_001}).status_code == 413


def test_it_is_for_service_tokens_with_the_permission(
    owner_api: APIClient, anonymous_api: APIClient, shop: Seller
) -> None:
    body = {"pairs": [["kit", "DE"]]}
    assert anonymous_api.post(GATE, body).status_code == 401
    assert owner_api.post(GATE, body).status_code == 403
    service = factories.user_create("service", is_staff=True)
    assert factories.api_client(service).post(GATE, body).status_code == 403
    service.groups.add(Group.objects.get(name="operator"))
    assert factories.api_client(service).post(GATE, body).status_code == 200


@pytest.mark.rule("EPR-1")
def test_a_seller_reads_what_is_asked_of_a_product_and_what_covers_it(
    viewer_api: APIClient, stranger_api: APIClient, shop: Seller
) -> None:
    product_create(seller=shop, product_id="kit")
    certificate = certificate_create(seller=shop)
    lines = viewer_api.get(REQUIREMENTS, {"product_id": "kit"}).json()
    assert lines[0] == {
        "country": "DE", "category": "packaging", "required": True, "covered_by": certificate.pk,
        "status": "covered", "certificate": certificate.pk, "decision": "allowed",
        "interrupts_at": None,
    }  # fmt: skip
    french = next(line for line in lines if line["country"] == "FR")
    assert (french["status"], french["covered_by"], french["decision"]) == ("missing", None, "warn")
    assert french["interrupts_at"] == "2022-12-27T08:00:00Z"
    assert stranger_api.get(REQUIREMENTS, {"product_id": "kit"}).status_code == 404
    assert viewer_api.get(REQUIREMENTS, {"product_id": "nobody"}).status_code == 404


@pytest.mark.rule("EPR-1")
def test_pages_hold_every_product_of_the_shop_once(
    owner_api: APIClient, shop: Seller, other_shop: Seller
) -> None:
    for number in range(5):
        product_create(seller=shop, product_id=f"n{number}", deleted=number == 4)
    product_create(seller=other_shop, product_id="theirs")
    found, address = [], f"{REQUIREMENTS}?page_size=3"
    counts = set()
    while address:
        with CaptureQueriesContext(connection) as queries:
            page = owner_api.get(address).json()
        counts.add(len(queries))
        found += [row["product_id"] for row in page["results"]]
        assert all(len(row["requirements"]) == 10 for row in page["results"])
        address = page["next"]
    assert found == ["n0", "n1", "n2", "n3"]
    assert len(counts) == 1
