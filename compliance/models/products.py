"""What compliance knows of products, and which EPR traits hold for them (EPR-2).

`listings` tells of every change of a product through `compliance.gate.products_told`; nothing here is
read from its tables.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.choices import TraitSource
from portal.models import Category, Seller
from portal.scoping import scoped_manager


class GatedProduct(models.Model):
    """A product as the gate and the chemicals rules see it; `product_id` is the external id.

    Traits are masks of `EprCategory.bit`. `traits` is what holds: the first of `staff_traits`,
    `own_traits`, the shop's answer for the category, the category's default, and packaging; `source`
    says which. `countries` is empty for "everywhere", else `,DE,FR,`.
    """

    product_id = models.CharField(_("product id"), max_length=64, unique=True)
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("category"))
    title = models.CharField(_("title"), max_length=300)
    live = models.BooleanField(_("live"), default=False)
    deleted = models.BooleanField(_("deleted"), default=False)
    countries = models.TextField(_("target countries"), blank=True, default="")
    cas = models.CharField(_("CAS number"), max_length=14, blank=True)
    own_traits = models.PositiveIntegerField(_("traits given with the product"), null=True)
    staff_traits = models.PositiveIntegerField(_("traits set by staff"), null=True, blank=True)
    staff_note = models.CharField(_("why staff set them"), max_length=300, blank=True)
    traits = models.PositiveIntegerField(_("traits"))
    source = models.CharField(_("source of the traits"), max_length=8, choices=TraitSource)
    told_at = models.DateTimeField(_("last told of"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("product at the gate")
        verbose_name_plural = _("products at the gate")
        ordering = ["product_id"]
        indexes = [
            # All that is counted of a shop's products, in the order of its groups (EPR-11).
            models.Index(
                fields=["seller", "live", "category", "traits", "source", "countries", "deleted"],
                name="gated_shop_facts",
            ),
            models.Index(fields=["cas"], condition=~models.Q(cas=""), name="gated_cas"),
        ]

    def __str__(self) -> str:
        return self.product_id


class CategoryTraits(models.Model):
    """Traits products of a category usually have, for all below it that has none of its own (EPR-2)."""

    category = models.OneToOneField(
        Category, models.CASCADE, related_name="+", verbose_name=_("category")
    )
    traits = models.PositiveIntegerField(_("traits"))
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("traits of a category")
        verbose_name_plural = _("traits of categories")

    def __str__(self) -> str:
        return str(self.category)


class ShopCategoryTraits(models.Model):
    """What a shop confirmed for all its products of a category: one answer, not 10,000 (EPR-2)."""

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    category = models.ForeignKey(
        Category, models.CASCADE, related_name="+", verbose_name=_("category")
    )
    traits = models.PositiveIntegerField(_("traits"))
    confirmed_at = models.DateTimeField(_("confirmed"))
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("traits confirmed by a shop")
        verbose_name_plural = _("traits confirmed by shops")
        constraints = [
            models.UniqueConstraint(fields=["seller", "category"], name="shop_category_traits_once")
        ]
