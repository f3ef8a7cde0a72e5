"""When a registration has to be declared, and until when one has to be asked for (EPR-9).

Pure: days and rules in, days and words out. A due follows the rulebook in force on the due day. Days
are the platform's.

Decided: a registration owes a period that ends on or after its first day, whole; what ended before it
counted is nobody's to declare. A plan for a period to come is owed when its due day lies on or after
the first day. So a number that counts from 3 August declares August by 15 September, the second half
of the year by 31 January, and next year's plan by 31 December.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _

from compliance.epr.schema import Due, Requirement
from portal.services.rulebooks import RulebookInForce

ONE_DAY = timedelta(days=1)
ONE_WEEK = timedelta(weeks=1)
MONTHS = range(1, 13)


@dataclass(frozen=True, order=True)
class DueDay:
    """A declaration: its last day, and the first and last day of the period declared."""

    due_on: date
    period_start: date
    period_end: date

    @property
    def is_plan(self) -> bool:
        """Whether amounts to come are declared, not those that were."""
        return self.period_start > self.due_on

    def can_be_made(self, day: date) -> bool:
        """Tell whether there is something to declare on a day: the period is over, or it is a plan."""
        return self.is_plan or self.period_end < day

    @property
    def owed_from(self) -> date:
        """The last first day of a registration that still owes it."""
        return min(self.due_on, self.period_end)


def dues_between(requirement: Requirement, start: date, end: date) -> list[DueDay]:
    """Return the dues of a requirement on the days `start` … `end`, both included, by day (EPR-9)."""
    found = {
        _due_day(due, day)
        for due in requirement.dues
        for day in _days_of(due, start.year, end.year)
        if start <= day <= end
    }
    return sorted(found)


def dues_under(
    books: Iterable[RulebookInForce], country: str, category: str, start: date, end: date
) -> list[DueDay]:
    """Return the dues of a country and category on the days `start` … `end`, by day.

    `books` are rulebooks of `compliance.epr`; each decides about the days on which it is in force.
    """
    found: list[DueDay] = []
    for book in books:
        requirement = book.content.requirement(country, category)
        if requirement is not None:
            first, last = max(start, book.effective_from), min(end, book.effective_to or end)
            found += dues_between(requirement, first, last)
    return sorted(found)


def _days_of(due: Due, first_year: int, last_year: int) -> Iterator[date]:
    months = MONTHS if due.month is None else (due.month,)
    for year in range(first_year, last_year + 1):
        for month in months:
            yield date(year, month, due.day)


def _due_day(due: Due, day: date) -> DueDay:
    """Return the due of a day with the period its kind declares."""
    first = day.replace(day=1)
    if due.period == "month_before":
        last = first - ONE_DAY
        return DueDay(day, last.replace(day=1), last)
    if due.period == "half_year_before":
        if day.month > 6:
            return DueDay(day, date(day.year, 1, 1), date(day.year, 6, 30))
        return DueDay(day, date(day.year - 1, 7, 1), date(day.year - 1, 12, 31))
    year = day.year + (1 if due.period == "year_after" else -1)
    return DueDay(day, date(year, 1, 1), date(year, 12, 31))


def register_before(requirement: Requirement) -> date | None:
    """Return the day by which registering has to begin so that trade is not interrupted (EPR-9).

    The most weeks a registration takes, counted back from the interruption; none without one.
    """
    if requirement.interrupts_on is None:
        return None
    return requirement.interrupts_on - requirement.weeks[1] * ONE_WEEK


def period_text(due: DueDay) -> str:
    """Write what a due declares in the active language: `August 2022`, `January–June 2022`, `2022`."""
    first, last = due.period_start, due.period_end
    if (first.year, first.month) == (last.year, last.month):
        return formats.date_format(first, "YEAR_MONTH_FORMAT")
    if (first.month, last.month) != (1, 12):
        # Translators: a half-year; in Chinese %(year)s年%(first)s至%(last)s
        text = _("%(first)s–%(last)s %(year)s")
        first_month, last_month = (formats.date_format(day, "F") for day in (first, last))
        return text % {"first": first_month, "last": last_month, "year": last.year}
    if due.is_plan:
        # Translators: %(year)s年预计量
        return _("planned amounts of %(year)s") % {"year": last.year}
    # Translators: %(year)s年全年
    return _("the year %(year)s") % {"year": last.year}
