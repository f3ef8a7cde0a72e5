"""What rules are evaluated over, loaded for many products and themes at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.models import QuerySet

from listings.models import Product, Theme
from listings.themes.rules import ProductFacts, ThemeSpec
from portal.models import Attribute, CategoryClosure
from portal.prepared_reads import prepared
from portal.read_once import read_once


def category_paths(category_ids: Iterable[int | None]) -> dict[int, list[str]]:
    """Return category pk → codes from the industry down to the category itself; one query."""
    return paths_from(categories_above(frozenset(pk for pk in category_ids if pk)))


def paths_from(above: Mapping[int, Iterable[tuple[int, str]]]) -> dict[int, list[str]]:
    """Return `category_paths` from what `categories_above` found."""
    return {pk: [code for _ancestor, code in rows] for pk, rows in above.items()}


@read_once
def categories_above(category_ids: frozenset[int]) -> dict[int, list[tuple[int, str]]]:
    """Return category pk → pk and code of those above it, the industry first, itself last; one query."""
    above: dict[int, list[tuple[int, str]]] = {}
    for descendant, ancestor, code in _above(category_ids):
        above.setdefault(descendant, []).append((ancestor, code))
    return above


@prepared
def _above(
    category_ids: frozenset[int],
) -> QuerySet[CategoryClosure, tuple[int, int, str]]:
    rows = CategoryClosure.objects.filter(descendant__in=category_ids)
    ordered = rows.order_by("descendant", "-distance")
    return ordered.values_list("descendant", "ancestor", "ancestor__code")


def theme_specs(themes: Sequence[Theme]) -> dict[int, ThemeSpec]:
    """Return theme pk → its requirements with attribute names to read; at most one query."""
    names = attribute_names(themes)
    return {theme.pk: ThemeSpec.of(theme, names) for theme in themes}


def attribute_names(themes: Iterable[Theme]) -> dict[str, str]:
    """Return the names of the attributes that themes ask for, by code; one query."""
    codes = {code for theme in themes for code in theme.attributes}
    return {attribute.code: attribute.name for attribute in _attributes(codes)}


@prepared
def _attributes(codes: Collection[str]) -> QuerySet[Attribute]:
    return Attribute.objects.filter(code__in=codes)


def product_facts(product: Product, paths: Mapping[int, Sequence[str]]) -> ProductFacts:
    """Return the facts of a product as it is now; `paths` comes from `category_paths`."""
    return ProductFacts(
        category_path=paths.get(product.category_id, []),
        title=product.title,
        kind=product.kind,
        status=product.status,
        deleted=product.deleted_at is not None,
        price_min=product.price_min,
        price_max=product.price_max,
        attributes=product.attributes,
        custom_attributes=product.custom_attributes,
        services=product.services,
        countries=product.target_countries,
    )
