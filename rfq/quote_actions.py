"""What quotes make worth doing next, for the home page (UI-2, RFQ-12, RFQ-25)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Min, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.services.buyers import buyer_badges
from rfq.choices import Grade, QuoteStatus, RfqStatus, RightKind
from rfq.models import Quote, RightLot
from rfq.querysets import MarketQuery, market_page
from rfq.quote_queries import follow_ups_due, needing_attention
from rfq.services.quote_drafts import drafts_of
from rfq.services.rights import live

REPLIES_SHOWN = 3
DRAFTS_SHOWN = 2
DRAFT_ENDS_WITHIN = timedelta(days=3)
RIGHTS_END_WITHIN = timedelta(days=7)
LOOKED_AT = 20
"""RFQs counted for rights about to expire; beyond them it is “more than”."""


def _tab(name: str) -> str:
    return f"{reverse('rfq:quotes')}?tab={name}"


@register_next_actions
def replies_waiting(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Answer buyers who replied, those with a badge first (RFQ-12)."""
    if not member.can(Action.QUOTE):
        return
    waiting = needing_attention(seller, platform_time.now()).filter(status=QuoteStatus.REPLIED)
    quotes: list[Any] = list(waiting.select_related("rfq", "buyer")[:REPLIES_SHOWN])
    badges = buyer_badges(seller=seller, buyers=[quote.buyer for quote in quotes], day=day)
    for quote in quotes:
        yield _answer(quote, badges[quote.buyer_id], day)


def _answer(quote: Quote, badge: str | None, day: date) -> NextAction:
    names = {"badge": badge, "title": quote.rfq.title}
    return NextAction(
        title=_("Answer the %(badge)s buyer of “%(title)s”") % names
        if badge
        else _("Answer the buyer of “%(title)s”") % names,
        url=reverse("rfq:quote", args=[quote.pk]),
        loses=_("The buyer replied to your quote and waits; others have quoted too"),
        due=platform_time.end_of(day),
        weight=95 if badge else 85,
        icon="chat-left-text",
        button=_("Answer"),
    )


@register_next_actions
def follow_ups_today(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Come back to the quotes whose follow-up is due (RFQ-25)."""
    if not member.can(Action.QUOTE):
        return
    number = follow_ups_due(seller, day).order_by().count()
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
    drafts = drafts_of(member=member).filter(
        rfq__status=RfqStatus.OPEN,
        rfq__expires_at__gt=now,
        rfq__expires_at__lte=now + DRAFT_ENDS_WITHIN,
    )
    for draft in drafts.select_related("rfq").order_by("rfq__expires_at", "pk")[:DRAFTS_SHOWN]:
        yield NextAction(
            title=_("Send your draft for “%(title)s”") % {"title": draft.rfq.title},
            url=reverse("rfq:quote-form", args=[draft.rfq.rfq_id]),
            loses=_("The RFQ ends; after that nobody can quote it"),
            due=draft.rfq.expires_at,
            weight=70,
            icon="pencil",
            button=_("Finish"),
        )


@register_next_actions
def rights_expiring(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Use rights that expire within a week while own categories have RFQs for them (RFQ-9, RFQ-10)."""
    if not member.can(Action.QUOTE):
        return
    now = platform_time.now()
    ending = _rights_ending(now)
    for kind, grade in ((RightKind.QUOTE, ""), (RightKind.GOLD, Grade.GOLD)):
        if kind not in ending:
            continue
        query = MarketQuery(own=True, can_quote=True, grade=grade)
        page = market_page(query, seller, now, size=LOOKED_AT)
        if page.rfqs:
            left, expires_at = ending[kind]
            yield _use(kind, left, expires_at, len(page.rfqs), query, more=page.has_next)


def _rights_ending(now: datetime) -> dict[str, tuple[int, datetime]]:
    """Return kind → (rights left that expire within a week, their first end); one query."""
    lots = (
        RightLot.objects.filter(live(now), left__gte=1, expires_at__lte=now + RIGHTS_END_WITHIN)
        .order_by()
        .values_list("kind")
        .annotate(Sum("left"), Min("expires_at"))
    )
    return {kind: (left, expires_at) for kind, left, expires_at in lots}


def _use(
    kind: RightKind, left: int, expires_at: datetime, found: int, query: MarketQuery, *, more: bool
) -> NextAction:
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
