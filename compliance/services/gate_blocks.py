"""The log of what the gate blocked (EPR-11).

One row per product, country, Pacific day and set of reasons, counted: upstream may ask of the same pair
a thousand times a day. Kept for 400 days, `manage.py purge_gate_blocks`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from compliance.models import GateBlock
from portal import platform_time
from portal.nightly.registry import adapt_params
from portal.scoping import unscoped

KEPT_DAYS = 400
"""Days a block is kept: a year of it and a month to ask about it."""

_LOG = """INSERT INTO compliance_gateblock (product_id, seller_id, country, day, reasons,
    reasons_key, first_at, last_at, times)
SELECT {columns} FROM {rows}
ON CONFLICT (product_id, country, day, reasons_key) DO UPDATE SET
    first_at = {least}(compliance_gateblock.first_at, excluded.first_at),
    last_at = {greatest}(compliance_gateblock.last_at, excluded.last_at),
    times = compliance_gateblock.times + excluded.times"""


class Block(NamedTuple):
    """A pair that was blocked; a reason is a pair of code and EPR category or None."""

    seller_id: int
    product_id: str
    country: str
    reasons: Sequence[tuple[str, str | None]]


def gate_blocks_log(blocks: Iterable[Block], at: datetime) -> None:
    """Count blocks answered for an instant, in one statement whatever their number; race-safe.

    Rows are written in the order of their keys, so that two calls wait for each other instead of
    dead-locking.
    """
    times = Counter(
        (block.product_id, block.country, _reasons_text(block.reasons), block.seller_id)
        for block in blocks
    )
    if not times:
        return
    rows = [
        [product_id, seller, country, reasons, hashlib.sha256(reasons.encode()).hexdigest(), count]
        for (product_id, country, reasons, seller), count in sorted(times.items())
    ]
    params = {"rows": json.dumps(rows), "day": platform_time.day_of(at), "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_statement(), adapt_params(connection, params))


def _reasons_text(reasons: Sequence[tuple[str, str | None]]) -> str:
    """Return reasons as stored: the same set is the same text."""
    return json.dumps(
        [{"code": code, "category": category} for code, category in sorted(set(reasons), key=str)]
    )


def _statement() -> str:
    if connection.vendor == "postgresql":
        columns = (
            "r->>0, (r->>1)::bigint, r->>2, %(day)s::date, (r->>3)::jsonb, r->>4, "
            "%(at)s::timestamptz, %(at)s::timestamptz, (r->>5)::integer"
        )
        rows = "jsonb_array_elements(%(rows)s::jsonb) r"
        return _LOG.format(columns=columns, rows=rows, least="LEAST", greatest="GREATEST")
    value = "json_extract(r.value, '$[{}]')".format
    columns = (
        f"{value(0)}, {value(1)}, {value(2)}, %(day)s, {value(3)}, {value(4)}, "
        f"%(at)s, %(at)s, {value(5)}"
    )
    # Without the condition SQLite takes ON CONFLICT for a join's ON.
    rows = "json_each(%(rows)s) r WHERE TRUE"
    return _LOG.format(columns=columns, rows=rows, least="MIN", greatest="MAX")


def gate_blocks_purge(*, now: datetime | None = None) -> int:
    """Delete blocks older than they are kept; return how many."""
    limit = platform_time.day_of(now or platform_time.now()) - timedelta(days=KEPT_DAYS)
    with unscoped():
        return GateBlock.objects.filter(day__lt=limit).delete()[0]
