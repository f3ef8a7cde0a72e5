"""How many numbers were lacking by night, for the plot of the overview (EPR-11, UI-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from compliance.models import GateOverview
from compliance.nightly.gate_overview import GATE_OVERVIEW
from portal import platform_time
from portal.charts import Point
from portal.models import Seller
from portal.nightly.published import days_published

HISTORY_DAYS = 120


@dataclass(frozen=True)
class CoverHistory:
    """Products times numbers: needed, and covered, by as-of day."""

    needed: list[Point]
    covered: list[Point]


def cover_history(seller: Seller, *, days: int = HISTORY_DAYS) -> CoverHistory:
    """Return the sums over the shop's countries and categories of published days; two statements."""
    newest = platform_time.latest_as_of()
    since = newest - timedelta(days=days - 1)
    published = days_published(GATE_OVERVIEW, since, newest)
    spans = list(
        GateOverview.objects.filter(
            seller=seller, valid_from__lte=newest, valid_to__gte=since
        ).values_list("valid_from", "valid_to", "required", "covered")
    )
    needed: list[Point] = []
    covered: list[Point] = []
    for day in published:
        held = [(required, has) for first, last, required, has in spans if first <= day <= last]
        needed.append(Point(day, sum(required for required, _has in held)))
        covered.append(Point(day, sum(has for _required, has in held)))
    return CoverHistory(needed, covered)


def newest_day(history: CoverHistory) -> date | None:
    """Return the newest day of a history."""
    return history.needed[-1].day if history.needed else None
