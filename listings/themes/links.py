"""Where a theme leads: the product form, prefilled."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from listings.models import Product, Theme


def publish_new_url(theme: Theme) -> str:
    """Return the address of an empty product form prefilled from the theme."""
    return f"{reverse('listings:product-new')}?{urlencode({'theme': theme.theme_id})}"


def publish_similar_url(theme: Theme, product: Product) -> str:
    """Return the address of the form with a copy of the product, prefilled from the theme."""
    query = urlencode({"similar": product.product_id, "theme": theme.theme_id})
    return f"{reverse('listings:product-new')}?{query}"


def edit_url(theme: Theme, product: Product) -> str:
    """Return the address of the product's own form, with the theme chosen for the check."""
    query = urlencode({"theme": theme.theme_id})
    return f"{reverse('listings:product-edit', args=[product.product_id])}?{query}"
