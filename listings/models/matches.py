"""Which product matched which theme as of which days (LST-8)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from listings.models.products import Product
from listings.models.themes import Theme
from portal.models import Seller
from portal.models.standings import Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class ThemeMatch(Standing):
    """The product met every requirement of the theme as of each day of the range."""

    KEY = ("product", "theme")
    CARRIED = ("seller",)

    product = models.ForeignKey(
        Product,
        models.CASCADE,
        related_name="matches",
        db_index=False,
        verbose_name=_("product"),
    )
    theme = models.ForeignKey(
        Theme, models.CASCADE, related_name="matches", db_index=False, verbose_name=_("theme")
    )
    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, verbose_name=_("seller")
    )

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("theme match")
        verbose_name_plural = _("theme matches")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "theme", "valid_from"], name="match_start_once"
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "valid_to", "theme"], name="match_seller"),
            models.Index(fields=["theme", "valid_to"], name="match_theme"),
        ]


class ThemeMatchChange(StandingChange):
    """Staged differences of matches."""

    STANDING = ThemeMatch

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    theme = models.ForeignKey(
        Theme, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class MatchTouch(models.Model):
    """A product or theme written since the night last looked at it: the changed-only queue.

    Planning a night marks the rows there are with the plan's number; publishing it deletes those that
    still carry it. So a row is only forgotten once a result that has seen its write is published, and
    a write that commits meanwhile is never missed. Exactly one of product and theme is set; nothing
    but ids, so writers never wait for each other.
    """

    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="+")
    theme = models.ForeignKey(Theme, models.CASCADE, null=True, related_name="+")
    plan = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(product__isnull=True) ^ Q(theme__isnull=True), name="touch_one_target"
            ),
        ]
