"""Scores under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own statement counts and judges every seller under the draft, so windows, hours and ranks
are the draft's.
"""

from __future__ import annotations

from datetime import date

from portal.nightly.statement import Statement
from portal.rule_comparison import EVERYBODY
from rfq.nightly.score_sql import score_statement
from rfq.score.schema import ScoreRules

NO_ROW = -1
"""A total below the last row of the rewards."""

GROUPS = {
    "all": "1 = 1",
    "up": "new_row > old_row",
    "down": "new_row < old_row",
    "gain": "new_total > old_total",
    "lose": "new_total < old_total",
    "early": "new_early > old_early",
    "not_early": "new_early < old_early",
}
"""Groups of sellers a draft does something to, as conditions on a compared row."""


def compared(day: date, before: ScoreRules, draft: ScoreRules) -> Statement:
    """Return the select of every seller's total and rewards before (`old_…`) and under a draft (`new_…`)."""
    new = score_statement(draft, "draft", day)
    sql = (
        "SELECT n.seller_id, o.total AS old_total, n.total AS new_total, "
        f"{_row_of(before, 'o.total')} AS old_row, {_row_of(draft, 'n.total')} AS new_row, "
        f"{_early(before, 'o.total')} AS old_early, {_early(draft, 'n.total')} AS new_early "
        f"FROM ({new.sql}) n JOIN rfq_servicescore o ON o.seller_id = n.seller_id "
        "AND o.valid_from <= %(day)s AND o.valid_to >= %(day)s"
    )
    return Statement(sql, {**new.params, **EVERYBODY, "day": day})


def _row_of(rules: ScoreRules, total: str) -> str:
    """Return where the reward row of a total begins."""
    return _by_reward(total, [(row.from_score, row.from_score) for row in rules.rewards], NO_ROW)


def _early(rules: ScoreRules, total: str) -> str:
    rows = [(row.from_score, int(row.early_access)) for row in rules.rewards]
    return _by_reward(total, rows, 0)


def _by_reward(total: str, rows: list[tuple[int, int]], otherwise: int) -> str:
    """Return a `CASE` over the rewards, best first; the numbers are whole numbers of the schema."""
    whens = " ".join(f"WHEN {total} >= {start:d} THEN {value:d}" for start, value in rows)
    return f"CASE {whens} ELSE {otherwise:d} END"
