"""A seller's metrics over time, read from standings in two queries however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from portal.choices import MetricUnit
from portal.metrics import METRICS, metric_empty, metric_job, metric_title
from portal.models import MetricValue, Seller
from portal.nightly.published import days_published_of, published_days
from portal.prepared_reads import prepared


@dataclass(frozen=True)
class Reading:
    """A metric's value counted for one as-of day; none where the shop has no value."""

    day: date
    value: Decimal | None


@dataclass(frozen=True)
class Trend:
    """A metric of a seller: the newest reading and the published days before it, in order."""

    key: str
    title: str
    about: str
    unit: str
    readings: list[Reading]

    @property
    def latest(self) -> Reading | None:
        """The newest reading; none before the first night."""
        return self.readings[-1] if self.readings else None


def metric_trends(*, seller: Seller, keys: Iterable[str], days: int) -> dict[str, Trend]:
    """Return the trends of `keys` over the published days among the last `days` (K-3).

    A value is only read for days that were published: the days between two of them have none. A key
    nobody registered has its key for a title and is left out when the seller never had a value.
    """
    wanted = list(keys)
    ends = published_days(metric_job(key) for key in wanted)
    newest = max((day for day in ends.values() if day), default=None)
    if newest is None:
        return {}
    since = newest - timedelta(days=days - 1)
    published = {
        job: [day for day in days if (end := ends[job]) is not None and day <= end]
        for job, days in days_published_of(ends, since, newest).items()
    }
    spans: dict[str, list[tuple[date, date, Decimal]]] = {}
    for key, first, last, value in _spans(seller.pk, frozenset(wanted), since, newest):
        spans.setdefault(key, []).append((first, last, value))
    trends = {}
    for key in wanted:
        metric = METRICS.get(key)
        if metric is None and key not in spans:
            continue
        readings = [
            Reading(day, _value(spans.get(key, ()), day, metric_empty(key)))
            for day in published[metric_job(key)]
        ]
        trends[key] = Trend(
            key,
            metric_title(key),
            str(metric.about) if metric else "",
            metric.unit if metric else MetricUnit.COUNT,
            readings,
        )
    return trends


@prepared
def _spans(
    seller_id: int, keys: frozenset[str], since: date, until: date
) -> QuerySet[MetricValue, tuple[str, date, date, Decimal]]:
    rows = MetricValue.objects.filter(
        seller=seller_id, metric__in=keys, valid_from__lte=until, valid_to__gte=since
    )
    return rows.values_list("metric", "valid_from", "valid_to", "value")


def _value(
    spans: Iterable[tuple[date, date, Decimal]], day: date, empty: Decimal | None
) -> Decimal | None:
    return next((value for first, last, value in spans if first <= day <= last), empty)
