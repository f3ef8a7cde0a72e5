"""The growth guide in words, for pages and the home page (GRO-1 … GRO-4)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from growth.choices import Phase, Stage
from growth.guide.reading import GuideReading, MilestoneReading
from portal.templatetags.portal_ui import day_text, number_text
from rfq.score.words import money_text

STAGE_ABOUT: dict[Stage, Any] = {
    Stage.PRE_OPENING: gettext_lazy(
        "From the payment until the shop opens: authenticate, prepare."
    ),
    Stage.NOVICE_30: gettext_lazy("Four core tasks; with them star assessment starts."),
    Stage.NOVICE_90: gettext_lazy("Milestone by milestone to the first orders and payments."),
    Stage.MATURE: gettext_lazy("Task packs with rewards, diagnosis against your peers, stars."),
}
"""What a stage is about, in a sentence."""


def stage_end_text(reading: GuideReading) -> str:
    """Say what ends the stage and when (GRO-1)."""
    if reading.rules is None or reading.stage is None:
        return ""
    amount = money_text(reading.rules.mature_received)
    last = day_text(reading.ends_on) if reading.ends_on else ""
    return {
        Stage.PRE_OPENING: _("The first stage of the open shop begins the day after it opens."),
        Stage.NOVICE_30: _(
            "Ends the day after all core tasks are done, at the latest after %(day)s."
        )
        % {"day": last},
        Stage.NOVICE_90: _(
            "Ends the day after %(amount)s have been received since opening, at the latest after %(day)s."
        )
        % {"amount": amount, "day": last},
        Stage.MATURE: _(
            "The guide's tasks are behind you; packs and the diagnosis go on from here."
        ),
    }[reading.stage]


def milestone_text(reading: MilestoneReading) -> str:
    """Return how far a milestone is: "7 of 10" or "US$410 of US$1,000"."""
    target = reading.milestone.target
    if reading.is_money:
        return _("%(value)s of %(target)s") % {
            "value": money_text(reading.value),
            "target": money_text(target),
        }
    return _("%(value)s of %(target)s") % {
        "value": number_text(int(reading.value)),
        "target": number_text(int(target)),
    }


def tasks_text(reading: GuideReading) -> str:
    """Return how many of the stage's tasks are done."""
    number = len(reading.tasks)
    text = ngettext("%(done)s of %(n)s task done", "%(done)s of %(n)s tasks done", number)
    return text % {"done": reading.done, "n": number}


def tile_hint(reading: GuideReading) -> str:
    """Return what stands below the stage on the home page."""
    milestone = reading.current_milestone
    if milestone is not None:
        return f"{milestone.milestone.title}: {milestone_text(milestone)}"
    if reading.stage == Stage.MATURE:
        return _("Task packs and diagnosis")
    return tasks_text(reading)


PHASE_ICONS = {
    Phase.OPPORTUNITIES.value: "chat-left-text",
    Phase.ORDER.value: "bag-check",
    Phase.GMV.value: "cash-coin",
    Phase.STAR.value: "star",
}
