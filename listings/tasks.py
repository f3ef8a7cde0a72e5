"""Celery tasks of listings: each calls services and keeps no state."""

from __future__ import annotations

from celery import shared_task

from listings.exchange.uploads import uploads_purge
from listings.services.product_actions import products_purge


@shared_task
def purge_products() -> None:
    """Empty recycle bins and forget imports nobody confirmed (LST-2)."""
    products_purge()
    uploads_purge()
