"""Pages of themes: browser, one theme, and what matching brings (LST-5, LST-6, LST-9)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from listings.choices import ProductKind
from listings.models import Product, Theme, ThemeMatch
from listings.themes.asks import Ask, asks_of
from listings.themes.benefits import benefits_for
from listings.themes.facts import attribute_names
from listings.themes.links import edit_url, publish_new_url, publish_similar_url
from listings.themes.params import ThemeQuery, read_theme_query
from listings.themes.queries import (
    ORDERINGS,
    ThemeCounts,
    ThemeFilters,
    count_for_themes,
    match_totals,
    own_products_by_category,
    themes_day,
    themes_in_force,
    with_own_first,
)
from listings.themes.similar import SHOWN, SimilarProduct, similar_products
from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.http import MemberRequest
from portal.models import Category, Seller
from portal.prepared_reads import prepared
from portal.views.base import SellerPage
from portal.views.lists import page_of

PAGE_SIZE = 12
CATEGORIES_SUGGESTED = 12
OWN_CATEGORIES_SHOWN = 6
MATCHED_SHOWN = 20


@dataclass
class ThemeCard:
    """A theme as the browser shows it."""

    theme: Theme
    asks: list[Ask]
    counts: ThemeCounts
    publish_new: str


def theme_tabs(seller: Seller, day: date | None) -> dict[str, Any]:
    """Return what the tabs over all theme pages show: the published day and matched products."""
    return {"as_of_day": day, "totals": match_totals(seller, day)}


class ThemesPage(SellerPage):
    """The theme browser (LST-5)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show themes in force today, own categories first."""
        query = read_theme_query(request.GET)
        day, own = themes_day(), own_products_by_category(request.seller)
        themes = themes_in_force(query.filters)
        page = page_of(
            request, with_own_first(themes, request.seller, own, query.ordering), size=PAGE_SIZE
        )
        listed = list(page)
        names = attribute_names(listed)
        counts = count_for_themes(listed, request.seller, day, own)
        page.object_list = [
            ThemeCard(theme, asks_of(theme, names), counts[theme.pk], publish_new_url(theme))
            for theme in listed
        ]
        context = {
            "page_obj": page,
            "query": query,
            "orderings": ORDERINGS,
            "kinds": ProductKind.choices,
            "countries": _countries(),
            "own_categories": _own_categories(request.seller, own),
            "category_text": request.GET.get("category", "")[:100],
            "category_choices": _category_choices(query, request.GET.get("category", "")),
            "reason_empty": _why_empty(query) if not page.paginator.count else "",
            "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            "tab": "themes",
            **theme_tabs(request.seller, day),
        }
        return render(request, "listings/theme_list.html", context)


def _countries() -> list[tuple[str, str]]:
    """Return the countries that themes in force today name, by name; one query."""
    codes = {code for row in _countries_named(platform_time.today()) for code in row}
    return sorted(((code, country_name(code)) for code in codes), key=lambda pair: pair[1])


@prepared
def _countries_named(day: date) -> QuerySet[Theme, list[str]]:
    themes = Theme.objects.in_force(day).national().order_by()
    return themes.values_list("countries", flat=True).distinct()


def _own_categories(seller: Seller, own: dict[int, int]) -> list[Category]:
    """Return the categories in which the shop has most products, the main category first."""
    most = sorted(own, key=lambda pk: -own[pk])[:OWN_CATEGORIES_SHOWN]
    found = {one.pk: one for one in _categories({*most, seller.main_category_id})}
    order = [seller.main_category_id, *(pk for pk in most if pk != seller.main_category_id)]
    return [found[pk] for pk in order if pk in found]


@prepared
def _categories(keys: Collection[int]) -> QuerySet[Category]:
    return Category.objects.filter(pk__in=keys).order_by()


def _category_choices(query: ThemeQuery, text: str) -> list[Category]:
    """Return categories whose name holds what was typed, when it is no code; those up the tree first."""
    text = text.strip()[:100]
    if query.filters.category is not None or not text or "\x00" in text:
        return []
    named = Q(name_en__icontains=text) | Q(name_zh__icontains=text)
    found = Category.objects.filter(named).order_by("depth", "path_en")[:CATEGORIES_SUGGESTED]
    if found:
        query.errors.pop("category", None)
    return list(found)


def _why_empty(query: ThemeQuery) -> str:
    """Say why there is no theme to show (LST-5); at most one query."""
    filters = query.filters
    if not filters.any_set:
        return _(
            "No theme is in force today. Operators open themes where buyers ask for more than "
            "sellers offer; new ones appear here as soon as they start."
        )
    narrowed = filters.category is not None
    if narrowed and not themes_in_force(ThemeFilters(category=filters.category)).exists():
        return _(
            "This category has no theme at present: the operators judge that nothing is lacking "
            "here. Themes follow buyers' demand, its growth and what sellers offer, and are "
            "reviewed all the time."
        )
    return _("No theme fits all of these filters. Take one away, or look at all themes.")


class ThemePage(SellerPage):
    """One theme (LST-6)."""

    def get(self, request: MemberRequest, theme_id: str) -> HttpResponse:
        """Show what it asks, what it brings, what comes near and what matches."""
        # PostgreSQL refuses to look for a NUL; no id holds a sign that cannot be printed.
        theme = next(iter(_named(theme_id)), None) if theme_id.isprintable() else None
        if theme is None:
            raise Http404
        day, today = themes_day(), platform_time.today()
        table = benefits_for(request.seller, today)
        similar = similar_products(theme, request.seller, day)
        counts = count_for_themes([theme], request.seller, day)[theme.pk]
        context = {
            "theme": theme,
            "state": theme.state_on(today),
            "asks": asks_of(theme, attribute_names([theme])),
            "counts": counts,
            "benefits": _benefits_of(theme, table),
            "similar": [_similar_row(theme, one) for one in similar],
            "similar_shown": SHOWN,
            "matches": _matched(request.seller.pk, theme.pk, day) if day else [],
            "publish_new": publish_new_url(theme),
            "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            **theme_tabs(request.seller, day),
        }
        return render(request, "listings/theme_detail.html", context)


@prepared
def _named(theme_id: str) -> QuerySet[Theme]:
    return Theme.objects.select_related("category").filter(theme_id=theme_id)


@prepared
def _matched(seller_id: int, theme: int, day: date) -> QuerySet[ThemeMatch]:
    matches = ThemeMatch.objects.filter(seller=seller_id, theme=theme).as_of(day)
    return matches.select_related("product").order_by("-valid_from", "-pk")[:MATCHED_SHOWN]


def _benefits_of(theme: Theme, table: Any) -> list[Any]:
    """Return the benefits that products of this theme get, now or later."""
    if table is None:
        return []
    return [
        row
        for row in table.rows
        if row.state != "ended"
        and (row.benefit.national if theme.is_national else row.benefit.ordinary)
    ]


@dataclass
class SimilarRow:
    """A similar product with its links."""

    product: Product
    failing: list[Any]
    met: int
    publish_similar: str
    edit: str


def _similar_row(theme: Theme, similar: SimilarProduct) -> SimilarRow:
    failing = similar.failing
    return SimilarRow(
        similar.product,
        failing,
        len(similar.requirements) - len(failing),
        publish_similar_url(theme, similar.product),
        edit_url(theme, similar.product),
    )


class BenefitsPage(SellerPage):
    """What matched products get (LST-9)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the table as it stands on the platform's day."""
        context = {
            "table": benefits_for(request.seller, platform_time.today()),
            "tab": "benefits",
            **theme_tabs(request.seller, themes_day()),
        }
        return render(request, "listings/theme_benefits.html", context)
