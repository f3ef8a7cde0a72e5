"""Which of a shop's products a reader asked for: the list, the API, exports and bulk edits (LST-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from listings.choices import ProductKind, ProductStatus
from listings.matching.countries import is_country
from listings.models import Product
from listings.services.product_rules import SERVICE_CODE, Problem, service_code
from portal import platform_time
from portal.ingest.columns import CellError, Int, Money, safe_text
from portal.models import Category, CategoryClosure

ORDERINGS: dict[str, tuple[str, ...]] = {
    "-changed_at": ("-changed_at", "-pk"),
    "changed_at": ("changed_at", "pk"),
    "-created_at": ("-created_at", "-pk"),
    "title": ("title", "pk"),
    "-title": ("-title", "-pk"),
    "price": ("sort_price", "pk"),
    "-price": ("-sort_price", "-pk"),
    "product_id": ("product_id",),
}
"""Name of an order → unique columns, none of them null."""

ORDERING_LABELS = {
    "-changed_at": gettext_lazy("Last changed"),
    "changed_at": gettext_lazy("Longest unchanged"),
    "-created_at": gettext_lazy("Newest"),
    "title": gettext_lazy("Title A–Z"),
    "price": gettext_lazy("Lowest price"),
    "-price": gettext_lazy("Highest price"),
}

_PRICE = Money("price", max_digits=12)
_NO_PRICE = Decimal("-1")


@dataclass
class ProductFilters:
    """What a list is narrowed by; `errors` names parameters that could not be read."""

    q: str = ""
    status: str = ""
    kind: str = ""
    category: Category | None = None
    country: str = ""
    service: str = ""
    owner: int | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    changed_since: datetime | None = None
    deleted: bool = False
    ordering: str = "-changed_at"
    errors: list[Problem] = field(default_factory=list)

    @property
    def any_set(self) -> bool:
        """Whether anything but the status narrows the list."""
        values = (self.q, self.kind, self.category, self.country, self.service, self.owner)
        ranges = (self.price_from, self.price_to, self.changed_since)
        return any(values) or any(value is not None for value in ranges)

    @property
    def keyset(self) -> tuple[str, ...]:
        """Columns of the order."""
        return ORDERINGS[self.ordering]

    def apply(self, products: QuerySet[Product], *, with_status: bool = True) -> QuerySet[Product]:
        """Return the products asked for, unordered but ready for `keyset`."""
        condition = Q(deleted_at__isnull=not self.deleted)
        if with_status and self.status:
            condition &= Q(status=self.status)
        if self.q:
            condition &= Q(title__icontains=self.q) | Q(product_id__iexact=self.q)
        if self.kind:
            condition &= Q(kind=self.kind)
        if self.category is not None:
            below = CategoryClosure.objects.filter(ancestor=self.category).values("descendant")
            condition &= Q(category__in=below)
        if self.owner:
            condition &= Q(owner=self.owner)
        if self.price_from is not None:
            condition &= Q(price_max__gte=self.price_from)
        if self.price_to is not None:
            condition &= Q(price_min__lte=self.price_to)
        if self.changed_since is not None:
            condition &= Q(changed_at__gte=self.changed_since)
        products = products.filter(condition)
        # SQLite cannot ask JSON for an element; codes hold nothing that could break the text.
        for name, code in (("target_countries", self.country), ("services", self.service)):
            if code:
                text = {f"{name}_text": Cast(name, TextField())}
                products = products.alias(**text).filter(**{f"{name}_text__contains": f'"{code}"'})
        if "price" in self.ordering:
            products = products.annotate(sort_price=Coalesce(F("price_min"), Value(_NO_PRICE)))
        return products

    def count_by_status(self, products: QuerySet[Product]) -> dict[str, int]:
        """Return status → number of products, of all statuses, for the tabs; one query."""
        rows = self.apply(products, with_status=False).order_by().values_list("status")
        found = dict(rows.annotate(number=Count("pk")))
        return {status: found.get(status, 0) for status in ProductStatus.values}


def read_filters(params: Mapping[str, Any]) -> ProductFilters:
    """Read a query string; what cannot be read is left out and named in `errors`."""
    filters = ProductFilters()
    readers = {
        "q": lambda raw: safe_text(raw, 200),
        "status": lambda raw: _choice(raw, ProductStatus.values),
        "kind": lambda raw: _choice(raw, ProductKind.values),
        "category": _category,
        "country": _country,
        "service": _service,
        "owner": Int("owner", least=1).clean,
        "price_from": _PRICE.clean,
        "price_to": _PRICE.clean,
        "changed_since": _instant,
        "deleted": lambda raw: _choice(raw, ["true", "false", "1", "0"]) in ("true", "1"),
        "ordering": lambda raw: _choice(raw, list(ORDERINGS)),
    }
    for name, read in readers.items():
        raw = params.get(name)
        if raw in (None, ""):
            continue
        try:
            setattr(filters, name, read(raw))
        except CellError as error:
            filters.errors.append((name, str(error)))
    return filters


def _choice(raw: str, choices: list[str]) -> str:
    if raw not in choices:
        raise CellError(_("Choose one of: %(choices)s") % {"choices": ", ".join(choices)})
    return raw


def _category(raw: str) -> Category:
    found = Category.objects.filter(code=safe_text(raw, 64)).first()
    if found is None:
        raise CellError(_("There is no such category."))
    return found


def _country(raw: str) -> str:
    code = safe_text(raw, 2).upper()
    if not is_country(code):
        raise CellError(_("A country is a code of two letters such as US."))
    return code


def _service(raw: str) -> str:
    code = service_code(safe_text(raw, 60))
    if not SERVICE_CODE.fullmatch(code):
        raise CellError(_("A service is a code such as dispatch_7d."))
    return code


def _instant(raw: str) -> datetime:
    try:
        return platform_time.parse_instant(safe_text(raw, 40))
    except platform_time.InvalidInstant as error:
        raise CellError(str(error)) from None
