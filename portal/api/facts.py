"""`/orders` and `/inquiries`: a shop's own facts, with the buyer as far as it may be seen (K-11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers

from portal import platform_time
from portal.api.filters import CountryFilter, DayFilter, TruthFilter
from portal.api.views import ScopedView
from portal.choices import OrderChannel, TradeKind
from portal.models import Buyer, Dispute, Inquiry, Order, OrderLine
from portal.services.buyers import buyer_badges


class BuyerSerializer(serializers.Serializer):
    """What a seller sees of a buyer who only asked: never who it is."""

    badge = serializers.SerializerMethodField()
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")

    def get_badge(self, buyer: Buyer) -> str | None:
        """Return `L1+`, `L3`, `L4` or nothing."""
        badges: Mapping[int, str | None] = self.context["badges"]
        return badges.get(buyer.pk)


class OrderBuyerSerializer(BuyerSerializer):
    """The other party of an order: its company is known to the seller."""

    company = serializers.CharField()


class BadgesMixin:
    """Reads the badges of a page's buyers at once and hands them to the serializer."""

    badges: Mapping[int, str | None] = {}

    def look_up_badges(self, rows: Iterable[Any]) -> None:
        """Keep the badges of the rows' buyers; a constant number of queries."""
        self.badges = buyer_badges(
            seller=self.request.seller,  # type: ignore[attr-defined]
            buyers=[row.buyer for row in rows],
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return one page."""
        page = super().paginate_queryset(queryset)  # type: ignore[misc]
        self.look_up_badges(page)
        return page

    def get_object(self) -> Any:
        """Return one row."""
        row = super().get_object()  # type: ignore[misc]
        self.look_up_badges([row])
        return row

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the badges."""
        return {**super().get_serializer_context(), "badges": self.badges}  # type: ignore[misc]


class DayRangeFilter(django_filters.FilterSet):
    """Pacific days, both included."""

    first_day = DayFilter(method="since", label="First Pacific day.")
    last_day = DayFilter(method="until", label="Last Pacific day.")
    instant = "created_at"

    def since(self, rows: QuerySet, _name: str, day: Any) -> QuerySet:
        """Keep rows from the start of a day."""
        return rows.filter(**{f"{self.instant}__gte": platform_time.start_of(day)})

    def until(self, rows: QuerySet, _name: str, day: Any) -> QuerySet:
        """Keep rows before the end of a day."""
        return rows.filter(**{f"{self.instant}__lt": platform_time.end_of(day)})


# --- Orders -------------------------------------------------------------------------------------


class OrderSerializer(serializers.ModelSerializer):
    """An order of the shop; amounts in USD."""

    buyer = OrderBuyerSerializer()
    category = serializers.CharField(source="category.code", default=None, allow_null=True)
    rfq = serializers.CharField(source="rfq_ref", help_text="RFQ id, or empty.")

    class Meta:
        model = Order
        fields = [
            "order_id",
            "buyer",
            "channel",
            "kind",
            "category",
            "rfq",
            "amount",
            "received",
            "created_at",
            "paid_at",
            "received_at",
            "ship_by",
            "dispatched_at",
            "delivered_at",
            "carrier",
            "method",
            "tracking",
            "destination",
        ]
        read_only_fields = fields


class OrderLineSerializer(serializers.ModelSerializer):
    """One product of an order."""

    product = serializers.CharField(source="product_ref", help_text="Product id.")

    class Meta:
        model = OrderLine
        fields = ["product", "quantity", "unit_price"]
        read_only_fields = fields


class DisputeSerializer(serializers.ModelSerializer):
    """A buyer's dispute."""

    class Meta:
        model = Dispute
        fields = [
            "dispute_id",
            "reason",
            "opened_at",
            "before_dispatch",
            "arbitration_at",
            "outcome",
        ]
        read_only_fields = fields


class OrderDetailSerializer(OrderSerializer):
    """An order with its lines and disputes."""

    lines = serializers.SerializerMethodField()
    disputes = serializers.SerializerMethodField()

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "lines", "disputes"]
        read_only_fields = fields

    @extend_schema_field(OrderLineSerializer(many=True))
    def get_lines(self, order: Order) -> list[dict[str, Any]]:
        """Return the products of the order."""
        lines = OrderLine.objects.filter(order=order).order_by("pk")
        return list(OrderLineSerializer(lines, many=True).data)

    @extend_schema_field(DisputeSerializer(many=True))
    def get_disputes(self, order: Order) -> list[dict[str, Any]]:
        """Return the disputes, oldest first."""
        disputes = Dispute.objects.filter(order=order).order_by("opened_at", "pk")
        return list(DisputeSerializer(disputes, many=True).data)


class OrderFilter(DayRangeFilter):
    """By kind, channel, destination, state and day of creation."""

    channel = django_filters.ChoiceFilter(choices=OrderChannel.choices)
    kind = django_filters.ChoiceFilter(choices=TradeKind.choices)
    destination = CountryFilter(lookup_expr="iexact", label="Country code.")
    paid = TruthFilter(field_name="paid_at", lookup_expr="isnull", exclude=True)
    dispatched = TruthFilter(field_name="dispatched_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Order
        fields: list[str] = []


class OrderList(BadgesMixin, ScopedView, generics.ListAPIView):
    """The shop's orders, newest first."""

    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    cursor_ordering = ("-created_at", "-pk")

    def get_queryset(self) -> QuerySet[Order]:
        """Return the orders in scope that the platform's clock has seen (K-5)."""
        if getattr(self, "swagger_fake_view", False):
            return Order.objects.none()
        known = Order.objects.filter(created_at__lte=platform_time.now())
        return known.select_related("buyer", "category")


class OrderDetail(BadgesMixin, ScopedView, generics.RetrieveAPIView):
    """One order of the shop with its lines and disputes."""

    serializer_class = OrderDetailSerializer
    lookup_field = "order_id"

    def get_queryset(self) -> QuerySet[Order]:
        """Return the orders in scope that the platform's clock has seen (K-5)."""
        if getattr(self, "swagger_fake_view", False):
            return Order.objects.none()
        known = Order.objects.filter(created_at__lte=platform_time.now())
        return known.select_related("buyer", "category")


# --- Inquiries ----------------------------------------------------------------------------------


class InquirySerializer(serializers.ModelSerializer):
    """A buyer's inquiry; the buyer's identity stays with the platform."""

    buyer = BuyerSerializer()
    product = serializers.CharField(source="product_ref", help_text="Product id, or empty.")

    class Meta:
        model = Inquiry
        fields = ["inquiry_id", "at", "buyer", "product", "keyword"]
        read_only_fields = fields


class InquiryFilter(DayRangeFilter):
    """By product, country and day."""

    instant = "at"
    product = django_filters.CharFilter(field_name="product_ref", label="Product id.")
    country = CountryFilter(
        field_name="buyer__country", lookup_expr="iexact", label="Country code of the buyer."
    )

    class Meta:
        model = Inquiry
        fields: list[str] = []


class InquiryList(BadgesMixin, ScopedView, generics.ListAPIView):
    """The shop's inquiries, newest first."""

    serializer_class = InquirySerializer
    filterset_class = InquiryFilter
    cursor_ordering = ("-at", "-pk")

    def get_queryset(self) -> QuerySet[Inquiry]:
        """Return the inquiries in scope that the platform's clock has seen (K-5)."""
        if getattr(self, "swagger_fake_view", False):
            return Inquiry.objects.none()
        return Inquiry.objects.filter(at__lte=platform_time.now()).select_related("buyer")
