"""Merchant star levels (商家星等级): predicted every night, assessed on the 5th (GRO-12 … GRO-14)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.models import Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class StarFields(models.Model):
    """Powers are 0–100 with two decimals; `trade` includes `trade_bonus`. `star` is that of the lowest power."""

    rulebook = models.CharField(_("rulebook"), max_length=40)
    trade = models.DecimalField(_("trade power"), max_digits=5, decimal_places=2)
    product = models.DecimalField(_("product power"), max_digits=5, decimal_places=2)
    marketing = models.DecimalField(_("marketing power"), max_digits=5, decimal_places=2)
    guarantee = models.DecimalField(_("guarantee power"), max_digits=5, decimal_places=2)
    trade_bonus = models.PositiveSmallIntegerField(_("bonus on trade power"))
    marketing_bonus = models.PositiveSmallIntegerField(_("bonus on marketing power"))
    star = models.PositiveSmallIntegerField(_("star"))

    class Meta:
        abstract = True


STAR_PAYLOAD = tuple(field.name for field in StarFields._meta.local_fields)


class StarStanding(StarFields, Standing):
    """The predicted star of a seller as of each day of the range."""

    KEY = ("seller",)
    PAYLOAD = STAR_PAYLOAD

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("predicted star")
        verbose_name_plural = _("predicted stars")
        constraints = [
            models.UniqueConstraint(fields=["seller", "valid_from"], name="star_start_once"),
            models.UniqueConstraint(
                fields=["seller"], condition=models.Q(valid_to=FOREVER), name="star_one_current"
            ),
        ]


class StarStandingChange(StarFields, StandingChange):
    """Staged differences of predicted stars."""

    STANDING = StarStanding

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class StarAssessment(StarFields):
    """The star of a month, fixed on its 5th as of two days before; never changed once written.

    `awaits_core_tasks`: the shop's core tasks were open, so its star stays 0 whatever the powers
    (GRO-2). `applied` tells that the shop's assessed star became this one; it does not where upstream
    names the star itself. `night` is the day that the night computed that fixed it: `as_of`, or a later
    one where it was caught up. Nights of later days count the star, that night itself does not.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    month = models.DateField(_("month"), help_text=_("Its first day."))
    as_of = models.DateField(_("as of"))
    night = models.DateField(_("computed with"))
    awaits_core_tasks = models.BooleanField(_("core tasks open"), default=False)
    applied = models.BooleanField(_("took effect"), default=True)
    fixed_at = models.DateTimeField(_("fixed"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("assessed star")
        verbose_name_plural = _("assessed stars")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "month"], name="star_assessed_once"),
            models.CheckConstraint(
                condition=models.Q(month__day=1), name="star_assessment_month_start"
            ),
        ]
        indexes = [models.Index(fields=["month", "seller"], name="star_assessment_month")]
