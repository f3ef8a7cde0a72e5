"""The shop's numbers, each with its definition, its day and its history (UI-3)."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.charts import Number, Point, line_plot, sparkline
from portal.choices import MetricUnit
from portal.http import MemberRequest
from portal.metrics import METRICS
from portal.models import MetricValue
from portal.services.trends import Trend, metric_trends
from portal.templatetags.portal_ui import number_text
from portal.views.base import SellerPage

TREND_DAYS = 30
HISTORY_DAYS = 180

AREAS: dict[str, str | Promise] = {
    "portal": _("Trade and traffic"),
    "listings": _("Listings"),
    "rfq": _("Requests for quotation"),
    "compliance": _("Compliance"),
    "growth": _("Growth"),
    "ext": _("From the marketplace"),
}


def value_text(value: Number, unit: str) -> str:
    """Write a metric's value with its unit."""
    amount = Decimal(str(value))
    decimals = 0 if amount == amount.to_integral_value() else 2
    if unit == MetricUnit.USD:
        return f"US${number_text(amount, decimals)}"
    if unit == MetricUnit.PERCENT:
        return f"{number_text(amount, min(decimals, 1))}%"
    return number_text(amount, decimals)


def known_values(trend: Trend) -> list[Point]:
    """Return the readings that have a value, for a plot."""
    return [Point(each.day, each.value) for each in trend.readings if each.value is not None]


class NumbersPage(SellerPage):
    """All metrics of the shop by area."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them with their trend; constant queries."""
        external = MetricValue.objects.exclude(metric__in=METRICS).values_list("metric", flat=True)
        keys = sorted({*METRICS, *external.distinct().order_by()}, key=_area_order)
        trends = metric_trends(seller=request.seller, keys=keys, days=TREND_DAYS)
        areas: list[dict[str, Any]] = []
        for area, group in groupby(trends.values(), key=lambda trend: trend.key.split(".")[0]):
            rows = [self._row(trend) for trend in group]
            areas.append({"key": area, "name": AREAS.get(area, area), "rows": rows})
        return render(request, "portal/numbers.html", {"areas": areas})

    def _row(self, trend: Trend) -> dict[str, Any]:
        latest = trend.latest
        value = latest.value if latest else None
        return {
            "trend": trend,
            "text": "" if value is None else value_text(value, trend.unit),
            "chart": sparkline(known_values(trend)),
        }


def _area_order(key: str) -> tuple[int, str]:
    names = list(AREAS)
    area = key.split(".", maxsplit=1)[0]
    return (names.index(area) if area in names else len(names)), key


class NumberPage(SellerPage):
    """One metric: what it counts, its value, its history as plot and table."""

    def get(self, request: MemberRequest, key: str) -> HttpResponse:
        """Show it; a key that neither is registered nor has a value for this shop is not found."""
        trends = metric_trends(seller=request.seller, keys=[key], days=HISTORY_DAYS)
        trend = trends.get(key)
        if trend is None and key not in METRICS:
            raise Http404
        points = known_values(trend) if trend else []
        unit = trend.unit if trend else METRICS[key].unit
        latest = trend.latest if trend else None
        plot = (
            line_plot(
                points,
                title=_("%(title)s by day") % {"title": trend.title},
                value_label=str(_("Value")),
                text=lambda value: value_text(value, unit),
            )
            if trend and len(points) > 1
            else ""
        )
        return render(
            request,
            "portal/number.html",
            {
                "title": trend.title if trend else METRICS[key].title,
                "about": trend.about if trend else METRICS[key].about,
                "unit": MetricUnit(unit).label,
                "key": key,
                "as_of_day": latest.day if latest else None,
                "value": value_text(latest.value, unit)
                if latest and latest.value is not None
                else "",
                "plot": plot,
            },
        )
