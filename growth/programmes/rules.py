"""Programmes as rules: windows, terms, cooling down, steps, renewal; values in, values out (GRO-17, GRO-18).

Days are Pacific. Both ends of a window count whole: the last instant of the last day is inside.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from growth.choices import EnrolmentState
from growth.packs.rules import months_after
from growth.programmes.schema import (
    EnrolmentWindow,
    ExitRule,
    RenewalRule,
    Step,
    Term,
)
from portal import platform_time

ONE_DAY = timedelta(days=1)


# --- Windows ------------------------------------------------------------------------------------


class WindowState(StrEnum):
    """Whether shops can enrol on a day."""

    OPEN = "open"
    NOT_OPEN = "not_open"
    ENDED = "ended"


@dataclass(frozen=True)
class Span:
    """Days on which shops can enrol; no first day: since ever, no last one: without an end.

    `round` is its first day where windows come one after the other, else none.
    """

    first: date | None
    last: date | None
    round: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether a day lies inside."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    @property
    def closes_at(self) -> datetime | None:
        """First instant after it."""
        return platform_time.end_of(self.last) if self.last is not None else None


@dataclass(frozen=True)
class WindowReading:
    """The window of a day: the one that is open, or the next one, or neither."""

    state: WindowState
    span: Span | None


def window_on(
    windows: Sequence[EnrolmentWindow], day: date, *, until: date | None = None
) -> WindowReading:
    """Return whether shops can enrol on a day, and in which window, or in which one next (GRO-17).

    Without windows they always can. Of several open ones the last to close counts. None is open past
    `until`, the last day of membership where that is one day for all: nobody enrols in what is over.
    """
    listed = [span for window in windows for span in _spans(window, day)]
    spans = _cut(listed if windows else [Span(None, None)], until)
    open_now = [span for span in spans if span.holds(day)]
    if open_now:
        latest = max(open_now, key=lambda span: span.last or date.max)
        return WindowReading(WindowState.OPEN, latest)
    coming = [span for span in spans if span.first is not None and span.first > day]
    if coming:
        return WindowReading(
            WindowState.NOT_OPEN, min(coming, key=lambda span: span.first or date.max)
        )
    return WindowReading(WindowState.ENDED, None)


def _spans(window: EnrolmentWindow, day: date) -> list[Span]:
    """Return the windows of a rule that can matter on a day: for monthly ones this month's and the next."""
    if window.days is None:
        return [Span(window.opens_on, window.closes_on, window.opens_on)]
    start = max(day, window.opens_on or day)
    months = [start.replace(day=1), months_after(start.replace(day=1), 1)]
    found = []
    for month in months:
        first, last = (_in_month(month, number) for number in window.days)
        if window.opens_on is not None:
            first = max(first, window.opens_on)
        if window.closes_on is not None:
            last = min(last, window.closes_on)
        if first <= last:
            found.append(Span(first, last, first))
    return found


def _cut(spans: Sequence[Span], until: date | None) -> list[Span]:
    """Return spans without their days after a day."""
    if until is None:
        return list(spans)
    return [
        replace(span, last=min(span.last or until, until))
        for span in spans
        if span.first is None or span.first <= until
    ]


def _in_month(month: date, number: int) -> date:
    """Return the day of a month with a number, the month's last for one it does not have."""
    return month.replace(day=min(number, calendar.monthrange(month.year, month.month)[1]))


# --- Membership ---------------------------------------------------------------------------------


def until_of(term: Term, since: date) -> date | None:
    """Return the last day of a membership that begins on a day; none without an end.

    Months are counted to the same day of a later month, as the showroom's "until" is (GRO-18).
    """
    if term.same_day:
        return since
    if term.months is not None:
        return months_after(since, term.months)
    return term.until


def leaving_from(rule: ExitRule, since: date) -> date:
    """Return the first day on which a member may leave: day n is n days after the first one."""
    return since + timedelta(days=rule.from_day)


def cooling_until(rule: ExitRule, left_on: date) -> date | None:
    """Return the last day on which a shop that left stays out, or none without a cool-down.

    The day of leaving is not counted: 30 days are the 30 days after it.
    """
    return left_on + timedelta(days=rule.cool_down_days) if rule.cool_down_days else None


# --- Steps --------------------------------------------------------------------------------------


def next_step(steps: Sequence[Step], done: str) -> Step | None:
    """Return the step after the last one done; none when all are, or for a key that is not there."""
    keys = [step.key for step in steps]
    if done not in keys:
        return None
    position = keys.index(done) + 1
    return steps[position] if position < len(steps) else None


def step_before(steps: Sequence[Step], key: str) -> Step | None:
    """Return the step before one; none for the first."""
    keys = [step.key for step in steps]
    position = keys.index(key) if key in keys else 0
    return steps[position - 1] if position else None


def step_due_at(step: Step, before_at: datetime) -> datetime | None:
    """Return the first instant at which a step is late; `before_at` is when the one before was done."""
    if step.by is not None:
        return platform_time.end_of(step.by)
    if step.days is not None:
        return platform_time.end_of(platform_time.day_of(before_at) + timedelta(days=step.days))
    if step.working_days is not None:
        return platform_time.add_working_days(before_at, step.working_days)
    return None


# --- Renewal ------------------------------------------------------------------------------------


def renewal_from(rule: RenewalRule, until: date) -> date:
    """Return the first day on which a renewal can be asked for; the last is the last of membership."""
    return months_after(until, -rule.months_before)


def answer_due_at(rule: RenewalRule, asked_at: datetime) -> datetime:
    """Return the instant up to which a renewal is answered: Chinese working time of as many days."""
    return platform_time.add_working_days(asked_at, rule.answer_working_days)


def renewed_until(rule: RenewalRule, until: date) -> date:
    """Return the last day after a renewal."""
    return months_after(until, rule.months)


# --- Whether a shop can enrol -------------------------------------------------------------------


@dataclass(frozen=True)
class EnrolmentStanding:
    """What decides whether a shop can enrol on a day.

    `state` is that of its open enrolment; `cooling` tells that it left too short a time ago; `eligible`
    that no condition is unmet; `places_left` is none without a limit.
    """

    state: EnrolmentState | None
    cooling: bool
    eligible: bool
    window: WindowState
    places_left: int | None = None
    had_by_owner: bool = False


def first_refusal(standing: EnrolmentStanding) -> str:
    """Return the code of the first thing in the way of enrolling, or an empty text (GRO-17)."""
    if standing.state is not None or standing.had_by_owner:
        return "already_enrolled"
    if standing.cooling:
        return "cooling_down"
    if not standing.eligible:
        return "not_eligible"
    if standing.window != WindowState.OPEN:
        return "window_closed"
    if standing.places_left is not None and standing.places_left <= 0:
        return "full"
    return ""
