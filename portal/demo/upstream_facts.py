"""Numbers of the demo's shops that only upstream knows (`ext.*`): set-up steps, company figures, offers used."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from portal import platform_time
from portal.demo.world import DEFAULT_NOW, SEED, Row, Shop, World

SET_UP = {
    "ext.trade_assurance_active": (4, 0.95),
    "ext.call_reminder": (12, 0.7),
    "ext.showcase_rearranged": (35, 0.6),
    "ext.keyword_promotion_tuned": (40, 0.5),
    "ext.strength_card_set": (95, 0.6),
    "ext.industry_capability_certified": (120, 0.4),
    "ext.shop_modules": (110, 0.5),
    "ext.data_adviser_used": (60, 0.5),
}
"""Step → days after opening on which a keen shop takes it, and how many of the shops ever do."""
FIRST_SHOP = ("ext.industry_capability_certified", "ext.strength_card_set")
"""Steps the first shop took long ago: of Company strength, newcomers see the certificate tasks alone open."""


def upstream_rows(world: World) -> list[Row]:
    """Return rows of kind `metrics`, drawn apart so that the rest of the demo stays as it is."""
    draw = random.Random(SEED + 1)  # noqa: S311  not a secret, has to be repeatable
    rows: list[Row] = []
    for number, shop in enumerate(world.shops):
        for metric, day, value in _shop_facts(draw, number, shop):
            rows.append(
                {
                    "seller": shop.member_id,
                    "day": day.isoformat(),
                    "metric": metric,
                    "value": str(value),
                }
            )
    return rows


def _shop_facts(
    draw: random.Random, number: int, shop: Shop
) -> Iterator[tuple[str, date, int | float]]:
    today = platform_time.day_of(platform_time.parse_instant(DEFAULT_NOW))
    yield "ext.company_authenticated", shop.paid_on + timedelta(days=3), 1
    if shop.opened_on is None:
        return
    yield "ext.shop_prepared", shop.opened_on, 1
    for metric, (after, share) in SET_UP.items():
        taken = shop.opened_on + timedelta(days=round(after * draw.uniform(0.4, 1.8)))
        if draw.random() < share and taken <= today:
            yield metric, taken, 1
    for metric in FIRST_SHOP if number == 0 else ():
        yield metric, date(2022, 6, 1), 1
    yield from _potential_products(draw, shop, today)
    yield from _company(draw, shop)
    yield from _monthly(draw, shop, today)


def _potential_products(
    draw: random.Random, shop: Shop, today: date
) -> Iterator[tuple[str, date, int | float]]:
    """Potential products grow through the first weeks, then stay about where they are."""
    opened_on = shop.opened_on or today
    goal = round(shop.size * draw.uniform(0.7, 1.4))
    for week in range(1, 9):
        day = opened_on + timedelta(days=week * 4)
        if day <= today:
            yield "ext.potential_products", day, min(goal, goal * week // 6)


def _company(draw: random.Random, shop: Shop) -> Iterator[tuple[str, date, int | float]]:
    """Figures of the company as the verification report has them."""
    day = (shop.opened_on or shop.paid_on) + timedelta(days=1)
    employees = draw.choice([12, 25, 48, 86, 150, 320])
    yield "ext.employees", day, employees
    yield "ext.floor_area", day, draw.choice([0, 800, 2400, 5200, 12000])
    yield "ext.qc_staff", day, employees // 12
    yield "ext.rd_staff", day, employees // 10
    yield "ext.patents", day, draw.choice([0, 0, 2, 7, 19])
    yield "ext.export_years", day, draw.choice([1, 2, 3, 5, 8, 14])
    yield "ext.odm", day, draw.choice([0, 1])
    yield "ext.brand_years", day, draw.choice([0, 2, 3, 6])
    yield "ext.high_tech_company", day, draw.choice([0, 0, 1])
    yield "ext.yearly_export_cny", day, draw.choice([3_000_000, 20_000_000, 140_000_000])
    yield "ext.marketing_spend_cny", day, draw.choice([30_000, 120_000, 600_000])


def _monthly(
    draw: random.Random, shop: Shop, today: date
) -> Iterator[tuple[str, date, int | float]]:
    """What changes from month to month: strong products, how many of them in the showcase, answering time."""
    opened_on = shop.opened_on or today
    day = opened_on.replace(day=1)
    strong = max(1, shop.size // 12)
    while day <= today:
        if day > opened_on:
            yield "ext.strong_products", day, strong
            yield "ext.strong_products_in_showcase", day, draw.choice([strong, strong, strong - 1])
            yield "ext.response_hours", day, round(draw.uniform(1, 9) / max(shop.activity, 0.3), 1)
        strong += draw.choice([0, 0, 1])
        day = (day + timedelta(days=32)).replace(day=1)
