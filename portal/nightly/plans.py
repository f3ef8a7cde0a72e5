"""Planners: cut a population into ranges of primary keys (NGT-2).

Each range is `{"lo": …, "hi": …}`, closed; the first begins at 0 and the last never ends, so that rows
that appear after planning, and standings of rows that are gone, still belong to exactly one shard.
"""

from __future__ import annotations

from datetime import date

from django.apps import apps
from django.db import connection

from portal.nightly.registry import Params, Planner, one_shard

HIGHEST_KEY = 2**63 - 1
ROWS_PER_SHARD = 20_000
MOST_SHARDS = 64

__all__ = ["key_ranges", "key_ranges_of", "one_shard", "seller_ranges"]


def key_ranges(table: str, column: str, shards: int) -> list[Params]:
    """Return at most `shards` ranges that hold about equally many rows of the table each."""
    quote = connection.ops.quote_name
    sql = (
        f"SELECT MIN(k) FROM (SELECT {quote(column)} AS k, NTILE(%s) OVER (ORDER BY {quote(column)})"
        f" AS part FROM {quote(table)}) parts GROUP BY part ORDER BY part"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [shards])
        starts = [row[0] for row in cursor.fetchall()]
    starts = [0, *starts[1:]]
    ends = [start - 1 for start in starts[1:]] + [HIGHEST_KEY]
    return [{"lo": lo, "hi": hi} for lo, hi in zip(starts, ends, strict=True)]


def key_ranges_of(model_label: str, *, rows_per_shard: int = ROWS_PER_SHARD) -> Planner:
    """Return a planner over the primary keys of a model such as `listings.Product`.

    Without a wish, one shard per `rows_per_shard` rows; never more shards than rows.
    """

    def plan(as_of: date, shards: int | None = None) -> list[Params]:
        meta = apps.get_model(model_label)._meta
        table, column = meta.db_table, meta.pk.column
        if shards is None:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
                rows = cursor.fetchone()[0]
            shards = min(MOST_SHARDS, -(-rows // rows_per_shard))
        return key_ranges(table, column, max(1, shards))

    return plan


seller_ranges = key_ranges_of("portal.Seller")
"""Planner by seller: `ctx.params` holds the closed range `lo` … `hi` of seller primary keys."""
