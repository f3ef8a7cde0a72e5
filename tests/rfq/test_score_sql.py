"""A rulebook compiled to SQL decides every boundary like `rfq.score.rules` (RFQ-13 … RFQ-15)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from django.db import connection

from rfq.nightly.score_sql import UNITS, PointsSql
from rfq.score.rules import ranked_points, reached
from tests.rfq.score_books import BOOKS

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def ask(points: PointsSql, sql: str, names: str, rows: Sequence[Sequence[int | None]]) -> list[int]:
    """Evaluate an expression over rows of whole numbers, in their order."""
    listed = ", ".join(
        f"({place}, {', '.join('CAST(NULL AS INTEGER)' if v is None else str(v) for v in row)})"
        for place, row in enumerate(rows)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given(place, {names}) AS (VALUES {listed}) "
            f"SELECT {sql} FROM given ORDER BY place",
            points.params,
        )
        return [value for (value,) in cursor.fetchall()]


def earned(factor, value: Fraction) -> int:
    return max((tier.points for tier in factor.tiers if reached(tier, value)), default=0)


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize("version", BOOKS)
@pytest.mark.parametrize("key", ["login_days", "gmv"])
def test_a_table_of_amounts(version, key):
    points = PointsSql(BOOKS[version])
    factor, unit = BOOKS[version].factor(key), UNITS.get(key, Fraction(1))
    if factor is None:
        assert ask(points, points.of(key, "part"), "part", [[5]]) == [None]
        return
    edges = {int(Fraction(tier.at) / unit) + off for tier in factor.tiers for off in (-1, 0, 1)}
    values = sorted(edge for edge in edges if edge >= 0)
    found = ask(points, points.of(key, "part"), "part", [[value] for value in values])
    assert found == [earned(factor, value * unit) for value in values]
    assert {*found} == {0, *(tier.points for tier in factor.tiers)}


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize("version", BOOKS)
def test_a_table_of_rates(version):
    points, factor = PointsSql(BOOKS[version]), BOOKS[version].factor("reply_rate")
    pairs = [(0, 0), *((part, whole) for whole in (1, 3, 7, 10, 1000) for part in range(whole + 1))]
    found = ask(points, points.of("reply_rate", "part", "whole"), "part, whole", pairs)
    values = [Fraction(100 * part, whole) if whole else Fraction(0) for part, whole in pairs]
    assert found == [earned(factor, value) for value in values]


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize("version", BOOKS)
@pytest.mark.parametrize(("key", "name"), [("quotes", "quotes"), ("response_rate", "response")])
def test_ranks(version, key, name):
    points, factor = PointsSql(BOOKS[version]), BOOKS[version].factor(key)
    pairs = [(None, 0), *((rank, peers) for peers in range(1, 45) for rank in range(1, peers + 1))]
    found = ask(points, points.of(key, key), f"{name}_rank, {name}_peers", pairs)
    assert found == [ranked_points(factor.max, factor.max_other, *pair) for pair in pairs]


@pytest.mark.rule("RFQ-13", "RFQ-21", "RFQ-22")
@pytest.mark.parametrize("version", BOOKS)
def test_marketing_bonus_by_total(version):
    points, rules = PointsSql(BOOKS[version]), BOOKS[version]
    found = ask(points, points.reward_bonus("total"), "total", [[total] for total in range(121)])
    rewards = [rules.reward(total) for total in range(121)]
    assert found == [reward.marketing_bonus if reward else 0 for reward in rewards]
