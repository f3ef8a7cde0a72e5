"""Rights to quote: lots that were granted and the ledger of every grant and use (RFQ-9).

A lot is what was granted at once; `left` is what of it is unused and can never fall below zero,
whatever runs at the same time, because the database checks it. Every change of a lot is a row of
the ledger, written in the same transaction and never changed. A use carries the end of the lot it
drew from, so the balance at an instant is the sum of the rows that are live then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.models import Seller
from portal.scoping import scoped_manager
from rfq.choices import GrantSource, RightKind
from rfq.models.quotes import Quote


class LiveQuerySet(models.QuerySet):
    """Rows with `expires_at`."""

    def unexpired(self, now: datetime) -> Self:
        """Keep what does not end, or not yet."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


class RightLot(models.Model):
    """One grant (RFQ-9). `amount` and `left` are null when it is unlimited.

    `key` is the grant's idempotency key: the same grant twice is one.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    kind = models.CharField(_("kind"), max_length=9, choices=RightKind)
    source = models.CharField(
        _("source"), max_length=40, help_text=_("One of the known sources, or upstream's own word.")
    )
    amount = models.PositiveIntegerField(
        _("amount"), null=True, blank=True, help_text=_("Empty: unlimited.")
    )
    left = models.PositiveIntegerField(_("left"), null=True, blank=True, editable=False)
    granted_at = models.DateTimeField(_("granted"))
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("First instant at which it is gone.")
    )
    key = models.CharField(_("key"), max_length=120, unique=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("granted by"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = scoped_manager(models.Manager.from_queryset(LiveQuerySet))

    class Meta:
        verbose_name = _("grant of rights")
        verbose_name_plural = _("grants of rights")
        ordering = ["-granted_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True, left__isnull=True)
                | Q(amount__gte=1, left__gte=0, left__lte=F("amount")),
                name="lot_left_in_range",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("granted_at")),
                name="lot_time_order",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "kind", "expires_at"], name="lot_seller_kind"),
            models.Index(fields=["expires_at"], name="lot_expiry"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def source_name(self) -> str:
        """The source as readers are shown it."""
        return str(dict(GrantSource.choices).get(self.source, self.source))


class RightEntry(models.Model):
    """One line of the ledger: a grant (+), a use (−) or a refund (+); immutable (RFQ-9).

    `delta` is null for a grant without limit. `kind`, `source` and `expires_at` are the lot's.
    """

    lot = models.ForeignKey(
        RightLot, models.PROTECT, related_name="entries", verbose_name=_("grant")
    )
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    kind = models.CharField(_("kind"), max_length=9, choices=RightKind)
    source = models.CharField(_("source"), max_length=40)
    delta = models.IntegerField(_("amount"), null=True, blank=True)
    at = models.DateTimeField(_("at"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    quote = models.ForeignKey(
        Quote, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("quote")
    )
    reverses = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="refund",
        verbose_name=_("gives back"),
    )
    key = models.CharField(_("key"), max_length=140, unique=True)

    objects = scoped_manager(models.Manager.from_queryset(LiveQuerySet))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(delta__isnull=True) | ~Q(delta=0), name="entry_moves_something"
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "-at", "-id"], name="entry_seller_newest"),
        ]

    def __str__(self) -> str:
        return self.key
