"""What another default of a category would change, before it does (EPR-2, UI-7)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from compliance.choices import TraitSource
from compliance.models import CategoryTraits, GatedProduct
from compliance.rules import FALLBACK_TRAITS
from portal.models import Category, CategoryClosure
from portal.scoping import unscoped

FROM_DEFAULTS = (TraitSource.CATEGORY, TraitSource.FALLBACK)


@dataclass(frozen=True)
class TraitsEffect:
    """Products that would contain something else, of them live ones, and the shops they are of."""

    products: int
    live: int
    shops: int


def category_traits_effect(category: Category, traits: int | None) -> TraitsEffect:
    """Return what setting a category's default would change; None takes it back. Four queries.

    Products count of which neither shop nor staff has said anything, in the category and below it down
    to categories with a default of their own.
    """
    new = _default_above(category) if traits is None else traits
    with unscoped():
        products = GatedProduct.objects.filter(
            category__in=_ruled_by(category), source__in=FROM_DEFAULTS
        ).exclude(traits=new)
        counts = products.aggregate(
            products=Count("pk"),
            live=Count("pk", filter=Q(live=True, deleted=False)),
            shops=Count("seller", distinct=True),
        )
    return TraitsEffect(**counts)


def _default_above(category: Category) -> int:
    above = CategoryTraits.objects.filter(category__below__descendant=category)
    nearest = above.exclude(category=category).order_by("category__below__distance").first()
    return nearest.traits if nearest else FALLBACK_TRAITS


def _ruled_by(category: Category) -> list[int]:
    """Return the categories for which this one's default is the nearest."""
    below = dict(
        CategoryClosure.objects.filter(ancestor=category).values_list("descendant_id", "distance")
    )
    others = CategoryTraits.objects.exclude(category=category).values("category")
    nearer = CategoryClosure.objects.filter(ancestor__in=others, descendant__in=list(below))
    ruled_otherwise = {
        pk
        for pk, distance in nearer.values_list("descendant_id", "distance")
        if distance < below[pk]
    }
    return [pk for pk in below if pk not in ruled_otherwise]
