"""Declarations a registration brings, their calendar feed, and requests for services (EPR-9, EPR-10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.certificates import Certificate
from portal.bilingual import reads_chinese
from portal.choices import OPEN_REQUESTS, RequestStatus
from portal.models import Seller
from portal.scoping import scoped_manager


class Declaration(models.Model):
    """That a shop declared a period; dues themselves follow from the rulebook's schedule (EPR-9)."""

    certificate = models.ForeignKey(
        Certificate, models.CASCADE, related_name="declarations", verbose_name=_("certificate")
    )
    due_on = models.DateField(_("due on"))
    declared_at = models.DateTimeField(_("declared"))
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("declared by"),
    )

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        verbose_name = _("declaration")
        verbose_name_plural = _("declarations")
        constraints = [
            models.UniqueConstraint(fields=["certificate", "due_on"], name="declaration_once")
        ]


class CalendarFeed(models.Model):
    """The secret address at which a shop's calendar program fetches its obligations (EPR-9).

    Only a hash of the token is kept: whoever reads the table cannot read calendars.
    """

    seller = models.OneToOneField(Seller, models.CASCADE, verbose_name=_("seller"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")


class ServiceRequest(models.Model):
    """A shop asks staff for a registration service; the offer and its price are copied (EPR-10)."""

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    offer = models.SlugField(_("offer"), max_length=40)
    title_en = models.CharField(_("offer (English)"), max_length=200)
    title_zh = models.CharField(_("offer (Chinese)"), max_length=200)
    price_cny = models.DecimalField(_("price (CNY)"), max_digits=10, decimal_places=2)
    note = models.TextField(_("note"), max_length=2000, blank=True)
    status = models.CharField(
        _("status"), max_length=11, choices=RequestStatus, default=RequestStatus.NEW
    )
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("service request")
        verbose_name_plural = _("service requests")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            # A double click asks once.
            models.UniqueConstraint(
                fields=["seller", "offer"],
                condition=models.Q(status__in=OPEN_REQUESTS),
                name="service_request_open_once",
            )
        ]
        indexes = [
            models.Index(fields=["seller", "-asked_at", "-id"], name="service_request_shop"),
            models.Index(fields=["status", "asked_at"], name="service_request_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.offer} #{self.pk}"

    @property
    def title(self) -> str:
        """What was asked for, in the active language."""
        return self.title_zh if reads_chinese() else self.title_en
