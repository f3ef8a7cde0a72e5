"""What the star page draws: powers with their indicators, the way to the next star, rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _

from growth.choices import Power
from growth.stars.reading import StarReading
from growth.stars.rules import (
    BonusResult,
    IndicatorResult,
    NextStep,
    PowerResult,
    StarResult,
    step_to,
)
from growth.stars.schema import Indicator, StarRules
from growth.stars.texts import (
    ICONS,
    goal_text,
    points_number,
    points_text,
    stars_text,
    step_text,
    value_text,
    way_text,
    window_text,
)
from growth.tasks.reading import page_url
from portal.metrics import METRICS
from portal.templatetags.portal_ui import number_text

# --- Powers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableRow:
    """A line of an indicator's table; `current` marks the one the value lies in."""

    value: str
    points: str
    current: bool


@dataclass(frozen=True)
class IndicatorCard:
    """One indicator as the page shows it."""

    key: str
    title: str
    window: str
    value: str
    points: Decimal
    max: int
    next: str
    table: tuple[TableRow, ...]
    definition: str
    guide: str
    url: str
    number_url: str
    """Address of the number's own page, with its history."""

    @property
    def points_text(self) -> str:
        """Points of its maximum."""
        return _("%(points)s of %(max)s") % {"points": points_number(self.points), "max": self.max}


@dataclass(frozen=True)
class PowerCard:
    """One power as the page shows it; `holds_down`: the shop's star is its star."""

    key: str
    name: str
    icon: str
    points: Decimal
    star: int
    to_next: str
    holds_down: bool
    bonus: str
    bonus_url: str
    indicators: tuple[IndicatorCard, ...]

    @property
    def points_text(self) -> str:
        """Points in words."""
        return points_text(self.points)


def power_cards(reading: StarReading) -> list[PowerCard]:
    """Return the cards of the four powers, in their order."""
    result = reading.result
    if result is None:
        return []
    return [_card(each, result) for each in result.powers]


def _card(power: PowerResult, result: StarResult) -> PowerCard:
    marketing = power.key == Power.MARKETING
    return PowerCard(
        key=power.key,
        name=power_name(power.key),
        icon=ICONS[power.key],
        points=power.points,
        star=power.star,
        to_next=to_next_text(power),
        holds_down=power.star == result.star and power.to_next is not None,
        bonus=_marketing_bonus_text(power) if marketing else _local_text(power, result),
        bonus_url=page_url("rfq:score") if marketing else "",
        indicators=tuple(_indicator(each) for each in power.indicators),
    )


def power_name(key: str) -> str:
    """Return a power's name in the active language."""
    return str(Power(key).label)


def to_next_text(power: PowerResult) -> str:
    """Say how many points a power lacks to its next star."""
    if power.to_next is None:
        return _("at its highest star")
    return _("%(points)s to %(stars)s") % {
        "points": points_text(power.to_next),
        "stars": stars_text(power.star + 1),
    }


def _indicator(result: IndicatorResult) -> IndicatorCard:
    indicator, known = result.indicator, METRICS.get(result.metric)
    return IndicatorCard(
        key=result.key,
        title=indicator.title,
        window=window_text(result.days),
        value=value_text(result.metric, result.value),
        points=result.points,
        max=result.max,
        next=step_text(result, result.next) if result.next else "",
        table=tuple(_table(result)),
        definition=str(known.about) if known else "",
        guide=indicator.guide,
        url=page_url(indicator.page),
        number_url=reverse("portal:metric", args=[result.metric]),
    )


def _table(result: IndicatorResult) -> Iterator[TableRow]:
    """Yield what values earn how much; an indicator in proportion has two ends."""
    indicator = result.indicator
    if indicator.full_at is not None:
        begins = goal_text(result.metric, indicator.full_at)
        full = result.points == indicator.max
        yield TableRow(_("below %(goal)s") % {"goal": begins}, _("in proportion"), not full)
        yield TableRow(_("from %(goal)s") % {"goal": begins}, points_text(indicator.max), full)
        return
    yield TableRow(_beyond(result, indicator), points_text(0), result.points == 0)
    for tier in indicator.tiers:
        goal = {"goal": goal_text(result.metric, tier.at)}
        if indicator.lower_is_better:
            text = _("up to %(goal)s") % goal
        else:
            text = (_("above %(goal)s") if tier.above else _("from %(goal)s")) % goal
        yield TableRow(text, points_text(tier.points), tier.points == result.points)


def _beyond(result: IndicatorResult, indicator: Indicator) -> str:
    first = indicator.tiers[0]
    goal = {"goal": goal_text(result.metric, first.at)}
    if indicator.lower_is_better:
        return _("above %(goal)s") % goal
    return (_("not above %(goal)s") if first.above else _("below %(goal)s")) % goal


def _marketing_bonus_text(power: PowerResult) -> str:
    if not power.bonus:
        return _("The RFQ service score adds no points now.")
    # Translators: 星等级营销分
    return _("The RFQ service score adds %(points)s.") % {"points": points_text(power.bonus)}


def _local_text(power: PowerResult, result: StarResult) -> str:
    """Tell what local after-sales service adds to trade power, or would add (GRO-13)."""
    local = result.local_service
    if power.key != Power.TRADE or local is None:
        return ""
    values = {
        "amount": f"US${number_text(local.amount, 2)}",
        "days": local.days,
        "stars": stars_text(local.trade_star),
        "points": points_text(local.points),
    }
    if local.points:
        return (
            _(
                "Local after-sales service adds %(points)s: %(amount)s in %(days)s days, at %(stars)s "
                "of trade power before it."
            )
            % values
        )
    return _local_missing(local, values)


def _local_missing(local: BonusResult, values: dict[str, object]) -> str:
    if local.row is None:
        text = _("Local after-sales service adds nothing from %(stars)s of trade power on.")
        return text % values
    text = _(
        "Local after-sales service would add %(points)s from %(goal)s in %(days)s days; you have "
        "%(amount)s."
    )
    return text % {
        **values,
        "points": points_text(local.row.points),
        "goal": f"US${number_text(local.row.amount)}",
    }


# --- The way to the next star -------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A way to more points in a power that holds the star down; `text` says what is to be reached.

    `enough` says that it alone brings the power's next star.
    """

    power: str
    key: str
    name: str
    icon: str
    title: str
    text: str
    gain: Decimal
    enough: bool
    url: str

    @property
    def gain_text(self) -> str:
        """The gain in points."""
        return points_text(self.gain)


STEPS_SHOWN = 3
"""Steps of a power; its card below has all indicators."""


def steps(result: StarResult) -> list[Step]:
    """Return what the powers that hold the star down can gain, the power that lacks most first.

    Of each power: what alone is enough for its next star, then what brings the most points.
    """
    held = [power for power in result.lowest if power.to_next is not None]
    held.sort(key=lambda power: -(power.to_next or 0))
    found = []
    for power in held:
        ways = sorted(_steps_of(power), key=lambda step: (not step.enough, -step.gain, step.key))
        found += ways[:STEPS_SHOWN]
    return found


def _steps_of(power: PowerResult) -> Iterator[Step]:
    for each in power.indicators:
        step, enough = _step(each, power.to_next)
        if step is None:
            continue
        yield Step(
            power=power.key,
            key=each.key,
            name=power_name(power.key),
            icon=ICONS[power.key],
            title=each.indicator.title,
            text=way_text(each, step),
            gain=step.gain,
            enough=enough,
            url=page_url(each.indicator.page),
        )


def _step(result: IndicatorResult, to_next: Decimal | None) -> tuple[NextStep | None, bool]:
    """Return the step that reaches the next star alone, else the next one that brings anything."""
    alone = step_to(result, to_next) if to_next is not None else None
    return (alone, True) if alone else (result.next, False)


def lacking(result: StarResult) -> list[tuple[str, str]]:
    """Return name and gap of each power that keeps the shop from its next star."""
    return [
        (power_name(power.key), to_next_text(power))
        for power in result.lowest
        if power.to_next is not None
    ]


# --- The rules in short -------------------------------------------------------------------------


def threshold_rows(rules: StarRules, result: StarResult | None) -> list[tuple[str, str, bool]]:
    """Return stars, points from which they begin, and whether it is the shop's own row."""
    own = result.star if result else None
    rows = [(0, 0), *enumerate(rules.thresholds, start=1)]
    return [
        (stars_text(star), _("from %(goal)s") % {"goal": points_text(least)}, star == own)
        for star, least in rows
    ]


def powers_line(points: Iterable[tuple[str, Decimal]]) -> str:
    """Write powers in one line: `Trade power 62.5 · Product power 71`."""
    return " · ".join(f"{power_name(key)} {points_number(each)}" for key, each in points)
