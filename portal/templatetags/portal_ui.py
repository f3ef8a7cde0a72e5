"""The portal's vocabulary in templates: icons, instants, money, pills, tiles (docs/design.md)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import js_lib_bootstrap_icons
from django import template
from django.core.paginator import Page
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from portal import platform_time
from portal.bilingual import labelled, reads_chinese
from portal.country_names import country_name
from portal.navigation import NavGroup, sections_for

register = template.Library()
logger = logging.getLogger(__name__)

_ICONS = Path(js_lib_bootstrap_icons.__file__).parent / "static" / "bootstrap-icons"
_ICON_NAME = re.compile(r"^[a-z0-9-]+$")
_SVG_BODY = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
EMPTY = mark_safe('<span class="text-none">–</span>')


# --- Icons --------------------------------------------------------------------------------------


@cache
def icon_body(name: str) -> str | None:
    """Return the inside of a Bootstrap icon's `<svg>`, or none when there is no such icon."""
    if not _ICON_NAME.match(name):
        return None
    try:
        text = (_ICONS / f"{name}.svg").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    match = _SVG_BODY.search(text)
    return match[1].strip() if match else None


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Draw a Bootstrap icon inline, hidden from screen readers: say its meaning in words beside it.

    An unknown name is logged and drawn as a dot; a test refuses unknown names in templates.
    """
    if icon_body(name) is None:
        logger.error("no icon named %r", name)
        name = "dot"
    return _drawn(name, css)


@lru_cache(maxsize=1024)
def _drawn(name: str, css: str) -> SafeString:
    """Draw an icon once per process: tables show the same few on every row."""
    body = icon_body(name) or ""
    return format_html(
        '<svg class="icon{}" width="16" height="16" viewBox="0 0 16 16" fill="currentColor" '
        'aria-hidden="true" focusable="false">{}</svg>',
        f" {css}" if css else "",
        mark_safe(body),  # noqa: S308  read from the icon package, never from input
    )


# --- Days and instants --------------------------------------------------------------------------


def day_text(value: date) -> str:
    """Write a calendar day in the active language: `Jul 19, 2022` or `2022年7月19日`."""
    return _day_text(value, chinese=reads_chinese())


_MONTHS = (
    "", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def _day_text(value: date, *, chinese: bool) -> str:
    if chinese:
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{_MONTHS[value.month]} {value.day}, {value.year}"


@register.filter
def day(value: date | datetime | None) -> SafeString:
    """Write a Pacific day; an instant is shown as the Pacific day it falls on."""
    if not value:
        return EMPTY
    if isinstance(value, datetime):
        value = platform_time.day_of(value)
    return _safe(f'<time datetime="{value.isoformat()}">{day_text(value)}</time>')


def _safe(html: str) -> SafeString:
    """Mark what is made of dates, numbers and escaped text alone; `format_html` costs ten times that.

    Lists show hundreds of them on a page (P-3).
    """
    return SafeString(html)


def _in_zone(value: datetime, zone: ZoneInfo, *, chinese: bool) -> str:
    local = value.astimezone(zone)
    return f"{_day_text(local, chinese=chinese)} {local.hour:02}:{local.minute:02}"


def instant_texts(value: datetime) -> tuple[str, str]:
    """Write an instant in Pacific time and in China time."""
    chinese = reads_chinese()
    pacific = _("%(time)s Pacific") % {
        "time": _in_zone(value, platform_time.PACIFIC, chinese=chinese)
    }
    china = _("%(time)s China") % {"time": _in_zone(value, platform_time.SHANGHAI, chinese=chinese)}
    return pacific, china


@register.filter
def instant(value: datetime | None) -> SafeString:
    """Write an instant on two lines: Pacific, and China below it (UI-4)."""
    if not value:
        return EMPTY
    pacific, china = map(conditional_escape, instant_texts(value))
    return _safe(
        f'<time class="instant" datetime="{value.isoformat()}"><span>{pacific}</span> '
        f"<small>{china}</small></time>"
    )


@register.filter
def instant_short(value: datetime | None) -> SafeString:
    """Write an instant on one line in Pacific time, with China time as the tooltip."""
    if not value:
        return EMPTY
    pacific, china = map(conditional_escape, instant_texts(value))
    return _safe(f'<time datetime="{value.isoformat()}" title="{china}">{pacific}</time>')


def time_left(seconds: float) -> str:
    """Write a span of time with its two largest units: `3 days 4 hours`, `25 minutes`."""
    minutes = max(int(seconds // 60), 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = []
    if days:
        parts.append(ngettext("%(n)s day", "%(n)s days", days) % {"n": days})
    if hours and days < 7:
        parts.append(ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours})
    if not days and (minutes or not hours):
        parts.append(ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes})
    return " ".join(parts)


@register.simple_tag
def countdown(due: datetime | date | None, past: str = "") -> SafeString:
    """Show how long is left until an instant (or the end of a Pacific day), coloured by urgency.

    `past` is what is said afterwards, as a warning; without it an end is just an end. Complete
    without JavaScript; `portal.js` lets it tick during the last day.
    """
    if not due:
        return SafeString("")
    if not isinstance(due, datetime):
        due = platform_time.end_of(due)
    left = (due - platform_time.now()).total_seconds()
    if left <= 0:
        tone, text = ("danger", past) if past else ("past", _("ended"))
    else:
        tone = "danger" if left < 86_400 else "warn" if left < 7 * 86_400 else "calm"
        text = _("%(time)s left") % {"time": time_left(left)}
    title = conditional_escape(" · ".join(instant_texts(due)))
    leaves = conditional_escape(_("%(time)s left") % {"time": "…"})
    ended = conditional_escape(past or _("ended"))
    return _safe(
        f'<time class="countdown countdown-{tone}" datetime="{due.isoformat()}" title="{title}" '
        f'data-left="{leaves}" data-past="{ended}">'
        f"{icon('clock-history')}<span>{conditional_escape(text)}</span></time>"
    )


@register.simple_tag
def as_of(value: date | None) -> SafeString:
    """Say which facts a standing counts: "Data as of Jul 19, 2022 24:00 (Pacific)" (K-2)."""
    if value is None:
        return format_html(
            '<span class="as-of">{} {}</span>',
            icon("hourglass-split"),
            _("First figures are on their way"),
        )
    return format_html(
        '<span class="as-of">{} {} <time datetime="{}">{} 24:00</time> {}</span>',
        icon("database-check"),
        _("Data as of"),
        value.isoformat(),
        day_text(value),
        _("(Pacific)"),
    )


# --- Numbers ------------------------------------------------------------------------------------


def _decimal(value: Any) -> Decimal | None:
    try:
        if value is None or value == "":
            return None
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None


def number_text(value: Decimal | int | float, decimals: int = 0) -> str:
    """Write a number with commas between thousands, rounded half up.

    English and Chinese trade papers write numbers alike; Django's Chinese formats drop the commas.
    """
    if not decimals and isinstance(value, int):
        return f"{value:,}"
    amount = value if isinstance(value, Decimal) else Decimal(str(value))
    return f"{amount.quantize(_step(decimals), ROUND_HALF_UP):,}"


@cache
def _step(decimals: int) -> Decimal:
    """Return the smallest amount of so many decimals: 0.01 for two."""
    return Decimal(1).scaleb(-decimals)


@register.filter("listed")
def list_text(names: Iterable[object]) -> str:
    """Write names one after the other, as the language does: `Germany, France`, `德国、法国`."""
    # Translators: 、
    return pgettext("between the items of a list", ", ").join(map(str, names))


@register.filter
def number(value: Any, decimals: int = 0) -> SafeString | str:
    """Write a number: `1,221`."""
    amount = _decimal(value)
    return EMPTY if amount is None else number_text(amount, decimals)


@register.filter
def money(value: Any, decimals: int = 2) -> SafeString:
    """Write an amount in US dollars: `US$1,234.50`."""
    amount = _decimal(value)
    if amount is None:
        return EMPTY
    sign = "−" if amount < 0 else ""
    return _safe(f'<span class="num">{sign}US${number_text(abs(amount), decimals)}</span>')


@register.filter
def yuan(value: Any) -> SafeString:
    """Write an amount in whole Chinese yuan: `CN¥4,800`."""
    amount = _decimal(value)
    if amount is None:
        return EMPTY
    return _safe(f'<span class="num">CN¥{number_text(amount)}</span>')


@register.filter
def percent(value: Any, decimals: int = 1) -> SafeString:
    """Write a ratio as a percentage: 0.125 → `12.5%`."""
    amount = _decimal(value)
    if amount is None:
        return EMPTY
    return _safe(f'<span class="num">{number_text(amount * 100, decimals)}%</span>')


@register.filter
def gain(value: Any) -> SafeString:
    """Write a whole percentage with its sign and colour: 900 → `+900%`."""
    amount = _decimal(value)
    if amount is None:
        return EMPTY
    tone = "up" if amount > 0 else "down" if amount < 0 else "flat"
    sign = "+" if amount > 0 else "−" if amount < 0 else ""
    return _safe(f'<span class="gain gain-{tone}">{sign}{number_text(abs(amount))}%</span>')


register.filter("country", country_name)
"""A country's code as its name in the reader's language."""
register.filter("labelled", labelled)
"""A value after its name, with the colon of the reader's language."""


@register.filter
def category_path(value: str) -> SafeString:
    """Write a category's way from the industry down, breakable after each level."""
    levels = ((level,) for level in str(value).split(">>"))
    return format_html_join(mark_safe(" › "), "{}", levels)


# --- Components ---------------------------------------------------------------------------------

TONES = {
    "ok": {"live", "active", "complete", "published", "sent", "approved", "met", "normal", "done"},
    "info": {"in_review", "running", "pending", "open", "upcoming"},
    "warn": {"off_shelf", "restricted", "expiring", "partial", "abnormal", "ending", "late"},
    "danger": {"removed", "failed", "rejected", "blocked", "unmet", "closed", "overdue"},
}
_TONE_OF = {status: tone for tone, statuses in TONES.items() for status in statuses}


@register.simple_tag
def status_pill(status: str, label: str = "", tone: str = "") -> SafeString:
    """Show a status as a pill; `tone` is `ok`, `info`, `warn`, `danger`, `accent` or `muted`."""
    tone = tone or _TONE_OF.get(str(status), "muted")
    return _safe(
        f'<span class="pill pill-{conditional_escape(tone)}">{conditional_escape(label or status)}</span>'
    )


@register.simple_tag
def stars(count: int, maximum: int = 5) -> SafeString:
    """Show a star level as stars with its number in words."""
    drawn = format_html_join(
        "", "{}", ((icon("star-fill" if i < count else "star"),) for i in range(maximum))
    )
    words = _("%(n)s of %(max)s stars") % {"n": count, "max": maximum}
    return format_html(
        '<span class="stars">{}</span> <span class="visually-hidden">{}</span>', drawn, words
    )


@register.inclusion_tag("portal/components/stat.html")
def stat(
    label: str, value: Any, *, url: str = "", hint: str = "", chart: str = "", icon: str = ""
) -> dict[str, Any]:
    """Show one number as a tile that links to its explanation (UI-3); `chart` is an SVG."""
    return {"label": label, "value": value, "url": url, "hint": hint, "chart": chart, "icon": icon}


@register.inclusion_tag("portal/components/empty.html")
def empty(
    icon: str, title: str, text: str = "", *, url: str = "", action: str = ""
) -> dict[str, Any]:
    """Show an empty state: an icon, what is missing, and one thing to do about it (UI-4)."""
    return {"icon": icon, "title": title, "text": text, "url": url, "action": action}


@register.inclusion_tag("portal/components/bar.html")
def bar(value: Any, maximum: Any, *, label: str = "", tone: str = "") -> dict[str, Any]:
    """Show progress as a native `<progress>` with its numbers in words."""
    return {"value": value, "maximum": maximum, "label": label, "tone": tone}


@register.inclusion_tag("portal/components/paginate.html", takes_context=True)
def paginate(context: dict[str, Any], page: Page, key: str = "page") -> dict[str, Any]:
    """Show links to the other pages of a list, keeping its filters."""
    return {
        "page": page,
        "key": key,
        "request": context["request"],
        "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "ellipsis": page.paginator.ELLIPSIS,
    }


@register.simple_tag(takes_context=True)
def query_replace(context: dict[str, Any], **changes: Any) -> str:
    """Return the current query string with some keys replaced (none or empty removes a key)."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def page_url(context: dict[str, Any], number: int, key: str = "page") -> str:
    """Return the address of another page of a list, with the same filters."""
    return query_replace(context, **{key: number})


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> SafeString:
    """Show the module navigation for the member of the request."""
    match = getattr(context["request"], "resolver_match", None)
    return _menu(
        sections_for(context.get("member"), match.view_name if match else ""), get_language()
    )


@lru_cache(maxsize=512)
def _menu(sections: tuple[NavGroup, ...], language: str | None) -> SafeString:
    """Draw a menu once per process and language; it is kept under the very groups it draws."""
    return render_to_string("portal/components/navigation.html", {"sections": sections})


@register.inclusion_tag("portal/components/help_link.html")
def help_link(module: str, label: str = "") -> dict[str, Any]:
    """Link to the rulebook behind the page, e.g. `{% help_link "listings.themes" %}` (UI-1)."""
    return {"module": module, "label": label}
