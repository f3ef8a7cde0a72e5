"""How much an RFQ asks for, in words (RFQ-1, UI-6)."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import ngettext, pgettext

from portal.templatetags.portal_ui import number_text


def quantity_text(quantity: Decimal, unit: str) -> str:
    """Write how much is asked: `280 sets`, `1 piece`; a unit we have no words for stays as it came."""
    exponent = quantity.normalize().as_tuple().exponent
    number = number_text(quantity, max(0, -exponent) if isinstance(exponent, int) else 0)
    count = 1 if quantity == 1 else 2
    match unit.strip().lower():
        case "set" | "sets":
            # Translators: 套
            return ngettext("%(n)s set", "%(n)s sets", count) % {"n": number}
        case "piece" | "pieces" | "pcs":
            # Translators: 件
            return ngettext("%(n)s piece", "%(n)s pieces", count) % {"n": number}
    return f"{number} {unit}".strip()


def unit_text(unit: str) -> str:
    """Write a unit by itself, as after a price: `set`, `piece`."""
    match unit.strip().lower():
        case "set" | "sets":
            # Translators: 套
            return pgettext("unit", "set")
        case "piece" | "pieces" | "pcs":
            # Translators: 件
            return pgettext("unit", "piece")
    return unit
