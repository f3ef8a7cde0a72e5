"""Products, themes and published days for the tests of theme pages and calls."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from listings.models import Product, Theme, ThemeMatch
from listings.services.products import ProductRow, products_write
from listings.services.themes import theme_save
from portal.choices import RunState
from portal.models import JobRun, NightRun, Seller
from portal.models.standings import FOREVER
from portal.platform_time import wall_clock
from portal.scoping import unscoped

KIT: dict[str, Any] = {
    "category": "e-bike-kits",
    "title": "E-bike kit with hub motor",
    "kind": "rts",
    "status": "live",
    "price_min": "1300",
    "price_max": "2400",
    "attributes": {"voltage": ["48V"], "features": ["Foldable"]},
    "services": ["overseas_after_sales", "linked_certificate"],
    "target_countries": ["MY"],
}
"""A product that meets `ASKS` in full."""

ASKS: dict[str, Any] = {
    "title_en": "Southeast Asia: e-bike kits",
    "category": "e-bike-kits",
    "keywords": ["hub motor"],
    "kind": "rts",
    "attributes": {"voltage": ["48V", "52V"], "features": ["Foldable"]},
    "services": ["overseas_after_sales", "linked_certificate"],
    "countries": ["ID", "MY"],
    "price_min": "1200",
    "price_max": "2500",
    "starts_on": "2022-07-01",
}
"""A theme with every kind of requirement."""


def product_feed(seller: Seller, product_id: str, at: str = "", **fields: Any) -> Product:
    """Feed one product like `KIT`; `at` is the instant the row speaks of."""
    row = ProductRow(
        product_id=product_id,
        seller_id=seller.pk,
        given={**KIT, **fields},
        changed_at=datetime.fromisoformat(at) if at else None,
    )
    with unscoped():
        result = products_write([row], origin="ingest")[0]
    assert result.product is not None, result.problems
    return result.product


def theme_make(theme_id: str, **fields: Any) -> Theme:
    """Save a theme with a title, the category of the kits and a start; other fields are empty."""
    base = {key: ASKS[key] for key in ("title_en", "category", "starts_on")}
    return theme_save(actor=None, data={**base, "theme_id": theme_id, **fields})


def days_publish(*days: date) -> None:
    """Mark as-of days as published by the job of the matched lists."""
    for day in days:
        run = NightRun.objects.create(as_of=day, state=RunState.COMPLETE)
        JobRun.objects.create(
            run=run,
            job="listings.themes",
            as_of=day,
            state=RunState.COMPLETE,
            published_at=wall_clock(),
        )


def match_make(product: Product, theme: Theme, since: date, until: date = FOREVER) -> ThemeMatch:
    """Put a product into a theme's matched list for a range of as-of days."""
    with unscoped():
        return ThemeMatch.objects.create(
            product=product,
            theme=theme,
            seller_id=product.seller_id,
            valid_from=since,
            valid_to=until,
        )


def ids(rows: Iterable[dict[str, Any]], key: str = "theme_id") -> list[str]:
    """Return one column of a list answer."""
    return [row[key] for row in rows]
