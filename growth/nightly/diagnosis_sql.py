"""Benchmarks and growth scores of all shops of a group of industries, as SQL (GRO-11).

Whole numbers throughout, so that both databases find the same digits: values in ten-thousandths, shares
in `FULL`ths by long division, which keeps every product within 64 bits. `growth.diagnosis_rules` says
the same of one industry and one shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isqrt
from typing import Any

from growth.choices import BenchmarkScope
from growth.diagnosis_rules import FULL, HUNDREDTHS, LEAST_SELLERS, MOST, SCALE, STARRED_FROM
from growth.diagnosis_schema import DiagnosisRules
from portal.metrics import metric_empty

STEP = isqrt(FULL)
"""One division finds half of a share's digits, a second one the rest."""


@dataclass(frozen=True)
class DiagnosisSql:
    """The selects of one rulebook as of a day; `params` lack the shard's `lo` and `hi` (industries)."""

    benchmarks: str
    params: dict[str, Any]
    _counted: str

    def scores(self, benchmarks: str) -> str:
        """Return the select of `GrowthScore` rows against benchmarks: a table, or a select in brackets."""
        return SCORES.format(counted=self._counted, benchmarks=benchmarks)


def diagnosis_sql(rules: DiagnosisRules, version: str, as_of: date) -> DiagnosisSql:
    """Return the selects that a rulebook needs as of a day."""
    params: dict[str, Any] = {"as_of": as_of, "version": version}
    rows = []
    for place, item in enumerate(rules.items):
        empty = metric_empty(item.metric)
        params |= {
            f"metric_{place}": item.metric,
            f"weight_{place}": item.weight,
            f"lower_{place}": int(item.lower_is_better),
            f"empty_{place}": None if empty is None else int(empty * SCALE),
        }
        rows.append(
            f"(CAST(%(metric_{place})s AS VARCHAR(80)), %(weight_{place})s, %(lower_{place})s, "
            f"CAST(%(empty_{place})s AS BIGINT))"
        )
    counted = COUNTED.format(items=", ".join(rows), units=units_sql("v.value"))
    return DiagnosisSql(BENCHMARKS.format(counted=counted), params, counted)


def units_sql(value: str) -> str:
    """Return a decimal that is not null in ten-thousandths, within what is counted."""
    return (
        f"CASE WHEN {value} <= 0 THEN 0 WHEN {value} >= {MOST // SCALE} THEN {MOST} "
        f"ELSE CAST(ROUND({value} * {SCALE}) AS BIGINT) END"
    )


COUNTED = """WITH items(metric, weight, lower_is_better, empty) AS (VALUES {items}),
shops AS (
    SELECT id, industry_id, assessed_star, opened_on, paid_on FROM portal_seller
    WHERE industry_id BETWEEN %(lo)s AND %(hi)s AND status <> 'closed'
), held AS (
    SELECT v.seller_id, v.metric, {units} AS units FROM portal_metricvalue v
    WHERE v.metric IN (SELECT metric FROM items) AND v.seller_id IN (SELECT id FROM shops)
        AND v.valid_from <= %(as_of)s AND v.valid_to >= %(as_of)s
), counted AS (
    SELECT s.id AS seller_id, s.industry_id, s.assessed_star, s.opened_on, s.paid_on,
        i.metric, i.weight, i.lower_is_better, COALESCE(h.units, i.empty) AS units
    FROM shops s CROSS JOIN items i
    LEFT JOIN held h ON h.seller_id = s.id AND h.metric = i.metric
)"""

# A shop that is known not to be open yet is nobody's peer; of some sellers upstream says no days.
BENCHMARKS = f"""{{counted}}, peers AS (
    SELECT industry_id, metric, units, assessed_star,
        COUNT(*) OVER of_metric AS everybody,
        SUM(CASE WHEN assessed_star >= {STARRED_FROM} THEN 1 ELSE 0 END) OVER of_metric AS starred
    FROM counted
    WHERE units IS NOT NULL AND (assessed_star >= {STARRED_FROM} OR opened_on <= %(as_of)s
        OR (opened_on IS NULL AND paid_on IS NULL))
    WINDOW of_metric AS (PARTITION BY industry_id, metric)
), compared AS (
    SELECT industry_id, metric, units,
        CASE WHEN starred >= {LEAST_SELLERS} THEN starred ELSE everybody END AS sellers,
        CASE WHEN starred >= {LEAST_SELLERS} THEN '{BenchmarkScope.STARRED.value}'
            ELSE '{BenchmarkScope.INDUSTRY.value}' END AS scope,
        ROW_NUMBER() OVER (PARTITION BY industry_id, metric ORDER BY units) AS place
    FROM peers
    WHERE everybody >= {LEAST_SELLERS}
        AND (assessed_star >= {STARRED_FROM} OR starred < {LEAST_SELLERS})
)
SELECT industry_id, metric, scope, sellers,
    ((MIN(units) + MAX(units) + 1) / 2) / {SCALE}.0 AS value
FROM compared WHERE place IN ((sellers + 1) / 2, (sellers + 2) / 2)
GROUP BY industry_id, metric, scope, sellers"""

_SHARE = (
    f"CASE WHEN part >= whole THEN {FULL} ELSE (part * {STEP} / whole) * {STEP} "
    f"+ (2 * {STEP} * (part * {STEP} %% whole) + whole) / (2 * whole) END"
)
_GOAL = units_sql("b.value")
_WHOLE = f"(weights * {FULL // HUNDREDTHS})"

SCORES = f"""{{counted}}, goals AS (
    SELECT b.industry_id, b.metric, {_GOAL} AS units FROM {{benchmarks}} b
), compared AS (
    SELECT c.seller_id, c.weight,
        CASE WHEN c.lower_is_better = 1 THEN g.units ELSE c.units END AS part,
        CASE WHEN c.lower_is_better = 1 THEN c.units ELSE g.units END AS whole
    FROM counted c LEFT JOIN goals g ON g.industry_id = c.industry_id AND g.metric = c.metric
    WHERE c.opened_on <= %(as_of)s
), summed AS (
    SELECT seller_id,
        CAST(SUM(CASE WHEN part IS NULL OR whole IS NULL THEN NULL ELSE weight * ({_SHARE}) END)
            AS BIGINT) AS earned,
        CAST(SUM(CASE WHEN part IS NULL OR whole IS NULL THEN NULL ELSE weight END) AS BIGINT)
            AS weights,
        SUM(CASE WHEN part < whole THEN 1 ELSE 0 END) AS suggestions
    FROM compared GROUP BY seller_id
)
SELECT seller_id, CAST(%(version)s AS VARCHAR(40)) AS rulebook,
    ((2 * earned + {_WHOLE}) / (2 * {_WHOLE})) / 100.0 AS score, suggestions
FROM summed"""
