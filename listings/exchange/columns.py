"""The columns of a product file, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import json
from collections.abc import Sequence

from listings.models import Product
from listings.services.product_data import ProductData, money_text
from portal.exports import guard

COLUMNS = (
    "product_id", "category", "title", "keywords", "brand", "kind", "status", "price_mode",
    "price_min", "price_max", "tiers", "skus", "moq", "unit", "attributes", "custom_attributes",
    "target_countries", "services", "epr_traits", "cas", "images", "video", "dispatch_days",
    "shipping_template", "showcase", "owner", "description",
)  # fmt: skip
ATTRIBUTE = "attr:"
"""Prefix of a column that holds one system attribute; several values are separated by `|`."""

JSON_COLUMNS = frozenset({"tiers", "skus", "attributes", "custom_attributes"})
LIST_COLUMNS = frozenset({"keywords", "target_countries", "services", "epr_traits", "images"})


def header_for(attribute_codes: Sequence[str] | None) -> list[str]:
    """Return the header; with attribute codes each has a column instead of the JSON column."""
    if attribute_codes is None:
        return list(COLUMNS)
    names = [name for name in COLUMNS if name != "attributes"]
    return [*names, *(f"{ATTRIBUTE}{code}" for code in attribute_codes)]


def cells_of(product: Product, header: Sequence[str]) -> list[str]:
    """Return a product's cells; its category, owner's user and template are selected along."""
    data = ProductData.from_product(product)
    return [guard(_cell(product, data, name)) for name in header]


def _cell(product: Product, data: ProductData, name: str) -> str:
    if name == "product_id":
        return product.product_id
    if name.startswith(ATTRIBUTE):
        return "|".join(data.attributes.get(name.removeprefix(ATTRIBUTE), []))
    if name == "owner":
        return product.owner.user.get_username() if product.owner else ""
    if name == "shipping_template":
        return product.shipping_template.name if product.shipping_template else ""
    value = getattr(data, name)
    if name in ("price_min", "price_max"):
        return money_text(value) or ""
    if name in JSON_COLUMNS:
        return json.dumps(value, ensure_ascii=False) if value else ""
    if name in LIST_COLUMNS:
        return "|".join(value or ())
    if name == "showcase":
        return "yes" if value else ""
    return "" if value is None else str(value)
