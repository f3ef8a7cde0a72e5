"""The statement that gives every shop of a shard its stars (GRO-12 … GRO-14).

One select over the metric values of the day, judged by a rulebook compiled to `CASE` expressions. Values are
whole ten-thousandths and points whole hundredths, so that both databases decide every boundary alike;
`growth.stars.rules.star_result` says the same of one shop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from growth.choices import Power
from growth.stars.rules import HUNDREDTHS, SCALE
from growth.stars.schema import FULL, MOST_VALUE, Indicator, PowerRules, StarRules, StarTier
from portal.choices import SellerStatus
from portal.metrics import metric_empty
from portal.nightly.statement import Statement

HIGHEST = int(MOST_VALUE) + 1
"""Values are cut to between −1 and this: beyond, no table of a rulebook tells them apart."""


def star_statement(rules: StarRules, version: str, as_of: date) -> Statement:
    """Return the select of `StarStanding` rows as of a day, judged by a rulebook."""
    stars = StarSql(rules)
    sql = STARS.format(
        values=stars.values(),
        bases=", ".join(f"{stars.base(power)} AS {power.key}_base" for power in rules.powers),
        trade_bonus=stars.trade_bonus(),
        marketing_bonus=stars.marketing_bonus(),
        capped=", ".join(stars.capped(power) for power in rules.powers),
        star=stars.star(),
        full=FULL * HUNDREDTHS,
    )
    params = {
        "as_of": as_of,
        "version": version,
        "closed": SellerStatus.CLOSED.value,
        **stars.params,
    }
    return Statement(sql, params)


# Points stay whole hundredths until the last step.
STARS = """
SELECT t.seller_id, CAST(%(version)s AS VARCHAR(40)) AS rulebook,
    t.trade / 100.0 AS trade, t.product / 100.0 AS product,
    t.marketing / 100.0 AS marketing, t.guarantee / 100.0 AS guarantee,
    t.trade_bonus, t.marketing_bonus, {star} AS star
FROM (
    SELECT n.seller_id, n.trade_bonus, n.marketing_bonus, {capped}
    FROM (
        SELECT b.*, {trade_bonus} AS trade_bonus, {marketing_bonus} AS marketing_bonus
        FROM (SELECT v.*, {bases} FROM ({values}) v) b
    ) n
) t
"""

VALUES = """
SELECT p.id AS seller_id, {days} AS days, {serviced} AS serviced, {columns}
FROM portal_seller p JOIN portal_category c ON c.id = p.industry_id
LEFT JOIN (
    SELECT m.seller_id AS owner, {pivoted} FROM portal_metricvalue m
    WHERE m.seller_id BETWEEN %(lo)s AND %(hi)s AND m.metric IN ({metrics})
        AND m.valid_from <= %(as_of)s AND m.valid_to >= %(as_of)s
    GROUP BY m.seller_id
) f ON f.owner = p.id
WHERE p.id BETWEEN %(lo)s AND %(hi)s AND p.status <> %(closed)s
"""


INDUSTRY_NAMES = (
    "c.code",
    "REPLACE(LOWER(c.code), '_', '-')",
    "REPLACE(LOWER(c.name_en), ' ', '-')",
    "c.name_zh",
)
"""What rulebooks may call an industry, as `industry_names` says it."""


@dataclass
class StarSql:
    """A rulebook compiled to SQL; what it compares with is collected in `params`."""

    rules: StarRules
    params: dict[str, Any] = field(default_factory=dict)

    def param(self, value: int | str) -> str:
        """Pass a whole number or a text as a parameter; return its place in the statement."""
        name = f"n{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def column(self, metric: str) -> str:
        """Return the column that holds a metric's value."""
        return f"m{self.rules.metrics().index(metric)}"

    # --- Values ---------------------------------------------------------------------------------

    def values(self) -> str:
        """Return the select of a row per shop: its window, its values in ten-thousandths."""
        names = {metric: self.param(metric) for metric in self.rules.metrics()}
        bonus = self.rules.trade_bonus
        return VALUES.format(
            days=self._days(),
            serviced=self._industry_in(bonus.industries) if bonus else "FALSE",
            columns=", ".join(
                f"{self._or_empty(metric)} AS {self.column(metric)}" for metric in names
            ),
            pivoted=", ".join(
                f"MAX(CASE WHEN m.metric = {place} THEN {self._scaled()} END) AS {self.column(metric)}"
                for metric, place in names.items()
            ),
            metrics=", ".join(names.values()),
        )

    def _scaled(self) -> str:
        return (
            f"CASE WHEN m.value > {HIGHEST} THEN {HIGHEST * SCALE} WHEN m.value < 0 THEN -1 "
            f"ELSE CAST(ROUND(m.value * {SCALE}) AS BIGINT) END"
        )

    def _or_empty(self, metric: str) -> str:
        empty = metric_empty(metric)
        column = f"f.{self.column(metric)}"
        return column if empty is None else f"COALESCE({column}, {int(empty * SCALE)})"

    def _industry_in(self, codes: Iterable[str]) -> str:
        named = ", ".join(self.param(code) for code in codes)
        return "(" + " OR ".join(f"{name} IN ({named})" for name in INDUSTRY_NAMES) + ")"

    def _days(self) -> str:
        rows = ((self._industry_in(each.industries), str(each.days)) for each in self.rules.windows)
        return _case(rows, str(self.rules.days))

    def of_window(self, metric_in: Any) -> str:
        """Return the value of a windowed metric for the shop's own days."""
        rows = (
            (f"days = {days}", self.column(metric_in(days))) for days in self.rules.all_days[1:]
        )
        return _case(rows, self.column(metric_in(self.rules.days)))

    # --- Points ---------------------------------------------------------------------------------

    def base(self, power: PowerRules) -> str:
        """Return a power's hundredths without its bonus."""
        return " + ".join(self.points(each) for each in power.indicators)

    def points(self, indicator: Indicator) -> str:
        """Return the hundredths an indicator earns."""
        value = self.of_window(indicator.metric_in)
        without = (f"{value} IS NULL", str(indicator.without * HUNDREDTHS))
        if indicator.full_at is None:
            rows = (
                (self._reached(indicator, tier, value), str(tier.points * HUNDREDTHS))
                for tier in reversed(indicator.tiers)
            )
            return _case([without, *rows], "0")
        most, full = indicator.max * HUNDREDTHS, self.param(_scaled(indicator.full_at))
        return _case(
            [without, (f"{value} >= {full}", str(most)), (f"{value} <= 0", "0")],
            f"({most} * {value}) / {full}",
        )

    def _reached(self, indicator: Indicator, tier: StarTier, value: str) -> str:
        compare = "<=" if indicator.lower_is_better else ">" if tier.above else ">="
        return f"{value} {compare} {self.param(_scaled(tier.at))}"

    def trade_bonus(self) -> str:
        """Return what local after-sales service adds, by the stars trade power has without it."""
        bonus = self.rules.trade_bonus
        if bonus is None:
            return "0"
        amount = f"COALESCE({self.of_window(bonus.metric_in)}, 0)"
        # Best star first: the first threshold that is reached decides which row is asked.
        rows = []
        for star in range(len(self.rules.thresholds), -1, -1):
            row = bonus.row(star)
            gained = (
                f"CASE WHEN {amount} >= {self.param(_scaled(row.amount))} THEN {row.points} ELSE 0 END"
                if row
                else "0"
            )
            rows.append((self._has_star("trade_base", star), gained))
        return f"CASE WHEN serviced THEN {_case(rows, '0')} ELSE 0 END"

    def marketing_bonus(self) -> str:
        """Return the whole points of the bonus metric of marketing power."""
        metric = self.rules.power(Power.MARKETING).bonus_metric
        if metric is None:
            return "0"
        value = self.column(metric)
        rows = [
            (f"{value} IS NULL OR {value} <= 0", "0"),
            (f"{value} >= {FULL * SCALE}", str(FULL)),
        ]
        return _case(rows, f"{value} / {SCALE}")

    def capped(self, power: PowerRules) -> str:
        """Return a power with its bonus, at most 100, as a named column."""
        bonus = {
            Power.TRADE.value: f" + n.trade_bonus * {HUNDREDTHS}",
            Power.MARKETING.value: f" + n.marketing_bonus * {HUNDREDTHS}",
        }.get(power.key, "")
        total, full = f"n.{power.key}_base{bonus}", FULL * HUNDREDTHS
        return f"CASE WHEN {total} > {full} THEN {full} ELSE {total} END AS {power.key}"

    # --- Stars ----------------------------------------------------------------------------------

    def star(self) -> str:
        """Return the most stars that every power has."""
        rows = (
            (
                " AND ".join(self._has_star(f"t.{power.key}", star) for power in self.rules.powers),
                str(star),
            )
            for star in range(len(self.rules.thresholds), 0, -1)
        )
        return _case(rows, "0")

    def _has_star(self, column: str, star: int) -> str:
        least = self.rules.thresholds[star - 1] * HUNDREDTHS if star else 0
        return f"{column} >= {least}"


def _scaled(value: Decimal) -> int:
    return int(value * SCALE)


def _case(rows: Iterable[tuple[str, str]], otherwise: str) -> str:
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in rows)
    return f"CASE {whens} ELSE {otherwise} END" if whens else otherwise
