"""Benchmarks and growth scores by rule: every boundary by hand (GRO-11)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from growth.diagnosis.rules import (
    FULL,
    MOST,
    SCALE,
    Benchmark,
    ItemState,
    benchmark_of,
    diagnose,
    share_of,
    units_of,
)
from growth.diagnosis.schema import DiagnosisRules
from tests.growth.diagnosis_world import item, rules

pytestmark = pytest.mark.rule("GRO-11")


def starred(*numbers: Any) -> list[tuple[Decimal, int]]:
    return [(Decimal(str(number)), 1) for number in numbers]


def unstarred(*numbers: Any) -> list[tuple[Decimal, int]]:
    return [(Decimal(str(number)), 0) for number in numbers]


# --- Benchmarks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        (starred(9, 1, 4, 2, 100), (4, 5, "starred")),
        # An even number: the mean of the two in the middle, half up to four decimals.
        (starred(1, 2, 3, "3.5001", 8, 9), ("3.2501", 6, "starred")),
        (starred(1, 2, 3, 4, 8, 9), ("3.5", 6, "starred")),
        # Shops without a star do not count once five have one.
        (starred(1, 2, 3, 4, 5) + unstarred(90, 91, 92), (3, 5, "starred")),
        # With four of them it is the whole industry, the four included.
        (starred(1, 2, 3, 4) + unstarred(90), (3, 5, "industry")),
        (unstarred(0, 0, 0, 7, 8), (0, 5, "industry")),
    ],
)
@pytest.mark.rule("K-8")
def test_the_median_of_those_with_a_star_else_of_all(peers, expected) -> None:
    value, sellers, scope = expected
    assert benchmark_of(peers) == Benchmark(Decimal(str(value)), sellers, scope)
    assert benchmark_of(reversed(peers)) == benchmark_of(peers)


@pytest.mark.rule("K-8")
@pytest.mark.parametrize(
    "peers", [[], starred(1, 2, 3, 4), unstarred(1, 2, 3, 4), starred(1, 2) + unstarred(3, 4)]
)
def test_four_sellers_are_too_few(peers) -> None:
    assert benchmark_of(peers) is None


def test_values_are_counted_within_bounds() -> None:
    assert units_of(Decimal("0.0001")) == 1
    assert units_of(Decimal(-3)) == 0
    assert units_of(Decimal(10) ** 10) == units_of(Decimal(10) ** 13) == MOST


# --- Shares -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "benchmark", "lower", "share"),
    [
        (41, 50, False, "0.82"),
        (50, 50, False, "1"),
        (51, 50, False, "1"),
        (0, 50, False, "0"),
        (1, 3, False, "0.33333333"),
        (2, 3, False, "0.66666667"),
        (0, 0, False, "1"),
        (7, 0, False, "1"),
        (50, 41, True, "0.82"),
        (41, 41, True, "1"),
        (40, 41, True, "1"),
        (0, 41, True, "1"),
        (0, 0, True, "1"),
        (4, 0, True, "0"),
    ],
)
def test_the_share_of_the_benchmark(value, benchmark, lower, share) -> None:
    found = share_of(value * SCALE, benchmark * SCALE, lower_is_better=lower)
    assert Decimal(found) / FULL == Decimal(share)


@given(st.integers(0, MOST), st.integers(0, MOST), st.integers(0, MOST), st.booleans())
def test_a_better_value_never_has_a_smaller_share(first, second, benchmark, lower) -> None:
    worse, better = sorted((first, second), reverse=lower)
    shares = [share_of(each, benchmark, lower_is_better=lower) for each in (worse, better)]
    assert 0 <= shares[0] <= shares[1] <= FULL


# --- The score ----------------------------------------------------------------------------------

BOOK = rules(
    item("portal.inquiries_30d", weight=3),
    item("portal.on_time_dispatch_90d", weight=2),
    item("compliance.points", weight=1, lower_is_better=True),
    item("ext.patents", weight=4),
)


def goals(**values: Any) -> dict[str, Benchmark]:
    metrics = {each.key: each.metric for each in BOOK.items}
    return {
        metrics[key]: Benchmark(Decimal(str(value)), 7, "starred") for key, value in values.items()
    }


def own(**values: Any) -> dict[str, Decimal]:
    metrics = {each.key: each.metric for each in BOOK.items}
    return {metrics[key]: Decimal(str(value)) for key, value in values.items()}


def test_the_weighted_mean_of_what_can_be_compared() -> None:
    found = diagnose(
        BOOK,
        own(inquiries_30d=10, on_time_dispatch_90d=90, points=4, patents=2),
        goals(inquiries_30d=30, on_time_dispatch_90d=80, points=2),
    )
    # (3 × 1/3 + 2 × 1 + 1 × 2/4) / 6 = 3.5 / 6 = 58.333…
    assert found.score == Decimal("58.33")
    states = {each.item.key: each.state for each in found.items}
    assert states == {
        "inquiries_30d": ItemState.BELOW,
        "on_time_dispatch_90d": ItemState.REACHED,
        "points": ItemState.BELOW,
        "patents": ItemState.NO_BENCHMARK,
    }
    # Reaching a benchmark alone: (3 + 2 + 0.5) / 6 = 91.67 and (1 + 2 + 1) / 6 = 66.67.
    gains = [(each.item.key, each.gain) for each in found.suggestions]
    assert gains == [("inquiries_30d", Decimal("33.34")), ("points", Decimal("8.34"))]
    assert [each.item.key for each in found.listed] == [
        "inquiries_30d", "points", "on_time_dispatch_90d", "patents",
    ]  # fmt: skip


def test_suggestions_go_by_score_gained_and_not_by_distance() -> None:
    found = diagnose(
        BOOK,
        own(inquiries_30d=29, on_time_dispatch_90d=0, points=100, patents=8),
        goals(inquiries_30d=30, on_time_dispatch_90d=80, points=1, patents=10),
    )
    # Missing, times weight: 3 × 1/30, 2 × 1, 1 × 0.99, 4 × 0.2.
    assert [each.item.key for each in found.suggestions] == [
        "on_time_dispatch_90d", "points", "patents", "inquiries_30d",
    ]  # fmt: skip


def test_an_item_without_a_value_neither_counts_nor_advises() -> None:
    found = diagnose(BOOK, own(inquiries_30d=15), goals(inquiries_30d=30, on_time_dispatch_90d=80))
    assert found.score == Decimal("50.00")
    assert [each.item.key for each in found.suggestions] == ["inquiries_30d"]
    assert {each.item.key: each.state for each in found.left_out} == {
        "on_time_dispatch_90d": ItemState.NO_VALUE,
        "points": ItemState.NO_VALUE,
        "patents": ItemState.NO_VALUE,
    }


def test_nothing_to_compare_is_no_score() -> None:
    found = diagnose(BOOK, own(inquiries_30d=15), {})
    assert found.score is None
    assert found.suggestions == []
    assert len(found.left_out) == 4


@pytest.mark.parametrize(("value", "score"), [("0.4999", "0.50"), ("0.4949", "0.49")])
def test_half_a_hundredth_rounds_up(value: str, score: str) -> None:
    found = diagnose(BOOK, own(inquiries_30d=value), goals(inquiries_30d=100))
    assert found.score == Decimal(score)


# --- What a rulebook may say --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item("portal.inquiries")], "there is no metric “portal.inquiries”"),
        ([item("growth.score")], "counted after the diagnosis"),
        ([item("ext.odm"), item("ext.patents", key="odm")], "the same key: odm"),
        ([item("ext.odm"), item("ext.odm", key="two")], "the same metric: ext.odm"),
        ([item("ext.odm", weight=0)], "greater than or equal to 1"),
        ([], "at least 1 item"),
    ],
)
@pytest.mark.rule("K-16")
def test_what_cannot_be_counted_is_refused(items: list[Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DiagnosisRules.model_validate({"items": items})
