"""Platform time: the only module that converts between instants, days and zones (K-1 … K-5).

Instants are aware datetimes in UTC. *Days* are calendar days of `America/Los_Angeles`: one of them
has 23 hours and one has 25 every year. Nothing else in the project may ask the operating system for
the time or do zone arithmetic; a lint rule refuses it.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar

PACIFIC = ZoneInfo("America/Los_Angeles")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DELAY_DAYS = 2
"""Standings on Pacific day D are computed as of D − 2 (T+2, K-2)."""

WORK_STARTS, WORK_ENDS = clock_time(9), clock_time(18)
WORKING_DAY = timedelta(hours=WORK_ENDS.hour - WORK_STARTS.hour)
NOON = clock_time(12)

SUMMER_MIDNIGHT, WINTER_MIDNIGHT = 7, 8
"""UTC hour at which a Pacific day begins under summer time and under standard time."""

_DEMO_CLOCK_SECONDS = 1.0
_demo_clock_cache: tuple[float, timedelta | None] | None = None
_demo_clock_lock = threading.Lock()


class InvalidInstant(ValueError):
    """The text is not an ISO 8601 instant with an offset, or not a day."""


def now() -> datetime:
    """Return the current instant in UTC (K-5).

    `PORTAL_NOW` (ISO 8601 with offset) freezes it for every process; in the demo the staff clock
    shifts it; otherwise it is the wall clock.
    """
    frozen = os.environ.get("PORTAL_NOW")
    if frozen:
        return parse_instant(frozen)
    shift = _demo_shift()
    real = wall_clock()
    return real + shift if shift else real


def wall_clock() -> datetime:
    """Return the operating system's time in UTC, whatever clock the portal shows.

    For technical stamps only (durations of shards, age of an outbox row).
    """
    return datetime.now(UTC)


def _demo_shift() -> timedelta | None:
    """Return the demo clock's shift against the wall clock; re-read once a second per process."""
    from django.conf import settings

    if not settings.DEMO:
        return None
    global _demo_clock_cache
    with _demo_clock_lock:
        cached = _demo_clock_cache
        if cached and time.monotonic() - cached[0] < _DEMO_CLOCK_SECONDS:
            return cached[1]
        from portal.models import DemoClock

        row = DemoClock.objects.first()
        shift = row.shift if row else None
        _demo_clock_cache = (time.monotonic(), shift)
        return shift


def forget_demo_clock() -> None:
    """Drop this process's copy of the demo clock after it was set."""
    global _demo_clock_cache
    _demo_clock_cache = None


# --- Days ---------------------------------------------------------------------------------------


def day_of(instant: datetime) -> date:
    """Return the Pacific day an aware instant falls on (K-1)."""
    if instant.tzinfo is None:
        raise InvalidInstant("an instant needs an offset")
    return instant.astimezone(PACIFIC).date()


def today() -> date:
    """Return the Pacific day of now."""
    return day_of(now())


def latest_as_of() -> date:
    """Return the newest day standings may be computed for: today − 2 (K-2)."""
    return today() - timedelta(days=DELAY_DAYS)


def start_of(day: date) -> datetime:
    """Return the instant a Pacific day starts, in UTC."""
    return datetime.combine(day, clock_time(0), PACIFIC).astimezone(UTC)


def local_instant(day: date, at: clock_time) -> datetime:
    """Return the instant a Pacific day's clock shows a time, in UTC; of one that comes twice the first."""
    return datetime.combine(day, at, PACIFIC).astimezone(UTC)


def end_of(day: date) -> datetime:
    """Return the first instant after a Pacific day, in UTC: facts before it count (K-2)."""
    return start_of(day + timedelta(days=1))


@cache
def summer_days(year: int) -> Window:
    """Return the Pacific days of a year whose midnight is 7 hours after UTC's; of all others it is 8.

    The day on which the clocks change still begins by the old time.
    """
    hours = {day: start_of(day).hour for day in Window(date(year, 1, 1), date(year, 12, 31)).days()}
    summer = [day for day, hour in hours.items() if hour == SUMMER_MIDNIGHT]
    return Window(summer[0], summer[-1])


def years_later(instant: datetime, years: int) -> datetime:
    """Return the instant `years` calendar years later at the same Pacific local time, in UTC.

    From 29 February it is 28 February in a year that has no 29th.
    """
    local = instant.astimezone(PACIFIC)
    try:
        later = local.replace(year=local.year + years)
    except ValueError:
        later = local.replace(year=local.year + years, day=28)
    return later.astimezone(UTC)


def days_later(instant: datetime, days: int) -> datetime:
    """Return the instant `days` Pacific days later (or earlier) at the same local time, in UTC.

    A day of 23 or 25 hours is one day. A local time that the clocks leap over is the instant as far
    after the leap; of one that comes twice it is the first.
    """
    local = instant.astimezone(PACIFIC)
    return (local.replace(fold=0) + timedelta(days=days)).astimezone(UTC)


def to_pacific(instant: datetime) -> datetime:
    """Return an instant as Pacific local time, for display (K-1)."""
    return instant.astimezone(PACIFIC)


def hours_of(day: date) -> float:
    """Return the length of a Pacific day in hours: 23, 24 or 25."""
    return (end_of(day) - start_of(day)).total_seconds() / 3600


@dataclass(frozen=True)
class Window:
    """A closed range of Pacific days."""

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """First instant inside."""
        return start_of(self.first)

    @property
    def ends_before(self) -> datetime:
        """First instant outside."""
        return end_of(self.last)

    def days(self) -> list[date]:
        """Every day inside, oldest first."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=offset) for offset in range(count)]

    def contains(self, instant: datetime) -> bool:
        """Tell whether an instant lies inside."""
        return self.starts_at <= instant < self.ends_before


def last_days(days: int, as_of: date) -> Window:
    """Return the `days` Pacific days ending with `as_of` (K-3)."""
    if days < 1:
        raise ValueError("a window has at least one day")
    return Window(as_of - timedelta(days=days - 1), as_of)


def this_month(as_of: date) -> Window:
    """Return the first of `as_of`'s month through `as_of` (K-3)."""
    return Window(as_of.replace(day=1), as_of)


# --- Text ---------------------------------------------------------------------------------------


def parse_instant(text: str) -> datetime:
    """Parse ISO 8601 with offset (or `Z`) to UTC; raise `InvalidInstant` otherwise."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInstant(f"“{text}” is not an ISO 8601 instant") from error
    if instant.tzinfo is None:
        raise InvalidInstant(f"“{text}” has no offset; write for example 2022-07-19T18:00:00-07:00")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInstant(f"“{text}” is outside the calendar") from error


def parse_day(text: str) -> date:
    """Parse `YYYY-MM-DD`; raise `InvalidInstant` otherwise."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise InvalidInstant(f"“{text}” is not a day like 2022-07-19") from error


# --- Working hours in China ---------------------------------------------------------------------


def is_working_day(day: date) -> bool:
    """Tell whether a Shanghai calendar day is worked, public holidays and make-up days included (K-4).

    Outside the years the calendar library knows, Monday to Friday count as worked.
    """
    try:
        return chinese_calendar.is_workday(day)
    except NotImplementedError:
        return day.weekday() < 5


def add_working_time(start: datetime, amount: timedelta) -> datetime:
    """Return the instant at which `amount` of working time has passed since `start` (K-4).

    Working time is 09:00–18:00 `Asia/Shanghai` on worked days. Zero returns `start` itself.
    """
    if amount < timedelta(0):
        raise ValueError("working time runs forward")
    left = amount
    local = start.astimezone(SHANGHAI)
    while left > timedelta(0):
        opens = datetime.combine(local.date(), WORK_STARTS, SHANGHAI)
        closes = datetime.combine(local.date(), WORK_ENDS, SHANGHAI)
        if is_working_day(local.date()) and local < closes:
            begins = max(local, opens)
            if left <= closes - begins:
                return (begins + left).astimezone(UTC)
            left -= closes - begins
        local = datetime.combine(local.date() + timedelta(days=1), clock_time(0), SHANGHAI)
    return local.astimezone(UTC)


def add_working_days(start: datetime, days: int) -> datetime:
    """Return the instant at which so many Chinese working days of nine hours have passed (K-4)."""
    return add_working_time(start, days * WORKING_DAY)
