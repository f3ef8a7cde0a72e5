"""`compliance.reminders`: tells shops what they have to declare, and by when to register (EPR-9, K-18).

Everything here is about now, whichever day the night computes: after an outage the nights that are
caught up say nothing that is no longer so. Of each thing the nearest stage that is reached is told; the
key names it, so that a stage is told once, also after a missed night, and never two at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from compliance.bilingual import registration_in_both
from compliance.epr.missing_sql import MissingNumber, missing_numbers
from compliance.epr.schema import EPR, Requirement
from compliance.nightly.reminders_sql import DueCertificate, StagedDue, due_certificates
from compliance.obligations.dues import dues_between, period_text, register_before
from compliance.obligations.reading import epr_books
from portal import platform_time
from portal.bilingual import in_both
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft, notice_send_many
from portal.services.rulebooks import RulebookInForce

REMINDERS = "compliance.reminders"
DUE_STAGES = (1, 7, 14)
"""Days before a declaration is due, the nearest first."""
REGISTER_STAGES = (0, 14, 28)
"""Days before registering has to begin."""
LATE_FOR = timedelta(days=14)
"""What is longer overdue is not told any more: after an outage nobody wants last month's."""
OVERDUE = "overdue"


@job(
    REMINDERS,
    app="compliance",
    shards=seller_ranges,
    rulebook_modules=(EPR,),
    lasting=_("Reminders sent are not sent again."),
)
def reminders(ctx: ShardContext) -> None:
    """Tell each shop of the shard what it has to do, by two statements for all of them."""
    now = platform_time.now()
    day = platform_time.day_of(now)
    books = epr_books()
    dues = staged_dues(books, day)
    owed = due_certificates(ctx, dues, now)
    lead = {(one.country, one.category): one for one in lead_warnings(books, day)}
    sellers = (ctx.params["lo"], ctx.params["hi"])
    missing = missing_numbers([one.requirement for one in lead.values()], sellers=sellers, now=now)
    ctx.rows_read += len(owed) + len(missing)
    told = notice_send_many(_due_draft(dues[row.place], row, day) for row in owed)
    told += notice_send_many(_lead_draft(lead[row.country, row.category], row) for row in missing)
    ctx.rows_written += told


# --- Declarations -------------------------------------------------------------------------------


def staged_dues(books: list[RulebookInForce], day: date) -> list[StagedDue]:
    """Return the dues that a day reminds of with the stage each has reached (EPR-9)."""
    first, last = day - LATE_FOR, day + timedelta(days=DUE_STAGES[-1])
    return [
        StagedDue(requirement.country, requirement.category.value, due, _stage(due.due_on, day))
        for book in books
        for requirement in book.content.requirements
        for due in dues_between(
            requirement,
            max(first, book.effective_from),
            min(last, book.effective_to or last),
        )
    ]


def _stage(due_on: date, day: date) -> str:
    left = (due_on - day).days
    return OVERDUE if left < 0 else str(next(stage for stage in DUE_STAGES if left <= stage))


def _due_draft(one: StagedDue, row: DueCertificate, day: date) -> NoticeDraft:
    overdue = one.stage == OVERDUE
    kind = "declaration_overdue" if overdue else "declaration_due"
    # By registration, not by certificate: a renewal starts no second series.
    due = f"{one.country}:{one.category}:{row.number}:{one.due.due_on.isoformat()}"
    params = {
        "registration": registration_in_both(one.country, one.category),
        "period": in_both(lambda: period_text(one.due)),
        "number": row.number,
        "day": one.due.due_on,
    }
    if not overdue:
        params["days"] = (one.due.due_on - day).days
    return NoticeDraft(
        kind=kind,
        key=f"{kind}:{row.seller_id}:{due}:{one.stage}",
        params=params,
        link=reverse("compliance:calendar"),
        seller_id=row.seller_id,
    )


# --- Lead times ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeadWarning:
    """A number that has to be asked for by a day, and how near that day is."""

    requirement: Requirement
    by: date
    stops: date
    stage: int

    @property
    def country(self) -> str:
        """Country that asks."""
        return self.requirement.country

    @property
    def category(self) -> str:
        """EPR category it asks about."""
        return self.requirement.category.value


def lead_warnings(books: list[RulebookInForce], day: date) -> list[LeadWarning]:
    """Return what shops without a number are warned of on a day (EPR-9).

    The last stage is told until trade is interrupted, to whom no night has told it.
    """
    found = []
    for requirement in (
        row for book in books if book.holds_on(day) for row in book.content.requirements
    ):
        by, stops = register_before(requirement), requirement.interrupts_on
        if by is None or stops is None or day >= stops:
            continue
        left = (by - day).days
        stage = next((stage for stage in REGISTER_STAGES if left <= stage), None)
        if stage is not None:
            found.append(LeadWarning(requirement, by, stops, stage))
    return found


def _lead_draft(one: LeadWarning, row: MissingNumber) -> NoticeDraft:
    what = f"{row.country}:{row.category}:{one.by.isoformat()}"
    return NoticeDraft(
        kind="epr_register_by",
        key=f"epr_register_by:{row.seller_id}:{what}:{one.stage}",
        params={
            "registration": registration_in_both(row.country, row.category),
            "day": one.by,
            "products": row.products,
            "weeks": one.requirement.weeks[1],
            "stops": one.stops,
        },
        link=reverse("compliance:services"),
        seller_id=row.seller_id,
    )
