"""What was fed, by whom and with which result (K-15)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal import platform_time


class IngestBatch(models.Model):
    """One file or API call of one kind, with its row report."""

    kind = models.CharField(_("kind"), max_length=40)
    source = models.CharField(_("source"), max_length=200, blank=True)
    strict = models.BooleanField(_("all or nothing"), default=False)
    upload = models.FileField(
        _("file"), upload_to="ingest/", blank=True, help_text=_("Kept until the batch is finished.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("user")
    )
    started_at = models.DateTimeField(_("started"), default=platform_time.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    progress_at = models.DateTimeField(
        _("last step"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Wall clock of the last recorded step."),
    )
    rows = models.PositiveIntegerField(_("rows"), default=0)
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    rejections = models.JSONField(
        _("rejections"),
        default=list,
        blank=True,
        help_text=_("The first 1,000, with row and field."),
    )
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("ingest batch")
        verbose_name_plural = _("ingest batches")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {platform_time.to_pacific(self.started_at):%Y-%m-%d %H:%M}"
