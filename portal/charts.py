"""Plots drawn on the server as SVG: no script, no inline style, a table always beside them (UI-3).

pygal's SVG carries its own style sheet and script, which the content security policy refuses, so the
three shapes the portal needs are drawn here. A drawing stretches to its frame (`preserveAspectRatio`
none, strokes that do not scale); labels are HTML around it and stay readable at 360 px. Colours come
from classes in `static/css/plots.css`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.templatetags.portal_ui import day_text, number_text

WIDTH = 100
HEIGHT = 40

Number = Decimal | int | float
Formatter = Callable[[Number], str]


@dataclass(frozen=True)
class Point:
    """A value on a Pacific day."""

    day: date
    value: Number


@dataclass(frozen=True)
class Series:
    """Named values over days, in order of time."""

    label: str
    points: Sequence[Point]


def nice_ceiling(value: Number) -> Decimal:
    """Return the smallest of 1, 2, 2.5, 4, 5, 8, 10 times a power of ten that is ≥ `value`; 1 for ≤ 0."""
    amount = Decimal(str(value))
    if amount <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(amount.adjusted())
    for step in ("1", "2", "2.5", "4", "5", "8"):
        if amount <= power * Decimal(step):
            return power * Decimal(step)
    return power * 10


def _y(value: Number, top: Decimal) -> float:
    share = min(max(Decimal(str(value)) / top, Decimal(0)), Decimal(1))
    return round(HEIGHT - float(share) * HEIGHT, 2)


def _place(
    points: Sequence[Point], top: Decimal, days: tuple[date, date] | None = None
) -> list[tuple[float, float]]:
    """Return where points lie: across by calendar day, so that a gap in days is a gap in the plot.

    `days` is what the plot spans; by default from the first point to the last.
    """
    first, last = days or (points[0].day, points[-1].day)
    span = (last - first).days
    return [
        (round((p.day - first).days * WIDTH / span, 2) if span else WIDTH / 2, _y(p.value, top))
        for p in points
    ]


def _lines(places: Sequence[tuple[float, float]]) -> tuple[str, str]:
    """Return the paths of the line and of the area below it."""
    line = "M" + "L".join(f"{x} {y}" for x, y in places)
    return line, f"{line}L{places[-1][0]} {HEIGHT}L{places[0][0]} {HEIGHT}Z"


def sparkline(points: Sequence[Point]) -> SafeString:
    """Draw a trend without axes for a stat tile; decorative, the tile's number is the message.

    Returns nothing for fewer than two points, nor when all are zero. The scale starts at zero, so
    small wobbles look small.
    """
    if len(points) < 2 or not any(point.value for point in points):
        return SafeString("")
    top = max(Decimal(str(point.value)) for point in points) * Decimal("1.15")
    line, area = _lines(_place(points, top))
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true" '
        'focusable="false"><path class="plot-area" d="{}"/><path class="plot-line" d="{}"/></svg>',
        WIDTH,
        HEIGHT,
        area,
        line,
    )


def line_plot(
    points: Sequence[Point],
    *,
    title: str,
    value_label: str,
    text: Formatter = number_text,
    second: Series | None = None,
) -> SafeString:
    """Draw values over days as a line with a table of the same numbers below it.

    `points` are in order of time; `text` writes a value for axis and table. A `second` series shares
    both axes; it is dashed, with a dot on each of its days, so that it may have few of them.
    """
    others = list(second.points) if second else []
    everything = [*points, *others]
    if not everything:
        return SafeString("")
    top = nice_ceiling(max(point.value for point in everything))
    first, last = min(p.day for p in everything), max(p.day for p in everything)
    drawing = format_html(
        "{}{}{}",
        _grid(),
        _first_line(points, top, (first, last)),
        _second_line(others, top, (first, last)),
    )
    days = [first, last] if (last - first).days < 2 else [first, first + (last - first) / 2, last]
    return _figure(
        drawing,
        title=title,
        heads=(value_label, second.label) if second else (value_label,),
        y_labels=_ticks(top, text),
        x_labels=[day_text(day) for day in dict.fromkeys(days)],
        rows=_rows([points, others] if second else [points], text),
    )


def _ticks(top: Decimal, text: Formatter) -> list[str]:
    """Return the labels of the axis from the top down; a middle that rounds to an end stays empty."""
    high, middle, low = text(top), text(top / 2), text(0)
    return [high, "" if middle in {high, low} else middle, low]


def _first_line(points: Sequence[Point], top: Decimal, days: tuple[date, date]) -> SafeString:
    if not points:
        return SafeString("")
    places = _place(points, top, days)
    line, area = _lines(places)
    return format_html(
        '<path class="plot-area" d="{}"/><path class="plot-line" d="{}"/>'
        '<path class="plot-dot" d="M{} {}h0"/>',
        area,
        line,
        *places[-1],
    )


def _second_line(points: Sequence[Point], top: Decimal, days: tuple[date, date]) -> SafeString:
    if not points:
        return SafeString("")
    places = _place(points, top, days)
    return format_html(
        '<path class="plot-line plot-2" d="{}"/><path class="plot-dot plot-2" d="{}"/>',
        _lines(places)[0],
        "".join(f"M{x} {y}h0" for x, y in places),
    )


def _rows(series: Sequence[Sequence[Point]], text: Formatter) -> list[tuple[str, tuple[str, ...]]]:
    """Return the table below a plot: one row per day, the newest first."""
    values = [{point.day: text(point.value) for point in points} for points in series]
    days = sorted({day for known in values for day in known}, reverse=True)
    return [(day_text(day), tuple(known.get(day, "–") for known in values)) for day in days]


def _grid() -> SafeString:
    return format_html_join(
        "",
        '<line class="plot-grid" x1="0" x2="{}" y1="{}" y2="{}"/>',
        ((WIDTH, y, y) for y in (0, HEIGHT // 2, HEIGHT)),
    )


def _figure(
    drawing: SafeString,
    *,
    title: str,
    heads: Sequence[str],
    y_labels: Sequence[str],
    x_labels: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
) -> SafeString:
    return render_to_string(
        "portal/components/plot.html",
        {
            "drawing": drawing,
            "title": title,
            "heads": heads,
            "y_labels": y_labels,
            "x_labels": x_labels,
            "rows": rows,
            "width": WIDTH,
            "height": HEIGHT,
        },
    )


@dataclass(frozen=True)
class Bar:
    """One named value of a bar plot; `peer` is an aggregate over at least five shops (K-8)."""

    label: str
    value: Number
    peer: Number | None = None


def bar_plot(
    bars: Sequence[Bar],
    *,
    title: str,
    value_label: str,
    peer_label: str = "",
    text: Formatter = number_text,
    top: Number | None = None,
) -> SafeString:
    """Draw one horizontal bar per value, with the peers' value as a thinner one below; table included."""
    if not bars:
        return SafeString("")
    largest = max(max(bar.value, bar.peer or 0) for bar in bars)
    scale = Decimal(str(top)) if top is not None else nice_ceiling(largest)
    rows = [
        {
            "label": bar.label,
            "text": text(bar.value),
            "width": _share(bar.value, scale),
            "peer_text": "" if bar.peer is None else text(bar.peer),
            "peer_width": None if bar.peer is None else _share(bar.peer, scale),
        }
        for bar in bars
    ]
    return render_to_string(
        "portal/components/bars.html",
        {"rows": rows, "title": title, "value_label": value_label, "peer_label": peer_label},
    )


@dataclass(frozen=True)
class Stage:
    """One stage of a funnel: how many came so far."""

    label: str
    value: int


def funnel_plot(stages: Sequence[Stage], *, title: str, value_label: str) -> SafeString:
    """Draw how many of the first stage reach each next one, as centred bars; table included.

    Each row carries its share of the stage before and of the first one; after an empty stage there
    is no share to speak of.
    """
    if not stages or not stages[0].value:
        return SafeString("")
    scale = Decimal(max(stage.value for stage in stages))
    rows, before = [], None
    for stage in stages:
        width = Decimal(_share(stage.value, scale))
        rows.append(
            {
                "label": stage.label,
                "text": number_text(stage.value),
                "width": str(width),
                "left": str((100 - width) / 2),
                "of_before": _percent_of(stage.value, before),
                "of_first": _percent_of(stage.value, stages[0].value),
            }
        )
        before = stage.value
    return render_to_string(
        "portal/components/funnel.html",
        {"rows": rows, "title": title, "value_label": value_label},
    )


def _percent_of(value: int, whole: int | None) -> str:
    return f"{number_text(Decimal(value) * 100 / whole, 1)}%" if whole else ""


def _share(value: Number, scale: Decimal) -> str:
    share = min(max(Decimal(str(value)) / scale * 100, Decimal(0)), Decimal(100))
    return str(share.quantize(Decimal("0.1"), ROUND_CEILING))
