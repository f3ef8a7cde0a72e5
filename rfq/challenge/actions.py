"""What the GMV challenge makes worth doing next, for the home page (UI-2, RFQ-23)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import number_text
from rfq.challenge.reading import ChallengeMonth, challenge_now
from rfq.challenge.schema import ChallengeTier


@register_next_actions
def challenge(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Claim what last month and this one have earned, take part, or reach the next step (RFQ-23)."""
    for state in challenge_now(seller, day, platform_time.now()):
        if state.claimable and member.can(Action.QUOTE):
            yield _claim(state)
        elif state.is_running and not state.enrolled and member.can(Action.ENROL):
            yield _enrol(state)
        elif state.enrolled and state.gmv and (tier := state.next_tier):
            yield _go_on(state, tier)


def _url(state: ChallengeMonth) -> str:
    return reverse("rfq:challenge-month", args=[f"{state.month:%Y-%m}"])


def _claim(state: ChallengeMonth) -> NextAction:
    title = ngettext(
        "Claim %(n)d quote right of the GMV challenge",
        "Claim %(n)d quote rights of the GMV challenge",
        state.claimable,
    )
    return NextAction(
        title=title % {"n": state.claimable},
        url=_url(state),
        loses=_("Rights that are not claimed in time are lost"),
        due=state.closes_at,
        weight=70,
        icon="trophy",
        button=_("Claim"),
    )


def _enrol(state: ChallengeMonth) -> NextAction:
    earned = state.tier_reward
    gain = ngettext(
        "%(n)d quote right at once for what was paid already",
        "%(n)d quote rights at once for what was paid already",
        earned,
    )
    most = state.rules.tiers[-1].quote_rights
    return NextAction(
        title=_("Take part in this month's GMV challenge"),
        url=_url(state),
        gain=gain % {"n": earned}
        if earned
        else _("Up to %(most)d quote rights for orders that come from your quotes")
        % {"most": most},
        due=state.ends_at,
        weight=75 if earned else 40,
        icon="trophy",
        button=_("Take part"),
    )


def _go_on(state: ChallengeMonth, tier: ChallengeTier) -> NextAction:
    more = tier.quote_rights - (state.claimed or 0)
    gain = ngettext(
        "%(n)d more quote right of the GMV challenge",
        "%(n)d more quote rights of the GMV challenge",
        more,
    )
    return NextAction(
        title=_("US$%(usd)s more paid orders from RFQ reach the next step")
        % {"usd": number_text(state.missing, 2)},
        url=_url(state),
        gain=gain % {"n": more},
        due=state.ends_at,
        weight=30,
        icon="trophy",
    )
