"""The stars of one shop, with their explanation (GRO-12 … GRO-14).

Pure and exact: values in, points and reasons out, in whole hundredths of points, never in floats.
`growth.nightly.star_sql` decides the same for all shops inside the database; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from growth.choices import Power
from growth.stars.schema import FULL, BonusRow, Indicator, PowerRules, StarRules, StarTier

HUNDREDTHS = 100
SCALE = 10_000
"""Metric values have four decimals; both sides of a comparison are taken in ten-thousandths."""
CENTS = Decimal(HUNDREDTHS)
Values = Mapping[str, Decimal | None]
"""Metric key → value; none where the shop has no value."""


# --- What comes out -----------------------------------------------------------------------------


@dataclass(frozen=True)
class NextStep:
    """The value from which an indicator earns `gain` more points; the last one earns its maximum.

    `above`: the value must be greater. `needed` is what is missing, in the unit of the value.
    """

    at: Decimal
    above: bool
    points: Decimal
    gain: Decimal
    needed: Decimal


@dataclass(frozen=True)
class IndicatorResult:
    """One indicator: `value` in the metric's unit, none where the shop has none; `points` of `max`."""

    indicator: Indicator
    metric: str
    days: int | None
    value: Decimal | None
    points: Decimal
    next: NextStep | None

    @property
    def key(self) -> str:
        """Key of the indicator."""
        return self.indicator.key

    @property
    def max(self) -> int:
        """Most points it can earn."""
        return self.indicator.max


@dataclass(frozen=True)
class PowerResult:
    """One power: `points` 0–100 with the bonus, `base` without it.

    `to_next` are the points to its next star, none at the top.
    """

    key: str
    points: Decimal
    base: Decimal
    bonus: int
    star: int
    to_next: Decimal | None
    indicators: tuple[IndicatorResult, ...]


@dataclass(frozen=True)
class BonusResult:
    """The bonus of local after-sales service, for shops whose industry has it (GRO-13).

    `amount` is what counts in `days`; `row` is what trade powers of `trade_star` stars can gain.
    """

    amount: Decimal
    days: int
    trade_star: int
    row: BonusRow | None
    points: int


@dataclass(frozen=True)
class StarResult:
    """The stars of a shop; `star` is that of its lowest power."""

    star: int
    powers: tuple[PowerResult, ...]
    local_service: BonusResult | None

    def power(self, key: str) -> PowerResult:
        """Return one of the four powers."""
        return next(each for each in self.powers if each.key == key)

    @property
    def lowest(self) -> tuple[PowerResult, ...]:
        """The powers that hold the shop's star down."""
        return tuple(each for each in self.powers if each.star == self.star)


# --- The stars ----------------------------------------------------------------------------------


def star_result(rules: StarRules, *, industry: frozenset[str], values: Values) -> StarResult:
    """Return the stars a rulebook gives to a shop's values (GRO-12 … GRO-14).

    `industry` are the names of its industry (`industry_names`); `values` holds every metric of `rules.metrics()`.
    """
    days = rules.days_of(industry)
    local, powers = None, []
    for power in rules.powers:
        indicators = tuple(_indicator(each, days, values) for each in power.indicators)
        base = sum((each.points for each in indicators), Decimal(0))
        if power.key == Power.TRADE:
            local = _local_service(rules, industry, days, values, base)
            bonus = local.points if local else 0
        else:
            bonus = _bonus(power, values)
        powers.append(_power(rules, power, indicators, base, bonus))
    return StarResult(min(each.star for each in powers), tuple(powers), local)


def star_of_points(rules: StarRules, points: Decimal) -> int:
    """Return the stars a power of so many points has."""
    return sum(points >= threshold for threshold in rules.thresholds)


def _power(
    rules: StarRules,
    power: PowerRules,
    indicators: tuple[IndicatorResult, ...],
    base: Decimal,
    bonus: int,
) -> PowerResult:
    points = min(base + bonus, Decimal(FULL))
    ahead = [threshold for threshold in rules.thresholds if points < threshold]
    return PowerResult(
        key=power.key,
        points=points,
        base=base,
        bonus=bonus,
        star=star_of_points(rules, points),
        to_next=ahead[0] - points if ahead else None,
        indicators=indicators,
    )


def _bonus(power: PowerRules, values: Values) -> int:
    """Return what a bonus metric adds: whole points, never more than a power has."""
    if power.bonus_metric is None:
        return 0
    return min(max(int(values.get(power.bonus_metric) or 0), 0), FULL)


def _local_service(
    rules: StarRules, industry: frozenset[str], days: int, values: Values, base: Decimal
) -> BonusResult | None:
    bonus = rules.trade_bonus
    if bonus is None or industry.isdisjoint(bonus.industries):
        return None
    amount = values.get(bonus.metric_in(days)) or Decimal(0)
    star = star_of_points(rules, base)
    row = bonus.row(star)
    points = row.points if row and amount >= row.amount else 0
    return BonusResult(amount, days, star, row, points)


# --- Indicators ---------------------------------------------------------------------------------


def _indicator(indicator: Indicator, days: int, values: Values) -> IndicatorResult:
    metric = indicator.metric_in(days)
    value = values.get(metric)
    points = points_of(indicator, value)
    return IndicatorResult(
        indicator=indicator,
        metric=metric,
        days=days if indicator.windowed else None,
        value=value,
        points=points,
        next=_next(indicator, value, points),
    )


def points_of(indicator: Indicator, value: Decimal | None) -> Decimal:
    """Return the points a value earns: by its tier, or in proportion, rounded down to hundredths."""
    if value is None:
        return Decimal(indicator.without)
    if indicator.full_at is not None:
        return _in_proportion(indicator.max, indicator.full_at, value)
    reached = reached_by(indicator, value)
    return Decimal(max((tier.points for tier in indicator.tiers if reached(tier)), default=0))


def reached_by(indicator: Indicator, value: Decimal) -> Callable[[StarTier], bool]:
    """Return what tells whether a value lies in or beyond a tier of the indicator."""

    def reached(tier: StarTier) -> bool:
        if indicator.lower_is_better:
            return value <= tier.at
        return value > tier.at if tier.above else value >= tier.at

    return reached


def _in_proportion(most: int, full_at: Decimal, value: Decimal) -> Decimal:
    if value >= full_at:
        return Decimal(most)
    parts, whole = int(max(value, Decimal(0)) * SCALE), int(full_at * SCALE)
    return Decimal(most * HUNDREDTHS * parts // whole) / CENTS


def _next(indicator: Indicator, value: Decimal | None, points: Decimal) -> NextStep | None:
    """Return the next value that earns more, or none at the maximum.

    Without a value nothing is missing yet but the value itself: what counts is counted from 0.
    """
    if points >= indicator.max:
        return None
    known = Decimal(0) if value is None else value
    if indicator.full_at is not None:
        gain = indicator.max - points
        return NextStep(
            indicator.full_at, False, Decimal(indicator.max), gain, indicator.full_at - known
        )
    tier = next(tier for tier in indicator.tiers if tier.points > points)
    return _tier_step(indicator, tier, known, points)


def _tier_step(indicator: Indicator, tier: StarTier, known: Decimal, points: Decimal) -> NextStep:
    missing = known - tier.at if indicator.lower_is_better else tier.at - known
    gain = tier.points - points
    return NextStep(tier.at, tier.above, Decimal(tier.points), gain, max(missing, Decimal(0)))


def step_to(result: IndicatorResult, wanted: Decimal) -> NextStep | None:
    """Return the least value that earns at least `wanted` more points; none when no value does."""
    indicator, target = result.indicator, result.points + wanted
    if wanted <= 0 or target > indicator.max:
        return None
    known = Decimal(0) if result.value is None else result.value
    if indicator.full_at is not None:
        whole = int(target * HUNDREDTHS) * int(indicator.full_at * SCALE)
        at = Decimal(-(-whole // (indicator.max * HUNDREDTHS))) / SCALE
        points = points_of(indicator, at)
        return NextStep(at, False, points, points - result.points, at - known)
    tier = next(tier for tier in indicator.tiers if tier.points >= target)
    return _tier_step(indicator, tier, known, result.points)
