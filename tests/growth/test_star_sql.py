"""A rulebook compiled to SQL decides every boundary like `growth.stars.rules` (GRO-12 … GRO-14)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from growth.nightly.star_sql import star_statement
from growth.stars.rules import star_result
from growth.stars.schema import STAR, StarRules, industry_names
from portal.metrics import metric_empty
from portal.models import MetricValue, Seller
from portal.nightly.registry import adapt_params
from portal.scoping import unscoped
from portal.services.rulebooks import rulebooks_published
from rfq.models import ServiceScore
from tests import factories
from tests.growth.star_world import industries_create, stars_published
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 12, 20)
COLUMNS = ("trade", "product", "marketing", "guarantee", "trade_bonus", "marketing_bonus", "star")


@pytest.fixture(autouse=True)
def _unscoped(clock: Any) -> Iterator[None]:
    clock.noon(date(2022, 12, 22))
    with unscoped():
        yield


def rules_of(version: str) -> StarRules:
    return next(book.content for book in rulebooks_published(STAR) if book.version == version)


def compare(rules: StarRules, industry: str, worlds: Iterable[Mapping[str, Decimal]]) -> set[Any]:
    """Judge one shop per world by SQL and by the rules, hold them equal, return what came out."""
    category = industries_create()[industry]
    shops, expected = {}, {}
    for values in worlds:
        shop = factories.seller_create(category)
        shops[shop.pk] = values
        full = {key: values.get(key, metric_empty(key)) for key in rules.metrics()}
        found = star_result(rules, industry=industry_names(industry), values=full)
        expected[shop.pk] = (
            *(power.points for power in found.powers),
            found.power("trade").bonus, found.power("marketing").bonus, found.star,
        )  # fmt: skip
    MetricValue.objects.bulk_create(
        MetricValue(seller_id=shop, metric=key, value=value, valid_from=DAY)
        for shop, values in shops.items()
        for key, value in values.items()
    )
    statement = star_statement(rules, "v", DAY)
    params = {**statement.params, "lo": 0, "hi": 2**62}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT seller_id, {', '.join(COLUMNS)} FROM ({statement.sql}) q",
            adapt_params(connection, params),
        )
        rows = {row[0]: tuple(Decimal(str(cell)) for cell in row[1:]) for row in cursor.fetchall()}
    assert rows.keys() == expected.keys()
    for shop, row in rows.items():
        assert row == expected[shop], shops[shop]
    return set(rows.values())


def around(*edges: Decimal | int) -> list[Decimal]:
    """Return each edge with a ten-thousandth less and more."""
    step = Decimal("0.0001")
    return [Decimal(edge).quantize(step) + off for edge in edges for off in (-step, 0, step)]


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(("version", "days"), [("2021-07", 90), ("2022-12", 180)])
def test_every_row_of_the_bonus_for_local_service(version, days):
    rules = rules_of(version)
    assert rules.trade_bonus is not None
    bases = [(2000, 60, 0), (50000, 60, 0), (50000, 60, 14), (50000, 60, 24), (100000, 60, 25), (100000, 60, 30)]  # fmt: skip
    amounts = around(*(row.amount for row in rules.trade_bonus.rows))
    names = ("online_amount", "payment_conversion", "repurchase_rate")
    worlds = [
        {
            **{f"growth.{key}_{days}d": Decimal(one) for key, one in zip(names, base, strict=True)},
            f"growth.local_after_sales_{days}d": amount,
        }
        for base, amount in itertools.product(bases, amounts)
    ]
    found = compare(rules, "construction-machinery", worlds)
    assert {row[4] for row in found} == {0, 1, 3}
    assert {row[0] for row in found} > {48, 51, 64, 67, 78, 81, 88, 89}


@pytest.mark.rule("GRO-12", "GRO-14")
def test_every_edge_of_every_indicator():
    rules = rules_of("2022-12")
    best = {key: Decimal(0 if "abnormal" in key else 10**7) for key in rules.metrics()}
    best |= {"rfq.marketing_bonus": Decimal(0), "growth.local_after_sales_90d": Decimal(0)}
    worlds = [best, {}]
    for power in rules.powers:
        for indicator in power.indicators:
            edges = [tier.at for tier in indicator.tiers] or [
                0, indicator.full_at, indicator.full_at / 3,
            ]  # fmt: skip
            worlds += [
                best | {indicator.metric_in(90): max(each, Decimal(0))} for each in around(*edges)
            ]
            worlds.append(
                {key: value for key, value in best.items() if key != indicator.metric_in(90)}
            )
    worlds += [
        best | {"portal.clicks_30d": clicks, "rfq.marketing_bonus": bonus}
        for clicks in (Decimal(0), Decimal(450), Decimal(499))
        for bonus in (
            Decimal(0),
            Decimal("2.9999"),
            Decimal(3),
            Decimal(5),
            Decimal(100),
            Decimal(10**9),
        )
    ]
    worlds.append(best | {"ext.potential_products": Decimal("9" * 16)})
    worlds.append(best | {"ext.potential_products": Decimal(-7)})
    found = compare(rules, "toys", worlds)
    assert {row[6] for row in found} == {0, 1, 2, 3, 4, 5}


@pytest.mark.rule("GRO-14", "RFQ-13", "RFQ-21")
def test_the_night_takes_the_bonus_of_the_rfq_score_of_the_day(shop: Seller):
    night(DAY, "rfq.score")
    ServiceScore.objects.as_of(DAY).update(marketing_bonus=5)
    night(DAY, "growth.stars")
    row = stars_published(DAY)[shop.member_id]
    assert (row["marketing"], row["marketing_bonus"]) == (5, 5)


@pytest.mark.rule("GRO-12", "GRO-10")
def test_stars_and_powers_are_metrics_once_they_are_published(shop: Seller):
    night(DAY, "metrics.final")
    found = dict(
        MetricValue.objects.as_of(DAY)
        .filter(seller=shop, metric__in=["growth.predicted_star", "growth.guarantee_power"])
        .values_list("metric", "value")
    )
    # A star of 0 is no row: who has none has 0. Nothing to fulfil is nothing abnormal: 40 of 100.
    assert found == {"growth.guarantee_power": 40}
    assert metric_empty("growth.predicted_star") == 0
