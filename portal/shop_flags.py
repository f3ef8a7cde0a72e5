"""Which flags a shop carries on a day: read by badges, audiences, benefits, stars (K-6)."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet

from portal.models import SellerFlag
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import unscoped


def flags_holding(day: date) -> Q:
    """Return the condition for flags in force on a Pacific day."""
    return Q(until__isnull=True, since__lte=day) | Q(until__gte=day, since__lte=day)


@read_once
def flags_of(seller_id: int, day: date) -> frozenset[str]:
    """Return the codes of the flags a shop carries on a Pacific day; one query."""
    with unscoped():
        return frozenset(_codes(seller_id, day))


@prepared
def _codes(seller_id: int, day: date) -> QuerySet[SellerFlag, str]:
    rows = SellerFlag.objects.filter(flags_holding(day), seller=seller_id)
    return rows.values_list("code", flat=True)
