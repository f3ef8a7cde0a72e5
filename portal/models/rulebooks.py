"""Rulebooks: the platform's rules as dated data (K-16)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.choices import RulebookStatus


class Rulebook(models.Model):
    """The content of one module's rules for a closed range of Pacific days.

    `content` has been validated by the module's schema before a row is published, and `digest` is
    its SHA-256; overlaps of published rows are refused by `services.rulebooks.rulebook_publish`.
    """

    module = models.CharField(_("module"), max_length=60)
    version = models.CharField(_("version"), max_length=40)
    effective_from = models.DateField(_("effective from"))
    effective_to = models.DateField(
        _("effective to"), null=True, blank=True, help_text=_("Last day.")
    )
    source = models.CharField(_("source"), max_length=200, blank=True)
    content = models.JSONField(_("content"), default=dict)
    digest = models.CharField(_("digest"), max_length=64, editable=False, default="")
    status = models.CharField(
        _("status"), max_length=10, choices=RulebookStatus, default=RulebookStatus.DRAFT
    )
    shipped = models.BooleanField(_("shipped with the product"), default=False, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("published by"),
    )

    supersedes = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="successors",
        verbose_name=_("supersedes"),
    )
    superseded_until = models.DateField(null=True, blank=True, editable=False)
    """Last day of what it supersedes before it did; holds again when this is taken back in time."""

    class Meta:
        verbose_name = _("rulebook")
        verbose_name_plural = _("rulebooks")
        ordering = ["module", "effective_from"]
        permissions = [("publish_rulebook", _("Can publish rulebooks"))]
        constraints = [
            models.UniqueConstraint(fields=["module", "version"], name="rulebook_version_once"),
            models.UniqueConstraint(
                fields=["module", "effective_from"],
                condition=models.Q(status=RulebookStatus.PUBLISHED),
                name="rulebook_start_once",
            ),
            models.CheckConstraint(
                condition=models.Q(effective_to__isnull=True)
                | models.Q(effective_to__gte=models.F("effective_from")),
                name="rulebook_range_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.version}"
