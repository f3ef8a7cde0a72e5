"""What a rulebook of stars changes for one shop (K-17); registered with the kernel.

Nothing is ranked, and every window is counted every night: so the shop's values of one day tell its stars
under any rulebook, and no second standing is kept while one is announced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from growth.models import StarStanding
from growth.stars.page import power_name
from growth.stars.reading import StarReading, industry_of, star_day, star_values
from growth.stars.rules import IndicatorResult, PowerResult, StarResult, star_result
from growth.stars.schema import STAR
from growth.stars.texts import points_number, points_text, stars_text, value_text, window_text
from portal.models import Rulebook, Seller
from portal.rule_changes import ChangeRow, ChangeTable, RuleChange, register_rule_change
from portal.services.rulebooks import RulebookInForce, rulebooks_published
from portal.templatetags.portal_ui import day_text
from rfq.score_outlook import rulebook_to_come


@dataclass(frozen=True)
class StarOutlook:
    """A shop's stars as of a day under the rulebook in force then and under another one."""

    as_of: date
    before: RulebookInForce
    after: RulebookInForce
    stars_before: StarResult
    stars_after: StarResult


def star_change(seller: Seller, rulebook: Rulebook) -> RuleChange | None:
    """Return the shop's stars under the rules before and under `rulebook`, power by power."""
    books = rulebooks_published(STAR)
    after = next((book for book in books if book.version == rulebook.version), None)
    outlook = outlook_of(seller, after, books) if after else None
    return change_of(outlook) if outlook else None


def change_ahead(reading: StarReading) -> RuleChange | None:
    """Return what announced rules, or those in force since, make of the newest figures (K-17).

    None when they are the rules of those figures.
    """
    if reading.as_of is None:
        return None
    coming = rulebook_to_come(reading.rulebooks, reading.as_of)
    outlook = outlook_of(reading.seller, coming, reading.rulebooks) if coming else None
    return change_of(outlook) if outlook else None


def outlook_of(
    seller: Seller,
    after: RulebookInForce,
    rulebooks: tuple[RulebookInForce, ...] | list[RulebookInForce],
) -> StarOutlook | None:
    """Return what `after` changes for a shop, on the newest figures from before it starts (K-17).

    None while nothing is counted, and for rules without a predecessor. Three queries.
    """
    day = star_day(after.effective_from - timedelta(days=1))
    if day is None:
        return None
    row = StarStanding.objects.as_of(day).filter(seller=seller).first()
    before = next((book for book in rulebooks if row and book.version == row.rulebook), None)
    if before is None or before.version == after.version:
        return None
    values = star_values(seller, [before.content, after.content], day)
    industry = industry_of(seller)
    return StarOutlook(
        as_of=day,
        before=before,
        after=after,
        stars_before=star_result(before.content, industry=industry, values=values),
        stars_after=star_result(after.content, industry=industry, values=values),
    )


# --- As tables ----------------------------------------------------------------------------------


def change_of(outlook: StarOutlook) -> RuleChange:
    """Write an outlook as the tables readers are shown."""
    before, after = outlook.stars_before, outlook.stars_after
    # Translators: 预测星等级
    total = ChangeRow(
        _("Predicted star"),
        stars_text(before.star),
        stars_text(after.star),
        direction=_sign(after.star - before.star),
    )
    tables = [ChangeTable(_("Power"), tuple(_power_rows(outlook)), total)]
    changed = tuple(_indicator_rows(outlook))
    if changed:
        tables.append(ChangeTable(_("Indicator"), changed))
    return RuleChange(
        before=outlook.before.version,
        after=outlook.after.version,
        starts_on=outlook.after.effective_from,
        as_of=outlook.as_of,
        summary=_summary(outlook),
        tables=tuple(tables),
        notes=(
            _("Both columns are counted from the same facts, each by its own rules and windows."),
        ),
    )


def _summary(outlook: StarOutlook) -> str:
    before, after = outlook.stars_before.star, outlook.stars_after.star
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


def _power_rows(outlook: StarOutlook) -> Iterator[ChangeRow]:
    for new in outlook.stars_after.powers:
        old = outlook.stars_before.power(new.key)
        yield ChangeRow(
            power_name(new.key),
            points_text(old.points),
            points_text(new.points),
            direction=_sign(new.points - old.points),
            note=_bonus_note(old, new),
        )


def _bonus_note(old: PowerResult, new: PowerResult) -> str:
    if old.bonus == new.bonus:
        return ""
    return _("bonus: %(before)s → %(after)s") % {
        "before": points_number(old.bonus),
        "after": points_number(new.bonus),
    }


def _indicator_rows(outlook: StarOutlook) -> Iterator[ChangeRow]:
    """Yield the indicators whose points or figures are not the same under both rules."""
    old = {
        (power.key, each.key): each
        for power in outlook.stars_before.powers
        for each in power.indicators
    }
    for power in outlook.stars_after.powers:
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
        direction=_sign((new.points if new else 0) - (old.points if old else 0)),
        note=" → ".join(dict.fromkeys(_figure(each) for each in (old, new) if each)),
    )


def _earned(result: IndicatorResult | None) -> str:
    if result is None:
        return _("not judged")
    return _("%(points)s of %(max)s") % {"points": points_number(result.points), "max": result.max}


def _figure(result: IndicatorResult) -> str:
    parts = [value_text(result.metric, result.value), window_text(result.days)]
    return ", ".join(filter(None, parts))


def _sign(difference: Decimal | int) -> int:
    return (difference > 0) - (difference < 0)


register_rule_change(STAR, star_change)
