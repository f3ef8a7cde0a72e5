"""What became of the quotes of a period: the funnel and how fast they were (RFQ-6, RFQ-16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.charts import Bar, Stage, bar_plot, funnel_plot
from portal.models import Order, Seller
from portal.platform_time import Window
from rfq.models import Quote
from rfq.services.links import with_quote

RESPONSE_HOURS = (1, 6, 12, 24)
"""Upper ends of the histogram's bins in hours, included; what is slower is the last bin."""


@dataclass(frozen=True)
class ResponseBin:
    """Quotes submitted within so many hours of posting, and not within the bin before; none: later."""

    hours: int | None
    quotes: int


@dataclass(frozen=True)
class QuoteFigures:
    """Quotes submitted in a period, how far they came until now, and how fast they were."""

    quotes: int
    viewed: int
    replied: int
    ordered: int
    responses: tuple[ResponseBin, ...]


def quote_figures(seller: Seller, period: Window, now: datetime) -> QuoteFigures:
    """Count the quotes of a period of Pacific days; two queries for any number of them.

    Quotes whose rights were given back count nowhere. A reply counts as a view; `ordered` counts the
    quotes with at least one linked order (RFQ-17).
    """
    quotes = Quote.objects.filter(
        seller=seller,
        submitted_at__gte=period.starts_at,
        submitted_at__lt=period.ends_before,
        submitted_at__lte=now,
        refunded_at__isnull=True,
    ).order_by()
    replied = Q(replied_at__lte=now)
    counts: dict[str, Any] = quotes.aggregate(
        quotes=Count("pk"),
        viewed=Count("pk", filter=Q(viewed_at__lte=now) | replied),
        replied=Count("pk", filter=replied),
        **{
            f"within_{hours}": Count("pk", filter=Q(response_seconds__lte=hours * 3600))
            for hours in RESPONSE_HOURS
        },
    )
    orders = Order.objects.filter(
        seller=seller, created_at__gte=period.starts_at, created_at__lte=now
    ).order_by()
    linked: Any = with_quote(orders, now)
    ordered = linked.filter(quote_id__in=quotes.values("pk"))
    return QuoteFigures(
        quotes=counts["quotes"],
        viewed=counts["viewed"],
        replied=counts["replied"],
        ordered=ordered.values("quote_id").distinct().count(),
        responses=_bins(counts),
    )


def _bins(counts: dict[str, Any]) -> tuple[ResponseBin, ...]:
    bins, before = [], 0
    for hours in RESPONSE_HOURS:
        within = counts[f"within_{hours}"]
        bins.append(ResponseBin(hours, within - before))
        before = within
    return (*bins, ResponseBin(None, counts["quotes"] - before))


def funnel(figures: QuoteFigures) -> SafeString:
    """Draw quotes → viewed → replied → order, with the table of the same numbers."""
    stages = (
        Stage(_("Quotes"), figures.quotes),
        Stage(_("Viewed"), figures.viewed),
        Stage(_("Replied"), figures.replied),
        Stage(_("With an order"), figures.ordered),
    )
    return funnel_plot(stages, title=_("From quote to order"), value_label=_("Quotes"))


def response_histogram(figures: QuoteFigures) -> SafeString:
    """Draw how many quotes were submitted how long after posting, with its table."""
    bars = [Bar(bin_label(each), each.quotes) for each in figures.responses]
    title = _("Time from posting to your quote")
    return bar_plot(bars, title=title, value_label=_("Quotes"))


def bin_label(each: ResponseBin) -> str:
    """Name a bin of the histogram: `up to 1 hour`, `1–6 hours`, `over 24 hours`."""
    if each.hours is None:
        return _("over %(hours)d hours") % {"hours": RESPONSE_HOURS[-1]}
    place = RESPONSE_HOURS.index(each.hours)
    if place:
        return _("%(from)d–%(to)d hours") % {"from": RESPONSE_HOURS[place - 1], "to": each.hours}
    return ngettext("up to %(hours)d hour", "up to %(hours)d hours", each.hours) % {
        "hours": each.hours
    }
