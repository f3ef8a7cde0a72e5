"""A shop's webhook endpoints: made, changed, paused and ended by its owner (API-1, K-7).

Secrets are shown once: `webhook_create` and `webhook_rotate` return them, nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action, DeliveryError, DeliveryState, WebhookDisabled, WebhookStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import (
    Member,
    Seller,
    User,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSubscription,
)
from portal.scoping import unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send_many
from portal.webhooks.addresses import AddressRefused, read_url, resolve
from portal.webhooks.events import webhook_kinds
from portal.webhooks.signing import new_salt, secret_text

MAX_ENDPOINTS = 10
"""Of one shop."""
MAX_DESCRIPTION = 200
OVERLAP = timedelta(hours=24)
"""How long the secret before counts beside a new one."""
STAFF_PERMISSION = "portal.change_webhookendpoint"


# --- By the owner -------------------------------------------------------------------------------


@dataclass(frozen=True)
class WebhookInput:
    """What an owner wants of an endpoint, checked; what is None stays."""

    fields: dict[str, str]
    events: list[str] | None


def webhook_input(
    *, url: str | None = None, events: Iterable[str] | None = None, description: str | None = None
) -> WebhookInput:
    """Check what an owner wants; the host name is looked up, so call it outside of transactions.

    Raises `InvalidInput` naming `url`, `events` or `description`.
    """
    problems: list[tuple[str, str]] = []
    fields: dict[str, str] = {}
    if url is not None:
        fields["url"] = url.strip()
        try:
            resolve(read_url(fields["url"]))
        except AddressRefused as refused:
            problems.append(("url", str(refused)))
    if description is not None:
        try:
            fields["description"] = safe_text(description, MAX_DESCRIPTION)
        except CellError as error:
            problems.append(("description", str(error)))
    types = None if events is None else sorted(set(events))
    if types is not None:
        known = {kind.type for kind in webhook_kinds()}
        if not types:
            problems.append(("events", _("Choose at least one event.")))
        elif set(types) - known:
            problems.append(("events", _("There is no such event.")))
    if problems:
        raise InvalidInput(problems)
    return WebhookInput(fields, types)


def webhook_create(*, member: Member, wanted: WebhookInput) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint to the member's shop; return it and its secret, which is not shown again.

    Raises `NotAllowed`, `InvalidInput` where address or events are missing, and refuses (`too_many`)
    more than ten.
    """
    require_manager(member)
    if "url" not in wanted.fields or not wanted.events:
        raise InvalidInput([("url", _("An endpoint needs an address and events."))])
    salt = new_salt()
    with unscoped(), transaction.atomic():
        # One at a time for a shop, or two at once make eleven.
        Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
        if WebhookEndpoint.objects.filter(seller=member.seller).count() >= MAX_ENDPOINTS:
            text = _("A shop can have %(most)d endpoints: remove one first.")
            raise Refusal("too_many", text % {"most": MAX_ENDPOINTS})
        endpoint = WebhookEndpoint.objects.create(
            seller=member.seller, secret_salt=salt, **wanted.fields
        )
        _subscribe(endpoint, wanted.events)
        after = {**wanted.fields, "events": wanted.events}
        _record("webhook.create", member.user, endpoint, after=after)
    return endpoint, secret_text(salt)


def webhook_change(
    *, member: Member, endpoint: WebhookEndpoint, wanted: WebhookInput
) -> WebhookEndpoint:
    """Change what is given of an endpoint; what waits goes to the new address.

    Raises `NotAllowed`, and `gone` for one that was removed.
    """
    require_manager(member)
    fields, events = wanted.fields, wanted.events
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        before = {**{name: getattr(held, name) for name in fields}, "events": held.event_types}
        if fields:
            WebhookEndpoint.objects.filter(pk=held.pk).update(**fields)
        if events is not None:
            held.subscriptions.exclude(type__in=events).delete()
            _subscribe(held, events)
        after = {**fields, "events": before["events"] if events is None else events}
        _record("webhook.change", member.user, held, before=before, after=after)
        held.refresh_from_db()
    return held


def webhook_rotate(*, member: Member, endpoint: WebhookEndpoint) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret; return both. The one before counts for another 24 hours.

    Rotated again within them, the oldest ends at once. Raises `NotAllowed`, `gone`.
    """
    require_manager(member)
    salt = new_salt()
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        held.previous_salt, held.secret_salt = held.secret_salt, salt
        held.previous_until = platform_time.wall_clock() + OVERLAP
        held.save(update_fields=["secret_salt", "previous_salt", "previous_until"])
        _record(
            "webhook.rotate",
            member.user,
            held,
            after={"previous_until": held.previous_until.isoformat()},
        )
    return held, secret_text(salt)


def webhook_pause(*, member: Member, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Send an endpoint nothing for now: what happens meanwhile is not told, what waits stays.

    Raises `NotAllowed`, `gone`, `not_active`.
    """
    require_manager(member)
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        if held.status != WebhookStatus.ACTIVE:
            raise Refusal("not_active", _("This endpoint is not active."))
        _set_status(held, "webhook.pause", member.user, WebhookStatus.PAUSED)
    return held


def webhook_resume(*, member: Member, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Let a paused or disabled endpoint be told again, with a clean record.

    What could not be delivered meanwhile is not sent by itself: replay it. One that staff disabled stays
    so. Raises `NotAllowed`, `gone`, `already_active`, `disabled_by_staff`, `InvalidInput` for an address
    that is not allowed any more.
    """
    require_manager(member)
    if not endpoint.is_active:
        webhook_input(url=endpoint.url)
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        if held.is_active:
            raise Refusal("already_active", _("This endpoint is active already."))
        if held.disabled_reason == WebhookDisabled.STAFF:
            raise Refusal(
                "disabled_by_staff",
                _("The platform disabled this endpoint: ask for it to be opened again."),
            )
        _set_status(held, "webhook.resume", member.user, WebhookStatus.ACTIVE)
    return held


def webhook_delete(*, member: Member, endpoint: WebhookEndpoint) -> None:
    """Remove an endpoint with its log; nothing more is sent. Raises `NotAllowed`, `gone`."""
    require_manager(member)
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        _record("webhook.delete", member.user, held, before={"url": held.url})
        held.delete()


# --- By the platform ----------------------------------------------------------------------------


def webhook_disable(*, actor: User, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Stop an endpoint as staff; its owner is told. Raises `NotAllowed`, `gone`, `already_disabled`."""
    if not actor.has_perm(STAFF_PERMISSION):
        raise NotAllowed(_("You may not disable webhooks."))
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        if held.disabled_reason == WebhookDisabled.STAFF:
            raise Refusal("already_disabled", _("This endpoint is disabled already."))
        endpoint_disable(held, WebhookDisabled.STAFF, actor=actor)
    return held


def webhook_enable(*, actor: User, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Open again what staff disabled. Raises `NotAllowed`, `gone`, `not_disabled`."""
    if not actor.has_perm(STAFF_PERMISSION):
        raise NotAllowed(_("You may not disable webhooks."))
    with unscoped(), transaction.atomic():
        held = endpoint_hold(endpoint)
        if held.status != WebhookStatus.DISABLED:
            raise Refusal("not_disabled", _("This endpoint is not disabled."))
        _set_status(held, "webhook.enable", actor, WebhookStatus.ACTIVE)
    return held


def endpoint_disable(
    held: WebhookEndpoint, reason: WebhookDisabled, *, actor: User | None = None
) -> None:
    """Disable an endpoint that is held, fail what waits for it, and tell its owners (API-1)."""
    now = platform_time.now()
    _set_status(
        held,
        "webhook.disable",
        actor,
        WebhookStatus.DISABLED,
        disabled_reason=reason,
        disabled_at=now,
    )
    WebhookDelivery.objects.filter(endpoint=held, state=DeliveryState.PENDING).update(
        state=DeliveryState.FAILED, due_at=None, error=DeliveryError.DISABLED
    )
    notice_send_many(
        [
            NoticeDraft(
                kind="webhook_disabled",
                key=f"webhook_disabled:{held.pk}:{now.isoformat()}",
                params={"url": held.url, "reason": reason.label},
                link=reverse("portal:webhook", args=[held.uid]),
                seller_id=held.seller_id,
                who_can=Action.MANAGE_WEBHOOKS,
            )
        ]
    )


# --- Steps --------------------------------------------------------------------------------------


def require_manager(member: Member) -> None:
    """Raise `NotAllowed` unless the member is an owner: webhooks carry the shop's facts outside (K-7)."""
    if not member.can(Action.MANAGE_WEBHOOKS):
        raise NotAllowed(_("Only an owner manages the webhooks of a shop."))


def endpoint_hold(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Return an endpoint, locked until the transaction ends; always before its deliveries.

    Refuses (`gone`) one that was removed meanwhile.
    """
    held = (
        WebhookEndpoint.objects.select_for_update(no_key=True, of=("self",))
        .select_related("seller")
        .filter(pk=endpoint.pk)
        .first()
    )
    if held is None:
        raise Refusal("gone", _("This endpoint was removed."))
    return held


def _subscribe(endpoint: WebhookEndpoint, types: Iterable[str] | None) -> None:
    WebhookSubscription.objects.bulk_create(
        [WebhookSubscription(endpoint=endpoint, type=one) for one in types or ()],
        ignore_conflicts=True,
    )


def _set_status(
    held: WebhookEndpoint,
    action: str,
    actor: User | None,
    status: WebhookStatus,
    **changes: Any,
) -> None:
    before = {"status": held.status}
    changes = {"disabled_reason": "", "disabled_at": None, **changes}
    if status == WebhookStatus.ACTIVE:
        changes |= {"failures": 0, "failing_since": None, "resting_until": None}
    held.status = status
    for name, value in changes.items():
        setattr(held, name, value)
    held.save(update_fields=["status", *changes])
    _record(
        action,
        actor,
        held,
        before=before,
        after={"status": status, "reason": changes["disabled_reason"] or None},
    )


def _record(
    action: str,
    actor: User | None,
    endpoint: WebhookEndpoint,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        action=action,
        actor=actor,
        obj=endpoint,
        before=before,
        after=after,
        seller=endpoint.seller.member_id,
    )
