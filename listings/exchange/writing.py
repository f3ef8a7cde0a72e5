"""Exports and templates as CSV or XLSX, streamed (LST-2)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from listings.choices import ProductKind, ProductStatus
from listings.exchange.columns import ATTRIBUTE, cells_of, header_for
from listings.models import Product
from listings.services.product_catalogue import Catalogue, Offer
from portal.choices import AttributeType
from portal.exports import CSV_TYPE
from portal.models import Category

CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: CSV_TYPE,
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def export_rows(products: Iterable[Product], codes: Sequence[str] | None) -> Iterator[list[str]]:
    """Yield the header and one row per product."""
    header = header_for(codes)
    yield header
    for product in products:
        yield cells_of(product, header)


def template_rows(category: Category, offers: Sequence[Offer]) -> Iterator[list[str]]:
    """Yield the header for a category and one example row to write over."""
    header = header_for([offer.code for offer in offers])
    yield header
    example = {
        "category": category.code,
        "kind": ProductKind.RTS.value,
        "status": ProductStatus.DRAFT.value,
        "title": "Example title",
        "tiers": '[[10, "9.50"], [100, "8.00"]]',
        "moq": "10",
        "unit": "piece",
        "target_countries": "US|DE",
        "services": "sample",
    }
    for offer in offers:
        shown = offer.values[:2] if offer.type == AttributeType.MULTI else offer.values[:1]
        example[f"{ATTRIBUTE}{offer.code}"] = "|".join(shown)
    yield [example.get(name, "") for name in header]


def leaf_codes(category: Category | None) -> list[str] | None:
    """Return the attribute codes of a leaf, or None when a file is not about one leaf."""
    if category is None or not category.is_leaf:
        return None
    return list(Catalogue.load([category.code]).offers.get(category.code, {}))


def as_xlsx(rows: Iterable[Sequence[str]]) -> IO[bytes]:
    """Return a workbook file; every cell is text, so that nothing is run or turned into a date."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("products")
    for row in rows:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, value=text or None)
            if text:
                cell.data_type = "s"
                cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book.save(file)
    file.seek(0)
    return file
