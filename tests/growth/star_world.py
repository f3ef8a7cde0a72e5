"""A random world of shops for the stars, and what the rules make of it by plain loops."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from growth.models import StarStanding
from growth.models.stars import STAR_PAYLOAD
from growth.stars.metrics import LOCAL_SERVICE
from growth.stars.reading import industry_of
from growth.stars.rules import StarResult, star_result
from growth.stars.schema import STAR
from portal.choices import OrderChannel, SellerStatus, TradeKind
from portal.metrics import metric_empty
from portal.models import Buyer, Category, ExternalMetric, MetricValue, Order, Seller
from portal.platform_time import end_of, last_days, start_of
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from tests import factories
from tests.factories import Node

SECOND = timedelta(seconds=1)
_numbers = itertools.count(1)
INDUSTRIES = ("machinery", "building-materials", "construction-machinery", "toys")


def industries_create() -> dict[str, Category]:
    """Make the three industries of the rules of December 2022 and one beside them."""
    return factories.tree_create([Node(code, None, code, code) for code in INDUSTRIES])


def order_create(seller: Seller, **over: Any) -> Order:
    """Make a customization order of USD 100, paid the moment it was created."""
    at: datetime = over.pop("at", start_of(date(2022, 7, 1)))
    number = next(_numbers)
    buyer, _made = Buyer.objects.get_or_create(
        buyer_id=over.pop("buyer", f"star-{number}"), defaults={"country": "US"}
    )
    fields = {
        "order_id": f"star-{seller.pk}-{number}",
        "channel": OrderChannel.TRADE_ASSURANCE,
        "kind": TradeKind.CUSTOMIZATION,
        "amount": Decimal(100),
        "created_at": at,
        "paid_at": at,
    }
    with unscoped():
        return Order.objects.create(seller=seller, buyer=buyer, **(fields | over))


def metric_of(seller: Seller, key: str, day: date) -> Decimal | None:
    """Return a metric of a shop as of a day, as readers take it."""
    with unscoped():
        row = MetricValue.objects.as_of(day).filter(seller=seller, metric=key).first()
    return row.value if row else metric_empty(key)


# --- A random world -----------------------------------------------------------------------------


def world_create(categories: dict[str, Category], day: date, *, sellers: int, seed: int) -> None:
    """Make shops of all industries with orders and numbers around the edges of the tables."""
    draw = random.Random(seed)
    buyers = Buyer.objects.bulk_create(
        Buyer(buyer_id=f"w{number}", country="US") for number in range(6)
    )
    with unscoped():
        for number in range(sellers):
            category = categories[INDUSTRIES[number % len(INDUSTRIES)]]
            shop = factories.seller_create(category, member_id=f"w{number:03}")
            if number % 11 == 10:
                Seller.objects.filter(pk=shop.pk).update(status=SellerStatus.CLOSED)
            Order.objects.bulk_create(_orders(draw, shop, buyers, day))
            ExternalMetric.objects.create(
                seller=shop, metric="ext.potential_products", day=day,
                value=Decimal(draw.choice(["-3", "0", "17.3333", "49.9999", "50", "9999999999999"])),
            )  # fmt: skip


def _orders(draw: random.Random, shop: Seller, buyers: list[Buyer], day: date) -> list[Order]:
    rows = []
    for number in range(draw.choice([0, 1, 3, 7, 12])):
        edge = draw.choice([last_days(90, day).starts_at, last_days(180, day).starts_at])
        inside = end_of(day) - draw.random() * timedelta(days=200)
        created = draw.choice([edge, edge - SECOND, end_of(day) - SECOND, end_of(day), inside])
        paid = draw.choice([None, created, created + timedelta(days=2)])
        promised = day - timedelta(days=draw.choice([0, 1, 30, 89, 90]))
        rows.append(
            Order(
                order_id=f"{shop.member_id}-{number}",
                seller=shop,
                buyer=draw.choice(buyers),
                channel=OrderChannel.E_COLLECT,
                kind=draw.choices([*TradeKind.values], [1, 4])[0],
                amount=Decimal(draw.choice(["1999.99", "2000", "20000", "39999.995", "100000.01"])),
                created_at=created,
                paid_at=paid,
                ship_by=promised,
                dispatched_at=draw.choice([None, start_of(promised), end_of(day)]),
                tracking=draw.choice(["normal", "normal", "abnormal"]),
                after_sales=draw.choice([[], [LOCAL_SERVICE], ["remote_warranty"]]),
                fake=draw.random() < 0.1,
            )
        )
    return rows


# --- By the rules -------------------------------------------------------------------------------


def stars_by_rules(day: date) -> dict[str, StarResult]:
    """Return member id → stars by the pure rules, from the metric values of the day."""
    rules = rulebook_for(STAR, day).content
    found = {}
    with unscoped():
        for shop in Seller.objects.exclude(status=SellerStatus.CLOSED).select_related("industry"):
            values = {key: metric_of(shop, key, day) for key in rules.metrics()}
            found[shop.member_id] = star_result(rules, industry=industry_of(shop), values=values)
    return found


def expected_row(result: StarResult, version: str) -> dict[str, Any]:
    """Return what the standing has to hold."""
    powers = {power.key: power for power in result.powers}
    return {
        "rulebook": version,
        **{key: power.points for key, power in powers.items()},
        "trade_bonus": powers["trade"].bonus,
        "marketing_bonus": powers["marketing"].bonus,
        "star": result.star,
    }


def stars_published(day: date) -> dict[str, dict[str, Any]]:
    """Return the standing as of a day by member id."""
    with unscoped():
        rows = StarStanding.objects.as_of(day).values("seller__member_id", *STAR_PAYLOAD)
        return {row.pop("seller__member_id"): row for row in rows}


def figures_by_loop(shop: Seller, day: date, days: int) -> dict[str, Decimal | None]:
    """Return the trade figures of a window straight from their definitions; percent unrounded."""
    window = last_days(days, day)
    with unscoped():
        orders = [
            order
            for order in Order.objects.filter(seller=shop)
            if order.kind == TradeKind.CUSTOMIZATION and not order.fake
        ]
    paid = [order for order in orders if order.paid_at and window.contains(order.paid_at)]
    created = [order for order in orders if window.contains(order.created_at)]
    converted = [each for each in created if each.paid_at and each.paid_at < end_of(day)]
    buyers = Counter(order.buyer_id for order in paid)
    again = sum(number >= 2 for number in buyers.values())
    local = [order for order in paid if LOCAL_SERVICE in order.after_sales]
    return {
        "online_amount": sum((order.amount for order in paid), Decimal(0)),
        "payment_conversion": _percent(len(converted), len(created)),
        "repurchase_rate": _percent(again, len(buyers)),
        "local_after_sales": sum((order.amount for order in local), Decimal(0)),
    }


def _percent(part: int, whole: int) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.0001"))
