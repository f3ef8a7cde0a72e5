"""What a quote says: its fields, their limits, and how raw input becomes one (RFQ-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from portal import platform_time
from portal.currencies import CURRENCIES
from portal.errors import InvalidInput
from portal.ingest.columns import Bool, CellError, Choice, Column, Day, Int, Money, Text, TextList
from portal.models import Seller
from portal.product_links import product_titles
from rfq.models import Quote

MAX_MESSAGE = 8_000
MAX_PRODUCTS = 10
MAX_MOQ = 1_000_000_000
MAX_LEAD_TIME_DAYS = 3_650
LEAST_PRICE = Decimal("0.0001")
"""The smallest price the column tells from nothing."""

COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Money("unit_price", max_digits=14, places=4, least=LEAST_PRICE),
        Choice("currency", choices=tuple(sorted(CURRENCIES)), optional=True, default="USD"),
        Int("moq", optional=True, least=1, most=MAX_MOQ),
        Int("lead_time_days", optional=True, most=MAX_LEAD_TIME_DAYS),
        Text("ship_from", optional=True, max_length=80),
        Bool("sample_offered", optional=True),
        Day("valid_until", optional=True),
        Text("message", optional=True, max_length=MAX_MESSAGE),
        TextList("products", optional=True, max_items=MAX_PRODUCTS, item_length=64),
    )
}


@dataclass(frozen=True, kw_only=True)
class QuoteTerms:
    """The terms of a quote. `unit_price` is in `currency`; `valid_until` is a Pacific day, its last.

    `products` are ids of the shop's own products.
    """

    unit_price: Decimal
    currency: str = "USD"
    moq: int | None = None
    lead_time_days: int | None = None
    ship_from: str = ""
    sample_offered: bool = False
    valid_until: date | None = None
    message: str = ""
    products: tuple[str, ...] = ()

    @classmethod
    def of(cls, quote: Quote) -> QuoteTerms:
        """Return the terms of a stored quote."""
        values = {name: getattr(quote, name) for name in TERM_FIELDS}
        return cls(**{**values, "products": tuple(quote.products)})

    def as_columns(self) -> dict[str, Any]:
        """Return the terms as values of the model's fields."""
        return {**asdict(self), "products": list(self.products)}


TERM_FIELDS = tuple(field.name for field in fields(QuoteTerms))


def terms_from(given: Mapping[str, Any], *, base: QuoteTerms | None = None) -> QuoteTerms:
    """Read terms from raw values: text of a form or JSON of the API.

    Fields that are missing stay as in `base`, or have their defaults. Raises `InvalidInput` naming
    every field at fault; a name that is none of the terms' is at fault too.
    """
    problems = [(name, _("There is no such field.")) for name in given if name not in COLUMNS]
    values: dict[str, Any] = base.as_columns() if base else {}
    for name, column in COLUMNS.items():
        if name not in given and (base or column.optional):
            continue
        try:
            values[name] = column.clean(given.get(name))
        except CellError as error:
            problems.append((name, str(error)))
    if problems:
        raise InvalidInput(problems)
    return QuoteTerms(**{**values, "products": tuple(values.get("products") or ())})


def terms_checked(terms: QuoteTerms, *, seller: Seller) -> QuoteTerms:
    """Return terms as they may be stored, or raise `InvalidInput` naming the fields at fault.

    The validity must not be over yet, and linked products must be the shop's; one query for those.
    """
    clean = terms_from(terms.as_columns())
    problems = []
    if clean.valid_until is not None and clean.valid_until < platform_time.today():
        problems.append(("valid_until", _("This day is over.")))
    known = product_titles(seller=seller, product_ids=clean.products)
    unknown = [product_id for product_id in clean.products if product_id not in known]
    if unknown:
        text = _("These are no products of your shop: %(ids)s") % {"ids": ", ".join(unknown)}
        problems.append(("products", text))
    if problems:
        raise InvalidInput(problems)
    return clean
