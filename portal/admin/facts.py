"""Shared facts: what upstream has sent, to search and look at (K-13, K-14)."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from portal.admin.base import ReadOnlyAdmin, ReadOnlyInline
from portal.models import (
    Buyer,
    BuyerVisit,
    Dispute,
    ExternalMetric,
    Inquiry,
    LoginDay,
    MetricValue,
    Order,
    OrderLine,
    ProductDay,
    ShowcaseUse,
)


@admin.register(Buyer)
class BuyerAdmin(ReadOnlyAdmin):
    list_display = ("buyer_id", "company", "country", "tier", "tier_since")
    list_filter = ("tier",)
    search_fields = ("buyer_id", "company")


class SellerFactAdmin(ReadOnlyAdmin):
    """Rows of one seller, found by the shop's id or name."""

    list_select_related: ClassVar[tuple[str, ...]] = ("seller",)
    search_fields: ClassVar[tuple[str, ...]] = ("=seller__member_id",)


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    show_change_link = False


class DisputeInline(ReadOnlyInline):
    model = Dispute


@admin.register(Order)
class OrderAdmin(SellerFactAdmin):
    list_display = (
        "order_id",
        "seller",
        "buyer",
        "channel",
        "kind",
        "amount",
        "received",
        "created_at",
        "paid_at",
        "dispatched_at",
        "fake",
    )
    list_filter = ("channel", "kind", "tracking", "fake")
    list_select_related = ("seller", "buyer")
    search_fields = ("=order_id", "=seller__member_id", "=buyer__buyer_id")
    date_hierarchy = "created_at"
    inlines = (OrderLineInline, DisputeInline)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = ("dispute_id", "order", "reason", "opened_at", "arbitration_at", "outcome")
    list_filter = ("reason", "before_dispatch")
    list_select_related = ("order",)
    search_fields = ("=dispute_id", "=order__order_id", "=order__seller__member_id")
    date_hierarchy = "opened_at"


@admin.register(Inquiry)
class InquiryAdmin(SellerFactAdmin):
    list_display = ("inquiry_id", "seller", "buyer", "product_ref", "at", "keyword")
    list_select_related = ("seller", "buyer")
    search_fields = ("=inquiry_id", "=seller__member_id", "=buyer__buyer_id", "=product_ref")
    date_hierarchy = "at"


@admin.register(BuyerVisit)
class BuyerVisitAdmin(SellerFactAdmin):
    list_display = ("visit_id", "seller", "buyer", "product_ref", "at")
    list_select_related = ("seller", "buyer")
    search_fields = ("=visit_id", "=seller__member_id", "=buyer__buyer_id")
    date_hierarchy = "at"


@admin.register(LoginDay)
class LoginDayAdmin(SellerFactAdmin):
    list_display = ("seller", "day", "at")
    date_hierarchy = "day"


@admin.register(ShowcaseUse)
class ShowcaseUseAdmin(SellerFactAdmin):
    list_display = ("seller", "day", "slots", "used")
    date_hierarchy = "day"


@admin.register(ProductDay)
class ProductDayAdmin(SellerFactAdmin):
    list_display = ("seller", "product_ref", "day", "exposures", "clicks", "inquiries")
    search_fields = ("=seller__member_id", "=product_ref")
    date_hierarchy = "day"


@admin.register(ExternalMetric)
class ExternalMetricAdmin(SellerFactAdmin):
    list_display = ("seller", "metric", "day", "value")
    search_fields = ("=seller__member_id", "=metric")
    date_hierarchy = "day"


@admin.register(MetricValue)
class MetricValueAdmin(SellerFactAdmin):
    """Counted by the night; a row holds from its first to its last as-of day."""

    list_display = ("seller", "metric", "value", "valid_from", "valid_to")
    search_fields = ("=seller__member_id", "=metric")
    date_hierarchy = "valid_from"
