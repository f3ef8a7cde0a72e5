"""Typed content of the rulebooks of merchant star levels (商家星等级): `growth.star` (GRO-12 … GRO-14, K-16)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from growth.choices import Power
from portal.bilingual import in_language
from portal.metrics import FINAL, metric_job, metric_known
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

STAR = "growth.star"
FULL = 100
"""Points of a power whose indicators all earn their maximum; bonuses do not lift it further."""
MOST_STARS = 5
MOST_VALUE = Decimal(10) ** 10
"""Above it the whole numbers of the night's statement would not hold the products."""

PowerKey = Literal["trade", "product", "marketing", "guarantee"]
KEY = r"^[a-z0-9_]+$"


class StarTier(RulebookContent):
    """From `at` on (down from it where lower is better), or `above` it, a value earns `points`."""

    at: Decimal = Field(ge=0, le=MOST_VALUE, decimal_places=4)
    above: bool = False
    """The value must be greater than `at`: "> 0"."""
    points: int = Field(ge=1, le=FULL)


class Indicator(RulebookContent):
    """What a power is judged by: a metric that earns up to `max` points.

    Either by `tiers`, or in proportion up to `full_at`, where `max` begins; what lies between earns
    hundredths of points, rounded down. `lower_is_better` goes by tiers alone: a value up to `at` earns
    their points. `windowed` metrics exist for each window of the rulebook, as `<metric>_90d`.
    `without` is what a shop without a value earns. Values are in the metric's own unit.
    """

    key: str = Field(pattern=KEY)
    metric: str
    windowed: bool = False
    max: int = Field(ge=1, le=FULL)
    tiers: list[StarTier] = []
    full_at: Decimal | None = Field(default=None, gt=0, le=MOST_VALUE, decimal_places=4)
    lower_is_better: bool = False
    without: int = Field(default=0, ge=0, le=FULL)
    title_en: str
    title_zh: str = ""
    guide_en: str = ""
    guide_zh: str = ""
    page: str = ""
    """Name of the page of the portal where it is improved."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.tiers) == (self.full_at is not None):
            raise ValueError("an indicator has tiers, or a value that earns everything")
        if self.lower_is_better and not self.tiers:
            raise ValueError("what is better when it is lower goes by tiers")
        if self.without > self.max:
            raise ValueError("without a value an indicator earns at most its maximum")
        if self.tiers:
            self._tiers_rise()
        return self

    def _tiers_rise(self) -> None:
        order = [(tier.at, tier.above) for tier in self.tiers]
        points = [tier.points for tier in self.tiers]
        if self.lower_is_better and any(tier.above for tier in self.tiers):
            raise ValueError("what is better when it is lower earns its points up to a value")
        wanted = sorted(set(order), reverse=self.lower_is_better)
        if order != wanted or points != sorted(set(points)):
            raise ValueError("tiers go from the fewest points to the most")
        if points[-1] != self.max:
            raise ValueError("the last tier earns max")

    def metric_in(self, days: int) -> str:
        """Return the key of the metric that is read for a window of days."""
        return f"{self.metric}_{days}d" if self.windowed else self.metric

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def guide(self) -> str:
        """How it is raised, in the active language; often empty."""
        return in_language(self.guide_en, self.guide_zh)


class PowerRules(RulebookContent):
    """One of the four powers: indicators whose maxima add up to 100.

    Marketing power may have a `bonus_metric`, whose points are added to them, up to 100 in all.
    """

    key: PowerKey
    indicators: list[Indicator] = Field(min_length=1)
    bonus_metric: str | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        keys = [each.key for each in self.indicators]
        if len(set(keys)) < len(keys):
            raise ValueError("two indicators of a power have the same key")
        if sum(each.max for each in self.indicators) != FULL:
            raise ValueError(f"the indicators of a power add up to {FULL} points")
        if self.bonus_metric and self.key != Power.MARKETING:
            raise ValueError("only marketing power takes the points of a metric")
        return self


def industry_names(code: str, name_en: str = "", name_zh: str = "") -> frozenset[str]:
    """Return what rulebooks may call an industry: code or names of its top-level category.

    Codes are upstream's own, so that names tell industries apart, too: in small letters, with hyphens.
    `growth.nightly.star_sql` says the same.
    """
    said = {code, code.lower().replace("_", "-"), name_en.lower().replace(" ", "-"), name_zh}
    return frozenset(said - {""})


class StarWindow(RulebookContent):
    """Days looked at for shops of some industries; see `industry_names`."""

    industries: list[str] = Field(min_length=1)
    days: int = Field(ge=1)


class BonusRow(RulebookContent):
    """A trade power of `trade_star` stars before the bonus gains `points` from an `amount` in USD on."""

    trade_star: int = Field(ge=0, le=MOST_STARS)
    amount: Decimal = Field(gt=0, le=MOST_VALUE, decimal_places=4)
    points: int = Field(ge=1, le=FULL)


class TradeBonus(RulebookContent):
    """What local after-sales service adds to the trade power of some industries (GRO-13).

    The metric is windowed like those of the power.
    """

    metric: str
    industries: list[str] = Field(min_length=1)
    rows: list[BonusRow] = Field(min_length=1)

    @model_validator(mode="after")
    def _once_per_star(self) -> Self:
        stars = [row.trade_star for row in self.rows]
        if len(set(stars)) < len(stars):
            raise ValueError("two rows are for the same star")
        return self

    def row(self, star: int) -> BonusRow | None:
        """Return what trade powers of a star can gain; often nothing."""
        return next((row for row in self.rows if row.trade_star == star), None)

    def metric_in(self, days: int) -> str:
        """Return the key of the metric that is read for a window of days."""
        return f"{self.metric}_{days}d"


class StarRules(RulebookContent):
    """How stars are given (GRO-12 … GRO-14): a power's by `thresholds`, a shop's by its lowest power.

    `thresholds` are the points from which a power has 1, 2, … stars.
    """

    thresholds: list[int] = Field(min_length=1, max_length=MOST_STARS)
    days: int = Field(ge=1)
    """The window of industries that have none of their own."""
    windows: list[StarWindow] = []
    powers: list[PowerRules]
    trade_bonus: TradeBonus | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.thresholds != sorted(set(self.thresholds)) or not (
            self.thresholds[0] > 0 and self.thresholds[-1] <= FULL
        ):
            raise ValueError(f"thresholds rise, above 0 and up to {FULL}")
        if [each.key for each in self.powers] != list(Power.values):
            raise ValueError(f"the powers are {', '.join(Power.values)}, in this order")
        named = [code for window in self.windows for code in window.industries]
        if len(set(named)) < len(named):
            raise ValueError("two windows are for the same industry")
        for metric in self.metrics():
            if not metric_known(metric):
                raise ValueError(f"there is no metric “{metric}”")
            if metric_job(metric) == FINAL:
                raise ValueError(f"“{metric}” is counted after the stars")
        return self

    def power(self, key: str) -> PowerRules:
        """Return one of the four powers."""
        return next(each for each in self.powers if each.key == key)

    def days_of(self, industry: frozenset[str]) -> int:
        """Return the days looked at for shops of an industry, told by its names."""
        found = (
            window.days for window in self.windows if not industry.isdisjoint(window.industries)
        )
        return next(found, self.days)

    @property
    def all_days(self) -> list[int]:
        """Every window there is, the common one first."""
        return list(dict.fromkeys([self.days, *(window.days for window in self.windows)]))

    def metrics(self) -> list[str]:
        """Return the key of every metric the rulebook reads, each once."""
        return list(dict.fromkeys(self._metrics()))

    def _metrics(self) -> Iterator[str]:
        for days in self.all_days:
            for power in self.powers:
                for indicator in power.indicators:
                    yield indicator.metric_in(days)
                if power.bonus_metric:
                    yield power.bonus_metric
            if self.trade_bonus:
                yield self.trade_bonus.metric_in(days)


register_rulebook_module(STAR, StarRules)
register_rulebook_words(
    {
        # Translators: 星级门槛
        "thresholds": pgettext_lazy("rulebook", "Points from which 1, 2, … stars begin"),
        # Translators: 统计周期
        "days": pgettext_lazy("rulebook", "Days looked at"),
        "windows": pgettext_lazy("rulebook", "Days by industry"),
        "industries": pgettext_lazy("rulebook", "Industries"),
        "powers": pgettext_lazy("rulebook", "Powers"),
        "indicators": pgettext_lazy("rulebook", "Indicators"),
        "key": pgettext_lazy("rulebook", "Key"),
        "metric": pgettext_lazy("rulebook", "Number"),
        "windowed": pgettext_lazy("rulebook", "By days of the industry"),
        "max": pgettext_lazy("rulebook", "Maximum"),
        "tiers": pgettext_lazy("rulebook", "Tiers"),
        "at": pgettext_lazy("rulebook", "From"),
        "above": pgettext_lazy("rulebook", "Above, not from"),
        "points": pgettext_lazy("rulebook", "Points"),
        "full_at": pgettext_lazy("rulebook", "Maximum from"),
        "lower_is_better": pgettext_lazy("rulebook", "Lower is better"),
        "without": pgettext_lazy("rulebook", "Points without a value"),
        "title": pgettext_lazy("rulebook", "Title"),
        "guide": pgettext_lazy("rulebook", "How it is done"),
        "page": pgettext_lazy("rulebook", "Page"),
        "bonus_metric": pgettext_lazy("rulebook", "Bonus by"),
        # Translators: 机械本地售后商品交易额加分
        "trade_bonus": pgettext_lazy("rulebook", "Bonus for local after-sales service"),
        "rows": pgettext_lazy("rulebook", "Rows"),
        "trade_star": pgettext_lazy("rulebook", "Stars of trade power before it"),
        "amount": pgettext_lazy("rulebook", "From amount (USD)"),
        **{power.value: power.label for power in Power},
    }
)
