"""Metrics: named numbers per seller and as-of day, counted set-wise from facts (K-3, K-14).

A metric is a function that returns one select; the night runs it once per shard::

    @metric("portal.orders_30d", title=_("Orders in 30 days"), app="portal")
    def orders_30d(as_of: date) -> Query:
        window = last_days(30, as_of)
        return Query("SELECT seller_id, COUNT(*) AS value FROM … WHERE {sellers} … GROUP BY seller_id",
                     {"starts": window.starts_at, "ends": window.ends_before})

`{sellers}` becomes the shard's range of sellers. A seller whom the select does not name, or with a null,
has the metric's `empty` value: 0 for counts, nothing for shares. Other apps register theirs in
`<app>/metrics.py`; one that reads another job's standings names the job in `after`, and says `final`
where that job itself reads derived metrics. A family (`metric_family`) is one select for metrics whose
keys are data, such as one per programme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from portal.choices import MetricUnit
from portal.models import MetricValue, Seller
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.published import published_day
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
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
    final: bool = False

    @property
    def job(self) -> str:
        """Name of the nightly job that counts it."""
        if self.final:
            return FINAL
        return DERIVED if self.after else PLAIN


@dataclass(frozen=True)
class MetricFamily:
    """Metrics `<prefix><something>` from one select of `seller_id`, `metric` and `value`.

    `title` names one of them by the part of its key after the prefix, in the active language.
    """

    prefix: str
    query: Callable[[date], Query]
    title: Callable[[str], str]


PLAIN, DERIVED, FINAL = "metrics", "metrics.derived", "metrics.final"
EXTERNAL = "ext."
METRICS: dict[str, Metric] = {}
FAMILIES: dict[str, MetricFamily] = {}
EXTERNAL_TITLES: dict[str, Any] = {}
"""Names of upstream's own numbers, by key."""


def metric(
    key: str,
    *,
    title: Any,
    app: str,
    unit: MetricUnit = MetricUnit.COUNT,
    after: tuple[str, ...] = (),
    empty: Decimal | None = Decimal(0),
    about: Any = "",
    final: bool = False,
) -> Callable[[Callable[[date], Query]], Callable[[date], Query]]:
    """Register the decorated function as a metric; `after` names the jobs whose standings it reads.

    `final`: those jobs need derived metrics themselves, so this one is counted after both.
    """
    if final and not after:
        raise ValueError(f"{key}: a final metric reads other jobs")

    def register(query: Callable[[date], Query]) -> Callable[[date], Query]:
        if key in METRICS:
            raise ValueError(f"two metrics are called {key}")
        METRICS[key] = Metric(key, title, unit, app, query, after, empty, about, final)
        return query

    return register


def metric_family(
    prefix: str, *, title: Callable[[str], str]
) -> Callable[[Callable[[date], Query]], Callable[[date], Query]]:
    """Register the decorated function as a family; `prefix` ends with a dot. Counted from facts alone."""

    def register(query: Callable[[date], Query]) -> Callable[[date], Query]:
        if prefix in FAMILIES:
            raise ValueError(f"two families of metrics begin with {prefix}")
        FAMILIES[prefix] = MetricFamily(prefix, query, title)
        return query

    return register


def family_of(key: str) -> MetricFamily | None:
    """Return the family a key belongs to, or none."""
    return next((each for prefix, each in FAMILIES.items() if key.startswith(prefix)), None)


def metric_known(key: str) -> bool:
    """Tell whether a key can have values: registered, of a family, or upstream's own (`ext.*`)."""
    return key in METRICS or key.startswith(EXTERNAL) or family_of(key) is not None


def name_external_metrics(titles: Mapping[str, Any]) -> None:
    """Name numbers only upstream knows (`ext.*`) for readers; once per key."""
    for key, title in titles.items():
        if not key.startswith(EXTERNAL) or key in EXTERNAL_TITLES:
            raise ValueError(f"{key}: not upstream's, or named twice")
        EXTERNAL_TITLES[key] = title


def metric_title(key: str) -> str:
    """Return the title of a metric in the active language; upstream's own have their key unless named."""
    if key in METRICS:
        return str(METRICS[key].title)
    family = family_of(key)
    if family is not None:
        return family.title(key.removeprefix(family.prefix))
    return str(EXTERNAL_TITLES.get(key, key))


def metric_empty(key: str) -> Decimal | None:
    """Return the value of sellers without a row: 0 for most, none where that says nothing.

    What upstream never said is not 0: `ext.*` has no value without a row.
    """
    if key in METRICS:
        return METRICS[key].empty
    return Decimal(0) if family_of(key) else None


def metric_job(key: str) -> str:
    """Return the name of the nightly job that publishes a metric."""
    return METRICS[key].job if key in METRICS else PLAIN


def percent_sql(part: str, whole: str) -> str:
    """Return SQL for 100 × part / whole of two integers, rounded half up to four decimals.

    Integer arithmetic, so that both databases give the same digits. `whole` must not be 0.
    """
    return f"((2 * {100 * SCALE} * ({part}) + ({whole})) / (2 * ({whole}))) / {SCALE}.0"


def money_sum_sql(amount: str) -> str:
    """Return SQL that adds up dollars exactly on both databases: in cents."""
    return f"SUM(CAST(ROUND({amount} * 100) AS BIGINT)) / 100.0"


def external_metrics(as_of: date) -> Query:
    """Numbers only upstream knows (`ext.*`): the newest day up to `as_of` counts."""
    return Query(
        "SELECT x.seller_id, x.metric, x.value FROM portal_externalmetric x JOIN ("
        "SELECT seller_id AS owner, metric AS name, MAX(day) AS day FROM portal_externalmetric "
        "WHERE {sellers} AND day <= %(as_of)s GROUP BY seller_id, metric"
        ") newest ON newest.owner = x.seller_id AND newest.name = x.metric AND newest.day = x.day "
        # Said of both sides: a shard must not read everybody's rows to find its own.
        "WHERE x.{sellers}",
        {"as_of": as_of},
    )


# --- The nightly jobs ---------------------------------------------------------------------------


def _of_job(name: str) -> list[Metric]:
    return [each for each in METRICS.values() if each.job == name]


def _needs_of(name: str) -> set[str]:
    return {need for each in _of_job(name) for need in each.after}


@job(PLAIN, app="portal", shards=seller_ranges, standings=(MetricValue,))
def metrics_from_facts(ctx: ShardContext) -> None:
    """Count every metric that needs nothing but facts, and pass on upstream's own numbers."""
    _stage(ctx, PLAIN, several=[external_metrics, *(each.query for each in FAMILIES.values())])


@job(
    DERIVED,
    app="portal",
    needs=lambda: {PLAIN, *_needs_of(DERIVED)},
    shards=seller_ranges,
    standings=(MetricValue,),
)
def metrics_from_standings(ctx: ShardContext) -> None:
    """Count the metrics that read what other jobs have published for the day."""
    _stage(ctx, DERIVED)


@job(
    FINAL,
    app="portal",
    needs=lambda: {PLAIN, DERIVED, *_needs_of(FINAL)},
    shards=seller_ranges,
    standings=(MetricValue,),
)
def metrics_from_judgements(ctx: ShardContext) -> None:
    """Count the metrics that read jobs which need derived metrics themselves."""
    _stage(ctx, FINAL)


def _stage(
    ctx: ShardContext, name: str, *, several: Iterable[Callable[[date], Query]] = ()
) -> None:
    """Collect one select per metric, and those that give several, and stage the shard's differences."""
    with new_set(ctx, MetricValue):
        for each in _of_job(name):
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
        for select in several:
            query = select(ctx.as_of)
            add_to_new_set(ctx, MetricValue, _of_shard(query.sql), {**ctx.params, **query.params})
        scope, names = _scope(name)
        stage_new_set(ctx, MetricValue, {**ctx.params, **names}, scope_sql=scope)


def _of_shard(sql: str) -> str:
    return sql.replace("{sellers}", "seller_id BETWEEN %(lo)s AND %(hi)s")


def _scope(name: str) -> tuple[str, dict[str, str]]:
    """Split the standing between the jobs: each has its metrics, the first one everything else.

    Rows of a metric that no longer exists fall to the first job, which ends them.
    """
    first = name == PLAIN
    keys = [
        each.key for each in METRICS.values() if (each.job != PLAIN if first else each.job == name)
    ]
    names = {f"metric_{position}": key for position, key in enumerate(sorted(keys))}
    listed = ", ".join(f"%({each})s" for each in names)
    sellers = "s.seller_id BETWEEN %(lo)s AND %(hi)s"
    if not names:
        return (sellers if first else f"{sellers} AND 1 = 0"), names
    return f"{sellers} AND s.metric {'NOT ' if first else ''}IN ({listed})", names


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

    Values only upstream knows (`ext.*`) have their key for a title unless an app named them. Before the first night: nothing.
    """
    days = {name: published_day(name, as_of) for name in (PLAIN, DERIVED, FINAL)}
    values: dict[str, Decimal] = {}
    with unscoped():
        for name, day in days.items():
            if day is not None:
                rows = MetricValue.objects.filter(seller=seller).as_of(day)
                values |= {
                    key: value
                    for key, value in rows.values_list("metric", "value")
                    if metric_job(key) == name
                }
    readings = []
    for key in sorted({*METRICS, *values}):
        known = METRICS.get(key)
        day = days[metric_job(key)]
        value = values.get(key, metric_empty(key))
        if day is not None and value is not None:
            unit = known.unit if known else MetricUnit.COUNT
            readings.append(MetricReading(key, metric_title(key), unit, value, day))
    return readings


def _exported(name: str) -> Callable[[date], Iterator[dict[str, Any]]]:
    def rows(as_of: date) -> Iterator[dict[str, Any]]:
        found = MetricValue.objects.as_of(as_of)
        if name == PLAIN:
            found = found.exclude(metric__in=[k for k in METRICS if metric_job(k) != PLAIN])
        else:
            found = found.filter(metric__in=[each.key for each in _of_job(name)])
        for seller, key, value in found.values_list(
            "seller__member_id", "metric", "value"
        ).iterator():
            yield {"seller": seller, "metric": key, "value": value}

    return rows


for _name in (PLAIN, DERIVED, FINAL):
    register_standing("portal", _name, _exported(_name), job=_name)
