"""The kernel's own metrics, counted from shared facts (K-3, K-13, K-14)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.choices import MetricUnit
from portal.metrics import Query, metric, money_sum_sql, percent_sql
from portal.platform_time import Window, end_of, last_days, this_month


def _days(window: Window) -> dict[str, Any]:
    return {"first": window.first, "last": window.last}


def _instants(window: Window) -> dict[str, Any]:
    return {"starts": window.starts_at, "ends": window.ends_before}


LOGIN_DAYS = (
    "SELECT seller_id, COUNT(*) AS value FROM portal_loginday "
    "WHERE {sellers} AND day BETWEEN %(first)s AND %(last)s GROUP BY seller_id"
)


@metric(
    "portal.login_days_30d",
    title=_("Login days in 30 days"),
    unit=MetricUnit.DAYS,
    app="portal",
    about=_("Pacific days on which somebody of the shop signed in, among the last 30."),
)
def login_days_30d(as_of: date) -> Query:
    """Pacific days with a login among the last 30 (K-3)."""
    return Query(LOGIN_DAYS, _days(last_days(30, as_of)))


@metric(
    "portal.login_days_month",
    title=_("Login days this month"),
    unit=MetricUnit.DAYS,
    app="portal",
    about=_("Pacific days on which somebody of the shop signed in, since the first of the month."),
)
def login_days_month(as_of: date) -> Query:
    """Pacific days with a login since the first of the month (K-3)."""
    return Query(LOGIN_DAYS, _days(this_month(as_of)))


@metric(
    "portal.inquiries_30d",
    title=_("Inquiries in 30 days"),
    app="portal",
    about=_("Inquiries buyers sent to the shop in the last 30 days."),
)
def inquiries_30d(as_of: date) -> Query:
    """Inquiries received in the last 30 days."""
    return Query(
        "SELECT seller_id, COUNT(*) AS value FROM portal_inquiry "
        "WHERE {sellers} AND at >= %(starts)s AND at < %(ends)s GROUP BY seller_id",
        _instants(last_days(30, as_of)),
    )


@metric(
    "portal.inquiry_buyers_30d",
    title=_("Inquiring buyers in 30 days"),
    app="portal",
    about=_("Different buyers who sent an inquiry in the last 30 days."),
)
def inquiry_buyers_30d(as_of: date) -> Query:
    """Distinct buyers who sent an inquiry in the last 30 days."""
    return Query(
        "SELECT seller_id, COUNT(DISTINCT buyer_id) AS value FROM portal_inquiry "
        "WHERE {sellers} AND at >= %(starts)s AND at < %(ends)s GROUP BY seller_id",
        _instants(last_days(30, as_of)),
    )


@metric(
    "portal.orders_30d",
    title=_("Orders in 30 days"),
    app="portal",
    about=_("Orders created in the last 30 days; fake trade does not count."),
)
def orders_30d(as_of: date) -> Query:
    """Orders created in the last 30 days, fake trade excluded."""
    return Query(
        "SELECT seller_id, COUNT(*) AS value FROM portal_order WHERE {sellers} "
        "AND created_at >= %(starts)s AND created_at < %(ends)s AND NOT fake GROUP BY seller_id",
        _instants(last_days(30, as_of)),
    )


@metric(
    "portal.received_gmv_90d",
    title=_("Received GMV in 90 days"),
    unit=MetricUnit.USD,
    app="portal",
    about=_("Money received for orders in the last 90 days; fake trade does not count."),
)
def received_gmv_90d(as_of: date) -> Query:
    """Money received (实收) in the last 90 days, fake trade excluded; USD."""
    return Query(
        f"SELECT seller_id, {money_sum_sql('COALESCE(received, 0)')} AS value FROM portal_order "
        "WHERE {sellers} AND received_at >= %(starts)s AND received_at < %(ends)s AND NOT fake "
        "GROUP BY seller_id",
        _instants(last_days(90, as_of)),
    )


@metric(
    "portal.on_time_dispatch_90d",
    title=_("Dispatched on time in 90 days"),
    unit=MetricUnit.PERCENT,
    app="portal",
    empty=None,
    about=_(
        "Of the paid orders promised for the last 90 days, the share "
        "dispatched by the end of the promised day."
    ),
)
def on_time_dispatch_90d(as_of: date) -> Query:
    """Share of paid orders promised for the last 90 days that left by the end of that day; percent.

    Each promised day ends at its own instant, so days of 23 and 25 hours are right without zone
    arithmetic in the database. What is dispatched after `as_of` is not known yet.
    """
    window = last_days(90, as_of)
    ends: dict[str, Any] = {}
    rows = []
    for position, day in enumerate(window.days()):
        ends |= {f"d{position}": day, f"e{position}": end_of(day)}
        rows.append(f"(%(d{position})s, %(e{position})s)")
    on_time = "SUM(CASE WHEN o.dispatched_at < promised.ends_at THEN 1 ELSE 0 END)"
    return Query(
        f"WITH promised(day, ends_at) AS (VALUES {', '.join(rows)}) "
        f"SELECT o.seller_id, {percent_sql(on_time, 'COUNT(*)')} AS value "
        "FROM portal_order o JOIN promised ON promised.day = o.ship_by "
        "WHERE {sellers} AND o.paid_at < %(known)s AND NOT o.fake GROUP BY o.seller_id",
        {**ends, "known": end_of(as_of)},
    )


@metric(
    "portal.showcase_slots_used",
    title=_("Showcase slots in use"),
    app="portal",
    about=_("Showcase slots in use on the newest day reported within the last 30."),
)
def showcase_slots_used(as_of: date) -> Query:
    """Showcase slots in use on the newest reported day of the last 30."""
    return Query(
        "SELECT u.seller_id, u.used AS value FROM portal_showcaseuse u JOIN ("
        "SELECT seller_id AS owner, MAX(day) AS day FROM portal_showcaseuse "
        "WHERE {sellers} AND day BETWEEN %(first)s AND %(last)s GROUP BY seller_id"
        ") newest ON newest.owner = u.seller_id AND newest.day = u.day WHERE u.{sellers}",
        _days(last_days(30, as_of)),
    )


def _product_days(column: str, as_of: date) -> Query:
    return Query(
        f"SELECT seller_id, SUM({column}) AS value FROM portal_productday "
        "WHERE {sellers} AND day BETWEEN %(first)s AND %(last)s GROUP BY seller_id",
        _days(last_days(30, as_of)),
    )


@metric(
    "portal.exposures_30d",
    title=_("Exposures in 30 days"),
    app="portal",
    about=_("How often buyers were shown the shop's products in the last 30 days."),
)
def exposures_30d(as_of: date) -> Query:
    """How often the shop's products were shown in the last 30 days."""
    return _product_days("exposures", as_of)


@metric(
    "portal.clicks_30d",
    title=_("Clicks in 30 days"),
    app="portal",
    about=_("How often buyers clicked one of the shop's products in the last 30 days."),
)
def clicks_30d(as_of: date) -> Query:
    """How often the shop's products were clicked in the last 30 days."""
    return _product_days("clicks", as_of)
