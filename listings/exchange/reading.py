"""Product files of sellers: read, judged, written, told about row by row (LST-2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from listings.exchange.columns import ATTRIBUTE, COLUMNS, JSON_COLUMNS
from listings.models import ShippingTemplate
from listings.services.product_columns import ProductId
from listings.services.products import (
    CREATED,
    ORIGIN_IMPORT,
    REJECTED,
    UNCHANGED,
    UPDATED,
    ProductRow,
    may_edit,
    products_write,
)
from portal.exports import unguard
from portal.ingest.columns import CellError, Json, did_you_mean
from portal.ingest.readers import FileRefused, open_table
from portal.models import Attribute, Member, Seller
from portal.services import audit

MAX_ROWS = 10_000
_ID = ProductId("product_id", optional=True)
_JSON = {
    "tiers": Json("tiers", shape=list, optional=True),
    "skus": Json("skus", shape=list, optional=True),
    "attributes": Json("attributes", optional=True),
    "custom_attributes": Json("custom_attributes", optional=True),
}


@dataclass(frozen=True)
class RowProblem:
    """A row that was not taken: its number in the file, the column, and why."""

    row: int
    field: str
    message: str


@dataclass
class ImportReport:
    """What became of a file's rows, or would."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    error: str = ""
    """Set when the file as a whole cannot be read; nothing else is then."""

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.created + self.updated + self.unchanged + self.rejected

    @property
    def writes(self) -> int:
        """Rows that make a difference."""
        return self.created + self.updated


def import_products(
    path: Path, *, actor: Member, seller: Seller, strict: bool = False, dry_run: bool = False
) -> ImportReport:
    """Read a CSV or XLSX file of products and write them; with `dry_run` only say what would be.

    A row without a product id makes a new product. An empty cell clears the field, a missing column
    leaves it. With `strict` a rejected row keeps the others out too.
    """
    may_edit(actor=actor, seller=seller)
    report = ImportReport()
    try:
        rows, problems = _Reader(actor, seller).read(path)
    except FileRefused as refusal:
        report.error = str(refusal)
        return report
    held_back = strict and bool(problems)
    results = products_write(
        rows, origin=ORIGIN_IMPORT, dry_run=dry_run or held_back, all_or_nothing=strict
    )
    counts = Counter(result.state for result in results)
    problems += [
        RowProblem(result.row.number, name, text)
        for result in results
        if result.state == REJECTED
        for name, text in result.problems
    ]
    report.rejected = len({problem.row for problem in problems})
    if not (strict and problems) or dry_run:
        report.created, report.updated = counts[CREATED], counts[UPDATED]
        report.unchanged = counts[UNCHANGED]
    report.problems = sorted(problems, key=lambda problem: problem.row)
    if not dry_run and report.writes:
        audit.record(
            action="product.import",
            actor=actor.user,
            obj=seller,
            created=report.created,
            updated=report.updated,
        )
    return report


class _Reader:
    """Turns the rows of a file into product rows."""

    def __init__(self, actor: Member, seller: Seller) -> None:
        self.by = actor.user.get_username()
        self.actor = actor
        self.seller = seller
        members = Member.objects.filter(seller=seller, is_active=True)
        self.owners = dict(members.values_list("user__username", "pk"))
        templates = ShippingTemplate.objects.filter(seller=seller)
        self.templates = dict(templates.values_list("name", "pk"))

    def read(self, path: Path) -> tuple[list[ProductRow], list[RowProblem]]:
        rows: list[ProductRow] = []
        problems: list[RowProblem] = []
        first_row: dict[str, int] = {}
        with open_table(path) as table:
            header = self._header(table.header)
            for number, cells in table.rows():
                if len(rows) + len(problems) >= MAX_ROWS:
                    raise FileRefused(
                        _("more than %(most)d rows; split the file") % {"most": MAX_ROWS}
                    )
                values = {name: unguard(cell) for name, cell in zip(header, cells, strict=False)}
                row, found = self._row(number, values)
                if row.product_id and not found:
                    first = first_row.setdefault(row.product_id, number)
                    if first != number:
                        text = _("row %(first)d has the same product id") % {"first": first}
                        found = [RowProblem(number, "product_id", text)]
                if found:
                    problems += found
                else:
                    rows.append(row)
        return rows, problems

    def _header(self, names: list[str]) -> list[str]:
        """Check the columns and give attribute columns the catalogue's spelling."""
        folded = {name.removeprefix(ATTRIBUTE) for name in names if name.startswith(ATTRIBUTE)}
        codes = Attribute.objects.annotate(low=Lower("code")).filter(low__in=folded)
        spelled = dict(codes.values_list("low", "code"))
        header = []
        for name in names:
            if name.startswith(ATTRIBUTE):
                code = name.removeprefix(ATTRIBUTE)
                header.append(f"{ATTRIBUTE}{spelled.get(code, code)}")
            elif name in COLUMNS:
                header.append(name)
            else:
                raise FileRefused(
                    _("unknown column “%(name)s”.") % {"name": name[:60]}
                    + did_you_mean(name, COLUMNS)
                )
        twice = [name for name, count in Counter(header).items() if count > 1]
        if twice:
            raise FileRefused(_("the column “%(name)s” occurs twice") % {"name": twice[0]})
        if not header:
            raise FileRefused(_("the file has no header"))
        return header

    def _row(self, number: int, values: dict[str, Any]) -> tuple[ProductRow, list[RowProblem]]:
        problems: list[RowProblem] = []
        given: dict[str, Any] = {}
        product_id = ""
        attributes: dict[str, Any] = {}
        for name, raw in values.items():
            try:
                if name == "product_id":
                    product_id = _ID.clean(raw)
                elif name.startswith(ATTRIBUTE):
                    given["attributes"] = attributes
                    if raw not in (None, ""):
                        attributes[name.removeprefix(ATTRIBUTE)] = _values(raw)
                elif name == "attributes":
                    given["attributes"] = attributes
                    attributes.update(_JSON[name].clean(raw))
                elif name in JSON_COLUMNS:
                    given[name] = _JSON[name].clean(raw)
                else:
                    self._put(given, name, raw)
            except CellError as error:
                problems.append(RowProblem(number, name, str(error)))
        if not product_id:
            given.setdefault("owner", self.actor.pk)
        # An id names a product of the shop. Were others taken for new ones, a file of guessed ids, never
        # applied, would tell which of them other shops have (K-8).
        exists = bool(product_id)
        row = ProductRow(
            product_id, self.seller.pk, given, by=self.by, number=number, must_exist=exists
        )
        return row, problems

    def _put(self, given: dict[str, Any], name: str, raw: Any) -> None:
        """Put a plain cell among the fields; empty words that mean "as it is" are left out."""
        empty = raw is None or (isinstance(raw, str) and not raw.strip())
        if empty and name in ("status", "price_mode", "owner"):
            return
        if name in ("owner", "shipping_template") and not empty:
            known = self.owners if name == "owner" else self.templates
            if str(raw).strip() not in known:
                raise CellError(_("there is none of this name in your shop"))
            raw = known[str(raw).strip()]
        given[name] = raw


def _values(raw: Any) -> list[Any]:
    if isinstance(raw, str):
        return [part.strip() for part in raw.split("|") if part.strip()]
    return [raw]
