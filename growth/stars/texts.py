"""Stars in words: values, what closes a gap, names of powers (GRO-12 … GRO-14)."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from growth.choices import Power
from growth.stars.rules import IndicatorResult, NextStep
from portal.choices import MetricUnit
from portal.metrics import METRICS
from portal.templatetags.portal_ui import number_text

Text = str | Promise

CENT = Decimal("0.01")
ICONS = {
    Power.TRADE.value: "cash-coin",
    Power.PRODUCT.value: "boxes",
    Power.MARKETING.value: "megaphone",
    Power.GUARANTEE.value: "shield-check",
}


def unit_of(metric: str) -> str:
    """Return the unit of a metric; upstream's own numbers are counts."""
    return METRICS[metric].unit if metric in METRICS else MetricUnit.COUNT


def value_text(metric: str, value: Decimal | None) -> str:
    """Write a value with its unit, rounded down to what can be shown: 29.999 % is not yet 30 %."""
    return "–" if value is None else _amount(metric, value, ROUND_FLOOR)


def goal_text(metric: str, value: Decimal) -> str:
    """Write what is to be reached or is missing, rounded up to what can be counted."""
    return _amount(metric, value, ROUND_CEILING)


def _amount(metric: str, value: Decimal, rounding: str) -> str:
    unit = unit_of(metric)
    # Upstream may send its own numbers with decimals: 69.99 must not read 69 beside 69.99 points.
    whole = metric in METRICS and unit in (MetricUnit.COUNT, MetricUnit.DAYS)
    shown = value.quantize(Decimal(1) if whole else CENT, rounding)
    text = number_text(shown, 0 if shown == int(shown) else 2)
    if unit == MetricUnit.USD:
        return f"US${text}"
    return f"{text}%" if unit == MetricUnit.PERCENT else text


def points_text(points: Decimal | int) -> str:
    """Write points with the decimals they need: `12 points`, `8.66 points`."""
    number = points_number(points)
    whole = int(points) if points == int(points) else 2
    return ngettext("%(n)s point", "%(n)s points", whole) % {"n": number}


def points_number(points: Decimal | int | float) -> str:
    """Write points as a bare number."""
    return number_text(points, 0 if points == int(points) else 2)


def stars_text(star: int) -> str:
    """Write stars: `2 stars`."""
    return ngettext("%(n)s star", "%(n)s stars", star) % {"n": star}


def way_text(result: IndicatorResult, step: NextStep) -> str:
    """Say what closes a gap: "from 41 to 50"."""
    values = {
        "now": value_text(result.metric, result.value),
        "goal": goal_text(result.metric, step.at),
    }
    if result.value is None:
        # Translators: a value that is not there yet is to reach a goal
        return _("reach %(goal)s") % values
    if result.indicator.lower_is_better:
        # Translators: from a rate down to a lower one
        return _("from %(now)s down to %(goal)s") % values
    if step.above:
        # Translators: from a value to more than another one
        return _("from %(now)s to more than %(goal)s") % values
    # Translators: from a value to a higher one
    return _("from %(now)s to %(goal)s") % values


def step_text(result: IndicatorResult, step: NextStep) -> str:
    """Say what closes a gap and what it brings: "from 41 to 50: +4.5 points"."""
    values = {"way": way_text(result, step), "gain": points_text(step.gain)}
    # Translators: from one value to another, and what it brings
    return _("%(way)s: +%(gain)s") % values


def window_text(days: int | None) -> str:
    """Say how many days are looked at, where the industry decides them."""
    if days is None:
        return ""
    return ngettext("last %(days)s day", "last %(days)s days", days) % {"days": days}
