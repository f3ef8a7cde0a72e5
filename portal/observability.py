"""What Prometheus and `/healthz` say about the nights, the outboxes and the queue (NGT-6, K-18, API-1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import DatabaseError
from django.db.models import Count, Max, Min, Q
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal import platform_time, queueing
from portal.choices import DeliveryState, MailState, RunState, WebhookStatus
from portal.models import NightRun, Notice, ShardRun, WebhookDelivery, WebhookEndpoint
from portal.models.nights import OPEN_STATES
from portal.nightly import schedule, watch
from portal.nightly.ledger import newest_complete_day
from portal.scoping import unscoped


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


class PortalCollector(Collector):
    """Reads ledger, outbox and queue when Prometheus asks, so that every process answers the same."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Name the metrics without touching the database: registering happens at start-up."""
        return [_gauge(name, *labels) for name, labels in NAMES.items()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count now; what cannot be known is left out, so that an alert on its absence can tell."""
        health = night_health()
        age = _gauge("portal_last_complete_day_age_days")
        if health.age_days is not None:
            age.add_metric([], health.age_days)
        yield age
        open_runs = NightRun.objects.filter(state__in=OPEN_STATES)
        waiting = ShardRun.objects.filter(
            state=RunState.PENDING, job_run__state=RunState.RUNNING, job_run__run__in=open_runs
        )
        yield _one("portal_nights_open", open_runs.count())
        yield _one("portal_nights_missing", len(schedule.missing_days()))
        yield _one("portal_night_shards_failed", _failed_shards())
        yield _one("portal_night_shards_waiting", waiting.count())
        yield _one("portal_night_shard_longest_seconds", watch.oldest_at_work_seconds())
        yield from _last_night()
        yield from _outbox()
        yield from _webhooks()
        length = queueing.queue_length()
        if length is not None:
            yield _one("portal_queue_length", length)


HELP = {
    "portal_last_complete_day_age_days": (
        "Pacific days since the newest as-of day all of whose jobs are complete."
    ),
    "portal_nights_open": "Nightly runs that are not closed.",
    "portal_nights_missing": "Days that will be caught up and are not complete.",
    "portal_night_shards_failed": "Failed shards of each day's newest nightly run.",
    "portal_night_shards_waiting": "Shards of open runs that no worker has taken yet.",
    "portal_night_shard_longest_seconds": "How long the shard that is longest at work has been so.",
    "portal_night_seconds": "Wall-clock duration of the newest complete night.",
    "portal_night_job_seconds": (
        "Seconds the shards of a job took in the newest complete night, over all workers."
    ),
    "portal_outbox_waiting": "E-mails that are due or will be tried again.",
    "portal_outbox_oldest_seconds": "Age of the oldest e-mail that waits.",
    "portal_webhooks_waiting": "Webhook deliveries that are due or will be tried again.",
    "portal_webhooks_overdue_seconds": (
        "How long the webhook delivery has been due that is due longest and whose endpoint is not resting."
    ),
    "portal_webhooks_failed": "Webhook deliveries given up within the days that are kept.",
    "portal_webhook_endpoints_failing": "Active webhook endpoints whose last attempt failed.",
    "portal_webhook_endpoints_disabled": "Webhook endpoints that the portal or staff disabled.",
    "portal_queue_length": "Messages that wait in the broker.",
}
NAMES: dict[str, tuple[str, ...]] = dict.fromkeys(HELP, ()) | {"portal_night_job_seconds": ("job",)}


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, HELP[name], labels=labels)


def _one(name: str, value: float) -> GaugeMetricFamily:
    gauge = _gauge(name)
    gauge.add_metric([], value)
    return gauge


def _last_night() -> Iterator[GaugeMetricFamily]:
    """Tell how long the newest complete night took, and each of its jobs."""
    for run in watch.newest_nights(1):
        seconds = watch.wall_seconds(run)
        if seconds is not None:
            yield _one("portal_night_seconds", seconds)
        jobs = _gauge("portal_night_job_seconds", *NAMES["portal_night_job_seconds"])
        for job, days in sorted(watch.seconds_by_job([run]).items()):
            jobs.add_metric([job], days[run.as_of])
        yield jobs


def _outbox() -> Iterator[GaugeMetricFamily]:
    """Count the e-mails that wait; a claimed one waits until it is sent (K-18)."""
    with unscoped():
        pending = Notice.objects.filter(mail_state=MailState.PENDING)
        found = pending.aggregate(count=Count("pk"), oldest=Min("created_at"))
    oldest = found["oldest"]
    age = (platform_time.now() - oldest).total_seconds() if oldest else 0.0
    yield _one("portal_outbox_waiting", found["count"])
    yield _one("portal_outbox_oldest_seconds", max(0.0, age))


def _webhooks() -> Iterator[GaugeMetricFamily]:
    """Count what is on its way to endpoints of shops, and how these are (API-1)."""
    now = platform_time.wall_clock()
    with unscoped():
        waiting = Q(state=DeliveryState.PENDING)
        awake = Q(endpoint__resting_until__isnull=True) | Q(endpoint__resting_until__lte=now)
        found = WebhookDelivery.objects.aggregate(
            waiting=Count("pk", filter=waiting),
            failed=Count("pk", filter=Q(state=DeliveryState.FAILED)),
            due=Min("due_at", filter=waiting & awake & Q(endpoint__status=WebhookStatus.ACTIVE)),
        )
        endpoints = WebhookEndpoint.objects.aggregate(
            failing=Count("pk", filter=Q(status=WebhookStatus.ACTIVE, failures__gt=0)),
            disabled=Count("pk", filter=Q(status=WebhookStatus.DISABLED)),
        )
    overdue = (now - found["due"]).total_seconds() if found["due"] else 0.0
    yield _one("portal_webhooks_waiting", found["waiting"])
    yield _one("portal_webhooks_overdue_seconds", max(0.0, overdue))
    yield _one("portal_webhooks_failed", found["failed"])
    yield _one("portal_webhook_endpoints_failing", endpoints["failing"])
    yield _one("portal_webhook_endpoints_disabled", endpoints["disabled"])


def _failed_shards() -> int:
    """Count failed shards of runs that no later run of their day has replaced.

    Runs are few and shards many, with no index by state: only shards of runs that are not complete are read.
    """
    unfinished = NightRun.objects.exclude(state=RunState.COMPLETE)
    newest = {
        run["as_of"]: run["newest"]
        for run in NightRun.objects.filter(as_of__in=unfinished.values("as_of"))
        .values("as_of")
        .annotate(newest=Max("number"))
    }
    standing = [
        pk
        for pk, as_of, number in unfinished.values_list("pk", "as_of", "number")
        if newest.get(as_of) == number
    ]
    return ShardRun.objects.filter(job_run__run__in=standing, state=RunState.FAILED).count()


def register_collector() -> None:
    """Add the collector to the process's registry, once."""
    if not any(isinstance(each, PortalCollector) for each in REGISTRY._collector_to_names):
        REGISTRY.register(PortalCollector())


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format; of every web process when they share a folder.

    A shared registry holds what processes counted, but not what is read from the database on demand.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)
    shared.register(PortalCollector())
    return generate_latest(shared)
