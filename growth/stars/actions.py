"""What the star level makes worth doing next, for the home page (UI-2, GRO-12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.utils.translation import gettext as _

from growth.nightly.assess import AS_OF
from growth.stars.page import steps
from growth.stars.reading import next_assessment_on, star_reading
from growth.stars.texts import points_text, stars_text
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import day_text

CLOSE = 10
"""Points to the next star from which on the way to it comes before other advice."""


@register_next_actions
def next_star(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """The step that brings most on the way to the next star.

    Shops whose star waits for their core tasks have those to do first; the guide names them.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        return
    reading = star_reading(seller)
    if reading.result is None or reading.awaits_core_tasks or reading.from_upstream:
        return
    found = steps(reading.result)
    if not found:
        return
    step, lowest = found[0], reading.result.lowest
    gap = max(power.to_next for power in lowest if power.to_next is not None)
    assessed = next_assessment_on(day)
    # What is done up to the 3rd is in the figures that the 5th assesses.
    due = platform_time.end_of(assessed.replace(day=AS_OF))
    yield NextAction(
        title=_("%(power)s, %(indicator)s: %(step)s")
        % {"power": step.name, "indicator": step.title, "step": step.text},
        url=f"{reverse('growth:star')}#{step.power}-{step.key}",
        gain=_("%(points)s to %(stars)s; assessed on %(day)s")
        % {
            "points": points_text(gap),
            "stars": stars_text(reading.result.star + 1),
            "day": day_text(assessed),
        },
        due=due if due > platform_time.now() + timedelta(hours=1) and gap <= CLOSE else None,
        weight=60 if gap <= CLOSE else 40,
        icon="star",
        button=_("See the stars"),
    )
