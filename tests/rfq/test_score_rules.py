"""Points, totals and rewards of the three rulebooks, both sides of every boundary (RFQ-13 … RFQ-22)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from rfq.score.rules import (
    GrantPart,
    ScoreFigures,
    SimulatedFigures,
    ranked_points,
    rewards_for,
    score_of,
    top_tenth,
)
from rfq.score.words import next_text
from tests.rfq.score_books import BOOKS

VERIFIED, BASIC = "verified", "basic"


def points(version: str, key: str, **figures: object) -> int | None:
    """Return what a factor earns for a basic seller."""
    score = score_of(BOOKS[version], ScoreFigures(BASIC, **figures))  # type: ignore[arg-type]
    factor = score.factor(key)
    return factor.points if factor else None


# --- Ranked among peers -------------------------------------------------------------------------


@pytest.mark.rule("RFQ-13")
@pytest.mark.parametrize(
    ("rank", "peers", "expected"),
    [
        (1, 1, 25),  # alone: the best tenth of one is one
        (1, 2, 25),
        (2, 2, 24),  # the only other one: m = 1
        (2, 3, 24),  # m = 2: floor(24 × 1 / 1)
        (3, 3, 0),
        (1, 10, 25),
        (2, 10, 24),  # k = 1, m = 9, p = 1: 24 × 8 / 8
        (3, 10, 21),  # 24 × 7 / 8
        (9, 10, 3),  # 24 × 1 / 8
        (10, 10, 0),
        (2, 11, 25),  # k = ceil(1.1) = 2
        (3, 11, 24),
        (20, 200, 25),
        (21, 200, 24),
        (22, 200, 23),  # floor(24 × 178 / 179) = floor(23.87)
        (None, 200, 0),
    ],
)
def test_a_rank_earns_what_the_formula_says(rank, peers, expected):
    assert ranked_points(25, 24, rank, peers) == expected


@pytest.mark.rule("RFQ-13")
def test_the_best_tenth_is_rounded_up():
    assert [top_tenth(peers) for peers in (0, 1, 10, 11, 20, 21)] == [0, 1, 1, 2, 2, 3]


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize(("version", "full"), [("2021-09", 25), ("2022-01", 20), ("2022-08", 20)])
@pytest.mark.parametrize("key", ["quotes", "response_rate"])
def test_ranked_factors_give_full_points_to_the_best_and_one_less_to_the_next(version, full, key):
    name = "quotes" if key == "quotes" else "response"
    for rank, expected in ((1, full), (2, full - 1), (10, 0), (None, 0)):
        figures = {f"{name}_rank": rank, f"{name}_peers": 10}
        assert points(version, key, quotes=1, quotes_in_time=1, **figures) == expected


# --- Tables -------------------------------------------------------------------------------------

LOGIN_DAYS = [(0, 0), (1, 1), (3, 1), (4, 2), (11, 2), (12, 3), (17, 3), (18, 4), (21, 4), (22, 5)]


@pytest.mark.rule("RFQ-13", "RFQ-14")
@pytest.mark.parametrize(("days", "expected"), [*LOGIN_DAYS, (31, 5)])
@pytest.mark.parametrize("version", ["2021-09", "2022-01"])
def test_login_days(version, days, expected):
    assert points(version, "login_days", login_days=days) == expected


@pytest.mark.rule("RFQ-15")
def test_the_newest_rulebook_has_no_login_factor():
    assert points("2022-08", "login_days", login_days=31) is None


REPLY_ROWS = (
    (0, 1000),
    (1, 1000),
    (99, 1000),
    (100, 1000),
    (299, 1000),
    (300, 1000),
    (499, 1000),
    (500, 1000),
)


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2021-09", (0, 5, 5, 10, 10, 15, 15, 20)),
        ("2022-01", (0, 3, 3, 6, 6, 12, 12, 15)),
        ("2022-08", (0, 6, 6, 12, 12, 24, 24, 30)),
    ],
)
def test_reply_rates_at_0_10_30_and_50_percent(version, expected):
    found = [
        points(version, "reply_rate", replied_30d=part, quoted_30d=whole)
        for part, whole in REPLY_ROWS
    ]
    assert tuple(found) == expected


@pytest.mark.rule("RFQ-15", "RFQ-16")
def test_a_rate_is_compared_as_its_two_counts():
    # 2999/10000 and 33333/111110 both look like 30.00 % when rounded; only one of them is.
    assert points("2022-08", "reply_rate", replied_30d=2999, quoted_30d=10_000) == 12
    assert points("2022-08", "reply_rate", replied_30d=33_332, quoted_30d=111_110) == 12
    assert points("2022-08", "reply_rate", replied_30d=33_333, quoted_30d=111_110) == 24
    assert points("2022-08", "reply_rate", replied_30d=0, quoted_30d=0) == 0


GMV_TABLES = {
    "2021-09": {
        "0": 0, "0.01": 5, "1999.99": 5, "2000": 10, "4999.99": 10, "5000": 15,
        "9999.99": 15, "10000": 20, "24999.99": 20, "25000": 25, "900000": 25,
    },
    "2022-01": {
        "0": 0, "0.01": 2, "1000": 2, "1000.01": 5, "4999.99": 5, "5000": 10, "9999.99": 10,
        "10000": 15, "24999.99": 15, "25000": 25, "34999.99": 25, "35000": 40,
    },
    "2022-08": {
        "0": 0, "0.01": 2, "499.99": 2, "500": 5, "999.99": 5, "1000": 10, "9999.99": 10,
        "10000": 15, "19999.99": 15, "20000": 20, "34999.99": 20, "35000": 30,
    },
}  # fmt: skip


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize(
    ("version", "gmv", "expected"),
    [(version, gmv, row) for version, rows in GMV_TABLES.items() for gmv, row in rows.items()],
)
def test_gmv(version, gmv, expected):
    assert points(version, "gmv", gmv=Decimal(gmv)) == expected


# --- Totals -------------------------------------------------------------------------------------

BEST = {
    "login_days": 30, "quotes": 9, "quotes_in_time": 9, "quoted_30d": 9, "replied_30d": 9,
    "gmv": Decimal(50_000), "quotes_rank": 1, "quotes_peers": 30, "response_rank": 1,
    "response_peers": 30,
}  # fmt: skip


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize("version", BOOKS)
def test_the_best_of_everything_is_100_and_verified_sellers_pass_it(version):
    rules = BOOKS[version]
    assert score_of(rules, ScoreFigures(BASIC, **BEST)).total == 100
    verified = score_of(rules, ScoreFigures(VERIFIED, **BEST))
    assert (verified.total, verified.bonus) == (120, 20)


@pytest.mark.rule("RFQ-14", "RFQ-15")
def test_a_forfeited_bonus_is_lost_to_verified_sellers_alone():
    lost = score_of(BOOKS["2022-08"], ScoreFigures(VERIFIED, bonus_forfeited=True, **BEST))
    assert (lost.total, lost.bonus, lost.bonus_forfeited) == (100, 0, True)
    basic = score_of(BOOKS["2022-08"], ScoreFigures(BASIC, bonus_forfeited=True, **BEST))
    assert (basic.total, basic.bonus, basic.bonus_forfeited) == (100, 0, False)


# --- Rewards ------------------------------------------------------------------------------------

REWARDS_2021 = {
    90: ("back", None, True), 89: (30, 15, True), 80: (30, 15, True), 79: (20, 10, True),
    70: (20, 10, True), 69: (10, 5, False), 60: (10, 5, False), 59: (5, 0, False),
    40: (5, 0, False), 39: (0, 0, False), 0: (0, 0, False),
}  # fmt: skip


@pytest.mark.rule("RFQ-20", "RFQ-21")
@pytest.mark.parametrize("version", ["2021-09", "2022-01"])
@pytest.mark.parametrize("total", REWARDS_2021)
def test_quote_rights_fast_lane_and_early_access_until_july_2022(version, total):
    quote, fast_lane, early = REWARDS_2021[total]
    won = rewards_for(BOOKS[version], total, BASIC, 0, 64)
    assert won.quote == (64 if quote == "back" else quote)
    assert (won.fast_lane, won.pin, won.early_access) == (fast_lane, 0, early)
    assert (won.gold, won.gold_access) == (0, False)


@pytest.mark.rule("RFQ-20", "RFQ-21")
@pytest.mark.parametrize("version", ["2021-09", "2022-01"])
@pytest.mark.parametrize(
    ("quotes", "rights"), [(0, 30), (29, 30), (30, 30), (31, 31), (99, 99), (100, 100), (101, 100)]
)
def test_from_90_on_as_many_quote_rights_as_quotes_between_30_and_100(version, quotes, rights):
    assert rewards_for(BOOKS[version], 90, BASIC, 0, quotes).quote == rights


@pytest.mark.rule("RFQ-21")
@pytest.mark.parametrize(
    ("total", "gold", "bonus"),
    [(120, None, 5), (90, None, 5), (89, 15, 3), (80, 15, 3), (79, 15, 0), (60, 15, 0),
     (59, 5, 0), (40, 5, 0), (39, 5, 0), (0, 5, 0)],
)  # fmt: skip
def test_gold_rights_and_marketing_bonus_of_2022_01(total, gold, bonus):
    rules = BOOKS["2022-01"]
    assert rewards_for(rules, total, VERIFIED, 0, 0).gold == gold
    assert rewards_for(rules, total, BASIC, 5, 0).gold == 0
    assert rules.reward(total).marketing_bonus == bonus


@pytest.mark.rule("RFQ-22", "RFQ-5")
@pytest.mark.parametrize(
    ("total", "gold", "basic_gold", "pin", "fast_lane", "early", "bonus"),
    [
        (90, None, 15, 10, 10, True, 5),
        (89, None, 15, 10, 10, True, 3),
        (80, None, 15, 10, 10, True, 3),
        (79, 15, 5, 5, 5, True, 0),
        (60, 15, 5, 5, 5, True, 0),
        (59, 5, 3, 0, 0, False, 0),
        (0, 5, 3, 0, 0, False, 0),
    ],
)
def test_rewards_of_2022_08(total, gold, basic_gold, pin, fast_lane, early, bonus):
    rules = BOOKS["2022-08"]
    verified = rewards_for(rules, total, VERIFIED, 0, 80)
    assert verified.amounts() == {"quote": 0, "gold": gold, "pin": pin, "fast_lane": fast_lane}
    assert (verified.early_access, verified.gold_access) == (early, True)
    three_stars = rewards_for(rules, total, BASIC, 3, 80)
    assert three_stars.amounts() == {**verified.amounts(), "gold": basic_gold}
    two_stars = rewards_for(rules, total, BASIC, 2, 80)
    assert (two_stars.gold, two_stars.gold_access, two_stars.pin) == (0, False, pin)
    assert rules.reward(total).marketing_bonus == bonus


@pytest.mark.rule("RFQ-13")
@pytest.mark.parametrize(
    ("gmv", "used", "granted", "bonus"),
    [
        ("25000", 6, 10, 3),
        ("24999.99", 6, 10, 0),
        ("25000", 599, 1000, 0),
        ("34999.99", 10, 10, 3),
        ("35000", 10, 10, 5),
        ("35000", 11, 10, 5),
        ("35000", 999, 1000, 3),
        ("35000", 0, 0, 0),
    ],
)
def test_marketing_bonus_of_2021_09(gmv, used, granted, bonus):
    figures = ScoreFigures(VERIFIED, gmv=Decimal(gmv), free_used=used, free_granted=granted)
    assert score_of(BOOKS["2021-09"], figures).marketing_bonus == bonus


@pytest.mark.rule("RFQ-10")
def test_a_months_rights_come_in_halves_the_larger_first():
    halves = BOOKS["2022-01"]
    assert GrantPart.of(halves, 15) == [GrantPart(1, 3, 8), GrantPart(2, 15, 7)]
    assert GrantPart.of(halves, 30) == [GrantPart(1, 3, 15), GrantPart(2, 15, 15)]
    assert GrantPart.of(halves, 1) == [GrantPart(1, 3, 1)]
    assert GrantPart.of(halves, 0) == []
    assert GrantPart.of(halves, None) == [GrantPart(1, 3, None)]
    assert GrantPart.of(BOOKS["2022-08"], 15) == [GrantPart(1, 3, 15)]


# --- What comes next ----------------------------------------------------------------------------


def step(version: str, key: str, **figures: object):
    return score_of(BOOKS[version], ScoreFigures(BASIC, **figures)).factor(key)  # type: ignore[arg-type]


@pytest.mark.rule("RFQ-19")
def test_it_counts_the_replies_that_are_missing():
    found = step("2022-08", "reply_rate", quoted_30d=20, replied_30d=3)
    assert (found.next.at, found.next.points, found.next.needed) == (30, 24, 3)
    assert next_text(found) == "3 more replies → 30%, +12 points"
    almost = step("2022-08", "reply_rate", quoted_30d=21, replied_30d=6)
    assert almost.next.needed == 1  # 7/21 = 33.3 %; 6/21 = 28.6 %
    assert step("2022-08", "reply_rate", quoted_30d=0).next.needed == 1
    assert step("2022-08", "reply_rate", quoted_30d=2, replied_30d=1).next is None


@pytest.mark.rule("RFQ-19")
def test_it_counts_the_money_that_is_missing():
    found = step("2022-01", "gmv", gmv=Decimal("999.50"))
    assert (found.next.above, found.next.needed) == (True, Decimal("0.51"))
    assert next_text(found) == "US$0.51 more received → above US$1,000, +3 points"
    nothing = step("2022-01", "gmv")
    assert nothing.next.needed == Decimal("0.01")
    assert next_text(nothing) == "A first payment received → above US$0, +2 points"
    assert step("2022-08", "gmv", gmv=Decimal("34999.99")).next.needed == Decimal("0.01")


@pytest.mark.rule("RFQ-19")
def test_it_counts_quotes_and_quotes_in_time_to_the_threshold_of_the_best_tenth():
    peers = {"quotes_rank": 5, "quotes_peers": 30, "response_rank": 9, "response_peers": 30}
    told = {"quotes": Decimal(60), "response_rate": Decimal(80)}
    figures = {**peers, "quotes": 40, "quotes_in_time": 20, "thresholds": told}
    assert step("2022-08", "quotes", **figures).next.needed == 20
    rate = step("2022-08", "response_rate", **figures)
    assert rate.next.needed == 60  # (20 + 60) / (40 + 60) = 80 %
    assert next_text(rate).startswith("60 more quotes in time → 80%, +")
    perfect = {**figures, "thresholds": {"response_rate": Decimal(100)}}
    assert step("2022-08", "response_rate", **perfect).next.needed is None
    untold = {**figures, "thresholds": {}}
    assert step("2022-08", "response_rate", **untold).next is None


@pytest.mark.rule("RFQ-19")
def test_the_table_marks_the_row_one_is_in():
    rows = step("2022-08", "gmv", gmv=Decimal(1000)).tiers
    assert [row.points for row in rows if row.current] == [10]
    assert not any(row.current for row in step("2022-08", "gmv").tiers)


@pytest.mark.rule("RFQ-19")
def test_a_rate_just_below_a_tier_is_not_shown_as_the_tier():
    assert step("2022-08", "reply_rate", quoted_30d=10_000, replied_30d=2999).shown == Decimal(
        "29.99"
    )
    assert step("2022-08", "reply_rate", quoted_30d=3, replied_30d=1).shown == Decimal("33.33")


@pytest.mark.rule("RFQ-19")
def test_a_simulation_takes_ranked_factors_as_points_and_saves_nothing():
    figures = SimulatedFigures(
        BASIC,
        3,
        quotes_points=15,
        response_rate_points=99,
        reply_rate=Decimal(30),
        gmv=Decimal(500),
    )
    score = score_of(BOOKS["2022-08"], figures)
    assert {each.key: each.points for each in score.factors} == {
        "quotes": 15, "response_rate": 20, "reply_rate": 24, "gmv": 5,
    }  # fmt: skip
    assert (score.total, score.rewards.gold, score.rewards.pin) == (64, 5, 5)
    assert score.factor("quotes").value is None
    assert score.factor("reply_rate").value == Fraction(30)
