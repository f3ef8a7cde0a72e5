"""Metrics that stars are made of, and stars as metrics (GRO-12 … GRO-14).

The trade figures are those of the customization track (定制赛道): customization orders alone, fake trade never.
Each exists for 90 and for 180 days, counted every night for everybody: so a rulebook, a draft and an
announced one can be held side by side on the figures of one day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise, lazystr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from growth.choices import Power
from portal.choices import MetricUnit, Tracking, TradeKind
from portal.metrics import Query, metric, money_sum_sql, percent_sql
from portal.platform_time import Window, end_of, last_days

STARS = "growth.stars"
"""Name of the nightly job that predicts stars."""
WINDOWS = (90, 180)
LOCAL_SERVICE = "local_service"
"""What `Order.after_sales` holds when the machine is served where the buyer is (本地服务)."""

PAID = (
    "{sellers} AND o.paid_at >= %(starts)s AND o.paid_at < %(ends)s "
    "AND o.kind = %(kind)s AND NOT o.fake"
)


def _window(window: Window) -> dict[str, Any]:
    return {
        "starts": window.starts_at,
        "ends": window.ends_before,
        "kind": TradeKind.CUSTOMIZATION.value,
    }


# --- Trade figures, by window -------------------------------------------------------------------


def online_amount(window: Window) -> Query:
    """Amounts of customization orders paid in the window (在线交易额); USD."""
    return Query(
        f"SELECT o.seller_id, {money_sum_sql('o.amount')} AS value FROM portal_order o "
        f"WHERE {PAID} GROUP BY o.seller_id",
        _window(window),
    )


def payment_conversion(window: Window) -> Query:
    """Of the customization orders created in the window, those paid by its end (支付转化率); percent."""
    paid = "SUM(CASE WHEN o.paid_at < %(ends)s THEN 1 ELSE 0 END)"
    return Query(
        f"SELECT o.seller_id, {percent_sql(paid, 'COUNT(*)')} AS value FROM portal_order o "
        "WHERE {sellers} AND o.created_at >= %(starts)s AND o.created_at < %(ends)s "
        "AND o.kind = %(kind)s AND NOT o.fake GROUP BY o.seller_id",
        _window(window),
    )


def repurchase_rate(window: Window) -> Query:
    """Of the buyers who paid a customization order in the window, those who paid two (复购率); percent."""
    again = "SUM(CASE WHEN b.orders >= 2 THEN 1 ELSE 0 END)"
    return Query(
        f"SELECT b.seller_id, {percent_sql(again, 'COUNT(*)')} AS value FROM ("
        "SELECT o.seller_id, o.buyer_id, COUNT(*) AS orders FROM portal_order o "
        f"WHERE {PAID} GROUP BY o.seller_id, o.buyer_id) b GROUP BY b.seller_id",
        _window(window),
    )


def local_after_sales(window: Window) -> Query:
    """Amounts of those paid orders whose after-sales service is local (机械本地售后商品交易额); USD."""
    # A list of codes as text holds a code between quotes; LIKE would take its underscore for any letter.
    named = "REPLACE(CAST(o.after_sales AS TEXT), %(service)s, '') <> CAST(o.after_sales AS TEXT)"
    return Query(
        f"SELECT o.seller_id, {money_sum_sql('o.amount')} AS value FROM portal_order o "
        f"WHERE {PAID} AND {named} GROUP BY o.seller_id",
        {**_window(window), "service": f'"{LOCAL_SERVICE}"'},
    )


class _InDays:
    """A title with its number of days, in the language of the moment."""

    def __init__(self, title: Promise, days: int) -> None:
        self.title, self.days = title, days

    def __str__(self) -> str:
        # Translators: “Online trade amount in 90 days” — 近90天在线交易额
        return gettext("%(title)s in %(days)s days") % {"title": self.title, "days": self.days}


def _of_days(count: Callable[[Window], Query], days: int) -> Callable[[date], Query]:
    def query(as_of: date) -> Query:
        return count(last_days(days, as_of))

    return query


def _register_by_window(
    name: str,
    count: Callable[[Window], Query],
    *,
    title: Promise,
    about: Promise,
    unit: MetricUnit,
) -> None:
    """Register a figure for each window; a share of nothing is no value."""
    for days in WINDOWS:
        metric(
            f"growth.{name}_{days}d",
            title=lazystr(_InDays(title, days)),
            unit=unit,
            app="growth",
            about=about,
            empty=None if unit == MetricUnit.PERCENT else Decimal(0),
        )(_of_days(count, days))


_register_by_window(
    "online_amount",
    online_amount,
    # Translators: 在线交易额
    title=_("Online trade amount"),
    about=_("Amounts of customization orders that were paid; fake trade does not count."),
    unit=MetricUnit.USD,
)
_register_by_window(
    "payment_conversion",
    payment_conversion,
    # Translators: 支付转化率
    title=_("Payment conversion"),
    about=_("Of the customization orders created, the share paid by the end of the day."),
    unit=MetricUnit.PERCENT,
)
_register_by_window(
    "repurchase_rate",
    repurchase_rate,
    # Translators: 复购率
    title=_("Repurchase rate"),
    about=_("Of the buyers who paid a customization order, the share who paid at least two."),
    unit=MetricUnit.PERCENT,
)
_register_by_window(
    "local_after_sales",
    local_after_sales,
    # Translators: 机械本地售后商品交易额
    title=_("Local after-sales trade amount"),
    about=_("Amounts of paid customization orders with local after-sales service."),
    unit=MetricUnit.USD,
)


# --- Guarantee ----------------------------------------------------------------------------------


@metric(
    "growth.abnormal_fulfilment_90d",
    # Translators: 异常履约率
    title=_("Abnormal fulfilment in 90 days"),
    unit=MetricUnit.PERCENT,
    app="growth",
    empty=None,
    about=_(
        "Of the paid orders promised for the last 90 days, the share overdue and not dispatched, with "
        "abnormal tracking, or disputed before dispatch."
    ),
)
def abnormal_fulfilment_90d(as_of: date) -> Query:
    """Share of promised orders whose fulfilment is abnormal as of the day; percent (GRO-14).

    Of orders promised for the last 90 days, the day itself included: overdue and not dispatched by its
    end, abnormal tracking, or a dispute before dispatch opened by then.
    """
    window = last_days(90, as_of)
    abnormal = (
        "o.dispatched_at IS NULL OR o.dispatched_at >= %(ends)s OR o.tracking = %(abnormal)s "
        "OR EXISTS (SELECT 1 FROM portal_dispute d WHERE d.order_id = o.id "
        "AND d.before_dispatch AND d.opened_at < %(ends)s)"
    )
    counted = f"SUM(CASE WHEN {abnormal} THEN 1 ELSE 0 END)"
    return Query(
        f"SELECT o.seller_id, {percent_sql(counted, 'COUNT(*)')} AS value FROM portal_order o "
        "WHERE {sellers} AND o.ship_by BETWEEN %(first)s AND %(last)s "
        "AND o.paid_at < %(ends)s AND NOT o.fake GROUP BY o.seller_id",
        {
            "first": window.first,
            "last": window.last,
            "ends": end_of(as_of),
            "abnormal": Tracking.ABNORMAL.value,
        },
    )


@metric(
    "growth.after_sales_share_90d",
    # Translators: 带售后服务订单占比
    title=_("Orders with after-sales service in 90 days"),
    unit=MetricUnit.PERCENT,
    app="growth",
    empty=None,
    about=_("Of the orders paid in the last 90 days, the share with after-sales service."),
)
def after_sales_share_90d(as_of: date) -> Query:
    """Share of paid orders of any kind that name an after-sales service; percent (GRO-14)."""
    window = last_days(90, as_of)
    named = "SUM(CASE WHEN CAST(o.after_sales AS TEXT) <> '[]' THEN 1 ELSE 0 END)"
    return Query(
        f"SELECT o.seller_id, {percent_sql(named, 'COUNT(*)')} AS value FROM portal_order o "
        "WHERE {sellers} AND o.paid_at >= %(starts)s AND o.paid_at < %(ends)s "
        "AND NOT o.fake GROUP BY o.seller_id",
        {"starts": window.starts_at, "ends": window.ends_before},
    )


# --- Stars as metrics ---------------------------------------------------------------------------


def _of_standing(column: str) -> Callable[[date], Query]:
    def query(as_of: date) -> Query:
        return Query(
            f"SELECT seller_id, {column} AS value FROM growth_starstanding WHERE {{sellers}} "
            "AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s",
            {"as_of": as_of},
        )

    return query


metric(
    "growth.predicted_star",
    # Translators: 预测星等级
    title=_("Predicted star"),
    app="growth",
    after=(STARS,),
    final=True,
    about=_("The star of the lowest power as of the day."),
)(_of_standing("star"))

_POWER_METRICS = {
    # Translators: 预测交易力
    Power.TRADE: _("Predicted trade power"),
    # Translators: 预测商品力
    Power.PRODUCT: _("Predicted product power"),
    # Translators: 预测营销力
    Power.MARKETING: _("Predicted marketing power"),
    # Translators: 预测保障力
    Power.GUARANTEE: _("Predicted guarantee power"),
}
for _power, _title in _POWER_METRICS.items():
    metric(
        f"growth.{_power.value}_power",
        title=_title,
        app="growth",
        after=(STARS,),
        final=True,
        about=_("Points of the power as of the day, 0 to 100, with its bonus."),
    )(_of_standing(_power.value))
