"""The response clock: how old an RFQ is beside the marks that matter (RFQ-16, RFQ-25)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.score.schema import SCORE, Factor, ScoreRules

QUICK_HOURS = 1
HALF_DAY_HOURS = 12


@dataclass(frozen=True)
class ClockMark:
    """One mark: until `at` a quote is within `hours`. `scored` is the one the score counts by."""

    hours: int
    at: datetime
    passed: bool
    scored: bool
    label: str
    meaning: str
    place: str
    """Where it lies on the dial, percent as text."""


@dataclass(frozen=True)
class ResponseClock:
    """Age of an RFQ and its marks, soonest first; `place` is the age on the dial, percent as text."""

    posted_at: datetime
    age: timedelta
    place: str
    marks: tuple[ClockMark, ...]

    @property
    def next_mark(self) -> ClockMark | None:
        """The first mark that can still be met."""
        return next((mark for mark in self.marks if not mark.passed), None)

    @property
    def seconds(self) -> float:
        """The age in seconds."""
        return self.age.total_seconds()


def response_factor(day: date) -> Factor | None:
    """Return the response-rate factor of the score rules in force on a Pacific day; one query."""
    try:
        rules: ScoreRules = rulebook_for(SCORE, day).content
    except RulebookMissing:
        return None
    return rules.factor("response_rate")


def response_clock(*, posted_at: datetime, now: datetime, factor: Factor | None) -> ResponseClock:
    """Return the clock of an RFQ at an instant; pure. An age is in time on the second of the mark."""
    scored = factor.hours if factor else None
    hours = sorted({QUICK_HOURS, HALF_DAY_HOURS, *([scored] if scored else [])})
    dial = timedelta(hours=2 * hours[-1])
    age = max(now - posted_at, timedelta(0))
    marks = tuple(
        ClockMark(
            hours=each,
            at=posted_at + timedelta(hours=each),
            passed=age > timedelta(hours=each),
            scored=each == scored,
            label=ngettext("%(hours)d hour", "%(hours)d hours", each) % {"hours": each},
            meaning=_meaning(each, factor),
            place=_place(timedelta(hours=each), dial),
        )
        for each in hours
    )
    return ResponseClock(posted_at, age, _place(age, dial), marks)


def _meaning(hours: int, factor: Factor | None) -> str:
    if factor and hours == factor.hours:
        return _(
            "Counts as in time for the response rate: up to %(points)d points of your service score"
        ) % {"points": factor.max}
    if hours == QUICK_HOURS:
        return _("Among the first quotes the buyer reads")
    return _("No mark of the service score under today's rules")


def _place(span: timedelta, dial: timedelta) -> str:
    return f"{min(100, round(100 * span / dial, 1))}"
