"""Stars by the tables of the rulebooks, on both sides of each boundary (GRO-12 … GRO-14)."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import growth
from growth.stars.rules import StarResult, points_of, star_of_points, star_result, step_to
from growth.stars.schema import StarRules, industry_names

FOLDER = Path(growth.__file__).parent / "rulebooks" / "star"
FILES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for path in FOLDER.glob("*.toml")
}
BOOKS = {version: StarRules.model_validate(each["content"]) for version, each in FILES.items()}
OLD, NEW = BOOKS["2021-07"], BOOKS["2022-12"]

BEST: dict[str, Decimal | None] = {
    metric: Decimal(0 if "abnormal" in metric else 1_000_000) for metric in NEW.metrics()
} | {"rfq.marketing_bonus": Decimal(0)}
"""Values that earn every point, without bonuses."""


def result(
    rules: StarRules = NEW, industry: str = "toys", *, default: Any = BEST, **values: Any
) -> StarResult:
    """Return the stars of values given as `growth__online_amount_90d=100`."""
    given = {name.replace("__", "."): value for name, value in values.items()}
    return star_result(
        rules,
        industry=industry_names(industry),
        values={**default, **{k: None if v is None else Decimal(str(v)) for k, v in given.items()}},
    )


def points(key: str, value: object, power: str = "trade", rules: StarRules = NEW) -> Decimal:
    indicator = next(each for each in rules.power(power).indicators if each.key == key)
    return points_of(indicator, None if value is None else Decimal(str(value)))


# --- Points and stars ---------------------------------------------------------------------------


@pytest.mark.rule("GRO-12")
@pytest.mark.parametrize(
    ("key", "power", "value", "earned"),
    [
        ("online_amount", "trade", None, 0),
        ("online_amount", "trade", 0, 0),
        ("online_amount", "trade", "0.01", 10),
        ("online_amount", "trade", "1999.99", 10),
        ("online_amount", "trade", 2000, 18),
        ("online_amount", "trade", "99999.99", 34),
        ("online_amount", "trade", 100000, 40),
        ("payment_conversion", "trade", 60, 30),
        ("payment_conversion", "trade", "59.9999", "29.99"),
        ("payment_conversion", "trade", "33.3333", "16.66"),
        ("payment_conversion", "trade", -5, 0),
        ("repurchase_rate", "trade", "0.01", "0.01"),
        ("repurchase_rate", "trade", "0.0099", 0),
        ("abnormal_fulfilment", "guarantee", None, 40),
        ("abnormal_fulfilment", "guarantee", 2, 40),
        ("abnormal_fulfilment", "guarantee", "2.0001", 30),
        ("abnormal_fulfilment", "guarantee", 20, 10),
        ("abnormal_fulfilment", "guarantee", "20.0001", 0),
        ("on_time_dispatch", "guarantee", None, 0),
        ("on_time_dispatch", "guarantee", "94.9999", 30),
        ("on_time_dispatch", "guarantee", 95, 40),
        ("potential_products", "product", "9999999999999999", 25),
    ],
)
def test_points_of_an_indicator(key, power, value, earned):
    assert points(key, value, power) == Decimal(str(earned))


@pytest.mark.rule("GRO-12", "GRO-10")
@pytest.mark.parametrize(
    ("reached", "star"),
    [
        ("59.99", 0), (60, 1), ("69.99", 1), (70, 2), ("79.99", 2), (80, 3),
        ("89.99", 3), (90, 4), ("94.99", 4), (95, 5), (100, 5),
    ],
)  # fmt: skip
def test_stars_begin_at_their_points(reached, star):
    assert star_of_points(NEW, Decimal(reached)) == star
    assert star_of_points(OLD, Decimal(reached)) == star


@pytest.mark.rule("GRO-12")
def test_a_shop_has_the_stars_of_its_lowest_power():
    assert result().star == 5
    weak = result(portal__clicks_30d=0, listings__live_products=44)
    assert {power.key: power.star for power in weak.powers} == {
        "trade": 5, "product": 5, "marketing": 2, "guarantee": 5,
    }  # fmt: skip
    assert weak.star == 2
    [lowest] = weak.lowest
    assert (lowest.key, lowest.points, lowest.to_next) == ("marketing", 70, 10)
    nothing = result(default=dict.fromkeys(BEST))
    assert (nothing.star, [power.points for power in nothing.powers]) == (0, [0, 0, 0, 40])


# --- Bonuses ------------------------------------------------------------------------------------


BASES = {0: ("2000", 60, 0), 1: ("50000", 60, 0), 2: ("50000", 60, 14), 3: ("50000", 60, 24)}
"""Online amount, payment conversion and repurchase rate of a trade power with so many stars."""


def trade(star: int) -> dict[str, Any]:
    """Return the values of `BASES` in 180 days."""
    names = ("online_amount", "payment_conversion", "repurchase_rate")
    return {f"growth__{name}_180d": value for name, value in zip(names, BASES[star], strict=True)}


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("star", "base", "below", "enough", "bonus"),
    [
        (3, 88, "199999.99", 200_000, 1),
        (2, 78, "99999.99", 100_000, 3),
        (1, 64, "39999.99", 40_000, 3),
        (0, 48, "1999.99", 2_000, 3),
    ],
)
def test_local_service_adds_by_the_star_trade_power_has_without_it(
    star, base, below, enough, bonus
):
    for industry in ("machinery", "construction-machinery"):
        poor = result(NEW, industry, **trade(star), growth__local_after_sales_180d=below)
        rich = result(NEW, industry, **trade(star), growth__local_after_sales_180d=enough)
        assert poor.local_service.trade_star == rich.local_service.trade_star == star
        assert (poor.power("trade").points, poor.power("trade").bonus) == (base, 0)
        assert (rich.power("trade").base, rich.power("trade").bonus) == (base, bonus)
        assert rich.power("trade").points == base + bonus
    for industry in ("building-materials", "toys"):
        other = result(NEW, industry, **trade(star), growth__local_after_sales_180d=10**9)
        assert (other.power("trade").bonus, other.local_service) == (0, None)


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("rate", "bonus", "total"),
    [("25.99", 1, "90.99"), ("26", 0, 90), ("30", 0, 94)],
)
def test_a_trade_power_of_four_stars_gains_nothing(rate, bonus, total):
    found = result(
        NEW, "machinery", growth__online_amount_180d=50_000, growth__payment_conversion_180d=60,
        growth__repurchase_rate_180d=rate, growth__local_after_sales_180d=10**9,
    )  # fmt: skip
    assert found.power("trade").bonus == bonus
    assert found.power("trade").points == Decimal(total)


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("star", "row"), [*enumerate([(1000, 3), (20000, 3), (50000, 3), (100000, 1)])]
)
def test_before_december_the_amounts_are_half_in_90_days(star, row):
    half, full = OLD.trade_bonus.row(star), NEW.trade_bonus.row(star)
    assert (half.amount, half.points) == row
    assert (full.amount, full.points) == (2 * row[0], row[1])
    assert OLD.days_of(industry_names("machinery")) == OLD.days_of(industry_names("toys")) == 90
    assert "growth.local_after_sales_180d" not in OLD.metrics()


@pytest.mark.rule("GRO-13")
def test_december_changes_the_windows_of_three_industries_and_nothing_else():
    for industry in ("building-materials", "machinery", "construction-machinery"):
        assert NEW.days_of(industry_names(industry)) == 180
        trade = result(NEW, industry).power("trade")
        assert [each.metric for each in trade.indicators] == [
            "growth.online_amount_180d",
            "growth.payment_conversion_180d",
            "growth.repurchase_rate_180d",
        ]
        assert result(NEW, industry).local_service is None or (
            result(NEW, industry).local_service.days == 180
        )
    assert NEW.days_of(industry_names("toys")) == 90
    same = {"powers", "thresholds", "days"}
    old, new = OLD.model_dump(), NEW.model_dump()
    assert {key: old[key] for key in same} == {key: new[key] for key in same}
    assert [FILES[version]["effective_from"] for version in sorted(FILES)] == [
        date(2021, 6, 30), date(2022, 12, 6),
    ]  # fmt: skip


@pytest.mark.rule("GRO-14", "RFQ-13")
@pytest.mark.parametrize(("bonus", "points"), [(None, 70), (0, 70), (3, 73), (5, 75), (40, 100)])
def test_marketing_power_takes_the_rfq_bonus_up_to_100(bonus, points):
    found = result(portal__clicks_30d=0, rfq__marketing_bonus=bonus).power("marketing")
    assert (found.base, found.bonus, found.points) == (70, bonus or 0, points)


# --- The way up ---------------------------------------------------------------------------------


@pytest.mark.rule("GRO-12")
@pytest.mark.parametrize(
    ("power", "key", "values", "wanted", "at", "gain"),
    [
        ("trade", "online_amount", {"growth__online_amount_90d": 500}, 8, 2000, 8),
        ("trade", "online_amount", {"growth__online_amount_90d": 500}, "8.01", 10000, 16),
        ("trade", "online_amount", {"growth__online_amount_90d": 500}, "30.01", None, None),
        ("trade", "payment_conversion", {"growth__payment_conversion_90d": 20}, 10, 40, 10),
        # 0.01 points of 30 at 60 % are 0.02 %.
        ("trade", "payment_conversion", {"growth__payment_conversion_90d": 20}, "0.01", "20.02", "0.01"),
        ("guarantee", "abnormal_fulfilment", {"growth__abnormal_fulfilment_90d": 12}, 15, 5, 20),
        ("trade", "payment_conversion", {}, 1, None, None),
    ],
)  # fmt: skip
def test_the_least_value_that_earns_so_much_more(power, key, values, wanted, at, gain):
    found = result(**values).power(power)
    step = step_to(next(each for each in found.indicators if each.key == key), Decimal(wanted))
    if at is None:
        assert step is None
    else:
        assert (step.at, step.gain) == (Decimal(at), Decimal(gain))


@pytest.mark.rule("GRO-12")
def test_the_next_step_says_where_more_points_begin_and_what_is_missing():
    trade = result(growth__online_amount_90d="1500.50", growth__repurchase_rate_90d=None).power(
        "trade"
    )
    amount, conversion, repurchase = (each.next for each in trade.indicators)
    assert (amount.at, amount.above, amount.gain, amount.needed) == (
        2000,
        False,
        8,
        Decimal("499.50"),
    )
    assert conversion is None
    assert (repurchase.at, repurchase.gain, repurchase.needed) == (30, 30, 30)
    abnormal = result(growth__abnormal_fulfilment_90d=21).power("guarantee").indicators[1].next
    assert (abnormal.at, abnormal.gain, abnormal.needed) == (20, 10, 1)


VALUE = st.integers(0, 2 * 10**9).map(lambda parts: Decimal(parts) / 10_000)


@pytest.mark.rule("GRO-12")
@given(st.data())
def test_a_better_value_never_earns_less_and_a_step_keeps_its_word(data):
    rules = data.draw(st.sampled_from([OLD, NEW]))
    power = data.draw(st.sampled_from(rules.powers))
    indicator = data.draw(st.sampled_from(power.indicators))
    low, high = sorted([data.draw(VALUE), data.draw(VALUE)])
    if indicator.lower_is_better:
        low, high = high, low
    assert 0 <= points_of(indicator, low) <= points_of(indicator, high) <= indicator.max
    values = {**BEST, indicator.metric_in(90): low}
    found = star_result(rules, industry=industry_names("toys"), values=values).power(power.key)
    one = next(each for each in found.indicators if each.key == indicator.key)
    wanted = data.draw(st.integers(1, 10_000).map(lambda parts: Decimal(parts) / 100))
    step = step_to(one, wanted)
    if step is None:
        assert one.points + wanted > indicator.max
    else:
        reached = step.at + Decimal("0.0001") * step.above
        assert points_of(indicator, reached) >= one.points + wanted


# --- What a rulebook may say --------------------------------------------------------------------


def changed(**over: Any) -> dict[str, Any]:
    return {**NEW.model_dump(), **over}


def with_indicator(**over: Any) -> dict[str, Any]:
    content = NEW.model_dump()
    content["powers"][0]["indicators"][0] |= over
    return content


@pytest.mark.rule("K-16", "GRO-12")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(thresholds=[60, 60, 80]), "thresholds rise"),
        (changed(thresholds=[0, 60]), "thresholds rise"),
        (changed(thresholds=[60, 101]), "thresholds rise"),
        (changed(powers=NEW.model_dump()["powers"][::-1]), "the powers are"),
        (changed(windows=[{"industries": ["a", "b"], "days": 180}, {"industries": ["b"], "days": 90}]), "same industry"),
        (changed(windows=[{"industries": ["a"], "days": 365}]), "growth.online_amount_365d"),
        (with_indicator(tiers=[{"at": 5, "points": 41}], max=41), "add up to 100"),
        (with_indicator(tiers=[]), "has tiers, or a value"),
        (with_indicator(full_at=5), "has tiers, or a value"),
        (with_indicator(tiers=[{"at": 5, "points": 40}, {"at": 4, "points": 30}]), "fewest points"),
        (with_indicator(tiers=[{"at": 5, "points": 39}]), "the last tier earns max"),
        (with_indicator(lower_is_better=True, tiers=[{"at": 4, "points": 10}, {"at": 5, "points": 40}]), "fewest points"),
        (with_indicator(without=41), "at most its maximum"),
        (with_indicator(metric="growth.predicted_star", windowed=False), "counted after the stars"),
        (with_indicator(metric="portal.nothing", windowed=False), "there is no metric"),
    ],
)  # fmt: skip
def test_a_rulebook_that_cannot_be_is_refused(content, message):
    with pytest.raises(ValidationError, match=message):
        StarRules.model_validate(content)
