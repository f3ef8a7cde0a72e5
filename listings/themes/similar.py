"""Own products that come near a theme, ranked inside the database (LST-6).

The database counts failed requirements over the narrow projections, so that ten thousand products of
one category cost one scan; only the few that are shown are explained by `listings.themes.rules`. Both agree
because both are built from the same patterns, hashes and masks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import (
    Count,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
)

from listings.choices import KeywordMode
from listings.matching.compiled import cents
from listings.matching.countries import SERVICE, country_masks, service_mask
from listings.matching.text import value_hash
from listings.models import MatchProjection, Product, Theme
from listings.themes.facts import category_paths, product_facts, theme_specs
from listings.themes.queries import matches_of, own_categories_above
from listings.themes.rules import Requirement, evaluate
from portal import platform_time
from portal.models import CategoryClosure, Seller
from portal.prepared_reads import prepared
from portal.text import pattern

SHOWN = 20
"""Similar products on a theme's page."""

_RANK = 2**40
"""Failures and a product's key share one number: failures × _RANK + key. Keys stay below it."""


# --- Counting failures in SQL -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What a theme asks of a projection, as patterns, hashes and masks."""

    patterns: tuple[str, ...]
    all_patterns: bool
    kind: str
    groups: tuple[tuple[int, ...], ...]
    """Of each group one hash has to be there."""
    services: tuple[int, tuple[int, ...]] | None
    """A mask and hashes that have to be there all."""
    price: tuple[int | None, int | None] | None
    countries: tuple[int, ...] | None


class Failures(Func):
    """How many requirements a row of `MatchProjection` fails.

    One expression whose text is written at once: as a tree of conditions Django takes ten times as long
    to put it into words as the database takes to answer.
    """

    output_field = IntegerField()
    COLUMNS = (
        "live", "title_norm", "kind", "value_ids", "services", "price_min", "price_max", "countries_0",
        "countries_1", "countries_2", "countries_3",
    )  # fmt: skip

    def __init__(self, asked: _Asked) -> None:
        self.asked = asked
        super().__init__(*self.COLUMNS)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return the number of conditions that are not met."""
        return self._written(compiler, on_postgres=True)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return the same for SQLite."""
        return self._written(compiler, on_postgres=False)

    def _written(self, compiler: Any, *, on_postgres: bool) -> tuple[str, list[Any]]:
        sources = self.get_source_expressions()
        columns = {
            name: compiler.compile(source)[0]
            for name, source in zip(self.COLUMNS, sources, strict=True)
        }
        return _failures_sql(self.asked, columns, on_postgres)


_Condition = tuple[str, list[Any]]


def _failures_sql(asked: _Asked, column: Mapping[str, str], on_postgres: bool) -> _Condition:
    """Return the number of requirements that a projection fails, with its parameters."""
    conditions = list(_conditions(asked, column, on_postgres))
    text = " + ".join(f"CASE WHEN {sql} THEN 0 ELSE 1 END" for sql, _params in conditions)
    return f"({text})", [value for _sql, params in conditions for value in params]


def _conditions(
    asked: _Asked, column: Mapping[str, str], on_postgres: bool
) -> Iterator[_Condition]:
    """Yield each requirement as a condition with its parameters."""
    yield column["live"], []
    if asked.patterns:
        find = "STRPOS" if on_postgres else "INSTR"
        word = " AND " if asked.all_patterns else " OR "
        found = word.join([f"{find}({column['title_norm']}, %s) > 0"] * len(asked.patterns))
        yield f"({found})", [*asked.patterns]
    if asked.kind:
        yield f"{column['kind']} = %s", [asked.kind]
    for hashes in asked.groups:
        yield _holds_any(column["value_ids"], hashes, on_postgres)
    if asked.services:
        mask, others = asked.services
        needed = [_holds_any(column["value_ids"], [one], on_postgres) for one in others]
        needed.append((f"({column['services']} & %s) = %s", [mask, mask]))
        yield " AND ".join(sql for sql, _p in needed), [one for _sql, p in needed for one in p]
    if asked.price:
        yield _price_inside(column, *asked.price)
    if asked.countries is not None:
        shared = [
            f"({column[f'countries_{number}']} & %s) > 0" for number in range(len(asked.countries))
        ]
        yield f"({' OR '.join(shared)})", [*asked.countries]


def _holds_any(column: str, hashes: Sequence[int], on_postgres: bool) -> _Condition:
    """Hold at least one of some hashes; in SQLite's text of a list all are of one width."""
    if on_postgres:
        return f"{column} && %s::bigint[]", [list(hashes)]
    found = " OR ".join([f"INSTR({column}, %s) > 0"] * len(hashes))
    return f"({found or '0'})", list(map(str, hashes))


def _price_inside(column: Mapping[str, str], low: int | None, high: int | None) -> _Condition:
    """A product's whole range of prices lies between the bounds; without prices it does not."""
    tests = [f"{column['price_min']} IS NOT NULL", f"{column['price_max']} IS NOT NULL"]
    if low is not None:
        tests.append(f"{column['price_min']} >= %s")
    if high is not None:
        tests.append(f"{column['price_max']} <= %s")
    return " AND ".join(tests), [bound for bound in (low, high) if bound is not None]


def failures(theme: Theme) -> Failures:
    """Return an expression over `MatchProjection`: how many requirements a product fails now.

    Counts what `listings.themes.rules.evaluate` lists, but not the category and the window: the first is
    the caller's filter and the second is the same for every product.
    """
    return Failures(_asked_by(theme))


def _asked_by(theme: Theme) -> _Asked:
    mask, others = service_mask(theme.services)
    hashes = tuple(value_hash(SERVICE, code) for code in others)
    bounded = theme.price_min is not None or theme.price_max is not None
    return _Asked(
        patterns=tuple(text for text in map(pattern, theme.keywords) if text),
        all_patterns=theme.keyword_mode == KeywordMode.ALL,
        kind=theme.kind,
        groups=tuple(
            tuple(value_hash(code, value) for value in values)
            for code, values in theme.attributes.items()
        ),
        services=(mask, hashes) if theme.services else None,
        price=(cents(theme.price_min), cents(theme.price_max)) if bounded else None,
        countries=country_masks(theme.countries) if theme.countries else None,
    )


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
        .values_list("product_id", flat=True)[:limit]
    )
    products = {product.pk: product for product in _shown(seller.pk, ranked)}
    return explain(theme, [products[pk] for pk in ranked if pk in products])


@prepared
def _shown(seller_id: int, keys: Collection[int]) -> QuerySet[Product]:
    products = Product.objects.filter(seller=seller_id, pk__in=keys).order_by()
    return products.select_related("category", "owner__user")


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

    One scan of the shop's projections in their categories for all the themes, and two queries for their
    subtrees: meant for a handful of themes.
    """
    subtrees: dict[int, set[int]] = {theme.category_id: set() for theme in themes}
    for descendant, above in own_categories_above(seller).items():
        for ancestor, _code in above:
            if ancestor in subtrees:
                subtrees[ancestor].add(descendant)
    near = [theme for theme in themes if subtrees[theme.category_id]]
    codes = _best(near, subtrees, seller.pk) if near else ()
    return [
        Nearest(theme, code % _RANK, code // _RANK)
        for theme, code in zip(near, codes, strict=True)
        if code is not None
    ]


def _best(
    themes: Sequence[Theme], subtrees: Mapping[int, Collection[int]], seller_id: int
) -> Sequence[int | None]:
    """Return for each theme failures × `_RANK` + key of the nearest product of a shop; one query.

    Written by hand: a tree of expressions per theme takes Django longer than the database needs to answer.
    """
    columns = {name: f"m.{name}" for name in Failures.COLUMNS}
    best, params = [], list[Any]()
    for theme in themes:
        inside = sorted(subtrees[theme.category_id])
        failing, values = _failures_sql(
            _asked_by(theme), columns, on_postgres=connection.vendor == "postgresql"
        )
        best.append(
            f"MIN(CASE WHEN m.category_id IN ({_holes(inside)}) "
            f"THEN CAST({failing} AS BIGINT) * {_RANK} + m.product_id END)"
        )
        params += [*inside, *values]
    categories = sorted(set[int]().union(*(subtrees[theme.category_id] for theme in themes)))
    sql = (
        f"SELECT {', '.join(best)} FROM listings_matchprojection m "  # noqa: S608  values are parameters
        "JOIN listings_product p ON p.id = m.product_id "
        "WHERE m.seller_id = %s AND m.valid_to IS NULL AND p.deleted_at IS NULL "
        f"AND m.category_id IN ({_holes(categories)})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, seller_id, *categories])
        found: Sequence[int | None] = cursor.fetchone()
        return found


def _holes(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


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
