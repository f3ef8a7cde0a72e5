"""Stars under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own statement judges every seller under the draft.
"""

from __future__ import annotations

from datetime import date

from growth.choices import Power
from growth.nightly.star_sql import star_statement
from growth.stars.schema import StarRules
from portal.nightly.statement import Statement
from portal.rule_comparison import EVERYBODY

GROUPS = {
    "all": "1 = 1",
    "up": "new_star > old_star",
    "down": "new_star < old_star",
    **{f"{key}_gain": f"new_{key} > old_{key}" for key in Power.values},
    **{f"{key}_lose": f"new_{key} < old_{key}" for key in Power.values},
}
"""Groups of sellers a draft does something to, as conditions on a compared row."""


def compared(day: date, draft: StarRules) -> Statement:
    """Return the select of every seller's stars and powers before (`old_…`) and under a draft (`new_…`)."""
    new = star_statement(draft, "draft", day)
    columns = ", ".join(
        f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in ("star", *Power.values)
    )
    sql = (
        f"SELECT n.seller_id, {columns} FROM ({new.sql}) n "
        "JOIN growth_starstanding o ON o.seller_id = n.seller_id "
        "AND o.valid_from <= %(day)s AND o.valid_to >= %(day)s"
    )
    return Statement(sql, {**new.params, **EVERYBODY, "day": day})
