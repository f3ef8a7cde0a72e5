"""Telling shops' endpoints what happened: rows first, in the transaction of the fact (API-1).

A module publishes drafts and knows nothing of endpoints. Shops without an endpoint for the type cost
nothing: their drafts need not even be made (`webhook_wanted_by`). An event has a key of its fact, so
that a night which runs again, or two at once, tell it once.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import DeliveryError, DeliveryState, SellerStatus, WebhookStatus
from portal.errors import Refusal
from portal.models import (
    Member,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookSubscription,
)
from portal.models.webhooks import event_uid
from portal.queueing import enqueue
from portal.scoping import unscoped
from portal.services.webhooks import endpoint_hold, require_manager
from portal.webhooks.events import TEST, WEBHOOK_EVENTS

BATCH = 1000
PUSH_AT_ONCE = 50
"""Up to this many endpoints are handed to workers right after commit; more wait for the sweeper."""
TOLD = (WebhookStatus.ACTIVE, WebhookStatus.DISABLED)
"""A disabled endpoint is told too, as failed: its owner can replay what it missed."""
TESTS_PER_MINUTE = 5


@dataclass(frozen=True)
class WebhookDraft:
    """One fact of one shop. `key` names the fact within the shop, for good; `data` is JSON-able."""

    type: str
    key: str
    seller_id: int
    occurred_at: datetime
    data: Mapping[str, Any]


def api_address(path: str) -> str:
    """Return the full address of a path of the portal, for the `url` of an event."""
    return settings.BASE_URL.rstrip("/") + path


def webhook_wanted_by(type: str) -> QuerySet:
    """Return the keys of the shops that want a type of event, for `seller__in=…`."""
    return _subscriptions(type).values("endpoint__seller_id")


def _subscriptions(*types: str) -> QuerySet[WebhookSubscription]:
    found: QuerySet[WebhookSubscription] = WebhookSubscription.objects.filter(
        type__in=types, endpoint__status__in=TOLD
    ).exclude(endpoint__seller__status=SellerStatus.CLOSED)
    return found


def webhook_publish(drafts: Iterable[WebhookDraft]) -> int:
    """Write events and what is on its way, in a constant number of statements per thousand.

    Returns how many events are new. Call it in the transaction of the facts. Raises `ValueError` for a
    type nobody registered.
    """
    waiting: Iterator[WebhookDraft] = iter(drafts)
    published = 0
    with unscoped():
        while batch := list(islice(waiting, BATCH)):
            with transaction.atomic():
                published += _publish(batch)
    return published


def _publish(drafts: list[WebhookDraft]) -> int:
    kinds = {draft.type for draft in drafts}
    if unknown := kinds - set(WEBHOOK_EVENTS):
        raise ValueError(f"no webhook event is called {', '.join(sorted(unknown))}")
    sellers = {draft.seller_id for draft in drafts}
    told: dict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
    for seller, kind, endpoint, status in (
        _subscriptions(*kinds)
        .filter(endpoint__seller_id__in=sellers)
        .values_list("endpoint__seller_id", "type", "endpoint_id", "endpoint__status")
    ):
        told[seller, kind].append((endpoint, status))
    events = _new_events([draft for draft in drafts if told.get((draft.seller_id, draft.type))])
    _deliver([(event, *to) for event in events for to in told[event.seller_id, event.type]])
    return len(events)


def _new_events(drafts: list[WebhookDraft]) -> list[WebhookEvent]:
    """Write the events nobody has told yet and return those that are ours.

    Whoever writes the same at the same moment is waited for by the constraint, and theirs is kept.
    """
    if not drafts:
        return []
    stored = set(
        WebhookEvent.objects.filter(
            seller_id__in={draft.seller_id for draft in drafts},
            key__in={draft.key for draft in drafts},
        ).values_list("seller_id", "key")
    )
    rows = {
        (draft.seller_id, draft.key): _event(draft)
        for draft in drafts
        if (draft.seller_id, draft.key) not in stored
    }
    if not rows:
        return []
    WebhookEvent.objects.bulk_create(rows.values(), batch_size=BATCH, ignore_conflicts=True)
    ours = [row.uid for row in rows.values()]
    return list(WebhookEvent.objects.filter(uid__in=ours).order_by("pk"))


def _event(draft: WebhookDraft) -> WebhookEvent:
    return WebhookEvent(
        uid=uuid.uuid4(),
        seller_id=draft.seller_id,
        type=draft.type,
        version=WEBHOOK_EVENTS[draft.type].version,
        key=draft.key,
        occurred_at=draft.occurred_at,
        data=_plain(draft.data),
        created_at=platform_time.wall_clock(),
    )


def _plain(value: Any) -> Any:
    """Return what JSON says of days, instants and decimals, as the API does."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (str, int, bool)) or value is None:
        return value
    return DjangoJSONEncoder().default(value)


def _deliver(wanted: list[tuple[WebhookEvent, int, str]]) -> None:
    now = platform_time.wall_clock()
    rows = [
        WebhookDelivery(event=event, endpoint_id=endpoint, due_at=now)
        if status == WebhookStatus.ACTIVE
        else WebhookDelivery(
            event=event,
            endpoint_id=endpoint,
            state=DeliveryState.FAILED,
            error=DeliveryError.DISABLED,
        )
        for event, endpoint, status in wanted
    ]
    WebhookDelivery.objects.bulk_create(rows, batch_size=BATCH)
    push_on_commit({row.endpoint_id for row in rows if row.state == DeliveryState.PENDING})


def push_on_commit(endpoints: Iterable[int]) -> None:
    """Hand endpoints with fresh deliveries to workers after commit, or ask for one sweep if they are many."""
    waiting = sorted(endpoints)
    if not waiting:
        return

    def push() -> None:
        from portal import tasks

        if len(waiting) > PUSH_AT_ONCE:
            enqueue(tasks.sweep_webhooks)
            return
        for endpoint in waiting:
            enqueue(tasks.deliver_webhooks, endpoint)

    transaction.on_commit(push, robust=True)


# --- By hand ------------------------------------------------------------------------------------


def webhook_test(*, member: Member, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send an endpoint an event to try it out; return its delivery.

    Raises `NotAllowed`, `gone`, `not_active`, and `too_many_tests` for more than five in a minute.
    """
    require_manager(member)
    now = platform_time.wall_clock()
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        require_active(held)
        recent = held.deliveries.filter(
            event__type=TEST, event__created_at__gt=now - timedelta(minutes=1)
        )
        if recent.count() >= TESTS_PER_MINUTE:
            raise Refusal("too_many_tests", _("Wait a minute before you send another test."))
        event = _event(
            WebhookDraft(
                type=TEST,
                key=f"test:{uuid.uuid4().hex}",
                seller_id=held.seller_id,
                occurred_at=platform_time.now(),
                data={"message": "It works."},
            )
        )
        event.save(force_insert=True)
        delivery: WebhookDelivery = held.deliveries.create(event=event, due_at=now)
        # Whoever tries out does not want to wait for what failed before.
        WebhookEndpoint.objects.filter(pk=held.pk).update(resting_until=None)
        push_on_commit([held.pk])
    return delivery


def require_active(endpoint: WebhookEndpoint) -> None:
    """Refuse (`not_active`) to send something to an endpoint that is paused or disabled."""
    if not endpoint.is_active:
        raise Refusal("not_active", _("This endpoint is not active: let it be told again first."))


def delivery_of(uid: uuid.UUID, event: str) -> WebhookDelivery | None:
    """Return what became of an event (`evt_…`) at an endpoint in scope; none for what is not there."""
    key = event_uid(event)
    if key is None:
        return None
    known = WebhookDelivery.objects.select_related("event__seller", "endpoint__seller")
    return known.filter(endpoint__uid=uid, event__uid=key).first()


def delivery_replay(*, member: Member, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send an event to its endpoint once more, under its id, with all attempts.

    Raises `NotAllowed`, `gone`, `not_active`, and `still_waiting` for one that is on its way.
    """
    require_manager(member)
    with unscoped(), transaction.atomic():
        held = endpoint_hold(delivery.endpoint)
        require_active(held)
        mine = held.deliveries.filter(pk=delivery.pk)
        if not _send_again(mine.exclude(state=DeliveryState.PENDING)):
            text = _("This event is on its way already.")
            raise Refusal("still_waiting", text)
        push_on_commit([held.pk])
        return mine.select_related("event__seller", "endpoint").get()


def deliveries_replay_failed(*, member: Member, endpoint: WebhookEndpoint, since: datetime) -> int:
    """Send again what failed of the events that occurred since an instant; return how many.

    Raises `NotAllowed`, `gone`, `not_active`.
    """
    require_manager(member)
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        require_active(held)
        failed = held.deliveries.filter(
            state=DeliveryState.FAILED, event__occurred_at__gte=since
        ).exclude(event__type=TEST)
        count = _send_again(WebhookDelivery.objects.filter(pk__in=failed.values("pk")))
        if count:
            push_on_commit([held.pk])
    return count


def _send_again(deliveries: QuerySet[WebhookDelivery]) -> int:
    return deliveries.update(
        state=DeliveryState.PENDING,
        attempts=0,
        due_at=platform_time.wall_clock(),
        delivered_at=None,
        error="",
        replays=F("replays") + 1,
    )
