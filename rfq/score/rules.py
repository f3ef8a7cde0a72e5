"""The service score of one seller, with its explanation (RFQ-13 … RFQ-16, RFQ-19 … RFQ-22).

Pure and exact: values in, points and reasons out, in whole numbers and fractions, never in floats.
`rfq.nightly.score_sql` decides the same for all sellers inside the database; tests hold the two equal.

    score_of(rules, ScoreFigures(…))         the score of counted figures
    score_of(rules, SimulatedFigures(…))     what if: peer-ranked factors are given as points
    rewards_for(rules, total, …)             what a score brings in the next month
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any, Self

from portal.choices import Membership
from rfq.score.schema import UNLIMITED, Amount, Factor, QuotesBack, Reward, ScoreRules, Tier

CENT = Decimal("0.01")

# --- What is judged -----------------------------------------------------------------------------


@dataclass(frozen=True)
class FactorInput:
    """What is known of one factor: its value in the factor's unit, or points alone.

    `part` of `whole` are the counts behind a rate. `rank` is the place among `peers` (1 is best, None
    without a value above zero), `threshold` the value at which full points begin, as far as it is
    told.
    """

    value: Fraction | None
    part: int | None = None
    whole: int | None = None
    rank: int | None = None
    peers: int = 0
    threshold: Decimal | None = None
    points: int | None = None
    """Given instead of a value (simulation)."""


@dataclass(frozen=True)
class ScoreFigures:
    """What the night counts for a seller; the names are those of `ServiceScore` (RFQ-16).

    `gmv` in USD; `thresholds` are those of `PeerBenchmark` by factor, where sellers are told them.
    """

    membership: str
    assessed_star: int = 0
    login_days: int = 0
    quotes: int = 0
    quotes_in_time: int = 0
    quoted_30d: int = 0
    replied_30d: int = 0
    gmv: Decimal = Decimal(0)
    quotes_rank: int | None = None
    quotes_peers: int = 0
    response_rank: int | None = None
    response_peers: int = 0
    free_granted: int = 0
    free_used: int = 0
    bonus_forfeited: bool = False
    thresholds: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def of_row(
        cls, row: Any, *, membership: str, assessed_star: int, **others: Any
    ) -> ScoreFigures:
        """Take the counted fields of a `ServiceScore` (or anything that has them)."""
        mine = {"membership", "assessed_star", "thresholds"}
        counted = {
            name: getattr(row, name) for name in cls.__dataclass_fields__ if name not in mine
        }
        return cls(membership=membership, assessed_star=assessed_star, **counted, **others)

    @property
    def quotes_last_month(self) -> int:
        """Quotes that count for quote rights: for a month's end, those of the month (RFQ-20)."""
        return self.quotes

    @property
    def free_used_percent(self) -> Fraction:
        """Share of the month's free quote rights that was used, in percent; 0 without any."""
        return percent(self.free_used, self.free_granted)

    def input_of(self, factor: Factor) -> FactorInput:
        """Return what is known of a factor."""
        threshold = self.thresholds.get(factor.key)
        if factor.key == "login_days":
            return FactorInput(Fraction(self.login_days))
        if factor.key == "quotes":
            return FactorInput(
                Fraction(self.quotes),
                rank=self.quotes_rank,
                peers=self.quotes_peers,
                threshold=threshold,
            )
        if factor.key == "response_rate":
            return FactorInput(
                percent(self.quotes_in_time, self.quotes),
                part=self.quotes_in_time,
                whole=self.quotes,
                rank=self.response_rank,
                peers=self.response_peers,
                threshold=threshold,
            )
        if factor.key == "reply_rate":
            return FactorInput(
                percent(self.replied_30d, self.quoted_30d),
                part=self.replied_30d,
                whole=self.quoted_30d,
            )
        return FactorInput(Fraction(self.gmv))


@dataclass(frozen=True)
class SimulatedFigures:
    """What a seller tries out (RFQ-19): ranked factors as points, rates in percent, `gmv` in USD.

    Points are cut to what the rulebook's factor can give.
    """

    membership: str
    assessed_star: int = 0
    login_days: int = 0
    quotes_points: int = 0
    response_rate_points: int = 0
    reply_rate: Decimal | Fraction = Decimal(0)
    gmv: Decimal = Decimal(0)
    quotes_last_month: int = 0
    free_used_percent: Decimal | Fraction = Decimal(0)
    bonus_forfeited: bool = False

    def input_of(self, factor: Factor) -> FactorInput:
        """Return what is tried out for a factor."""
        if factor.ranked:
            given = self.quotes_points if factor.key == "quotes" else self.response_rate_points
            return FactorInput(None, points=min(max(0, given), factor.max))
        return FactorInput(Fraction(getattr(self, factor.key)))


# --- What comes out -----------------------------------------------------------------------------


@dataclass(frozen=True)
class TierRow:
    """A line of a factor's table; `current` marks the one the value lies in."""

    at: Decimal
    above: bool
    points: int
    current: bool


@dataclass(frozen=True)
class NextStep:
    """The next threshold of a factor: from `at` on (or `above` it) it earns `points` in all.

    `needed` is how much is missing, counted exactly and in what a seller can do: login days, quotes,
    quotes in time, RFQs with a reply (of those already quoted), or USD. None when no number of them
    is enough.
    """

    at: Decimal
    above: bool
    points: int
    gain: int
    needed: int | Decimal | None


@dataclass(frozen=True)
class FactorResult:
    """One factor: `value` days, quotes, percent or USD; None when only points were given."""

    key: str
    value: Fraction | None
    points: int
    max: int
    tiers: tuple[TierRow, ...]
    next: NextStep | None
    factor: Factor
    figures: FactorInput

    @property
    def ranked(self) -> bool:
        """Tell whether sellers of the industry are compared instead of a table asked."""
        return self.factor.ranked

    @property
    def shown(self) -> Decimal | None:
        """The value with at most two decimals, rounded down: 29.999 % is not yet 30 %."""
        if self.value is None:
            return None
        exact = Decimal(self.value.numerator * 10_000 // self.value.denominator) / 10_000
        return exact.quantize(CENT, ROUND_FLOOR)


@dataclass(frozen=True)
class Rewards:
    """What a score brings in the month after; amounts are None when unlimited (RFQ-20 … RFQ-22).

    `gold_access` tells whether the seller may quote gold RFQs at all, with rights from anywhere.
    """

    quote: int | None = 0
    gold: int | None = 0
    fast_lane: int | None = 0
    pin: int | None = 0
    early_access: bool = False
    gold_access: bool = False
    from_score: int | None = None

    def amounts(self) -> dict[str, int | None]:
        """Return right kind → amount; None is unlimited, 0 none."""
        return {
            "quote": self.quote,
            "gold": self.gold,
            "fast_lane": self.fast_lane,
            "pin": self.pin,
        }


@dataclass(frozen=True)
class Score:
    """A score with how it came about. `bonus` is that of verified sellers; `total` has no cap."""

    total: int
    bonus: int
    bonus_forfeited: bool
    factors: tuple[FactorResult, ...]
    marketing_bonus: int
    rewards: Rewards

    def factor(self, key: str) -> FactorResult | None:
        """Return a factor by key, or none when the rulebook does not have it."""
        return next((each for each in self.factors if each.key == key), None)


# --- The score ----------------------------------------------------------------------------------


def score_of(rules: ScoreRules, figures: ScoreFigures | SimulatedFigures) -> Score:
    """Return the score of a seller's figures under a rulebook (RFQ-13 … RFQ-15, RFQ-19)."""
    factors = tuple(_factor_result(each, figures.input_of(each)) for each in rules.factors)
    verified = figures.membership == Membership.VERIFIED
    forfeited = verified and figures.bonus_forfeited
    bonus = rules.verified_bonus.points if verified and not forfeited else 0
    total = sum(each.points for each in factors) + bonus
    return Score(
        total=total,
        bonus=bonus,
        bonus_forfeited=forfeited,
        factors=factors,
        marketing_bonus=marketing_bonus(
            rules,
            total=total,
            gmv=Fraction(figures.gmv),
            free_used_percent=Fraction(figures.free_used_percent),
        ),
        rewards=rewards_for(
            rules,
            total,
            figures.membership,
            figures.assessed_star,
            figures.quotes_last_month,
        ),
    )


def percent(part: int, whole: int) -> Fraction:
    """Return 100 × part / whole exactly; 0 when there is no whole."""
    return Fraction(100 * part, whole) if whole else Fraction(0)


def ranked_points(full: int, max_other: int, rank: int | None, peers: int) -> int:
    """Return the points of a place among peers (RFQ-13 … RFQ-15).

    The best tenth, rounded up, gets `full`; the others floor(max_other × (m − p) / (m − 1)) for the
    p-th of m; a single other one gets `max_other`. No place (a value of zero) gives nothing.
    """
    if rank is None:
        return 0
    best = top_tenth(peers)
    if rank <= best:
        return full
    place, others = rank - best, peers - best
    if others == 1:
        return max_other
    return max_other * (others - place) // (others - 1)


def top_tenth(peers: int) -> int:
    """Return how many of the peers are the best tenth: ceil(n / 10)."""
    return -(-peers // 10)


def reached(tier: Tier, value: Fraction) -> bool:
    """Tell exactly whether a value lies in or beyond a tier."""
    at = Fraction(tier.at)
    return value > at if tier.above else value >= at


def _factor_result(factor: Factor, figures: FactorInput) -> FactorResult:
    if factor.ranked:
        points = figures.points
        if points is None:
            points = ranked_points(factor.max, factor.max_other or 0, figures.rank, figures.peers)
        step = _next_ranked(factor, figures, points)
        return FactorResult(
            factor.key, figures.value, points, factor.max, (), step, factor, figures
        )
    value = figures.value or Fraction(0)
    current = max(
        (place for place, tier in enumerate(factor.tiers) if reached(tier, value)), default=-1
    )
    points = factor.tiers[current].points if current >= 0 else 0
    rows = tuple(
        TierRow(tier.at, tier.above, tier.points, place == current)
        for place, tier in enumerate(factor.tiers)
    )
    step = _next_tier(factor, figures, value, points, current)
    return FactorResult(factor.key, value, points, factor.max, rows, step, factor, figures)


# --- What comes next ----------------------------------------------------------------------------


def _next_tier(
    factor: Factor, figures: FactorInput, value: Fraction, points: int, current: int
) -> NextStep | None:
    """Return the next row of the table that earns more."""
    for tier in factor.tiers[current + 1 :]:
        if tier.points > points:
            needed = _missing(factor.key, tier, figures, value)
            return NextStep(tier.at, tier.above, tier.points, tier.points - points, needed)
    return None


def _missing(key: str, tier: Tier, figures: FactorInput, value: Fraction) -> int | Decimal | None:
    at = Fraction(tier.at)
    if key == "gmv":
        cents = _least_whole((at - value) * 100, strict=tier.above)
        return Decimal(cents) / 100
    if key == "reply_rate":
        if figures.whole is None or figures.part is None:
            return None
        # Replies to RFQs that are quoted already; with none quoted yet, one quoted and replied.
        whole = max(1, figures.whole)
        return _least_whole(at * whole / 100, strict=tier.above) - figures.part
    return _least_whole(at - value, strict=tier.above)


def _next_ranked(factor: Factor, figures: FactorInput, points: int) -> NextStep | None:
    """Return the step to the value of the best tenth, when it is told and not reached."""
    threshold, value = figures.threshold, figures.value
    if points >= factor.max or threshold is None or value is None:
        return None
    at, needed = Fraction(threshold), None
    if factor.key == "quotes":
        needed = max(1, _least_whole(at - value))
    elif figures.whole is not None and figures.part is not None and at < 100:
        # Each further quote in time adds to both counts: (part + x) / (whole + x) ≥ at.
        missing = (at * figures.whole - 100 * figures.part) / (100 - at)
        needed = max(1, _least_whole(missing))
    return NextStep(threshold, False, factor.max, factor.max - points, needed)


def _least_whole(number: Fraction, *, strict: bool = False) -> int:
    """Return the least whole number that is at least the number, or above it."""
    return number.__floor__() + 1 if strict else number.__ceil__()


# --- Rewards ------------------------------------------------------------------------------------


def rewards_for(
    rules: ScoreRules, total: int, membership: str, assessed_star: int, quotes_last_month: int
) -> Rewards:
    """Return what an assessed score brings in the month after (RFQ-20 … RFQ-22).

    `quotes_last_month` are the quotes of the assessed month. "unlimited" is None.
    """
    access = gold_access(rules, membership, assessed_star)
    reward = rules.reward(total)
    if reward is None:
        return Rewards(gold_access=access)
    gold = reward.gold_verified if membership == Membership.VERIFIED else reward.gold_basic
    return Rewards(
        quote=quote_rights(reward, quotes_last_month),
        gold=_amount(gold) if access else 0,
        fast_lane=_amount(reward.fast_lane),
        pin=_amount(reward.pin),
        early_access=reward.early_access,
        gold_access=access,
        from_score=reward.from_score,
    )


def quote_rights(reward: Reward, quotes_last_month: int) -> int | None:
    """Return the quote rights of a reward; those that depend on quotes within their bounds."""
    if isinstance(reward.quote, QuotesBack):
        return min(reward.quote.most, max(reward.quote.least, quotes_last_month))
    return _amount(reward.quote)


def _amount(amount: Amount) -> int | None:
    return None if amount == UNLIMITED else amount


def gold_access(rules: ScoreRules, membership: str, assessed_star: int) -> bool:
    """Tell whether a seller may quote gold RFQs at all (RFQ-5)."""
    if membership == Membership.VERIFIED:
        return True
    star = rules.gold_access.basic_star_min
    return star is not None and assessed_star >= star


def marketing_bonus(
    rules: ScoreRules, *, total: int, gmv: Fraction, free_used_percent: Fraction
) -> int:
    """Return what the star level's marketing power gains: by score, or by GMV and use (RFQ-13)."""
    reward = rules.reward(total)
    earned = [
        bonus.points
        for bonus in rules.gmv_bonuses
        if gmv >= Fraction(bonus.gmv) and free_used_percent >= bonus.free_used_percent
    ]
    return max([reward.marketing_bonus if reward else 0, *earned])


@dataclass(frozen=True)
class GrantPart:
    """What of a month's rights is granted on one day; `amount` is None when unlimited."""

    part: int
    day: int
    amount: int | None

    @classmethod
    def of(cls, rules: ScoreRules, amount: int | None) -> list[Self]:
        """Cut a month's amount into its grant days, larger parts first: 15 → 8 + 7 (RFQ-10).

        Unlimited rights come whole on the first day; parts of nothing are left out.
        """
        days = rules.grant_days
        if amount is None:
            return [cls(1, days[0], None)]
        base, larger = divmod(amount, len(days))
        parts = [cls(number + 1, day, base + (number < larger)) for number, day in enumerate(days)]
        return [each for each in parts if each.amount]
