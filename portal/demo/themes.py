"""The demo's themes: the two worked examples of the 2021-07 briefing and others."""

from __future__ import annotations

import json
from datetime import timedelta

from portal.demo.world import COUNTRIES, FIRST_DAY, THEMES, Leaf, Row, World


def theme_rows(world: World) -> list[Row]:
    """Return rows of kind `themes`."""
    rows: list[Row] = [
        {
            "theme_id": "121323",
            "title_en": "Southeast Asia: e-bike kits",
            "title_zh": "东南亚-电动自行车套件",
            "category": "e-bike-kits",
            "kind": "rts",
            "attributes": json.dumps(
                {
                    "power_supply": ["LEAD-ACID BATTERY"],
                    "battery_capacity": ["10.5 AH"],
                    "motor_type": ["Brush Gear Hub Motor"],
                }
            ),
            "countries": "ID|MY",
            "services": "overseas_after_sales|linked_certificate",
            "price_min": "1200",
            "price_max": "2500",
            "starts_on": "2021-07-22",
            "ends_on": "2023-06-30",
            "traffic_gain": "900",
            "conversion_gain": "120",
            "trade_gain": "554",
        },
        {
            "theme_id": "121324",
            "title_en": "US: indoor trampolines",
            "title_zh": "美国-室内健身蹦床",
            "category": "trampolines",
            "attributes": json.dumps({"trampoline_size": ["10FT"]}),
            "countries": "CA|US",
            "starts_on": "2021-07-22",
            "ends_on": "2023-06-30",
            "traffic_gain": "410",
            "conversion_gain": "85",
            "trade_gain": "230",
        },
        {
            "theme_id": "121325",
            "title_en": "Saudi Arabia: walking pads",
            "title_zh": "沙特-家用走步机",
            "category": "treadmills",
            "keywords": "walking pad|走步机",
            "keyword_mode": "any",
            "kind": "rts",
            "attributes": json.dumps({"color": ["Black", "Silver"]}),
            "countries": "SA",
            "services": "dispatch_7d",
            "price_min": "200",
            "price_max": "400",
            "starts_on": "2022-11-01",
            "ends_on": "2023-02-28",
            "traffic_gain": "640",
            "conversion_gain": "70",
            "trade_gain": "310",
        },
    ]
    others = range(THEMES - len(rows))
    return rows + [
        _theme(world, number, world.leaves[number % len(world.leaves)]) for number in others
    ]


def _theme(world: World, number: int, leaf: Leaf) -> Row:
    draw = world.random
    choices = [
        code
        for code in leaf.attributes
        if world.catalogue["attributes"][code][2] in ("select", "multi")
    ]
    wanted = {}
    for code in draw.sample(choices, min(len(choices), draw.randint(0, 2))):
        allowed = world.catalogue["attributes"][code][3:]
        wanted[code] = draw.sample(allowed, min(len(allowed), draw.randint(1, 3)))
    national = number % 2 == 0
    countries = sorted(draw.sample(COUNTRIES, draw.randint(1, 4))) if national else []
    starts = FIRST_DAY + timedelta(days=draw.randint(0, 500))
    ends = starts + timedelta(days=draw.randint(60, 420))
    noun = leaf.nouns[number % len(leaf.nouns)]
    where = f"{', '.join(countries[:2])}: " if countries else ""
    row: Row = {
        "theme_id": str(121400 + number),
        "title_en": f"{where}{noun.lower()}, {draw.choice(['trend', 'season', 'best price', 'design'])}",
        "title_zh": f"{leaf.name_zh}{draw.choice(['趋势新品', '当季热卖', '高性价比', '设计师款'])}",
        "category": leaf.code,
        "kind": draw.choice(["", "", "rts", "customization"]),
        "attributes": json.dumps(wanted, ensure_ascii=False),
        "countries": "|".join(countries),
        "services": draw.choice(["", "", "sample", "customization", "dispatch_7d"]),
        "starts_on": starts.isoformat(),
        "ends_on": ends.isoformat() if number % 5 else "",
        "traffic_gain": str(draw.randint(5, 90) * 10),
        "conversion_gain": str(draw.randint(1, 30) * 5),
        "trade_gain": str(draw.randint(2, 60) * 10),
    }
    if number % 4 == 1:
        row["keywords"] = "|".join([noun.split()[-1].lower(), leaf.name_zh[-2:]])
        row["keyword_mode"] = "any"
    if number % 3 == 2:
        row["price_min"] = f"{leaf.low:.2f}"
        row["price_max"] = f"{leaf.high * 0.8:.2f}"
    return row
