"""Rule classes over products: what is found, kept, and keeps a product from going live (CMP-1, CMP-3, LST-21)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from compliance.choices import MarkCaseState, TermEffect, TextPlace
from compliance.goods.term_lists import judged, pasted_lines
from compliance.matching.library import library, new_version
from compliance.models import GatedProduct, MarkCase, ProductHit, ProtectedMark, RuleClass, Term
from compliance.screening import ProductText, products_screened, screen_texts
from listings.models import Product
from listings.services.products import ProductRow, products_write
from portal import platform_time
from portal.models import Category, Seller
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
API = "/api/v1/listings/products"


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def class_create(terms: str = "", **over: Any) -> RuleClass:
    """Make a published class, in force since 2022; `terms` one a line, `!` before an exception."""
    fields: dict[str, Any] = {
        "code": "test-class", "name_en": "Test class", "name_zh": "测试", "effect": TermEffect.FORBID,
        "starts_on": date(2022, 1, 1), "published_at": platform_time.now(), "version": new_version(),
        "advice_en": "Leave it out.", "source": "A test",
    } | over  # fmt: skip
    made = RuleClass.objects.create(**fields)
    Term.objects.bulk_create(
        Term(rule_class=made, text=one.text, pattern=one.pattern, excuse=one.excuse)
        for one in judged(pasted_lines(terms)).terms
    )
    return made


def text(category: Category, **over: Any) -> ProductText:
    fields: dict[str, Any] = {
        "product_id": "kit", "title": "E-bike kit", "keywords": [], "attributes": {}, "description": "",
    } | over  # fmt: skip
    return ProductText(category_id=category.pk, **fields)


def found(category: Category, day: date | None = None, **over: Any) -> list[tuple[str, str]]:
    return [(hit.term, hit.place) for hit in screen_texts([text(category, **over)], day=day)[0]]


def feed(seller: Seller, product_id: str = "kit", **over: Any) -> None:
    given = {"category": "e-bike-kits", "title": "E-bike kit", "kind": "rts", "status": "live"}
    [result] = products_write([ProductRow(product_id, seller.pk, given | over)], origin="ingest")
    assert result.state != "rejected", result.problems


def stored_hits(product_id: str = "kit") -> set[tuple[str, str, str]]:
    with unscoped():
        rows = ProductHit.objects.filter(product__product_id=product_id)
        return set(rows.values_list("rule_class__code", "term", "place"))


@pytest.mark.rule("CMP-3")
def test_every_place_is_screened_and_named(category: Category) -> None:
    class_create("plutonium\n禁品")
    hits = screen_texts(
        [
            text(
                category,
                title="Plutonium kit",
                keywords=["e-bike", "cheap plut0nium"],
                attributes={"material": ["steel", "Plutonium alloy"], "Note": "no"},
                description="含禁品成分",
            )
        ]
    )[0]
    assert [(hit.term, hit.place, hit.excerpt) for hit in hits] == [
        ("plutonium", TextPlace.TITLE, "Plutonium kit"),
        ("plutonium", TextPlace.KEYWORDS, "cheap plut0nium"),
        ("plutonium", TextPlace.ATTRIBUTES, "material: Plutonium alloy"),
        ("禁品", TextPlace.DESCRIPTION, "含禁品成分"),
    ]
    assert {(hit.rule_class, hit.name, hit.effect, hit.advice) for hit in hits} == {
        ("test-class", "Test class", TermEffect.FORBID, "Leave it out.")
    }


@pytest.mark.rule("CMP-3")
def test_no_term_spans_two_keywords(category: Category) -> None:
    class_create("heavy water")
    assert found(category, keywords=["heavy", "water"]) == []
    assert found(category, keywords=["heavy water"]) == [("heavy water", "keywords")]


@pytest.mark.rule("CMP-1")
def test_a_class_holds_on_its_days_and_in_its_categories(
    categories: dict[str, Category], category: Category
) -> None:
    made = class_create("plutonium", starts_on=date(2022, 8, 3), ends_on=date(2022, 8, 4))
    days = {day: found(category, date(2022, 8, day), title="plutonium") for day in (2, 3, 4, 5)}
    assert {day for day, hits in days.items() if hits} == {3, 4}
    made.categories.add(category.parent)
    RuleClass.objects.filter(pk=made.pk).update(version=new_version())
    assert found(category, title="plutonium")
    other = next(
        one for one in categories.values()
        if not one.above.filter(ancestor=category.parent).exists()
    )  # fmt: skip
    assert found(other, title="plutonium") == []


@pytest.mark.rule("CMP-1", "CMP-2", "CMP-3")
@pytest.mark.parametrize(
    ("words", "code", "day"),
    [
        ("AR buffer tube kit", "weapon-parts", date(2021, 7, 16)),
        ("防弹头盔", "military-police-gear", date(2021, 7, 16)),
        ("V.I.N. plate for cars", "traffic-evasion", date(2021, 7, 16)),
        ("Odometer correction tool", "traffic-evasion", date(2021, 7, 16)),
        ("irradiated gemstone ring", "treated-gems", date(2021, 7, 16)),
        ("Vegetable seeds 1 kg", "live-animals-plants-seeds", date(2021, 8, 20)),
        ("鸡粪有机肥", "animal-dung", date(2021, 7, 16)),
        ("猎枪支架", "weapon-parts", date(2021, 7, 16)),
        ("花苗盆栽", "live-animals-plants-seeds", date(2021, 8, 20)),
        ("裹尸袋", "epidemic-goods", date(2021, 11, 17)),
        ("二手手机", "used-phones", date(2021, 7, 7)),
        ("unofficial refurbished phone", "unofficial-refurbished-phones", date(2021, 7, 7)),
    ],
)
def test_the_classes_of_the_announcements_hold_from_their_day(
    words: str, code: str, day: date, category: Category
) -> None:
    def codes(on: date) -> set[str]:
        return {hit.rule_class for hit in screen_texts([text(category, title=words)], day=on)[0]}

    assert code in codes(day)
    assert code not in codes(date.fromordinal(day.toordinal() - 1))


@pytest.mark.rule("CMP-1", "CMP-3")
@pytest.mark.parametrize(
    "words",
    [
        "Gunmetal grey e-bike kit", "Nail gun spring", "Toy water gun", "Seed beads for jewellery",
        "Artificial live plants wall", "Phone case", "Body cream", "Live stream light", "48V battery",
        "蔬菜种子播种机", "电焊枪支架", "License plate frame", "Paint spray gun trigger", "扫码枪支架",
        "Chicken manure pellet machine", "鸡粪有机肥造粒机", "LED grow light for live plants", "树苗保护套",
    ],
)  # fmt: skip
def test_ordinary_goods_are_left_alone(words: str, category: Category) -> None:
    assert found(category, title=words, description=words) == []


@pytest.mark.rule("CMP-3")
def test_ten_thousand_terms_cost_one_query_and_are_compiled_once(category: Category) -> None:
    class_create("\n".join(f"forbidden{number}x" for number in range(10_000)))
    first = library()
    with CaptureQueriesContext(connection) as queries:
        assert found(category, title="kit forbidden9999x") == [("forbidden9999x", "title")]
    assert len(queries) == 1
    assert library() is first
    RuleClass.objects.filter(code="test-class").update(version=new_version())
    assert library() is not first


@pytest.mark.rule("LST-21", "CMP-3")
def test_a_seller_cannot_publish_what_is_forbidden_by_any_way(
    owner_api: APIClient, shop: Seller
) -> None:
    body = {"category": "e-bike-kits", "title": "Plutonium kit", "kind": "rts", "product_id": "kit"}
    class_create("plutonium\nuranium")
    refused = owner_api.post(API, {**body, "status": "live", "keywords": ["uranium"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "prohibited_term")
    assert {row["field"] for row in refused.json()["errors"]} == {"title", "keywords"}
    with unscoped():
        assert not Product.objects.exists()
    draft = owner_api.post(API, {**body, "status": "draft"})
    assert draft.status_code == 201
    assert [(one["term"], one["field"], one["forbids"]) for one in draft.json()["screening"]] == [
        ("plutonium", "title", True)
    ]
    assert stored_hits() == set()  # nobody sees a draft
    assert owner_api.post(f"{API}/kit/publish").json()["code"] == "prohibited_term"
    bulk = owner_api.post(f"{API}/bulk", {"product_ids": ["kit"], "change": {"status": "live"}})
    assert [one["field"] for one in bulk.json()["rejected"]] == ["title"]
    with unscoped():
        assert Product.objects.get().status == "draft"
    assert owner_api.patch(f"{API}/kit", {"title": "Kit", "status": "live"}).status_code == 200


@pytest.mark.rule("LST-21")
def test_what_is_only_restricted_is_answered_and_kept(owner_api: APIClient) -> None:
    class_create("plutonium", effect=TermEffect.RESTRICT)
    body = {"category": "e-bike-kits", "title": "Plutonium kit", "kind": "rts", "product_id": "kit"}
    made = owner_api.post(API, {**body, "status": "live"})
    assert made.status_code == 201
    assert [one["rule_class"] for one in made.json()["screening"]] == ["test-class"]
    assert stored_hits() == {("test-class", "plutonium", "title")}
    owner_api.patch(f"{API}/kit", {"title": "Kit"})
    assert stored_hits() == set()


@pytest.mark.rule("LST-21", "CMP-3")
def test_upstreams_products_stand_and_their_hits_are_kept_while_they_are_live(
    shop: Seller, owner_api: APIClient
) -> None:
    class_create("plutonium")
    feed(shop, title="Plutonium kit", description="plutonium inside")
    assert stored_hits() == {
        ("test-class", "plutonium", "title"), ("test-class", "plutonium", "description"),
    }  # fmt: skip
    # A price may change while old words stand; new words may not keep a forbidden one.
    assert owner_api.patch(f"{API}/kit", {"moq": 5}).status_code == 200
    assert owner_api.patch(f"{API}/kit", {"title": "Kit"}).json()["code"] == "prohibited_term"
    feed(shop, title="Kit")
    assert stored_hits() == {("test-class", "plutonium", "description")}
    feed(shop, status="off_shelf")
    assert stored_hits() == set()


@pytest.mark.rule("LST-21")
def test_the_form_shows_every_hit_before_saving(owner_client: Client, category: Category) -> None:
    class_create("plutonium", effect=TermEffect.RESTRICT)
    form = {
        "category": category.code, "kind": "rts", "title": "Plutonium kit", "price_mode": "fob",
        "save": "live", "video": "none",
    }  # fmt: skip
    url = "/listings/products/new/"
    shown = owner_client.post(url, form)
    assert shown.status_code == 409
    page = shown.content.decode()
    assert "Test class" in page
    assert "Leave it out." in page
    with unscoped():
        assert not Product.objects.exists()
    seen = shown.context["state"].hits_digest
    more = owner_client.post(url, {**form, "description": "plutonium too", "hits_seen": seen})
    assert more.status_code == 409  # another hit than the ones looked at
    assert owner_client.post(url, {**form, "hits_seen": seen}).status_code == 302
    with unscoped():
        assert Product.objects.get().status == "live"


@pytest.mark.rule("LST-21")
def test_the_form_never_publishes_what_is_forbidden(
    owner_client: Client, category: Category
) -> None:
    class_create("plutonium")
    form = {
        "category": category.code, "kind": "rts", "title": "Plutonium kit", "price_mode": "fob",
        "save": "live", "video": "none",
    }  # fmt: skip
    shown = owner_client.post("/listings/products/new/", form)
    seen = shown.context["state"].hits_digest
    again = owner_client.post("/listings/products/new/", {**form, "hits_seen": seen})
    assert (shown.status_code, again.status_code) == (409, 409)
    with unscoped():
        assert not Product.objects.exists()


@pytest.mark.rule("CMP-5")
def test_marks_count_in_titles_only_and_open_one_case(shop: Seller, category: Category) -> None:
    mark = ProtectedMark.objects.get(name="BIRKIN 3D")
    assert found(category, title="BlRKIN bag", description="Birkin", keywords=["birkin"]) == [
        ("BIRKIN 3D", "title")
    ]
    feed(shop, title="Birkin style bag")
    feed(shop, title="New Birkin style bag")
    with unscoped():
        case = MarkCase.objects.get()
        assert (case.mark, case.state, case.title) == (mark, "open", "New Birkin style bag")
        assert stored_hits() == set()
    feed(shop, title="Bag")
    with unscoped():
        assert MarkCase.objects.get().state == MarkCaseState.FIXED
    feed(shop, title="Birkin bag")
    with unscoped():
        assert set(MarkCase.objects.values_list("state", flat=True)) == {"open", "fixed"}


@pytest.mark.rule("CMP-3")
def test_hits_of_many_products_cost_a_constant_number_of_statements(
    shop: Seller, category: Category
) -> None:
    class_create("plutonium", effect=TermEffect.RESTRICT)
    rows = [
        ProductRow(
            f"p{number}", shop.pk,
            {"category": "e-bike-kits", "title": "Kit", "kind": "rts", "status": "live"},
        )
        for number in range(60)
    ]  # fmt: skip
    products_write(rows, origin="ingest")

    def statements(first: int, last: int, title: str) -> int:
        texts = [text(category, product_id=f"p{n}", title=title) for n in range(first, last)]
        with CaptureQueriesContext(connection) as queries:
            products_screened(texts)
        return len(queries)

    assert statements(3, 60, "Plutonium birkin") <= statements(0, 3, "Plutonium birkin")
    with unscoped():
        assert ProductHit.objects.count() == 60
        assert MarkCase.objects.count() == 60
    assert statements(3, 60, "Kit") <= statements(0, 3, "Kit")
    with unscoped():
        assert not ProductHit.objects.exists()
        assert GatedProduct.objects.count() == 60
