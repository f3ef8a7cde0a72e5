"""The categories a shop sells in: those of its live products."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from listings.choices import ProductStatus
from listings.models import Product
from listings.themes.queries import products_by_category
from portal.own_categories import own_categories_of
from portal.read_once import is_reading_once
from portal.scoping import unscoped


@own_categories_of
def live_products(seller_ids: Collection[int]) -> Iterable[tuple[int, int]]:
    """Return shop and category of every live product, each pair once; one query."""
    if is_reading_once() and len(seller_ids) == 1:
        # The page of one shop reads its categories anyway.
        [shop] = seller_ids
        return [
            (shop, category) for category, own in products_by_category(shop).items() if own.live
        ]
    with unscoped():
        live = Product.objects.filter(
            seller__in=seller_ids, status=ProductStatus.LIVE, deleted_at__isnull=True
        )
        return list(live.order_by().values_list("seller_id", "category_id").distinct())
