"""Membership rights, strength labels and affiliated companies (GRO-15, GRO-16)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.choices import OPEN_REQUESTS, RequestStatus
from portal.models import Seller
from portal.scoping import scoped_manager


class UpgradeRequest(models.Model):
    """A basic seller asks to become verified; staff follow up by `due_at` (GRO-15)."""

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    status = models.CharField(
        _("status"), max_length=11, choices=RequestStatus, default=RequestStatus.NEW
    )
    contact = models.CharField(_("contact"), max_length=80)
    phone = models.CharField(_("phone"), max_length=40)
    wishes = models.TextField(_("wishes"), max_length=1000, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    due_at = models.DateTimeField(_("answer due"))
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("handled by"),
    )
    answer = models.TextField(_("answer"), blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("upgrade request")
        verbose_name_plural = _("upgrade requests")
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["seller"],
                condition=Q(status__in=OPEN_REQUESTS),
                name="upgrade_one_open",
            )
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="upgrade_queue")]

    def __str__(self) -> str:
        return f"{self.seller_id}:{self.asked_at:%Y-%m-%d}"


class StrengthLabel(models.Model):
    """One of the two strength labels a verified shop shows (GRO-16)."""

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    place = models.PositiveSmallIntegerField(_("place"))
    label = models.SlugField(_("label"), max_length=60)
    chosen_at = models.DateTimeField(_("chosen"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("strength label")
        verbose_name_plural = _("strength labels")
        ordering = ["seller", "place"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "place"], name="strength_place_once"),
            models.UniqueConstraint(fields=["seller", "label"], name="strength_label_once"),
            models.CheckConstraint(condition=Q(place__in=[1, 2]), name="strength_two_places"),
        ]


class AffiliatedCompany(models.Model):
    """The second company of a shop and how the two hang together (GRO-16).

    `shares` is the larger of what one holds of the other and what a common shareholder holds of
    both, in percent; `concert_shares` what the signers of a concert agreement hold together.
    """

    seller = models.OneToOneField(
        Seller, models.CASCADE, related_name="affiliate", verbose_name=_("seller")
    )
    name = models.CharField(_("company"), max_length=200)
    shares = models.DecimalField(_("shares (%)"), max_digits=5, decimal_places=2, default=0)
    concert_shares = models.DecimalField(
        _("shares in a concert agreement (%)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
    )
    same_legal_person = models.BooleanField(_("same legal person"), default=False)
    floor_area = models.PositiveIntegerField(_("floor area (m²)"), default=0)
    qc_staff = models.PositiveIntegerField(_("staff in quality control"), default=0)
    rd_staff = models.PositiveIntegerField(_("staff in development"), default=0)
    employees = models.PositiveIntegerField(_("employees"), default=0)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("affiliated company")
        verbose_name_plural = _("affiliated companies")
        constraints = [
            models.CheckConstraint(
                condition=Q(shares__gte=0, shares__lte=100)
                & (
                    Q(concert_shares__isnull=True)
                    | Q(concert_shares__gte=0, concert_shares__lte=100)
                ),
                name="affiliate_shares_percent",
            )
        ]

    def __str__(self) -> str:
        return self.name
