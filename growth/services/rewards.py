"""What shops do with the rewards of task packs: choose a tool, use the coupon; and when they lapse (GRO-8).

The row decides every race: it moves from the state that was read to the next or not at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from django.db import transaction
from django.utils.translation import gettext as _

from growth.choices import RewardStatus
from growth.models import RewardGrant
from growth.packs.rules import months_end
from growth.services.vouchers import voucher_code
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member
from portal.scoping import seller_scope, unscoped
from portal.services import audit


@transaction.atomic
def reward_choose(*, member: Member, grant: RewardGrant, choice: str) -> RewardGrant:
    """Choose the tool of a coupon, once (GRO-8).

    Raises `NotAllowed` for anybody but the owner, `InvalidInput` for a tool the coupon is not for; refuses
    `lapsed`, `already_used`, `already_chosen`, having changed nothing.
    """
    _may_act(member)
    now = platform_time.now()
    with seller_scope(member.seller):
        current = RewardGrant.objects.select_related("reward").get(pk=grant.pk)
        tools = {tool["code"] for tool in current.reward.choices}
        if choice not in tools:
            text = _("Choose one of the tools.") if tools else _("There is nothing to choose.")
            raise InvalidInput([("choice", text)])
        waiting = RewardGrant.objects.filter(
            pk=grant.pk, status=RewardStatus.GRANTED, usable_until__gt=now, choice=""
        )
        if not waiting.update(choice=choice):
            _refuse(grant, now)
        audit.record(
            action="reward.choose", actor=member.user, obj=current,
            before={"choice": ""}, after={"choice": choice},
        )  # fmt: skip
        current.refresh_from_db()
    return current


@transaction.atomic
def reward_use(*, member: Member, grant: RewardGrant) -> RewardGrant:
    """Use a coupon: it becomes a voucher with a code, valid for its months from now on (GRO-8).

    Raises `NotAllowed` for anybody but the owner; refuses `lapsed`, `already_used`, and `choice_missing`
    while a tool is to be chosen, having changed nothing.
    """
    _may_act(member)
    now = platform_time.now()
    with seller_scope(member.seller):
        current = RewardGrant.objects.select_related("reward").get(pk=grant.pk)
        if current.reward.choices and not current.choice:
            if current.status == RewardStatus.GRANTED and now < current.usable_until:
                raise Refusal("choice_missing", _("Choose a tool first."))
            _refuse(grant, now)
        waiting = RewardGrant.objects.filter(
            pk=grant.pk, status=RewardStatus.GRANTED, usable_until__gt=now
        )
        used = waiting.update(
            status=RewardStatus.USED,
            used_at=now,
            valid_until=months_end(now, current.reward.valid_months),
            voucher=voucher_code(),
        )
        if not used:
            _refuse(grant, now)
        current.refresh_from_db()
        # The code itself is worth something: the trail tells that there is one.
        audit.record(
            action="reward.use", actor=member.user, obj=current,
            before={"status": RewardStatus.GRANTED}, after={"status": RewardStatus.USED},
            choice=current.choice,
        )  # fmt: skip
    return current


def rewards_lapse(*, now: datetime) -> int:
    """Mark rewards that can no longer be used; return how many. One statement (GRO-8)."""
    with unscoped():
        over = RewardGrant.objects.filter(status=RewardStatus.GRANTED, usable_until__lte=now)
        return over.update(status=RewardStatus.LAPSED)


def _may_act(member: Member) -> None:
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can choose and use rewards."))


def _refuse(grant: RewardGrant, now: datetime) -> NoReturn:
    """Say why a reward is not to be had any more, as it is at this moment."""
    current = RewardGrant.objects.get(pk=grant.pk)
    if current.status == RewardStatus.USED:
        raise Refusal("already_used", _("This reward has been used already."))
    if current.status == RewardStatus.LAPSED or now >= current.usable_until:
        raise Refusal("lapsed", _("This reward could be used until its last day, which is over."))
    raise Refusal("already_chosen", _("A tool has been chosen already, which is final."))
