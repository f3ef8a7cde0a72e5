"""The proof that lots and ledger agree (RFQ-9): read every night and by `manage.py rfq_reconcile`."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from portal.scoping import unscoped
from rfq.models import RightLot

SHOWN = 1_000
OWN = Q(
    Q(entries__expires_at=F("expires_at"))
    | Q(entries__expires_at__isnull=True, expires_at__isnull=True),
    entries__seller=F("seller"),
    entries__kind=F("kind"),
    entries__source=F("source"),
)
"""The ledger row says what its lot says."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A lot that its ledger rows do not explain.

    `left` should equal `ledger`, the sum of the rows; both are none for an unlimited lot.
    `unlimited_rows` should be 1 for an unlimited lot and 0 otherwise; `strays`, rows that name
    another shop, kind, source or end than their lot, should be 0.
    """

    key: str
    seller: str
    kind: str
    left: int | None
    ledger: int | None
    unlimited_rows: int
    strays: int

    def __str__(self) -> str:
        return (
            f"{self.seller} {self.kind} {self.key}: left {self.left}, ledger {self.ledger}, "
            f"unlimited rows {self.unlimited_rows}, strays {self.strays}"
        )


def rights_reconcile(*, most: int = SHOWN) -> list[Mismatch]:
    """Return the lots that disagree with the ledger, oldest first, at most `most`; one statement."""
    finite, unlimited = Q(amount__isnull=False), Q(amount__isnull=True)
    disagrees = (
        (finite & (~Q(left=F("ledger")) | Q(unlimited_rows__gt=0)))
        | (unlimited & ~Q(unlimited_rows=1))
        | ~Q(rows=F("own_rows"))
    )
    with unscoped():
        lots = (
            RightLot.objects.annotate(
                ledger=Coalesce(Sum("entries__delta"), 0),
                unlimited_rows=Count("entries", filter=Q(entries__delta__isnull=True)),
                rows=Count("entries"),
                own_rows=Count("entries", filter=OWN),
            )
            .filter(disagrees)
            .order_by("granted_at", "pk")
            .select_related("seller")
        )
        return [
            Mismatch(
                key=lot.key,
                seller=lot.seller.member_id,
                kind=lot.kind,
                left=lot.left,
                ledger=None if lot.amount is None else lot.ledger,
                unlimited_rows=lot.unlimited_rows,
                strays=lot.rows - lot.own_rows,
            )
            for lot in lots[:most]
        ]
