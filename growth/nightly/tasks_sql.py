"""Which shops fulfil which task rules, as SQL over metric values (GRO-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from growth.tasks.rules import TaskRule
from portal.metrics import EXTERNAL

HOLDS = (
    "v.metric = %({name}_metric)s AND v.valid_from <= %(as_of)s AND v.valid_to >= %(as_of)s "
    "AND v.seller_id BETWEEN %(lo)s AND %(hi)s"
)


def done_select(
    rules: Sequence[TaskRule], as_of: date, previous_day: date | None
) -> tuple[str, dict[str, Any]]:
    """Return a select of `seller_id`, `rule` and `since` for one or more rules, with its parameters.

    It has the parameters `lo` and `hi` of the shard besides. `since` is the first day of the unbroken
    run that includes the day: dated by upstream's own facts for `ext.*`; for all others carried from
    the row of `previous_day`, or the day itself.
    """
    params: dict[str, Any] = {"as_of": as_of}
    parts = []
    for position, rule in enumerate(rules):
        sql, more = _of_rule(rule, f"rule{position}")
        parts.append(sql)
        params |= more
    holding = " UNION ALL ".join(parts)
    if previous_day is None:
        since = "COALESCE(h.since, %(as_of)s)"
        return f"SELECT h.seller_id, h.rule, {since} AS since FROM ({holding}) h", params
    sql = (
        "SELECT h.seller_id, h.rule, COALESCE(h.since, b.since, %(as_of)s) AS since "
        f"FROM ({holding}) h LEFT JOIN growth_taskdone b ON b.seller_id = h.seller_id "
        "AND b.rule = h.rule AND b.valid_from <= %(before)s AND b.valid_to >= %(before)s"
    )
    return sql, params | {"before": previous_day}


def _of_rule(rule: TaskRule, name: str) -> tuple[str, dict[str, Any]]:
    """Return who fulfils one rule: `seller_id`, `rule` and the dated start of the run, or null."""
    condition, params = rule.condition("v.value", name)
    params |= {f"{name}_metric": rule.metric, f"{name}_code": rule.code}
    code = f"CAST(%({name}_code)s AS VARCHAR(160)) AS rule"
    holds = HOLDS.format(name=name)
    if rule.holds_without_row:
        # Sellers without a value fulfil it, so silence dates nothing: the run is carried.
        sql = (
            f"SELECT p.id AS seller_id, {code}, CAST(NULL AS DATE) AS since FROM portal_seller p "
            f"LEFT JOIN portal_metricvalue v ON v.seller_id = p.id AND {holds} "
            f"WHERE p.id BETWEEN %(lo)s AND %(hi)s AND (v.id IS NULL OR {condition})"
        )
    elif rule.metric.startswith(EXTERNAL):
        sql = (
            f"SELECT v.seller_id, {code}, dated.since FROM portal_metricvalue v "
            f"LEFT JOIN ({_dated(rule, name)}) dated ON dated.owner = v.seller_id "
            f"WHERE {holds} AND {condition}"
        )
    else:
        sql = (
            f"SELECT v.seller_id, {code}, CAST(NULL AS DATE) AS since FROM portal_metricvalue v "
            f"WHERE {holds} AND {condition}"
        )
    return sql, params


def _dated(rule: TaskRule, name: str) -> str:
    """Return the first day after the last one on which upstream's number did not fulfil the rule."""
    fulfilled = rule.condition("x.value", name)[0]
    facts = (
        f"x.metric = %({name}_metric)s AND x.day <= %(as_of)s "
        "AND x.seller_id BETWEEN %(lo)s AND %(hi)s"
    )
    return (
        "SELECT x.seller_id AS owner, MIN(x.day) AS since FROM portal_externalmetric x "
        "LEFT JOIN (SELECT x.seller_id AS owner, MAX(x.day) AS day FROM portal_externalmetric x "
        f"WHERE {facts} AND NOT ({fulfilled}) GROUP BY x.seller_id) broken "
        f"ON broken.owner = x.seller_id WHERE {facts} "
        "AND (broken.day IS NULL OR x.day > broken.day) GROUP BY x.seller_id"
    )
