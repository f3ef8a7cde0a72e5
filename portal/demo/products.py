"""The demo's products and their later versions."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from portal import platform_time
from portal.demo.facts import draw_instant
from portal.demo.world import (
    COUNTRIES,
    DEFAULT_NOW,
    FIRST_DAY,
    PRODUCTS,
    SERVICES,
    Leaf,
    Row,
    Shop,
    World,
)

WORKED_EXAMPLES = 5
"""Products of the first shop that are made for a theme; nothing edits them later."""
WATCHED = 3
"""Products after these that rules about words, marks and substances speak of; nothing edits them either."""


def _values(world: World, leaf: Leaf) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for code in leaf.attributes:
        _, _, kind, *allowed = world.catalogue["attributes"][code]
        if world.random.random() < 0.12:
            continue
        if kind == "select":
            values[code] = world.random.choice(allowed)
        elif kind == "multi":
            values[code] = sorted(world.random.sample(allowed, world.random.randint(1, 3)))
        elif kind == "number":
            values[code] = str(world.random.choice([30, 50, 100, 120, 150, 200, 350, 500]))
        else:
            values[code] = f"{leaf.code[:2].upper()}-{world.random.randint(100, 999)}"
    return values


def _product(world: World, shop: Shop, leaf: Leaf, product_id: str) -> Row:
    draw = world.random
    low = round(leaf.low * (leaf.high / leaf.low) ** (draw.random() * 0.8), 2)
    high = round(min(low * draw.uniform(1.05, 1.6), leaf.high), 2)
    opened = max(shop.opened_on or shop.paid_on, FIRST_DAY)
    kind = "rts" if draw.random() < 0.55 else "customization"
    adjective = draw.choice(
        ["New Arrival", "Hot Sale", "Custom", "Wholesale", "Factory Price", "OEM"]
    )
    row: Row = {
        "product_id": product_id,
        "seller": shop.member_id,
        "category": leaf.code,
        "title": f"{adjective} {draw.choice(leaf.nouns)} {draw.randint(10, 99)}",
        "keywords": "|".join(noun.lower() for noun in leaf.nouns[:2]),
        "brand": draw.choice(["", "", "OEM", "Bluepeak"]),
        "kind": kind,
        "status": draw.choices(["live", "off_shelf", "draft"], [88, 7, 5])[0],
        "price_min": f"{low:.2f}",
        "price_max": f"{max(high, low):.2f}",
        "moq": str(draw.choice([1, 2, 10, 50, 100, 500])),
        "unit": "set" if leaf.high > 300 else "piece",
        "attributes": json.dumps(_values(world, leaf), ensure_ascii=False),
        "custom_attributes": json.dumps({"Packing": draw.choice(["Carton", "Gift box", "彩盒"])}),
        "target_countries": "|".join(sorted(draw.sample(COUNTRIES, draw.randint(0, 4)))),
        "services": "|".join(sorted(draw.sample(SERVICES, draw.randint(0, 4)))),
        "images": str(draw.randint(1, 6)),
        "video": draw.choices(["none", "low", "good"], [60, 15, 25])[0],
        "dispatch_days": str(draw.choice([3, 7, 15, 30])),
        "changed_at": draw_instant(world, opened, max(opened, _last_first_day(opened))),
    }
    if kind == "rts" and draw.random() < 0.6:
        steps = [(1, 1.0), (10, 0.95), (100, 0.9), (500, 0.86)][: draw.randint(2, 4)]
        prices = [[quantity, f"{low * share / steps[-1][1]:.2f}"] for quantity, share in steps]
        row["tiers"] = json.dumps(prices)
        row["price_min"] = row["price_max"] = ""
    return row


def _last_first_day(opened: date) -> date:
    """Products begin within 200 days after the shop opened, and before the demo's last weeks."""
    now = platform_time.day_of(platform_time.parse_instant(DEFAULT_NOW))
    return min(opened + timedelta(days=200), now - timedelta(days=12))


def product_rows(world: World) -> list[Row]:
    """Return rows of kind `products`, each product as it began."""
    rows: list[Row] = []
    target = PRODUCTS - sum(shop.size for shop in world.shops)
    spread = [shop for shop in world.shops if shop.size >= 30]
    for index in range(max(target, 0)):
        spread[index % len(spread)].size += 1
    for shop in world.shops:
        for number in range(shop.size):
            product_id = f"{shop.member_id}-{number + 1:04d}"
            shop.products.append(product_id)
            rows.append(_product(world, shop, world.random.choice(shop.leaves), product_id))
    _worked_examples(world, rows)
    return rows


def _worked_examples(world: World, rows: list[Row]) -> None:
    """Make the first products of the first shop answer the two themes of the 2021-07 briefing."""
    kit = {
        "category": "e-bike-kits",
        "title": "DIY E-bike Conversion Kit with Lead Acid Battery",
        "kind": "rts",
        "status": "live",
        "price_min": "1250.00",
        "price_max": "2450.00",
        "tiers": "",
        "attributes": json.dumps(
            {
                "power_supply": "LEAD-ACID BATTERY",
                "battery_capacity": "10.5 AH",
                "motor_type": "Brush Gear Hub Motor",
            }
        ),
        "target_countries": "ID|MY",
        "keywords": "e-bike kit|hub motor",
        "changed_at": "2021-08-02T03:00:00+00:00",
        "services": "overseas_after_sales|linked_certificate",
    }
    trampoline = {
        "category": "trampolines",
        "title": "10FT Indoor Trampoline with Safety Net",
        "kind": "rts",
        "status": "live",
        "price_min": "129.00",
        "price_max": "169.00",
        "tiers": "",
        "attributes": json.dumps({"trampoline_size": "10FT", "max_load_kg": "120"}),
        "target_countries": "US",
        "keywords": "trampoline|fitness",
        "changed_at": "2021-08-03T03:00:00+00:00",
    }
    rows[0].update(kit)
    # Nearly: the capacity was typed by hand, so it does not count.
    rows[1].update(
        kit,
        title="E-bike Kit 10.5 AH for City Bicycle",
        attributes=json.dumps(
            {"power_supply": "LEAD-ACID BATTERY", "motor_type": "Brush Gear Hub Motor"}
        ),
        custom_attributes=json.dumps({"Battery capacity": "10.5 AH"}),
    )
    rows[2].update(trampoline)
    rows[3].update(trampoline, title="Folding Mini Trampoline 10FT", target_countries="DE|FR")
    _watched(rows)
    # Misses the Saudi theme by its target country alone: the home page has something to suggest.
    rows[4].update(
        category="treadmills",
        title="Foldable Walking Pad for Home",
        keywords="walking pad|treadmill",
        kind="rts",
        status="live",
        price_min="260.00",
        price_max="310.00",
        tiers="",
        attributes=json.dumps({"max_load_kg": "120", "color": ["Black"]}),
        target_countries="AE|US",
        services="dispatch_7d|sample",
        changed_at="2021-09-01T03:00:00+00:00",
    )


def _watched(rows: list[Row]) -> None:
    """Give the first shop a protected mark in a title, forbidden words, and a restricted substance."""
    live = {"status": "live", "kind": "customization", "attributes": "", "custom_attributes": ""}
    rows[WORKED_EXAMPLES].update(
        live, category="city-bikes", title="Retrospec Style City Bicycle 26 inch"
    )
    rows[WORKED_EXAMPLES + 1].update(
        live, category="e-bike-kits", title="Rear Light with License Plate Flipper"
    )
    rows[WORKED_EXAMPLES + 2].update(
        live, category="e-bike-kits", title="Chain Degreaser with Acetone", cas="67-64-1"
    )


def edit_rows(world: World, products: list[Row]) -> list[Row]:
    """Return later versions of a third of the products, some of them in the last days before now."""
    now = platform_time.day_of(platform_time.parse_instant(DEFAULT_NOW)) - timedelta(days=1)
    rows = []
    watched = {row["product_id"] for row in products[WORKED_EXAMPLES : WORKED_EXAMPLES + WATCHED]}
    for row in products[WORKED_EXAMPLES:]:
        if world.random.random() > 0.35:
            continue
        changed_on = platform_time.day_of(platform_time.parse_instant(row["changed_at"]))
        recent = world.random.random() < 0.15
        first = now - timedelta(days=4) if recent else changed_on + timedelta(days=1)
        last = now
        if max(first, changed_on + timedelta(days=1)) > last:
            continue
        edit = dict(
            row,
            changed_at=draw_instant(world, max(first, changed_on + timedelta(days=1)), last),
        )
        change = world.random.choice(["countries", "status", "services", "title"])
        if change == "countries":
            edit["target_countries"] = "|".join(sorted(world.random.sample(COUNTRIES, 3)))
        elif change == "status":
            edit["status"] = "off_shelf" if row["status"] == "live" else "live"
        elif change == "services":
            edit["services"] = "|".join(sorted(world.random.sample(SERVICES, 3)))
        else:
            edit["title"] = f"{row['title']} {world.random.choice(['2022', 'Pro', '升级款'])}"
        if row["product_id"] not in watched:
            rows.append(edit)
    return rows
