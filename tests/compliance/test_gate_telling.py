"""Whichever way a product is written, the gate knows (decision 0022, EPR-2, EPR-11)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from compliance.gate import product_source
from compliance.models import GatedProduct
from compliance.rules import codes_of
from compliance.services.gated_products import countries_text
from listings.exchange.reading import import_products
from listings.models import Product, ProductRevision
from listings.products.ingest import ProductKindRows
from listings.services.product_actions import (
    product_duplicate,
    product_publish,
    product_set_status_as_staff,
    product_take_off_shelf,
    products_delete,
    products_purge,
    products_restore,
)
from listings.services.products import ProductRow, product_save, products_write
from portal.errors import InvalidInput, NotAllowed
from portal.ingest.engine import ingest_rows
from portal.models import Category, Member, Seller, User
from portal.scoping import seller_scope, unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-2", "EPR-11")]

KIT: dict[str, Any] = {
    "category": "e-bike-kits", "title": "E-bike kit", "kind": "rts", "status": "live",
    "price_min": "10", "price_max": "20",
}  # fmt: skip
API = "/api/v1/listings/products"


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def feed(seller: Seller, *rows: dict[str, Any]) -> None:
    report = ingest_rows(
        ProductKindRows, [{**KIT, "seller": seller.member_id, **row} for row in rows]
    )
    assert not report.rejections


def row(product_id: str) -> Product:
    with unscoped():
        return Product.objects.select_related("category", "seller").get(product_id=product_id)


def drift() -> list[tuple[str, Any, Any]]:
    """Return what the gate knows otherwise than products are."""
    with unscoped():
        are = {
            one.product_id: (
                one.seller_id, one.category_id, one.title, one.status == "live",
                one.deleted_at is not None, countries_text(one.target_countries), one.cas,
                one.epr_traits,
            )
            for one in Product.objects.all()
        }  # fmt: skip
        known = {
            one.product_id: (
                one.seller_id, one.category_id, one.title, one.live, one.deleted, one.countries,
                one.cas, None if one.own_traits is None else codes_of(one.own_traits),
            )
            for one in GatedProduct.objects.all()
        }  # fmt: skip
    return [
        (name, are.get(name), known.get(name))
        for name in are.keys() | known.keys()
        if are.get(name) != known.get(name)
    ]


def test_the_gate_hears_of_every_way_to_write_a_product(
    shop: Seller, owner: Member, staff: User, owner_client: Client, owner_api: APIClient,
    categories: dict[str, Category], clock: Any, tmp_path: Path,
) -> None:  # fmt: skip
    def step(what: str) -> None:
        assert drift() == [], what

    # Upstream: new, changed, an older instant that changes nothing now.
    feed(shop, {"product_id": "fed", "target_countries": "DE|FR", "epr_traits": "packaging|battery"},
         {"product_id": "fed-2", "cas": "67-56-1"})  # fmt: skip
    step("fed")
    feed(shop, {"product_id": "fed", "title": "Newer", "changed_at": "2022-08-01T00:00:00Z"},
         {"product_id": "fed", "title": "Older", "changed_at": "2022-07-01T00:00:00Z"})  # fmt: skip
    step("fed history")
    # The form, the API, a file.
    form = {**KIT, "price_mode": "fob", "save": "live", "video": "none", "target_countries": ["DE"]}
    assert owner_client.post(reverse("listings:product-new"), form).status_code == 302
    step("form")
    made = owner_api.post(API, {**KIT, "product_id": "api", "epr_traits": ["textile"]})
    assert made.status_code == 201
    step("API")
    assert (
        owner_api.patch(f"{API}/api", {"category": "helmets", "cas": "50-00-0"}).status_code == 200
    )
    step("API change")
    path = tmp_path / "products.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [list(KIT), list(KIT.values()), ["helmets", *[*KIT.values()][1:]]]
        )
    with seller_scope(shop):
        assert import_products(path, actor=owner, seller=shop).created == 2
    step("file")
    # Many at once.
    bulk = {
        "product_ids": ["api", "fed"],
        "change": {"status": "off_shelf", "countries_add": ["US"]},
    }
    assert owner_api.post(f"{API}/bulk", {**bulk, "dry_run": True}).status_code == 200
    step("preview")
    assert owner_api.post(f"{API}/bulk", bulk).json()["updated"]
    step("bulk edit")
    # Shelf, copy, staff.
    with seller_scope(shop):
        product_publish(actor=owner, product=row("api"))
        step("published")
        product_take_off_shelf(actor=owner, product=row("api"))
        step("off shelf")
        product_duplicate(actor=owner, product=row("api"))
        step("copied")
    product_set_status_as_staff(by=staff, product=row("api"), status="removed", reason="fake")
    step("removed by staff")
    # The bin and back, and the bin for good.
    with seller_scope(shop):
        for name in ("fed", "fed-2"):
            products_delete(actor=owner, seller=shop, products=[row(name)])
        step("in the bin")
        products_restore(actor=owner, seller=shop, products=[row("fed")])
        step("restored")
    with unscoped():
        assert GatedProduct.objects.get(product_id="fed-2").deleted
    clock.advance(days=31)
    assert products_purge() == 1
    step("purged")
    with unscoped():
        assert not GatedProduct.objects.filter(product_id="fed-2").exists()
    # The gate's own hand.
    with seller_scope(shop):
        assert product_source().traits_write(owner, {"fed": ["tyre"], "api": ["textile"]}) == 1
    step("traits")
    assert len(drift_free_names()) >= 5


def drift_free_names() -> set[str]:
    with unscoped():
        return set(GatedProduct.objects.values_list("product_id", flat=True))


def test_what_the_gate_does_not_ask_about_is_not_told(shop: Seller, owner: Member) -> None:
    feed(shop, {"product_id": "kit"})
    with CaptureQueriesContext(connection) as queries, seller_scope(shop):
        product_save(
            actor=owner, seller=shop, product=row("kit"), data={"price_max": "30"}, origin="form"
        )
    assert not [one for one in queries if "gatedproduct" in one["sql"]]


def test_a_rejected_write_tells_nothing(shop: Seller) -> None:
    rows = [
        ProductRow("good", shop.pk, dict(KIT), number=0),
        ProductRow("bad", shop.pk, {**KIT, "title": ""}, number=1),
    ]
    products_write(rows, origin="ingest", all_or_nothing=True)
    assert drift_free_names() == set()
    products_write(rows, origin="ingest")
    assert drift_free_names() == {"good"}


@pytest.mark.both_databases
def test_a_rebuild_mends_what_was_written_past_the_services(shop: Seller, capsys: Any) -> None:
    feed(shop, *({"product_id": name} for name in ("kept", "changed", "lost", "gone")))
    with unscoped():
        GatedProduct.objects.filter(product_id="lost").delete()
        GatedProduct.objects.filter(product_id="changed").update(title="Other", traits=0)
        Product.objects.filter(product_id="gone").delete()
        kept = GatedProduct.objects.filter(product_id="kept").values().get()
    assert len(drift()) == 3
    call_command("gate_rebuild")
    assert capsys.readouterr().out == "rebuilt: 2 products differed, 1 were gone\n"
    assert drift() == []
    with unscoped():
        assert GatedProduct.objects.filter(product_id="kept").values().get() == kept
    call_command("gate_rebuild")
    assert capsys.readouterr().out == "rebuilt: 0 products differed, 0 were gone\n"


@pytest.mark.both_databases
def test_traits_are_written_set_wise_with_revisions_into_own_products_only(
    shop: Seller, other_shop: Seller, owner: Member, viewer: Member, clock: Any
) -> None:
    feed(shop, *({"product_id": f"n{number}"} for number in range(30)))
    feed(other_shop, {"product_id": "theirs"})
    clock.advance(hours=1)
    write = product_source().traits_write
    with seller_scope(shop):
        assert write(owner, {"n0": ["battery"], "theirs": ["battery"], "nobody": ["tyre"]}) == 1
        assert (row("n0").epr_traits, row("theirs").epr_traits) == (["battery"], None)
        assert write(owner, {"n0": []}) == 1
        assert row("n0").epr_traits is None
        with pytest.raises(InvalidInput):
            write(owner, {"n0": ["nonsense"]})
        with pytest.raises(NotAllowed):
            write(viewer, {"n0": ["battery"]})
        with CaptureQueriesContext(connection) as few:
            write(owner, {"n1": ["textile"]})
        clock.advance(hours=1)
        with CaptureQueriesContext(connection) as many:
            assert write(owner, {f"n{number}": ["tyre"] for number in range(30)}) == 30
    assert len(many) == len(few)
    assert drift() == []
    with unscoped():
        assert ProductRevision.objects.filter(product__product_id="n1").count() == 3


def test_words_are_given_of_live_products_or_of_those_asked_for(shop: Seller) -> None:
    feed(
        shop,
        {"product_id": "live", "keywords": "kit|48v", "custom_attributes": '{"Cable": "2 m"}'},
        {"product_id": "draft", "status": "draft"},
    )
    source = product_source()
    (live,) = source.texts(None)
    assert (live.product_id, live.title) == ("live", "E-bike kit")
    assert (list(live.keywords), live.attributes) == (["kit", "48v"], {"Cable": "2 m"})
    assert [text.product_id for text in source.texts(["draft", "nobody"])] == ["draft"]
    assert source.known(["draft", "nobody"]) == {"draft"}
