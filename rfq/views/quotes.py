"""“My quotes”: lists by tab, their export, and what became of them (RFQ-6, RFQ-12, RFQ-25)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.exports import csv_response
from portal.http import MemberRequest
from portal.platform_time import last_days
from portal.services.buyers import buyer_badges
from portal.views.base import SellerPage
from portal.views.lists import Counted, page_of
from rfq.models import FollowUp, QuoteDraft
from rfq.quotes.export import export_rows
from rfq.quotes.figures import funnel, quote_figures, response_histogram
from rfq.quotes.period import PeriodForm
from rfq.quotes.queries import (
    ATTENTION_DAYS,
    VIEWED_LONG_AGO,
    QuoteFilter,
    TabCounts,
    follow_ups_due,
    needing_attention,
    own_quotes,
    quote_rows,
    tab_counts,
)
from rfq.services.quote_drafts import drafts_of

ATTENTION, DRAFTS, FOLLOW_UPS = "attention", "drafts", "follow-ups"
PERIODS = (7, 30, 90, 365)


def tabs(counts: TabCounts) -> list[tuple[str, str, int]]:
    """Return (value of `tab`, name, number) of each tab."""
    return [
        ("", _("All"), counts.all),
        (ATTENTION, _("Needs attention"), counts.attention),
        (DRAFTS, _("Drafts"), counts.drafts),
        (FOLLOW_UPS, _("Follow-ups due"), counts.follow_ups),
    ]


def chosen_quotes(request: MemberRequest, now: datetime) -> QuoteFilter:
    """Return the filter over all quotes, or over those that need attention."""
    wanted = needing_attention if request.GET.get("tab") == ATTENTION else own_quotes
    return QuoteFilter(request.GET, wanted(request.seller, now), seller=request.seller)


class QuotesPage(SellerPage):
    """The shop's quotes, the member's drafts, the follow-ups that are due."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show a page of the chosen tab."""
        now = platform_time.now()
        tab = request.GET.get("tab", "")
        counts = tab_counts(request.seller, request.member, now)
        if tab == DRAFTS:
            context = self.drafts(request)
        elif tab == FOLLOW_UPS:
            context = self.follow_ups(request, now)
        else:
            context = self.quotes(request, now, counts)
        context |= {
            "tab": tab,
            "tabs": tabs(counts),
            "may_quote": request.member.can(Action.QUOTE),
            "attention_days": ATTENTION_DAYS,
            "viewed_days": VIEWED_LONG_AGO.days,
        }
        return render(request, "rfq/quotes.html", context)

    def quotes(self, request: MemberRequest, now: datetime, counts: TabCounts) -> dict[str, Any]:
        """Read a page of quotes; without filters their number is that of the tab."""
        found = chosen_quotes(request, now)
        listed: Any = found.qs.select_related("rfq", "buyer")
        if not found.is_narrowed:
            number = counts.attention if request.GET.get("tab") == ATTENTION else counts.all
            listed = Counted(listed, number)
        page = page_of(request, listed)
        rows = quote_rows(request.seller, page.object_list, now)
        return {"filter": found, "filtered": found.is_narrowed, "page_obj": page, "rows": rows}

    def drafts(self, request: MemberRequest) -> dict[str, Any]:
        """Read a page of the member's own drafts, those that end soonest first."""
        drafts: QuerySet[QuoteDraft] = drafts_of(member=request.member).select_related("rfq")
        page = page_of(request, drafts.order_by("rfq__expires_at", "pk"))
        now = platform_time.now()
        for draft in page.object_list:
            draft.rfq_state = draft.rfq.state(now)
        return {"page_obj": page}

    def follow_ups(self, request: MemberRequest, now: datetime) -> dict[str, Any]:
        """Read a page of follow-ups that are due."""
        due: QuerySet[FollowUp] = follow_ups_due(request.seller, platform_time.day_of(now))
        page = page_of(request, due.select_related("quote__rfq", "quote__buyer"))
        badges = buyer_badges(
            seller=request.seller, buyers=[one.quote.buyer for one in page.object_list]
        )
        for one in page.object_list:
            one.badge = badges[one.quote.buyer_id]
            one.country = country_name(one.quote.buyer.country)
        return {"page_obj": page, "today": platform_time.day_of(now)}


class QuotesExport(SellerPage):
    """The quotes the list's filter finds, as CSV."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Stream the file."""
        now = platform_time.now()
        rows = export_rows(request.seller, chosen_quotes(request, now).qs, now)
        name = f"quotes-{platform_time.day_of(now).isoformat()}"
        return csv_response(rows, name)  # type: ignore[return-value]


class QuoteFunnelPage(SellerPage):
    """The funnel of a period's quotes and how fast they were sent."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the plots with their tables."""
        now = platform_time.now()
        form = PeriodForm(request.GET or None)
        period = form.period()
        figures = quote_figures(request.seller, period, now)
        return render(
            request,
            "rfq/quote_funnel.html",
            {
                "form": form,
                "period": period,
                "periods": [(days, last_days(days, platform_time.day_of(now))) for days in PERIODS],
                "figures": figures,
                "funnel": funnel(figures),
                "histogram": response_histogram(figures),
            },
        )
