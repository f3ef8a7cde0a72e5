"""What Prometheus and `/healthz` say about the nights (NGT-6)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal import platform_time
from portal.choices import RunState
from portal.models import NightRun, ShardRun
from portal.models.nights import OPEN_STATES
from portal.nightly.ledger import newest_complete_day


@dataclass(frozen=True)
class NightHealth:
    """The newest day readers fully see, its age, and how many nights are overdue."""

    last_complete_day: date | None
    age_days: int | None
    """Pacific days between it and today; two when everything is on time."""
    nights_behind: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        day = self.last_complete_day
        return {
            "last_complete_day": day.isoformat() if day else None,
            "last_complete_day_age_days": self.age_days,
            "nights_behind": self.nights_behind,
        }


def night_health() -> NightHealth:
    """Read how current the standings are; all unknown before the first night or migration."""
    try:
        day = newest_complete_day()
    except DatabaseError:
        day = None
    if day is None:
        return NightHealth(None, None, None)
    age = (platform_time.today() - day).days
    return NightHealth(day, age, age - platform_time.DELAY_DAYS)


class NightCollector(Collector):
    """Reads the ledger when Prometheus asks, so that every process answers the same."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Name the metrics without touching the database: registering happens at start-up."""
        return [
            GaugeMetricFamily(
                "portal_last_complete_day_age_days",
                "Pacific days since the newest as-of day all of whose jobs are complete.",
            ),
            GaugeMetricFamily("portal_nights_open", "Nightly runs that are not closed."),
            GaugeMetricFamily(
                "portal_night_shards_failed", "Failed shards of each day's newest nightly run."
            ),
        ]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count now."""
        age, open_runs, failed = self.describe()
        health = night_health()
        if health.age_days is not None:
            age.add_metric([], health.age_days)
        open_runs.add_metric([], NightRun.objects.filter(state__in=OPEN_STATES).count())
        failed.add_metric([], _failed_shards())
        yield from (age, open_runs, failed)


def _failed_shards() -> int:
    """Count failed shards of runs that no later run of their day has replaced."""
    later = NightRun.objects.filter(
        as_of=OuterRef("job_run__run__as_of"), number__gt=OuterRef("job_run__run__number")
    )
    return ShardRun.objects.filter(~Exists(later), state=RunState.FAILED).count()


def register_collector() -> None:
    """Add the collector to the process's registry, once."""
    if not any(isinstance(each, NightCollector) for each in REGISTRY._collector_to_names):
        REGISTRY.register(NightCollector())


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format; of every web process when they share a folder.

    A shared registry holds what processes counted, but not what is read from the database on demand.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)
    shared.register(NightCollector())
    return generate_latest(shared)
