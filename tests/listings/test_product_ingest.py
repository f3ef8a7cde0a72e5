"""The ingest kind `products`: what upstream may send and what it is told (K-15, 09-contract)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listings.models import Product, ProductRevision
from listings.products.ingest import ProductKindRows
from listings.services.product_rules import PLAIN, cleaned_alike
from listings.services.projection import projections_rebuild
from portal.ingest.columns import CellError
from portal.ingest.engine import ingest_rows
from portal.models import Category, Seller
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.rule("K-15", "LST-1")]

ALIKE = cleaned_alike(ProductKindRows.columns)
ROW = {
    "product_id": "kit",
    "seller": "cn1001",
    "category": "e-bike-kits",
    "title": "E-bike kit",
    "kind": "rts",
    "status": "live",
}


@pytest.fixture(autouse=True)
def _world(clock: Any, shop: Seller, other_shop: Seller) -> Any:
    with unscoped():
        yield


def feed(*rows: dict[str, Any], **more: Any) -> Any:
    return ingest_rows(ProductKindRows, [{**ROW, **row} for row in rows] or [{**ROW, **more}])


def problem(**fields: Any) -> tuple[str, str]:
    report = feed(**fields)
    assert (report.rejected, Product.objects.count()) == (1, 0), report.rejections
    return report.rejections[0].field, report.rejections[0].message


def test_a_file_of_every_column_is_taken(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "products.csv"
    path.write_text(
        "product_id,seller,category,title,keywords,brand,kind,status,price_min,price_max,tiers,moq,"
        "unit,attributes,custom_attributes,target_countries,services,epr_traits,cas,images,video,"
        "dispatch_days,changed_at\n"
        'kit,cn1001,e-bike-kits,电动车套件 48V,kit|套件,Volta,rts,live,,,"[[10, 199.5], [100, 180]]",'
        '10,set,"{""voltage"": ""48V"", ""features"": [""Quiet"", ""Foldable""]}",'
        '"{""Cable"": ""2 m""}",US|DE,sample|overseas-after-sales,packaging|battery,7664-93-9,6,good,'
        "7,2022-07-10T08:00:00+08:00\n",
        encoding="utf-8-sig",
    )
    call_command("ingest", "products", str(path))
    assert "products: created 1, updated 0, unchanged 0, rejected 0" in capsys.readouterr().out
    product = Product.objects.get()
    assert product.title == "电动车套件 48V"
    assert product.attributes == {"voltage": ["48V"], "features": ["Quiet", "Foldable"]}
    assert product.services == ["overseas_after_sales", "sample"]
    assert product.epr_traits == ["packaging", "battery"]
    assert len(product.images) == 6
    assert (str(product.price_min), str(product.price_max)) == ("180.00", "199.50")
    assert product.changed_at.isoformat() == "2022-07-10T00:00:00+00:00"
    call_command("ingest", "products", str(path))
    assert "unchanged 1, rejected 0" in capsys.readouterr().out
    assert ProductRevision.objects.count() == 1


def test_unknown_names_are_answered_with_the_nearest() -> None:
    for fields, name, nearest in (
        ({"category": "ebike-kits"}, "category", "e-bike-kits"),
        ({"attributes": {"volt": "48V"}}, "attributes", "voltage"),
        ({"attributes": {"voltage": "48 V"}}, "attributes", "48V"),
        ({"seller": "cn1002"}, "seller", "cn1001"),
    ):
        field, message = problem(**fields)
        assert field == name
        assert nearest in message


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"tiers": [[1, "1"], [2, "1"], [3, "1"], [4, "1"], [5, "1"]]}, "tiers"),
        ({"tiers": {"1": "2"}}, "tiers"),
        ({"title": "x" * 301}, "title"),
        ({"product_id": "a/b"}, "product_id"),
        ({"price_min": "3", "price_max": "2"}, "price_max"),
        ({"kind": "sample"}, "kind"),
        ({"images": "101"}, "images"),
        ({"changed_at": "2022-07-10T08:00:00"}, "changed_at"),
        ({"attributes": {"voltage": {"a": 1}}}, "attributes"),
        ({"target_countries": "US|UK"}, "target_countries"),
    ],
)
def test_bad_cells_are_refused_by_name(fields: dict[str, Any], name: str) -> None:
    assert problem(**fields)[0] == name


def test_a_column_left_out_leaves_the_value_and_an_empty_cell_clears_it() -> None:
    feed(brand="Volta", services="sample")
    feed(brand="")
    product = Product.objects.get()
    assert (product.brand, product.services) == ("", ["sample"])


def test_another_sellers_product_is_not_taken_over() -> None:
    feed()
    report = feed(seller="cn2002")
    assert [one.field for one in report.rejections] == ["seller"]
    assert Product.objects.get().seller.member_id == "cn1001"


def test_a_product_may_come_twice_with_different_instants_only() -> None:
    report = feed(
        {"title": "Now", "changed_at": "2022-07-10T00:00:00Z"},
        {"title": "Before", "changed_at": "2022-07-01T00:00:00Z"},
        {"title": "Again", "changed_at": "2022-07-01T00:00:00Z"},
    )
    assert (report.created, report.updated, report.rejected) == (1, 1, 1)
    assert report.rejections[0].row == 3
    assert Product.objects.get().title == "Now"
    assert feed({"product_id": "x"}, {"product_id": "x", "title": "Other"}).rejected == 1


def test_where_upstream_has_a_product_is_a_fact(categories: dict[str, Category]) -> None:
    """Whether a seller may publish somewhere is asked of sellers only."""
    closed = categories["e-bike-kits"]
    closed.prohibited = True
    closed.save()
    assert feed(product_id="in-a-closed-category").created == 1
    assert not categories["e-bike-parts"].is_leaf
    assert feed(product_id="in-a-branch", category="e-bike-parts").created == 1


def test_strict_applies_all_or_nothing() -> None:
    rows = [ROW, {**ROW, "product_id": "bad", "title": ""}]
    report = ingest_rows(ProductKindRows, rows, strict=True)
    assert report.rejected == 1
    assert not Product.objects.exists()


# --- What is done once only -----------------------------------------------------------------------

CELLS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(["", " RTS ", "live", "us|DE", "12.50", "1e3", "7", "a|a| b", "packaging"]),
    st.integers(-5, 400),
    st.decimals(-1, 1000, places=3),
    st.lists(st.text(max_size=8), max_size=4),
)


def test_columns_that_the_product_service_need_not_clean_again() -> None:
    """Category and minimum order are judged by columns of the service's own."""
    assert {column.name for column in ProductKindRows.columns} & set(PLAIN) - ALIKE == {
        "category",
        "moq",
    }


@given(raw=CELLS)
def test_cleaning_twice_is_cleaning_once(raw: Any) -> None:
    """What lets the service take cells as the engine has cleaned them."""
    for name in ALIKE:
        with suppress(CellError):
            once = ProductKindRows.column(name).clean(raw)
            assert (PLAIN[name].clean(once), name) == (once, name)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"product_id": st.sampled_from(["p1", "p2", "p3"])},
            optional={
                "title": st.sampled_from(["Kit", " 电动车 ", "x" * 301, ""]),
                "price_min": st.sampled_from(["10", "0", "-1", "1.234", "", "90"]),
                "price_max": st.sampled_from(["20", "abc", ""]),
                "target_countries": st.sampled_from(["us|DE", "UK", "", "de|de"]),
                "services": st.sampled_from(["Sample", "a b|c-d", "!", ""]),
                "epr_traits": st.sampled_from(["packaging|packaging", "none", ""]),
                "cas": st.sampled_from(["7664-93-9", "7", ""]),
                "images": st.sampled_from(["3", "101", "a.jpg|b.jpg", ""]),
                "moq": st.sampled_from(["1", "2000000000", ""]),
                "changed_at": st.sampled_from(
                    ["2022-07-01T00:00:00Z", "2022-07-02T00:00:00Z", "2022-07-02T01:00:00+01:00"]
                ),
            },
        ),
        min_size=1,
        max_size=6,
    )
)
def test_cells_cleaned_once_or_twice_bring_the_same(rows: list[dict[str, Any]]) -> None:
    """Products, messages and what themes ask about, with the short way and with the long one."""

    def told(cleaned: frozenset[str]) -> Any:
        with transaction.atomic(), patch.object(ProductKindRows, "_cleaned", cleaned):
            reports = [feed(*rows), feed(*rows[::-1]), feed(*rows)]
            said = [(one.summary(), one.rejections) for one in reports]
            revisions = ProductRevision.objects.order_by("product__product_id", "at")
            stored = list(revisions.values_list("product__product_id", "at", "content"))
            # What was derived from rows in hand is what the stored ones say.
            assert projections_rebuild() == 0
            transaction.set_rollback(True)
        return said, stored

    assert told(ALIKE) == told(frozenset())
