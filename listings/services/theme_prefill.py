"""A product form filled in from what a theme asks (LST-6).

Only what the theme settles is filled in: one accepted value is taken, of several the seller picks, so
that a product never claims what nobody has said about it. Prices are the seller's too, except that an
empty one starts inside the range.
"""

from __future__ import annotations

from typing import Any

from listings.choices import KeywordMode
from listings.models import Product, Theme
from listings.services.product_data import ProductData, money_text


def theme_prefill(theme: Theme) -> dict[str, Any]:
    """Return the initial content of a new product for a theme, by field names of `Product`.

    `category` is a code and only given when the theme asks for a leaf; `attributes` maps a code to
    a list with the value, where the theme accepts exactly one.
    """
    filled: dict[str, Any] = {
        "title": " ".join(theme.keywords) if theme.keyword_mode == KeywordMode.ALL else "",
        "keywords": list(theme.keywords),
        "attributes": {
            code: list(values) for code, values in theme.attributes.items() if len(values) == 1
        },
        "services": list(theme.services),
        "target_countries": list(theme.countries),
        "price_min": money_text(theme.price_min),
        "price_max": money_text(theme.price_max),
    }
    if theme.category.is_leaf:
        filled["category"] = theme.category.code
    if theme.kind:
        filled["kind"] = theme.kind
    return filled


def similar_prefill(theme: Theme, product: Product) -> dict[str, Any]:
    """Return a copy of a product with what the theme settles put in, by field names of `Product`.

    What the product already has stays: its title, a price inside the range, further services and
    countries, a value the theme accepts.
    """
    filled = ProductData.from_product(product).as_content()
    asked = theme_prefill(theme)
    filled["services"] = list(dict.fromkeys([*filled["services"], *asked["services"]]))
    if not set(filled["target_countries"]) & set(asked["target_countries"]):
        filled["target_countries"] = [*filled["target_countries"], *asked["target_countries"]]
    filled["attributes"] = {**filled["attributes"], **asked["attributes"]}
    filled["kind"] = asked.get("kind", filled["kind"])
    return filled
