"""The RFQ market: what buyers ask for, searched, ordered, page by page (RFQ-2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django_countries import countries
from rest_framework.exceptions import ValidationError

from portal import platform_time
from portal.choices import Action
from portal.http import MemberRequest
from portal.models import Category, Member
from portal.services.buyers import badges_shown
from portal.views.base import SellerPage
from rfq.choices import Grade
from rfq.market.params import MATCHES, ORDERINGS, WITHIN_NAMES, MarketQuery, read_saved_queries
from rfq.market.queries import MarketPage, market_page, read_market_query
from rfq.market.rows import market_rows
from rfq.market.words import parts_of
from rfq.services.searches import MAX_NAME, searches_number, searches_of

CATEGORIES_SUGGESTED = 12
SAVED = "saved"


class MarketPageView(SellerPage):
    """`/rfq/`: tabs Recommended, All and Saved searches."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of the market, or the saved searches."""
        if request.GET.get("tab") == SAVED:
            return self.saved(request)
        query = read_market_query(request.GET, own=True)
        now = platform_time.now()
        try:
            page = self.page(request, query)
        except ValidationError:
            return redirect(f"{request.path}?{query.as_string()}")
        text = request.GET.get("category", "").strip()[:100]
        choices = category_choices(query, text)
        context = {
            "tab": "recommended" if query.own else "all",
            "query": query,
            "query_string": query.as_string(),
            "rows": market_rows(page.rfqs, request.seller, now, user=request.user),
            "page": page,
            "errors": [
                why for name, why in query.errors.items() if name != "category" or not choices
            ],
            "category_text": text,
            "category_choices": choices,
            "category_options": [request.seller.main_category],
            "country_options": country_options(get_language() or ""),
            "country_name": countries.name(query.country) if query.country else "",
            "grades": Grade.choices,
            "within": WITHIN_NAMES,
            "orderings": ORDERINGS,
            "matches": MATCHES,
            "why_empty": "" if page.rfqs else why_empty(request, query),
            **frame_of(request.member),
        }
        return render(request, "rfq/market.html", context)

    def page(self, request: MemberRequest, query: MarketQuery) -> MarketPage:
        """Return the page after or before the cursor of the address."""
        before = request.GET.get("before", "")
        return market_page(
            query,
            request.seller,
            platform_time.now(),
            cursor=before or request.GET.get("after", ""),
            backwards=bool(before),
        )

    def saved(self, request: MemberRequest) -> HttpResponse:
        """Show the person's searches."""
        searches = list(searches_of(request.member))
        queries = read_saved_queries(search.query for search in searches)
        rows = [
            {
                "search": search,
                "parts": parts_of(queries[search.query]),
                "broken": bool(queries[search.query].errors),
            }
            for search in searches
        ]
        context = {"tab": SAVED, "rows": rows, "max_name": MAX_NAME, **frame_of(request.member)}
        context["saved_count"] = len(searches)
        return render(request, "rfq/market_saved.html", context)


def frame_of(member: Member) -> dict[str, Any]:
    """Return what every tab shows."""
    return {"may_quote": member.can(Action.QUOTE), "saved_count": searches_number(member)}


@lru_cache(maxsize=8)
def country_options(language: str) -> SafeString:
    """Return the options of the country filter in a language; written once per process."""
    names = sorted(((code, name) for code, name in countries), key=lambda pair: pair[1])
    return format_html_join("", '<option value="{}">{}</option>', names)


def category_choices(query: MarketQuery, text: str) -> list[Category]:
    """Return categories whose name holds what was typed, when it is no code; those up the tree first."""
    if query.category is not None or not text or not text.isprintable():
        return []
    named = Q(name_en__icontains=text) | Q(name_zh__icontains=text)
    return list(Category.objects.filter(named).order_by("depth", "path_en")[:CATEGORIES_SUGGESTED])


def why_empty(request: MemberRequest, query: MarketQuery) -> str:
    """Say why there is no RFQ to show; at most two queries."""
    if query.badge and not badges_shown(seller=request.seller):
        return _("Buyers have had tiers since August 1, 2022; before, nobody carries a badge.")
    if query.own and not query.narrowed:
        return _("Nobody asks for anything in your categories at the moment. Look at all RFQs.")
    if query.narrowed:
        return _("Take a filter away, or save the search and be told of new RFQs.")
    return _("New requests appear here as soon as buyers post them.")
