"""Task packs: what there is, one pack with its tasks, claiming it; and the rewards (GRO-6 … GRO-8)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from growth.choices import PackState, RewardStatus
from growth.models import RewardGrant
from growth.packs.reading import (
    PackReading,
    RewardReading,
    pack_reading,
    pack_readings,
    packs_published,
    reward_grants,
    reward_reading,
)
from growth.packs.rules import PACKS
from growth.services.packs import pack_claim
from growth.services.rewards import reward_choose, reward_use
from portal import platform_time
from portal.audience import ConditionReading, audience_readings
from portal.choices import Action, Membership
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.nightly.published import published_day
from portal.views.base import SellerPage
from portal.views.lists import page_of

PAST_SIZE = 10
COMING_DAYS = 31
"""Packs that open later than that are not announced yet: many come month by month."""
ACTIVE = (PackState.CLAIMED, PackState.COMPLETE)
OVER = (PackState.REWARDED, PackState.FAILED, PackState.QUOTA_SPENT, PackState.ENDED)
TONES = {
    PackState.NOT_ELIGIBLE: "muted",
    PackState.NOT_OPEN: "muted",
    PackState.OPEN: "accent",
    PackState.CLAIMED: "info",
    PackState.COMPLETE: "ok",
    PackState.REWARDED: "ok",
    PackState.FAILED: "danger",
    PackState.QUOTA_SPENT: "warn",
    PackState.ENDED: "muted",
}
REWARD_TONES = {
    RewardStatus.GRANTED: "accent",
    RewardStatus.USED: "ok",
    RewardStatus.LAPSED: "muted",
}


class Shown:
    """A pack as templates draw it: the reading, with the words and colour of its state."""

    def __init__(self, reading: PackReading) -> None:
        self.reading = reading
        self.tone = TONES[reading.state]
        self.label = _("Being counted") if reading.waits else reading.state.label
        self.is_open = reading.state == PackState.OPEN
        self.is_active = reading.state in ACTIVE
        self.is_closed = reading.is_over or reading.state == PackState.NOT_ELIGIBLE


class PacksPage(SellerPage):
    """All packs that concern the shop: its own, those to claim, those to come, those that are over."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them."""
        shown = [Shown(each) for each in pack_readings(request.seller, list(packs_published()))]

        def of(*states: PackState) -> list[Shown]:
            return [each for each in shown if each.reading.state in states]

        def soonest(rows: list[Shown]) -> list[Shown]:
            return sorted(rows, key=lambda each: each.reading.pack.closes_on)

        over = sorted(of(*OVER), key=lambda each: each.reading.pack.closes_on, reverse=True)
        context = {
            "as_of": published_day(PACKS),
            "mine": soonest(of(*ACTIVE)),
            "open": soonest(of(PackState.OPEN)),
            "coming": [each for each in soonest(of(PackState.NOT_OPEN)) if opens_soon(each)],
            "over": page_of(request, over, size=PAST_SIZE),
            "may_claim": request.member.can(Action.ENROL),
            "way_on": _way_on(request),
        }
        return render(request, "growth/packs.html", context)


def _way_on(request: MemberRequest) -> dict[str, str]:
    """Say what a shop without packs can do: most packs are for verified shops."""
    if request.seller.membership == Membership.VERIFIED:
        return {"url": reverse("growth:guide"), "text": _("Growth guide")}
    return {
        "url": reverse("growth:rights") + "#difference",
        "text": _("What Verified Suppliers get more"),
    }


def opens_soon(shown: Shown) -> bool:
    """Tell whether a pack opens within the days for which packs are announced."""
    return (shown.reading.pack.opens_on - platform_time.today()).days <= COMING_DAYS


class PackPage(SellerPage):
    """One pack: rules, tasks, rewards, and where the shop stands."""

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show it; a pack that is not for the shop says so."""
        reading = pack_or_404(request, code)
        context = {
            "shown": Shown(reading),
            "reading": reading,
            "pack": reading.pack,
            "listed": reading.pack.listed_at is not None,
            "conditions": _conditions(request, reading),
            "may_claim": request.member.can(Action.ENROL),
        }
        return render(request, "growth/pack.html", context)


def _conditions(request: MemberRequest, reading: PackReading) -> list[ConditionReading]:
    """Return whom a pack is for, condition by condition, to a shop it is not for; a closed list has none."""
    pack = reading.pack
    if reading.state != PackState.NOT_ELIGIBLE or pack.listed_at is not None:
        return []
    return audience_readings(request.seller, [pack.audience], day=pack.frozen_on)[0]


class PackClaim(SellerPage):
    """Claim a pack."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show the pack: the button is on its page."""
        return redirect("growth:pack", code=code)

    def post(self, request: MemberRequest, code: str) -> HttpResponse:
        """Claim it and show it; a second click finds it claimed."""
        pack = pack_or_404(request, code).pack
        try:
            pack_claim(member=request.member, pack=pack)
        except Refusal as refusal:
            if refusal.code == "already_claimed":
                messages.info(request, str(refusal))
            else:
                messages.error(request, str(refusal))
        else:
            messages.success(
                request,
                _("Claimed. What was done before counts; keep every task done on the last day."),
            )
        return redirect("growth:pack", code=code)


def pack_or_404(request: MemberRequest, code: str) -> PackReading:
    """Return a published pack as the shop reads it."""
    reading = pack_reading(request.seller, code)
    if reading is None:
        raise Http404
    return reading


# --- Rewards ------------------------------------------------------------------------------------


class RewardsPage(SellerPage):
    """What the shop was granted: to be used, used, lapsed; newest first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page."""
        return self.show(request)

    @staticmethod
    def show(
        request: MemberRequest, *, at_fault: int = 0, problem: str = "", status: int = 200
    ) -> HttpResponse:
        """Show the page, with what is wrong at the reward it concerns."""
        page = page_of(request, reward_grants())
        rows = [reward_reading(grant) for grant in page.object_list]
        context = {
            "page_obj": page,
            "rows": [(row, REWARD_TONES[row.status]) for row in rows],
            "may_act": request.member.can(Action.ENROL),
            "at_fault": at_fault,
            "problem": problem,
            "packs_url": reverse("growth:packs"),
        }
        return render(request, "growth/rewards.html", context, status=status)


class RewardChoose(SellerPage):
    """Choose the tool of a coupon: it is final, so it is confirmed."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the rewards: the form is on their page."""
        reward_or_404(pk)
        return redirect("growth:rewards")

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask for confirmation, then choose."""
        reading = reward_or_404(pk)
        choice = request.POST.get("choice", "")
        tool = next((tool for tool in reading.tools if tool.code == choice), None)
        if tool is not None and reading.may_choose and "confirmed" not in request.POST:
            return confirm(
                request,
                reading,
                heading=_("Choose %(tool)s?") % {"tool": tool.name},
                message=_("The choice is final. The coupon is used in a second step."),
                confirm_label=pgettext("button", "Choose"),
                fields=[("choice", choice), ("confirmed", "1")],
            )
        try:
            reward_choose(member=request.member, grant=reading.grant, choice=choice)
        except InvalidInput as refusal:
            return RewardsPage.show(
                request, at_fault=pk, problem=refusal.fields[0][1], status=refusal.http_status
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Chosen. Use the coupon when you want to begin."))
        return redirect("growth:rewards")


class RewardUse(SellerPage):
    """Use a coupon: its time begins, so it is confirmed."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Say what using it does."""
        reading = reward_or_404(pk)
        if not reading.may_use:
            return redirect("growth:rewards")
        return confirm(
            request,
            reading,
            heading=_("Use the coupon “%(reward)s”?") % {"reward": reading.grant.reward.title},
            message=_("You get a voucher code. It holds from now on, whether you use it or not."),
            confirm_label=_("Use it now"),
        )

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Use it and show the code."""
        reading = reward_or_404(pk)
        try:
            grant = reward_use(member=request.member, grant=reading.grant)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("Your voucher code: %(voucher)s") % {"voucher": grant.voucher}
            )
        return redirect("growth:rewards")


def confirm(request: MemberRequest, reading: RewardReading, **context: Any) -> HttpResponse:
    """Ask before what cannot be taken back, with its cost."""
    months = reading.grant.reward.valid_months
    return render(
        request,
        "portal/confirm.html",
        {
            "cost": ngettext(
                "Once used, it is valid for %(n)d month.",
                "Once used, it is valid for %(n)d months.",
                months,
            )
            % {"n": months},
            "cancel_url": reverse("growth:rewards"),
            "parent_url": reverse("growth:rewards"),
            "parent_label": _("Rewards"),
            "fields": [],
            **context,
        },
    )


def reward_or_404(pk: int) -> RewardReading:
    """Return a reward of the shop in scope."""
    grant: RewardGrant | None = reward_grants().filter(pk=pk).first()
    if grant is None:
        raise Http404
    return reward_reading(grant)
