"""Which rules judged a shop before others take over: the left side of "what changes for you" (K-17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from portal.models import Seller
from portal.services.rulebooks import RulebookInForce


def judged_before(
    after: RulebookInForce,
    *,
    seller: Seller,
    standing: Any,
    newest_day: Callable[[date], date | None],
    rulebooks: Iterable[RulebookInForce],
) -> tuple[date, RulebookInForce] | None:
    """Return the newest published day before `after` starts, and the rules of the shop's standing then.

    `standing` is the model that names them (`rulebook`). None while nothing is counted, and for rules
    without a predecessor. Two queries.
    """
    day = newest_day(after.effective_from - timedelta(days=1))
    if day is None:
        return None
    row = standing.objects.as_of(day).filter(seller=seller).first()
    before = next((book for book in rulebooks if row and book.version == row.rulebook), None)
    return None if before is None or before.version == after.version else (day, before)
