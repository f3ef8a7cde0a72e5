"""The categories a shop sells in: those of its live products."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from listings.choices import ProductStatus
from listings.models import Product
from portal.own_categories import own_categories_of
from portal.scoping import unscoped


@own_categories_of
def live_products(seller_ids: Collection[int]) -> Iterable[tuple[int, int]]:
    """Return shop and category of every live product, each pair once; one query."""
    with unscoped():
        live = Product.objects.filter(
            seller__in=seller_ids, status=ProductStatus.LIVE, deleted_at__isnull=True
        )
        return list(live.order_by().values_list("seller_id", "category_id").distinct())
