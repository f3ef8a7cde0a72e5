"""What the score page draws: factor cards, bonus, rewards, what to do first (RFQ-19). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.choices import Membership
from portal.models import Seller
from portal.templatetags.portal_ui import day_text, number_text
from rfq.models import PeerBenchmark
from rfq.score.reading import ScoreStanding, best_steps
from rfq.score.rules import FactorResult, Rewards, Score, gold_access
from rfq.score.schema import Amount, Factor, Reward, ScoreRules, VerifiedBonus
from rfq.score.texts import (
    ICONS,
    RIGHT_NAMES,
    WINDOWS,
    Text,
    amount_text,
    counts_text,
    definition,
    points_text,
    quote_amount_text,
    tips,
    value_text,
    yes_no,
)
from rfq.score.words import FACTOR_NAMES, goal_text, money_text, next_text

# --- Factors ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CardRow:
    """A line of a factor's table."""

    value: str
    points: str
    current: bool


@dataclass(frozen=True)
class FactorCard:
    """One factor as the page shows it."""

    key: str
    name: Text
    icon: str
    window: Text
    value: str
    counts: str
    points: int
    max: int
    rows: tuple[CardRow, ...]
    next: str
    place: str
    threshold: str
    definition: str
    tips: tuple[str, ...]


def factor_cards(standing: ScoreStanding) -> list[FactorCard]:
    """Return the cards of a score, in the rulebook's order."""
    if standing.score is None:
        return []
    return [_card(each, standing.peers.get(each.key)) for each in standing.score.factors]


def _card(result: FactorResult, peers: PeerBenchmark | None) -> FactorCard:
    factor = result.factor
    return FactorCard(
        key=result.key,
        name=factor_name(factor),
        icon=ICONS[result.key],
        window=WINDOWS[factor.window],
        value=value_text(result.key, result.shown),
        counts=counts_text(result),
        points=result.points,
        max=result.max,
        rows=tuple(_ranked_rows(result, peers) if result.ranked else _tier_rows(result)),
        next=next_text(result),
        place=_place(result, peers),
        threshold=_threshold(result, peers),
        definition=definition(factor),
        tips=tuple(tips(result.key)),
    )


def factor_name(factor: Factor) -> Text:
    """Return a factor's name; the response rate says within how many hours."""
    if factor.key == "response_rate":
        # Translators: 12小时报价响应率
        return _("%(hours)s-hour response rate") % {"hours": factor.hours}
    return FACTOR_NAMES[factor.key]


def tier_text(key: str, at: Decimal, *, above: bool) -> str:
    """Write where a tier begins: `from 10 %`, `above 0 %`."""
    goal = goal_text(key, at, above=above)
    return goal if above else _("from %(goal)s") % {"goal": goal}


def _tier_rows(result: FactorResult) -> Iterable[CardRow]:
    lowest = result.factor.tiers[0]
    if lowest.above or lowest.at > 0:
        begins = goal_text(result.key, lowest.at)
        below = (
            _("not above %(goal)s") % {"goal": begins}
            if lowest.above
            else _("below %(goal)s") % {"goal": begins}
        )
        yield CardRow(below, points_text(0), not any(row.current for row in result.tiers))
    for row in result.tiers:
        text = tier_text(result.key, row.at, above=row.above)
        yield CardRow(text, points_text(row.points), row.current)


def _ranked_rows(result: FactorResult, peers: PeerBenchmark | None) -> Iterable[CardRow]:
    full, has_value = result.points == result.max, bool(result.value)
    best = _("best tenth of your industry")
    if peers is not None:
        best = _("best tenth of your industry: from %(goal)s") % {
            "goal": goal_text(result.key, peers.threshold)
        }
    yield CardRow(_("nothing yet"), points_text(0), not has_value)
    others = _("up to %(points)s by rank") % {"points": points_text(result.factor.max_other or 0)}
    yield CardRow(_("the others"), others, has_value and not full)
    yield CardRow(best, points_text(result.max), full)


def _place(result: FactorResult, peers: PeerBenchmark | None) -> str:
    """Say where the shop stands among its peers, where there are enough of them (K-8)."""
    rank = result.figures.rank
    if peers is None or rank is None:
        return ""
    return _("Place %(rank)s of %(peers)s in your industry") % {
        "rank": number_text(rank),
        "peers": number_text(peers.peers),
    }


def _threshold(result: FactorResult, peers: PeerBenchmark | None) -> str:
    if not result.ranked:
        return ""
    if peers is None:
        return _("Where the best tenth begins is told from five compared sellers on.")
    return _("The best tenth of your industry begins at %(goal)s.") % {
        "goal": goal_text(result.key, peers.threshold)
    }


# --- What to do first ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A way to more points; `reward` is what row of the rewards it alone would reach."""

    key: str
    name: Text
    icon: str
    text: str
    gain: int
    reward: str


def steps(rules: ScoreRules, score: Score) -> list[Step]:
    """Return the next steps, the most points for the least effort first."""
    found = []
    for key in best_steps(score):
        result = score.factor(key)
        if result is None or result.next is None:
            continue
        gain = result.next.gain
        better = rules.reward(score.total + gain)
        reaches = better is not None and better is not rules.reward(score.total)
        reward = (
            _("reaches the rewards from %(score)s points") % {"score": better.from_score}
            if reaches and better is not None
            else ""
        )
        found.append(
            Step(key, factor_name(result.factor), ICONS[key], next_text(result), gain, reward)
        )
    return found


def missing_to_reward(rules: ScoreRules, total: int) -> tuple[int, Reward] | None:
    """Return how many points the next better row of the rewards is away, and the row."""
    better = [row for row in rules.rewards if row.from_score > total]
    return (better[-1].from_score - total, better[-1]) if better else None


# --- The bonus of verified sellers --------------------------------------------------------------


@dataclass(frozen=True)
class BonusLine:
    """The bonus as the page tells it; `state` is `given`, `forfeited`, `at_risk` or `none`."""

    points: int
    state: str
    text: str


def bonus_line(standing: ScoreStanding, judged_gmv: Decimal | None) -> BonusLine | None:
    """Tell the bonus of verified sellers, why it is gone and when it would be (RFQ-14).

    `judged_gmv` is the 90-day GMV at the end of the month before, where it is known.
    """
    if standing.score is None or standing.rulebook is None or standing.as_of is None:
        return None
    if standing.row is None:
        return None
    rule = standing.rulebook.content.verified_bonus
    if not rule.points:
        return None
    if standing.membership != Membership.VERIFIED:
        text = _("Verified sellers get %(points)s more points.") % {"points": rule.points}
        return BonusLine(0, "none", text)
    if standing.score.bonus_forfeited:
        return BonusLine(0, "forfeited", _forfeited_text(rule, standing.as_of, judged_gmv))
    return _given(rule, standing.as_of, standing.row.gmv)


def _forfeited_text(rule: VerifiedBonus, as_of: date, judged_gmv: Decimal | None) -> str:
    first = as_of.replace(day=1)
    values = {
        "points": rule.points,
        "first": day_text(first),
        "last": day_text(month_end(first)),
        "judged": day_text(first - timedelta(days=1)),
        "limit": money_text(rule.forfeited_below or 0),
        "gmv": "" if judged_gmv is None else money_text(judged_gmv),
    }
    if judged_gmv is None:
        return (
            _(
                "No bonus of %(points)s points from %(first)s to %(last)s: on %(judged)s the RFQ GMV of "
                "90 days was below %(limit)s."
            )
            % values
        )
    return (
        _(
            "No bonus of %(points)s points from %(first)s to %(last)s: on %(judged)s the RFQ GMV of 90 "
            "days was %(gmv)s, below %(limit)s."
        )
        % values
    )


def _given(rule: VerifiedBonus, as_of: date, gmv: Decimal) -> BonusLine:
    limit, end = rule.forfeited_below, month_end(as_of)
    if limit is None or gmv >= limit or rule.forfeited_since is None or end < rule.forfeited_since:
        return BonusLine(rule.points, "given", _("Bonus of verified sellers"))
    text = _(
        "At risk: with less than %(limit)s RFQ GMV in 90 days on %(end)s there is no bonus in the "
        "month after. %(missing)s are missing now."
    ) % {
        "limit": money_text(limit),
        "end": day_text(end),
        "missing": money_text(limit - gmv),
    }
    return BonusLine(rule.points, "at_risk", text)


def month_end(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


# --- Rewards ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RewardTable:
    """The rewards of a rulebook; columns that give nothing to anybody are left out."""

    heads: tuple[Text, ...]
    rows: tuple[tuple[str, tuple[str, ...], bool], ...]
    """Score range, cells, and whether it is the row of the shop's score."""


def reward_table(rules: ScoreRules, total: int | None) -> RewardTable:
    """Return the rewards of a rulebook with the row of a total marked."""
    own = rules.reward(total) if total is not None else None
    columns = [
        (RIGHT_NAMES["quote"], [quote_amount_text(row) for row in rules.rewards]),
        (_("Gold rights, verified"), [_cell(row.gold_verified) for row in rules.rewards]),
        (_gold_basic_name(rules), [_cell(row.gold_basic) for row in rules.rewards]),
        (RIGHT_NAMES["pin"], [_cell(row.pin) for row in rules.rewards]),
        (RIGHT_NAMES["fast_lane"], [_cell(row.fast_lane) for row in rules.rewards]),
        (_("Early access"), [yes_no(row.early_access) for row in rules.rewards]),
        (
            _("Marketing points"),
            [f"+{row.marketing_bonus}" if row.marketing_bonus else "–" for row in rules.rewards],
        ),
    ]
    shown = [(head, cells) for head, cells in columns if set(cells) != {"–"}]
    rows = []
    for place, row in enumerate(rules.rewards):
        most = rules.rewards[place - 1].from_score - 1 if place else None
        cells = tuple(column[place] for _head, column in shown)
        rows.append((_range_text(row.from_score, most), cells, row is own))
    return RewardTable(tuple(head for head, _cells in shown), tuple(rows))


def _cell(amount: Amount) -> str:
    return amount_text(None if amount == "unlimited" else amount)


def _gold_basic_name(rules: ScoreRules) -> str:
    star = rules.gold_access.basic_star_min
    if star is None:
        return _("Gold rights, basic")
    return ngettext(
        "Gold rights, basic from %(star)s star", "Gold rights, basic from %(star)s stars", star
    ) % {"star": star}


def _range_text(least: int, most: int | None) -> str:
    if most is None:
        return _("%(least)s and more") % {"least": least}
    return f"{least}–{most}" if least else _("below %(score)s") % {"score": most + 1}


def gold_note(rules: ScoreRules, seller: Seller) -> str:
    """Say why a shop has no gold rights; empty when it may have some (RFQ-5)."""
    if gold_access(rules, seller.membership, seller.assessed_star):
        return ""
    star = rules.gold_access.basic_star_min
    if star is None:
        return _("Gold RFQs are for verified sellers.")
    return _("Basic sellers quote gold RFQs from %(star)s stars on; you have %(own)s.") % {
        "star": star,
        "own": seller.assessed_star,
    }


def best_total(rules: ScoreRules) -> int:
    """Return the most points a rulebook can give, the bonus included."""
    return sum(factor.max for factor in rules.factors) + rules.verified_bonus.points


def rewards_text(rewards: Rewards) -> str:
    """Write what a score brings in one line; empty for nothing."""
    parts = [
        _("%(name)s: %(amount)s") % {"name": RIGHT_NAMES[kind], "amount": amount_text(amount)}
        for kind, amount in rewards.amounts().items()
        if amount != 0
    ]
    if rewards.early_access:
        parts.append(_("early access to silver RFQs"))
    return _(", ").join(parts)
