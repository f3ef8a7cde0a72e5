"""Where a theme leads: the product form, prefilled."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from listings.models import Product, Theme


def publish_new_url(theme: Theme) -> str:
    """Return the address of an empty product form prefilled from the theme."""
    return f"{_address('product-new')}?{urlencode({'theme': theme.theme_id})}"


def publish_similar_url(theme: Theme, product: Product) -> str:
    """Return the address of the form with a copy of the product, prefilled from the theme."""
    query = urlencode({"similar": product.product_id, "theme": theme.theme_id})
    return f"{_address('product-new')}?{query}"


def edit_url(theme: Theme, product: Product) -> str:
    """Return the address of the product's own form, with the theme chosen for the check."""
    query = urlencode({"theme": theme.theme_id})
    return f"{_address('product-edit', product.product_id)}?{query}"


def _address(view: str, *args: str) -> str:
    try:
        return reverse(f"listings:{view}", args=args)
    except NoReverseMatch:
        return ""
