"""Metrics: named numbers per seller and as-of day, counted set-wise from facts (K-3, K-14).

A metric is a function that returns one select; the night runs it once per shard::

    @metric("portal.orders_30d", title=_("Orders in 30 days"), app="portal")
    def orders_30d(as_of: date) -> Query:
        window = last_days(30, as_of)
        return Query("SELECT seller_id, COUNT(*) AS value FROM … WHERE {sellers} … GROUP BY seller_id",
                     {"starts": window.starts_at, "ends": window.ends_before})

`{sellers}` becomes the shard's range of sellers. A seller whom the select does not name, or with a null,
has the metric's `empty` value: 0 for counts, nothing for shares. Other apps register theirs in
`<app>/metrics.py`; one that reads another job's standings names the job in `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.choices import MetricUnit
from portal.models import MetricValue, Seller
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.published import published_day
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.platform_time import Window, end_of, last_days, this_month
from portal.scoping import unscoped

SCALE = 10_000
"""Values have four decimals."""


@dataclass(frozen=True)
class Query:
    """A select of `seller_id` and `value` with its named parameters; `{sellers}` is filled in."""

    sql: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A registered metric. `empty` is what a seller without a row has; None means "no value".

    `about` defines the number in a sentence for those it is about.
    """

    key: str
    title: Any
    unit: MetricUnit
    app: str
    query: Callable[[date], Query]
    after: tuple[str, ...] = ()
    empty: Decimal | None = Decimal(0)
    about: Any = ""


METRICS: dict[str, Metric] = {}


def metric(
    key: str,
    *,
    title: Any,
    app: str,
    unit: MetricUnit = MetricUnit.COUNT,
    after: tuple[str, ...] = (),
    empty: Decimal | None = Decimal(0),
    about: Any = "",
) -> Callable[[Callable[[date], Query]], Callable[[date], Query]]:
    """Register the decorated function as a metric; `after` names the jobs whose standings it reads."""

    def register(query: Callable[[date], Query]) -> Callable[[date], Query]:
        if key in METRICS:
            raise ValueError(f"two metrics are called {key}")
        METRICS[key] = Metric(key, title, unit, app, query, after, empty, about)
        return query

    return register


def percent_sql(part: str, whole: str) -> str:
    """Return SQL for 100 × part / whole of two integers, rounded half up to four decimals.

    Integer arithmetic, so that both databases give the same digits. `whole` must not be 0.
    """
    return f"((2 * {100 * SCALE} * ({part}) + ({whole})) / (2 * ({whole}))) / {SCALE}.0"


def money_sum_sql(amount: str) -> str:
    """Return SQL that adds up dollars exactly on both databases: in cents."""
    return f"SUM(CAST(ROUND({amount} * 100) AS BIGINT)) / 100.0"


# --- The nightly jobs ---------------------------------------------------------------------------


def _derived() -> dict[str, Metric]:
    return {key: each for key, each in METRICS.items() if each.after}


def _derived_needs() -> set[str]:
    return {"metrics", *(need for each in _derived().values() for need in each.after)}


@job("metrics", app="portal", shards=seller_ranges, standings=(MetricValue,))
def metrics_from_facts(ctx: ShardContext) -> None:
    """Count every metric that needs nothing but facts, and pass on upstream's own numbers."""
    plain = [each for each in METRICS.values() if not each.after]
    _stage(ctx, plain, mine=False, external=True)


@job(
    "metrics.derived",
    app="portal",
    needs=_derived_needs,
    shards=seller_ranges,
    standings=(MetricValue,),
)
def metrics_from_standings(ctx: ShardContext) -> None:
    """Count the metrics that read what other jobs have published for the day."""
    _stage(ctx, list(_derived().values()), mine=True, external=False)


def _stage(ctx: ShardContext, metrics: list[Metric], *, mine: bool, external: bool) -> None:
    """Collect one select per metric and stage the differences of the shard's sellers."""
    with new_set(ctx, MetricValue):
        for each in metrics:
            query = each.query(ctx.as_of)
            add_to_new_set(
                ctx,
                MetricValue,
                "SELECT m.seller_id, CAST(%(metric)s AS VARCHAR(80)) AS metric, m.value AS value "
                f"FROM ({_of_shard(query.sql)}) m WHERE m.value IS NOT NULL AND m.value <> %(empty)s",
                {
                    **ctx.params,
                    **query.params,
                    "metric": each.key,
                    # A metric without a default keeps its zeros: no value is below zero.
                    "empty": -1 if each.empty is None else each.empty,
                },
            )
        if external:
            query = external_metrics(ctx.as_of)
            add_to_new_set(ctx, MetricValue, _of_shard(query.sql), {**ctx.params, **query.params})
        scope, names = _scope(mine=mine)
        stage_new_set(ctx, MetricValue, {**ctx.params, **names}, scope_sql=scope)


def _of_shard(sql: str) -> str:
    return sql.replace("{sellers}", "seller_id BETWEEN %(lo)s AND %(hi)s")


def _scope(*, mine: bool) -> tuple[str, dict[str, str]]:
    """Split the standing between the two jobs: derived metrics, and everything else.

    Rows of a metric that no longer exists fall to the first job, which ends them.
    """
    names = {f"derived_{position}": key for position, key in enumerate(sorted(_derived()))}
    listed = ", ".join(f"%({name})s" for name in names)
    sellers = "s.seller_id BETWEEN %(lo)s AND %(hi)s"
    if not names:
        return (f"{sellers} AND 1 = 0" if mine else sellers), names
    return f"{sellers} AND s.metric {'' if mine else 'NOT '}IN ({listed})", names


# --- Reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MetricReading:
    """A metric of one seller as readers see it; `as_of` is the day it was counted for."""

    key: str
    title: str
    unit: str
    value: Decimal | None
    as_of: date


def metric_values(seller: Seller, as_of: date | None = None) -> list[MetricReading]:
    """Return all metrics of a seller on the newest published day up to `as_of`, by key.

    Values only upstream knows (`ext.*`) have their key for a title. Before the first night: nothing.
    """
    plain_day = published_day("metrics", as_of)
    derived_day = published_day("metrics.derived", as_of)
    derived = _derived()
    values: dict[str, Decimal] = {}
    with unscoped():
        for day, wanted in ((plain_day, False), (derived_day, True)):
            if day is not None:
                rows = MetricValue.objects.filter(seller=seller).as_of(day)
                values |= {
                    key: value
                    for key, value in rows.values_list("metric", "value")
                    if (key in derived) is wanted
                }
    readings = []
    for key in sorted({*METRICS, *values}):
        known = METRICS.get(key)
        day = derived_day if key in derived else plain_day
        value = values.get(key, known.empty if known else None)
        if day is not None and value is not None:
            title = str(known.title) if known else key
            unit = known.unit if known else MetricUnit.COUNT
            readings.append(MetricReading(key, title, unit, value, day))
    return readings


def _exported(derived: bool) -> Callable[[date], Iterator[dict[str, Any]]]:
    def rows(as_of: date) -> Iterator[dict[str, Any]]:
        names = list(_derived())
        found = MetricValue.objects.as_of(as_of)
        found = found.filter(metric__in=names) if derived else found.exclude(metric__in=names)
        for seller, key, value in found.values_list(
            "seller__member_id", "metric", "value"
        ).iterator():
            yield {"seller": seller, "metric": key, "value": value}

    return rows


register_standing("portal", "metrics", _exported(derived=False), job="metrics")
register_standing("portal", "metrics.derived", _exported(derived=True), job="metrics.derived")


# --- The kernel's metrics -----------------------------------------------------------------------


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
        ") newest ON newest.owner = u.seller_id AND newest.day = u.day",
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


def external_metrics(as_of: date) -> Query:
    """Numbers only upstream knows (`ext.*`): the newest day up to `as_of` counts."""
    return Query(
        "SELECT x.seller_id, x.metric, x.value FROM portal_externalmetric x JOIN ("
        "SELECT seller_id AS owner, metric AS name, MAX(day) AS day FROM portal_externalmetric "
        "WHERE {sellers} AND day <= %(as_of)s GROUP BY seller_id, metric"
        ") newest ON newest.owner = x.seller_id AND newest.name = x.metric AND newest.day = x.day",
        {"as_of": as_of},
    )
