"""The category tree and the system attributes its leaves own (K-12)."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.bilingual import in_language
from portal.choices import AttributeType


class Bilingual(models.Model):
    """Names in English and Chinese; the Chinese one may be missing."""

    name_en = models.CharField(_("name (English)"), max_length=200)
    name_zh = models.CharField(_("name (Chinese)"), max_length=200, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Name in the active language."""
        return in_language(self.name_en, self.name_zh)


class Category(Bilingual):
    """A node of the tree; a root is an industry. Ancestors are in `CategoryClosure`."""

    code = models.CharField(_("code"), max_length=64, unique=True)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    path_en = models.CharField(_("path (English)"), max_length=500, blank=True, editable=False)
    path_zh = models.CharField(_("path (Chinese)"), max_length=500, blank=True, editable=False)
    depth = models.PositiveSmallIntegerField(_("depth"), default=0, editable=False)
    is_leaf = models.BooleanField(_("leaf"), default=True, editable=False)
    prohibited = models.BooleanField(_("prohibited"), default=False)
    restricted = models.BooleanField(_("restricted"), default=False)
    suspended_from = models.DateField(_("suspended from"), null=True, blank=True)
    suspended_to = models.DateField(_("suspended to"), null=True, blank=True)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["path_en"]
        indexes = [models.Index(fields=["path_en"], name="category_path")]

    @property
    def path(self) -> str:
        """Names from the industry down, joined by `>>`, in the active language."""
        return in_language(self.path_en, self.path_zh)

    def is_suspended(self, day: date) -> bool:
        """Tell whether nothing may be published here on a Pacific day."""
        if self.suspended_from is None or day < self.suspended_from:
            return False
        return self.suspended_to is None or day <= self.suspended_to


class CategoryClosure(models.Model):
    """Every (ancestor, descendant) pair, a node with itself included.

    It turns "in this subtree" into one join. `services.catalogue.rebuild_tree` is the only writer.
    """

    ancestor = models.ForeignKey(Category, models.CASCADE, related_name="below")
    descendant = models.ForeignKey(Category, models.CASCADE, related_name="above")
    distance = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ancestor", "descendant"], name="closure_pair_once")
        ]


class Attribute(Bilingual):
    """A system attribute; codes are global, so the same code under two categories is the same."""

    code = models.CharField(_("code"), max_length=64, unique=True)
    type = models.CharField(_("type"), max_length=8, choices=AttributeType)
    unit = models.CharField(_("unit"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ["code"]


class CategoryAttribute(models.Model):
    """An attribute as a category offers it, with the values it allows there.

    Descendants inherit it. `values` is a list of texts; empty for text and number attributes.
    """

    category = models.ForeignKey(
        Category, models.CASCADE, related_name="category_attributes", verbose_name=_("category")
    )
    attribute = models.ForeignKey(
        Attribute, models.CASCADE, related_name="category_attributes", verbose_name=_("attribute")
    )
    values = models.JSONField(_("allowed values"), default=list, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("category attribute")
        verbose_name_plural = _("category attributes")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "attribute"], name="category_attribute_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category_id}:{self.attribute_id}"
