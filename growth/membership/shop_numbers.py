"""The numbers of one shop that rights, labels and cards ask for, as the night counted them (K-14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from growth.shop_values import shop_values
from portal.metrics import PLAIN, metric_empty, metric_job
from portal.models import Seller
from portal.nightly.published import published_day


@dataclass(frozen=True)
class ShopNumbers:
    """Values by metric; one without a value is not in it. `as_of`: the day of plain metrics."""

    values: dict[str, Decimal]
    as_of: date | None


def shop_numbers(seller: Seller, keys: Iterable[str]) -> ShopNumbers:
    """Return the newest published values; at most two queries per job that counts one of them.

    Before the first night nothing has a value, not even what is 0 without a row.
    """
    by_job: dict[str, set[str]] = {PLAIN: set()}
    for key in keys:
        by_job.setdefault(metric_job(key), set()).add(key)
    values: dict[str, Decimal] = {}
    for job, wanted in by_job.items():
        day = published_day(job)
        if day is None or not wanted:
            continue
        found = shop_values(seller, wanted, day)
        for key in wanted:
            value = found.get(key, metric_empty(key))
            if value is not None:
                values[key] = value
    return ShopNumbers(values, published_day(PLAIN))
