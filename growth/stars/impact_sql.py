"""Stars under a draft against the stored ones, one row per seller, as SQL (K-16).

The night's own statement judges every seller under the draft.
"""

from __future__ import annotations

from datetime import date

from growth.choices import Power
from growth.nightly.star_sql import Statement, star_statement
from growth.stars.schema import StarRules
from portal.nightly.plans import HIGHEST_KEY

GROUPS = {
    "all": "1 = 1",
    "up": "new_star > old_star",
    "down": "new_star < old_star",
    **{f"{key}_gain": f"new_{key} > old_{key}" for key in Power.values},
    **{f"{key}_lose": f"new_{key} < old_{key}" for key in Power.values},
}
"""Groups of sellers a draft does something to, as conditions on a compared row."""


def impact_counts(day: date, draft: StarRules) -> Statement:
    """Return the select of how many sellers are in each group, in their order."""
    compared = _compared(day, draft)
    counted = ", ".join(
        f"COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"
        for condition in GROUPS.values()
    )
    return Statement(f"SELECT {counted} FROM ({compared.sql}) c", compared.params)


def impact_rows(
    day: date, draft: StarRules, *, group: str, start: int, stop: int | None
) -> Statement:
    """Return the select of a group's sellers: ids, stars, then each power before and after.

    The greatest loss of stars comes first, then by member id.
    """
    compared = _compared(day, draft)
    limit = "" if stop is None else "LIMIT %(limit)s OFFSET %(start)s"
    powers = ", ".join(f"old_{key}, new_{key}" for key in Power.values)
    sql = (
        f"SELECT s.member_id, s.name_en, old_star, new_star, {powers} FROM ({compared.sql}) c "
        f"JOIN portal_seller s ON s.id = c.seller_id WHERE {GROUPS[group]} "
        f"ORDER BY new_star - old_star, s.member_id {limit}"
    )
    page = {} if stop is None else {"start": start, "limit": stop - start}
    return Statement(sql, compared.params | page)


def _compared(day: date, draft: StarRules) -> Statement:
    new = star_statement(draft, "draft", day)
    columns = ", ".join(
        f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in ("star", *Power.values)
    )
    sql = (
        f"SELECT n.seller_id, {columns} FROM ({new.sql}) n "
        "JOIN growth_starstanding o ON o.seller_id = n.seller_id "
        "AND o.valid_from <= %(day)s AND o.valid_to >= %(day)s"
    )
    return Statement(sql, {**new.params, "lo": 0, "hi": HIGHEST_KEY, "day": day})
