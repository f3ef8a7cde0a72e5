"""Pages of products: list, form, history, bin, bulk edit, shipping templates (LST-1, LST-2)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from listings.models import Product, ShippingTemplate
from listings.services.product_actions import product_delete, products_purge
from listings.services.products import ProductRow, product_save, products_write
from listings.services.themes import theme_save
from portal.models import Category, Member, Seller, User
from portal.platform_time import parse_day
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db]

FORM: dict[str, Any] = {
    "category": "e-bike-kits",
    "kind": "rts",
    "title": "E-bike kit 电动车",
    "price_mode": "tiers",
    "tier_quantity": ["10", "100", "", ""],
    "tier_price": ["199.5", "180", "", ""],
    "attr:voltage": "48V",
    "attr:features": ["Quiet"],
    "custom_name": ["Cable", ""],
    "custom_value": ["2 m", ""],
    "services": ["sample"],
    "more_services": "Color-match",
    "target_countries": ["US", "DE"],
    "keywords": "kit\n套件",
    "video": "none",
    "save": "live",
}


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def url(name: str, *args: Any) -> str:
    return reverse(f"listings:{name}", args=args)


def make(member: Member, **fields: Any) -> Product:
    given = {
        "category": "e-bike-kits", "title": "E-bike kit", "kind": "rts", "status": "live",
        "price_min": "10", "price_max": "20",
    }  # fmt: skip
    product_id = fields.pop("product_id", "kit")
    with unscoped():
        return product_save(
            actor=member, seller=member.seller, data={**given, **fields}, origin="form",
            product_id=product_id,
        )  # fmt: skip


def rows(seller: Seller, count: int, **fields: Any) -> None:
    given = {
        "category": "e-bike-kits",
        "kind": "rts",
        "status": "live",
        "price_min": "10",
        **fields,
    }
    products_write(
        [
            ProductRow(f"n{n:05}", seller.pk, {**given, "title": f"Kit number {n}"})
            for n in range(count)
        ],
        origin="ingest",
    )


def only() -> Product:
    with unscoped():
        return Product.objects.select_related("category").get()


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# --- Form -----------------------------------------------------------------------------------------


@pytest.mark.rule("LST-1")
def test_the_form_saves_everything(owner_client: Client) -> None:
    answer = owner_client.post(url("product-new"), FORM)
    product = only()
    assert answer["Location"] == url("product-detail", product.product_id)
    assert product.status == "live"
    assert product.tiers == [[10, "199.50"], [100, "180.00"]]
    assert product.attributes == {"voltage": ["48V"], "features": ["Quiet"]}
    assert product.custom_attributes == {"Cable": "2 m"}
    assert product.services == ["color_match", "sample"]
    assert product.keywords == ["kit", "套件"]
    assert product.owner.user.username == "owner"
    shown = owner_client.get(url("product-edit", product.product_id)).content.decode()
    for value in ("199.50", "E-bike kit 电动车", "color_match", "2 m"):
        assert f'value="{value}"' in shown or value in shown


@pytest.mark.rule("LST-1")
def test_what_was_typed_survives_an_error(owner_client: Client) -> None:
    typed = {**FORM, "title": "", "tier_price": ["199.5", "cheap", "", ""], "brand": "Volta"}
    answer = owner_client.post(url("product-new"), typed)
    assert answer.status_code == 400
    page = answer.content.decode()
    for value in ("cheap", "Volta", "2 m", "Color-match"):
        assert f'value="{value}"' in page
    assert "must not be empty" in page
    assert "Row 2:" in page
    with unscoped():
        assert not Product.objects.exists()


@pytest.mark.rule("LST-4", "LST-1")
def test_an_own_value_becomes_a_custom_attribute_with_a_warning(owner_client: Client) -> None:
    answer = owner_client.post(url("product-new"), {**FORM, "own:voltage": "47V"}, follow=True)
    product = only()
    assert "voltage" not in product.attributes
    assert product.custom_attributes == {"Voltage": "47V", "Cable": "2 m"}
    assert "does not count for themes" in text_of(answer)


@pytest.mark.rule("LST-1")
def test_a_form_sent_twice_makes_one_product(owner_client: Client) -> None:
    page = owner_client.get(url("product-new")).content.decode()
    new_id = re.search(r'name="new_id" value="(p[0-9a-f]{18})"', page)
    assert new_id
    for _again in range(2):
        answer = owner_client.post(url("product-new"), {**FORM, "new_id": new_id[1]})
        assert answer["Location"] == url("product-detail", new_id[1])
    assert only().version == 1


@pytest.mark.rule("LST-1")
def test_a_stale_form_shows_theirs_and_keeps_mine(
    owner_client: Client, colleague_client: Client, owner: Member
) -> None:
    make(owner)
    mine = {**FORM, "version": "1", "title": "Mine", "save": "keep"}
    assert (
        colleague_client.post(url("product-edit", "kit"), {**mine, "title": "Theirs"}).status_code
        == 302
    )
    answer = owner_client.post(url("product-edit", "kit"), mine)
    assert answer.status_code == 409
    assert 'value="Mine"' in answer.content.decode()
    assert "Theirs" in text_of(answer)
    assert only().title == "Theirs"
    assert 'name="version" value="2"' in answer.content.decode()
    assert (
        owner_client.post(url("product-edit", "kit"), {**mine, "version": "2"}).status_code == 302
    )
    assert only().title == "Mine"


@pytest.mark.rule("LST-1")
def test_a_category_is_found_and_used_without_losing_input(owner_client: Client) -> None:
    typed = {**FORM, "category": "", "category_q": "自行车 套件"}
    del typed["save"]
    found = owner_client.post(url("product-new"), {**typed, "find_category": "1"}).content.decode()
    assert 'value="e-bike-kits"' in found
    assert 'value="vacuum-flasks"' not in found
    used = owner_client.post(
        url("product-new"), {**typed, "use_category": "1", "category_found": "e-bike-kits"}
    ).content.decode()
    assert 'name="attr:voltage"' in used
    assert "E-bike kit 电动车" in used
    with unscoped():
        assert not Product.objects.exists()


@pytest.mark.rule("LST-7")
def test_the_check_saves_nothing_and_explains(
    owner_client: Client, category: Category, staff: User
) -> None:
    with unscoped():
        theme_save(
            actor=staff,
            data={
                "theme_id": "t1", "title_en": "Kits", "category": "e-bike-kits",
                "attributes": {"voltage": ["48V"]}, "starts_on": parse_day("2022-01-01"),
            },
        )  # fmt: skip
    typed = {**FORM, "check": "1", "own:voltage": "48V "}
    del typed["save"]
    answer = owner_client.post(url("product-new") + "?theme=t1", typed)
    assert 'data-key="attribute:voltage"' in answer.content.decode()
    assert "E-bike kit 电动车" in answer.content.decode()
    with unscoped():
        assert not Product.objects.exists()
    prefilled = owner_client.get(url("product-new") + "?theme=t1").content.decode()
    assert '<option value="48V" selected' in prefilled


@pytest.mark.rule("LST-6")
def test_publish_similar_prefills_a_copy(owner_client: Client, owner: Member) -> None:
    make(owner, brand="Volta")
    page = owner_client.get(url("product-new") + "?similar=kit").content.decode()
    assert 'value="Volta"' in page
    assert only().version == 1


@pytest.mark.rule("LST-1", "K-12")
def test_a_suspended_category_is_explained_at_its_place(
    owner_client: Client, category: Category
) -> None:
    category.suspended_from = parse_day("2022-08-01")
    category.save()
    answer = owner_client.post(url("product-new"), FORM)
    assert answer.status_code == 400
    assert "suspended" in text_of(answer)


# --- Who may ----------------------------------------------------------------------------------------

READ_PAGES = ["products", "product-bin", "product-exchange", "product-export", "product-shipping"]
EDIT_PAGES = ["product-new", "product-shipping-new"]
OWN_PAGES = ["product-detail", "product-history"]
OWN_EDIT_PAGES = ["product-edit", "product-delete"]
OWN_POSTS = [
    "product-edit", "product-delete", "product-publish", "product-off-shelf", "product-duplicate",
    "product-restore",
]  # fmt: skip


@pytest.mark.rule("K-8")
def test_strangers_find_no_page_of_a_product(owner: Member, stranger_client: Client) -> None:
    product = make(owner)
    with unscoped():
        template = ShippingTemplate.objects.create(seller=owner.seller, name="Air", lines=[])
    for name in OWN_PAGES + OWN_EDIT_PAGES:
        assert stranger_client.get(url(name, "kit")).status_code == 404, name
    for name in OWN_POSTS:
        assert stranger_client.post(url(name, "kit"), FORM).status_code == 404, name
    for name in ("product-shipping-edit", "product-shipping-delete"):
        assert stranger_client.get(url(name, template.pk)).status_code == 404
        assert stranger_client.post(url(name, template.pk), {"name": "X"}).status_code == 404
    assert stranger_client.get(url("product-new") + "?similar=kit").status_code == 404
    for name in READ_PAGES:
        answer = stranger_client.get(url(name))
        content = b"".join(answer) if answer.streaming else answer.content
        assert b"E-bike kit" not in content, name
    bulk = {"ids": ["kit"], "step": "preview", "status": "off_shelf"}
    assert stranger_client.post(url("product-bulk"), bulk)["Location"] == url("products")
    stranger_client.post(url("product-bulk-delete"), {"ids": ["kit"], "confirmed": "1"})
    assert only().version == product.version
    with unscoped():
        assert ShippingTemplate.objects.get().name == "Air"


@pytest.mark.rule("K-7")
def test_viewers_read_and_change_nothing(owner: Member, viewer_client: Client) -> None:
    make(owner)
    for name in READ_PAGES:
        assert viewer_client.get(url(name)).status_code == 200, name
    for name in OWN_PAGES:
        assert viewer_client.get(url(name, "kit")).status_code == 200, name
    for name in EDIT_PAGES:
        assert viewer_client.get(url(name)).status_code == 403, name
        assert viewer_client.post(url(name), FORM).status_code == 403, name
    for name in OWN_POSTS:
        assert viewer_client.post(url(name, "kit"), FORM).status_code == 403, name
    for name in ("product-bulk", "product-bulk-delete", "product-bin", "product-exchange"):
        assert viewer_client.post(url(name), {"ids": ["kit"]}).status_code == 403, name
    assert (only().status, only().version) == ("live", 1)
    assert "product-edit" not in viewer_client.get(url("products")).content.decode()


# --- List -----------------------------------------------------------------------------------------


@pytest.mark.rule("LST-2")
def test_the_list_shows_tabs_with_counts_and_filters(owner_client: Client, owner: Member) -> None:
    make(owner, product_id="a", title="Solar <b>lamp</b>")
    make(owner, product_id="b", title="Draft kit", status="draft")
    page = text_of(owner_client.get(url("products")))
    assert "All 2" in page
    assert "Draft 1" in page
    narrowed = owner_client.get(url("products") + "?q=solar&status=live").content.decode()
    assert "Solar &lt;b&gt;lamp" in narrowed
    assert "Draft kit" not in narrowed
    assert "left out" in text_of(owner_client.get(url("products") + "?country=zz"))


@pytest.mark.rule("LST-2")
def test_the_list_asks_as_much_for_many_as_for_few(owner_client: Client, shop: Seller) -> None:
    def queries(count: int) -> int:
        rows(shop, count)
        with CaptureQueriesContext(connection) as seen:
            owner_client.get(url("products"))
        return len(seen)

    assert queries(3) == queries(120)


@pytest.mark.rule("LST-1")
def test_the_history_compares_field_by_field(
    owner_client: Client, owner: Member, clock: Any
) -> None:
    product = make(owner)
    clock.noon(parse_day("2022-08-05"))
    with unscoped():
        product_save(
            actor=owner, seller=owner.seller, product=product, origin="form",
            data={"title": "New title", "attributes": {"voltage": ["36V"]}},
        )  # fmt: skip
    page = text_of(owner_client.get(url("product-history", "kit")))
    assert "E-bike kit" in page
    assert "New title" in page
    assert "Voltage: 36V" in page


# --- Recycle bin ------------------------------------------------------------------------------------


@pytest.mark.rule("LST-2")
def test_delete_asks_first_and_restore_brings_back(owner_client: Client, owner: Member) -> None:
    make(owner)
    assert "30 days" in text_of(owner_client.get(url("product-delete", "kit")))
    assert only().deleted_at is None
    owner_client.post(url("product-delete", "kit"))
    assert only().deleted_at is not None
    assert owner_client.get(url("product-edit", "kit")).status_code == 404
    assert "E-bike kit" in text_of(owner_client.get(url("product-bin")))
    owner_client.post(url("product-bin"), {"ids": ["kit"]})
    assert (only().deleted_at, only().status) == (None, "off_shelf")


@pytest.mark.rule("LST-2")
@pytest.mark.both_databases
@pytest.mark.parametrize(("days", "left"), [(30, 1), (30.01, 0)])
def test_the_bin_is_emptied_after_30_days(
    days: float, left: int, owner: Member, clock: Any
) -> None:
    product = make(owner)
    with unscoped():
        product_delete(actor=owner, product=product)
        clock.advance(days=days)
        assert products_purge() == 1 - left
        assert Product.objects.count() == left


# --- Bulk edit --------------------------------------------------------------------------------------


@pytest.mark.rule("LST-2")
def test_bulk_edit_previews_then_applies(owner_client: Client, owner: Member) -> None:
    make(owner, product_id="a", services=["sample"])
    make(owner, product_id="b", status="draft")
    change = {
        "ids": ["a", "b"], "status": "off_shelf", "services_add": ["dispatch_7d"],
        "countries_add": "us, de", "price_percent": "10", "attribute": "voltage",
        "attribute_values": "48v",
    }  # fmt: skip
    preview = owner_client.post(url("product-bulk"), {**change, "step": "preview"})
    page = preview.content.decode()
    assert "10.00 → " in text_of(preview)
    assert "cannot go from" in page
    with unscoped():
        assert {one.version for one in Product.objects.all()} == {1}
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    stale = owner_client.post(url("product-bulk"), {**change, "step": "apply", "seen": "x"})
    assert "changed meanwhile" in text_of(stale)
    applied = owner_client.post(url("product-bulk"), {**change, "step": "apply", "seen": seen[1]})
    assert "cannot go from" in applied.content.decode()
    with unscoped():
        a, b = Product.objects.order_by("product_id")
    assert (a.status, a.services, a.target_countries) == (
        "off_shelf", ["dispatch_7d", "sample"], ["DE", "US"],
    )  # fmt: skip
    assert (str(a.price_min), str(a.price_max)) == ("11.00", "22.00")
    assert a.attributes == {"voltage": ["48V"]}
    assert (b.status, b.version) == ("draft", 1)


@pytest.mark.rule("LST-2")
def test_bulk_edit_of_all_keeps_to_the_filter(owner_client: Client, owner: Member) -> None:
    make(owner, product_id="a", title="Solar lamp")
    make(owner, product_id="b")
    change = {"all": "1", "filter": "q=solar", "countries_add": "FR"}
    page = owner_client.post(url("product-bulk"), {**change, "step": "preview"}).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    owner_client.post(url("product-bulk"), {**change, "step": "apply", "seen": seen[1]})
    with unscoped():
        found = dict(Product.objects.values_list("product_id", "target_countries"))
    assert found == {"a": ["FR"], "b": []}


@pytest.mark.rule("LST-2")
@pytest.mark.both_databases
def test_bulk_edit_takes_as_many_statements_for_many_as_for_few(
    owner: Member, shop: Seller, clock: Any
) -> None:
    from listings.services.product_bulk import BulkChange, products_bulk_edit

    rows(shop, 400)

    def statements(count: int) -> int:
        clock.advance(minutes=1)
        with unscoped(), CaptureQueriesContext(connection) as seen:
            results = products_bulk_edit(
                actor=owner,
                seller=shop,
                products=Product.objects.filter(product_id__lt=f"n{count:05}"),
                change=BulkChange(services_add=[f"service_{count}"]),
            )
        assert {result.state for result in results} == {"updated"}
        assert len(results) == count
        return len(seen)

    statements(5)  # content types are read once per process
    assert statements(10) == statements(400)


# --- Shipping templates -----------------------------------------------------------------------------


@pytest.mark.rule("LST-1")
def test_shipping_templates_are_kept(owner_client: Client, owner: Member) -> None:
    form = {
        "name": "Air", "line_code": ["Express", ""], "line_countries": ["us, ca", ""],
        "line_guaranteed": ["0"],
    }  # fmt: skip
    owner_client.post(url("product-shipping-new"), form)
    with unscoped():
        template = ShippingTemplate.objects.get()
    assert template.lines == [{"code": "Express", "countries": ["CA", "US"], "guaranteed": True}]
    twice = owner_client.post(url("product-shipping-new"), form)
    assert twice.status_code == 400
    assert 'value="Express"' in twice.content.decode()
    wrong = owner_client.post(
        url("product-shipping-edit", template.pk), {**form, "line_countries": ["UK", ""]}
    )
    assert wrong.status_code == 400
    make(owner, shipping_template=template.pk)
    owner_client.post(url("product-shipping-delete", template.pk))
    with unscoped():
        assert ShippingTemplate.objects.count() == 1
        Product.objects.all().delete()
    owner_client.post(url("product-shipping-delete", template.pk))
    with unscoped():
        assert not ShippingTemplate.objects.exists()
