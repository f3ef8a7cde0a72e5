"""Metric values: named numbers per seller and as-of day, counted from facts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.models.people import Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class MetricValue(Standing):
    """The value of one metric for one seller over a range of as-of days."""

    KEY = ("seller", "metric")
    PAYLOAD = ("value",)

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    metric = models.CharField(_("metric"), max_length=80)
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=4)

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("metric value")
        verbose_name_plural = _("metric values")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "metric", "valid_from"], name="metric_value_start_once"
            ),
            models.UniqueConstraint(
                fields=["seller", "metric"],
                condition=models.Q(valid_to=FOREVER),
                name="metric_value_one_current",
            ),
        ]
        indexes = [models.Index(fields=["metric", "valid_to"], name="metric_value_day")]


class MetricValueChange(StandingChange):
    """Staged differences of metric values."""

    STANDING = MetricValue

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    metric = models.CharField(max_length=80)
    value = models.DecimalField(max_digits=20, decimal_places=4)
