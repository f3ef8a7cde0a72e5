"""Own products that come near a theme, ranked inside the database (LST-6).

The database counts failed requirements over the narrow projections, so that ten thousand products of
one category cost one scan; only the few that are shown are explained by `listings.rules`. Both agree
because both are built from the same patterns, hashes and masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan

from listings.choices import KeywordMode
from listings.facts import categories_above, category_paths, product_facts, theme_specs
from listings.matching.compiled import cents
from listings.matching.countries import SERVICE, country_masks, service_mask
from listings.matching.text import value_hash
from listings.models import MatchProjection, Product, Theme
from listings.querysets import matches_of, products_by_category
from listings.rules import Requirement, evaluate
from portal import platform_time
from portal.models import CategoryClosure, Seller
from portal.text import pattern

SHOWN = 20
"""Similar products on a theme's page."""

_RANK = 2**40
"""Failures and a product's key share one number: failures × _RANK + key. Keys stay below it."""


class HoldsAny(Func):
    """True when a list of hashes holds at least one of some hashes."""

    output_field = BooleanField()

    def __init__(self, column: Any, hashes: Sequence[int]) -> None:
        self.hashes = list(hashes)
        super().__init__(column)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        """Use the array operator."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} && %s::bigint[])", [*params, self.hashes]

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Look the hashes up in the list's text: they are all of one width."""
        column, params = compiler.compile(self.source_expressions[0])
        found = " OR ".join([f"INSTR({column}, %s) > 0"] * len(self.hashes))
        return f"({found or '0'})", [part for text in self.hashes for part in (*params, str(text))]


# --- Counting failures in SQL -----------------------------------------------------------------------


def failures(theme: Theme) -> Any:
    """Return an expression over `MatchProjection`: how many requirements a product fails now.

    Counts what `listings.rules.evaluate` lists, but not the category and the window: the first is
    the caller's filter and the second is the same for every product.
    """
    met: list[Q] = [Q(live=True), *_keywords(theme), *_kind(theme)]
    met += [
        Q(HoldsAny(F("value_ids"), [value_hash(code, value) for value in values]))
        for code, values in theme.attributes.items()
    ]
    met += [*_services(theme), *_price(theme), *_countries(theme)]
    failed = [
        Case(When(condition, then=Value(0)), default=Value(1), output_field=IntegerField())
        for condition in met
    ]
    return sum(failed[1:], failed[0])


def _keywords(theme: Theme) -> list[Q]:
    patterns = [text for text in map(pattern, theme.keywords) if text]
    if not patterns:
        return []
    found = [Q(GreaterThan(StrIndex(F("title_norm"), Value(text)), 0)) for text in patterns]
    if theme.keyword_mode == KeywordMode.ALL:
        return [Q(*found)]
    return [reduce(or_, found)]


def _kind(theme: Theme) -> list[Q]:
    return [Q(kind=theme.kind)] if theme.kind else []


def _services(theme: Theme) -> list[Q]:
    if not theme.services:
        return []
    mask, others = service_mask(theme.services)
    needed = [Q(Exact(F("services").bitand(mask), mask))] if mask else []
    needed += [Q(HoldsAny(F("value_ids"), [value_hash(SERVICE, code)])) for code in others]
    return [Q(*needed)]


def _price(theme: Theme) -> list[Q]:
    if theme.price_min is None and theme.price_max is None:
        return []
    inside = Q(price_min__isnull=False, price_max__isnull=False)
    if theme.price_min is not None:
        inside &= Q(price_min__gte=cents(theme.price_min))
    if theme.price_max is not None:
        inside &= Q(price_max__lte=cents(theme.price_max))
    return [inside]


def _countries(theme: Theme) -> list[Q]:
    if not theme.countries:
        return []
    shared = [
        Q(GreaterThan(F(f"countries_{number}").bitand(mask), 0))
        for number, mask in enumerate(country_masks(theme.countries))
        if mask
    ]
    return [reduce(or_, shared)] if shared else [Q(pk__in=[])]


# --- One theme's page --------------------------------------------------------------------------------


@dataclass(frozen=True)
class SimilarProduct:
    """A product in the theme's category that is not in its matched list, and how it stands."""

    product: Product
    requirements: list[Requirement]

    @property
    def failing(self) -> list[Requirement]:
        """Requirements that are not met; empty when it counts from the next nights on."""
        return [requirement for requirement in self.requirements if not requirement.met]


def _candidates(seller: Seller) -> QuerySet[MatchProjection]:
    return MatchProjection.objects.filter(
        seller=seller, valid_to__isnull=True, product__deleted_at__isnull=True
    )


def similar_products(
    theme: Theme, seller: Seller, day: date | None, *, limit: int = SHOWN
) -> list[SimilarProduct]:
    """Return own products of the theme's subtree not matched as of `day`, nearest first (LST-6).

    Equal ones: the last changed first. Four queries.
    """
    subtree = CategoryClosure.objects.filter(ancestor=theme.category_id).values("descendant")
    matched = matches_of(seller, day).filter(theme=theme, product=OuterRef("product"))
    ranked = list(
        _candidates(seller)
        .filter(~Exists(matched), category__in=subtree)
        .annotate(failing=failures(theme))
        .order_by("failing", "-product__changed_at", "-product")
        .values_list("product", flat=True)[:limit]
    )
    products = (
        Product.objects.filter(seller=seller)
        .select_related("category", "owner__user")
        .in_bulk(ranked)
    )
    return explain(theme, [products[pk] for pk in ranked if pk in products])


def explain(theme: Theme, products: Iterable[Product]) -> list[SimilarProduct]:
    """Evaluate products as they are now against a theme; two queries."""
    products = list(products)
    spec = theme_specs([theme])[theme.pk]
    paths = category_paths(product.category_id for product in products)
    today = platform_time.today()
    return [
        SimilarProduct(product, evaluate(spec, product_facts(product, paths), today))
        for product in products
    ]


# --- Many themes at once -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Nearest:
    """The shop's product that fails fewest of a theme's requirements."""

    theme: Theme
    product_pk: int
    failing: int


def nearest_products(themes: Sequence[Theme], seller: Seller) -> list[Nearest]:
    """Return for each theme the product that fails fewest requirements, if any is in its subtree.

    One scan of the shop's projections for all the themes, and two queries for their subtrees: meant for
    a handful of themes.
    """
    if not themes:
        return []
    subtrees: dict[int, set[int]] = {theme.category_id: set() for theme in themes}
    for descendant, above in categories_above(frozenset(products_by_category(seller.pk))).items():
        for ancestor, _code in above:
            if ancestor in subtrees:
                subtrees[ancestor].add(descendant)
    best = _candidates(seller).aggregate(
        **{
            f"theme_{theme.pk}": Min(
                Case(
                    When(
                        category__in=subtrees[theme.category_id],
                        then=failures(theme) * Value(_RANK, BigIntegerField()) + F("product"),
                    ),
                    output_field=BigIntegerField(),
                )
            )
            for theme in themes
            if subtrees[theme.category_id]
        }
    )
    found = [(theme, best.get(f"theme_{theme.pk}")) for theme in themes]
    return [
        Nearest(theme, code % _RANK, code // _RANK) for theme, code in found if code is not None
    ]


# --- Before a theme is saved -------------------------------------------------------------------------


@dataclass(frozen=True)
class MatchPreview:
    """Live products in a theme's subtree: all, those that meet it now, those that miss one."""

    live: int
    matching: int
    missing_one: int
    sellers: int
    """Shops with a product that meets it."""


def match_preview(theme: Theme) -> MatchPreview:
    """Count what would match a theme, saved or not, as products are now; one query over all shops."""
    subtree = CategoryClosure.objects.filter(ancestor=theme.category_id).values("descendant")
    met, near = Q(failing=0), Q(failing=1)
    counts = (
        MatchProjection.objects.filter(valid_to__isnull=True, live=True, category__in=subtree)
        .annotate(failing=failures(theme))
        .aggregate(
            live=Count("pk"),
            matching=Count("pk", filter=met),
            missing_one=Count("pk", filter=near),
            sellers=Count("seller", filter=met, distinct=True),
        )
    )
    return MatchPreview(**counts)
