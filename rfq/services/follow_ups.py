"""Follow-ups: when to come back to a quote, and ticking them off (RFQ-25)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal import platform_time
from portal.ingest.bulk import insert_rows
from portal.models import Member
from portal.scoping import unscoped
from rfq.choices import FollowUpKind, QuoteStatus
from rfq.models import FollowUp, Quote
from rfq.services.roles import may_quote

AFTER_SUBMISSION = {FollowUpKind.NEXT_DAY: 1, FollowUpKind.NEXT_WEEK: 7}
"""Days after quoting."""
AFTER_VIEW_DAYS = 1
FRESH = timedelta(days=7)
"""Views and replies that become known later than this start no follow-up: history is no reminder."""
BATCH = 2_000
Values = dict[str, Any]
WAITING = (QuoteStatus.SUBMITTED, QuoteStatus.VIEWED, QuoteStatus.REPLIED)
"""States in which coming back to a quote can still bring an order."""


def follow_ups_after_submit(quotes: Iterable[Quote]) -> int:
    """Plan the next day and a week later for quotes just submitted; return how many rows are new.

    Two statements per 2,000 rows; saying it again changes nothing.
    """
    return _create(
        _planned(quote, kind, platform_time.day_of(quote.submitted_at) + timedelta(days=days))
        for quote in quotes
        for kind, days in AFTER_SUBMISSION.items()
    )


def follow_ups_after_view(quotes: Iterable[Quote]) -> int:
    """Plan what a buyer's view or reply asks for; return how many rows are new (RFQ-25).

    A view: the day after it. A reply: the same day, whatever else is planned. Of quotes that wait no
    longer, and of views and replies older than `FRESH`, nothing is planned. Two statements
    per 2,000 rows.
    """
    now = platform_time.now()
    return _create(row for quote in quotes for row in _after_buyer(quote, now - FRESH))


def _planned(quote: Quote, kind: FollowUpKind, due_on: date) -> Values:
    return {
        "seller_id": quote.seller_id,
        "quote_id": quote.pk,
        "kind": kind.value,
        "due_on": due_on,
    }


def _after_buyer(quote: Quote, fresh_from: datetime) -> Iterable[Values]:
    if quote.status not in WAITING or quote.refunded_at is not None:
        return
    if (step := _last_step(quote)) is None:
        return
    kind, at, days = step
    if at >= fresh_from:
        yield _planned(quote, kind, platform_time.day_of(at) + timedelta(days=days))


def _last_step(quote: Quote) -> tuple[FollowUpKind, datetime, int] | None:
    """Return what the buyer's last step asks for, when that was, and after how many days it is due."""
    if quote.replied_at is not None:
        return FollowUpKind.REPLY, quote.replied_at, 0
    if quote.viewed_at is not None:
        return FollowUpKind.AFTER_VIEW, quote.viewed_at, AFTER_VIEW_DAYS
    return None


def _create(rows: Iterable[Values]) -> int:
    rows = list(rows)
    with unscoped(), transaction.atomic():
        return sum(_create_new(rows[at : at + BATCH]) for at in range(0, len(rows), BATCH))


def _create_new(rows: list[Values]) -> int:
    planned = FollowUp.objects.filter(quote_id__among={row["quote_id"] for row in rows})
    known = set(planned.values_list("quote_id", "kind"))
    fresh = [row for row in rows if (row["quote_id"], row["kind"]) not in known]
    # Somebody who plans the same at the same moment is left to the constraint.
    insert_rows(FollowUp, fresh, ignore_conflicts=True)
    return len(fresh)


def follow_up_tick(*, member: Member, follow_up: FollowUp, done: bool = True) -> FollowUp:
    """Mark a follow-up as done, or as open again; what is so already stays as it is."""
    may_quote(member)
    at = platform_time.now() if done else None
    FollowUp.objects.filter(pk=follow_up.pk, done_at__isnull=done).update(done_at=at)
    follow_up.refresh_from_db()
    return follow_up


def quote_follow_up(*, member: Member, quote: Quote) -> int:
    """Say that the buyer of a quote was just contacted; return how many follow-ups that settles.

    Everything due by today is ticked, and what the buyer's last step asked for (an answer to the
    reply, a word after the view) even when it was not planned or is due tomorrow.
    """
    may_quote(member)
    now, today = platform_time.now(), platform_time.today()
    settled = Q(done_at__isnull=True, due_on__lte=today)
    with transaction.atomic():
        if (step := _last_step(quote)) is not None:
            kind, at, days = step
            FollowUp.objects.get_or_create(
                quote=quote,
                kind=kind,
                defaults={
                    "seller_id": quote.seller_id,
                    "due_on": platform_time.day_of(at) + timedelta(days=days),
                },
            )
            settled |= Q(kind=kind) & (Q(done_at__isnull=True) | Q(done_at__lt=at))
        return FollowUp.objects.filter(settled, quote=quote).update(done_at=now)
