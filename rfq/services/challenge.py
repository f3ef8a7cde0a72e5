"""The GMV challenge: taking part and claiming what a month has earned (RFQ-23).

`ChallengeEntry.claimed` decides every race: it moves from the value that was read to the new one or
not at all, and the grant is written in the same transaction under a key that names the new value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope
from portal.services import audit
from rfq.challenge.reading import closes_at, gmv_of, month_now, rules_of
from rfq.choices import GrantSource, RightKind
from rfq.models import ChallengeEntry
from rfq.services.rights import month_end, right_grant


@dataclass(frozen=True)
class Claim:
    """What a claim brought: the month's GMV in USD, what it earns in all, what is new of it."""

    gmv: Decimal
    tier_reward: int
    claimed_now: int


def challenge_enrol(*, member: Member, month: date) -> ChallengeEntry:
    """Let a shop take part in the challenge of the current month; again changes nothing (RFQ-23).

    The whole month counts, whenever the shop enrols. Raises `NotAllowed` for anybody but the owner;
    `Refusal`: `not_open` before there are rules or for a month to come, `closed` for a past one.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can enrol it."))
    now = platform_time.now()
    rules_of(month)
    with seller_scope(member.seller):
        entry = ChallengeEntry.objects.filter(seller=member.seller, month=month).first()
        if entry is not None:
            return entry
        if month > month_now(now):
            raise Refusal("not_open", _("This month has not begun yet."))
        if month < month_now(now):
            raise Refusal("closed", _("This month is over; a shop enrols during the month."))
        try:
            with transaction.atomic():
                entry = ChallengeEntry.objects.create(
                    seller=member.seller, month=month, enrolled_at=now, enrolled_by=member.user
                )
                after = {"month": f"{month:%Y-%m}"}
                audit.record(action="challenge.enrol", actor=member.user, obj=entry, after=after)
        except IntegrityError:
            # Enrolled at the same moment from another window.
            return ChallengeEntry.objects.get(seller=member.seller, month=month)
    return entry


@transaction.atomic
def challenge_claim(*, member: Member, month: date) -> Claim:
    """Grant the quote rights a month has earned and the shop has not had yet (RFQ-23).

    They can be used at once and end with the Pacific month in which they are claimed. A later claim
    brings what a higher tier adds. Refuses `not_open`, `not_enrolled`, `closed` after the last day for
    claims, `nothing_to_claim`; never grants twice, whatever runs at the same time.
    """
    if not member.can(Action.QUOTE):
        raise NotAllowed(_("Your role does not allow you to claim rights."))
    rules = rules_of(month)
    now = platform_time.now()
    with seller_scope(member.seller):
        entries = ChallengeEntry.objects.filter(seller=member.seller, month=month)
        entry = entries.select_for_update(of=("self",)).first()
        if entry is None:
            raise Refusal("not_enrolled", _("The shop does not take part in this month."))
        if now >= closes_at(month, rules):
            raise Refusal("closed", _("The rights of this month could be claimed until its end."))
        gmv = gmv_of(member.seller, month, now)
        total = rules.reward(gmv)
        new = total - entry.claimed
        if new <= 0 or not _advance(entry, total):
            raise _nothing(entry.claimed)
        _grant(member.seller, entry, total=total, new=new, member=member)
    return Claim(gmv, total, new)


def _nothing(claimed: int) -> Refusal:
    text = (
        _("What this month has earned so far is claimed already.")
        if claimed
        else _("The month's GMV has not reached the first tier yet.")
    )
    return Refusal("nothing_to_claim", text)


def _advance(entry: ChallengeEntry, total: int) -> bool:
    """Move the count from what was read to `total`, unless somebody was faster."""
    unmoved = ChallengeEntry.objects.filter(pk=entry.pk, claimed=entry.claimed)
    return bool(unmoved.update(claimed=total))


def _grant(seller: Seller, entry: ChallengeEntry, *, total: int, new: int, member: Member) -> None:
    now = platform_time.now()
    right_grant(
        seller=seller,
        kind=RightKind.QUOTE,
        amount=new,
        source=GrantSource.CHALLENGE,
        key=f"challenge:{seller.member_id}:{entry.month:%Y-%m}:{total}",
        granted_at=now,
        expires_at=month_end(now),
        actor=member.user,
    )
    audit.record(
        action="challenge.claim",
        actor=member.user,
        obj=entry,
        before={"claimed": entry.claimed},
        after={"claimed": total},
    )
