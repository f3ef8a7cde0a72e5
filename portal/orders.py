"""Where an order stands, derived from its dates: one definition for rows and for filters."""

from __future__ import annotations

from datetime import date, datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal import platform_time
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


def order_state(order: Order, now: datetime) -> OrderState:
    """Return where an order stands at an instant; it is late once the day `ship_by` has ended.

    What lies after `now` has not happened yet: the platform's clock can be moved back (K-5).
    """
    if _happened(order.delivered_at, now):
        return OrderState.DELIVERED
    if _happened(order.dispatched_at, now):
        return OrderState.SHIPPED
    if not _happened(order.paid_at, now):
        return OrderState.UNPAID
    late = order.ship_by is not None and order.ship_by < platform_time.day_of(now)
    return OrderState.LATE if late else OrderState.TO_SHIP


def _happened(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now


def orders_in(state: str, now: datetime, today: date | None = None) -> Q:
    """Return the condition that keeps the orders for which `order_state` gives `state`.

    `today` is the Pacific day of `now`, where that is known.
    """
    delivered, dispatched, paid = (
        Q(**{f"{name}__isnull": False, f"{name}__lte": now})
        for name in ("delivered_at", "dispatched_at", "paid_at")
    )
    waiting = paid & ~dispatched & ~delivered
    late = Q(ship_by__isnull=False, ship_by__lt=today or platform_time.day_of(now))
    return {
        OrderState.DELIVERED: delivered,
        OrderState.SHIPPED: dispatched & ~delivered,
        OrderState.UNPAID: ~paid & ~dispatched & ~delivered,
        OrderState.TO_SHIP: waiting & ~late,
        OrderState.LATE: waiting & late,
    }[OrderState(state)]
