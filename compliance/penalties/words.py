"""What penalties are called: effects, rungs and ladders as people read them (CMP-6)."""

from __future__ import annotations

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from compliance.choices import EffectKind
from compliance.models import PenaltyEffect
from compliance.penalties.schema import Rung, ViolationRule
from portal.rulebook_schemas import RULEBOOK_WORDS


def service_name(service: str) -> str:
    """Return what a service that can be closed is called."""
    return str(RULEBOOK_WORDS.get(service, service))


def effect_name(kind: str, service: str = "") -> str:
    """Return what an effect is, in a few words: `Trade Assurance closed`."""
    if kind == EffectKind.SERVICE_CLOSED:
        return _("%(service)s closed") % {"service": service_name(service)}
    return str(EffectKind(kind).label)


def effect_text(effect: PenaltyEffect) -> str:
    """Return what an effect of a violation is; of a closed shop also why."""
    if effect.by_points:
        return _("Shop closed: the sum of points reached the limit")
    return effect_name(effect.kind, effect.service)


def points_text(points: int) -> str:
    """Write a number of points: `3 points`."""
    return ngettext("%(n)d point", "%(n)d points", points) % {"n": points}


def rung_parts(rung: Rung) -> list[str]:
    """Return what a rung costs, part by part: `3 points`, `Trade Assurance closed for 90 days`."""
    parts = []
    if rung.points_most is not None:
        text = _("%(least)d to %(most)d points, by severity")
        parts.append(text % {"least": rung.points, "most": rung.points_most})
    elif rung.points:
        parts.append(points_text(rung.points))
    elif rung.warning:
        # Translators: 警告
        parts.append(_("Warning"))
    for effect in rung.effects:
        name = effect_name(effect.kind, effect.service)
        if effect.days is not None:
            text = ngettext("%(effect)s for %(n)d day", "%(effect)s for %(n)d days", effect.days)
            name = text % {"effect": name, "n": effect.days}
        elif effect.kind != EffectKind.SHOP_CLOSED:
            name = _("%(effect)s until staff end it") % {"effect": name}
        parts.append(name)
    return parts


def rung_text(rung: Rung | None) -> str:
    """Return what a rung costs in one line; a dash where there is none."""
    return " · ".join(rung_parts(rung)) if rung else "–"


def times_text(rule: ViolationRule, position: int) -> str:
    """Return for which times a rung of a ladder holds: `1st time`, `2nd–3rd time`, `from the 4th time on`."""
    first = rule.ladder[position].from_time
    if position + 1 == len(rule.ladder):
        if first == 1:
            return _("each time")
        # Translators: 第%(nth)s次起
        return _("from the %(nth)s time on") % {"nth": nth(first)}
    last = rule.ladder[position + 1].from_time - 1
    if first == last:
        return time_text(first)
    # Translators: 第%(first)s–%(last)s次
    return _("%(first)s–%(last)s time") % {"first": nth(first), "last": nth(last)}


def time_text(time: int) -> str:
    """Return which time: `2nd time`."""
    # Translators: 第%(nth)s次
    return _("%(nth)s time") % {"nth": nth(time)}


def next_time_text(time: int) -> str:
    """Return which time the next violation of a rule would be: `your next would be the 3rd time`."""
    # Translators: 您的下一次为第%(nth)s次
    return _("your next would be the %(nth)s time") % {"nth": nth(time)}


def nth(number: int) -> str:
    """Write which of a row, as the language writes it into a sentence: `2nd`, in Chinese `2`."""
    if not (get_language() or "en").startswith("en"):
        return str(number)
    teens = number % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
