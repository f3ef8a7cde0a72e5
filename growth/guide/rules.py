"""Stage and phase of one shop, by plain Python (GRO-1, GRO-2, GRO-3); pure.

`growth.stages` says the same of all shops in one statement; tests hold the two equal. A stage or phase
ends the day after what it asks for, so a day is judged by the facts *before* it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from growth.choices import Phase, Stage
from growth.guide.schema import GuideRules, Milestone


@dataclass(frozen=True)
class GuideFacts:
    """What the guide asks about a shop: counts since opening *before* the day judged.

    `received` is USD, `star` the assessed one. `core_done_on` is the first day at whose end all core
    tasks were done together, none while that has not happened.
    """

    opened_on: date | None
    opportunities: int = 0
    orders: int = 0
    received: Decimal = Decimal(0)
    star: int = 0
    core_done_on: date | None = None


def day_number(opened_on: date | None, day: date) -> int | None:
    """Return which day of the shop a day is: 1 is the day after opening, none before it (GRO-1)."""
    if opened_on is None or day <= opened_on:
        return None
    return (day - opened_on).days


def stage_of(rules: GuideRules, facts: GuideFacts, day: date) -> Stage:
    """Return the stage on a Pacific day (GRO-1)."""
    number = day_number(facts.opened_on, day)
    if number is None:
        return Stage.PRE_OPENING
    if number > rules.novice_days or facts.received >= rules.mature_received:
        return Stage.MATURE
    core_done = facts.core_done_on is not None and facts.core_done_on < day
    if number <= rules.core_days and not core_done:
        return Stage.NOVICE_30
    return Stage.NOVICE_90


def milestone_value(phase: str, facts: GuideFacts) -> Decimal:
    """Return what a milestone counts, in the unit of its target (GRO-3)."""
    counted: dict[str, int | Decimal] = {
        Phase.OPPORTUNITIES.value: facts.opportunities,
        Phase.ORDER.value: facts.orders,
        Phase.GMV.value: facts.received,
        Phase.STAR.value: facts.star,
    }
    return Decimal(counted[phase])


def milestone_met(milestone: Milestone, facts: GuideFacts) -> bool:
    """Tell whether a milestone is reached by the facts given."""
    return milestone_value(milestone.key, facts) >= milestone.target


def phase_of(rules: GuideRules, facts: GuideFacts, day: date) -> Phase | None:
    """Return the phase on a Pacific day: the first milestone not reached before it (GRO-3).

    None outside the second stage after opening, and once all milestones are reached.
    """
    if stage_of(rules, facts, day) != Stage.NOVICE_90:
        return None
    left = (each.key for each in rules.milestones if not milestone_met(each, facts))
    return next((Phase(key) for key in left), None)


def core_done_on(before: date | None, sinces: Collection[date | None]) -> date | None:
    """Return the first day all core tasks were done together (GRO-2).

    `before` is what held so far; `sinces` has, for each core task, the first day of the run it is in,
    none when it is not done. Once reached it stays, whatever becomes of the tasks.
    """
    together = [since for since in sinces if since is not None]
    if len(together) < len(sinces):
        return before
    return min(max(together), before or date.max)


def stage_ends_on(rules: GuideRules, opened_on: date | None, stage: str) -> date | None:
    """Return the last day a shop may stay in its stage, none without such a day (GRO-1)."""
    if opened_on is None:
        return None
    last = {Stage.NOVICE_30.value: rules.core_days, Stage.NOVICE_90.value: rules.novice_days}
    days = last.get(stage)
    return None if days is None else opened_on + timedelta(days=days)
