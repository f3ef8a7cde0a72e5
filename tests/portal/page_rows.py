"""Rows and days that the tests of the kernel's pages share."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal import platform_time
from portal.choices import BuyerTier, OrderChannel, RunState, TradeKind
from portal.models import (
    Bulletin,
    Buyer,
    Inquiry,
    JobRun,
    MetricValue,
    NightRun,
    Notice,
    Order,
    Seller,
    User,
)
from portal.scoping import unscoped

TODAY = date(2022, 8, 3)
NOW = platform_time.parse_instant("2022-08-03T12:00:00-07:00")
AS_OF = TODAY - timedelta(days=2)

EVERYBODY = [
    "portal:home",
    "portal:notices",
    "portal:notice-preferences",
    "portal:bulletins",
    "portal:orders",
    "portal:inquiries",
    "portal:metrics",
    "portal:rulebooks",
    "portal:shop",
]
"""Pages that every member may read."""


def buyer_create(number: int, tier: str = BuyerTier.L0) -> Buyer:
    return Buyer.objects.create(
        buyer_id=f"b{number}",
        company=f"Buyer {number}",
        country="US",
        tier=tier,
        tier_since=date(2022, 8, 1),
    )


def order_create(shop: Seller, buyer: Buyer, order_id: str, **fields: Any) -> Order:
    defaults = {
        "channel": OrderChannel.TRADE_ASSURANCE,
        "kind": TradeKind.RTS,
        "amount": Decimal("1234.50"),
        "created_at": NOW - timedelta(days=5),
    }
    return Order.objects.create(
        seller=shop, buyer=buyer, order_id=order_id, **{**defaults, **fields}
    )


def fill(shop: Seller, user: User, count: int) -> None:
    """Give a shop `count` of everything its pages list."""
    with unscoped():
        start = Order.objects.count()
        for number in range(start, start + count):
            buyer = buyer_create(number, BuyerTier.L2)
            order_create(shop, buyer, f"o{number}", paid_at=NOW - timedelta(days=4), ship_by=TODAY)
            Inquiry.objects.create(
                seller=shop, buyer=buyer, inquiry_id=f"i{number}", keyword="e-bike", at=NOW
            )
            notice_create(shop, user, f"n{number}")
            bulletin_create(f"bulletin-{number}")
            MetricValue.objects.create(
                seller=shop, metric=f"ext.m{number}", value=number, valid_from=AS_OF
            )


def notice_create(shop: Seller | None, user: User, key: str, **fields: Any) -> Notice:
    params = {"bulletin": "Rules", "effective": "tomorrow"}
    with unscoped():
        return Notice.objects.create(
            user=user, seller=shop, key=key, kind="bulletin_published", params=params, **fields
        )


def bulletin_create(slug: str = "new-rules", **fields: Any) -> Bulletin:
    defaults = {
        "title_en": f"News {slug}",
        "body_en": "What changes.",
        "published_at": NOW - timedelta(days=1),
        "effective_on": TODAY + timedelta(days=3),
        "questions_until": NOW + timedelta(days=3),
        "actions": [{"text_en": "See the orders", "url": "/orders/"}],
    }
    return Bulletin.objects.create(slug=slug, **{**defaults, **fields})


def night_publish(day: date) -> None:
    """Let readers see a day of the metrics, as a finished night does."""
    run = NightRun.objects.create(as_of=day, state=RunState.COMPLETE)
    for job in ("metrics", "metrics.derived"):
        JobRun.objects.create(
            run=run,
            job=job,
            as_of=day,
            state=RunState.COMPLETE,
            published_at=platform_time.wall_clock(),
        )
