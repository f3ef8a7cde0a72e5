"""Whom a draft of the growth guide would touch (K-16); registered with the kernel.

The night's own statement tells every shop's stage under the draft as of the newest published day, and is
compared with the stored stages inside the database: no query per seller, no list in memory.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from growth.choices import Phase, Stage
from growth.guide.impact_sql import GROUPS, compared
from growth.guide.reading import guide_day
from growth.guide.schema import GUIDE, GuideRules
from portal.models import Rulebook
from portal.rule_comparison import Comparison
from portal.rule_impact import RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for


def guide_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = guide_day()
    if day is None:
        return None
    return Comparison(
        as_of=day,
        before=rulebook_for(GUIDE, day).version,
        compared=compared(day, GuideRules.model_validate(draft.content)),
        groups=GROUPS,
        columns=["old_stage", "new_stage", "old_phase", "new_phase"],
        order="new_place - old_place",
        cells=_cells,
    ).impact(
        labels={
            "all": _("All sellers"),
            "stage": _("Another stage"),
            "on": _("A later stage"),
            "back": _("An earlier stage"),
            "phase": _("Same stage, another phase"),
        },
        heads=(
            _("Member id"),
            _("Seller"),
            _("Stage now"),
            _("Stage under the draft"),
            _("Phase now"),
            _("Phase under the draft"),
        ),
        notes=(
            _(
                "Core tasks that a shop has done stay done. Core tasks with a rule that no edition in "
                "force and no pack names are counted from the first night of the new edition on: until "
                "then they are open."
            ),
        ),
    )


def _cells(member_id: str, name: str, *places: Any) -> tuple[Text, ...]:
    old_stage, new_stage, old_phase, new_phase = places
    return (
        member_id, name, Stage(old_stage).label, Stage(new_stage).label, _phase(old_phase),
        _phase(new_phase),
    )  # fmt: skip


def _phase(key: str) -> Text:
    return Phase(key).label if key else "–"


register_impact(GUIDE, guide_impact)
