"""The night says of whole shops what the gate says of single products (EPR-11, NGT-3 … NGT-5)."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

import pytest

from compliance.choices import CertificateStatus, CoverState, EprCategory, GateDecision
from compliance.gate import products_told, requirements_of
from compliance.models import GatedProduct, GateOverview
from compliance.nightly.gate_overview import GATE_OVERVIEW
from compliance.rules import sells_to
from portal.choices import RunState
from portal.models import Category, NightRun, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from tests import factories
from tests.compliance.world import certificate_create, product_create, told

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("EPR-11")]

TICK = timedelta(microseconds=1)
LAST_DAY = date(2022, 12, 26)
"""The last day before the interruption."""

Overview = dict[tuple[str, str, str], tuple[int, int, int, str]]


def night(day: date, shards: int | None = None) -> NightRun:
    run = ledger.night_start(as_of=day, jobs=[GATE_OVERVIEW], shards=shards)
    run = run_inline(run_id=run.pk)
    assert run.state == RunState.COMPLETE, [job.error for job in run.jobs.all()]
    return run


def by_loop(day: date) -> Overview:
    """Aggregate what the gate says of every live product at the last instant of the day."""
    with unscoped():
        products = list(GatedProduct.objects.filter(live=True, deleted=False).select_related())
    found: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    decisions: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    covers = requirements_of(products, end_of(day) - TICK)
    for product in products:
        for cover in covers[product.pk]:
            if cover.required and sells_to(product.countries, cover.country):
                key = (product.seller.member_id, cover.country, cover.category)
                found[key][cover.status] += 1
                decisions[key].add(cover.decision)
    return {
        key: (
            states.total(),
            states[CoverState.COVERED],
            states[CoverState.IN_REVIEW],
            (decisions[key] - {GateDecision.ALLOWED} or {GateDecision.ALLOWED}).pop(),
        )
        for key, states in found.items()
    }


def published(day: date) -> Overview:
    with unscoped():
        rows = GateOverview.objects.as_of(day).select_related("seller")
        return {
            (row.seller.member_id, row.country, row.category): (
                row.required, row.covered, row.in_review, row.decision,
            )
            for row in rows
        }  # fmt: skip


class World:
    """Shops with products and certificates of every state, at and around the end of a day."""

    def __init__(self, tree: dict[str, Category], day: date, seed: int) -> None:
        self.random, self.day = random.Random(seed), day
        self.leaves = [one for one in tree.values() if one.is_leaf]
        self.nodes = list(tree.values())

    def make(self) -> None:
        for _number in range(8):
            shop = factories.seller_create(self.leaves[0])
            products_told(told(shop, **self._product()) for _one in range(12))
            with unscoped():
                mine = list(GatedProduct.objects.filter(seller=shop))
            for _one in range(self.random.randrange(14)):
                certificate_create(seller=shop, **self._certificate(mine))

    def _product(self) -> dict[str, Any]:
        pick = self.random
        return {
            "category": pick.choice(self.leaves),
            "live": pick.random() < 0.85,
            "deleted": pick.random() < 0.1,
            "countries": pick.choice([(), (), ("DE",), ("FR", "US"), ("US",), ("DE", "FR")]),
            "epr_traits": pick.sample(EprCategory.values[:7], pick.randrange(1, 4)),
        }

    def _instant(self) -> Any:
        offsets = [-9, -1, 0, 1, 9]
        near = self.random.choice([timedelta(0), TICK, -TICK])
        return end_of(self.day) + timedelta(days=self.random.choice(offsets)) + near

    def _certificate(self, products: list[GatedProduct]) -> dict[str, Any]:
        pick = self.random
        fields: dict[str, Any] = {
            "status": pick.choice(
                ["draft", "submitted", "in_review", "rejected", "expired", "revoked", "replaced"]
                + ["verified"] * 5
            ),
            "country": pick.choice(["DE", "FR"]),
            "category": pick.choice(EprCategory.values[:4]),
            "submitted_at": self._instant(),
            "decided_at": self._instant(),
        }
        if fields["status"] in (
            CertificateStatus.VERIFIED, CertificateStatus.EXPIRED, CertificateStatus.REVOKED,
            CertificateStatus.REPLACED,
        ):  # fmt: skip
            first, last = sorted((self._instant(), self._instant()))
            open_end = fields["status"] == CertificateStatus.VERIFIED and pick.random() < 0.5
            fields |= {"valid_from": first, "valid_until": None if open_end else last}
        scope = pick.random()
        if scope < 0.4:
            fields["products"] = pick.sample(products, 4)
        elif scope < 0.7:
            fields["categories"] = pick.sample(self.nodes, 2)
        return fields


@pytest.mark.parametrize("day", [LAST_DAY, LAST_DAY + timedelta(days=1), date(2022, 6, 30)])
def test_the_night_counts_what_the_gate_says_of_each_product(categories, clock, day: date) -> None:
    clock("2023-02-01T12:00:00-08:00")
    World(categories, day, seed=day.toordinal()).make()
    expected = by_loop(day)
    night(day, shards=3)
    assert published(day) == expected
    if day > LAST_DAY:
        assert {row[3] for row in expected.values()} == {"allowed", "blocked"}
    assert any(0 < covered < required for required, covered, _waiting, _said in expected.values())
    assert any(waiting for _required, _covered, waiting, _said in expected.values())


def test_a_second_night_writes_nothing_and_a_change_only_its_row(shop, other_shop, clock) -> None:
    clock("2023-02-01T12:00:00-08:00")
    for one in (shop, other_shop):
        product_create(seller=one)
    night(LAST_DAY)
    with unscoped():
        before = list(GateOverview.objects.order_by("pk").values())
    night(LAST_DAY)
    with unscoped():
        assert list(GateOverview.objects.order_by("pk").values()) == before
    certificate_create(seller=shop, valid_from=start_of(LAST_DAY))
    night(LAST_DAY)
    with unscoped():
        after = list(GateOverview.objects.order_by("pk").values())
    changed = [row for row in after if row not in before]
    assert [(row["seller_id"], row["country"], row["covered"]) for row in changed] == [
        (shop.pk, "DE", 1)
    ]


def test_the_day_of_the_interruption_begins_with_blocks(shop, clock) -> None:
    clock("2023-02-01T12:00:00-08:00")
    product_create(seller=shop, countries=("DE",))
    certificate_create(seller=shop, valid_from=start_of(LAST_DAY), valid_until=end_of(LAST_DAY))
    key = (shop.member_id, "DE", "packaging")
    night(LAST_DAY)
    assert published(LAST_DAY) == {key: (1, 1, 0, "allowed")}
    night(LAST_DAY + timedelta(days=1))
    assert published(LAST_DAY + timedelta(days=1)) == {key: (1, 0, 0, "blocked")}


def test_standings_name_shops_by_their_external_ids(shop: Seller, clock) -> None:
    clock("2022-12-20T12:00:00-08:00")
    product_create(seller=shop, countries=("DE",))
    night(date(2022, 12, 18))
    lines = [json.loads(line) for line in standing_lines(date(2022, 12, 18), "compliance")]
    assert lines == [
        {
            "module": "compliance", "standing": "gate_overview", "seller": shop.member_id,
            "country": "DE", "category": "packaging", "required": 1, "covered": 0,
            "in_review": 0, "decision": "warn",
        }
    ]  # fmt: skip


def test_before_the_first_table_there_is_no_overview(shop, clock) -> None:
    product_create(seller=shop)
    night(date(2021, 12, 31))
    assert published(date(2021, 12, 31)) == {}
