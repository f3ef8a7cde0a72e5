"""Growth scores under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own selects take benchmarks and judge every seller under the draft, from the metric values
of the day.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from growth.diagnosis.schema import DiagnosisRules
from growth.nightly.diagnosis_sql import diagnosis_sql
from portal.nightly.plans import HIGHEST_KEY

GROUPS = {
    "all": "1 = 1",
    "gain": "new_score > old_score",
    "lose": "new_score < old_score",
    "more": "new_suggestions > old_suggestions",
    "fewer": "new_suggestions < old_suggestions",
    "scored": "old_score IS NULL AND new_score IS NOT NULL",
    "unscored": "old_score IS NOT NULL AND new_score IS NULL",
}
"""Groups of sellers a draft does something to, as conditions on a compared row."""

Statement = tuple[str, dict[str, Any]]


def impact_counts(day: date, draft: DiagnosisRules) -> Statement:
    """Return the select of how many sellers are in each group, in their order."""
    sql, params = _compared(day, draft)
    counted = ", ".join(
        f"COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"
        for condition in GROUPS.values()
    )
    return f"SELECT {counted} FROM ({sql}) c", params


def impact_rows(
    day: date, draft: DiagnosisRules, *, group: str, start: int, stop: int | None
) -> Statement:
    """Return the select of a group's sellers: ids, scores in hundredths, suggestions.

    The greatest loss comes first, then those that cannot be compared, each by member id.
    """
    sql, params = _compared(day, draft)
    limit = "" if stop is None else "LIMIT %(limit)s OFFSET %(start)s"
    page = {} if stop is None else {"start": start, "limit": stop - start}
    selected = (
        "SELECT s.member_id, s.name_en, old_score, new_score, old_suggestions, new_suggestions "
        f"FROM ({sql}) c JOIN portal_seller s ON s.id = c.seller_id WHERE {GROUPS[group]} "
        "ORDER BY CASE WHEN new_score - old_score IS NULL THEN 1 ELSE 0 END, "
        f"new_score - old_score, s.member_id {limit}"
    )
    return selected, params | page


def _compared(day: date, draft: DiagnosisRules) -> Statement:
    new = diagnosis_sql(draft, "draft", day)
    sql = (
        f"WITH compared_values AS ({new.values}), "
        f"compared_benchmarks AS ({new.benchmarks('compared_values')}) "
        "SELECT n.seller_id, o.suggestions AS old_suggestions, n.suggestions AS new_suggestions, "
        "CAST(ROUND(o.score * 100) AS BIGINT) AS old_score, "
        "CAST(ROUND(n.score * 100) AS BIGINT) AS new_score "
        f"FROM ({new.scores('compared_values', 'compared_benchmarks')}) n "
        "JOIN growth_growthscore o ON o.seller_id = n.seller_id "
        "AND o.valid_from <= %(as_of)s AND o.valid_to >= %(as_of)s"
    )
    return sql, {**new.params, "lo": 0, "hi": HIGHEST_KEY}
