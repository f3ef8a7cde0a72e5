"""Benchmarks and growth scores of all shops of a group of industries, as SQL (GRO-11).

Whole numbers throughout, so that both databases find the same digits: values in ten-thousandths, shares
in `FULL`ths by long division, which keeps every product within 64 bits. `growth.diagnosis.rules` says
the same of one industry and one shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isqrt
from typing import Any

from growth.choices import BenchmarkScope
from growth.diagnosis.rules import FULL, HUNDREDTHS, LEAST_SELLERS, MOST, SCALE, STARRED_FROM
from growth.diagnosis.schema import DiagnosisRules
from growth.nightly.assessed_sql import assessed_star_sql
from portal.metrics import metric_empty

STEP = isqrt(FULL)
"""One division finds half of a share's digits, a second one the rest."""


@dataclass(frozen=True)
class DiagnosisSql:
    """The selects of one rulebook as of a day; `params` lack the shard's `lo` and `hi` (industries).

    `values` gives a row per shop and item: what the others are made of, as a table or as a select in
    brackets.
    """

    items: str
    number: int
    params: dict[str, Any]

    @property
    def values(self) -> str:
        """Return the select of the values to compare: of whom, of which item, whose peer it is."""
        names = [f"%(metric_{place})s" for place in range(self.number)]
        return VALUES.format(
            items=self.items,
            # Named one by one, so that the planner knows how many rows there are of each.
            metrics=", ".join(names),
            places=" ".join(f"WHEN {name} THEN {place}" for place, name in enumerate(names)),
            units=units_sql("v.value"),
        )

    def benchmarks(self, values: str) -> str:
        """Return the select of `GrowthBenchmark` rows."""
        return BENCHMARKS.format(items=self.items, values=values)

    def scores(self, values: str, benchmarks: str) -> str:
        """Return the select of `GrowthScore` rows."""
        return SCORES.format(items=self.items, values=values, benchmarks=benchmarks)


def diagnosis_sql(
    rules: DiagnosisRules, version: str, as_of: date, *, ahead: DiagnosisRules | None = None
) -> DiagnosisSql:
    """Return the selects that a rulebook needs as of a day.

    What rules to come (`ahead`) compare has a benchmark as well, and no weight in the scores.
    """
    params: dict[str, Any] = {"as_of": as_of, "version": version}
    weighed = [(item.metric, item.weight, item.lower_is_better) for item in rules.items]
    judged = {item.metric for item in rules.items}
    if ahead is not None:
        weighed += [(item.metric, 0, False) for item in ahead.items if item.metric not in judged]
    rows = []
    for place, (metric, weight, lower_is_better) in enumerate(weighed):
        empty = metric_empty(metric)
        params |= {
            f"metric_{place}": metric,
            f"weight_{place}": weight,
            f"lower_{place}": int(lower_is_better),
            f"empty_{place}": None if empty is None else int(empty * SCALE),
        }
        rows.append(
            f"({place}, CAST(%(metric_{place})s AS VARCHAR(80)), %(weight_{place})s, "
            f"%(lower_{place})s, CAST(%(empty_{place})s AS BIGINT))"
        )
    items = "items(place, metric, weight, lower_is_better, empty)"
    return DiagnosisSql(f"{items} AS (VALUES {', '.join(rows)})", len(rows), params)


def units_sql(value: str) -> str:
    """Return a decimal that is not null in ten-thousandths, within what is counted."""
    return (
        f"CASE WHEN {value} <= 0 THEN 0 WHEN {value} >= {MOST // SCALE} THEN {MOST} "
        f"ELSE CAST(ROUND({value} * {SCALE}) AS BIGINT) END"
    )


STARRED, PEER, NOBODY = 2, 1, 0
"""Whose peer a shop is: of all as one with a star, of all, of nobody."""

# A shop that is known not to be open yet is nobody's peer; of some sellers upstream says no days.
VALUES = f"""WITH {{items}}, shops AS (
    SELECT id, industry_id, CASE WHEN {assessed_star_sql("portal_seller")} >= {STARRED_FROM}
        THEN {STARRED} WHEN opened_on <= %(as_of)s OR (opened_on IS NULL AND paid_on IS NULL) THEN {PEER}
        ELSE {NOBODY} END AS peer
    FROM portal_seller
    WHERE industry_id BETWEEN %(lo)s AND %(hi)s AND status <> 'closed'
), held AS (
    SELECT v.seller_id, CASE v.metric {{places}} END AS place, {{units}} AS units
    FROM portal_metricvalue v
    WHERE v.metric IN ({{metrics}}) AND v.seller_id IN (SELECT id FROM shops)
        AND v.valid_from <= %(as_of)s AND v.valid_to >= %(as_of)s
)
SELECT s.id AS seller_id, s.industry_id, s.peer, i.place, COALESCE(h.units, i.empty) AS units
FROM shops s CROSS JOIN items i
LEFT JOIN held h ON h.seller_id = s.id AND h.place = i.place
WHERE COALESCE(h.units, i.empty) IS NOT NULL"""

# SQLite takes the sides of a CROSS JOIN in their order: the many values first, looking up their scope.
BENCHMARKS = f"""WITH {{items}}, sizes AS (
    SELECT industry_id, place, COUNT(*) AS everybody,
        SUM(CASE WHEN peer = {STARRED} THEN 1 ELSE 0 END) AS starred
    FROM {{values}} c WHERE peer <> {NOBODY}
    GROUP BY industry_id, place HAVING COUNT(*) >= {LEAST_SELLERS}
), scopes AS (
    SELECT industry_id, place,
        CASE WHEN starred >= {LEAST_SELLERS} THEN {STARRED} ELSE {PEER} END AS least,
        CASE WHEN starred >= {LEAST_SELLERS} THEN starred ELSE everybody END AS sellers,
        CASE WHEN starred >= {LEAST_SELLERS} THEN '{BenchmarkScope.STARRED.value}'
            ELSE '{BenchmarkScope.INDUSTRY.value}' END AS scope
    FROM sizes
), ranked AS (
    SELECT c.industry_id, c.place, c.units, o.sellers, o.scope, ROW_NUMBER() OVER (
        PARTITION BY c.industry_id, c.place ORDER BY c.units) AS number
    FROM {{values}} c CROSS JOIN scopes o
    WHERE o.industry_id = c.industry_id AND o.place = c.place AND c.peer >= o.least
)
SELECT r.industry_id, i.metric, r.scope, r.sellers,
    ((MIN(r.units) + MAX(r.units) + 1) / 2) / {SCALE}.0 AS value
FROM ranked r JOIN items i ON i.place = r.place
WHERE r.number IN ((r.sellers + 1) / 2, (r.sellers + 2) / 2)
GROUP BY r.industry_id, i.metric, r.scope, r.sellers"""

_SHARE = (
    f"CASE WHEN part >= whole THEN {FULL} ELSE (part * {STEP} / whole) * {STEP} "
    f"+ (2 * {STEP} * (part * {STEP} %% whole) + whole) / (2 * whole) END"
)
_GOAL = units_sql("b.value")
_WHOLE = f"(weights * {FULL // HUNDREDTHS})"

SCORES = f"""WITH {{items}}, goals AS (
    SELECT b.industry_id, i.place, i.weight, i.lower_is_better, {_GOAL} AS units
    FROM {{benchmarks}} b JOIN items i ON i.metric = b.metric
    WHERE i.weight > 0
), compared AS (
    SELECT c.seller_id, g.weight,
        CASE WHEN g.lower_is_better = 1 THEN g.units ELSE c.units END AS part,
        CASE WHEN g.lower_is_better = 1 THEN c.units ELSE g.units END AS whole
    FROM {{values}} c JOIN goals g ON g.industry_id = c.industry_id AND g.place = c.place
), summed AS (
    SELECT seller_id, CAST(SUM(weight * ({_SHARE})) AS BIGINT) AS earned,
        CAST(SUM(weight) AS BIGINT) AS weights,
        SUM(CASE WHEN part < whole THEN 1 ELSE 0 END) AS suggestions
    FROM compared GROUP BY seller_id
)
SELECT p.id AS seller_id, CAST(%(version)s AS VARCHAR(40)) AS rulebook,
    ((2 * earned + {_WHOLE}) / (2 * {_WHOLE})) / 100.0 AS score,
    COALESCE(suggestions, 0) AS suggestions
FROM portal_seller p LEFT JOIN summed ON summed.seller_id = p.id
WHERE p.industry_id BETWEEN %(lo)s AND %(hi)s AND p.status <> 'closed'
    AND p.opened_on <= %(as_of)s"""
