"""What reviewers got done: decisions by day or week, how long sellers waited (EPR-7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

from django.db.models.fields.json import KT

from compliance.choices import CertificateEventKind as Event
from compliance.models import CertificateEvent
from portal import platform_time

DECIDING = (Event.FIRST_APPROVAL, Event.APPROVED, Event.REJECTED)
COUNTED = (*DECIDING, Event.REVOKED)


@dataclass
class ReviewerFigures:
    """What one reviewer decided in a period; `waited` are hours from submission to decision."""

    name: str
    kinds: Counter[str] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)
    late: int = 0
    buckets: Counter[date] = field(default_factory=Counter)

    @property
    def decisions(self) -> int:
        """Approvals, first ones too, and rejections."""
        return sum(self.kinds[kind] for kind in DECIDING)

    @property
    def approved(self) -> int:
        """Approvals, first ones included."""
        return self.kinds[Event.APPROVED] + self.kinds[Event.FIRST_APPROVAL]

    @property
    def rejected(self) -> int:
        """Rejections."""
        return self.kinds[Event.REJECTED]

    @property
    def revoked(self) -> int:
        """Revocations."""
        return self.kinds[Event.REVOKED]

    @property
    def median_seconds(self) -> float | None:
        """The time sellers waited for half of the decisions or less, in seconds."""
        return median(self.waited) * 3600 if self.waited else None


@dataclass(frozen=True)
class Figures:
    """Figures of a period: one row per reviewer, a column per day or week."""

    first: date
    last: date
    columns: list[date]
    rows: list[ReviewerFigures]

    def cells(self, row: ReviewerFigures) -> list[int]:
        """Return a reviewer's decisions per column."""
        return [row.buckets[column] for column in self.columns]


def reviewer_figures(*, days: int, weekly: bool) -> Figures:
    """Count the decisions of the last `days` Pacific days, today included, in one query.

    Columns are days, or weeks from Monday on. First and second approvals count for who gave them.
    """
    last = platform_time.today()
    first = last - timedelta(days=days - 1)
    rows: defaultdict[int, ReviewerFigures] = defaultdict(lambda: ReviewerFigures(""))
    found = (
        CertificateEvent.objects.filter(
            at__gte=platform_time.start_of(first),
            kind__in=COUNTED,
            by_staff=True,
            by__isnull=False,
        )
        .order_by()
        .annotate(submitted=KT("content__submitted_at"), due=KT("content__due_at"))
        .values_list("by_id", "by__username", "kind", "at", "submitted", "due")
    )
    for reviewer, name, kind, at, submitted, due in found.iterator(chunk_size=2000):
        row = rows[reviewer]
        row.name = name
        row.kinds[kind] += 1
        if kind == Event.REVOKED:
            continue
        row.buckets[_column(platform_time.day_of(at), weekly)] += 1
        if submitted:
            row.waited.append((at - _instant(submitted)).total_seconds() / 3600)
        if due and at > _instant(due):
            row.late += 1
    days_shown = [first + timedelta(days=offset) for offset in range(days)]
    return Figures(
        first=first,
        last=last,
        columns=sorted({_column(day, weekly) for day in days_shown}),
        rows=sorted(rows.values(), key=lambda row: (-row.decisions, row.name)),
    )


def _column(day: date, weekly: bool) -> date:
    return day - timedelta(days=day.weekday()) if weekly else day


def _instant(text: str) -> datetime:
    return platform_time.parse_instant(text)
