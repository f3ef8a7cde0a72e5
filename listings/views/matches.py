"""Pages of the matched list and its history (LST-8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import ValidationError

from listings.models import Theme, ThemeMatch
from listings.themes.match_history import ENTERED, LEFT, Position, events_page
from listings.themes.queries import matches_of, themes_day
from listings.views.themes import theme_tabs
from portal import platform_time
from portal.api.keyset import read_cursor, write_cursor
from portal.bilingual import in_language
from portal.http import MemberRequest
from portal.ingest.columns import CellError, safe_text
from portal.prepared_reads import prepared
from portal.views.base import SellerPage
from portal.views.lists import Counted, page_of

PAGE_SIZE = 50


def _text(request: MemberRequest, name: str) -> str:
    try:
        return safe_text(request.GET.get(name, ""), 200)
    except CellError:
        return ""


class MatchesPage(SellerPage):
    """Products in the matched list, theme by theme (LST-8)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the list as of the newest published day."""
        day = themes_day()
        chosen, q, national = (
            _text(request, "theme"),
            _text(request, "q"),
            _text(request, "national"),
        )
        matches = matches_of(request.seller, day)
        if chosen:
            matches = matches.filter(theme__theme_id=chosen)
        if national:
            matches = matches.filter(theme__is_national=national == "1")
        if q:
            matches = matches.filter(
                Q(product__title__icontains=q) | Q(product__product_id__iexact=q)
            )
        rows = matches.select_related("theme__category", "product").order_by(
            "theme__title_en", "theme", "-valid_from", "-pk"
        )
        counts = [_ThemeCount(*row) for row in _by_theme(request.seller.pk, day)] if day else []
        tabs, filtered = theme_tabs(request.seller, day), bool(chosen or q or national)
        known = rows if filtered else Counted(rows, tabs["totals"].matches)
        page = page_of(request, known, size=PAGE_SIZE)
        numbers = {row.theme: row.number for row in counts}
        context = {
            "page_obj": page,
            "groups": _groups(list(page), numbers),
            "themes": [_choice(row) for row in counts],
            "chosen": chosen,
            "q": q,
            "national": national,
            "filtered": filtered,
            "today": platform_time.today(),
            "tab": "matches",
            **tabs,
        }
        return render(request, "listings/theme_matches.html", context)


@dataclass
class MatchGroup:
    """One theme's part of a page, and how many products the theme has in all."""

    theme: Theme
    number: int
    matches: list[ThemeMatch]


def _groups(matches: list[ThemeMatch], numbers: dict[int, int]) -> list[MatchGroup]:
    """Group the rows of a page, which come theme by theme."""
    return [
        MatchGroup(theme, numbers.get(theme.pk, 0), list(rows))
        for theme, rows in groupby(matches, key=lambda match: match.theme)
    ]


class _ThemeCount(NamedTuple):
    """A theme that products of the shop are in, and how many."""

    theme: int
    theme_id: str
    title_en: str
    title_zh: str
    number: int


@prepared
def _by_theme(seller_id: int, day: date) -> QuerySet[ThemeMatch, Any]:
    matches = ThemeMatch.objects.filter(seller=seller_id).as_of(day)
    themes = matches.values_list("theme", "theme__theme_id", "theme__title_en", "theme__title_zh")
    return themes.annotate(number=Count("pk")).order_by("-number", "theme__title_en")


def _choice(row: _ThemeCount) -> tuple[str, str, int]:
    """Return (theme id, title in the active language, matches) for the theme filter."""
    return row.theme_id, in_language(row.title_en, row.title_zh), row.number


class MatchHistoryPage(SellerPage):
    """Who entered and who left, and why (LST-8)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show events, newest first."""
        day = themes_day()
        kind = request.GET.get("event", "")
        kind = kind if kind in (ENTERED, LEFT) else ""
        events, more = events_page(
            request.seller, day, kind=kind, after=_position(request), limit=PAGE_SIZE
        )
        older = ""
        if more:
            cursor = write_cursor([more.day, more.match])
            older = "?" + urlencode({**({"event": kind} if kind else {}), "after": cursor})
        context = {
            "events": events,
            "older": older,
            "kind": kind,
            "tab": "history",
            **theme_tabs(request.seller, day),
        }
        return render(request, "listings/theme_history.html", context)


def _position(request: MemberRequest) -> Position | None:
    """Return where the page starts; a link that is none starts at the newest event."""
    try:
        return Position.of(read_cursor(request.GET.get("after", ""), 2))
    except ValidationError:
        return None
