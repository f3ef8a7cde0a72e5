"""Stages and phases of all shops of a shard, as one statement (GRO-1, GRO-2, GRO-3).

`growth.guide.rules` says the same of one shop; tests hold the two equal.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from growth.choices import Phase, Stage
from growth.guide.opening_sql import (
    CENTS,
    ORDERS,
    RECEIPTS,
    counted_sql,
    open_shops_sql,
    opportunities_sql,
)
from growth.guide.schema import GuideRules
from growth.nightly.assessed_sql import assessed_star_sql
from portal.platform_time import start_of

CENTS_PER_DOLLAR = 100

# What counts of a milestone, over `w` below. Facts of the day itself do not: a phase ends the day after.
COUNTED = {
    Phase.OPPORTUNITIES.value: "w.opportunities_before",
    Phase.ORDER.value: "w.orders_before",
    Phase.GMV.value: "w.cents_before",
    Phase.STAR.value: "w.assessed_star",
}

STATEMENT = """
WITH novices AS {novices},
opportunities AS ({opportunities}),
orders AS ({orders}),
receipts AS ({receipts}),
core AS (
    SELECT seller_id, MAX(since) AS since FROM growth_taskdone
    WHERE rule IN ({core_rules}) AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s
        AND seller_id BETWEEN %(lo)s AND %(hi)s
    GROUP BY seller_id HAVING COUNT(*) = {core_count}
),
totals AS (
    SELECT seller_id,
        MAX(CASE WHEN metric = 'growth.opportunities' THEN value END) AS opportunities,
        MAX(CASE WHEN metric = 'growth.orders' THEN value END) AS orders,
        MAX(CASE WHEN metric = 'growth.received' THEN value END) AS received
    FROM portal_metricvalue
    WHERE metric IN ('growth.opportunities', 'growth.orders', 'growth.received')
        AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s
        AND seller_id BETWEEN %(lo)s AND %(hi)s
    GROUP BY seller_id
),
w AS (
    SELECT p.id AS seller_id, p.opened_on, {assessed_star} AS assessed_star,
        COALESCE(f.value, 0) AS opportunities_before,
        COALESCE(o.value, 0) AS orders_before,
        COALESCE(r.value, 0) AS cents_before,
        CAST(COALESCE(t.opportunities, 0) AS BIGINT) AS opportunities,
        CAST(COALESCE(t.orders, 0) AS BIGINT) AS orders,
        COALESCE(t.received, 0) AS received,
        {core_done_on} AS core_done_on
    FROM portal_seller p
    LEFT JOIN opportunities f ON f.seller_id = p.id
    LEFT JOIN orders o ON o.seller_id = p.id
    LEFT JOIN receipts r ON r.seller_id = p.id
    LEFT JOIN core c ON c.seller_id = p.id
    LEFT JOIN totals t ON t.seller_id = p.id
    {carried}
    WHERE p.id BETWEEN %(lo)s AND %(hi)s
),
staged AS (
    SELECT w.*, CASE
        WHEN w.opened_on IS NULL OR w.opened_on >= %(as_of)s THEN '{pre_opening}'
        WHEN w.opened_on < %(novice_since)s OR w.cents_before >= %(mature_cents)s THEN '{mature}'
        WHEN w.opened_on >= %(core_since)s
            AND (w.core_done_on IS NULL OR w.core_done_on >= %(as_of)s) THEN '{novice_30}'
        ELSE '{novice_90}' END AS stage
    FROM w
)
SELECT w.seller_id, CAST(%(rulebook)s AS VARCHAR(40)) AS rulebook, w.stage,
    CASE WHEN w.stage <> '{novice_90}' THEN NULL {phases} END AS phase,
    w.opportunities, w.orders, w.received, w.core_done_on
FROM staged w
"""

EARLIER = (
    "CASE WHEN b.core_done_on <= c.since OR c.since IS NULL THEN b.core_done_on ELSE c.since END"
)
CARRIED = (
    "LEFT JOIN growth_stagestanding b ON b.seller_id = p.id "
    "AND b.valid_from <= %(before)s AND b.valid_to >= %(before)s"
)


def stages_statement(
    rules: GuideRules, version: str, as_of: date, previous_day: date | None
) -> tuple[str, dict[str, Any]]:
    """Return the select of a shard's stage standings with its parameters but `lo` and `hi`.

    Counts before the day are taken from facts, and only for shops in their first days; what is shown
    as reached through the end of the day are the metrics of the day.
    """
    novices, params = open_shops_sql(
        as_of,
        "shop.opened_on >= %(novice_since)s AND shop.seller_id BETWEEN %(lo)s AND %(hi)s",
    )
    params |= {
        "as_of": as_of,
        "until": start_of(as_of),
        "novice_since": as_of - timedelta(days=rules.novice_days),
        "core_since": as_of - timedelta(days=rules.core_days),
        "mature_cents": _whole(rules.mature_received * CENTS_PER_DOLLAR),
        "rulebook": version,
        "before": previous_day,
    }
    core = {f"core_{position}": code for position, code in enumerate(_core_codes(rules))}
    statement = STATEMENT.format(
        novices=novices,
        assessed_star=assessed_star_sql("p"),
        opportunities=opportunities_sql("novices"),
        orders=counted_sql("novices", ORDERS),
        receipts=counted_sql("novices", RECEIPTS, CENTS),
        core_rules=", ".join(f"%({name})s" for name in core),
        core_count=len(core),
        core_done_on=EARLIER if previous_day else "c.since",
        carried=CARRIED if previous_day else "",
        phases=_phases(rules, params),
        **{stage.name.lower(): stage.value for stage in Stage},
    )
    return statement, params | core


def _core_codes(rules: GuideRules) -> list[str]:
    return sorted({task.rule.code for task in rules.core})


def _phases(rules: GuideRules, params: dict[str, Any]) -> str:
    """Return the branches that find the first milestone not reached; they add their targets."""
    branches = []
    for milestone in rules.milestones:
        name = f"target_{milestone.key}"
        cents = milestone.key == Phase.GMV.value
        params[name] = _whole(milestone.target * (CENTS_PER_DOLLAR if cents else 1))
        branches.append(f"WHEN {COUNTED[milestone.key]} < %({name})s THEN '{milestone.key}'")
    return " ".join(branches)


def _whole(value: Decimal) -> int:
    """Return the least whole number that is not below a target: counts and cents are whole."""
    return -int(-value // 1)
