"""Your rights: what is left, until when, where it came from, and the statement (RFQ-9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.exports import csv_response
from portal.http import MemberRequest
from portal.templatetags.portal_ui import day_text, number_text
from portal.views.base import SellerPage
from portal.views.lists import page_of
from rfq.choices import RightKind
from rfq.models import RightEntry, RightLot
from rfq.rights.statement import (
    UNLIMITED,
    WORDS,
    KindLeft,
    LedgerFilter,
    csv_rows,
    is_live,
    kinds_left,
    lots_left,
    month_grants,
    next_grant_day,
    source_name,
    statement,
    what_is,
    words_key,
)

LOTS_SHOWN = 50
ICONS = {
    RightKind.QUOTE: "send",
    RightKind.GOLD: "gem",
    RightKind.FAST_LANE: "lightning-charge",
    RightKind.PIN: "pin-angle",
}
PURPOSES = {
    RightKind.QUOTE: gettext_lazy("Every quote uses one."),
    RightKind.GOLD: gettext_lazy("A quote on a gold RFQ uses one more."),
    RightKind.FAST_LANE: gettext_lazy("Lets you quote when all seats are taken."),
    RightKind.PIN: gettext_lazy("Shows your quote among the first three."),
}
TONES = {"grant": "ok", "use": "muted", "refund": "info"}


def _select() -> forms.Select:
    return forms.Select(attrs={"class": "form-select"})


def _sources(request: HttpRequest | None = None) -> list[tuple[str, str]]:
    """Return the sources the shop has ever had rights from."""
    sources = RightLot.objects.order_by("source").values_list("source", flat=True).distinct()
    return [(source, source_name(source)) for source in sources]


class StatementFilter(LedgerFilter):
    """The statement's filters as the page shows them."""

    kind = django_filters.ChoiceFilter(
        choices=RightKind.choices,
        label=gettext_lazy("Kind of right"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )
    source = django_filters.ChoiceFilter(
        choices=_sources,
        label=gettext_lazy("Source"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )
    live = django_filters.ChoiceFilter(
        method="keep_state",
        choices=[("true", gettext_lazy("In the balance")), ("false", gettext_lazy("Over"))],
        label=gettext_lazy("State"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )

    def keep_state(self, rows: Any, name: str, value: str) -> Any:
        """Keep what counts in the balance now, or what no longer does."""
        return self.keep_live(rows, name, value == "true")


class RightsPage(SellerPage):
    """Balances, grants and the statement of the shop's rights."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them; a constant number of queries."""
        now = platform_time.now()
        found = StatementFilter(request.GET, statement(now))
        page = page_of(request, found.qs)
        for entry in page.object_list:
            entry.what = what_is(entry)
            entry.tone = TONES[entry.what]
            entry.words = _sentence(entry)
            entry.source_name = source_name(entry.source)
            entry.live = is_live(entry, now)
        lots = list(lots_left(now)[: LOTS_SHOWN + 1])
        today = platform_time.day_of(now)
        return render(
            request,
            "rfq/rights.html",
            {
                "tiles": [_tile(left) for left in kinds_left(now)],
                "month": today.replace(day=1),
                "grants": month_grants(now),
                "next_grant_day": next_grant_day(today),
                "lots": lots[:LOTS_SHOWN],
                "more_lots": len(lots) > LOTS_SHOWN,
                "page_obj": page,
                "filter": found,
                "filtered": any(found.data.get(name) for name in found.filters),
            },
        )


class StatementExport(SellerPage):
    """The statement's rows that the filters keep, as CSV."""

    def get(self, request: MemberRequest) -> StreamingHttpResponse:
        """Stream every row, not only the page's."""
        now = platform_time.now()
        entries = StatementFilter(request.GET, statement(now)).qs.iterator(chunk_size=500)
        name = f"rights-{platform_time.day_of(now).isoformat()}"
        return csv_response(csv_rows(entries, now), name)


def _tile(left: KindLeft) -> dict[str, Any]:
    kind = left.kind
    return {
        "kind": kind,
        "label": kind.label,
        "icon": ICONS[kind],
        "value": UNLIMITED if left.left is None else number_text(left.left),
        "hint": f"{PURPOSES[kind]} {_ends(left)}",
    }


def _ends(left: KindLeft) -> str:
    """Say what of a kind ends next."""
    if left.left == 0:
        return _("None left.")
    if left.ends_at is None:
        return _("Without an end.")
    # Rights that end at midnight are there through the day before.
    last = platform_time.day_of(left.ends_at - timedelta(microseconds=1))
    if left.ending == left.left:
        return _("Through %(day)s.") % {"day": day_text(last)}
    if left.ending is None:
        return _("Unlimited through %(day)s.") % {"day": day_text(last)}
    values = {"number": number_text(left.ending), "day": day_text(last)}
    return _("%(number)s of them only through %(day)s.") % values


def _sentence(entry: RightEntry) -> SafeString:
    """Return what a row means, its RFQ linked."""
    rfq: str | SafeString = ""
    if entry.quote is not None:
        rfq_id = entry.quote.rfq.rfq_id
        rfq = format_html('<a class="mono" href="{}">{}</a>', _rfq_url(rfq_id), rfq_id)
    return format_html(str(WORDS[words_key(entry)]), rfq=rfq)


def _rfq_url(rfq_id: str) -> str:
    try:
        return reverse("rfq:rfq", args=[rfq_id])
    except NoReverseMatch:
        return ""
