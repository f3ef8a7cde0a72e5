"""Tells compliance of every write of a product, in the transaction of the write (decision 0022)."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.gate import ProductTold, products_told
from listings.choices import ProductStatus
from listings.models import Product
from listings.services.product_data import ProductData

_TOLD = ("category", "title", "status", "deleted_at", "target_countries", "cas", "epr_traits")
"""Fields of `ProductData` that the gate hears of."""


def told_of(product: Product) -> ProductTold:
    """Return what the gate hears of a product."""
    return ProductTold(
        product_id=product.product_id,
        seller_id=product.seller_id,
        category_id=product.category_id,
        title=product.title,
        live=product.status == ProductStatus.LIVE,
        deleted=product.deleted_at is not None,
        countries=product.target_countries,
        cas=product.cas,
        epr_traits=product.epr_traits,
    )


def tells(before: ProductData, after: ProductData) -> bool:
    """Tell whether a change is one the gate hears of."""
    return any(getattr(before, name) != getattr(after, name) for name in _TOLD)


def products_tell(products: Iterable[Product]) -> int:
    """Tell of products as they are now; return how many differed from what was known."""
    return products_told(told_of(product) for product in products)
