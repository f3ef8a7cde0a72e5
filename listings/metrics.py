"""Metrics of products: counted as of the day from projections and matches, never from `Product`."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.utils.translation import gettext_lazy as _

from listings.choices import VideoQuality
from portal.metrics import Query, metric
from portal.platform_time import end_of

LIVE = (
    "SELECT seller_id, COUNT(*) AS value FROM listings_matchprojection WHERE {sellers} "
    "AND live AND valid_from < %(moment)s AND (valid_to IS NULL OR valid_to >= %(moment)s) "
)


@metric(
    "listings.live_products",
    title=_("Live products"),
    app="listings",
    about=_("Products on sale at the end of the day."),
)
def live_products(as_of: date) -> Query:
    """Products on sale at the end of the day."""
    return Query(f"{LIVE} GROUP BY seller_id", {"moment": end_of(as_of)})


@metric(
    "listings.rts_products",
    title=_("Live ready-to-ship products"),
    app="listings",
    about=_("Ready-to-ship products on sale at the end of the day."),
)
def rts_products(as_of: date) -> Query:
    """Ready-to-ship products (直接下单品) on sale at the end of the day."""
    return Query(f"{LIVE} AND kind = 'rts' GROUP BY seller_id", {"moment": end_of(as_of)})


@metric(
    "listings.video_products",
    # Translators: 非低质视频产品
    title=_("Live products with a good video"),
    app="listings",
    about=_("Products on sale at the end of the day whose video is not of low quality."),
)
def video_products(as_of: date) -> Query:
    """Products on sale with a video that is not of low quality, as their newest revision says (GRO-2)."""
    postgres = connection.vendor == "postgresql"
    said = "r.content ->> 'video'" if postgres else "JSON_EXTRACT(r.content, '$.video')"
    return Query(
        "SELECT m.seller_id, COUNT(*) AS value FROM listings_matchprojection m "
        "JOIN listings_productrevision r ON r.product_id = m.product_id AND r.at = ("
        "SELECT MAX(x.at) FROM listings_productrevision x "
        "WHERE x.product_id = m.product_id AND x.at < %(moment)s) "
        "WHERE {sellers} AND m.live AND m.valid_from < %(moment)s "
        "AND (m.valid_to IS NULL OR m.valid_to >= %(moment)s) "
        f"AND {said} = %(good)s GROUP BY m.seller_id",
        {"moment": end_of(as_of), "good": VideoQuality.GOOD.value},
    )


@metric(
    "listings.themed_products",
    title=_("Products that match a theme"),
    app="listings",
    after=("listings.themes",),
    about=_("Products on sale that meet every requirement of at least one targeted theme."),
)
def themed_products(as_of: date) -> Query:
    """Products that match at least one theme as of the day."""
    return Query(
        "SELECT seller_id, COUNT(DISTINCT product_id) AS value FROM listings_themematch "
        "WHERE {sellers} AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s GROUP BY seller_id",
        {"as_of": as_of},
    )


@metric(
    "listings.nationally_themed_products",
    title=_("Products that match a national theme"),
    app="listings",
    after=("listings.themes",),
    about=_(
        "Products on sale that meet every requirement of at least one theme for some countries."
    ),
)
def nationally_themed_products(as_of: date) -> Query:
    """Products that match at least one theme with target countries as of the day (LST-8)."""
    return Query(
        "SELECT m.seller_id, COUNT(DISTINCT m.product_id) AS value FROM listings_themematch m "
        "JOIN listings_theme t ON t.id = m.theme_id AND t.is_national "
        "WHERE {sellers} AND m.valid_from <= %(as_of)s AND m.valid_to >= %(as_of)s "
        "GROUP BY m.seller_id",
        {"as_of": as_of},
    )
