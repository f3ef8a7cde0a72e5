"""What buyers' cards say, in words: a value with its unit (GRO-16)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from growth.membership.supplier_card import CardNumber
from portal.templatetags.portal_ui import number_text


@dataclass(frozen=True)
class CardLine:
    """A piece of data as it is shown: "Floor area", "12,000 m²", and what it adds up."""

    title: str
    text: str
    parts: str = ""


def card_line(number: CardNumber) -> CardLine:
    """Return a piece of data in words; a combined company's with both of its parts."""
    parts = ""
    if number.own is not None and number.partner is not None:
        parts = _("%(own)s of your company and %(partner)s of the affiliated one") % {
            "own": number_text(number.own),
            "partner": number_text(number.partner),
        }
    return CardLine(number.entry.title, card_value(number), parts)


def card_value(number: CardNumber) -> str:
    """Return the value with its unit: `4.5 hours`, `97.5%`, `US$12,500`, `12,000 m²`, `8 people`."""
    unit, value = number.entry.unit, number.value
    whole = value == value.to_integral_value()
    shown = number_text(value, 0 if whole else 1)
    if unit == "hours":
        return ngettext("%(n)s hour", "%(n)s hours", 1 if value == 1 else 2) % {"n": shown}
    if unit == "percent":
        return f"{shown}%"
    if unit == "usd":
        return f"US${number_text(value)}"
    if unit == "m2":
        return f"{shown} m²"
    if unit == "people":
        return ngettext("%(n)s person", "%(n)s people", int(value)) % {"n": shown}
    return shown
