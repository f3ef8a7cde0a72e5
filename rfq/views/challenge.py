"""The GMV challenge of a month: where the shop stands, taking part, claiming (RFQ-23)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.choices import Action
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from rfq.challenge.reading import (
    ChallengeMonth,
    challenge_month,
    month_after,
    month_now,
    month_of,
    paid_orders,
    past_months,
)
from rfq.services.challenge import challenge_claim, challenge_enrol
from rfq.services.links import quotes_of, with_quote
from rfq.services.rights import month_end
from rfq.views.orders import give_buyer_cells

ORDERS_SHOWN = 50


@dataclass(frozen=True)
class Step:
    """One tier as a stretch of the bar: USD done of it, its length, and what its end brings."""

    at: Decimal
    rights: int
    done: Decimal
    length: Decimal
    reached: bool


def steps_of(state: ChallengeMonth) -> list[Step]:
    """Return the tiers as stretches from one to the next."""
    steps, start = [], Decimal(0)
    for tier in state.rules.tiers:
        length = tier.gmv - start
        done = min(max(state.gmv - start, Decimal(0)), length)
        steps.append(Step(tier.gmv, tier.quote_rights, done, length, state.gmv >= tier.gmv))
        start = tier.gmv
    return steps


def month_or_404(text: str) -> date:
    """Return the first day of a month that has begun; others do not exist."""
    month = month_of(text)
    if month is None or month > month_now(platform_time.now()):
        raise Http404
    return month


class ChallengePage(SellerPage):
    """One month; the current one unless the address names another."""

    def get(self, request: MemberRequest, month: str = "") -> HttpResponse:
        """Show it; a past month without a challenge does not exist."""
        now = platform_time.now()
        first = month_or_404(month) if month else month_now(now)
        try:
            state = challenge_month(request.seller, first, now)
        except Refusal as refusal:
            if month:
                raise Http404 from None
            return render(request, "rfq/challenge.html", {"refusal": refusal})
        return render(request, "rfq/challenge.html", self._context(request, state, now))

    def _context(
        self, request: MemberRequest, state: ChallengeMonth, now: datetime
    ) -> dict[str, Any]:
        counting = paid_orders(state.month, month_after(state.month), now)
        orders: list[Any] = list(
            with_quote(counting.select_related("buyer"), now).order_by("-paid_at", "-pk")[
                : ORDERS_SHOWN + 1
            ]
        )
        quotes = quotes_of(orders)
        for order in orders:
            order.quote = quotes.get(order.pk)
        give_buyer_cells(request.seller, orders)
        return {
            "state": state,
            "steps": steps_of(state),
            "is_current": state.month == month_now(now),
            "orders": orders[:ORDERS_SHOWN],
            "more_orders": len(orders) > ORDERS_SHOWN,
            "past": past_months(request.seller, month_now(now), now),
            "usable_until": month_end(now),
            "may_enrol": request.member.can(Action.ENROL),
            "may_claim": request.member.can(Action.QUOTE),
            "last": self._last_month(request, state, now),
        }

    def _last_month(
        self, request: MemberRequest, state: ChallengeMonth, now: datetime
    ) -> ChallengeMonth | None:
        """Return last month while rights of it wait to be claimed, on the current month's page."""
        if state.month != month_now(now):
            return None
        try:
            last = challenge_month(request.seller, month_after(state.month, -1), now)
        except Refusal:
            return None
        return last if last.claimable else None


class Enrol(SellerPage):
    """Take part in a month."""

    read_action = write_action = Action.ENROL

    def post(self, request: MemberRequest, month: str) -> HttpResponse:
        """Enrol and show the month."""
        first = month_or_404(month)
        try:
            challenge_enrol(member=request.member, month=first)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("Your shop takes part. Everything paid this month counts, also before.")
            )
        return redirect("rfq:challenge-month", month=month)


class ClaimRights(SellerPage):
    """Claim what a month has earned."""

    read_action = write_action = Action.QUOTE

    def post(self, request: MemberRequest, month: str) -> HttpResponse:
        """Claim and say what came."""
        first = month_or_404(month)
        try:
            claim = challenge_claim(member=request.member, month=first)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            text = ngettext(
                "%(n)d quote right is yours, to be used at once.",
                "%(n)d quote rights are yours, to be used at once.",
                claim.claimed_now,
            )
            messages.success(request, text % {"n": claim.claimed_now})
        return redirect("rfq:challenge-month", month=month)
