"""The whole shop says what the gate says of each product: figures, lists, and what stops when (EPR-11)."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.choices import CertificateStatus, CoverState, EprCategory, GateDecision
from compliance.epr.cell_products import depending, needing, stopping, with_state
from compliance.epr.coverage import Coverage
from compliance.epr.impact import CertificateImpact, certificate_impact, shop_impact
from compliance.epr.shop_overview import ShopFacts, live_products, shop_overview
from compliance.gate import gate_many, products_told, requirements_of
from compliance.models import GatedProduct
from compliance.rules import sells_to
from portal import platform_time
from portal.models import Category, Seller
from portal.platform_time import parse_instant
from portal.scoping import seller_scope, unscoped
from tests.compliance.world import certificate_create, product_create, told

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-11")]

INTERRUPTION = parse_instant("2022-12-27T00:00:00-08:00")
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03."""


def muddle(shop: Seller, other: Seller, categories: dict[str, Category], seed: int) -> None:
    """Fill two shops with products and certificates of every kind."""
    chance = random.Random(seed)
    leaves = [categories[code] for code in ("e-bike-kits", "helmets", "vacuum-flasks")]
    codes = [str(category) for category in EprCategory][:7]
    for seller in (shop, other):
        rows = [
            told(
                seller,
                category=chance.choice(leaves),
                live=chance.random() < 0.8,
                deleted=chance.random() < 0.1,
                countries=chance.choice([(), (), ("DE",), ("FR", "US"), ("DE", "FR"), ("US",)]),
                epr_traits=chance.choice(
                    [None, [], chance.sample(codes, 2), chance.sample(codes, 4)]
                ),
            )
            for _number in range(40)
        ]
        products_told(rows)
        with unscoped():
            products = list(GatedProduct.objects.filter(seller=seller))
        for _number in range(22):
            status = chance.choice(
                ["verified", "verified", "submitted", "rejected", "expired", "revoked", "draft"]
            )
            now = platform_time.now()
            over: dict[str, Any] = {
                "valid_until": chance.choice([None, INTERRUPTION, now + SECOND])
            }
            if status in ("expired", "revoked"):
                over = {"valid_from": now - timedelta(days=9),
                        "valid_until": now - timedelta(hours=chance.randrange(3))}  # fmt: skip
            elif status != "verified":
                over = {}
            scope = chance.choice(["all", "products", "categories"])
            certificate_create(
                seller=seller,
                status=CertificateStatus(status),
                country=chance.choice(["DE", "FR"]),
                category=chance.choice(codes[:3]),
                products=chance.sample(products, 12) if scope == "products" else (),
                categories=[categories[chance.choice(["bicycles", "helmets", "home"])]]
                if scope == "categories"
                else (),
                **over,
            )


def truth(shop: Seller, at: datetime) -> dict[int, tuple[GatedProduct, list[Any]]]:
    """What the gate says of each live product: its lines for countries it is sold to."""
    products = list(live_products(shop))
    lines = requirements_of(products, at)
    return {
        product.pk: (
            product,
            [line for line in lines[product.pk] if sells_to(product.countries, line.country)],
        )
        for product in products
    }


def lacks(line: Any) -> bool:
    return bool(line.required) and line.status != CoverState.COVERED


@pytest.mark.both_databases
@pytest.mark.parametrize("seed", range(4))
def test_figures_and_lists_are_the_gates(
    shop: Seller, other_shop: Seller, categories: dict[str, Category], seed: int
) -> None:
    muddle(shop, other_shop, categories, seed)
    now = platform_time.now()
    with seller_scope(shop):
        for at in (now, now + SECOND, INTERRUPTION - SECOND, INTERRUPTION):
            told_by_gate = truth(shop, at)
            overview = shop_overview(shop, at)
            assert overview.live == len(told_by_gate)
            coverage = Coverage.of_shop(shop.pk, at)
            assert overview.rules is not None
            for row in overview.rules.requirements:
                key = (row.country, row.category.value)
                states = {
                    pk: line.status
                    for pk, (_product, lines) in told_by_gate.items()
                    for line in lines
                    if (line.country, line.category) == key and line.required
                }
                assert +overview.cells[key].counts == Counter(states.values())
                listed = with_state(needing(shop, row), coverage, shop, row)
                assert dict(listed.values_list("pk", "state")) == states
            for figures in overview.countries:
                country = figures.country
                sold = [
                    pk for pk, (one, _l) in told_by_gate.items() if sells_to(one.countries, country)
                ]
                short = {
                    pk
                    for pk, (_product, lines) in told_by_gate.items()
                    if any(lacks(line) for line in lines if line.country == country)
                }
                blocked = gate_many([(told_by_gate[pk][0].product_id, country) for pk in sold], at)
                assert figures.sold == len(sold)
                assert figures.lacking == len(short)
                assert figures.blocked == sum(
                    one.decision == GateDecision.BLOCKED for one in blocked
                )
                found = stopping(shop, overview.rules, coverage, [country])
                assert set(found.values_list("pk", flat=True)) == short


@pytest.mark.both_databases
@pytest.mark.rule("EPR-12")
@pytest.mark.parametrize("seed", range(3))
def test_what_stops_when_is_what_the_gate_says_then(
    shop: Seller, other_shop: Seller, categories: dict[str, Category], seed: int
) -> None:
    muddle(shop, other_shop, categories, seed)
    now = platform_time.now()

    def blocked(at: datetime) -> set[tuple[int, str]]:
        return {
            (pk, line.country)
            for pk, (_product, lines) in truth(shop, at).items()
            for line in lines
            if line.decision == GateDecision.BLOCKED
        }

    with seller_scope(shop):
        facts = ShopFacts.load(shop, now)
        impact = shop_impact(facts, now)
        assert {moment.at for moment in impact.moments} == {now + SECOND, INTERRUPTION}
        for moment in impact.moments:
            fresh = blocked(moment.at) - blocked(moment.at - SECOND)
            counted = Counter(country for _pk, country in fresh)
            assert {stop.country: stop.products for stop in moment.stops} == counted
            assert moment.products == len({pk for pk, _country in fresh})
        for certificate in facts.coverage.registrations:
            if certificate.status != CertificateStatus.VERIFIED:
                continue
            told_by_page = certificate_impact(facts, certificate, now)
            row = told_by_page.requirement
            assert row is not None
            at = told_by_page.ends_at
            listed = depending(shop, facts.coverage, row, certificate.pk, at)
            assert told_by_page.depending == listed.count()


@pytest.mark.rule("EPR-12")
def test_a_certificate_that_is_alone_carries_its_products(shop: Seller) -> None:
    for number in range(3):
        product_create(seller=shop, countries=() if number else ("US",))
    end = platform_time.now() + timedelta(days=200)
    first = certificate_create(seller=shop, valid_until=end)

    def impact(pk: int) -> CertificateImpact:
        now = platform_time.now()
        with seller_scope(shop):
            facts = ShopFacts.load(shop, now)
        registration = facts.coverage.registration(pk)
        assert registration is not None
        return certificate_impact(facts, registration, now)

    alone = impact(first.pk)
    assert (alone.covers, alone.depending, alone.stops_at) == (2, 2, end)
    second = certificate_create(seller=shop, valid_until=end + SECOND)
    assert (impact(first.pk).covers, impact(first.pk).depending) == (2, 0)
    # The later one carries them: at its end nothing else counts.
    assert impact(second.pk).depending == 2


def test_statements_do_not_grow_with_the_shop(
    shop: Seller, categories: dict[str, Category]
) -> None:
    def statements() -> int:
        now = platform_time.now()
        with (
            seller_scope(shop),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            shop_impact(ShopFacts.load(shop, now), now)
        return len(queries)

    products = [product_create(seller=shop, epr_traits=["packaging", "battery"]) for _n in range(3)]
    certificate_create(seller=shop, products=products[:1])
    certificate_create(seller=shop, categories=[categories["bicycles"]], category="battery")
    few = statements()
    codes = ["e-bike-kits", "e-bike-batteries", "helmets", "vacuum-flasks"]
    for number in range(60):
        product = product_create(seller=shop, category=categories[codes[number % 4]])
        if number % 5 == 0:
            end = platform_time.now() + timedelta(days=number + 1)
            certificate_create(seller=shop, products=[product], valid_until=end)
    assert statements() == few <= 7


def test_before_the_first_rules_nothing_is_asked(shop: Seller, clock: Any) -> None:
    product_create(seller=shop)
    clock("2021-12-31T23:59:59-08:00")
    with seller_scope(shop):
        overview = shop_overview(shop)
    assert (overview.live, overview.affected, overview.cells, overview.countries) == (1, 0, {}, [])
    clock("2022-01-01T00:00:00-08:00")
    with seller_scope(shop):
        assert shop_overview(shop).affected == 1
