"""A shop's metric values as of a day, for whoever explains a standing (GRO-4, GRO-11, GRO-12, GRO-16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from portal.models import MetricValue, Seller
from portal.prepared_reads import prepared
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


def values_by_day(
    seller: Seller, asked: Mapping[date, Iterable[str]]
) -> dict[date, dict[str, Decimal]]:
    """Return `shop_values` of several published days; one query."""
    if len(asked) == 1:
        return {day: shop_values(seller, metrics, day) for day, metrics in asked.items()}
    held = Q(pk__in=[])
    for day, metrics in asked.items():
        held |= Q(metric__in=set(metrics), valid_from__lte=day, valid_to__gte=day)
    with unscoped():
        rows = list(MetricValue.objects.filter(held, seller=seller)) if asked else []
    return {
        day: {row.metric: row.value for row in rows if row.valid_from <= day <= row.valid_to}
        for day in asked
    }


@read_once
def _all_values(seller: Seller, day: date) -> dict[str, Decimal]:
    with unscoped():
        return dict(_values(seller.pk, day))


@prepared
def _values(seller_id: int, day: date) -> QuerySet[MetricValue, tuple[str, Decimal]]:
    rows = MetricValue.objects.as_of(day).filter(seller=seller_id)
    return rows.values_list("metric", "value")
