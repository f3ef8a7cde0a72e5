"""What products contain, as members say it: the wizard, by category, over the API (EPR-2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from compliance.choices import EprCategory
from compliance.models import CategoryTraits, GatedProduct, ShopCategoryTraits
from compliance.rules import codes_of, mask_of
from compliance.services.traits import (
    category_traits_set,
    product_traits_set_by_staff,
    shop_traits_confirm,
)
from compliance.traits.effects import category_traits_effect
from listings.models import Product
from listings.services.products import ORIGIN_INGEST, ProductRow, products_write
from portal.models import Category, Member, Seller, User
from portal.scoping import seller_scope, unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-2")]

NO = {"packaging": "no", "electrical": "no", "battery": "no", "furniture": "no", "tyre": "no",
      "paper": "no", "textile": "no"}  # fmt: skip
PAGE = "/compliance/traits/"


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03."""


def listed(shop: Seller, product_id: str = "kit", **fields: Any) -> GatedProduct:
    """Publish a product through listings, as sellers do."""
    given = {"category": "e-bike-kits", "title": "Kit", "kind": "rts", "status": "live",
             "price_min": "1"} | fields  # fmt: skip
    (result,) = products_write([ProductRow(product_id, shop.pk, given)], origin=ORIGIN_INGEST)
    assert not result.problems
    return gated(product_id)


def gated(product_id: str) -> GatedProduct:
    with unscoped():
        return GatedProduct.objects.get(product_id=product_id)


def answers(product_id: str, **said: str) -> dict[str, str]:
    """Return the wizard's form, filled in as if it had just been opened."""
    from compliance.services.trait_answers import traits_seen

    return {**NO, **said, "seen": traits_seen(gated(product_id))}


# --- The wizard -----------------------------------------------------------------------------------

EARPHONES = {"packaging": "yes", "electrical": "yes", "battery": "yes"}


@pytest.mark.rule("EPR-1")
@pytest.mark.parametrize(
    ("said", "germany", "france"),
    [
        (EARPHONES, ["packaging", "electrical", "battery"], ["packaging", "electrical", "battery"]),
        ({"packaging": "yes", "electrical": "yes"}, ["packaging", "electrical"],
         ["packaging", "electrical"]),
        ({"packaging": "yes", "textile": "yes"}, ["packaging"], ["packaging", "textile"]),
        ({"packaging": "yes", "furniture": "yes", "paper": "yes", "tyre": "yes"}, ["packaging"],
         ["packaging", "furniture", "tyre", "paper"]),
    ],
    ids=["Bluetooth earphones, toy car", "data cable", "clothes and shoes", "French only"],
)  # fmt: skip
def test_the_worked_examples(
    shop: Seller,
    colleague_client: Client,
    said: dict[str, str],
    germany: list[str],
    france: list[str],
) -> None:
    listed(shop)

    def named(codes: list[str]) -> list[str]:
        return [str(EprCategory(code).label) for code in codes]

    path = f"{PAGE}kit/"
    tried = colleague_client.post(path, {**NO, **said, "try": "1"})
    needs = dict(tried.context["needs"])
    assert needs == {"Germany": named(germany), "France": named(france)}
    assert gated("kit").source == "fallback"  # Trying keeps nothing.
    fragment = colleague_client.post(
        path, {**NO, **said, "try": "1"}, headers={"HX-Request": "true"}
    )
    assert "<html" not in fragment.content.decode()
    assert dict(fragment.context["needs"]) == needs
    assert colleague_client.post(path, answers("kit", **said)).status_code == 302
    kept = gated("kit")
    assert (codes_of(kept.traits), kept.source) == (
        codes_of(mask_of({*germany, *france})), "product",
    )  # fmt: skip
    with unscoped():
        assert set(Product.objects.get().epr_traits) == {*germany, *france}


def test_every_question_wants_an_answer(shop: Seller, owner_client: Client) -> None:
    listed(shop)
    said = answers("kit", packaging="yes")
    del said["battery"]
    response = owner_client.post(f"{PAGE}kit/", said)
    assert response.status_code == 400
    assert "Please answer." in response.content.decode()
    # What was answered is still there.
    assert response.context["form"]["packaging"].value() == "yes"
    assert gated("kit").source == "fallback"


def test_nothing_at_all_is_said_elsewhere(shop: Seller, owner_client: Client) -> None:
    listed(shop)
    response = owner_client.post(f"{PAGE}kit/", answers("kit"))
    assert response.status_code == 400
    assert "shipped wholly bare" in response.content.decode()
    assert gated("kit").source == "fallback"


def test_a_stale_form_changes_nothing(shop: Seller, owner_client: Client) -> None:
    listed(shop)
    first = answers("kit", **EARPHONES)
    second = answers("kit", packaging="yes")
    assert owner_client.post(f"{PAGE}kit/", first).status_code == 302
    response = owner_client.post(f"{PAGE}kit/", second)
    assert response.status_code == 409
    assert gated("kit").traits == mask_of(["packaging", "electrical", "battery"])
    # The page that comes back knows the newest state: sending it again is meant.
    second["seen"] = response.context["seen"]
    assert owner_client.post(f"{PAGE}kit/", second).status_code == 302
    assert gated("kit").traits == mask_of(["packaging"])


def test_what_staff_decided_stays(shop: Seller, owner_client: Client, staff: User) -> None:
    product = listed(shop)
    with unscoped():
        product_traits_set_by_staff(
            actor=staff, product=product, traits=mask_of(["battery"]), note="It has a battery."
        )
    page = owner_client.get(f"{PAGE}kit/").content.decode()
    assert "It has a battery." in page
    assert "<form" not in page.split('id="questions-title"')[1].split("</section>")[0]
    response = owner_client.post(f"{PAGE}kit/", answers("kit", packaging="yes"))
    assert response.status_code == 409
    with unscoped():
        assert Product.objects.get().epr_traits is None


def test_a_product_can_be_left_to_its_category(shop: Seller, owner_client: Client) -> None:
    listed(shop, epr_traits=["battery"])
    response = owner_client.post(f"{PAGE}kit/", {"leave": "1"})
    assert response.status_code == 302
    assert gated("kit").source == "fallback"


def test_viewers_read_and_strangers_find_nothing(
    shop: Seller, viewer_client: Client, stranger_client: Client
) -> None:
    listed(shop)
    assert 'type="radio"' not in viewer_client.get(f"{PAGE}kit/").content.decode()
    assert viewer_client.post(f"{PAGE}kit/", answers("kit", **EARPHONES)).status_code == 403
    assert stranger_client.get(f"{PAGE}kit/").status_code == 404
    assert stranger_client.post(f"{PAGE}kit/", answers("kit", **EARPHONES)).status_code == 404
    assert stranger_client.get(f"{PAGE}nothing/").status_code == 404
    assert gated("kit").source == "fallback"


# --- Category by category -------------------------------------------------------------------------


def bulk(client: Client, ticked: dict[str, list[str]], confirm: str = "all") -> Any:
    """Send the bulk page as it is shown, with these ticks by category code."""
    forms = client.get(PAGE).context["forms"]
    data: dict[str, Any] = {"confirm": confirm}
    for form, _boxes in forms:
        data[f"seen-{form.row.category.pk}"] = form.seen
        if form.row.category.code in ticked:
            data[form.name] = ticked[form.row.category.code]
        else:
            data[form.name] = codes_of(form.ticked)
    return data


def test_one_answer_holds_for_a_category_and_what_comes(
    shop: Seller, colleague_client: Client, categories: dict[str, Category]
) -> None:
    listed(shop, "a")
    listed(shop, "b", epr_traits=["packaging"])
    listed(shop, "c", category="helmets")
    data = bulk(colleague_client, {"e-bike-kits": ["packaging", "electrical"]}, "")
    data["confirm"] = str(categories["e-bike-kits"].pk)
    assert colleague_client.post(PAGE, data).status_code == 302
    assert (gated("a").traits, gated("a").source) == (mask_of(["packaging", "electrical"]), "shop")
    assert gated("b").source == "product"
    assert gated("c").source == "fallback"
    assert listed(shop, "later").source == "shop"
    (row,) = [
        form.row
        for form, _boxes in colleague_client.get(PAGE).context["forms"]
        if form.row.category.code == "e-bike-kits"
    ]
    assert (row.products, row.own, row.differing, row.relying) == (3, 1, 1, 2)


def test_all_are_confirmed_at_once(shop: Seller, owner_client: Client) -> None:
    listed(shop, "a")
    listed(shop, "c", category="helmets")
    assert "2 live products on this page" in owner_client.get(PAGE).content.decode()
    response = owner_client.post(PAGE, bulk(owner_client, {"helmets": []}), follow=True)
    assert "2 categories are confirmed; 2 products take the answer over." in (
        response.content.decode()
    )
    assert (gated("a").source, gated("c").source) == ("shop", "shop")
    # For a category nothing at all can be said: goods shipped wholly bare.
    assert gated("c").traits == 0


def test_two_tabs_do_not_overwrite_each_other(
    shop: Seller, owner: Member, owner_client: Client, categories: dict[str, Category]
) -> None:
    listed(shop, "a")
    listed(shop, "c", category="helmets")
    data = bulk(owner_client, {"helmets": ["packaging", "textile"]})
    with seller_scope(shop):
        shop_traits_confirm(member=owner, answers={categories["helmets"].pk: 0})
    response = owner_client.post(PAGE, data)
    assert response.status_code == 409
    assert "Your ticks are still here" in response.content.decode()
    assert gated("c").traits == 0
    assert gated("a").source == "fallback"  # All or nothing.


def test_foreign_categories_and_viewers_change_nothing(
    shop: Seller, owner_client: Client, viewer_client: Client, categories: dict[str, Category]
) -> None:
    listed(shop, "a")
    foreign = categories["vacuum-flasks"].pk
    data = {f"seen-{foreign}": "x", f"traits-{foreign}": ["battery"], "confirm": str(foreign)}
    owner_client.post(PAGE, data)
    assert viewer_client.post(PAGE, bulk(viewer_client, {})).status_code == 403
    with unscoped():
        assert not ShopCategoryTraits.objects.exists()


# --- API ------------------------------------------------------------------------------------------

API = "/api/v1/compliance"


@pytest.mark.rule("API-1")
def test_the_api_says_and_takes_the_same(
    shop: Seller, other_shop: Seller, colleague_api: APIClient, viewer_api: APIClient
) -> None:
    listed(shop, "a")
    listed(shop, "b")
    listed(other_shop, "foreign")
    (row,) = colleague_api.get(f"{API}/traits").json()["results"]
    assert (row["category"], row["products"], row["traits"], row["to_confirm"]) == (
        "e-bike-kits", 2, ["packaging"], True,
    )  # fmt: skip
    sent = {"answers": {"e-bike-kits": ["packaging", "battery"]}}
    assert viewer_api.post(f"{API}/traits/categories", sent, format="json").status_code == 403
    changed = colleague_api.post(f"{API}/traits/categories", sent, format="json")
    assert (changed.status_code, changed.json()) == (200, {"changed": 2})
    one = {"answers": {"a": ["packaging"]}}
    assert colleague_api.post(f"{API}/traits/products", one, format="json").json() == {"changed": 1}
    assert (gated("a").source, gated("b").source) == ("product", "shop")
    back = colleague_api.post(f"{API}/traits/products", {"answers": {"a": None}}, format="json")
    assert back.status_code == 200
    assert gated("a").source == "shop"
    assert gated("foreign").source == "fallback"


@pytest.mark.rule("API-1")
@pytest.mark.parametrize(
    ("path", "answers", "field"),
    [
        ("products", {"a": ["packaging"], "foreign": ["packaging"]}, "answers.foreign"),
        ("products", {"a": []}, "answers.a"),
        ("products", {"a": ["wood"]}, "answers.a"),
        ("products", {"a": "packaging"}, "answers.a"),
        ("products", {"a\0": ["packaging"]}, "answers.a\0"),
        ("products", {}, "answers"),
        ("products", None, "answers"),
        ("categories", {"nowhere": ["packaging"]}, "answers.nowhere"),
        ("categories", {"e-bike-kits": [1]}, "answers.e-bike-kits"),
    ],
)
def test_the_api_names_what_is_wrong_and_changes_nothing(
    shop: Seller, other_shop: Seller, owner_api: APIClient, path: str, answers: Any, field: str
) -> None:
    listed(shop, "a")
    listed(other_shop, "foreign")
    response = owner_api.post(f"{API}/traits/{path}", {"answers": answers}, format="json")
    assert response.status_code == 400
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert gated("a").source == "fallback"


# --- Staff ----------------------------------------------------------------------------------------


@pytest.mark.rule("UI-7")
def test_staff_see_what_a_default_changes_before_it_does(
    shop: Seller,
    other_shop: Seller,
    staff: User,
    staff_client: Client,
    categories: dict[str, Category],
) -> None:
    listed(shop, "a")
    listed(shop, "off", status="off_shelf")
    listed(shop, "said", epr_traits=["battery"])
    listed(other_shop, "b")
    listed(other_shop, "elsewhere", category="helmets")
    listed(other_shop, "nearer", category="e-bike-batteries")
    category_traits_set(
        actor=staff, category=categories["e-bike-batteries"], traits=mask_of(["battery"])
    )
    add = "/admin/compliance/categorytraits/add/"
    data = {
        "category": categories["e-bike-parts"].pk,
        "traits": ["packaging", "electrical"],
        "note": "",
    }
    response = staff_client.post(add, data)
    assert response.status_code == 200
    assert (
        "3 products (2 live) of 2 shops would contain something else." in response.content.decode()
    )
    assert CategoryTraits.objects.count() == 1
    assert staff_client.post(add, {**data, "confirmed": "on"}).status_code == 302
    held = {one: gated(one).traits for one in ("a", "b", "off")}
    assert set(held.values()) == {mask_of(["packaging", "electrical"])}
    assert gated("elsewhere").source == "fallback"
    assert gated("nearer").traits == mask_of(["battery"])
    row = CategoryTraits.objects.get(category=categories["e-bike-parts"])
    change = f"/admin/compliance/categorytraits/{row.pk}/change/"
    assert category_traits_effect(row.category, None).products == 3
    back = {"traits": ["packaging"], "note": "", "withdraw": "on", "confirmed": "on"}
    assert staff_client.post(change, back).status_code == 302
    assert gated("a").source == "fallback"
    # Nearest above: what is taken back falls to the default further up.
    category_traits_set(actor=staff, category=categories["sports"], traits=mask_of(["paper"]))
    assert category_traits_effect(categories["e-bike-batteries"], None).products == 1
    assert (
        category_traits_effect(categories["e-bike-batteries"], mask_of(["battery"])).products == 0
    )
