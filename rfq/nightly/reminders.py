"""`rfq.reminders`: tells sellers which follow-ups are due (RFQ-25, K-18)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import SellerStatus
from portal.models import Member
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft, notice_send_many
from rfq.choices import RfqStatus
from rfq.models import FollowUp
from rfq.services.follow_ups import WAITING

REMINDERS = "rfq.reminders"
LOOK_BACK_DAYS = 14
"""Follow-ups longer overdue are not told any more: after an outage nobody wants last month's."""
BATCH = 1000


@job(
    REMINDERS,
    app="rfq",
    shards=seller_ranges,
    lasting=_("Reminders sent are not sent again."),
)
def reminders(ctx: ShardContext) -> None:
    """Tell the open follow-ups due by the day the night belongs to (as of + 2), each once.

    Told is who quoted, or the whole shop when that person is gone. A night that is caught up late
    tells only what is still open, and what an earlier one has told stays told: the key is the
    follow-up's.
    """
    night = ctx.as_of + timedelta(days=platform_time.DELAY_DAYS)
    here = {"seller_id__gte": ctx.params["lo"], "seller_id__lte": ctx.params["hi"]}
    people = set(
        Member.everywhere.filter(is_active=True, **here).values_list("seller_id", "user_id")
    )
    for rows in _batches(due_by(night).filter(**here)):
        ctx.rows_read += len(rows)
        ctx.rows_written += notice_send_many(_draft(row, people) for row in rows)


def _batches(rows: QuerySet) -> Iterator[list[dict[str, Any]]]:
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1]["pk"]


def due_by(day: date) -> QuerySet:
    """Return what is worth telling on a Pacific day, as dictionaries."""
    return (
        FollowUp.objects.filter(
            done_at__isnull=True,
            due_on__lte=day,
            due_on__gt=day - timedelta(days=LOOK_BACK_DAYS),
            quote__status__in=WAITING,
            quote__refunded_at__isnull=True,
            seller__status=SellerStatus.ACTIVE,
        )
        .exclude(quote__rfq__status__in=(RfqStatus.CLOSED, RfqStatus.REMOVED))
        .order_by("pk")
        .values(
            "pk",
            "seller_id",
            "quote_id",
            "due_on",
            by=F("quote__submitted_by"),
            rfq_id=F("quote__rfq__rfq_id"),
            title=F("quote__rfq__title"),
        )
    )


def _draft(row: dict[str, Any], people: set[tuple[int, int]]) -> NoticeDraft:
    known = (row["seller_id"], row["by"]) in people
    return NoticeDraft(
        kind="follow_up_due",
        key=f"follow_up_due:{row['pk']}",
        params={"subject": f"{row['rfq_id']} · {row['title']}", "deadline": row["due_on"]},
        link=reverse("rfq:quote", args=[row["quote_id"]]),
        seller_id=row["seller_id"],
        user_ids=[row["by"]] if known else None,
    )
