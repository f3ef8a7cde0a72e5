"""Drafts of quotes: what a person has typed so far, one per person and RFQ (RFQ-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from portal import platform_time
from portal.models import Member
from portal.prepared_reads import prepared
from rfq.models import Quote, QuoteDraft, Rfq
from rfq.models.quotes import LIVE
from rfq.quotes.content import clean_content
from rfq.services.roles import may_quote


def draft_save(*, member: Member, rfq: Rfq, content: Mapping[str, Any]) -> QuoteDraft | None:
    """Keep what was typed; saving nothing at all removes the draft.

    Returns none when there is nothing to keep, also once the shop has quoted: what a page left open
    sends after that must not bring the draft back.
    """
    may_quote(member)
    kept = clean_content(content)
    with transaction.atomic():
        if not kept or Quote.objects.filter(LIVE, rfq=rfq, seller=member.seller).exists():
            draft_delete(member=member, rfq=rfq)
            return None
        QuoteDraft.objects.bulk_create(
            [
                QuoteDraft(
                    seller=member.seller,
                    user=member.user,
                    rfq=rfq,
                    content=kept,
                    saved_at=platform_time.now(),
                )
            ],
            update_conflicts=True,
            unique_fields=["seller", "user", "rfq"],
            update_fields=["content", "saved_at"],
        )
        return draft_of(member=member, rfq=rfq)


def draft_delete(*, member: Member, rfq: Rfq) -> int:
    """Throw a person's own draft away; return whether there was one (0 or 1)."""
    may_quote(member)
    return QuoteDraft.objects.filter(user=member.user, rfq=rfq).delete()[0]


def draft_of(*, member: Member, rfq: Rfq) -> QuoteDraft | None:
    """Return a person's own draft on an RFQ."""
    return next(iter(_draft(member.user_id, rfq.pk)), None)


@prepared
def _draft(user_id: int, rfq: int) -> QuerySet[QuoteDraft]:
    return QuoteDraft.objects.filter(user=user_id, rfq=rfq)


def drafts_of(*, member: Member) -> QuerySet[QuoteDraft]:
    """Return a person's drafts that can still become quotes: the shop has not quoted the RFQ."""
    return drafts_in(member.seller_id, member.user_id)


def drafts_in(seller_id: int, user_id: int) -> QuerySet[QuoteDraft]:
    """Return `drafts_of` of a person in a shop."""
    quoted = Quote.objects.filter(LIVE, seller=seller_id, rfq=OuterRef("rfq"))
    return QuoteDraft.objects.filter(~Exists(quoted), user=user_id)
