"""What quote pages write: spans of time, prices, counts of rights."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.templatetags.portal_ui import number_text, time_left
from rfq.quotes.words import left_text

register = template.Library()


@register.filter
def span_text(seconds: float) -> str:
    """Write a span of time: `3 hours 10 minutes`."""
    return time_left(float(seconds))


@register.filter
def plain_number(value: Decimal) -> str:
    """Write a number with as many decimals as it has: `500`, `2.5`."""
    exponent = value.normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    return number_text(value, decimals)


@register.filter
def unit_price(quote: Any) -> SafeString:
    """Write a quote's unit price in its currency: `USD 12.50`."""
    exponent = quote.unit_price.normalize().as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    text = number_text(quote.unit_price, decimals)
    return format_html('<span class="num">{}\u00a0{}</span>', quote.currency, text)


@register.filter
def rights_left(left: int | None) -> str:
    """Write what is left: `9 left`, `unlimited`."""
    return left_text(left)
