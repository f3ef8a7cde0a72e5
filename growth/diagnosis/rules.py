"""The growth score of one shop, with its explanation (GRO-11).

Pure and exact: values in, shares and gains out, in whole numbers, never in floats.
`growth.nightly.diagnosis_sql` decides the same for all shops inside the database; tests hold the two
equal.

    benchmark_of(values, stars)                    the benchmark of an industry, or none
    diagnose(rules, values, benchmarks)            the growth score, item by item
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from growth.choices import BenchmarkScope
from growth.diagnosis.schema import DiagnosisItem, DiagnosisRules

LEAST_SELLERS = 5
"""Benchmarks over fewer sellers are told to nobody (K-8)."""
STARRED_FROM = 1
"""Assessed star from which a shop is one to compare with."""
SCALE = 10_000
"""Values count in ten-thousandths, as metrics are kept."""
MOST = 10_000_000_000 * SCALE
"""Larger values count as ten billion and negative ones as 0, so that the night's products fit 64 bits."""
FULL = 100_000_000
"""The share of an item that reaches its benchmark: shares have eight decimals."""
HUNDREDTHS = 10_000
"""The growth score of a shop that reaches every benchmark, in hundredths: 100.00."""


def units_of(value: Decimal) -> int:
    """Return a metric's value in ten-thousandths, within what is counted."""
    return max(0, min(MOST, int(value * SCALE)))


# --- Benchmarks ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Benchmark:
    """The median of a metric over `sellers` sellers, in the metric's unit; `scope` says of whom."""

    value: Decimal
    sellers: int
    scope: str


def median(values: Iterable[int]) -> int:
    """Return the median of whole numbers; of an even number the mean of the middle two, half up."""
    ranked = sorted(values)
    return (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2] + 1) // 2


def benchmark_of(peers: Iterable[tuple[Decimal, int]]) -> Benchmark | None:
    """Return the benchmark of a metric over the sellers of an industry that have a value.

    `peers` are value and assessed star of each. Those with a star where there are five, else all of
    them; none where these are fewer than five, too (GRO-11, K-8).
    """
    known = list(peers)
    for scope, values in (
        (BenchmarkScope.STARRED, [value for value, star in known if star >= STARRED_FROM]),
        (BenchmarkScope.INDUSTRY, [value for value, _star in known]),
    ):
        if len(values) >= LEAST_SELLERS:
            middle = median(units_of(value) for value in values)
            return Benchmark(Decimal(middle) / SCALE, len(values), scope.value)
    return None


# --- The score ----------------------------------------------------------------------------------


class ItemState(StrEnum):
    """How an item stands; only the first two count in the score."""

    BELOW = "below"
    REACHED = "reached"
    NO_VALUE = "no_value"
    NO_BENCHMARK = "no_benchmark"


@dataclass(frozen=True)
class ItemResult:
    """One item of one shop.

    `share` (0 … `FULL`) is how much of the benchmark is reached, none where the item does not count.
    `gain` is how many points the growth score would have more with the benchmark reached.
    """

    item: DiagnosisItem
    state: ItemState
    value: Decimal | None
    benchmark: Benchmark | None
    share: int | None = None
    gain: Decimal = Decimal("0.00")

    @property
    def counts(self) -> bool:
        """Tell whether the item counts in the growth score."""
        return self.share is not None

    @property
    def missing(self) -> int:
        """What the item lacks, with its weight: the order of suggestions."""
        return 0 if self.share is None else self.item.weight * (FULL - self.share)


@dataclass(frozen=True)
class Diagnosis:
    """A growth score (0–100, two decimals; none when nothing can be compared) with all its items."""

    score: Decimal | None
    items: tuple[ItemResult, ...]
    """In the rulebook's order."""

    @cached_property
    def weights(self) -> int:
        """What the items that count weigh together."""
        return sum(each.item.weight for each in self.items if each.counts)

    @property
    def by_key(self) -> dict[str, ItemResult]:
        """The items by key, in the rulebook's order."""
        return {each.item.key: each for each in self.items}

    @property
    def mean(self) -> Fraction:
        """The exact mean by weight, 0 to 1, that the score rounds; 0 where nothing counts."""
        return sum((self.above(each, Fraction(0)) for each in self.items), Fraction(0))

    def above(self, result: ItemResult | None, mean: Fraction) -> Fraction:
        """Return by how much an item lifts the score (0 to 1) above a mean; 0 where it does not count."""
        if result is None or result.share is None:
            return Fraction(0)
        return Fraction(result.item.weight, self.weights) * (Fraction(result.share, FULL) - mean)

    @property
    def suggestions(self) -> list[ItemResult]:
        """Items worse than their benchmark, the most score to gain first."""
        below = [each for each in self.items if each.state == ItemState.BELOW]
        return sorted(below, key=lambda each: -each.missing)

    @property
    def reached(self) -> list[ItemResult]:
        """Items that reach their benchmark."""
        return [each for each in self.items if each.state == ItemState.REACHED]

    @property
    def left_out(self) -> list[ItemResult]:
        """Items that cannot be compared: without a value of the shop, or without a benchmark."""
        return [each for each in self.items if not each.counts]

    @property
    def listed(self) -> list[ItemResult]:
        """All items: suggestions, then what is reached, then what cannot be compared."""
        return [*self.suggestions, *self.reached, *self.left_out]


def diagnose(
    rules: DiagnosisRules,
    values: Mapping[str, Decimal | None],
    benchmarks: Mapping[str, Benchmark],
) -> Diagnosis:
    """Return the growth score of a shop from its values and its industry's benchmarks, by metric.

    Items without a value or without a benchmark are left out of the mean (GRO-11).
    """
    found = [
        _result(item, values.get(item.metric), benchmarks.get(item.metric)) for item in rules.items
    ]
    counted = [each for each in found if each.share is not None]
    weights = sum(each.item.weight for each in counted)
    if not weights:
        return Diagnosis(None, tuple(found))
    earned = sum(each.item.weight * (each.share or 0) for each in counted)
    score = _hundredths(earned, weights)

    def with_gain(each: ItemResult) -> ItemResult:
        more = _hundredths(earned + each.missing, weights) - score
        return ItemResult(
            each.item, each.state, each.value, each.benchmark, each.share, Decimal(more) / 100
        )

    return Diagnosis(Decimal(score) / 100, tuple(with_gain(each) for each in found))


def share_of(value: int, benchmark: int, *, lower_is_better: bool) -> int:
    """Return min(1, value / benchmark) of two whole numbers in `FULL`ths, rounded half up.

    Where lower is better it is benchmark / value. Whoever is as good as the benchmark has all of it,
    which settles the divisions by zero: value 0 where lower is better, benchmark 0 where higher is.
    """
    part, whole = (benchmark, value) if lower_is_better else (value, benchmark)
    return FULL if part >= whole else (2 * part * FULL + whole) // (2 * whole)


def _result(item: DiagnosisItem, value: Decimal | None, benchmark: Benchmark | None) -> ItemResult:
    if value is None:
        return ItemResult(item, ItemState.NO_VALUE, None, benchmark)
    if benchmark is None:
        return ItemResult(item, ItemState.NO_BENCHMARK, value, None)
    own, goal = units_of(value), units_of(benchmark.value)
    below = own > goal if item.lower_is_better else own < goal
    share = share_of(own, goal, lower_is_better=item.lower_is_better)
    state = ItemState.BELOW if below else ItemState.REACHED
    return ItemResult(item, state, value, benchmark, share)


def _hundredths(earned: int, weights: int) -> int:
    """Return a weighted mean of shares in hundredths of points, rounded half up."""
    whole = weights * (FULL // HUNDREDTHS)
    return (2 * earned + whole) // (2 * whole)
