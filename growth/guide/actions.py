"""What the growth guide makes worth doing next, for the home page (UI-2, GRO-2, GRO-4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from growth.choices import Stage
from growth.guide.reading import GuideReading, guide_reading
from growth.tasks.reading import TaskProgress
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions

TASKS_SHOWN = 2
"""Tasks of the milestone's stage at a time; the guide has them all."""


@register_next_actions
def guide_tasks(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Tasks of the stage that are open, and core tasks that were missed (GRO-2, GRO-4)."""
    if not member.can(Action.EDIT_PRODUCTS):
        return
    reading = guide_reading(seller)
    left = [task for task in reading.tasks if not task.done]
    if reading.stage == Stage.PRE_OPENING:
        yield from (_action(task, weight=80) for task in left)
    elif reading.stage == Stage.NOVICE_30:
        yield from (_core_action(task, reading) for task in left)
    elif reading.stage == Stage.NOVICE_90:
        yield from (_action(task, weight=50) for task in left[:TASKS_SHOWN])
    open_core = sum(not task.done for task in reading.core)
    if reading.core_missed and open_core:
        yield _missed(open_core)


def _action(task: TaskProgress, *, weight: int) -> NextAction:
    return NextAction(
        title=task.title,
        url=task.url or reverse("growth:guide"),
        gain=task.gain or _("The next step of the growth guide"),
        weight=weight,
        icon="signpost-split",
    )


def _core_action(task: TaskProgress, reading: GuideReading) -> NextAction:
    """A core task until its deadline; afterwards it is among the missed ones."""
    due = reading.ends_at
    if due is not None and due <= platform_time.now():
        due = None
    return NextAction(
        title=task.title,
        url=task.url or reverse("growth:guide"),
        gain=task.gain,
        loses="" if task.gain else _("No star is assessed before all core tasks are done"),
        due=due,
        weight=75,
        icon="signpost-split",
    )


def _missed(number: int) -> NextAction:
    title = ngettext("Finish %(n)s core task", "Finish %(n)s core tasks", number)
    return NextAction(
        title=title % {"n": number},
        url=reverse("growth:guide"),
        loses=_("No star is assessed before all core tasks are done"),
        weight=65,
        icon="star",
        button=_("See the guide"),
    )
