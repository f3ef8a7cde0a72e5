"""Kinds of trade facts: buyers, orders, order lines, disputes (K-10, K-13)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import BuyerTier, DisputeReason, OrderChannel, Tracking, TradeKind
from portal.ingest.columns import (
    Bool,
    Choice,
    Code,
    Country,
    Day,
    Instant,
    Money,
    Ref,
    Text,
    TextList,
)
from portal.ingest.kinds import ModelKind, Row, register
from portal.models import Buyer, Category, Dispute, Order, OrderLine, Seller

INSTANT = "2022-07-19T18:00:00-07:00"


@register
class BuyerKind(ModelKind):
    """Buyers; a change of tier is dated with the platform's day (K-10)."""

    name = "buyers"
    label = _("buyers")
    model = Buyer
    key = ("buyer_id",)
    columns = (
        Code("buyer_id", example="B-1001"),
        Text("company", optional=True, example="Harbor Imports LLC"),
        Country("country", example="US"),
        Choice("tier", choices=BuyerTier.values, example="L2"),
        Text("email", optional=True, max_length=254, example="buyer@example.com"),
    )

    def derive(self, rows: list[Row], values: list[dict[str, Any]]) -> None:
        """Date the tier today."""
        today = platform_time.today()
        for value in values:
            value["tier_since"] = today

    def merge(self, stored: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Keep the old date while the tier stays."""
        if stored["tier"] == values["tier"]:
            return values | {"tier_since": stored["tier_since"]}
        return values


@register
class OrderKind(ModelKind):
    """Trade assurance and online-collection orders (K-13)."""

    name = "orders"
    label = _("orders")
    model = Order
    key = ("order_id",)
    fixed = ("seller",)
    fields = {"rfq": "rfq_ref"}
    columns = (
        Code("order_id", example="O-2022-0001"),
        Ref("seller", model=Seller, by="member_id", example="cn1000001"),
        Ref("buyer", model=Buyer, by="buyer_id", example="B-1001"),
        Choice("channel", choices=OrderChannel.values, example="trade_assurance"),
        Choice("kind", choices=TradeKind.values, example="rts"),
        Ref("category", model=Category, by="code", optional=True, example="bike-kits"),
        Code("rfq", optional=True, example="R-5001"),
        Money("amount", example="1250.00"),
        Instant("created_at", example=INSTANT),
        Instant("paid_at", optional=True, example=INSTANT),
        Instant("received_at", optional=True, example=INSTANT),
        Money("received", optional=True, example="1250.00"),
        Day("ship_by", optional=True, example="2022-08-01"),
        Instant("dispatched_at", optional=True),
        Instant("delivered_at", optional=True),
        Text("carrier", optional=True, max_length=80, example="DHL"),
        Text("method", optional=True, max_length=40, example="express"),
        Choice(
            "tracking", choices=Tracking.values, optional=True, default="none", example="normal"
        ),
        Country("destination", optional=True, example="US"),
        Bool("fake", optional=True, example="false"),
        TextList("after_sales", optional=True, item=Code("service"), example="local_service"),
    )

    def derive(self, rows: list[Row], values: list[dict[str, Any]]) -> None:
        """Take the whole amount as received where a row says when, but not how much."""
        self.assumed: set[str] = set()
        for row, value in zip(rows, values, strict=True):
            if value.get("received_at") and value.get("received") is None:
                value["received"] = value["amount"]
                if "received" not in row:
                    self.assumed.add(value["order_id"])

    def merge(self, stored: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Keep the amount received that was told before, when the row does not speak of it."""
        if values["order_id"] in self.assumed and stored["received"] is not None:
            return values | {"received": stored["received"]}
        return values


@register
class OrderLineKind(ModelKind):
    """Product lines of orders (K-13)."""

    name = "order_lines"
    label = _("order lines")
    model = OrderLine
    key = ("order", "product")
    fields = {"product": "product_ref"}
    columns = (
        Ref("order", model=Order, by="order_id", example="O-2022-0001"),
        Code("product", example="P-1"),
        Money("quantity", places=3, least=Decimal(0), example="100"),
        Money("unit_price", example="12.50"),
    )


@register
class DisputeKind(ModelKind):
    """Disputes of buyers on orders (K-13)."""

    name = "disputes"
    label = _("disputes")
    model = Dispute
    key = ("dispute_id",)
    fixed = ("order",)
    columns = (
        Code("dispute_id", example="D-1"),
        Ref("order", model=Order, by="order_id", example="O-2022-0001"),
        Choice("reason", choices=DisputeReason.values, example="quality"),
        Instant("opened_at", example=INSTANT),
        Bool("before_dispatch", optional=True, example="false"),
        Instant("arbitration_at", optional=True),
        Text("outcome", optional=True, max_length=40),
    )
