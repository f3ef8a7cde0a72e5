"""What task packs and rewards make worth doing next, for the home page (UI-2, GRO-6 … GRO-8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from growth.choices import PackState
from growth.packs.reading import PackReading, rewards_waiting, running_packs
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import list_text


@register_next_actions
def packs(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Claim packs that are open, and finish those that were claimed (GRO-6)."""
    for reading in running_packs(seller):
        if reading.state == PackState.OPEN and member.can(Action.ENROL):
            yield _claim(reading)
        elif reading.state == PackState.CLAIMED:
            yield _finish(reading)


def _gain(reading: PackReading) -> str:
    rewards = list_text(reward.title for reward in reading.rewards)
    return rewards or _("Every task of the pack moves your shop forward")


def _claim(reading: PackReading) -> NextAction:
    all_done = reading.done == len(reading.tasks)
    done = ngettext(
        "%(n)d of its tasks is done: without a claim it brings nothing",
        "%(n)d of its tasks are done: without a claim they bring nothing",
        reading.done,
    )
    return NextAction(
        title=_("Claim the task pack “%(pack)s”") % {"pack": reading.pack.title},
        url=reverse("growth:pack", args=[reading.pack.code]),
        gain=_gain(reading),
        loses=done % {"n": reading.done} if reading.done else "",
        due=reading.closes_at,
        weight=78 if all_done else 60,
        icon="box2-heart",
        button=_("Claim"),
    )


def _finish(reading: PackReading) -> NextAction:
    left = len(reading.tasks) - reading.done
    title = ngettext(
        "%(n)d task of the pack “%(pack)s” is left",
        "%(n)d tasks of the pack “%(pack)s” are left",
        left,
    )
    return NextAction(
        title=title % {"n": left, "pack": reading.pack.title},
        url=reverse("growth:pack", args=[reading.pack.code]),
        gain=_gain(reading),
        due=reading.closes_at,
        weight=55,
        icon="box2-heart",
    )


@register_next_actions
def rewards(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Choose and use the rewards that lapse otherwise (GRO-8)."""
    if not member.can(Action.ENROL):
        return
    for reading in rewards_waiting(seller):
        title = (
            _("Choose the tool of “%(reward)s”") if reading.may_choose else _("Use “%(reward)s”")
        )
        yield NextAction(
            title=title % {"reward": reading.grant.reward.title},
            url=reverse("growth:rewards") + f"#reward-{reading.grant.pk}",
            loses=_("The reward lapses when it is not used in time"),
            due=reading.grant.usable_until,
            weight=65,
            icon="gift",
        )
