"""Which shops fulfil which task rules, as one statement over metric values (GRO-5).

Values are read once and meet the rules as rows, so that neither the statement nor the reading grows with
the packs that ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from growth.choices import Operator
from growth.tasks.rules import TaskRule
from portal.metrics import EXTERNAL

CARRIED, DATED, SILENT = 0, 1, 2
"""What dates a run: the nights before, upstream's facts, or nothing, because it takes no value at all."""

NO_NUMBER = "CAST(NULL AS NUMERIC)"
COMPARISONS = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.GTE: ">=",
    Operator.GT: ">",
    Operator.LTE: "<=",
    Operator.LT: "<",
}

STATEMENT = """
WITH rules(place, code, metric, op, target, kind) AS (VALUES {rules}),
choices(place, target) AS (VALUES {choices}),
held AS (
    SELECT v.seller_id, r.place, r.code, r.kind
    FROM portal_metricvalue v JOIN rules r ON r.metric = v.metric AND r.kind <> {silent_kind}
    WHERE v.metric IN ({metrics}) AND v.seller_id BETWEEN %(lo)s AND %(hi)s
        AND v.valid_from <= %(as_of)s AND v.valid_to >= %(as_of)s AND {fulfilled}
    {silent}
)
SELECT h.seller_id, h.code AS rule, {since} AS since
FROM held h {dated} {before}
"""

# Whom the metric does not name fulfils these, so they begin with the shops.
SILENT_HELD = """UNION ALL
    SELECT p.id AS seller_id, r.place, r.code, r.kind
    FROM portal_seller p JOIN rules r ON r.kind = {silent_kind}
    LEFT JOIN portal_metricvalue v ON v.seller_id = p.id AND v.metric = r.metric
        AND v.metric IN ({metrics}) AND v.seller_id BETWEEN %(lo)s AND %(hi)s
        AND v.valid_from <= %(as_of)s AND v.valid_to >= %(as_of)s
    WHERE p.id BETWEEN %(lo)s AND %(hi)s AND (v.id IS NULL OR {fulfilled})"""

# The first day after the last one on which upstream's number did not fulfil the rule.
DATED_RUNS = """LEFT JOIN (
    SELECT f.seller_id AS owner, f.place AS rule, MIN(f.day) AS since
    FROM (
        SELECT v.seller_id, r.place, v.day,
            MAX(CASE WHEN {fulfilled} THEN NULL ELSE v.day END)
                OVER (PARTITION BY v.seller_id, r.place) AS broken
        FROM portal_externalmetric v JOIN rules r ON r.metric = v.metric AND r.kind = {dated_kind}
        WHERE v.metric IN ({metrics}) AND v.day <= %(as_of)s
            AND v.seller_id BETWEEN %(lo)s AND %(hi)s
    ) f
    WHERE f.broken IS NULL OR f.day > f.broken
    GROUP BY f.seller_id, f.place
) dated ON dated.owner = h.seller_id AND dated.rule = h.place"""

DAY_BEFORE = """LEFT JOIN growth_taskdone b ON b.seller_id = h.seller_id AND b.rule = h.code
    AND b.valid_from <= %(before)s AND b.valid_to >= %(before)s"""


def done_select(
    rules: Sequence[TaskRule], as_of: date, previous_day: date | None
) -> tuple[str, dict[str, Any]]:
    """Return a select of `seller_id`, `rule` and `since` for one or more rules, with its parameters.

    It has the parameters `lo` and `hi` of the shard besides. `since` is the first day of the unbroken
    run that includes the day: dated by upstream's own facts for `ext.*`; for all others carried from
    the row of `previous_day`, or the day itself.
    """
    made = _Rules(rules)
    sinces = ["%(as_of)s"]
    if previous_day is not None:
        sinces.insert(0, "b.since")
    if made.names[DATED]:
        sinces.insert(0, "dated.since")
    fulfilled = _fulfilled()
    parts = {"fulfilled": fulfilled, "silent_kind": SILENT, "dated_kind": DATED}

    def where_any(kind: int, template: str) -> str:
        names = made.names[kind]
        return template.format(**parts, metrics=", ".join(names)) if names else ""

    sql = STATEMENT.format(
        **parts,
        rules=", ".join(made.rows),
        choices=", ".join(made.choices),
        metrics=", ".join([*made.names[CARRIED], *made.names[DATED]]) or "NULL",
        silent=where_any(SILENT, SILENT_HELD),
        dated=where_any(DATED, DATED_RUNS),
        before="" if previous_day is None else DAY_BEFORE,
        since=f"COALESCE({', '.join(sinces)})" if len(sinces) > 1 else sinces[0],
    )
    return sql, {**made.params, "as_of": as_of, "before": previous_day}


def _fulfilled() -> str:
    """Return the condition that a value `v` fulfils a rule `r`."""
    whens = " ".join(
        f"WHEN '{op.value}' THEN v.value {sign} r.target" for op, sign in COMPARISONS.items()
    )
    chosen = "EXISTS (SELECT 1 FROM choices c WHERE c.place = r.place AND c.target = v.value)"
    return f"CASE r.op {whens} ELSE {chosen} END"


class _Rules:
    """Rules as rows of two tables, with their parameters, and the metrics of each kind."""

    def __init__(self, rules: Sequence[TaskRule]) -> None:
        self.params: dict[str, Any] = {}
        self.rows: list[str] = []
        # A table of values has at least one row.
        self.choices = [f"(-1, {NO_NUMBER})"]
        self.names: dict[int, list[str]] = {CARRIED: [], DATED: [], SILENT: []}
        metrics: dict[str, str] = {}
        for place, rule in enumerate(rules):
            kind = _kind(rule)
            name = metrics.setdefault(rule.metric, f"rule{place}_metric")
            self.params |= {name: rule.metric, f"rule{place}_code": rule.code}
            if f"%({name})s" not in self.names[kind]:
                self.names[kind].append(f"%({name})s")
            target = NO_NUMBER
            if rule.op == Operator.IN:
                self.choices += [
                    f"({place}, {self._number(f'rule{place}_{position}', one)})"
                    for position, one in enumerate(rule.target)
                ]
            else:
                target = self._number(f"rule{place}_0", rule.target[0])
            self.rows.append(
                f"({place}, CAST(%(rule{place}_code)s AS VARCHAR(160)), "
                f"CAST(%({name})s AS VARCHAR(80)), '{Operator(rule.op).value}', {target}, {kind})"
            )

    def _number(self, name: str, value: Any) -> str:
        self.params[name] = value
        return f"CAST(%({name})s AS NUMERIC)"


def _kind(rule: TaskRule) -> int:
    if rule.holds_without_row:
        # Silence dates nothing, whoever counts the number.
        return SILENT
    return DATED if rule.metric.startswith(EXTERNAL) else CARRIED
