"""What a shop sees of the themes: which are in force, whose own they are, how many products fit.

Every function runs a constant number of queries, whatever the number of themes or products.
Callers are inside the shop's scope; the seller is named all the same, so that the batch side can
call them too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from listings.choices import ProductKind, ProductStatus
from listings.matching.countries import country_masks
from listings.models import Product, Theme, ThemeMatch
from listings.themes.facts import categories_above
from portal import platform_time
from portal.models import Category, CategoryClosure, Seller
from portal.nightly.published import published_day
from portal.own_categories import own_categories
from portal.prepared_reads import prepared, totals
from portal.read_once import read_once
from portal.scoping import unscoped

THEMES_JOB = "listings.themes"
"""The night's job whose published days the matched lists are read from."""

NO_GAIN = -(10**9)
"""Sorts themes without a figure below every theme that has one."""

ORDERINGS = {
    "traffic": _("Highest traffic"),
    "conversion": _("Highest conversion"),
    "trade": _("Highest trade"),
    "newest": _("Newest"),
}


@dataclass(frozen=True)
class ThemeFilters:
    """What the browser and the API may narrow themes by (LST-5)."""

    category: Category | None = None
    country: str = ""
    kind: str = ""
    rts: bool = False
    national: bool | None = None
    q: str = ""

    @property
    def any_set(self) -> bool:
        """Tell whether anything narrows the list."""
        return self != ThemeFilters()


@dataclass(frozen=True)
class ThemeCounts:
    """Own products of one theme: matched as of the published day, and similar ones now."""

    matched: int = 0
    similar: int = 0


# --- Themes ---------------------------------------------------------------------------------------


def themes_in_force(filters: ThemeFilters, day: date | None = None) -> QuerySet[Theme]:
    """Return the themes in force on a Pacific day (default: today), narrowed, unordered (LST-5)."""
    themes: QuerySet[Theme] = Theme.objects.in_force(day or platform_time.today())
    themes = themes.select_related("category")
    if filters.category is not None:
        below = CategoryClosure.objects.filter(ancestor=filters.category).values("descendant")
        themes = themes.filter(category__in=below)
    if filters.country:
        themes = _asking_for(themes, filters.country)
    if filters.kind:
        themes = themes.filter(kind=filters.kind)
    if filters.rts:
        themes = themes.filter(kind=ProductKind.RTS)
    if filters.national is not None:
        themes = themes.filter(is_national=filters.national)
    if filters.q:
        themes = themes.filter(
            Q(title_en__icontains=filters.q)
            | Q(title_zh__icontains=filters.q)
            | Q(theme_id__iexact=filters.q)
        )
    return themes


def _asking_for(themes: QuerySet[Theme], country: str) -> QuerySet[Theme]:
    """Keep the themes that name a country; ordinary themes name none."""
    for number, mask in enumerate(country_masks([country])):
        if mask:
            name = f"asks_{number}"
            bit = F(f"countries_{number}").bitand(mask)
            return themes.alias(**{name: bit}).exclude(**{name: 0})
    return themes.none()


def with_own_first(
    themes: QuerySet[Theme], seller: Seller, own_categories: Iterable[int], ordering: str
) -> QuerySet[Theme]:
    """Order themes: own categories first, then by `ordering`, one of `ORDERINGS` (LST-5).

    A theme is in an own category when its subtree holds a category the shop has products in or its
    main category, or when the theme lies below the main category. Annotates `own` (1 or 0) and
    `sort_key`; the full order is unique: `-own, -sort_key, -pk`.
    """
    theirs = {*own_categories, seller.main_category_id}
    covers = CategoryClosure.objects.filter(ancestor=OuterRef("category"), descendant__in=theirs)
    below_main = CategoryClosure.objects.filter(
        ancestor=seller.main_category_id, descendant=OuterRef("category")
    )
    own = Case(When(Exists(covers) | Exists(below_main), then=Value(1)), default=Value(0))
    key: F | Coalesce = F("starts_on")
    if ordering != "newest":
        key = Coalesce(F(f"{ordering}_gain"), Value(NO_GAIN))
    return themes.annotate(own=own, sort_key=key).order_by("-own", "-sort_key", "-pk")


def own_themes_unmatched(seller: Seller, day: date, *, limit: int) -> list[Theme]:
    """Return themes in force in own categories that no product of the shop is in, most traffic first.

    Own categories are those of `with_own_first`. One query, besides those for the shop's categories.
    """
    above = own_categories_above(seller).values()
    categories = {ancestor for rows in above for ancestor, _code in rows}
    categories |= own_categories([seller])[seller.pk]
    known = [category for category in categories if category is not None]
    matched = themes_day()
    if matched is None:
        return _in_categories(day, known, limit=limit)
    return _unmatched(day, known, seller.pk, matched, limit=limit)


@prepared
def _in_categories(day: date, categories: Collection[int], *, limit: int) -> QuerySet[Theme]:
    themes = Theme.objects.in_force(day).filter(category__in=categories)
    return _most_traffic_first(themes)[:limit]


@prepared
def _unmatched(
    day: date, categories: Collection[int], seller_id: int, matched: date, *, limit: int
) -> QuerySet[Theme]:
    themes = Theme.objects.in_force(day).filter(category__in=categories)
    matches = ThemeMatch.objects.filter(seller=seller_id).as_of(matched)
    return _most_traffic_first(themes.exclude(pk__in=matches.values("theme")))[:limit]


def _most_traffic_first(themes: QuerySet[Theme]) -> QuerySet[Theme]:
    gain = Coalesce(F("traffic_gain"), Value(NO_GAIN))
    ordered = themes.annotate(sort_key=gain).order_by("-sort_key", "-pk")
    return ordered.select_related("category")


@read_once
def own_categories_above(seller: Seller) -> dict[int, list[tuple[int, str]]]:
    """Return the shop's main category and those of its products, each with what is above it; one query.

    See `categories_above`.
    """
    own = {*products_by_category(seller.pk), seller.main_category_id}
    return categories_above(frozenset(category for category in own if category is not None))


# --- Counts ---------------------------------------------------------------------------------------


class OwnProducts(NamedTuple):
    """A shop's products of one category outside the recycle bin: all of them, and those on sale."""

    number: int
    live: int


@read_once
def products_by_category(seller_id: int) -> dict[int, OwnProducts]:
    """Return category id → how many products a shop has in it; one query."""
    with unscoped():
        rows = _counted(seller_id)
    return {category: OwnProducts(number, live) for category, number, live in rows}


@prepared
def _counted(seller_id: int) -> QuerySet[Product, Any]:
    return (
        Product.objects.filter(seller=seller_id, deleted_at__isnull=True)
        .order_by()
        .values_list("category")
        .annotate(number=Count("pk"), live=Count("pk", filter=Q(status=ProductStatus.LIVE)))
    )


def own_products_by_category(seller: Seller) -> dict[int, int]:
    """Return category id → number of the shop's products outside the recycle bin; one query."""
    return {category: own.number for category, own in products_by_category(seller.pk).items()}


def matches_of(seller: Seller, day: date | None) -> QuerySet[ThemeMatch]:
    """Return the shop's matches as of a published day; none when no day is published yet."""
    matches = ThemeMatch.objects.filter(seller=seller)
    return matches.none() if day is None else matches.as_of(day)


def count_for_themes(
    themes: Sequence[Theme], seller: Seller, day: date | None, own: dict[int, int] | None = None
) -> dict[int, ThemeCounts]:
    """Return theme pk → matched and similar counts for these themes; at most three queries (LST-5).

    Matched is as of the published day. Similar is what the shop has now in the theme's subtree,
    outside the recycle bin, less what matched and is still there.
    """
    if own is None:
        own = own_products_by_category(seller)
    in_subtree: dict[int, int] = defaultdict(int)
    for ancestor, descendant in _subtrees({theme.category_id for theme in themes}, own.keys()):
        in_subtree[ancestor] += own[descendant]
    keys = [theme.pk for theme in themes]
    rows = [] if day is None else _matched(seller.pk, keys, day)
    matched = {theme: (number, present) for theme, number, present in rows}
    counts = {}
    for theme in themes:
        number, present = matched.get(theme.pk, (0, 0))
        counts[theme.pk] = ThemeCounts(number, in_subtree[theme.category_id] - present)
    return counts


@prepared
def _subtrees(
    above: Collection[int], below: Collection[int]
) -> QuerySet[CategoryClosure, tuple[int, int]]:
    pairs = CategoryClosure.objects.filter(ancestor__in=above, descendant__in=below)
    return pairs.values_list("ancestor", "descendant")


@prepared
def _matched(seller_id: int, themes: Collection[int], day: date) -> QuerySet[ThemeMatch, Any]:
    still_there = Q(product__deleted_at__isnull=True) & Q(
        Exists(
            CategoryClosure.objects.filter(
                ancestor=OuterRef("theme__category"), descendant=OuterRef("product__category")
            )
        )
    )
    matches = ThemeMatch.objects.filter(seller=seller_id, theme__in=themes).as_of(day).order_by()
    return matches.values_list("theme").annotate(
        number=Count("pk"), present=Count("pk", filter=still_there)
    )


@dataclass(frozen=True)
class MatchTotals:
    """What a shop has in its matched list as of a day (LST-8)."""

    matches: int = 0
    """Pairs of product and theme: rows of the list."""
    national_matches: int = 0
    products: int = 0
    """Distinct products, however many themes each is in: "122, of which 45 national"."""
    national_products: int = 0


@read_once
def match_totals(seller: Seller, day: date | None, *, theme: Theme | None = None) -> MatchTotals:
    """Count a shop's matches and distinct matched products, all and national; one query.

    As of a published day, none of them without one; `theme` narrows them to one theme's.
    """
    if day is None:
        return MatchTotals()
    [numbers] = _totals(seller.pk, day) if theme is None else _totals_in(seller.pk, day, theme.pk)
    return MatchTotals(*numbers)


@prepared
def _totals(seller_id: int, day: date) -> QuerySet[ThemeMatch, Any]:
    return _counts(ThemeMatch.objects.filter(seller=seller_id).as_of(day))


@prepared
def _totals_in(seller_id: int, day: date, theme: int) -> QuerySet[ThemeMatch, Any]:
    return _counts(ThemeMatch.objects.filter(seller=seller_id, theme=theme).as_of(day))


def _counts(matches: QuerySet[ThemeMatch]) -> QuerySet[ThemeMatch, Any]:
    national = Q(theme__is_national=True)
    return totals(
        matches,
        matches=Count("pk"),
        national_matches=Count("pk", filter=national),
        products=Count("product", distinct=True),
        national_products=Count("product", distinct=True, filter=national),
    )


def themes_day(wanted: date | None = None) -> date | None:
    """Return the newest day of matches that readers may see, at or before `wanted` (T+2, K-2)."""
    return published_day(THEMES_JOB, wanted)
