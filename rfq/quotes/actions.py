"""What quotes make worth doing next, for the home page (UI-2, RFQ-12, RFQ-25)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.prepared_reads import prepared
from portal.read_once import page_instant
from portal.services.buyers import tier_badges
from portal.templatetags.portal_ui import list_text
from rfq.choices import Grade, RfqStatus, RightKind
from rfq.market.own_quotable import own_quotable
from rfq.market.params import MarketQuery
from rfq.models import QuoteDraft
from rfq.quotes.queries import Reply, follow_ups_due_number
from rfq.quotes.queries import replies_waiting as replies
from rfq.services.quote_drafts import drafts_in
from rfq.services.rights import lots_left

REPLIES_COUNTED = 20
"""Beyond them it is “more than”."""
DRAFTS_SHOWN = 2
DRAFT_ENDS_WITHIN = timedelta(days=3)
RIGHTS_END_WITHIN = timedelta(days=7)
GRADE_OF = {RightKind.QUOTE: "", RightKind.GOLD: Grade.GOLD}
"""Rights that are spoken of, and the grade of RFQ each is for (none: any)."""
LOOKED_AT = 20
"""RFQs counted for rights about to expire; beyond them it is “more than”."""


def _tab(name: str) -> str:
    return f"{reverse('rfq:quotes')}?tab={name}"


@register_next_actions
def replies_waiting(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Answer buyers who replied, those with a badge first (RFQ-12)."""
    if not member.can(Action.QUOTE):
        return
    found = replies(seller, platform_time.now(), limit=REPLIES_COUNTED + 1)
    if not found:
        return
    tiers = [(one.tier, one.tier_since) for one in found]
    shown = [badge for badge in tier_badges(seller=seller, tiers=tiers, day=day) if badge]
    action = _answer(found[0], shown) if len(found) == 1 else _answer_all(len(found), shown)
    yield replace(action, due=platform_time.end_of(day), weight=95 if shown else 85)


def _answer(reply: Reply, badges: list[str]) -> NextAction:
    names = {"badge": "".join(badges), "title": reply.rfq_title}
    return NextAction(
        title=_("Answer the %(badge)s buyer of “%(title)s”") % names
        if badges
        else _("Answer the buyer of “%(title)s”") % names,
        url=reverse("rfq:quote", args=[reply.quote]),
        loses=_("The buyer replied to your quote and waits; others have quoted too"),
        icon="chat-left-text",
        button=_("Answer"),
    )


def _answer_all(number: int, badges: list[str]) -> NextAction:
    """One action for all: the list of quotes has those with a badge first, too."""
    count = str(number) if number <= REPLIES_COUNTED else f"{REPLIES_COUNTED}+"
    loses = _("They replied to your quotes and wait; others have quoted too")
    if badges:
        kinds = list_text(sorted(set(badges)))
        with_badge = ngettext(
            "%(n)d of them is %(badge)s", "%(n)d of them are %(badge)s", len(badges)
        )
        loses = f"{with_badge % {'n': len(badges), 'badge': kinds}} · {loses}"
    return NextAction(
        title=_("Answer %(count)s buyers who replied to your quotes") % {"count": count},
        url=_tab("attention"),
        loses=loses,
        icon="chat-left-text",
        button=_("Answer"),
    )


@register_next_actions
def follow_ups_today(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Come back to the quotes whose follow-up is due (RFQ-25)."""
    if not member.can(Action.QUOTE):
        return
    number = follow_ups_due_number(seller, day)
    if not number:
        return
    title = ngettext(
        "%(count)d follow-up on a quote is due", "%(count)d follow-ups on quotes are due", number
    )
    yield NextAction(
        title=title % {"count": number},
        url=_tab("follow-ups"),
        gain=_("A question to the buyer often brings the reply: replies raise your service score"),
        due=platform_time.end_of(day),
        weight=60,
        icon="list-check",
        button=_("Follow up"),
    )


@register_next_actions
def drafts_ending(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Send drafts whose RFQ ends within three days."""
    if not member.can(Action.QUOTE):
        return
    now = platform_time.now()
    for rfq_id, title, expires_at in _drafts_ending(
        seller.pk, member.user_id, now, now + DRAFT_ENDS_WITHIN
    ):
        yield NextAction(
            title=_("Send your draft for “%(title)s”") % {"title": title},
            url=reverse("rfq:quote-form", args=[rfq_id]),
            loses=_("The RFQ ends; after that nobody can quote it"),
            due=expires_at,
            weight=70,
            icon="pencil",
            button=_("Finish"),
        )


@prepared
def _drafts_ending(
    seller_id: int, user_id: int, now: datetime, until: datetime
) -> QuerySet[QuoteDraft, Any]:
    drafts = drafts_in(seller_id, user_id).filter(
        rfq__status=RfqStatus.OPEN, rfq__expires_at__gt=now, rfq__expires_at__lte=until
    )
    rows = drafts.order_by("rfq__expires_at", "pk")
    return rows.values_list("rfq__rfq_id", "rfq__title", "rfq__expires_at")[:DRAFTS_SHOWN]


@register_next_actions
def rights_expiring(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Use rights that expire within a week while own categories have RFQs for them (RFQ-9, RFQ-10)."""
    if not member.can(Action.QUOTE):
        return
    now = page_instant()
    ending = _rights_ending(seller, now)
    kinds = [kind for kind in GRADE_OF if kind in ending]
    if not kinds:
        return
    grades = [GRADE_OF[kind] for kind in kinds]
    numbers = own_quotable(seller, now, grades, limit=LOOKED_AT + 1)
    for kind, number in zip(kinds, numbers, strict=True):
        if number:
            query = MarketQuery(own=True, can_quote=True, grade=GRADE_OF[kind])
            yield _use(kind, *ending[kind], number, query)


def _rights_ending(seller: Seller, now: datetime) -> dict[str, tuple[int, datetime]]:
    """Return kind → (rights left that expire within a week, their first end)."""
    found: dict[str, tuple[int, datetime]] = {}
    for lots in lots_left(seller=seller, now=now):
        ends = lots.expires_at
        if lots.left and ends is not None and ends <= now + RIGHTS_END_WITHIN:
            left, first = found.get(lots.kind, (0, ends))
            found[lots.kind] = left + lots.left, min(first, ends)
    return found


def _use(
    kind: RightKind, left: int, expires_at: datetime, number: int, query: MarketQuery
) -> NextAction:
    found, more = min(number, LOOKED_AT), number > LOOKED_AT
    if kind == RightKind.GOLD:
        title = ngettext(
            "Use %(count)d gold right before it expires",
            "Use %(count)d gold rights before they expire",
            left,
        )
    else:
        title = ngettext(
            "Use %(count)d quote right before it expires",
            "Use %(count)d quote rights before they expire",
            left,
        )
    rfqs = ngettext(
        "%(count)s open RFQ of your categories can take it",
        "%(count)s open RFQs of your categories can take them",
        found,
    )
    return NextAction(
        title=title % {"count": left},
        url=f"{reverse('rfq:market')}?{query.as_string()}",
        loses=rfqs % {"count": f"{found}+" if more else found},
        due=expires_at,
        weight=65,
        icon="ticket-perforated",
        button=_("Find RFQs"),
    )
