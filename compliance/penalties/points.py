"""When points count: one condition, for querysets and for the night's SQL (CMP-6).

A violation counts at an instant when it was penalised by then, its points have not run out, and it had
not been overturned by then: the past keeps the sum it had.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

POINTS_SQL = """\
SELECT seller_id, SUM(points) AS value FROM compliance_violation
WHERE {sellers} AND penalised_at < %(ends)s AND points_until >= %(ends)s
  AND (overturned_at IS NULL OR overturned_at >= %(ends)s)
GROUP BY seller_id"""
"""Points of each shop at the end of a Pacific day; `ends` is the first instant after it. For metrics."""


def counting(at: datetime) -> Q:
    """Return the condition "its points count at this instant" on violations."""
    return Q(penalised_at__lte=at, points_until__gt=at) & (
        Q(overturned_at__isnull=True) | Q(overturned_at__gt=at)
    )


def in_force(at: datetime) -> Q:
    """Return the condition "holds at this instant" on effects of penalties."""
    return Q(starts_at__lte=at) & (Q(ends_at__isnull=True) | Q(ends_at__gt=at))
