"""Confirmed violations, what they cost and until when, and appeals (CMP-6 … CMP-8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from compliance.choices import AppealReason, AppealStatus, EffectKind
from compliance.models.products import GatedProduct
from portal.choices import SellerStatus
from portal.models import Order, Seller, StoredFile
from portal.scoping import scoped_manager


class Violation(models.Model):
    """A confirmed violation with its penalty; only `services.violations` writes it (CMP-6).

    `rule` is a key of the `compliance.violations` rulebook named in `rulebook`; `step` is how often the
    shop had broken it (1 = first time), which decides the rung of its ladder. Points count from
    `penalised_at` until `points_until`, unless overturned. When an earlier violation of the rule is
    overturned, a later one comes down a rung: `lowered_at` says when (decision 0027).
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    rule = models.SlugField(_("rule"), max_length=40)
    rulebook = models.CharField(_("rulebook"), max_length=40)
    step = models.PositiveSmallIntegerField(_("time"), help_text=_("1 = for the first time."))
    grave = models.BooleanField(_("grave"), default=False)
    product = models.ForeignKey(
        GatedProduct,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("product"),
    )
    order = models.ForeignKey(
        Order, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("order")
    )
    happened_at = models.DateTimeField(_("happened"))
    evidence = models.TextField(_("evidence"), max_length=4000)
    points = models.PositiveSmallIntegerField(_("points"), default=0)
    penalised_at = models.DateTimeField(_("penalised"))
    penalised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("penalised by"),
    )
    points_until = models.DateTimeField(_("points count until"))
    appeal_until = models.DateTimeField(_("appeal until"))
    overturned_at = models.DateTimeField(_("overturned"), null=True, blank=True)
    overturned_note = models.TextField(_("why overturned"), max_length=4000, blank=True)
    lowered_at = models.DateTimeField(_("lowered"), null=True, blank=True)
    public = models.BooleanField(
        _("published"), default=False, help_text=_("On the public list, masked.")
    )
    key = models.CharField(
        _("key"), max_length=120, unique=True, help_text=_("The same case again is once.")
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("violation")
        verbose_name_plural = _("violations")
        ordering = ["-penalised_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(points_until__gt=F("penalised_at"), appeal_until__gt=F("penalised_at")),
                name="violation_dates",
            )
        ]
        indexes = [
            models.Index(fields=["seller", "-penalised_at", "-id"], name="violation_shop"),
            models.Index(
                fields=["-penalised_at"], condition=Q(public=True), name="violation_public"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} #{self.pk}"


class PenaltyEffect(models.Model):
    """One effect of a violation for a time; overturning ends it (CMP-6, CMP-8).

    `service` names what is closed, e.g. `trade_assurance`. `ends_at` null: until staff end it. A shop is
    closed because a rung says so, or `by_points`: then the sum of points closed it. `status_before` is
    what a closed shop goes back to; empty when others had closed it already.
    """

    violation = models.ForeignKey(
        Violation, models.CASCADE, related_name="effects", verbose_name=_("violation")
    )
    kind = models.CharField(_("effect"), max_length=15, choices=EffectKind)
    service = models.SlugField(_("service"), max_length=40, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    by_points = models.BooleanField(_("closed by the sum of points"), default=False)
    status_before = models.CharField(
        _("status before"), max_length=12, choices=SellerStatus, blank=True
    )

    objects = scoped_manager(seller="violation__seller")

    class Meta:
        verbose_name = _("effect of a penalty")
        verbose_name_plural = _("effects of penalties")
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="penalty_effect_order",
            ),
            models.CheckConstraint(
                condition=Q(kind=EffectKind.SHOP_CLOSED) | Q(by_points=False, status_before=""),
                name="penalty_effect_closing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class ViolationEvidence(models.Model):
    """A file that shows the violation; the shop may see it."""

    violation = models.ForeignKey(
        Violation, models.CASCADE, related_name="files", verbose_name=_("violation")
    )
    file = models.ForeignKey(StoredFile, models.PROTECT, verbose_name=_("file"))

    objects = scoped_manager(seller="violation__seller")


class Appeal(models.Model):
    """A shop's appeal against a penalty: one per violation, within 7 days (CMP-8)."""

    violation = models.OneToOneField(
        Violation, models.CASCADE, related_name="appeal", verbose_name=_("violation")
    )
    reason = models.CharField(_("reason"), max_length=12, choices=AppealReason)
    text = models.TextField(_("statement"), max_length=4000)
    status = models.CharField(
        _("status"), max_length=14, choices=AppealStatus, default=AppealStatus.OPEN
    )
    appealed_at = models.DateTimeField(_("appealed"))
    appealed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("appealed by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    answer = models.TextField(_("answer"), max_length=4000, blank=True)

    objects = scoped_manager(seller="violation__seller")

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        ordering = ["appealed_at", "pk"]
        indexes = [models.Index(fields=["status", "appealed_at"], name="appeal_queue")]

    def __str__(self) -> str:
        return f"{self.violation_id} #{self.pk}"


class AppealFile(models.Model):
    """A file of an appeal."""

    appeal = models.ForeignKey(
        Appeal, models.CASCADE, related_name="files", verbose_name=_("appeal")
    )
    file = models.ForeignKey(StoredFile, models.PROTECT, verbose_name=_("file"))

    objects = scoped_manager(seller="appeal__violation__seller")
