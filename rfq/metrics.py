"""Metrics of RFQ: the published score where it holds the number, else counted from quotes (K-14, RFQ-16)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.choices import MetricUnit
from portal.metrics import Query, metric, percent_sql
from portal.platform_time import Window, last_days, this_month
from rfq.choices import Grade
from rfq.nightly.assess import ASSESS, newest_month_end
from rfq.nightly.score import SCORES

# --- From the published score -------------------------------------------------------------------


def _of_score(value: str, as_of: date, condition: str = "1 = 1") -> Query:
    return Query(
        f"SELECT seller_id, {value} AS value FROM rfq_servicescore WHERE {{sellers}} "
        f"AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s AND {condition}",
        {"as_of": as_of},
    )


@metric(
    "rfq.service_score",
    # Translators: RFQ服务分
    title=_("RFQ service score"),
    app="rfq",
    after=(SCORES,),
    about=_("The predicted score of the day, with the bonus of verified sellers."),
)
def service_score(as_of: date) -> Query:
    """The predicted total (RFQ-18)."""
    return _of_score("total", as_of)


@metric(
    "rfq.marketing_bonus",
    # Translators: 星等级-营销力加分
    title=_("Marketing bonus of the RFQ score"),
    app="rfq",
    after=(SCORES,),
    about=_(
        "What the score of the day, or GMV with the use of free rights, adds to marketing power."
    ),
)
def marketing_bonus(as_of: date) -> Query:
    """Bonus to marketing power by the predicted score (RFQ-13, RFQ-21, RFQ-22)."""
    return _of_score("marketing_bonus", as_of)


@metric(
    "rfq.assessed_score",
    # Translators: RFQ考核分
    title=_("Assessed RFQ score"),
    app="rfq",
    after=(ASSESS,),
    empty=None,
    about=_("The score of the last day of the newest month, fixed on the 3rd of the month after."),
)
def assessed_score(as_of: date) -> Query:
    """The assessed total of the newest month's end (RFQ-18)."""
    return Query(
        "SELECT seller_id, total AS value FROM rfq_assessment WHERE {sellers} AND as_of = %(month)s",
        {"month": newest_month_end(as_of)},
    )


@metric(
    "rfq.quotes_month",
    # Translators: 本月报价数
    title=_("Quotes this month"),
    app="rfq",
    after=(SCORES,),
    about=_("Quote rights used since the first of the month, whatever their source."),
)
def quotes_month(as_of: date) -> Query:
    """Quote rights used this month (RFQ-16)."""
    return _of_score("quotes", as_of)


@metric(
    "rfq.response_rate_month",
    # Translators: 报价响应率
    title=_("Response rate this month"),
    unit=MetricUnit.PERCENT,
    app="rfq",
    after=(SCORES,),
    empty=None,
    about=_(
        "Share of this month's quotes that were sent in time: within 24 hours of the RFQ's posting, "
        "since 3 August 2022 within 12."
    ),
)
def response_rate_month(as_of: date) -> Query:
    """Quotes in time of all quotes this month, by the hours of the rulebook; percent (RFQ-16)."""
    return _of_score(percent_sql("quotes_in_time", "quotes"), as_of, "quotes > 0")


@metric(
    "rfq.quoted_30d",
    # Translators: 近30天报价RFQ数
    title=_("RFQs quoted in 30 days"),
    app="rfq",
    after=(SCORES,),
    about=_("Different RFQs the shop quoted in the last 30 days."),
)
def quoted_30d(as_of: date) -> Query:
    """Distinct RFQs quoted in the last 30 days (RFQ-16)."""
    return _of_score("quoted_30d", as_of)


@metric(
    "rfq.replied_30d",
    # Translators: 近30天买家回复RFQ数
    title=_("RFQs replied in 30 days"),
    app="rfq",
    after=(SCORES,),
    about=_("Of the RFQs quoted in the last 30 days, those whose buyer replied."),
)
def replied_30d(as_of: date) -> Query:
    """RFQs quoted in the last 30 days that got a reply (RFQ-16)."""
    return _of_score("replied_30d", as_of)


@metric(
    "rfq.reply_rate_30d",
    # Translators: 近30天买家回复率
    title=_("Buyer reply rate in 30 days"),
    unit=MetricUnit.PERCENT,
    app="rfq",
    after=(SCORES,),
    empty=None,
    about=_("Share of the RFQs quoted in the last 30 days whose buyer replied."),
)
def reply_rate_30d(as_of: date) -> Query:
    """Replied RFQs of quoted RFQs in 30 days; percent (RFQ-16)."""
    return _of_score(percent_sql("replied_30d", "quoted_30d"), as_of, "quoted_30d > 0")


@metric(
    "rfq.gmv_90d",
    # Translators: RFQ近90天累计实收GMV
    title=_("RFQ GMV in 90 days"),
    unit=MetricUnit.USD,
    app="rfq",
    after=(SCORES,),
    about=_(
        "Money received in the last 90 days on orders of buyers the shop had quoted in the three "
        "years before; fake trade does not count."
    ),
)
def gmv_90d(as_of: date) -> Query:
    """Money received on linked orders in 90 days; USD (RFQ-16)."""
    return _of_score("gmv", as_of)


# --- From quotes --------------------------------------------------------------------------------

COUNTING = (
    "{sellers} AND q.submitted_at >= %(starts)s AND q.submitted_at < %(ends)s "
    "AND (q.refunded_at IS NULL OR q.refunded_at >= %(ends)s)"
)


def _instants(window: Window) -> dict[str, Any]:
    return {"starts": window.starts_at, "ends": window.ends_before}


@metric(
    "rfq.gold_quotes_month",
    # Translators: 本月金牌商机报价数
    title=_("Quotes on gold RFQs this month"),
    app="rfq",
    about=_("Quotes on gold RFQs since the first of the month."),
)
def gold_quotes_month(as_of: date) -> Query:
    """Quotes on gold RFQs this month."""
    return Query(
        "SELECT q.seller_id, COUNT(*) AS value FROM rfq_quote q "
        f"JOIN rfq_rfq r ON r.id = q.rfq_id AND r.grade = '{Grade.GOLD.value}' "
        f"WHERE {COUNTING} GROUP BY q.seller_id",
        _instants(this_month(as_of)),
    )


@metric(
    "rfq.quotes_viewed_30d",
    # Translators: 近30天被查看报价数
    title=_("Quotes viewed in 30 days"),
    app="rfq",
    about=_("Of the quotes of the last 30 days, those a buyer has opened."),
)
def quotes_viewed_30d(as_of: date) -> Query:
    """Quotes of the last 30 days viewed by the end of the day."""
    return Query(
        "SELECT q.seller_id, COUNT(*) AS value FROM rfq_quote q "
        f"WHERE {COUNTING} AND q.viewed_at < %(ends)s GROUP BY q.seller_id",
        _instants(last_days(30, as_of)),
    )


@metric(
    "rfq.pins_month",
    # Translators: 本月报价置顶数
    title=_("Quotes pinned this month"),
    app="rfq",
    about=_("Quotes pinned to one of the three places of their RFQ since the first of the month."),
)
def pins_month(as_of: date) -> Query:
    """Pins made this month."""
    return Query(
        "SELECT seller_id, COUNT(*) AS value FROM rfq_pin WHERE {sellers} "
        "AND pinned_at >= %(starts)s AND pinned_at < %(ends)s GROUP BY seller_id",
        _instants(this_month(as_of)),
    )
