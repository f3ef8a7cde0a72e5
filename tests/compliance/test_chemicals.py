"""Chemicals: CAS numbers, lists, admission, and the three that must agree (CMP-4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from compliance.choices import CertificateType, ChemicalListing
from compliance.gate import gate
from compliance.goods.chemicals import is_cas, numbers_in
from compliance.models import Chemical, ChemicalCategory
from compliance.screening import chemical_problems
from listings.models import Product
from portal import platform_time
from portal.models import Category, Seller
from portal.scoping import unscoped
from tests.compliance.test_screening import feed
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-4"), pytest.mark.both_databases]
API = "/api/v1/listings/products"
ACETONE, CYANIDE = "67-64-1", "143-33-9"


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


@pytest.fixture
def asking(category: Category) -> Category:
    """A leaf below a category that asks for CAS numbers since the announcement."""
    assert category.parent is not None
    ChemicalCategory.objects.create(category=category.parent, starts_on=date(2021, 11, 22))
    return category


def codes(seller: Seller, category: Category, cas: str, day: date | None = None) -> list[str]:
    found = chemical_problems(seller=seller, category_id=category.pk, cas=cas, day=day)
    return [one.code for one in found]


def licence(seller: Seller, kind: str, **over: Any) -> Any:
    fields = {"country": "", "category": "", "number": f"L-{kind}"}
    return certificate_create(seller=seller, type=kind, **(fields | over))


def admit_trader(seller: Seller, **over: Any) -> Any:
    """Give a trader the documents of the admission; `over` for the operating licence."""
    Seller.objects.filter(pk=seller.pk).update(company_type="trader", province="Jiangsu")
    seller.refresh_from_db()
    licence(seller, CertificateType.BUSINESS_LICENCE)
    return licence(seller, CertificateType.CHEMICAL_OPERATING, **over)


def test_the_check_digit_decides() -> None:
    assert [is_cas(text) for text in ("7732-18-5", "7732-18-4", "7732185", "", "0732-18-5")] == [
        True, False, False, False, False,
    ]  # fmt: skip
    assert numbers_in("丙酮(67-64-1)、x7732-18-4, 167-64-1-2") == {ACETONE}


def test_a_chemicals_category_asks_for_a_valid_number_from_its_day(
    shop: Seller, asking: Category, categories: dict[str, Category]
) -> None:
    assert codes(shop, asking, "") == ["cas_missing"]
    assert codes(shop, asking, "7732-18-4") == ["cas_invalid"]
    assert codes(shop, asking, "7732-18-5") == []
    assert codes(shop, asking, "", date(2021, 11, 21)) == []
    assert codes(shop, asking, "", date(2021, 11, 22)) == ["cas_missing"]
    elsewhere = next(one for one in categories.values() if one.parent_id is None)
    assert codes(shop, elsewhere, "") == []


def test_forbidden_is_forbidden_everywhere_from_its_day(shop: Seller, category: Category) -> None:
    assert codes(shop, category, CYANIDE) == ["chemical_forbidden"]
    assert codes(shop, category, CYANIDE, date(2021, 11, 21)) == []


def test_restricted_needs_admission_licence_and_category(
    shop: Seller, category: Category, categories: dict[str, Category]
) -> None:
    assert codes(shop, category, ACETONE) == ["chemical_not_admitted"]
    operating = admit_trader(shop)
    assert codes(shop, category, ACETONE) == ["licence_missing"]

    def change(**fields: Any) -> list[str]:
        with unscoped():
            type(operating).objects.filter(pk=operating.pk).update(**fields)
        return codes(shop, category, ACETONE)

    assert change(cas_numbers=["108-88-3"]) == ["licence_missing"]
    assert change(scope_zh="丙酮 167-64-1") == ["licence_missing"]
    assert change(scope_zh="丙酮（CAS 67-64-1）") == []
    assert change(scope_zh="", cas_numbers=[ACETONE]) == []
    assert change(covers_all=False) == ["licence_category"]
    assert change(covers_all=True, own=False) == ["chemical_not_admitted"]
    assert change(own=True) == []
    assert change(valid_until=platform_time.now())[0] == "chemical_not_admitted"
    assert change(valid_until=platform_time.now() + timedelta(seconds=1)) == []
    chemical = Chemical.objects.get(cas=ACETONE)
    other = next(
        one for one in categories.values()
        if not category.above.filter(ancestor=one).exists()
    )  # fmt: skip
    chemical.categories.set([other])
    assert codes(shop, category, ACETONE) == ["chemical_category"]
    chemical.categories.add(category.parent)
    assert codes(shop, category, ACETONE) == []


def test_each_mismatch_is_named(shop: Seller, category: Category, categories: Any) -> None:
    other = next(
        one for one in categories.values()
        if not category.above.filter(ancestor=one).exists()
    )  # fmt: skip
    Chemical.objects.get(cas=ACETONE).categories.set([other])
    admit_trader(shop)
    assert codes(shop, category, ACETONE) == ["chemical_category", "licence_missing"]


def test_a_seller_cannot_publish_and_upstream_can(
    owner_api: APIClient, shop: Seller, asking: Category
) -> None:
    body = {"category": asking.code, "title": "Solvent", "kind": "rts", "product_id": "kit"}
    refused = owner_api.post(API, {**body, "status": "live"})
    assert (refused.status_code, refused.json()["code"]) == (409, "cas_missing")
    assert [row["field"] for row in refused.json()["errors"]] == ["cas"]
    refused = owner_api.post(API, {**body, "status": "live", "cas": ACETONE})
    assert refused.json()["code"] == "chemical_not_admitted"
    with unscoped():
        assert not Product.objects.exists()
    admit_trader(shop, cas_numbers=[ACETONE])
    assert owner_api.post(API, {**body, "status": "live", "cas": ACETONE}).status_code == 201
    bad = owner_api.patch(f"{API}/kit", {"cas": CYANIDE})
    assert (bad.status_code, bad.json()["code"]) == (409, "chemical_forbidden")
    feed(shop, "fact", category=asking.code, cas=CYANIDE)
    assert [one.code for one in gate("fact", "US").reasons] == ["forbidden_chemical"]
    assert [one.code for one in gate("kit", "US").reasons] == ["no_online_trade"]


def test_the_page_says_of_each_what_is_missing_in_a_constant_number_of_queries(
    owner_client: Client, owner_api: APIClient, shop: Seller, other_shop: Seller, asking: Category
) -> None:
    product_create(seller=shop, product_id="none", category=asking)
    product_create(seller=shop, product_id="cyanide", cas=CYANIDE)
    product_create(seller=shop, product_id="water", cas="7732-18-5")
    product_create(seller=other_shop, product_id="theirs", cas=ACETONE)
    url = "/compliance/chemicals/"

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_client.get(url).status_code == 200
        return len(captured)

    owner_client.get(url)
    few = queries()
    for number in range(20):
        product_create(seller=shop, product_id=f"acetone{number}", cas=ACETONE)
    # Admission and licences are asked once a restricted substance is there, whatever the number.
    one = queries()
    for number in range(40):
        product_create(seller=shop, product_id=f"toluene{number}", cas="108-88-3")
    assert queries() == one
    assert one <= few + 6
    page = owner_client.get(url + "?state=forbidden").content.decode()
    assert "cyanide" in page
    assert "water" not in page
    assert "theirs" not in owner_client.get(url).content.decode()
    rows = owner_api.get("/api/v1/compliance/chemicals?state=lacking").json()["results"]
    assert len(rows) == 61
    assert {row["problems"][0]["code"] for row in rows} == {"cas_missing", "chemical_not_admitted"}


def test_staff_load_the_lists_from_files(staff_client: Client, category: Category) -> None:
    def send(name: str, content: str, **fields: str) -> Any:
        upload = SimpleUploadedFile("list.csv", content.encode())
        return staff_client.post(f"/admin/compliance/{name}/load/", {"file": upload, **fields})

    head = "cas,name_en,listing,starts_on,categories\n"
    good = f"7732-18-5,Water,restricted,2021-11-22,{category.code}\n"
    bad = "7732-18-4,Wrong,restricted,2021-11-22,\n50-00-0,Formaldehyde,odd,2021-11-22,\n"
    before = Chemical.objects.count()
    assert send("chemical", head + good, only_check="on").context["report"].created == 1
    assert Chemical.objects.count() == before
    refused = send("chemical", head + good + bad)
    assert [one.row for one in refused.context["report"].refused] == [3, 4]
    water = Chemical.objects.get(cas="7732-18-5")
    assert (water.listing, list(water.categories.all())) == (ChemicalListing.RESTRICTED, [category])
    assert send("chemical", head + good + bad, replace="on").status_code == 200
    assert Chemical.objects.count() == before + 1  # a list with mistakes replaces nothing
    assert send("chemical", head + good, replace="on").status_code == 302
    assert Chemical.objects.get() == water
    loaded = send("chemicalcategory", f"category,starts_on\n{category.code},2021-11-22\n")
    assert loaded.status_code == 302
    assert ChemicalCategory.objects.get().category == category
    assert (
        "7732-18-5"
        in b"".join(
            staff_client.get("/admin/compliance/chemical/export/").streaming_content
        ).decode()
    )
