"""The assessed star as of a day, as SQL: a night that fixes stars is the same when it runs again (NGT-3, GRO-12)."""

from __future__ import annotations


def assessed_star_sql(shop: str) -> str:
    """Return the assessed star of a row of `portal_seller` as the night of `as_of` finds it, whenever it runs.

    An assessment counts for the days after the one whose night fixed it: that night had read the star before.

    The shop's column has what is in force now. What a later assessment replaced is that of the one
    before; shops of which none is known had no star. `as_of` is a parameter of the statement.
    """
    ours = f"FROM growth_starassessment sa WHERE sa.seller_id = {shop}.id AND sa.applied"
    return (
        f"CASE WHEN EXISTS (SELECT 1 {ours} AND sa.night >= %(as_of)s) THEN COALESCE("
        f"(SELECT sa.star {ours} AND sa.night < %(as_of)s ORDER BY sa.month DESC LIMIT 1), 0) "
        f"ELSE {shop}.assessed_star END"
    )
