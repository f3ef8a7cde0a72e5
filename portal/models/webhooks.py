"""Webhooks: a shop's endpoints, what happened, and what is on its way to each of them (API-1)."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import DeliveryError, DeliveryState, WebhookDisabled, WebhookStatus
from portal.models.people import Seller
from portal.scoping import scoped_manager

MAX_URL = 500
MAX_EXCERPT = 500
EVENT_PREFIX = "evt_"


def event_uid(external_id: str) -> uuid.UUID | None:
    """Return the key of an event by what receivers know it by; none for what is no such id."""
    digits = external_id.removeprefix(EVENT_PREFIX)
    if len(digits) != 32 or len(external_id) != 36 or not digits.isalnum():
        return None
    try:
        return uuid.UUID(hex=digits)
    except ValueError:
        return None


class WebhookEndpoint(models.Model):
    """An address of a shop that is told of events.

    Its secrets are not stored: they are derived from `secret_salt` and the portal's own key, so that a
    copy of the database signs nothing. While a secret rotates, `previous_salt` counts too, until
    `previous_until`. What the wall clock decides is in wall clock.
    """

    uid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="webhooks", verbose_name=_("seller")
    )
    url = models.CharField(_("address"), max_length=MAX_URL)
    description = models.CharField(_("description"), max_length=200, blank=True)
    status = models.CharField(
        _("status"), max_length=8, choices=WebhookStatus, default=WebhookStatus.ACTIVE
    )
    disabled_reason = models.CharField(
        _("why disabled"), max_length=8, choices=WebhookDisabled, blank=True
    )
    disabled_at = models.DateTimeField(_("disabled"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=platform_time.now)
    secret_salt = models.CharField(max_length=64, editable=False)
    previous_salt = models.CharField(max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    resting_until = models.DateTimeField(
        _("left alone until"),
        null=True,
        blank=True,
        help_text=_("After a failure nothing is sent before; longer after each further one."),
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status=WebhookStatus.DISABLED, disabled_at__isnull=False)
                | (~models.Q(status=WebhookStatus.DISABLED) & models.Q(disabled_at__isnull=True)),
                name="webhook_disabled_when",
            )
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def secret_overlaps(self) -> bool:
        """Whether the secret before the present one still counts."""
        return self.previous_until is not None and (
            platform_time.wall_clock() < self.previous_until
        )

    @property
    def is_active(self) -> bool:
        """Whether events are sent to it."""
        return self.status == WebhookStatus.ACTIVE

    @property
    def event_types(self) -> list[str]:
        """Types of the events it is told of; reads them unless they were prefetched."""
        return sorted(one.type for one in self.subscriptions.all())


class WebhookSubscription(models.Model):
    """A type of event that an endpoint is told of."""

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="subscriptions", verbose_name=_("endpoint")
    )
    type = models.CharField(_("type"), max_length=40)

    objects = scoped_manager(seller="endpoint__seller")

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "type"], name="webhook_subscribed_once")
        ]
        indexes = [models.Index(fields=["type", "endpoint"], name="webhook_subscribers")]

    def __str__(self) -> str:
        return self.type


class WebhookEvent(models.Model):
    """Something that happened to a shop, told once; `uid` is what receivers know it by.

    Written in the transaction of the fact, and only where an endpoint wants it. `(seller, key)` is
    unique: a night that runs again has nothing new to tell.
    """

    uid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    type = models.CharField(_("type"), max_length=40)
    version = models.PositiveSmallIntegerField(_("version"))
    key = models.CharField(_("key"), max_length=120)
    occurred_at = models.DateTimeField(_("occurred"))
    data = models.JSONField(_("data"))
    created_at = models.DateTimeField(
        _("written"), default=platform_time.wall_clock, help_text=_("Wall clock.")
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["seller", "key"], name="webhook_event_once")]
        indexes = [models.Index(fields=["created_at"], name="webhook_event_age")]

    def __str__(self) -> str:
        return f"{self.type} {self.external_id}"

    @property
    def external_id(self) -> str:
        """What receivers know it by, in the header `webhook-id` and in the payload."""
        return EVENT_PREFIX + self.uid.hex

    def payload(self) -> dict[str, Any]:
        """Return what is sent; the shop has to be loaded along with it."""
        return {
            "id": self.external_id,
            "type": self.type,
            "version": self.version,
            "timestamp": DjangoJSONEncoder().default(self.occurred_at),
            "shop": self.seller.member_id,
            "data": self.data,
        }


class WebhookDelivery(models.Model):
    """An event on its way to one endpoint: the outbox of webhooks.

    A pending row is the intent to send; a claim adds an attempt and moves `due_at` (wall clock), as for
    mails. `status` and the rest tell of the last attempt.
    """

    event = models.ForeignKey(
        WebhookEvent, models.CASCADE, related_name="deliveries", verbose_name=_("event")
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        related_name="deliveries",
        db_index=False,
        verbose_name=_("endpoint"),
    )
    state = models.CharField(
        _("state"), max_length=9, choices=DeliveryState, default=DeliveryState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    attempted_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=12, choices=DeliveryError, blank=True)
    excerpt = models.CharField(_("answer (beginning)"), max_length=MAX_EXCERPT, blank=True)
    milliseconds = models.PositiveIntegerField(_("took (ms)"), null=True, blank=True)
    replays = models.PositiveIntegerField(_("replays"), default=0)

    objects = scoped_manager(seller="endpoint__seller")

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=models.Q(state=DeliveryState.PENDING, due_at__isnull=False)
                | (~models.Q(state=DeliveryState.PENDING) & models.Q(due_at__isnull=True)),
                name="webhook_delivery_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                name="webhook_outbox",
                condition=models.Q(state=DeliveryState.PENDING),
            ),
            models.Index(fields=["endpoint", "id"], name="webhook_log"),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint}"
