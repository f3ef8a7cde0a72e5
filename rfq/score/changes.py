"""What a rulebook of the service score changes for one shop (K-17)."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.rule_changes import (
    ChangeRow,
    ChangeTable,
    ChangeTeller,
    Outlook,
    RuleChange,
    direction_of,
    register_rule_change,
)
from portal.templatetags.portal_ui import day_text
from rfq.score.outlook import outlook_of
from rfq.score.reading import ScoreStanding
from rfq.score.rules import FactorResult, Score
from rfq.score.schema import SCORE
from rfq.score.texts import counts_text, points_text, reward_lines, value_text
from rfq.score.words import FACTOR_NAMES


def change_ahead(standing: ScoreStanding) -> RuleChange | None:
    """Return what the rules in force today, or announced, make of the newest figures (K-17).

    None when they are the rules of those figures.
    """
    return CHANGES.ahead(standing.seller, standing.as_of, standing.rulebooks)


def change_of(outlook: Outlook[Score]) -> RuleChange:
    """Write an outlook as the tables readers are shown."""
    before, after = outlook.figures_before, outlook.figures_after
    total = _row(_("Service score"), before.total, after.total)
    return outlook.told(
        summary=_summary(outlook),
        tables=(
            ChangeTable(_("Factor"), tuple(_factor_rows(outlook)), total),
            ChangeTable(_("Rewards of such a score"), tuple(_reward_rows(outlook))),
        ),
        notes=(
            _(
                "Both columns are counted from the same facts, each by its own rules: windows, hours "
                "and ranks among the sellers of your industry."
            ),
        ),
    )


def _summary(outlook: Outlook[Score]) -> str:
    before, after = outlook.figures_before.total, outlook.figures_after.total
    values = {
        "day": day_text(outlook.after.effective_from),
        "after": after,
        "before": before,
        "n": abs(after - before),
    }
    if after == before:
        return (
            _("Under the rules from %(day)s on, your figures give %(after)s points, as before.")
            % values
        )
    if after > before:
        text = ngettext(
            "Under the rules from %(day)s on, your figures give %(after)s points instead of "
            "%(before)s: %(n)s point more.",
            "Under the rules from %(day)s on, your figures give %(after)s points instead of "
            "%(before)s: %(n)s points more.",
            after - before,
        )
    else:
        text = ngettext(
            "Under the rules from %(day)s on, your figures give %(after)s points instead of "
            "%(before)s: %(n)s point less.",
            "Under the rules from %(day)s on, your figures give %(after)s points instead of "
            "%(before)s: %(n)s points less.",
            before - after,
        )
    return text % values


def _factor_rows(outlook: Outlook[Score]) -> Iterator[ChangeRow]:
    before, after = outlook.figures_before, outlook.figures_after
    # The order of the new rules; what they dropped comes last.
    keys = [each.key for each in after.factors]
    for key in dict.fromkeys([*keys, *(each.key for each in before.factors)]):
        old, new = before.factor(key), after.factor(key)
        difference = (new.points if new else 0) - (old.points if old else 0)
        yield ChangeRow(
            label=FACTOR_NAMES[key],
            before=_factor_text(old),
            after=_factor_text(new),
            direction=direction_of(difference),
            note=_note(old, new),
        )
    yield _row(_("Bonus of verified sellers"), before.bonus, after.bonus)


def _factor_text(result: FactorResult | None) -> str:
    if result is None:
        return _("not judged")
    return _("%(points)s of %(max)s") % {"points": result.points, "max": result.max}


def _note(old: FactorResult | None, new: FactorResult | None) -> str:
    """Say what was counted, once when both rules count the same."""
    texts = [
        " · ".join(filter(None, [value_text(each.key, each.shown), counts_text(each)]))
        for each in (old, new)
        if each is not None
    ]
    return " → ".join(dict.fromkeys(texts))


def _row(label: str, before: int, after: int) -> ChangeRow:
    return ChangeRow(
        label, points_text(before), points_text(after), direction=direction_of(after - before)
    )


def _reward_rows(outlook: Outlook[Score]) -> Iterator[ChangeRow]:
    old = reward_lines(outlook.figures_before.rewards, outlook.figures_before.marketing_bonus)
    new = reward_lines(outlook.figures_after.rewards, outlook.figures_after.marketing_bonus)
    for (_key, label, before, worth), (_same, _label, after, new_worth) in zip(
        old, new, strict=True
    ):
        yield ChangeRow(label, before, after, direction=(new_worth > worth) - (new_worth < worth))


CHANGES = ChangeTeller(SCORE, outlook_of, change_of)
register_rule_change(SCORE, CHANGES.under)
