"""Products as files: templates, exports, imports (LST-2)."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from listings.models import Product, ProductRevision
from listings.services.products import product_save
from portal.exports import guard, unguard
from portal.models import Member
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LST-2")]

PAGE = "/listings/products/exchange/"
KIT: dict[str, Any] = {
    "category": "e-bike-kits",
    "title": "=HYPERLINK(1) 电动车 “kit”, 48V",
    "kind": "rts",
    "status": "live",
    "tiers": [[10, "199.50"], [100, "180.00"]],
    "attributes": {"voltage": ["48V"], "features": ["Quiet", "Foldable"]},
    "custom_attributes": {"电缆": "2 m"},
    "keywords": ["套件", "-kit"],
    "target_countries": ["US", "DE"],
    "services": ["sample"],
    "images": ["https://example.com/a.jpg"],
    "description": "line one\nline two",
    "moq": 10,
}


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def make(member: Member, product_id: str = "kit", **fields: Any) -> Product:
    with unscoped():
        return product_save(
            actor=member, seller=member.seller, data={**KIT, **fields}, product_id=product_id,
            origin="form",
        )  # fmt: skip


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def send(client: Client, content: bytes | str, name: str = "p.csv", **more: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(PAGE, {"file": SimpleUploadedFile(name, data), **more})


def confirm(client: Client, answer: Any, **more: Any) -> Any:
    token = re.search(r'name="token" value="([^"]+)"', answer.content.decode())
    assert token, answer.content.decode()
    return client.post(PAGE, {"token": token[1], **more})


def counts(answer: Any) -> list[int]:
    """Created, changed, already so, refused."""
    return [int(number) for number in re.findall(r"<dd>(\d+)</dd>", answer.content.decode())][:4]


def stored() -> list[Product]:
    with unscoped():
        return list(Product.objects.order_by("product_id"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("query", ["", "&category=e-bike-kits"])
def test_what_is_exported_comes_back_unchanged(
    kind: str, query: str, owner_client: Client, owner: Member
) -> None:
    make(owner)
    make(owner, "sku", tiers=[], skus=[{"name": "S|M", "price": "3", "stock": 5}], title="'=plain")
    exported = body(owner_client.get(f"/listings/products/export/?format={kind}{query}"))
    answer = send(owner_client, exported, f"p.{kind}")
    assert counts(answer) == [0, 0, 2, 0]
    assert "Nothing in this file differs" in answer.content.decode()


def test_an_export_holds_no_formula_and_reads_in_excel(owner_client: Client, owner: Member) -> None:
    make(owner)
    text = body(owner_client.get("/listings/products/export/")).decode("utf-8")
    assert text.startswith("\ufeff")
    cells = [cell for row in csv.reader(io.StringIO(text[1:])) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell]
    book = openpyxl.load_workbook(
        io.BytesIO(body(owner_client.get("/listings/products/export/?format=xlsx")))
    )
    types = {cell.data_type for row in book.active.iter_rows() for cell in row if cell.value}
    assert types == {"s"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@a", "\tx", "'=1", "''@", "'quoted'", "plain", ""]
)
def test_guarding_a_cell_can_be_undone(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in ("=", "+", "-", "@", "\t")


def test_an_export_keeps_to_the_shop_and_the_filter(
    owner_client: Client, owner: Member, stranger: Member
) -> None:
    make(owner, "a", title="Solar lamp")
    make(owner, "b", title="Other")
    make(stranger, "c", title="Solar of others")
    text = body(owner_client.get("/listings/products/export/?q=solar")).decode()
    assert "Solar lamp" in text
    assert "Other" not in text
    assert "of others" not in text


def test_a_template_has_the_attributes_of_its_category(owner_client: Client) -> None:
    text = body(owner_client.get("/listings/products/template/?category=e-bike-kits")).decode()
    header, example = list(csv.reader(io.StringIO(text[1:])))
    assert {"attr:voltage", "attr:features", "attr:material"} <= set(header)
    assert dict(zip(header, example, strict=True))["attr:voltage"] == "36V"
    answer = send(owner_client, text)
    assert counts(answer) == [1, 0, 0, 0]
    assert owner_client.get("/listings/products/template/?category=none").status_code == 404


def test_an_import_is_previewed_and_then_applied(owner_client: Client, owner: Member) -> None:
    make(owner)
    text = (
        "product_id,category,title,kind,attr:VOLTAGE,price_min,price_max\n"
        "kit,e-bike-kits,Changed 标题,rts,36v,,\n"
        ",e-bike-kits,Brand new,rts,,5,6\n"
        ",e-bike-kits,,rts,47V,5,4\n"
    )
    answer = send(owner_client, text)
    assert counts(answer) == [1, 1, 0, 1]
    page = answer.content.decode()
    assert "47V" in page
    assert "price_max" in page
    assert [product.title for product in stored()] == [KIT["title"]]
    applied = confirm(owner_client, answer)
    assert counts(applied) == [1, 1, 0, 1]
    by_title = {product.title: product for product in stored()}
    assert set(by_title) == {"Changed 标题", "Brand new"}
    changed, new = by_title["Changed 标题"], by_title["Brand new"]
    assert changed.attributes == {"voltage": ["36V"]}
    assert changed.description == KIT["description"]
    assert (new.status, new.owner_id) == ("draft", owner.pk)
    with unscoped():
        assert {one.origin for one in ProductRevision.objects.filter(product=new)} == {"import"}


def test_all_or_nothing_imports_nothing_with_a_bad_row(owner_client: Client) -> None:
    text = "category,title,kind\ne-bike-kits,Good,rts\ne-bike-kits,,rts\n"
    answer = send(owner_client, text, strict="1")
    assert counts(answer)[3] == 1
    assert 'name="token"' not in answer.content.decode()
    assert stored() == []


@pytest.mark.rule("K-8")
def test_an_import_cannot_touch_or_find_out_foreign_products(
    owner_client: Client, stranger: Member
) -> None:
    make(stranger, "theirs")
    head = "product_id,category,title,kind\n"
    told = []
    for guessed in ("theirs", "nobody"):
        answer = send(owner_client, f"{head}{guessed},e-bike-kits,Mine,rts\n")
        assert counts(answer) == [0, 0, 0, 1]
        assert "There is no such product." in answer.content.decode()
        told.append(re.findall(r"<td[^>]*>(.*?)</td>", answer.content.decode(), re.DOTALL))
    assert [str(told[0]).replace("theirs", "nobody")] == [str(told[1])]
    assert [KIT["title"]] == [product.title for product in stored()]


@pytest.mark.rule("K-8")
def test_a_preview_belongs_to_who_made_it(owner_client: Client, stranger_client: Client) -> None:
    answer = send(owner_client, "category,title,kind\ne-bike-kits,Good,rts\n")
    assert confirm(stranger_client, answer)["Location"] == PAGE
    assert stored() == []
    confirm(owner_client, answer)
    assert len(stored()) == 1
    assert confirm(owner_client, answer)["Location"] == PAGE
    assert len(stored()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04broken", "cannot be read"),
        (b"colour,title\nred,x\n", "colour"),
        (b"title,title\na,b\n", "twice"),
        (b"\xff\xfet\x00i\x00t\x00l\x00e\x00", "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    content: bytes, said: str, owner_client: Client
) -> None:
    answer = send(owner_client, content)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert stored() == []


def test_the_same_id_twice_is_refused_the_second_time(owner_client: Client, owner: Member) -> None:
    make(owner, "a")
    text = "product_id,category,title,kind\na,e-bike-kits,One,rts\na,e-bike-kits,Two,rts\n"
    answer = send(owner_client, text)
    assert counts(answer) == [0, 1, 0, 1]
    confirm(owner_client, answer)
    assert [product.title for product in stored()] == ["One"]


def test_a_file_from_excel_with_numbers_is_taken(owner_client: Client, owner: Member) -> None:
    make(owner, "1001", status="draft", tiers=[], attributes={})
    book = openpyxl.Workbook()
    book.active.append(
        ["product_id", "category", "title", "kind", "price_min", "moq", "attr:power_w"]
    )
    book.active.append([1001, "e-bike-kits", "电动车", "rts", 12.5, 10, 250])
    file = io.BytesIO()
    book.save(file)
    confirm(owner_client, send(owner_client, file.getvalue(), "p.xlsx"))
    product = stored()[0]
    assert (product.product_id, str(product.price_min), product.moq) == ("1001", "12.50", 10)
    assert product.attributes == {"power_w": ["250"]}


def test_the_page_helps_to_find_a_template(owner_client: Client) -> None:
    page = owner_client.get(PAGE + "?category_q=套件").content.decode()
    assert reverse("listings:product-template") + "?category=e-bike-kits" in page
