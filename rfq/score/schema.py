"""Typed content of the rulebooks of the service score: `rfq.score` (RFQ-13 … RFQ-22, K-16)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

SCORE = "rfq.score"

FactorKey = Literal["login_days", "quotes", "response_rate", "reply_rate", "gmv"]
RANKED_KEYS = ("quotes", "response_rate")
"""Factors whose ranks the night takes."""
UNLIMITED: Literal["unlimited"] = "unlimited"
Amount = int | Literal["unlimited"]


class Tier(RulebookContent):
    """From `at` on (or `above` it) a value earns `points`."""

    at: Decimal = Field(ge=0)
    above: bool = False
    """The value must be greater than `at`: "> 0"."""
    points: int = Field(ge=0)

    def reached(self, value: Decimal) -> bool:
        """Tell whether a value lies in or beyond the tier."""
        return value > self.at if self.above else value >= self.at


class Factor(RulebookContent):
    """One factor of the score: by a table of tiers, or ranked among peers of the industry.

    Units: `login_days` days, `quotes` rights used, rates percent, `gmv` USD. A ranked factor gives
    `max` to the best tenth and up to `max_other` to the others. `hours` is what counts as in time,
    `window` the days looked at.
    """

    key: FactorKey
    max: int = Field(ge=1)
    window: Literal["month", "days_30", "days_90"]
    ranked: bool = False
    max_other: int | None = None
    hours: int | None = None
    tiers: list[Tier] = []

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.ranked != (not self.tiers) or self.ranked != (self.max_other is not None):
            raise ValueError("a factor has tiers, or is ranked with max_other")
        if self.ranked and self.key not in RANKED_KEYS:
            raise ValueError("only quotes and the response rate are ranked among peers")
        if (self.key == "response_rate") != (self.hours is not None):
            raise ValueError("the response rate, and only it, says in how many hours")
        order = [(tier.at, tier.above) for tier in self.tiers]
        points = [tier.points for tier in self.tiers]
        if order != sorted(set(order)) or points != sorted(points):
            raise ValueError("tiers rise")
        if points and points[-1] != self.max:
            raise ValueError("the last tier earns max")
        return self


class VerifiedBonus(RulebookContent):
    """Points on the total of verified sellers, and when they are forfeited for a month.

    A seller whose 90-day GMV as of the last day of a month is below `forfeited_below` has no bonus
    in the month after; months that end before `forfeited_since` are not judged.
    """

    points: int = Field(ge=0)
    forfeited_below: Decimal | None = None
    forfeited_since: date | None = None


class QuotesBack(RulebookContent):
    """As many quote rights as quotes last month, within bounds (报多返多)."""

    least: int = Field(ge=0)
    most: int = Field(ge=0)


class Reward(RulebookContent):
    """What an assessed score of `from_score` and more brings in the next month."""

    from_score: int = Field(ge=0)
    quote: Amount | QuotesBack = 0
    gold_verified: Amount = 0
    gold_basic: Amount = 0
    pin: Amount = 0
    fast_lane: Amount = 0
    early_access: bool = False
    marketing_bonus: int = 0


class GmvBonus(RulebookContent):
    """Marketing bonus for GMV together with use of the month's free quote rights (2021-09)."""

    gmv: Decimal
    free_used_percent: int
    points: int


class GoldAccess(RulebookContent):
    """Who may quote gold RFQs at all: verified sellers, and basic ones from a star on (RFQ-5)."""

    basic_star_min: int | None = None


class ScoreRules(RulebookContent):
    """Service score and rewards (RFQ-13 … RFQ-15, RFQ-20 … RFQ-22).

    `grant_days` are days of the month on which the month's rights are granted, in equal parts; an
    odd number gives the larger part first.
    """

    factors: list[Factor] = Field(min_length=1)
    verified_bonus: VerifiedBonus
    rewards: list[Reward] = Field(min_length=1)
    """Best first."""
    gmv_bonuses: list[GmvBonus] = []
    gold_access: GoldAccess = GoldAccess()
    grant_days: list[int] = Field(min_length=1, max_length=2)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        keys = [factor.key for factor in self.factors]
        if len(set(keys)) < len(keys):
            raise ValueError("two factors have the same key")
        if len({each.window for each in self.factors if each.key in RANKED_KEYS}) > 1:
            raise ValueError("quotes and the response rate look at the same days")
        scores = [reward.from_score for reward in self.rewards]
        if scores != sorted(set(scores), reverse=True):
            raise ValueError("rewards go from the best score down")
        if self.grant_days != sorted(set(self.grant_days)) or not all(
            1 <= day <= 28 for day in self.grant_days
        ):
            raise ValueError("grant days rise and lie between 1 and 28")
        return self

    def factor(self, key: str) -> Factor | None:
        """Return a factor, or none when this rulebook does not have it."""
        return next((factor for factor in self.factors if factor.key == key), None)

    def reward(self, total: int) -> Reward | None:
        """Return the reward of a total, or none below the last one."""
        return next((reward for reward in self.rewards if total >= reward.from_score), None)


register_rulebook_module(SCORE, ScoreRules)
register_rulebook_words(
    {
        "factors": pgettext_lazy("rulebook", "Factors"),
        "login_days": pgettext_lazy("rulebook", "Login days"),
        "quotes": pgettext_lazy("rulebook", "Quotes this month"),
        "response_rate": pgettext_lazy("rulebook", "Response rate"),
        "reply_rate": pgettext_lazy("rulebook", "Buyer reply rate"),
        "gmv": pgettext_lazy("rulebook", "RFQ GMV"),
        "max": pgettext_lazy("rulebook", "Maximum"),
        "max_other": pgettext_lazy("rulebook", "Most for the others"),
        "window": pgettext_lazy("rulebook", "Period"),
        "month": pgettext_lazy("rulebook", "This month"),
        "days_30": pgettext_lazy("rulebook", "30 days"),
        "days_90": pgettext_lazy("rulebook", "90 days"),
        "ranked": pgettext_lazy("rulebook", "Ranked among peers"),
        "hours": pgettext_lazy("rulebook", "Within hours"),
        "tiers": pgettext_lazy("rulebook", "Tiers"),
        "at": pgettext_lazy("rulebook", "From"),
        "above": pgettext_lazy("rulebook", "Above, not from"),
        "points": pgettext_lazy("rulebook", "Points"),
        "verified_bonus": pgettext_lazy("rulebook", "Bonus of verified sellers"),
        "forfeited_below": pgettext_lazy("rulebook", "Forfeited below (USD)"),
        "forfeited_since": pgettext_lazy("rulebook", "Forfeited since"),
        "rewards": pgettext_lazy("rulebook", "Rewards"),
        "from_score": pgettext_lazy("rulebook", "From score"),
        "quote": pgettext_lazy("rulebook", "Quote rights"),
        "least": pgettext_lazy("rulebook", "At least"),
        "most": pgettext_lazy("rulebook", "At most"),
        "gold_verified": pgettext_lazy("rulebook", "Gold rights, verified sellers"),
        "gold_basic": pgettext_lazy("rulebook", "Gold rights, basic sellers"),
        "pin": pgettext_lazy("rulebook", "Pin rights"),
        "fast_lane": pgettext_lazy("rulebook", "Fast-lane passes"),
        "early_access": pgettext_lazy("rulebook", "Early access"),
        "marketing_bonus": pgettext_lazy("rulebook", "Marketing bonus"),
        "unlimited": pgettext_lazy("rulebook", "Unlimited"),
        "gmv_bonuses": pgettext_lazy("rulebook", "Marketing bonus for GMV"),
        "free_used_percent": pgettext_lazy("rulebook", "Free rights used (%)"),
        "gold_access": pgettext_lazy("rulebook", "Access to gold RFQs"),
        "basic_star_min": pgettext_lazy("rulebook", "Basic sellers from star"),
        "grant_days": pgettext_lazy("rulebook", "Granted on day of the month"),
    }
)
