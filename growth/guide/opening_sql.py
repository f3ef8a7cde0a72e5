"""What shops have reached since they opened, as SQL for metrics and for the stages (GRO-1, GRO-3).

A shop opens with the first instant of a Pacific day, which is another hour of UTC in summer than in
winter; the days of summer time come from `portal.platform_time`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from portal.platform_time import SUMMER_MIDNIGHT, WINTER_MIDNIGHT, end_of, summer_days

FIRST_YEAR = 1999
"""Shops are not older than the marketplace."""


def opens_at_sql(day: str, as_of: date) -> tuple[str, dict[str, Any]]:
    """Return the first instant of the Pacific day in a column, as the database stores instants.

    With its parameters, whose names begin with `summer_`. Right for days from 1999 through `as_of`.
    """
    summers = [summer_days(year) for year in range(FIRST_YEAR, as_of.year + 1)]
    params: dict[str, Any] = {}
    spans = []
    for position, summer in enumerate(summers):
        params |= {
            f"summer_first_{position}": summer.first,
            f"summer_last_{position}": summer.last,
        }
        spans.append(f"{day} BETWEEN %(summer_first_{position})s AND %(summer_last_{position})s")
    in_summer = f"({' OR '.join(spans)})"
    hours = f"CASE WHEN {in_summer} THEN '{{}}' ELSE '{{}}' END"
    if connection.vendor == "postgresql":
        clock = hours.format(f"{SUMMER_MIDNIGHT:02}:00", f"{WINTER_MIDNIGHT:02}:00")
        return f"(({day} + CAST({clock} AS TIME)) AT TIME ZONE 'UTC')", params
    clock = hours.format(f" {SUMMER_MIDNIGHT:02}:00:00", f" {WINTER_MIDNIGHT:02}:00:00")
    return f"({day} || {clock})", params


def open_shops_sql(as_of: date, condition: str) -> tuple[str, dict[str, Any]]:
    """Return a table of `seller_id`, `opened_on` and `opens_at` of shops open on a day, with parameters.

    `condition` narrows it by these columns but the last.
    """
    opens_at, params = opens_at_sql("opened_on", as_of)
    # Materialized, so that the instant is worked out once per shop and not once per fact.
    sql = (
        f"(WITH opened AS MATERIALIZED (SELECT shop.seller_id, shop.opened_on, {opens_at} AS opens_at "
        "FROM (SELECT id AS seller_id, opened_on FROM portal_seller) shop "
        f"WHERE shop.opened_on <= %(open_by)s AND {condition}) "
        "SELECT seller_id, opened_on, opens_at FROM opened)"
    )
    return sql, {**params, "open_by": as_of}


# --- Facts since opening ------------------------------------------------------------------------
# Each is the rest of a select over a table of open shops `o`; facts before `%(until)s` count.

INQUIRIES = (
    "JOIN portal_inquiry f ON f.seller_id = o.seller_id AND f.at >= o.opens_at AND f.at < %(until)s"
)
REPLIES = (
    "JOIN rfq_quote f ON f.seller_id = o.seller_id AND f.replied_at >= o.opens_at "
    "AND f.replied_at < %(until)s AND (f.refunded_at IS NULL OR f.refunded_at >= %(until)s)"
)
ORDERS = (
    "JOIN portal_order f ON f.seller_id = o.seller_id AND f.created_at >= o.opens_at "
    "AND f.created_at < %(until)s AND NOT f.fake"
)
RECEIPTS = (
    "JOIN portal_order f ON f.seller_id = o.seller_id AND f.received_at >= o.opens_at "
    "AND f.received_at < %(until)s AND NOT f.fake"
)
CENTS = "SUM(CAST(ROUND(COALESCE(f.received, 0) * 100) AS BIGINT))"


def counted_sql(shops: str, what: str, value: str = "COUNT(*)") -> str:
    """Return a select of `seller_id` and `value` of one kind of fact over a table of open shops."""
    return f"SELECT o.seller_id, {value} AS value FROM {shops} o {what} GROUP BY o.seller_id"


def opportunities_sql(shops: str) -> str:
    """Return a select of `seller_id` and `value`: inquiries and replies to quotes (GRO-3)."""
    return (
        "SELECT c.seller_id, CAST(SUM(c.value) AS BIGINT) AS value FROM ("
        f"{counted_sql(shops, INQUIRIES)} UNION ALL {counted_sql(shops, REPLIES)}"
        ") c GROUP BY c.seller_id"
    )


def until_params(as_of: date) -> dict[str, Any]:
    """Return the parameters of counts through the end of a day."""
    return {"until": end_of(as_of)}
