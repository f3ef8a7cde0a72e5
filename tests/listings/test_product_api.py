"""Products over the API (LST-1, LST-2, K-7, K-8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from listings.models import Product, ProductRevision
from listings.services.products import ProductRow, products_write
from portal.models import Member, Seller
from portal.platform_time import parse_day
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

URL = "/api/v1/listings/products"
KIT: dict[str, Any] = {
    "product_id": "kit",
    "category": "e-bike-kits",
    "title": "E-bike kit",
    "kind": "rts",
    "status": "live",
    "price_min": "180",
    "price_max": "199.5",
    "attributes": {"voltage": "48V"},
    "services": ["sample"],
    "target_countries": ["US"],
}


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def rows(seller: Seller, count: int, **fields: Any) -> None:
    given = {name: value for name, value in KIT.items() if name != "product_id"}
    products_write(
        [
            ProductRow(f"p{n:05}", seller.pk, {**given, "title": f"Kit {n}", **fields})
            for n in range(count)
        ],
        origin="ingest",
    )


def stored() -> Product:
    with unscoped():
        return Product.objects.get()


@pytest.mark.rule("LST-1", "LST-21")
def test_it_creates_reads_and_changes(owner_api: APIClient) -> None:
    made = owner_api.post(URL, KIT)
    assert made.status_code == 201
    body = made.json()
    assert body["product_id"] == "kit"
    assert body["price_max"] == "199.50"
    assert body["attributes"] == {"voltage": ["48V"]}
    assert (body["owner"], body["version"], body["screening"]) == ("owner", 1, [])
    assert owner_api.get(f"{URL}/kit").json() == body
    changed = owner_api.patch(f"{URL}/kit", {"title": "New", "version": 1})
    assert (changed.status_code, changed.json()["title"], changed["ETag"]) == (200, "New", '"2"')
    assert changed.json()["services"] == ["sample"]


@pytest.mark.rule("LST-1")
def test_it_makes_an_id_and_a_draft_when_none_is_given(owner_api: APIClient) -> None:
    body = {"category": "e-bike-kits", "title": "Kit", "kind": "rts"}
    first, second = (owner_api.post(URL, body).json() for _ in range(2))
    assert first["product_id"] != second["product_id"]
    assert len(first["product_id"]) >= 16
    assert first["status"] == "draft"


@pytest.mark.rule("LST-1")
@pytest.mark.parametrize("how", ["header", "body"])
def test_a_stale_copy_is_refused(how: str, owner_api: APIClient, colleague_api: APIClient) -> None:
    owner_api.post(URL, KIT)
    colleague_api.patch(f"{URL}/kit", {"title": "Theirs"})
    more: Any = {"headers": {"If-Match": '"1"'}} if how == "header" else {}
    body = {"title": "Mine"} if how == "header" else {"title": "Mine", "version": 1}
    refused = owner_api.patch(f"{URL}/kit", body, **more)
    assert (refused.status_code, refused.json()["code"]) == (409, "stale")
    assert stored().title == "Theirs"


@pytest.mark.rule("LST-1")
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"title": "x" * 301}, "title"),
        ({"title": {"a": 1}}, "title"),
        ({"title": "a\x00"}, "title"),
        ({"tiers": [[1, 1]] * 5}, "tiers"),
        ({"tiers": "[[1, 2]]"}, "tiers"),
        ({"attributes": [1]}, "attributes"),
        ({"category": ["a"]}, "category"),
        ({"owner": "stranger"}, "owner"),
        ({"shipping_template": 7}, "shipping_template"),
        ({"changed_at": "2022-01-01T00:00:00Z"}, "changed_at"),
        ({"seller": "cn2002"}, "seller"),
        ({"product_id": "a/b"}, "product_id"),
        ({"product_id": "bulk"}, "product_id"),
        ({"moq": 10**30}, "moq"),
    ],
)
def test_it_names_the_field_at_fault(
    fields: dict[str, Any], name: str, owner_api: APIClient, stranger: Member
) -> None:
    refused = owner_api.post(URL, {**KIT, **fields})
    assert refused.status_code == 400, refused.content
    assert {row["field"] for row in refused.json()["errors"]} == {name}
    with unscoped():
        assert not Product.objects.exists()


@pytest.mark.rule("LST-1", "K-8")
def test_posting_twice_makes_one_and_tells_nothing_of_others(
    owner_api: APIClient, stranger_api: APIClient
) -> None:
    stranger_api.post(URL, {**KIT, "product_id": "theirs"})
    owner_api.post(URL, KIT)
    own = owner_api.post(URL, {**KIT, "title": "Again"})
    foreign = owner_api.post(URL, {**KIT, "product_id": "theirs"})
    assert (own.status_code, own.json()) == (409, foreign.json())
    with unscoped():
        assert Product.objects.count() == 2


CALLS = [
    ("get", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "/restore"),
    ("post", "/publish"),
    ("post", "/off-shelf"),
    ("post", "/duplicate"),
    ("get", "/revisions"),
]


@pytest.mark.rule("K-8")
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_strangers_find_nothing(
    method: str, path: str, owner_api: APIClient, stranger_api: APIClient
) -> None:
    owner_api.post(URL, KIT)
    before = stored().__dict__ | {"_state": None}
    answers = [
        getattr(stranger_api, method)(f"{URL}/{name}{path}", {} if method != "get" else None)
        for name in ("kit", "none")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert stored().__dict__ | {"_state": None} == before
    assert stranger_api.get(URL).json()["results"] == []


@pytest.mark.rule("K-8")
def test_a_bulk_edit_of_foreign_products_finds_nothing(
    owner_api: APIClient, stranger_api: APIClient
) -> None:
    owner_api.post(URL, KIT)
    body = {"product_ids": ["kit", "none"], "change": {"status": "off_shelf"}}
    answer = stranger_api.post(f"{URL}/bulk", body).json()
    assert answer["updated"] == []
    assert len({row["message"] for row in answer["rejected"]}) == 1
    assert stored().status == "live"


@pytest.mark.rule("K-7")
@pytest.mark.parametrize(
    ("method", "path"), [*[call for call in CALLS if call[0] != "get"], ("post", None)]
)
def test_viewers_may_only_read(
    method: str, path: str | None, owner_api: APIClient, viewer_api: APIClient
) -> None:
    owner_api.post(URL, KIT)
    address = URL if path is None else f"{URL}/kit{path}"
    assert getattr(viewer_api, method)(address, {"title": "Mine"}).status_code == 403
    assert viewer_api.get(f"{URL}/kit").json()["title"] == "E-bike kit"
    assert (stored().status, stored().version, stored().deleted_at) == ("live", 1, None)


@pytest.mark.rule("LST-2")
def test_the_recycle_bin_and_back(owner_api: APIClient) -> None:
    owner_api.post(URL, KIT)
    assert owner_api.delete(f"{URL}/kit").status_code == 204
    assert owner_api.get(URL).json()["results"] == []
    assert [
        one["product_id"] for one in owner_api.get(f"{URL}?deleted=true").json()["results"]
    ] == ["kit"]
    refused = owner_api.patch(f"{URL}/kit", {"title": "New"})
    assert refused.json()["code"] == "in_recycle_bin"
    assert owner_api.delete(f"{URL}/kit").status_code == 204
    restored = owner_api.post(f"{URL}/kit/restore").json()
    assert (restored["deleted_at"], restored["status"]) == (None, "off_shelf")
    assert owner_api.post(f"{URL}/kit/publish").json()["status"] == "live"
    assert owner_api.post(f"{URL}/kit/restore").json()["status"] == "live"


@pytest.mark.rule("LST-1")
def test_a_seller_cannot_leave_the_ways_of_the_status(owner_api: APIClient, shop: Seller) -> None:
    rows(shop, 1, status="removed")
    for answer in (
        owner_api.post(f"{URL}/p00000/publish"),
        owner_api.post(f"{URL}/p00000/off-shelf"),
        owner_api.patch(f"{URL}/p00000", {"status": "live"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")
    assert stored().status == "removed"


@pytest.mark.rule("LST-2", "LST-6")
def test_publish_similar_copies_into_a_draft(owner_api: APIClient) -> None:
    original = owner_api.post(URL, KIT).json()
    copy = owner_api.post(f"{URL}/kit/duplicate")
    assert copy.status_code == 201
    differs = {name for name, value in copy.json().items() if original[name] != value}
    assert differs <= {"product_id", "status"}
    assert copy.json()["status"] == "draft"


@pytest.mark.rule("LST-2")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=solar", {"b"}),
        ("q=太阳", {"b"}),
        ("q=C", {"c"}),
        ("status=draft", {"c"}),
        ("kind=customization", {"b"}),
        ("category=sports", {"a", "c"}),
        ("category=home", {"b"}),
        ("country=de", {"b"}),
        ("service=customization", {"b"}),
        ("price_from=190&price_to=300", {"a"}),
        ("price_from=200", {"b"}),
        ("changed_since=2022-08-03T00:00:00-07:00", {"c"}),
    ],
)
def test_the_list_is_narrowed(
    query: str, found: set[str], owner_api: APIClient, shop: Seller
) -> None:
    given = {name: value for name, value in KIT.items() if name != "product_id"}
    other = {
        "title": "Solar 太阳能 flask", "kind": "customization", "category": "vacuum-flasks",
        "attributes": {}, "services": ["customization"], "target_countries": ["DE"],
        "price_min": "500", "price_max": "500",
    }  # fmt: skip
    old = datetime(2022, 7, 1, tzinfo=UTC)
    products_write(
        [
            ProductRow("a", shop.pk, {**given, "title": "Kit"}, old),
            ProductRow("b", shop.pk, {**given, **other}, old),
            ProductRow("c", shop.pk, {**given, "title": "Wheel", "status": "draft", "tiers": [],
                                      "price_min": None, "price_max": None, "kind": "rts"}),
        ],
        origin="ingest",
    )  # fmt: skip
    answer = owner_api.get(f"{URL}?{query}").json()
    assert {one["product_id"] for one in answer["results"]} == found
    assert answer["count"] == len(found)


@pytest.mark.rule("LST-2")
@pytest.mark.parametrize(
    "query", ["status=sold", "country=UK", "category=none", "price_from=a", "ordering=id", "q=%00"]
)
def test_a_filter_that_cannot_be_read_is_named(query: str, owner_api: APIClient) -> None:
    answer = owner_api.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.rule("LST-2")
@pytest.mark.parametrize("ordering", ["-changed_at", "title", "price", "-price", "product_id"])
def test_pages_hold_every_product_once(ordering: str, owner_api: APIClient, shop: Seller) -> None:
    rows(shop, 23)
    seen: list[str] = []
    address = f"{URL}?page_size=5&ordering={ordering}"
    while address:
        page = owner_api.get(address).json()
        seen += [one["product_id"] for one in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 23


@pytest.mark.rule("LST-2")
def test_the_list_asks_as_much_for_many_as_for_few(owner_api: APIClient, shop: Seller) -> None:
    def queries(count: int) -> int:
        rows(shop, count)
        with CaptureQueriesContext(connection) as seen:
            assert len(owner_api.get(f"{URL}?page_size=100").json()["results"]) == count
        return len(seen)

    assert queries(2) == queries(60)


@pytest.mark.rule("LST-1")
def test_revisions_tell_who_said_what(
    owner_api: APIClient, colleague_api: APIClient, clock: Any
) -> None:
    owner_api.post(URL, KIT)
    clock.noon(parse_day("2022-08-04"))
    colleague_api.patch(f"{URL}/kit", {"title": "New"})
    found = owner_api.get(f"{URL}/kit/revisions?page_size=1").json()
    assert found["results"][0]["by"] == "colleague"
    assert found["results"][0]["content"]["owner"] == "owner"
    older = owner_api.get(found["next"]).json()
    assert older["results"][0]["content"]["title"] == "E-bike kit"
    assert older["next"] is None


@pytest.mark.rule("LST-2")
def test_a_bulk_edit_says_what_became_of_each(owner_api: APIClient, shop: Seller) -> None:
    owner_api.post(URL, KIT)
    owner_api.post(URL, {**KIT, "product_id": "draft", "status": "draft"})
    body = {
        "product_ids": ["kit", "draft", "none"],
        "change": {"status": "off_shelf", "services_add": ["Dispatch-7d"], "price_percent": "10"},
    }
    preview = owner_api.post(f"{URL}/bulk", {**body, "dry_run": True}).json()

    with unscoped():
        assert ProductRevision.objects.count() == 2
    done = owner_api.post(f"{URL}/bulk", body).json()
    assert done == preview
    assert done["updated"] == ["kit"]
    assert [(row["product_id"], row["field"]) for row in done["rejected"]] == [
        ("none", "product_id"),
        ("draft", "status"),
    ]
    kit = owner_api.get(f"{URL}/kit").json()
    assert (kit["status"], kit["services"]) == ("off_shelf", ["dispatch_7d", "sample"])
    assert (kit["price_min"], kit["price_max"]) == ("198.00", "219.45")


@pytest.mark.rule("LST-2")
@pytest.mark.parametrize(
    "change", [{}, {"price_percent": "-91"}, {"services_add": ["ä"]}, {"countries_add": ["UK"]}]
)
def test_a_bulk_edit_that_makes_no_sense_is_refused(change: Any, owner_api: APIClient) -> None:
    owner_api.post(URL, KIT)
    answer = owner_api.post(f"{URL}/bulk", {"product_ids": ["kit"], "change": change})
    assert answer.status_code == 400
    assert stored().version == 1


@pytest.mark.rule("LST-1", "API-1")
@pytest.mark.parametrize("bad", ["\\ud800", "\\u0000"])
@pytest.mark.parametrize("name", ["category", "owner", "shipping_template"])
def test_text_no_database_can_look_for_is_a_bad_value(
    name: str, bad: str, owner_api: APIClient
) -> None:
    body = f'{{"title": "Mill", "{name}": "{bad}"}}'
    answer = owner_api.post("/api/v1/listings/products", body, content_type="application/json")
    assert answer.status_code == 400
    assert name in {error["field"] for error in answer.json()["errors"]}
    with unscoped():
        assert not Product.objects.filter(title="Mill").exists()


@pytest.mark.rule("API-1")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "listings/products", '{"\\ud800": 1}'),
        ("post", "members", '{"username": "a", "email": "a@example.com", "role": "\\ud800"}'),
        ("patch", "notice-preferences", '{"email": {"\\ud800": true}}'),
    ],
)
def test_an_error_can_quote_half_a_character(
    method: str, path: str, body: str, owner_api: APIClient
) -> None:
    answer = owner_api.generic(method, f"/api/v1/{path}", body, content_type="application/json")
    assert answer.status_code == 400
    assert "?" in str(answer.json()["errors"])
