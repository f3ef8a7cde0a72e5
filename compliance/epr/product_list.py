"""Live products of a shop as a filtered list: of a cell, of a country, or all (EPR-11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from compliance.bilingual import registration_text
from compliance.choices import CoverState, EprCategory, TraitSource
from compliance.epr.cell_products import needing, stopping, with_state
from compliance.epr.coverage import Coverage
from compliance.epr.overview_page import LOOKS, Look
from compliance.epr.schema import Requirement
from compliance.epr.shop_overview import live_products, sold_to
from compliance.gate import Cover, requirements_of
from compliance.models import GatedProduct
from compliance.obligations.lead_times import epr_rules
from compliance.rules import sells_to
from compliance.traits.questions import names_of
from portal.country_names import country_name
from portal.models import Seller

LONGEST = 100
"""Characters of a search that are looked at."""


@dataclass(frozen=True)
class CountryCover:
    """What a product needs and has in a country."""

    country: str
    sold: bool
    lines: list[tuple[str, str, Look]]
    """EPR category, state in words, how it is drawn; required ones only."""


@dataclass(frozen=True)
class ProductView:
    """A product with what it contains and needs."""

    product: GatedProduct
    contains: list[str]
    assumed: bool
    countries: list[CountryCover]


@dataclass
class ProductList:
    """Reads the filters of an address and finds the products; a value that is none is passed over.

    `country` and `category` choose a cell, `state` one of its states; `stopping` with a country alone
    keeps what stops selling there.
    """

    seller: Seller
    params: Mapping[str, str]
    now: datetime
    country: str = field(init=False, default="")
    category: str = field(init=False, default="")
    state: str = field(init=False, default="")
    source: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.rules = epr_rules(self.now)
        self.q = self.params.get("q", "").replace("\0", "").strip()[:LONGEST]
        for name, choices in self.choices.items():
            setattr(self, name, _known(self.params.get(name), choices))
        self.code = self.params.get("in", "").replace("\0", "")[:LONGEST]
        self.stopping = self.params.get("stopping") == "1"

    def _country_codes(self) -> list[str]:
        return self.rules.countries if self.rules else []

    def _category_codes(self) -> list[str]:
        return [category.value for category in self.rules.categories] if self.rules else []

    @property
    def choices(self) -> dict[str, Sequence[str]]:
        """Filter → the values it takes."""
        return {
            "country": self._country_codes(),
            "category": self._category_codes(),
            "state": CoverState.values,
            "source": TraitSource.values,
        }

    @property
    def countries(self) -> list[tuple[str, str]]:
        """Choices of the filter."""
        return [(code, country_name(code)) for code in self._country_codes()]

    @property
    def categories(self) -> list[tuple[str, str]]:
        """Choices of the filter."""
        return [(code, str(EprCategory(code).label)) for code in self._category_codes()]

    @property
    def sources(self) -> list[tuple[str, Any]]:
        """Choices of the filter."""
        return list(TraitSource.choices)

    @cached_property
    def requirement(self) -> Requirement | None:
        """The cell that was chosen; none when it is no cell."""
        if self.rules is None or not (self.country and self.category):
            return None
        return self.rules.requirement(self.country, self.category)

    @property
    def title(self) -> str:
        """What is listed, in words."""
        if self.requirement is not None:
            return registration_text(self.country, self.category)
        if self.country and self.stopping:
            return _("Stop selling to %(country)s") % {"country": country_name(self.country)}
        return _("Products and what they need")

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return any(
            (self.country, self.category, self.source, self.q, self.code, self.stopping, self.state)
        )

    # --- Rows -------------------------------------------------------------------------------------

    @cached_property
    def _coverage(self) -> Coverage:
        return Coverage.of_shop(self.seller.pk, self.now)

    @cached_property
    def _narrowed(self) -> QuerySet[GatedProduct]:
        """All that the filters but `state` leave."""
        products = self._of_place()
        if self.source:
            products = products.filter(source=self.source)
        if self.code:
            products = products.filter(category__code=self.code)
        if self.q:
            products = products.filter(Q(title__icontains=self.q) | Q(product_id__iexact=self.q))
        return products

    def _of_place(self) -> QuerySet[GatedProduct]:
        if self.requirement is not None:
            products = needing(self.seller, self.requirement)
            return with_state(products, self._coverage, self.seller, self.requirement)
        if self.country and self.category:
            return live_products(self.seller).none()
        if self.rules is not None and self.country and self.stopping:
            return stopping(self.seller, self.rules, self._coverage, [self.country])
        products = live_products(self.seller)
        if self.country:
            products = products.filter(sold_to(self.country))
        if self.category:
            products = products.alias(
                bit=F("traits").bitand(EprCategory(self.category).bit)
            ).filter(bit__gt=0)
        return products

    @cached_property
    def counts(self) -> Counter[str]:
        """Products of a cell by state; empty when no cell is chosen."""
        if self.requirement is None:
            return Counter()
        rows: Any = self._narrowed.order_by()
        rows = rows.values_list("state").annotate(products=Count("pk"))
        return Counter(dict(rows))

    @property
    def tabs(self) -> list[tuple[str, str, int]]:
        """Value of `state`, name and number of each tab; none when no cell is chosen."""
        if self.requirement is None:
            return []
        found = [
            (state.value, str(state.label), self.counts[state])
            for state in LOOKS
            if self.counts[state] or state == self.state
        ]
        return [("", _("All"), self.counts.total()), *found]

    @cached_property
    def total(self) -> int:
        """Products on the list."""
        if self.requirement is None:
            return self._narrowed.count()
        return self.counts[self.state] if self.state else self.counts.total()

    @property
    def rows(self) -> QuerySet[GatedProduct]:
        """The list, in the order of product ids."""
        rows: Any = self._narrowed
        if self.requirement is not None and self.state:
            rows = rows.filter(state=self.state)
        ordered: QuerySet[GatedProduct] = rows.select_related("category").order_by("product_id")
        return ordered

    def views(self, products: list[GatedProduct]) -> list[ProductView]:
        """Return products as the page shows them; a constant number of statements."""
        lines = requirements_of(products, self.now)
        return [product_view(product, lines[product.pk]) for product in products]


def product_view(product: GatedProduct, lines: list[Cover]) -> ProductView:
    """Return a product with its lines of the requirements table, country by country."""
    by_country: dict[str, list[Cover]] = {}
    for line in lines:
        by_country.setdefault(line.country, []).append(line)
    return ProductView(
        product,
        names_of(product.traits),
        product.source in (TraitSource.CATEGORY, TraitSource.FALLBACK),
        [
            CountryCover(
                country_name(country),
                sells_to(product.countries, country),
                [
                    (
                        str(EprCategory(line.category).label),
                        str(line.status.label),
                        LOOKS[line.status],
                    )
                    for line in found
                    if line.required
                ],
            )
            for country, found in by_country.items()
        ],
    )


def _known(value: str | None, allowed: Sequence[str]) -> str:
    return value if value and value in allowed else ""
