"""Sending what is due to webhooks: claimed, signed, tried for three days (API-1).

A delivery is claimed as a mail is (decision 0012): one conditional update adds the attempt and moves
the due time, and whoever changed the row sends, holding no lock. So two workers never make one attempt
twice, and a worker that dies is followed up when its claim has run out. Receivers get an event at least
once, always under the same id.

Work is handed out by endpoint. After a failure an endpoint is left alone for a while, longer after each
further one: receivers that are down cost a worker one attempt now and then, however much waits for them.
"""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from portal import platform_time
from portal.choices import DeliveryError, DeliveryState, WebhookDisabled, WebhookStatus
from portal.errors import Refusal
from portal.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from portal.queueing import enqueue
from portal.scoping import unscoped
from portal.services.webhooks import endpoint_disable, endpoint_hold
from portal.webhooks import transport
from portal.webhooks.signing import signed_headers
from portal.webhooks.transport import Outcome

logger = logging.getLogger(__name__)

RETRY_AFTER = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each failed attempt the next one follows: three days and four hours in all."""
MAX_ATTEMPTS = len(RETRY_AFTER) + 1
JITTER = 0.1
"""Up to this share longer, so that what failed together does not come back together."""
CLAIM = timedelta(minutes=2)
"""How long a worker may take for one attempt; more than `transport.TOTAL_SECONDS` and a slow name server."""
REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=30)
TURN_SECONDS = 60
"""How long a worker stays with one endpoint; the sweeper hands the rest out again."""
SWEEP = 200
PURGE_BATCH = 1000
GONE = 410
USER_AGENT = "SellerBackOffice-Webhooks/1"


def webhooks_deliver(*, endpoint_id: int) -> int:
    """Send an endpoint what is due, oldest first, until it fails or its turn is over; return how many arrived."""
    ends = time.monotonic() + TURN_SECONDS
    delivered = 0
    with unscoped():
        while time.monotonic() < ends:
            claimed = _claim(endpoint_id)
            if claimed is None:
                break
            outcome = _send(claimed)
            if not _settle(claimed, outcome):
                break
            delivered += 1
    return delivered


def webhooks_sweep(*, limit: int = SWEEP) -> int:
    """Hand every endpoint that something is due for to a worker; return how many.

    What after-commit hand-over lost, what a dead worker left and what failed before is found here.
    """
    from portal import tasks

    now = platform_time.wall_clock()
    with unscoped():
        due = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, due_at__lte=now)
        endpoints = list(
            WebhookEndpoint.objects.filter(
                Q(resting_until__isnull=True) | Q(resting_until__lte=now),
                status=WebhookStatus.ACTIVE,
                pk__in=due.values("endpoint_id"),
            )
            .order_by(F("resting_until").asc(nulls_first=True), "pk")
            .values_list("pk", flat=True)[:limit]
        )
    for endpoint in endpoints:
        enqueue(tasks.deliver_webhooks, endpoint)
    return len(endpoints)


# --- One attempt --------------------------------------------------------------------------------


def _claim(endpoint_id: int) -> WebhookDelivery | None:
    """Take the right to the endpoint's next attempt by moving its due time; none when nothing is due.

    What another worker takes first is passed over.
    """
    while True:
        now = platform_time.wall_clock()
        found = _next_due(endpoint_id, now)
        if found is None:
            return None
        unchanged = WebhookDelivery.objects.filter(
            pk=found.pk,
            state=DeliveryState.PENDING,
            attempts=found.attempts,
            replays=found.replays,
            due_at__lte=now,
        )
        if found.attempts >= MAX_ATTEMPTS:
            # The last worker died while sending.
            unchanged.update(state=DeliveryState.FAILED, due_at=None, error=DeliveryError.LOST)
        elif unchanged.update(attempts=F("attempts") + 1, due_at=now + CLAIM, attempted_at=now):
            found.attempts += 1
            return found


def _next_due(endpoint_id: int, now: datetime) -> WebhookDelivery | None:
    return (
        WebhookDelivery.objects.filter(
            Q(endpoint__resting_until__isnull=True) | Q(endpoint__resting_until__lte=now),
            endpoint_id=endpoint_id,
            endpoint__status=WebhookStatus.ACTIVE,
            state=DeliveryState.PENDING,
            due_at__lte=now,
        )
        .select_related("event__seller", "endpoint")
        .order_by("due_at", "pk")
        .first()
    )


def delivery_body(event: WebhookEvent) -> bytes:
    """Return the bytes that are sent and signed: the same for every attempt, on every database."""
    text = json.dumps(event.payload(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def _send(delivery: WebhookDelivery) -> Outcome:
    event, endpoint = delivery.event, delivery.endpoint
    body = delivery_body(event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        **signed_headers(
            endpoint, event_id=event.external_id, at=platform_time.wall_clock(), body=body
        ),
    }
    return transport.post(endpoint.url, headers=headers, body=body)


# --- What came of it ----------------------------------------------------------------------------


def _settle(claimed: WebhookDelivery, outcome: Outcome) -> bool:
    """Write down what came of an attempt; return whether the next one may follow at once."""
    now = platform_time.wall_clock()
    with transaction.atomic():
        try:
            endpoint = endpoint_hold(claimed.endpoint)
        except Refusal:
            return False  # removed meanwhile, with its deliveries
        mine = WebhookDelivery.objects.filter(
            pk=claimed.pk,
            state=DeliveryState.PENDING,
            attempts=claimed.attempts,
            replays=claimed.replays,
        )
        if not mine.update(**_result(claimed, outcome, now)):
            return (
                False  # its claim ran out, or the endpoint was disabled: not ours to judge any more
            )
        if outcome.error:
            _failed(endpoint, outcome, now)
        elif endpoint.failures:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
                failures=0, failing_since=None, resting_until=None
            )
    return not outcome.error


def _result(claimed: WebhookDelivery, outcome: Outcome, now: datetime) -> dict[str, object]:
    """Return the columns of a delivery after an attempt."""
    told = {
        "status": outcome.status,
        "error": outcome.error,
        "excerpt": outcome.excerpt,
        "milliseconds": round(outcome.seconds * 1000),
    }
    if not outcome.error:
        return {**told, "state": DeliveryState.DELIVERED, "delivered_at": now, "due_at": None}
    if claimed.attempts >= MAX_ATTEMPTS or outcome.status == GONE:
        return {**told, "state": DeliveryState.FAILED, "due_at": None}
    return {**told, "due_at": now + retry_after(claimed.attempts)}


def retry_after(attempts: int) -> timedelta:
    """Return how long after so many failed attempts the next one follows, with jitter."""
    return RETRY_AFTER[attempts - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311  not a secret


def _failed(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    """Leave an endpoint that is held alone for a while; disable it when that has gone on for days."""
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.resting_until = now + min(REST * 2 ** min(endpoint.failures - 1, 10), LONGEST_REST)
    endpoint.save(update_fields=["failures", "failing_since", "resting_until"])
    logger.info("webhook endpoint %s: %s %s", endpoint.uid, outcome.error, outcome.status or "")
    if not endpoint.is_active:
        return  # paused or disabled while this was under way
    if outcome.status == GONE:
        endpoint_disable(endpoint, WebhookDisabled.GONE)
    elif now - endpoint.failing_since >= timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS):
        endpoint_disable(endpoint, WebhookDisabled.FAILING)


# --- Forgetting ---------------------------------------------------------------------------------


def webhook_events_purge() -> int:
    """Forget events older than `WEBHOOK_RETENTION_DAYS` with their deliveries; return how many.

    What an active endpoint still waits for is kept.
    """
    before = platform_time.wall_clock() - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    forgotten = 0
    with unscoped():
        waiting = WebhookDelivery.objects.filter(
            state=DeliveryState.PENDING, endpoint__status=WebhookStatus.ACTIVE
        ).values("event_id")
        old = WebhookEvent.objects.filter(created_at__lt=before).exclude(pk__in=waiting)
        while pks := list(old.order_by("pk").values_list("pk", flat=True)[:PURGE_BATCH]):
            with transaction.atomic():
                WebhookEvent.objects.filter(pk__in=pks).delete()
            forgotten += len(pks)
    return forgotten
