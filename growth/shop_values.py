"""A shop's metric values as of a day, for whoever explains a standing (GRO-4, GRO-11, GRO-12, GRO-16)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from portal.models import MetricValue, Seller
from portal.read_once import is_reading_once, read_once
from portal.scoping import unscoped


def shop_values(seller: Seller, metrics: Iterable[str], day: date) -> dict[str, Decimal]:
    """Return metric → value of those that have a row as of a published day; one query.

    While a page is being made (`reading_once`) one query reads what all parts of growth ask of the day.
    """
    wanted = set(metrics)
    if not wanted:
        return {}
    if is_reading_once():
        found = _all_values(seller, day)
        return {metric: found[metric] for metric in wanted & found.keys()}
    with unscoped():
        rows = MetricValue.objects.as_of(day).filter(seller=seller, metric__in=wanted)
        return dict(rows.values_list("metric", "value"))


@read_once
def _all_values(seller: Seller, day: date) -> dict[str, Decimal]:
    with unscoped():
        rows = MetricValue.objects.as_of(day).filter(seller=seller)
        return dict(rows.values_list("metric", "value"))
