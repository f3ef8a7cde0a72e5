"""Which registration numbers shops lack altogether for what they sell: one statement for any shops (EPR-9).

A number is missing when a live product needs it in a country it is sold to, and the shop has no
certificate for it that counts or waits for review. Whether an existing certificate covers each
product is another question, which the gate answers. Products are counted alike ones together, because
a shop's thousands differ in few ways that matter here. A restricted shop is asked like any other: the
gate blocks its products too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from compliance.choices import CertificateStatus, CertificateType
from compliance.epr.schema import Requirement
from portal.choices import SellerStatus
from portal.nightly.registry import adapt_params

_SELECT = f"""
WITH need(country, category, trait) AS (VALUES {{rows}}),
alike AS (
  SELECT seller_id, traits, countries, COUNT(*) AS products
  FROM compliance_gatedproduct
  WHERE live AND NOT deleted AND seller_id BETWEEN %(lo)s AND %(hi)s
  GROUP BY seller_id, traits, countries
)
SELECT p.seller_id, need.country, need.category, SUM(p.products)
FROM alike p
JOIN portal_seller s ON s.id = p.seller_id AND s.status <> '{SellerStatus.CLOSED.value}'
JOIN need ON (p.traits & need.trait) <> 0
  AND (p.countries = '' OR p.countries LIKE '%%,' || need.country || ',%%')
WHERE NOT EXISTS (
    SELECT 1 FROM compliance_certificate c
    WHERE c.seller_id = p.seller_id AND c.type = '{CertificateType.EPR.value}'
      AND c.country = need.country AND c.category = need.category
      AND (
        c.status IN ('{CertificateStatus.SUBMITTED.value}', '{CertificateStatus.IN_REVIEW.value}')
        OR (c.valid_from <= %(now)s AND (c.valid_until IS NULL OR c.valid_until > %(now)s))
      )
  )
GROUP BY p.seller_id, need.country, need.category
ORDER BY p.seller_id, need.country, need.category
"""


@dataclass(frozen=True)
class MissingNumber:
    """A shop lacks the number of a country and category; so many live products need it."""

    seller_id: int
    country: str
    category: str
    products: int


def missing_numbers(
    requirements: Sequence[Requirement], *, sellers: tuple[int, int], now: datetime
) -> list[MissingNumber]:
    """Return what shops that are not closed lack among some requirements, in one statement.

    `sellers` is a closed range of primary keys: this reads outside any scope, so pages and the API
    pass the one shop they act for.
    """
    if not requirements:
        return []
    params: dict[str, Any] = {"lo": sellers[0], "hi": sellers[1], "now": now}
    rows = []
    for place, row in enumerate(requirements):
        params |= {f"c{place}": row.country, f"k{place}": row.category.value}
        rows.append(f"(%(c{place})s, %(k{place})s, {row.category.bit})")
    with connection.cursor() as cursor:
        cursor.execute(_SELECT.format(rows=", ".join(rows)), adapt_params(connection, params))
        return [
            MissingNumber(seller, country, category, int(products))
            for seller, country, category, products in cursor.fetchall()
        ]
