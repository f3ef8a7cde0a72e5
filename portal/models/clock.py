"""The demo's movable clock (K-5)."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class DemoClock(models.Model):
    """One row that shifts the demo's clock against the wall clock; absent or zero means real time."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    shift = models.DurationField(_("shift"), default=timedelta)

    class Meta:
        verbose_name = _("demo clock")
        verbose_name_plural = _("demo clock")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="demo_clock_single"),
        ]
