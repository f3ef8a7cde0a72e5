"""Stages under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own statement tells every seller's stage under the draft.
"""

from __future__ import annotations

from datetime import date

from growth.choices import Stage
from growth.guide.schema import GuideRules
from growth.nightly.stages_sql import stages_statement
from portal.nightly.statement import Statement
from portal.rule_comparison import EVERYBODY

GROUPS = {
    "all": "1 = 1",
    "stage": "old_stage <> new_stage",
    "on": "new_place > old_place",
    "back": "new_place < old_place",
    "phase": "old_stage = new_stage AND old_phase <> new_phase",
}
"""Groups of sellers a draft does something to, as conditions on a compared row."""


def compared(day: date, draft: GuideRules) -> Statement:
    """Return the select of every seller's stage and phase before (`old_…`) and under a draft (`new_…`).

    `…_place` is the place of a stage on the way. What was reached by the end of the day stays reached,
    so the day itself is the one before it.
    """
    new, params = stages_statement(draft, "draft", day, day)
    sql = (
        f"SELECT n.seller_id, {_columns('o', 'old')}, {_columns('n', 'new')} FROM ({new}) n "
        "JOIN growth_stagestanding o ON o.seller_id = n.seller_id "
        "AND o.valid_from <= %(as_of)s AND o.valid_to >= %(as_of)s"
    )
    return Statement(sql, {**params, **EVERYBODY})


def _columns(table: str, when: str) -> str:
    places = " ".join(f"WHEN '{stage}' THEN {place}" for place, stage in enumerate(Stage.values))
    return (
        f"{table}.stage AS {when}_stage, COALESCE({table}.phase, '') AS {when}_phase, "
        f"CASE {table}.stage {places} END AS {when}_place"
    )
