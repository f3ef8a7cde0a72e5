"""The star page: four powers, what the next star takes, core tasks, history (GRO-2, GRO-12 … GRO-14)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from growth.models import StarAssessment
from growth.stars.changes import change_ahead
from growth.stars.page import lacking, power_cards, powers_line, steps, threshold_rows
from growth.stars.reading import (
    PredictedStars,
    StarHistory,
    next_assessment_on,
    star_history,
    star_reading,
)
from growth.stars.texts import points_number
from portal import platform_time
from portal.charts import Point, Series, line_plot
from portal.http import MemberRequest
from portal.views.base import SellerPage

POWERS = ("trade", "product", "marketing", "guarantee")


class StarPage(SellerPage):
    """The stars as of the newest published day, explained; constant queries."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it."""
        reading = star_reading(request.seller)
        history = star_history(request.seller)
        context: dict[str, Any] = {
            "reading": reading,
            "result": reading.result,
            "next_assessment": next_assessment_on(platform_time.today()),
            "plot": history_plot(history),
            "assessed": [
                (each, powers_line((key, getattr(each, key)) for key in POWERS))
                for each in history.assessed
            ],
        }
        if reading.result is not None and reading.rules is not None:
            context |= {
                "cards": power_cards(reading),
                "steps": steps(reading.result),
                "lacking": lacking(reading.result),
                "thresholds": threshold_rows(reading.rules, reading.result),
                "change": change_ahead(reading),
            }
        return render(request, "growth/star.html", context)


def history_plot(history: StarHistory) -> SafeString:
    """Draw the points of the lowest power over days, and at assessments; nothing below two days.

    They move from day to day and say how far the next star is; stars alone hardly move.
    """
    if len(history.predicted) < 2:
        return SafeString("")
    assessed = [Point(each.as_of, _lowest(each)) for each in reversed(history.assessed)]
    return line_plot(
        [Point(each.as_of, _lowest(each)) for each in history.predicted],
        title=_("Points of the lowest power by day"),
        value_label=_("Lowest power"),
        # Translators: 评定星等级
        second=Series(_("At the assessment"), assessed) if assessed else None,
        text=points_number,
    )


def _lowest(powers: PredictedStars | StarAssessment) -> Decimal:
    return min(getattr(powers, key) for key in POWERS)
