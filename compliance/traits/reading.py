"""A shop's categories with what their products contain, for the bulk page and its API (EPR-2)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from compliance.choices import TraitSource
from compliance.models import GatedProduct, ShopCategoryTraits
from compliance.services.traits import TraitsHeld, traits_unsaid
from portal.models import Category, Seller

CONFIRMED = {TraitSource.SHOP, TraitSource.PRODUCT, TraitSource.STAFF}
"""Sources in which somebody has said it of the shop's own goods."""


@dataclass
class CategoryRow:
    """A category with products of the shop.

    `held` is what a product of it has that says nothing itself; `by_source` counts live products by
    where their traits come from, `differing` those whose own answer, or staff's, is another one.
    """

    category: Category
    held: TraitsHeld
    answer: ShopCategoryTraits | None = None
    by_source: Counter[str] = field(default_factory=Counter)
    differing: int = 0

    @property
    def products(self) -> int:
        """Live products."""
        return self.by_source.total()

    @property
    def relying(self) -> int:
        """Live products that have what the category's answer says."""
        return self.products - self.own - self.by_staff

    @property
    def own(self) -> int:
        """Live products that say it themselves."""
        return self.by_source[TraitSource.PRODUCT]

    @property
    def by_staff(self) -> int:
        """Live products for which staff said it."""
        return self.by_source[TraitSource.STAFF]

    @property
    def to_confirm(self) -> bool:
        """Whether live products have it by assumption only."""
        return bool(self.relying) and self.held.source not in CONFIRMED

    @property
    def confirmed_at(self) -> datetime | None:
        """When the shop said it of this category."""
        return self.answer.confirmed_at if self.answer else None

    @property
    def seen(self) -> str:
        """What a form has seen of the row: another value means that it is stale."""
        said = self.answer.confirmed_at.isoformat() if self.answer else ""
        return seen_of(self.held.traits, self.held.source, said)


def seen_of(*values: object) -> str:
    """Return a short mark of some values, for forms to send back."""
    text = json.dumps([str(value) for value in values])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def category_rows(seller: Seller) -> list[CategoryRow]:
    """Return the categories of a shop's products, most to confirm first; constant queries (EPR-2)."""
    kept = GatedProduct.objects.filter(seller=seller, deleted=False).order_by()
    groups = list(
        kept.values_list("category_id", "live", "source", "traits").annotate(products=Count("pk"))
    )
    found = {category for category, *_rest in groups}
    held = traits_unsaid(seller, found)
    answers = ShopCategoryTraits.objects.filter(seller=seller, category__in=found)
    said = {answer.category_id: answer for answer in answers.select_related("confirmed_by")}
    rows = {
        pk: CategoryRow(category, held[pk], said.get(pk))
        for pk, category in Category.objects.in_bulk(found).items()
    }
    for category, live, source, traits, products in groups:
        if live:
            _count(rows[category], source, traits, products)
    return sorted(
        rows.values(), key=lambda row: (not row.to_confirm, -row.products, row.category.path)
    )


def _count(row: CategoryRow, source: str, traits: int, products: int) -> None:
    row.by_source[source] += products
    if source in (TraitSource.PRODUCT, TraitSource.STAFF) and traits != row.held.traits:
        row.differing += products
