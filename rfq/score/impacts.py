"""Whom a draft of score rules would touch (K-16).

Everything is compared inside the database: no query per seller, and no list in memory.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.models import Rulebook
from portal.rule_comparison import Comparison
from portal.rule_impact import RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for
from rfq.score.impact_sql import GROUPS, NO_ROW, compared
from rfq.score.reading import score_day
from rfq.score.schema import SCORE, ScoreRules
from rfq.score.texts import signed, yes_no


def score_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = score_day()
    if day is None:
        return None
    before = rulebook_for(SCORE, day)
    return Comparison(
        as_of=day,
        before=before.version,
        compared=compared(day, before.content, ScoreRules.model_validate(draft.content)),
        groups=GROUPS,
        columns=[f"{when}_{name}" for name in ("total", "row", "early") for when in ("old", "new")],
        order="new_total - old_total",
        cells=_cells,
    ).impact(
        labels=_group_labels(),
        heads=_heads(),
        notes=(
            _(
                "Counted anew from the facts of that day with the draft's own windows and hours, "
                "and ranked anew; nothing is estimated."
            ),
            _(
                "Predicted scores are compared. The bonus of verified sellers is judged by the "
                "draft's condition on the month before."
            ),
        ),
    )


def _cells(member_id: str, name: str, old: int, new: int, *rewards: int) -> tuple[Text, ...]:
    old_row, new_row, old_early, new_early = rewards
    return (
        member_id,
        name,
        str(old),
        str(new),
        signed(new - old),
        _row_name(old_row),
        _row_name(new_row),
        yes_no(bool(old_early)),
        yes_no(bool(new_early)),
    )


def _group_labels() -> dict[str, Text]:
    return {
        "all": _("All sellers"),
        "up": _("Higher row of the rewards"),
        "down": _("Lower row of the rewards"),
        "gain": _("Gain points"),
        "lose": _("Lose points"),
        "early": _("Get early access"),
        "not_early": _("Lose early access"),
    }


def _heads() -> tuple[Text, ...]:
    return (
        _("Member id"),
        _("Seller"),
        _("Score now"),
        _("Score under the draft"),
        _("Difference"),
        _("Reward row now"),
        _("Reward row under the draft"),
        _("Early access now"),
        _("Early access under the draft"),
    )


def _row_name(start: int) -> str:
    return "–" if start == NO_ROW else _("from %(score)s") % {"score": start}


register_impact(SCORE, score_impact)
