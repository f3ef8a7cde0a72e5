"""How many RFQs a shop could quote in its own categories: what the market finds, only counted (RFQ-2, RFQ-9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.lookups import Exact, GreaterThan

from portal.models import Seller
from portal.own_categories import own_categories
from portal.prepared_reads import prepared_counts
from rfq.market.access import QuotingLimits, can_quote_under, quoting_standing
from rfq.market.queries import Asked
from rfq.models import Rfq
from rfq.models.market import OPEN


def own_quotable(
    seller: Seller, now: datetime, grades: Collection[str], *, limit: int
) -> list[int]:
    """Return how many RFQs of each grade (empty: of any) a shop can quote now in its own categories.

    Counted up to a limit, in one statement besides those for categories and standing. Nothing is put in
    order, so counting ends with the RFQ that reaches the limit. Tests hold it equal to `rfq.market.queries.market`.
    """
    categories = own_categories([seller])[seller.pk]
    limits = QuotingLimits.of(quoting_standing(seller=seller, rfqs=(), now=now))
    return _quotable(now, seller.pk, categories, limits=limits, grades=tuple(grades), limit=limit)


@prepared_counts
def _quotable(
    now: datetime,
    seller_id: int,
    categories: Collection[int],
    *,
    limits: QuotingLimits,
    grades: tuple[str, ...],
    limit: int,
) -> Iterator[QuerySet[Rfq, Any]]:
    # Found by the category; what else is asked for is asked of each.
    rfqs = Rfq.objects.filter(OPEN, category__in=categories, posted_at__lte=now)
    rfqs = rfqs.filter(
        GreaterThan(Asked("expires_at"), now), can_quote_under(limits, seller_id, now)
    )
    for grade in grades:
        found = rfqs.filter(Exact(Asked("grade"), grade)) if grade else rfqs
        yield found.order_by().values("pk")[:limit]
