"""The demo's facts: orders, log-ins, inquiries, showcase, traffic, upstream numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from portal import platform_time
from portal.demo import people
from portal.demo.world import BUYERS, FIRST_DAY, LAST_DAY, Row, Shop, World


def draw_instant(world: World, first: date, last: date) -> str:
    """Draw an instant within Pacific days `first` … `last`."""
    starts, ends = platform_time.start_of(first), platform_time.end_of(max(first, last))
    seconds = int((ends - starts).total_seconds()) - 1
    return (starts + timedelta(seconds=world.random.randint(0, seconds))).isoformat()


def open_days(shop: Shop) -> Iterator[date]:
    """Yield the Pacific days the shop was open within the demo's time."""
    day = max(shop.opened_on, FIRST_DAY) if shop.opened_on else LAST_DAY + timedelta(days=1)
    while day <= LAST_DAY:
        yield day
        day += timedelta(days=1)


def order_rows(world: World) -> list[Row]:
    """Return rows of kind `orders`."""
    rows: list[Row] = []
    for shop in world.shops:
        for day in open_days(shop):
            if not shop.products or world.random.random() > 0.16 * shop.activity:
                continue
            rows.append(_order(world, shop, day, f"ta{700000 + len(rows)}"))
    return rows


def _order(world: World, shop: Shop, day: date, order_id: str) -> Row:
    draw = world.random
    leaf = draw.choice(shop.leaves)
    amount = round(leaf.low * draw.randint(20, 400), 2)
    created = platform_time.parse_instant(draw_instant(world, day, day))
    row: Row = {
        "order_id": order_id,
        "seller": shop.member_id,
        "buyer": f"b{5000 + draw.randrange(BUYERS)}",
        "channel": draw.choices(["trade_assurance", "e_collect"], [85, 15])[0],
        "kind": draw.choice(["rts", "customization"]),
        "category": leaf.code,
        "amount": f"{amount:.2f}",
        "created_at": created.isoformat(),
        "ship_by": (day + timedelta(days=15)).isoformat(),
        "method": draw.choice(["express", "sea", "air"]),
        "carrier": draw.choice(["DHL", "UPS", "FedEx", "COSCO"]),
        "tracking": draw.choices(["normal", "abnormal", "none"], [94, 3, 3])[0],
        "destination": draw.choice(people.BUYER_COUNTRIES),
        # Most orders are sold with service, the busier the shop the more.
        "after_sales": "remote_service" if int(order_id[2:]) % 10 < 5 + 5 * shop.activity else "",
        "fake": "true" if draw.random() < 0.01 else "",
    }
    end = platform_time.end_of(LAST_DAY)
    steps: list[tuple[str, datetime]] = []
    if draw.random() < 0.9:
        paid = created + timedelta(hours=draw.randint(1, 70))
        steps.append(("paid_at", paid))
        days = draw.randint(2, 19)
        # Fifteen days are promised: one order in eighteen leaves late.
        dispatched = paid + timedelta(days=days if days == 19 else min(days, 12))
        # What is not sent yet is recent: nobody leaves an order lying for a year.
        if draw.random() < 0.93 or day < LAST_DAY - timedelta(days=38):
            steps.append(("dispatched_at", dispatched))
            steps.append(("delivered_at", dispatched + timedelta(days=draw.randint(4, 30))))
            steps.append(("received_at", dispatched + timedelta(days=draw.randint(32, 50))))
    for name, instant in steps:
        if instant < end:
            row[name] = instant.isoformat()
    if "received_at" in row:
        row["received"] = row["amount"]
    return row


def login_rows(world: World) -> list[Row]:
    """Return rows of kind `logins`."""
    return [
        {"seller": shop.member_id, "at": draw_instant(world, day, day)}
        for shop in world.shops
        for day in open_days(shop)
        if world.random.random() < shop.activity
    ]


def inquiry_rows(world: World) -> list[Row]:
    """Return rows of kind `inquiries`."""
    rows: list[Row] = []
    for shop in world.shops:
        for day in open_days(shop):
            for _ in range(world.random.choices([0, 1, 2, 4], [70, 20, 8, 2])[0]):
                rows.append(
                    {
                        "inquiry_id": f"iq{900000 + len(rows)}",
                        "seller": shop.member_id,
                        "buyer": f"b{5000 + world.random.randrange(BUYERS)}",
                        "product": world.random.choice(shop.products) if shop.products else "",
                        "at": draw_instant(world, day, day),
                        "keyword": world.random.choice(shop.leaves).nouns[0].lower(),
                    }
                )
    return rows


def showcase_rows(world: World) -> list[Row]:
    """Return rows of kind `showcase`, twice a month."""
    rows = []
    for shop in world.shops:
        slots = 10 if shop.size < 100 else 20
        for day in open_days(shop):
            if day.day in (1, 15) or day == LAST_DAY:
                used = world.random.randint(slots // 2, slots)
                rows.append(
                    {
                        "seller": shop.member_id,
                        "day": day.isoformat(),
                        "slots": slots,
                        "used": used,
                    }
                )
    return rows


def product_day_rows(world: World) -> list[Row]:
    """Return rows of kind `product_days` for three products a shop."""
    rows = []
    for shop in world.shops:
        top = shop.products[:3]
        for day in open_days(shop):
            for product_id in top:
                exposures = int(world.random.expovariate(1 / 160) * shop.activity)
                clicks = int(exposures * world.random.uniform(0.01, 0.06))
                rows.append(
                    {
                        "seller": shop.member_id,
                        "product": product_id,
                        "day": day.isoformat(),
                        "exposures": exposures,
                        "clicks": clicks,
                        "inquiries": int(clicks * world.random.uniform(0, 0.3)),
                    }
                )
    return rows


def metric_rows(world: World) -> list[Row]:
    """Return rows of kind `metrics`: a score upstream alone knows."""
    rows = []
    for shop in world.shops:
        value = world.random.randint(40, 90)
        for day in open_days(shop):
            if day.day == 1:
                value = min(100, max(20, value + world.random.randint(-6, 7)))
                rows.append(
                    {
                        "seller": shop.member_id,
                        "day": day.isoformat(),
                        "metric": "ext.shop_score",
                        "value": str(value),
                    }
                )
    return rows
