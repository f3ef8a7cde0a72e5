"""What quote pages write: spans of time, prices, counts of rights."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.templatetags.portal_ui import number_text, time_left
from rfq.models import Rfq
from rfq.quotes.units import quantity_text, unit_text

register = template.Library()


@register.filter
def span_text(seconds: float) -> str:
    """Write a span of time: `3 hours 10 minutes`."""
    return time_left(float(seconds))


@register.filter
def asked_quantity(rfq: Rfq) -> str:
    """Write what an RFQ asks for: `280 sets`."""
    return quantity_text(rfq.quantity, rfq.unit)


@register.filter
def unit_name(unit: str) -> str:
    """Write a unit by itself: `set`."""
    return unit_text(unit)


@register.filter
def unit_price(quote: Any) -> SafeString:
    """Write a quote's unit price in its currency: `US$12.50` as everywhere else, else `EUR 12.50`."""
    exponent = quote.unit_price.normalize().as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    text = number_text(quote.unit_price, decimals)
    if quote.currency == "USD":
        return format_html('<span class="num">US${}</span>', text)
    return format_html('<span class="num">{}\u00a0{}</span>', quote.currency, text)
