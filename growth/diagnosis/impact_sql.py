"""Growth scores under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own selects take benchmarks and judge every seller under the draft, from the metric values
of the day.
"""

from __future__ import annotations

from datetime import date

from growth.diagnosis.schema import DiagnosisRules
from growth.nightly.diagnosis_sql import diagnosis_sql
from portal.nightly.statement import Statement
from portal.rule_comparison import EVERYBODY

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


def compared(day: date, draft: DiagnosisRules) -> Statement:
    """Return the select of every seller's score, in hundredths, and suggestions: `old_…` and `new_…`."""
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
    return Statement(sql, {**new.params, **EVERYBODY})
