"""Shared facts fed by upstream: dated rows that never change meaning (K-10, K-13, K-14)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.choices import BuyerTier, DisputeReason, OrderChannel, Tracking, TradeKind
from portal.models.catalogue import Category
from portal.models.people import Seller
from portal.scoping import scoped_manager

MONEY: dict[str, Any] = {"max_digits": 14, "decimal_places": 2}


class Buyer(models.Model):
    """A buyer of the marketplace. Sellers see the tier only through `services.buyers.badge` (K-11)."""

    buyer_id = models.CharField(_("buyer id"), max_length=64, unique=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    country = models.CharField(_("country"), max_length=2)
    email = models.EmailField(
        _("e-mail"), blank=True, db_index=True, help_text=_("Never shown to sellers.")
    )
    tier = models.CharField(_("tier"), max_length=2, choices=BuyerTier, default=BuyerTier.L0)
    tier_since = models.DateField(_("tier since"), null=True, blank=True)

    class Meta:
        verbose_name = _("buyer")
        verbose_name_plural = _("buyers")
        ordering = ["buyer_id"]
        indexes = [models.Index(fields=["country"], name="buyer_country")]

    def __str__(self) -> str:
        return self.buyer_id


class SellerFact(models.Model):
    """A fact that belongs to one seller; queries need a scope."""

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))

    objects = scoped_manager()

    class Meta:
        abstract = True


class Order(SellerFact):
    """A trade assurance or online-collection order; amounts in USD (K-13)."""

    order_id = models.CharField(_("order id"), max_length=64, unique=True)
    buyer = models.ForeignKey(Buyer, models.PROTECT, verbose_name=_("buyer"))
    channel = models.CharField(_("channel"), max_length=16, choices=OrderChannel)
    kind = models.CharField(_("kind"), max_length=14, choices=TradeKind)
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, verbose_name=_("category")
    )
    rfq_ref = models.CharField(_("RFQ"), max_length=64, blank=True)
    amount = models.DecimalField(_("amount (USD)"), **MONEY)
    created_at = models.DateTimeField(_("created"))
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    received_at = models.DateTimeField(_("money received"), null=True, blank=True)
    received = models.DecimalField(_("amount received (USD)"), null=True, blank=True, **MONEY)
    ship_by = models.DateField(_("promised ship date"), null=True, blank=True)
    dispatched_at = models.DateTimeField(_("dispatched"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    carrier = models.CharField(_("carrier"), max_length=80, blank=True)
    method = models.CharField(_("shipping method"), max_length=40, blank=True)
    tracking = models.CharField(
        _("tracking"), max_length=8, choices=Tracking, default=Tracking.NONE
    )
    destination = models.CharField(_("destination"), max_length=2, blank=True)
    after_sales = models.JSONField(_("after-sales services"), default=list, blank=True)
    fake = models.BooleanField(_("fake trade"), default=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["seller", "created_at"], name="order_seller_created"),
            models.Index(fields=["received_at", "seller"], name="order_received_seller"),
        ]

    def __str__(self) -> str:
        return self.order_id


class OrderLine(models.Model):
    """One product of an order; products are named by their external id."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    product_ref = models.CharField(_("product"), max_length=64)
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    unit_price = models.DecimalField(_("unit price (USD)"), **MONEY)

    objects = scoped_manager(seller="order__seller")

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "product_ref"], name="order_line_once"),
        ]


class Dispute(models.Model):
    """A buyer's dispute on an order."""

    dispute_id = models.CharField(_("dispute id"), max_length=64, unique=True)
    order = models.ForeignKey(
        Order, models.CASCADE, related_name="disputes", verbose_name=_("order")
    )
    reason = models.CharField(_("reason"), max_length=20, choices=DisputeReason)
    opened_at = models.DateTimeField(_("opened"))
    before_dispatch = models.BooleanField(_("before dispatch"), default=False)
    arbitration_at = models.DateTimeField(_("arbitration started"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=40, blank=True)

    objects = scoped_manager(seller="order__seller")

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")

    def __str__(self) -> str:
        return self.dispute_id


class Inquiry(SellerFact):
    """A buyer's inquiry (K-14)."""

    inquiry_id = models.CharField(_("inquiry id"), max_length=64, unique=True)
    buyer = models.ForeignKey(Buyer, models.PROTECT, verbose_name=_("buyer"))
    product_ref = models.CharField(_("product"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))
    keyword = models.CharField(_("keyword"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("inquiry")
        verbose_name_plural = _("inquiries")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["seller", "at"], name="inquiry_seller_at")]

    def __str__(self) -> str:
        return self.inquiry_id


class BuyerVisit(SellerFact):
    """A buyer's visit to the shop on a Pacific day."""

    visit_id = models.CharField(_("visit id"), max_length=64, unique=True)
    buyer = models.ForeignKey(Buyer, models.PROTECT, verbose_name=_("buyer"))
    at = models.DateTimeField(_("at"))
    product_ref = models.CharField(_("product"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("buyer visit")
        verbose_name_plural = _("buyer visits")
        indexes = [models.Index(fields=["seller", "at"], name="visit_seller_at")]


class LoginDay(SellerFact):
    """A Pacific day on which somebody of the shop logged in; `at` is the first time that day."""

    day = models.DateField(_("day"))
    at = models.DateTimeField(_("first at"))

    class Meta:
        verbose_name = _("login day")
        verbose_name_plural = _("login days")
        constraints = [
            models.UniqueConstraint(fields=["seller", "day"], name="login_day_once"),
        ]


class ShowcaseUse(SellerFact):
    """Showcase slots in use at the end of a Pacific day."""

    day = models.DateField(_("day"))
    slots = models.PositiveIntegerField(_("slots"))
    used = models.PositiveIntegerField(_("used"))

    class Meta:
        verbose_name = _("showcase use")
        verbose_name_plural = _("showcase use")
        constraints = [
            models.UniqueConstraint(fields=["seller", "day"], name="showcase_use_once"),
        ]


class ProductDay(SellerFact):
    """Exposure, clicks and inquiries of one product on one Pacific day (K-14)."""

    product_ref = models.CharField(_("product"), max_length=64)
    day = models.DateField(_("day"))
    exposures = models.PositiveIntegerField(_("exposures"), default=0)
    clicks = models.PositiveIntegerField(_("clicks"), default=0)
    inquiries = models.PositiveIntegerField(_("inquiries"), default=0)

    class Meta:
        verbose_name = _("product day")
        verbose_name_plural = _("product days")
        constraints = [
            models.UniqueConstraint(fields=["product_ref", "day"], name="product_day_once"),
        ]
        indexes = [models.Index(fields=["seller", "day"], name="product_day_seller")]


class ExternalMetric(SellerFact):
    """A number only upstream knows (`ext.*`); the newest day ≤ as_of counts."""

    metric = models.CharField(_("metric"), max_length=80)
    day = models.DateField(_("day"))
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=4)

    class Meta:
        verbose_name = _("external metric")
        verbose_name_plural = _("external metrics")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "metric", "day"], name="external_metric_once"
            ),
        ]
