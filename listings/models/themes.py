"""Targeted themes (行业定向征品): what the marketplace lacks and asks sellers for (LST-3)."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from listings.choices import KeywordMode, ProductKind
from listings.fields import BigIntArrayField
from listings.models.products import PRICE
from portal.bilingual import in_language
from portal.models import Category


class ThemeQuerySet(models.QuerySet):
    """Themes; they belong to the platform, not to a seller."""

    def in_force(self, day: date) -> Self:
        """Keep the themes whose window contains a Pacific day."""
        return self.filter(starts_on__lte=day).filter(
            models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=day)
        )

    def national(self) -> Self:
        """Keep the themes that ask for target countries."""
        return self.filter(is_national=True)


class Theme(models.Model):
    """One theme as staff or upstream wrote it, and the same compiled for matching.

    The compiled fields (from `is_national` on) are written by `listings.services.themes` alone:
    `groups` is a list of `[attribute code, [value hash, …]]`, of which the first four are repeated in
    `group_1` … `group_4` for the database, with their signatures; `patterns` are keyword patterns for
    a substring test on the normalised title.
    """

    theme_id = models.CharField(_("theme id"), max_length=64, unique=True)
    title_en = models.CharField(_("title (English)"), max_length=200)
    title_zh = models.CharField(_("title (Chinese)"), max_length=200, blank=True)
    reason_en = models.TextField(_("reason (English)"), blank=True)
    reason_zh = models.TextField(_("reason (Chinese)"), blank=True)
    picture = models.CharField(_("picture"), max_length=300, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("category"))
    keywords = models.JSONField(_("title keywords"), default=list, blank=True)
    keyword_mode = models.CharField(
        _("keywords needed"), max_length=3, choices=KeywordMode, default=KeywordMode.ANY
    )
    kind = models.CharField(_("product kind"), max_length=14, choices=ProductKind, blank=True)
    attributes = models.JSONField(
        _("system attributes"),
        default=dict,
        blank=True,
        help_text=_("Attribute code → list of accepted values."),
    )
    services = models.JSONField(_("services"), default=list, blank=True)
    countries = models.JSONField(_("target countries"), default=list, blank=True)
    price_min = models.DecimalField(_("lowest price (USD)"), null=True, blank=True, **PRICE)
    price_max = models.DecimalField(_("highest price (USD)"), null=True, blank=True, **PRICE)
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"), null=True, blank=True, help_text=_("Last day."))
    traffic_gain = models.IntegerField(_("traffic against category (%)"), null=True, blank=True)
    conversion_gain = models.IntegerField(
        _("conversion against category (%)"), null=True, blank=True
    )
    trade_gain = models.IntegerField(_("trade against category (%)"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    changed_at = models.DateTimeField(_("changed"))

    is_national = models.BooleanField(_("national"), default=False, editable=False)
    service_mask = models.BigIntegerField(default=0, editable=False)
    countries_0 = models.BigIntegerField(default=0, editable=False)
    countries_1 = models.BigIntegerField(default=0, editable=False)
    countries_2 = models.BigIntegerField(default=0, editable=False)
    countries_3 = models.BigIntegerField(default=0, editable=False)
    cents_min = models.BigIntegerField(null=True, editable=False)
    cents_max = models.BigIntegerField(null=True, editable=False)
    groups = models.JSONField(default=list, editable=False)
    group_1 = BigIntArrayField(null=True, editable=False)
    group_2 = BigIntArrayField(null=True, editable=False)
    group_3 = BigIntArrayField(null=True, editable=False)
    group_4 = BigIntArrayField(null=True, editable=False)
    group_sig_1 = models.BigIntegerField(null=True, editable=False)
    group_sig_2 = models.BigIntegerField(null=True, editable=False)
    group_sig_3 = models.BigIntegerField(null=True, editable=False)
    group_sig_4 = models.BigIntegerField(null=True, editable=False)
    more_groups = models.BooleanField(default=False, editable=False)
    token_ids = BigIntArrayField(null=True, editable=False)
    token_sig = models.BigIntegerField(null=True, editable=False)
    verify_title = models.BooleanField(default=False, editable=False)
    patterns = models.JSONField(default=list, editable=False)

    objects = models.Manager.from_queryset(ThemeQuerySet)()

    class Meta:
        verbose_name = _("theme")
        verbose_name_plural = _("themes")
        ordering = ["-starts_on", "theme_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="theme_window_order",
            ),
            models.CheckConstraint(
                condition=models.Q(price_min__isnull=True)
                | models.Q(price_max__isnull=True)
                | models.Q(price_max__gte=models.F("price_min")),
                name="theme_price_order",
            ),
        ]
        indexes = [models.Index(fields=["starts_on", "ends_on"], name="theme_window")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def reason(self) -> str:
        """Why the marketplace asks for it, in the active language."""
        return in_language(self.reason_en, self.reason_zh)

    def state_on(self, day: date) -> str:
        """Tell where a Pacific day lies: `upcoming`, `in_force` or `ended`; both ends are in force."""
        if day < self.starts_on:
            return "upcoming"
        if self.ends_on is not None and day > self.ends_on:
            return "ended"
        return "in_force"
