"""Which declarations a night reminds of: one statement for a shard's certificates (EPR-9).

It says the same as `compliance.obligations.reading` does for one shop; a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.choices import CertificateType
from compliance.obligations.dues import DueDay
from portal.choices import SellerStatus
from portal.nightly.registry import ShardContext
from portal.platform_time import end_of, start_of

# A registration is all certificates of a number: the first of them says since when it owes, a tick of
# any of them counts. The row taken is the one that counts and began last.
_SELECT = f"""
WITH due(place, country, category, owed_before, ends_after, due_on) AS (VALUES {{rows}})
SELECT due.place, c.id, c.seller_id, c.number
FROM due
JOIN compliance_certificate c
  ON c.country = due.country AND c.category = due.category
JOIN portal_seller s ON s.id = c.seller_id AND s.status <> '{SellerStatus.CLOSED.value}'
WHERE c.type = '{CertificateType.EPR.value}' AND c.own
  AND c.seller_id BETWEEN %(lo)s AND %(hi)s
  AND c.valid_from <= %(now)s AND (c.valid_until IS NULL OR c.valid_until > %(now)s)
  AND (c.valid_until IS NULL OR c.valid_until > due.ends_after)
  AND EXISTS (
    SELECT 1 FROM compliance_certificate f
    WHERE {{same_as_f}} AND f.valid_from < due.owed_before
  )
  AND NOT EXISTS (
    SELECT 1 FROM compliance_certificate n
    WHERE {{same_as_n}} AND n.valid_from <= %(now)s
      AND (n.valid_until IS NULL OR n.valid_until > %(now)s)
      AND (n.valid_from > c.valid_from OR (n.valid_from = c.valid_from AND n.id > c.id))
  )
  AND NOT EXISTS (
    SELECT 1 FROM compliance_declaration d
    JOIN compliance_certificate t ON t.id = d.certificate_id
    WHERE {{same_as_t}} AND d.due_on = due.due_on
  )
ORDER BY c.seller_id, due.place, c.id
"""


@dataclass(frozen=True)
class StagedDue:
    """A due of a country and category, and the reminder it has reached."""

    country: str
    category: str
    due: DueDay
    stage: str


@dataclass(frozen=True)
class DueCertificate:
    """A certificate whose registration owes the due at a place of the list."""

    place: int
    certificate_id: int
    seller_id: int
    number: str


def due_certificates(
    ctx: ShardContext, dues: Sequence[StagedDue], now: datetime
) -> list[DueCertificate]:
    """Return what the shard's shops owe of some dues and have not ticked, in one statement.

    Closed shops are left out; what the law asks of a restricted one does not rest.
    """
    if not dues:
        return []
    params: dict[str, Any] = {"lo": ctx.params["lo"], "hi": ctx.params["hi"], "now": now}
    rows = []
    for place, one in enumerate(dues):
        params |= {
            f"c{place}": one.country,
            f"k{place}": one.category,
            f"b{place}": end_of(one.due.owed_from),
            f"e{place}": start_of(one.due.due_on),
            f"d{place}": one.due.due_on,
        }
        names = (f"%({letter}{place})s" for letter in "ckbed")
        rows.append(f"({place}, {', '.join(names)})")
    sql = _SELECT.format(
        rows=", ".join(rows),
        **{f"same_as_{name}": _same_registration(name) for name in "fnt"},
    )
    return [DueCertificate(*row) for row in ctx.execute(sql, params).fetchall()]


def _same_registration(alias: str) -> str:
    columns = ("seller_id", "type", "country", "category", "number")
    own = f"{alias}.own AND {alias}.valid_from IS NOT NULL"
    return " AND ".join([*(f"{alias}.{name} = c.{name}" for name in columns), own])
