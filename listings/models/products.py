"""Products and what they were at every earlier instant (LST-1)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from listings.choices import PriceMode, ProductKind, ProductStatus, VideoQuality
from portal.models import Category, Member, Seller
from portal.scoping import scoped_manager

PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 2}


class ShippingTemplate(models.Model):
    """Freight lines a seller ships with.

    `lines` is a list of `{code, countries: [ISO2…], guaranteed: bool}`.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    name = models.CharField(_("name"), max_length=80)
    lines = models.JSONField(_("lines"), default=list)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("shipping template")
        verbose_name_plural = _("shipping templates")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "name"], name="shipping_template_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """A product as it is now; `product_id` is the external id. Only services write it.

    `attributes` maps a system attribute's code to a list of values; `custom_attributes` maps the
    seller's own names to text and never counts for a theme. Prices are USD; `price_min` and
    `price_max` are derived from the mode's own prices when it has any.
    """

    product_id = models.CharField(_("product id"), max_length=64, unique=True)
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    owner = models.ForeignKey(
        Member,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("responsible"),
        related_name="+",
    )
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("category"))
    title = models.CharField(_("title"), max_length=300)
    keywords = models.JSONField(_("keywords"), default=list, blank=True)
    brand = models.CharField(_("brand"), max_length=80, blank=True)
    description = models.TextField(_("description"), blank=True)
    kind = models.CharField(_("kind"), max_length=14, choices=ProductKind)
    status = models.CharField(
        _("status"), max_length=10, choices=ProductStatus, default=ProductStatus.DRAFT
    )
    price_mode = models.CharField(
        _("pricing"), max_length=5, choices=PriceMode, default=PriceMode.FOB
    )
    price_min = models.DecimalField(_("lowest price (USD)"), null=True, blank=True, **PRICE)
    price_max = models.DecimalField(_("highest price (USD)"), null=True, blank=True, **PRICE)
    tiers = models.JSONField(
        _("price tiers"), default=list, blank=True, help_text=_("Up to 4 of [quantity, price].")
    )
    skus = models.JSONField(
        _("specifications"), default=list, blank=True, help_text=_("List of {name, price, stock}.")
    )
    moq = models.PositiveIntegerField(_("minimum order"), null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=40, blank=True)
    attributes = models.JSONField(_("system attributes"), default=dict, blank=True)
    custom_attributes = models.JSONField(_("custom attributes"), default=dict, blank=True)
    target_countries = models.JSONField(_("target countries"), default=list, blank=True)
    services = models.JSONField(_("services"), default=list, blank=True)
    epr_traits = models.JSONField(
        _("EPR traits"), null=True, blank=True, help_text=_("Empty means the category's default.")
    )
    cas = models.CharField(_("CAS number"), max_length=14, blank=True)
    images = models.JSONField(_("images"), default=list, blank=True)
    video = models.CharField(
        _("video"), max_length=4, choices=VideoQuality, default=VideoQuality.NONE
    )
    dispatch_days = models.PositiveSmallIntegerField(_("dispatch days"), null=True, blank=True)
    shipping_template = models.ForeignKey(
        ShippingTemplate,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("shipping template"),
    )
    showcase = models.BooleanField(_("in showcase"), default=False)
    version = models.PositiveIntegerField(
        _("version"), default=1, help_text=_("Guards stale forms.")
    )
    created_at = models.DateTimeField(_("created"))
    changed_at = models.DateTimeField(_("changed"))
    deleted_at = models.DateTimeField(_("in recycle bin since"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["-changed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price_min__isnull=True, price_max__isnull=True)
                | models.Q(price_min__gte=0, price_max__gte=models.F("price_min")),
                name="product_price_order",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "-changed_at", "-id"], name="product_seller_changed"),
            models.Index(fields=["seller", "status"], name="product_seller_status"),
            # Which categories a shop sells in is counted without reading its products.
            models.Index(
                fields=["seller", "category", "status", "deleted_at"],
                name="product_shop_categories",
            ),
            models.Index(
                fields=["seller", "deleted_at"],
                name="product_binned",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.product_id


class ProductRevision(models.Model):
    """A product's content from an instant on; the history behind "as of" and behind the page."""

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="revisions", verbose_name=_("product")
    )
    at = models.DateTimeField(_("at"))
    content = models.JSONField(_("content"))
    by = models.CharField(_("by"), max_length=150, blank=True)
    origin = models.CharField(_("origin"), max_length=20)

    objects = scoped_manager(seller="product__seller")

    class Meta:
        verbose_name = _("product revision")
        verbose_name_plural = _("product revisions")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["product", "at"], name="product_revision_once")
        ]
