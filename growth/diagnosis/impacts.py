"""Whom a draft of the diagnosis would touch (K-16); registered with the kernel.

Everything is compared inside the database: no query per seller, and no list in memory.
"""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from growth.diagnosis.impact_sql import GROUPS, compared
from growth.diagnosis.reading import diagnosis_day
from growth.diagnosis.schema import DIAGNOSIS, DiagnosisRules
from portal.models import Rulebook
from portal.rule_comparison import Comparison
from portal.rule_impact import RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for
from portal.templatetags.portal_ui import number_text


def diagnosis_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = diagnosis_day()
    if day is None:
        return None
    return Comparison(
        as_of=day,
        before=rulebook_for(DIAGNOSIS, day).version,
        compared=compared(day, DiagnosisRules.model_validate(draft.content)),
        groups=GROUPS,
        columns=("old_score", "new_score", "old_suggestions", "new_suggestions"),
        # The greatest loss comes first; scores there is only one of come last.
        order="CASE WHEN new_score - old_score IS NULL THEN 1 ELSE 0 END, new_score - old_score",
        cells=_cells,
    ).impact(
        labels=_group_labels(),
        heads=(
            _("Member id"),
            _("Seller"),
            _("Growth score now"),
            _("Growth score under the draft"),
            _("Suggestions now"),
            _("Suggestions under the draft"),
        ),
        notes=(
            _(
                "Benchmarks are taken anew from the numbers of that day, also those of metrics "
                "that the rules in force do not compare."
            ),
        ),
    )


def _cells(
    member_id: str, name: str, old: int | None, new: int | None, *suggestions: int
) -> tuple[Text, ...]:
    return member_id, name, _score(old), _score(new), *map(str, suggestions)


def _score(hundredths: int | None) -> str:
    return "–" if hundredths is None else number_text(Decimal(hundredths) / 100, 2)


def _group_labels() -> dict[str, Text]:
    return {
        "all": _("All sellers"),
        "gain": _("Higher growth score"),
        "lose": _("Lower growth score"),
        "more": _("More suggestions"),
        "fewer": _("Fewer suggestions"),
        "scored": _("Get a growth score"),
        "unscored": _("Lose their growth score"),
    }


register_impact(DIAGNOSIS, diagnosis_impact)
