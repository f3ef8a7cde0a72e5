"""An empty shop is told to publish, and only by whom it can be done (UI-2, K-7)."""

from __future__ import annotations

from datetime import date

import pytest

from listings.choices import ProductStatus
from listings.models import Product
from listings.products.actions import nothing_on_sale
from portal import platform_time
from portal.choices import TradeKind
from portal.models import Category, Member, Seller
from portal.scoping import seller_scope

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-2")]
DAY = date(2022, 8, 3)


@pytest.mark.parametrize(
    ("status", "asked"), [(ProductStatus.LIVE, False), (ProductStatus.DRAFT, True), (None, True)]
)
def test_a_shop_with_nothing_on_sale_is_told_to_publish(
    status: str | None, asked: bool, shop: Seller, colleague: Member, category: Category
) -> None:
    with seller_scope(shop):
        if status:
            Product.objects.create(
                seller=shop,
                product_id="p1",
                category=category,
                title="Kit",
                kind=TradeKind.RTS,
                status=status,
                created_at=platform_time.start_of(DAY),
                changed_at=platform_time.start_of(DAY),
            )
        assert bool(list(nothing_on_sale(shop, colleague, DAY))) == asked


def test_a_viewer_is_not_told_to_publish(shop: Seller, viewer: Member) -> None:
    with seller_scope(shop):
        assert not list(nothing_on_sale(shop, viewer, DAY))
