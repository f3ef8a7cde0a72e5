"""What holds for every score: bounds, monotony, ties (Q-4)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfq.score.rules import ScoreFigures, ranked_points, score_of, top_tenth
from tests.rfq.score_books import BOOKS

PEERS = st.integers(1, 5000)
money = st.integers(0, 6_000_000).map(lambda cents: Decimal(cents) / 100)


@st.composite
def some_figures(draw):
    quotes, quoted = draw(st.integers(0, 400)), draw(st.integers(0, 400))
    peers = draw(st.integers(1, 400))
    ranks = st.integers(1, peers) | st.none()
    return ScoreFigures(
        membership=draw(st.sampled_from(["basic", "verified"])),
        assessed_star=draw(st.integers(0, 5)),
        login_days=draw(st.integers(0, 31)),
        quotes=quotes,
        quotes_in_time=draw(st.integers(0, quotes)),
        quoted_30d=quoted,
        replied_30d=draw(st.integers(0, quoted)),
        gmv=draw(money),
        quotes_rank=draw(ranks),
        quotes_peers=peers,
        response_rank=draw(ranks),
        response_peers=peers,
        bonus_forfeited=draw(st.booleans()),
    )


books = st.sampled_from(sorted(BOOKS)).map(BOOKS.__getitem__)


@pytest.mark.rule("RFQ-13")
@given(books, some_figures())
def test_points_lie_between_0_and_max_and_add_up(rules, figures):
    score = score_of(rules, figures)
    assert all(0 <= each.points <= each.max for each in score.factors)
    assert score.total == sum(each.points for each in score.factors) + score.bonus
    assert score.bonus in {0, rules.verified_bonus.points}


BETTER = {
    "login_days": lambda f, by: {"login_days": f.login_days + by},
    "reply": lambda f, by: {"replied_30d": min(f.quoted_30d, f.replied_30d + by)},
    "gmv": lambda f, by: {"gmv": f.gmv + Decimal(by) / 100},
    "quotes": lambda f, by: {"quotes_rank": max(1, f.quotes_rank - by) if f.quotes_rank else 1},
    "response": lambda f, by: {
        "response_rank": max(1, f.response_rank - by) if f.response_rank else 1
    },
}


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15", "Q-4")
@given(books, some_figures(), st.sampled_from(sorted(BETTER)), st.integers(1, 200_000))
def test_more_of_anything_never_lowers_the_score(rules, figures, what, by):
    better = replace(figures, **BETTER[what](figures, by))
    assert score_of(rules, better).total >= score_of(rules, figures).total


@pytest.mark.rule("RFQ-13")
@given(PEERS, st.data())
def test_a_better_rank_never_earns_less_and_the_best_tenth_earns_all(peers, data):
    rank = data.draw(st.integers(1, peers))
    won = ranked_points(20, 19, rank, peers)
    assert (won == 20) is (rank <= top_tenth(peers))
    assert 0 <= won <= 20
    if rank > 1:
        assert ranked_points(20, 19, rank - 1, peers) >= won
    if rank == peers and peers - top_tenth(peers) > 1:
        assert won == 0


@pytest.mark.rule("RFQ-19")
@given(books, some_figures(), st.integers(0, 300), st.integers(0, 10_000))
def test_what_the_next_step_asks_is_enough_and_no_less_is(rules, figures, quotes_at, rate_at):
    """Do what the explanation says, and one less: the row is reached, or not."""
    told = {"quotes": Decimal(quotes_at), "response_rate": Decimal(rate_at) / 100}
    figures = replace(figures, thresholds=told)
    for result in score_of(rules, figures).factors:
        if result.next is None or result.next.needed is None:
            continue
        needed, at = result.next.needed, result.next.at
        unit = Decimal("0.01") if result.key == "gmv" else 1
        if result.key == "reply_rate":
            figures_now = replace(figures, quoted_30d=max(1, figures.quoted_30d))
        else:
            figures_now = figures

        def value(more, key=result.key, now=figures_now):
            done = {
                "login_days": {"login_days": now.login_days + more},
                "gmv": {"gmv": now.gmv + more},
                "reply_rate": {"replied_30d": now.replied_30d + more},
                "quotes": {"quotes": now.quotes + more},
                "response_rate": {
                    "quotes": now.quotes + more,
                    "quotes_in_time": now.quotes_in_time + more,
                },
            }[key]
            return replace(now, **done).input_of(rules.factor(key)).value

        reached = (lambda v, at=at: v > at) if result.next.above else (lambda v, at=at: v >= at)
        assert needed > 0
        assert reached(value(needed))
        # A threshold told with the rounding of its column may be reached already.
        if needed > unit or not result.ranked:
            assert not reached(value(needed - unit))
