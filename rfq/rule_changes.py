"""What a rulebook of the service score changes for one shop (K-17); registered with the kernel."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.models import Rulebook, Seller
from portal.rule_changes import ChangeRow, ChangeTable, RuleChange, register_rule_change
from portal.services.rulebooks import rulebooks_published
from portal.templatetags.portal_ui import day_text
from rfq.rulebook_schemas import SCORE
from rfq.rules import FactorResult
from rfq.score_outlook import Outlook, outlook_of, rulebook_to_come
from rfq.score_reading import ScoreStanding
from rfq.score_texts import counts_text, points_text, reward_lines, value_text
from rfq.score_words import FACTOR_NAMES


def score_change(seller: Seller, rulebook: Rulebook) -> RuleChange | None:
    """Return the shop's score under the rules before and under `rulebook`, factor by factor."""
    books = rulebooks_published(SCORE)
    after = next((book for book in books if book.version == rulebook.version), None)
    outlook = outlook_of(seller, after, books) if after else None
    return change_of(outlook) if outlook else None


def change_ahead(standing: ScoreStanding) -> RuleChange | None:
    """Return what the rules in force today, or announced, make of the newest figures (K-17).

    None when they are the rules of those figures.
    """
    if standing.as_of is None:
        return None
    coming = rulebook_to_come(standing.rulebooks, standing.as_of)
    outlook = outlook_of(standing.seller, coming, standing.rulebooks) if coming else None
    return change_of(outlook) if outlook else None


def change_of(outlook: Outlook) -> RuleChange:
    """Write an outlook as the tables readers are shown."""
    before, after = outlook.score_before, outlook.score_after
    total = _row(_("Service score"), before.total, after.total)
    return RuleChange(
        before=outlook.before.version,
        after=outlook.after.version,
        starts_on=outlook.after.effective_from,
        as_of=outlook.as_of,
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


def _summary(outlook: Outlook) -> str:
    before, after = outlook.score_before.total, outlook.score_after.total
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


def _factor_rows(outlook: Outlook) -> Iterator[ChangeRow]:
    before, after = outlook.score_before, outlook.score_after
    # The order of the new rules; what they dropped comes last.
    keys = [each.key for each in after.factors]
    for key in dict.fromkeys([*keys, *(each.key for each in before.factors)]):
        old, new = before.factor(key), after.factor(key)
        difference = (new.points if new else 0) - (old.points if old else 0)
        yield ChangeRow(
            label=FACTOR_NAMES[key],
            before=_factor_text(old),
            after=_factor_text(new),
            direction=_sign(difference),
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
        label, points_text(before), points_text(after), direction=_sign(after - before)
    )


def _reward_rows(outlook: Outlook) -> Iterator[ChangeRow]:
    old = reward_lines(outlook.score_before.rewards, outlook.score_before.marketing_bonus)
    new = reward_lines(outlook.score_after.rewards, outlook.score_after.marketing_bonus)
    for (_key, label, before, worth), (_same, _label, after, new_worth) in zip(
        old, new, strict=True
    ):
        yield ChangeRow(label, before, after, direction=(new_worth > worth) - (new_worth < worth))


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)


register_rule_change(SCORE, score_change)
