"""The check: a draft or a product against a theme, and which other themes are within reach (LST-7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from listings.models import Product, Theme
from listings.services.themes import theme_save
from listings.themes import draft_check
from portal.models import Seller
from portal.scoping import unscoped
from tests.listings.theme_world import ASKS, KIT, product_feed, theme_make

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LST-7")]

CHECK = "/api/v1/listings/check"


@pytest.fixture
def theme(categories: Any, clock: Any) -> Theme:
    return theme_save(actor=None, data={**ASKS, "theme_id": "kits"})


def check(api: APIClient, **product: Any) -> Any:
    return api.post(CHECK, {"theme_id": "kits", "product": product}, format="json")


def unmet(response: Any) -> set[str]:
    assert response.status_code == 200, response.json()
    return {need["key"] for need in response.json()["requirements"] if not need["met"]}


def test_every_requirement_is_listed_once_by_its_contract_key(
    theme: Theme, owner_api: APIClient
) -> None:
    answer = check(owner_api, **KIT).json()
    assert answer["matches"] is True
    assert [need["key"] for need in answer["requirements"]] == [
        "category", "keywords", "kind", "attribute:voltage", "attribute:features", "services",
        "price", "countries", "status", "window",
    ]  # fmt: skip
    assert all(need["met"] and need["reason"] for need in answer["requirements"])


def test_a_custom_value_does_not_count_and_the_reason_says_so(
    theme: Theme, owner_api: APIClient
) -> None:
    response = check(
        owner_api,
        **{**KIT, "attributes": {"features": "Foldable"}, "custom_attributes": {"Voltage": "48V"}},
    )
    assert unmet(response) == {"attribute:voltage"}
    reasons = {need["key"]: need["reason"] for need in response.json()["requirements"]}
    assert reasons["attribute:voltage"] == "Voltage is a custom value: pick a system value"


@pytest.mark.parametrize(
    "form",
    [
        {"attributes": {"voltage": "48V", "features": "Foldable"}},
        {"attributes": '{"voltage": ["48V"], "features": ["Foldable"]}'},
        {"services": "overseas_after_sales|linked_certificate"},
        {"services": ["Overseas-After-Sales", "linked certificate"]},
        {"target_countries": "DE|my"},
        {"price_min": 1300, "price_max": 2400.5},
        {"price_min": "1300.00", "price_max": None},
        {"price_min": "", "price_max": "", "tiers": [[1, "2400"], [10, 1300]]},
        {"price_min": "1", "price_max": "9", "tiers": '[[1, "2500"], [10, "1200"]]'},
        {"kind": "RTS", "status": ""},
        {"images": 5, "video": "good", "epr_traits": "battery", "seller": "cn1001", "moq": None},
    ],
)
def test_it_reads_values_in_any_reasonable_form(
    theme: Theme, owner_api: APIClient, form: dict[str, Any]
) -> None:
    assert unmet(check(owner_api, **{**KIT, **form})) == set()


def test_a_draft_without_a_status_is_judged_as_published_and_one_off_shelf_is_not(
    theme: Theme, owner_api: APIClient
) -> None:
    draft = {name: value for name, value in KIT.items() if name != "status"}
    assert unmet(check(owner_api, **draft)) == set()
    assert unmet(check(owner_api, **draft, status="off_shelf")) == {"status"}


def test_an_empty_draft_gets_an_answer_and_not_an_error(theme: Theme, owner_api: APIClient) -> None:
    answer = check(owner_api)
    assert unmet(answer) == {
        "category", "keywords", "kind", "attribute:voltage", "attribute:features", "services",
        "price", "countries",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("product", "field"),
    [
        ({"category": "e-bike-kit"}, "product.category"),
        ({"kind": "gift"}, "product.kind"),
        ({"status": "sold"}, "product.status"),
        ({"price_min": "cheap"}, "product.price_min"),
        ({"price_min": 5, "price_max": 4}, "product.price_max"),
        ({"price_max": True}, "product.price_max"),
        ({"price_max": 1e300}, "product.price_max"),
        ({"tiers": [["x"]]}, "product.tiers"),
        ({"tiers": "{"}, "product.tiers"),
        ({"attributes": ["48V"]}, "product.attributes"),
        ({"attributes": {"voltage": {"a": 1}}}, "product.attributes"),
        ({"target_countries": ["Mars"]}, "product.target_countries"),
        ({"services": {"a": 1}}, "product.services"),
        ({"title": ["a"]}, "product.title"),
        ({"title": "a\u0000"}, "product.title"),
        ({"title": "x" * 301}, "product.title"),
    ],
)
def test_a_malformed_draft_names_the_field(
    theme: Theme, owner_api: APIClient, product: dict[str, Any], field: str
) -> None:
    response = check(owner_api, **product)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_an_unknown_category_names_the_nearest(theme: Theme, owner_api: APIClient) -> None:
    message = check(owner_api, category="e-bike-kit").json()["errors"][0]["message"]
    assert "e-bike-kits" in message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"theme_id": "kits"}, "product"),
        ({"theme_id": "kits", "product": {}, "product_id": "kit"}, "product"),
        ({"theme_id": "kits", "product": []}, "product"),
        ({"theme_id": "kits", "product": "kit"}, "product"),
        ({"product": {}}, "theme_id"),
        ([], ""),
    ],
)
def test_a_body_that_is_not_a_question_is_refused(
    theme: Theme, owner_api: APIClient, body: Any, field: str
) -> None:
    response = owner_api.post(CHECK, body, format="json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.rule("K-8")
@pytest.mark.both_databases
def test_a_product_is_checked_by_its_own_shop_only(
    theme: Theme, shop: Seller, owner_api: APIClient, viewer_api: APIClient, stranger_api: APIClient
) -> None:
    product_feed(shop, "kit", status="draft")
    body = {"theme_id": "kits", "product_id": "kit"}
    assert unmet(owner_api.post(CHECK, body)) == {"status"}
    assert unmet(viewer_api.post(CHECK, body)) == {"status"}
    foreign = stranger_api.post(CHECK, body)
    missing = stranger_api.post(CHECK, {"theme_id": "kits", "product_id": "none"})
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()
    assert owner_api.post(CHECK, {"theme_id": "none", "product_id": "kit"}).status_code == 404


def test_checking_saves_nothing(theme: Theme, shop: Seller, owner_api: APIClient) -> None:
    check(owner_api, **KIT)
    with unscoped():
        assert not Product.objects.exists()


# --- On the product form ------------------------------------------------------------------------


def typed(**changes: Any) -> dict[str, Any]:
    """What the form posts for `KIT`, as a browser without JavaScript sends it."""
    return {
        "category": "e-bike-kits",
        "title": KIT["title"],
        "kind": "rts",
        "price_mode": "fob",
        "price_min": "1300",
        "price_max": "2400",
        "attr:voltage": "48V",
        "attr:features": ["Foldable"],
        "services": KIT["services"],
        "target_countries": ["MY"],
        "check": "1",
        **changes,
    }


def test_the_form_comes_back_with_every_requirement_and_nothing_lost_or_saved(
    theme: Theme, owner_client: Client
) -> None:
    url = "/listings/products/new/?theme=kits"
    response = owner_client.post(url, typed(price_max="2600", **{"own:voltage": "72V"}))
    text = response.content.decode()
    assert response.status_code == 200
    unmet = {need.key for need in response.context["check"].requirements if not need.met}
    assert unmet == {"price", "attribute:voltage"}
    assert "2 requirements are not met" in text
    assert "Voltage is a custom value: pick a system value" in text
    assert 'id="check-panel"' in text
    assert 'value="2600"' in text
    assert "72V" in text
    with unscoped():
        assert not Product.objects.exists()
    text = owner_client.post(url, typed()).content.decode()
    assert "Meets every requirement." in text
    assert "Counts once published" in text


def test_without_a_theme_the_form_says_which_are_within_reach(
    theme: Theme, owner_client: Client
) -> None:
    theme_make("by-one", countries=["US"], title_en="Kits for Texas")
    response = owner_client.post("/listings/products/new/", typed())
    text = response.content.decode()
    found = [one.theme.theme_id for one in response.context["check"].suggestions]
    assert found == ["kits", "by-one"]
    assert "Kits for Texas" in text
    # Each suggestion can be checked in full with the same form.
    assert 'formaction="?theme=by-one"' in text
    response = owner_client.post("/listings/products/new/?theme=by-one", typed(theme="kits"))
    assert response.context["check"].theme.theme_id == "by-one"


def test_an_existing_product_is_checked_as_typed_and_stays_as_it_was(
    theme: Theme, shop: Seller, owner_client: Client
) -> None:
    product_feed(shop, "kit", price_max="2600")
    response = owner_client.post("/listings/product/kit/edit/?theme=kits", typed())
    assert response.context["check"].matches
    with unscoped():
        assert Product.objects.get().price_max == 2600


def test_the_form_is_prefilled_from_a_theme_and_keeps_what_a_similar_product_has(
    theme: Theme, shop: Seller, owner_client: Client
) -> None:
    new = owner_client.get("/listings/products/new/?theme=kits").context["form"]
    assert new.content.category == "e-bike-kits"
    assert new.content.kind == "rts"
    # One accepted value is filled in; of several the seller picks.
    assert new.content.attributes == {"features": ["Foldable"]}
    assert set(new.content.target_countries) == {"ID", "MY"}
    assert set(new.content.services) == {"overseas_after_sales", "linked_certificate"}
    product_feed(shop, "kit", title="Mine", kind="customization", target_countries=["MY", "DE"],
                 attributes={"voltage": ["52V"]}, services=["sample"])  # fmt: skip
    copy = (
        owner_client.get("/listings/products/new/?similar=kit&theme=kits").context["form"].content
    )
    assert (copy.title, copy.kind) == ("Mine", "rts")
    assert copy.target_countries == ["DE", "MY"]
    assert copy.attributes == {"voltage": ["52V"], "features": ["Foldable"]}
    assert set(copy.services) == {"sample", "overseas_after_sales", "linked_certificate"}
    assert (copy.price_min, copy.price_max) == (1300, 2400)


# --- Suggestions --------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_it_suggests_themes_that_are_met_or_missed_by_one(
    theme: Theme, owner_api: APIClient
) -> None:
    theme_make("met", category="bicycles", traffic_gain=10)
    theme_make("by-one", countries=["US"], traffic_gain=900)
    theme_make("by-two", countries=["US"], price_max="10")
    theme_make("elsewhere", category="helmets")
    theme_make("ended", ends_on="2022-08-02")
    theme_make("not-yet", starts_on="2022-08-04")
    found = check(owner_api, **{**KIT, "status": "draft"}).json()["suggestions"]
    assert [(one["theme_id"], one["matches"]) for one in found] == [
        ("met", True),
        ("by-one", False),
    ]
    assert [need["key"] for need in found[1]["missing"]] == ["countries"]


def test_suggestions_are_bounded_and_cost_the_same_for_any_number(
    theme: Theme, owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_check, "CONSIDERED", 12)

    def queries() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            found = check(owner_api, **KIT).json()["suggestions"]
        return len(captured), len(found)

    theme_make("t0", traffic_gain=1)
    few, number = queries()
    assert number == 1
    for index in range(1, 40):
        theme_make(f"t{index}", traffic_gain=index)
    assert queries() == (few, draft_check.SUGGESTED)
    # The best are looked at first, and the check says when there may be more.
    result = draft_check.check_content(theme, {"category": "e-bike-kits"})
    assert result.cut
    assert result.suggestions[0].theme.theme_id == "t39"
