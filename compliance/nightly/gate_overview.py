"""`compliance.gate_overview`: what every shop lacks, by country and category, as of a day (EPR-11, NGT-2).

One statement per shard says of whole shops what `gate.requirements_of` says of single products, at the
last instant of the day. A certificate counts then by its interval, never by its status. Products have no
past: an older day counts today's (decision 0022).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from compliance.epr.schema import EPR, EprRules
from compliance.models import GateOverview
from compliance.rules import BITS, decision_without
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import Params, ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.platform_time import end_of
from portal.services.rulebooks import RulebookMissing, rulebook_for

GATE_OVERVIEW = "compliance.gate_overview"
TICK = timedelta(microseconds=1)
"""The databases' smallest step: the last instant of a day lies this much before its end."""

NEEDED = """WITH asked (place, country, category, bit, pattern, without) AS (VALUES {asked}),
registration AS (
    SELECT s.id, s.seller_id, a.place, s.covers_all,
        CASE WHEN valid_from < %(ends)s
                THEN CASE WHEN valid_until IS NULL OR valid_until >= %(ends)s THEN 2 ELSE 0 END
            WHEN submitted_at IS NULL OR submitted_at >= %(ends)s THEN 0
            WHEN status IN ('submitted', 'in_review') OR valid_from IS NOT NULL THEN 1
            WHEN status = 'rejected' AND decided_at >= %(ends)s THEN 1
            ELSE 0 END AS stands
    FROM compliance_certificate s
    JOIN asked a ON a.country = s.country AND a.category = s.category
    WHERE type = 'epr' AND status <> 'draft' AND seller_id BETWEEN %(lo)s AND %(hi)s
),
whole AS (
    SELECT seller_id, place, MAX(stands) AS stands FROM registration
    WHERE covers_all AND stands > 0 GROUP BY seller_id, place
),
named AS (
    SELECT product_id, place, MAX(stands) AS stands FROM (
        SELECT p.id AS product_id, r.place, r.stands
        FROM registration r
        JOIN compliance_certificateproduct l ON l.certificate_id = r.id
        JOIN compliance_gatedproduct p ON p.id = l.product_id AND p.seller_id = r.seller_id
        WHERE r.stands > 0 AND NOT r.covers_all
        UNION ALL
        SELECT p.id, r.place, r.stands
        FROM registration r
        JOIN compliance_certificatecategory l ON l.certificate_id = r.id
        JOIN portal_categoryclosure c ON c.ancestor_id = l.category_id
        JOIN compliance_gatedproduct p
            ON p.seller_id = r.seller_id AND p.live AND p.category_id = c.descendant_id
        WHERE r.stands > 0 AND NOT r.covers_all
    ) links GROUP BY product_id, place
),
needed AS (
    SELECT p.seller_id, p.id AS product_id, a.place, a.without,
        CASE WHEN COALESCE(w.stands, 0) >= COALESCE(n.stands, 0)
            THEN COALESCE(w.stands, 0) ELSE n.stands END AS stands
    FROM compliance_gatedproduct p
    JOIN asked a ON (p.traits & a.bit) <> 0
        AND (p.countries = '' OR p.countries LIKE a.pattern)
    LEFT JOIN whole w ON w.seller_id = p.seller_id AND w.place = a.place
    LEFT JOIN named n ON n.product_id = p.id AND n.place = a.place
    WHERE p.seller_id BETWEEN %(lo)s AND %(hi)s AND p.live AND NOT p.deleted
)"""
"""What each live product needs where. `stands`: 2 the number counts, 1 it waits for review, 0 neither:
`coverage.Registration.state_at`.

`whole` are numbers for all products of a shop, `named` those for some of them. A requirement is its
place in the table: what is joined and counted is a few integers wide.
"""
OVERVIEW = """
SELECT f.seller_id, a.country, a.category, f.required, f.covered, f.in_review,
    CASE WHEN f.covered < f.required THEN a.without ELSE 'allowed' END AS decision
FROM (
    SELECT seller_id, place, COUNT(*) AS required, COUNT(*) FILTER (WHERE stands = 2) AS covered,
        COUNT(*) FILTER (WHERE stands = 1) AS in_review
    FROM needed GROUP BY seller_id, place
) f JOIN asked a ON a.place = f.place"""


@job(
    GATE_OVERVIEW,
    app="compliance",
    shards=seller_ranges,
    standings=(GateOverview,),
    rulebook_modules=(EPR,),
)
def gate_overview(ctx: ShardContext) -> None:
    """Stage the overview of a range of shops, by the rulebook in force on the as-of day."""
    with new_set(ctx, GateOverview):
        try:
            rules = rulebook_for(EPR, ctx.as_of).content
        except RulebookMissing:
            pass
        else:
            if rules.requirements:
                sql, params = overview_statement(rules, ctx.as_of)
                add_to_new_set(ctx, GateOverview, sql, {**ctx.params, **params})
        stage_new_set(
            ctx,
            GateOverview,
            ctx.params,
            scope_sql="s.seller_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )


def overview_statement(rules: EprRules, as_of: date) -> tuple[str, Params]:
    """Return the select of `GateOverview` rows as of a day with its parameters, less `lo` and `hi`."""
    return needed_statement(rules, as_of, OVERVIEW)


def needed_statement(rules: EprRules, as_of: date, select: str) -> tuple[str, Params]:
    """Return a select from `needed` as of a day with its parameters, less `lo` and `hi`."""
    ends = end_of(as_of)
    params: Params = {"ends": ends}
    rows = []
    for place, row in enumerate(rules.requirements):
        values: dict[str, Any] = {
            "country": row.country,
            "category": row.category.value,
            "bit": BITS[row.category.value],
            "pattern": f"%,{row.country},%",
            "without": decision_without(row, ends - TICK).value,
        }
        params |= {f"{name}_{place}": value for name, value in values.items()}
        rows.append(f"({place}, {', '.join(f'%({name}_{place})s' for name in values)})")
    return NEEDED.format(asked=", ".join(rows)) + select, params


# --- Export -------------------------------------------------------------------------------------


def overview_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the overviews as of a day by external ids."""
    names = (*GateOverview.KEY[1:], *GateOverview.PAYLOAD)
    rows = GateOverview.objects.as_of(as_of).values_list("seller__member_id", *names)
    for seller, *values in rows.iterator():
        yield {"seller": seller, **dict(zip(names, values, strict=True))}


register_standing("compliance", "gate_overview", overview_rows, job=GATE_OVERVIEW)
