"""What a seller may quote, decided in one place (RFQ-3 … RFQ-5, RFQ-8).

`quoting_standing` reads what counts about a seller, `refusal_for` judges one RFQ with the reason,
`can_quote_filter` says the same as a condition for lists. Tests hold the two equal: whoever changes
one changes the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import formats
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Membership, SellerStatus
from portal.errors import Refusal
from portal.models import Seller
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import unscoped
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.choices import Grade, RfqStatus, RightKind
from rfq.models import Assessment, Quote, Rfq, RfqInvitation
from rfq.models.quotes import LIVE
from rfq.score.schema import SCORE, GoldAccess
from rfq.services.rights import Balances, balances_of, nothing_left

NOTHING = Q(pk__in=())


@dataclass(frozen=True)
class QuotingStanding:
    """What decides whether a seller may quote, at one instant.

    `quoted` and `invited` hold primary keys of RFQs: of those the standing was asked for, else of all
    that are open.
    """

    seller_id: int
    status: str
    membership: str
    assessed_star: int
    balances: Balances
    early_access: bool
    gold_access: bool
    quoted: frozenset[int] = frozenset()
    invited: frozenset[int] = frozenset()


def quoting_standing(
    *, seller: Seller, rfqs: Iterable[Rfq] | None = None, now: datetime | None = None
) -> QuotingStanding:
    """Read a seller's standing in a constant number of queries.

    `rfqs` narrows `quoted` and `invited` to the RFQs that will be judged. `seller` is taken as it
    is: read it anew where its status must be fresh.
    """
    now = now or platform_time.now()
    judged = None if rfqs is None else {rfq.pk for rfq in rfqs}
    quoted = invited = frozenset[int]()
    with unscoped():
        if judged is None or judged:
            which = {"whole_market": judged is None}
            quoted = frozenset(_quoted(seller.pk, judged or (), **which))
            invited = frozenset(_invited(seller.pk, judged or (), **which))
        return QuotingStanding(
            seller_id=seller.pk,
            status=seller.status,
            membership=seller.membership,
            assessed_star=seller.assessed_star,
            balances=balances_of(seller=seller, now=now),
            early_access=early_access(seller=seller, now=now),
            gold_access=gold_access(seller=seller, now=now),
            quoted=quoted,
            invited=invited,
        )


@prepared
def _quoted(seller_id: int, judged: Collection[int], *, whole_market: bool) -> QuerySet[Quote, int]:
    return _rfq_ids(Quote.objects.filter(LIVE, seller=seller_id), judged, whole_market)


@prepared
def _invited(
    seller_id: int, judged: Collection[int], *, whole_market: bool
) -> QuerySet[RfqInvitation, int]:
    return _rfq_ids(RfqInvitation.objects.filter(seller=seller_id), judged, whole_market)


def _rfq_ids(rows: QuerySet, judged: Collection[int], whole_market: bool) -> QuerySet[Any, int]:
    which = Q(rfq__status=RfqStatus.OPEN) if whole_market else Q(rfq__in=judged)
    return rows.filter(which).order_by().values_list("rfq_id", flat=True)


def early_access(*, seller: Seller, now: datetime) -> bool:
    """Tell whether the reward tier of the newest assessment opens silver RFQs early (RFQ-4)."""
    newest = next(iter(assessments_fixed(seller, now)), None)
    return newest is not None and newest.early_access


@read_once
def assessments_fixed(seller: Seller, now: datetime) -> list[Assessment]:
    """Return a shop's assessments that are fixed by an instant, the newest month first; one query."""
    with unscoped():
        return _fixed(seller.pk, now)


@prepared
def _fixed(seller_id: int, now: datetime) -> QuerySet[Assessment]:
    return Assessment.objects.filter(seller=seller_id, fixed_at__lte=now).order_by("-as_of")


def gold_access(*, seller: Seller, now: datetime) -> bool:
    """Tell whether a seller may quote gold RFQs at all under the rules of today (RFQ-5)."""
    if seller.membership == Membership.VERIFIED:
        return True
    try:
        rules: GoldAccess = rulebook_for(SCORE, platform_time.day_of(now)).content.gold_access
    except RulebookMissing:
        return False
    return rules.basic_star_min is not None and seller.assessed_star >= rules.basic_star_min


# --- Judging one RFQ ----------------------------------------------------------------------------


def refusal_for(rfq: Rfq, standing: QuotingStanding, now: datetime) -> Refusal | None:
    """Return the first reason why the seller cannot quote the RFQ now, or none (RFQ-8).

    Pure. What concerns the shop comes first, then the RFQ, then what a right would be needed for.
    """
    if standing.status != SellerStatus.ACTIVE:
        return restricted(standing.status)
    if (refusal := closed(rfq, now)) is not None:
        return refusal
    if rfq.pk in standing.quoted:
        return already_quoted()
    return _not_for_this_seller(rfq, standing, now) or _right_lacking(rfq, standing)


def _not_for_this_seller(rfq: Rfq, standing: QuotingStanding, now: datetime) -> Refusal | None:
    if rfq.grade == Grade.PRO and rfq.pk not in standing.invited:
        return Refusal(
            "not_invited",
            _(
                "You are not on the buyer's invitation list. The platform matches sellers to an"
                " RFQ Pro by what they quoted before, and the buyer chooses from them."
            ),
        )
    if rfq.grade == Grade.SILVER and now < rfq.opens_to_all_at and not standing.early_access:
        return Refusal(
            "early_access_only",
            _(
                "Only sellers with early access may quote this silver RFQ for now. It opens to"
                " everybody at %(instant)s (Pacific)."
            )
            % {"instant": _pacific(rfq.opens_to_all_at)},
        )
    if rfq.grade == Grade.GOLD and not standing.gold_access:
        return Refusal(
            "gold_not_allowed",
            _(
                "Gold RFQs are open to Verified Suppliers and, where the rules in force say so, to"
                " Gold Suppliers from an assessed star on. Your shop is not among them."
            ),
        )
    return None


def rights_needed(rfq: Rfq) -> list[RightKind]:
    """Return the kinds of right a quote would use now, in the order of use (RFQ-7)."""
    kinds = [RightKind.QUOTE]
    if rfq.grade == Grade.GOLD:
        kinds.append(RightKind.GOLD)
    if rfq.quoted >= rfq.seats:
        kinds.append(RightKind.FAST_LANE)
    return kinds


def _right_lacking(rfq: Rfq, standing: QuotingStanding) -> Refusal | None:
    for kind in rights_needed(rfq):
        if not standing.balances.allows(kind):
            return nothing_left(kind)
    return None


def restricted(status: str) -> Refusal:
    """Return the refusal for a shop that does not trade."""
    if status == SellerStatus.CLOSED:
        text = _("Your shop is closed: it cannot quote.")
    else:
        text = _("Your shop is restricted: it cannot quote until the restriction is lifted.")
    return Refusal("seller_restricted", text)


def already_quoted() -> Refusal:
    """Return the refusal of a second live quote (RFQ-6)."""
    return Refusal("already_quoted", _("Your shop has quoted this RFQ: revise that quote instead."))


def closed(rfq: Rfq, now: datetime) -> Refusal | None:
    """Return why an RFQ takes no quotes from anybody, or none while it does (RFQ-8)."""
    state = rfq.state(now)
    if state == RfqStatus.OPEN and rfq.posted_at <= now:
        return None
    texts = {
        RfqStatus.OPEN: _("This RFQ is not posted yet."),
        RfqStatus.CLOSED: _("The buyer has closed this RFQ."),
        RfqStatus.REMOVED: _("The platform has removed this RFQ from the market."),
        RfqStatus.EXPIRED: _("The time to quote this RFQ ran out at %(instant)s (Pacific).")
        % {"instant": _pacific(rfq.expires_at)},
    }
    return Refusal("closed", texts[RfqStatus(state)])


def _pacific(instant: datetime) -> str:
    return formats.date_format(platform_time.to_pacific(instant), "DATETIME_FORMAT")


# --- Judging many -------------------------------------------------------------------------------


def can_quote_filter(standing: QuotingStanding, now: datetime) -> Q:
    """Return the condition on RFQs that `refusal_for` refuses nothing of (RFQ-2, RFQ-8).

    Whether the seller has quoted or is invited is asked of the tables, so the condition holds for
    any RFQ, whichever ones the standing was read for.
    """
    live = Q(status=RfqStatus.OPEN, posted_at__lte=now, expires_at__gt=now)
    return live & can_quote_live(standing, now)


def can_quote_live(standing: QuotingStanding, now: datetime) -> Q:
    """Return what `can_quote_filter` asks of RFQs that are known to be posted, open and in time."""
    return can_quote_under(QuotingLimits.of(standing), standing.seller_id, now)


class QuotingLimits(NamedTuple):
    """What a standing says of all RFQs alike."""

    may_quote: bool
    silver_early: bool
    gold: bool
    fast_lane: bool

    @classmethod
    def of(cls, standing: QuotingStanding) -> Self:
        """Return the limits of a standing."""
        allows = standing.balances.allows
        return cls(
            may_quote=standing.status == SellerStatus.ACTIVE and allows(RightKind.QUOTE),
            silver_early=standing.early_access,
            gold=standing.gold_access and allows(RightKind.GOLD),
            fast_lane=allows(RightKind.FAST_LANE),
        )


def can_quote_under(limits: QuotingLimits, seller_id: int, now: datetime) -> Q:
    """Return `can_quote_live` of a shop with such limits."""
    if not limits.may_quote:
        return NOTHING
    with unscoped():
        own = Quote.objects.filter(LIVE, seller=seller_id, rfq=OuterRef("pk"))
        invitations = RfqInvitation.objects.filter(seller=seller_id, rfq=OuterRef("pk"))
        condition = ~Exists(own) & (~Q(grade=Grade.PRO) | Exists(invitations))
    if not limits.silver_early:
        condition &= ~Q(grade=Grade.SILVER) | Q(opens_to_all_at__lte=now)
    if not limits.gold:
        condition &= ~Q(grade=Grade.GOLD)
    if not limits.fast_lane:
        condition &= Q(quoted__lt=F("seats"))
    return condition
