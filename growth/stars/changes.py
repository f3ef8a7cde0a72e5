"""What a rulebook of stars changes for one shop (K-17); registered with the kernel.

Nothing is ranked, and every window is counted every night: so the shop's values of one day tell its stars
under any rulebook, and no second standing is kept while one is announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from growth.judged_before import judged_before
from growth.models import StarStanding
from growth.stars.page import power_name
from growth.stars.reading import StarReading, industry_of, star_day, star_values
from growth.stars.rules import IndicatorResult, PowerResult, StarResult, star_result
from growth.stars.schema import STAR
from growth.stars.texts import points_number, points_text, stars_text, value_text, window_text
from portal.models import Seller
from portal.rule_changes import (
    ChangeRow,
    ChangeTable,
    ChangeTeller,
    Outlook,
    RuleChange,
    direction_of,
    register_rule_change,
)
from portal.services.rulebooks import RulebookInForce
from portal.templatetags.portal_ui import day_text


def change_ahead(reading: StarReading) -> RuleChange | None:
    """Return what announced rules, or those in force since, make of the newest figures (K-17).

    None when they are the rules of those figures.
    """
    return CHANGES.ahead(reading.seller, reading.as_of, reading.rulebooks)


def outlook_of(
    seller: Seller, after: RulebookInForce, rulebooks: Iterable[RulebookInForce]
) -> Outlook[StarResult] | None:
    """Return what `after` changes for a shop, on the newest figures from before it starts (K-17).

    None while nothing is counted, and for rules without a predecessor. Three queries.
    """
    found = judged_before(
        after, seller=seller, standing=StarStanding, newest_day=star_day, rulebooks=rulebooks
    )
    if found is None:
        return None
    day, before = found
    values = star_values(seller, [before.content, after.content], day)
    industry = industry_of(seller)
    return Outlook(
        as_of=day,
        before=before,
        after=after,
        figures_before=star_result(before.content, industry=industry, values=values),
        figures_after=star_result(after.content, industry=industry, values=values),
    )


# --- As tables ----------------------------------------------------------------------------------


def change_of(outlook: Outlook[StarResult]) -> RuleChange:
    """Write an outlook as the tables readers are shown."""
    before, after = outlook.figures_before, outlook.figures_after
    # Translators: 预测星等级
    total = ChangeRow(
        _("Predicted star"),
        stars_text(before.star),
        stars_text(after.star),
        direction=direction_of(after.star - before.star),
    )
    tables = [ChangeTable(_("Power"), tuple(_power_rows(outlook)), total)]
    changed = tuple(_indicator_rows(outlook))
    if changed:
        tables.append(ChangeTable(_("Indicator"), changed))
    return outlook.told(
        summary=_summary(outlook),
        tables=tables,
        notes=(
            _("Both columns are counted from the same facts, each by its own rules and windows."),
        ),
    )


def _summary(outlook: Outlook[StarResult]) -> str:
    before, after = outlook.figures_before.star, outlook.figures_after.star
    values = {
        "day": day_text(outlook.after.effective_from),
        "before": stars_text(before),
        "after": stars_text(after),
    }
    if before == after:
        return (
            _("Under the rules from %(day)s on, your figures give %(after)s, as before.") % values
        )
    text = _("Under the rules from %(day)s on, your figures give %(after)s instead of %(before)s.")
    return text % values


def _power_rows(outlook: Outlook[StarResult]) -> Iterator[ChangeRow]:
    for new in outlook.figures_after.powers:
        old = outlook.figures_before.power(new.key)
        yield ChangeRow(
            power_name(new.key),
            points_text(old.points),
            points_text(new.points),
            direction=direction_of(new.points - old.points),
            note=_bonus_note(old, new),
        )


def _bonus_note(old: PowerResult, new: PowerResult) -> str:
    if old.bonus == new.bonus:
        return ""
    return _("bonus: %(before)s → %(after)s") % {
        "before": points_number(old.bonus),
        "after": points_number(new.bonus),
    }


def _indicator_rows(outlook: Outlook[StarResult]) -> Iterator[ChangeRow]:
    """Yield the indicators whose points or figures are not the same under both rules."""
    old = {
        (power.key, each.key): each
        for power in outlook.figures_before.powers
        for each in power.indicators
    }
    for power in outlook.figures_after.powers:
        for new in power.indicators:
            was = old.pop((power.key, new.key), None)
            if was is None or (was.points, was.value) != (new.points, new.value):
                yield _indicator_row(new.indicator.title, was, new)
    for gone in old.values():
        yield _indicator_row(gone.indicator.title, gone, None)


def _indicator_row(
    title: str, old: IndicatorResult | None, new: IndicatorResult | None
) -> ChangeRow:
    return ChangeRow(
        title,
        _earned(old),
        _earned(new),
        direction=direction_of((new.points if new else 0) - (old.points if old else 0)),
        note=" → ".join(dict.fromkeys(_figure(each) for each in (old, new) if each)),
    )


def _earned(result: IndicatorResult | None) -> str:
    if result is None:
        return _("not judged")
    return _("%(points)s of %(max)s") % {"points": points_number(result.points), "max": result.max}


def _figure(result: IndicatorResult) -> str:
    parts = [value_text(result.metric, result.value), window_text(result.days)]
    return ", ".join(filter(None, parts))


CHANGES = ChangeTeller(STAR, outlook_of, change_of)
register_rule_change(STAR, CHANGES.under)
