"""Whom a draft of the diagnosis would touch, before it is published (GRO-11, K-16)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from growth.diagnosis.schema import DIAGNOSIS
from growth.nightly.diagnosis import JOB
from portal.models import Category, Rulebook, Seller
from portal.rule_impact import RuleImpact, impact_of
from portal.scoping import unscoped
from portal.services.rulebooks import content_digest
from tests.growth.diagnosis_world import DAY, book, item, peers, published, value
from tests.growth.world import night

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.rule("GRO-11", "K-16"),
]

INQUIRIES, ORDERS = "portal.inquiries_30d", "portal.orders_30d"


@pytest.fixture
def shops(category: Category, clock: Any) -> list[Seller]:
    """Five shops whose inquiries are compared: 10 … 50, the benchmark is 30; orders 5 … 1."""
    book(item(INQUIRIES))
    with unscoped():
        found = peers(category, INQUIRIES, [10, 20, 30, 40, 50])
        for number, shop in enumerate(found):
            value(shop, ORDERS, 5 - number)
        published(DAY)
        night(DAY, JOB)
    return found


def draft(*items: dict[str, Any]) -> Rulebook:
    content = {"items": list(items)}
    return Rulebook.objects.create(
        module=DIAGNOSIS,
        version="draft",
        effective_from=date(2022, 9, 1),
        content=content,
        digest=content_digest(content),
    )


def impact(*items: dict[str, Any]) -> RuleImpact:
    found = impact_of(draft(*items))
    assert found is not None
    return found


def counts(found: RuleImpact) -> dict[str, int]:
    return {group.key: group.count for group in found.groups if group.count}


def test_a_draft_like_the_rules_in_force_changes_nothing(shops: list[Seller]) -> None:
    found = impact(item(INQUIRIES, weight=7))
    assert (found.as_of, found.before, found.sellers) == (DAY, "test", 5)
    assert counts(found) == {"all": 5}


def test_a_new_item_is_compared_with_a_benchmark_of_its_own(shops: list[Seller]) -> None:
    found = impact(item(INQUIRIES), item(ORDERS))
    # Orders: benchmark 3. Scores 33 → 67, 67 → 83, 100, 100 → 83, 100 → 67.
    assert counts(found) == {"all": 5, "gain": 2, "lose": 2, "more": 2}
    assert list(found.rows("lose", 0, None)) == [
        (shops[4].member_id, shops[4].name_en, "100.00", "66.67", "0", "1"),
        (shops[3].member_id, shops[3].name_en, "100.00", "83.33", "0", "1"),
    ]
    assert list(found.rows("all", 1, 3)) == list(found.rows("all", 0, None))[1:3]


def test_without_anything_to_compare_scores_are_lost(shops: list[Seller]) -> None:
    found = impact(item("ext.odm"))
    assert counts(found) == {"all": 5, "unscored": 5, "fewer": 2}
    assert {row[3] for row in found.rows("all", 0, None)} == {"–"}


def test_before_the_first_night_there_is_nothing_to_preview(db: None, clock: Any) -> None:
    assert impact_of(draft(item(INQUIRIES))) is None
