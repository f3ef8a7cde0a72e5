"""What the gate blocked, and the nightly overview per shop (EPR-11)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.choices import EprCategory, GateDecision
from portal.models import Seller
from portal.models.standings import Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class GateBlock(models.Model):
    """A block the gate answered: one row per product, country, Pacific day and set of reasons."""

    product_id = models.CharField(_("product id"), max_length=64)
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    country = models.CharField(_("country"), max_length=2)
    day = models.DateField(_("day"))
    reasons = models.JSONField(_("reasons"), help_text=_("List of {code, category}."))
    reasons_key = models.CharField(max_length=64, editable=False)
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    times = models.PositiveIntegerField(_("times"), default=1)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("blocked trade")
        verbose_name_plural = _("blocked trades")
        ordering = ["-last_at", "-pk"]
        permissions = [("ask_gate", "Can ask the trade gate")]
        constraints = [
            models.UniqueConstraint(
                fields=["product_id", "country", "day", "reasons_key"], name="gate_block_once"
            )
        ]
        indexes = [
            models.Index(fields=["seller", "-last_at", "-id"], name="gate_block_shop"),
            models.Index(fields=["-last_at", "-id"], name="gate_block_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} → {self.country}, {self.day}"


class OverviewFigures(models.Model):
    """Figures of one country and category of a shop."""

    country = models.CharField(_("country"), max_length=2)
    category = models.CharField(_("EPR category"), max_length=12, choices=EprCategory)
    required = models.PositiveIntegerField(_("live products that need it"))
    covered = models.PositiveIntegerField(_("of them covered"))
    in_review = models.PositiveIntegerField(_("of them waiting for review"))
    decision = models.CharField(_("what the gate says"), max_length=7, choices=GateDecision)

    class Meta:
        abstract = True


class GateOverview(OverviewFigures, Standing):
    """How many live products of a shop need a number of a country and category, by night (EPR-11).

    `decision` is the gate's for a product that lacks it, at the end of the as-of day; `allowed` when
    none lacks it.
    """

    KEY = ("seller", "country", "category")
    PAYLOAD = ("required", "covered", "in_review", "decision")

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("EPR overview of a shop")
        verbose_name_plural = _("EPR overviews of shops")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "country", "category", "valid_from"],
                name="gate_overview_start_once",
            ),
        ]


class GateOverviewChange(OverviewFigures, StandingChange):
    """Staged differences of `GateOverview`."""

    STANDING = GateOverview

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
