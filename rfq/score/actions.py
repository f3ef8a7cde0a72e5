"""What the service score makes worth doing next, for the home page (UI-2, RFQ-19)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import day_text
from rfq.score.page import BonusLine, Step, bonus_line, month_end, steps
from rfq.score.reading import FIX_DAY, ScoreStanding, score_standing
from rfq.score.texts import points_text

DECIDED_WITHIN = timedelta(days=7)
"""In the last week of a month its assessment is told as what leaving it loses."""


@register_next_actions
def raise_the_score(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """The step that brings most for least, and the bonus that is at risk (RFQ-14, RFQ-19)."""
    if not member.can(Action.QUOTE):
        return
    standing = score_standing(seller)
    if standing.score is None or standing.rulebook is None or standing.as_of is None:
        return
    # What is done from today on counts for the month's last day, which the assessment fixes.
    due = platform_time.end_of(month_end(day))
    found = steps(standing.rulebook.content, standing.score)
    if found:
        yield _step_action(found[0], day, due)
    line = bonus_line(standing, None)
    if line is not None and line.state == "at_risk" and _same_month(standing, day):
        yield _bonus_action(line, due)


def _step_action(step: Step, day: date, due: datetime) -> NextAction:
    end = month_end(day)
    decides = end - day < DECIDED_WITHIN
    gain = _("Service score: %(points)s more") % {"points": points_text(step.gain)}
    if step.reward:
        gain = f"{gain}; {step.reward}"
    return NextAction(
        title=step.text,
        url=f"{reverse('rfq:score')}#factor-{step.key}",
        gain=gain,
        loses=_(
            "The score as of %(end)s is fixed on %(fixed)s and decides next month's rights"
        ) % {"end": day_text(end), "fixed": day_text(end + timedelta(days=FIX_DAY))}
        if decides
        else "",
        due=due if decides else None,
        weight=60 if step.reward else 45,
        icon="speedometer2",
        button=_("See the score"),
    )  # fmt: skip


def _bonus_action(line: BonusLine, due: datetime) -> NextAction:
    return NextAction(
        title=_("Keep the bonus of verified sellers"),
        url=reverse("rfq:score"),
        loses=line.text,
        due=due,
        weight=70,
        icon="award",
        button=_("See the score"),
    )


def _same_month(standing: ScoreStanding, day: date) -> bool:
    """Tell whether the figures belong to the month that is still running."""
    return standing.as_of is not None and month_end(standing.as_of) == month_end(day)
