"""Which products of a shop others may link: all it has, except those in the recycle bin."""

from __future__ import annotations

from collections.abc import Collection

from listings.models import Product
from portal.models import Seller
from portal.product_links import register_product_lookup
from portal.scoping import seller_scope


@register_product_lookup
def linkable_products(seller: Seller, product_ids: Collection[str]) -> dict[str, str]:
    """Return product id → title of the shop's products among the ids."""
    with seller_scope(seller):
        found = Product.objects.filter(product_id__in=product_ids, deleted_at__isnull=True)
        return dict(found.order_by().values_list("product_id", "title"))
