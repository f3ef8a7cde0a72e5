"""Where an order stands, derived from its dates: one definition for rows and for filters."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.models import Order


class OrderState(models.TextChoices):
    """Steps of an order as its seller sees them."""

    UNPAID = "unpaid", _("Waiting for payment")
    TO_SHIP = "to_ship", _("To ship")
    LATE = "late", _("Late to ship")
    SHIPPED = "shipped", _("Shipped")
    DELIVERED = "delivered", _("Delivered")


TONES = {
    OrderState.UNPAID: "muted",
    OrderState.TO_SHIP: "info",
    OrderState.LATE: "danger",
    OrderState.SHIPPED: "accent",
    OrderState.DELIVERED: "ok",
}


def order_state(order: Order, day: date) -> OrderState:
    """Return where an order stands on a Pacific day; it is late from the day after `ship_by`."""
    if order.delivered_at:
        return OrderState.DELIVERED
    if order.dispatched_at:
        return OrderState.SHIPPED
    if not order.paid_at:
        return OrderState.UNPAID
    return OrderState.LATE if order.ship_by and order.ship_by < day else OrderState.TO_SHIP


def orders_in(state: str, day: date) -> Q:
    """Return the condition that keeps the orders for which `order_state` gives `state`."""
    waiting = Q(delivered_at=None, dispatched_at=None, paid_at__isnull=False)
    late = Q(ship_by__lt=day)
    return {
        OrderState.DELIVERED: Q(delivered_at__isnull=False),
        OrderState.SHIPPED: Q(delivered_at=None, dispatched_at__isnull=False),
        OrderState.UNPAID: Q(delivered_at=None, dispatched_at=None, paid_at=None),
        OrderState.TO_SHIP: waiting & (Q(ship_by=None) | Q(ship_by__gte=day)),
        OrderState.LATE: waiting & late,
    }[OrderState(state)]
