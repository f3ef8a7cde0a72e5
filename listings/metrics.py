"""Metrics of products: counted as of the day from projections and matches, never from `Product`."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext_lazy as _

from portal.metrics import Query, metric
from portal.platform_time import end_of

LIVE = (
    "SELECT seller_id, COUNT(*) AS value FROM listings_matchprojection WHERE {sellers} "
    "AND live AND valid_from < %(moment)s AND (valid_to IS NULL OR valid_to >= %(moment)s) "
)


@metric("listings.live_products", title=_("Live products"), app="listings")
def live_products(as_of: date) -> Query:
    """Products on sale at the end of the day."""
    return Query(f"{LIVE} GROUP BY seller_id", {"moment": end_of(as_of)})


@metric("listings.rts_products", title=_("Live ready-to-ship products"), app="listings")
def rts_products(as_of: date) -> Query:
    """Ready-to-ship products (直接下单品) on sale at the end of the day."""
    return Query(f"{LIVE} AND kind = 'rts' GROUP BY seller_id", {"moment": end_of(as_of)})


@metric(
    "listings.themed_products",
    title=_("Products that match a theme"),
    app="listings",
    after=("listings.themes",),
)
def themed_products(as_of: date) -> Query:
    """Products that match at least one theme as of the day."""
    return Query(
        "SELECT seller_id, COUNT(DISTINCT product_id) AS value FROM listings_themematch "
        "WHERE {sellers} AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s GROUP BY seller_id",
        {"as_of": as_of},
    )
