"""What holds for days and windows of any length across the nights on which clocks change (K-1, K-3, Q-4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import platform_time as pt

CHANGES = [date(2026, 3, 8), date(2026, 11, 1), date(2022, 3, 13), date(2022, 11, 6)]
NEAR_A_CHANGE = st.builds(
    lambda day, shift: day + timedelta(days=shift), st.sampled_from(CHANGES), st.integers(-40, 40)
)
DAYS = NEAR_A_CHANGE | st.dates(date(2015, 1, 1), date(2035, 12, 31))
INSTANTS = st.builds(
    lambda day, seconds: pt.start_of(day) + timedelta(seconds=seconds),
    DAYS,
    st.integers(-100_000, 100_000) | st.sampled_from([-1, 0, 1, 3600, 7200, 10_800, 86_399]),
)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.rule("K-1")
@given(INSTANTS)
def test_every_instant_lies_in_exactly_one_day(instant):
    day = pt.day_of(instant)
    assert pt.start_of(day) <= instant < pt.end_of(day)
    assert pt.hours_of(day) in (23, 24, 25)
    assert pt.end_of(day) == pt.start_of(day + timedelta(days=1))


@pytest.mark.rule("K-3", "Q-4")
@given(DAYS, st.integers(1, 400), INSTANTS)
def test_a_window_holds_the_instants_of_its_days_and_no_other(as_of, days, instant):
    window = pt.last_days(days, as_of)
    assert window.contains(instant) is (pt.day_of(instant) in window.days())
    assert window.contains(window.starts_at)
    assert not window.contains(window.starts_at - MICROSECOND)
    assert window.contains(window.ends_before - MICROSECOND)
    assert not window.contains(window.ends_before)


@pytest.mark.rule("K-3")
@given(DAYS, st.integers(1, 200), st.integers(1, 200))
def test_windows_end_to_end_lose_and_double_no_hour(as_of, first, second):
    later = pt.last_days(second, as_of)
    earlier = pt.last_days(first, later.first - timedelta(days=1))
    whole = pt.last_days(first + second, as_of)
    assert earlier.ends_before == later.starts_at
    assert (earlier.starts_at, later.ends_before) == (whole.starts_at, whole.ends_before)
    hours = (whole.ends_before - whole.starts_at).total_seconds() / 3600
    assert hours == sum(pt.hours_of(day) for day in whole.days())
    assert abs(hours - 24 * (first + second)) <= 1


@pytest.mark.rule("K-3")
@given(INSTANTS, st.integers(-400, 400))
def test_days_later_is_the_same_time_of_another_day(instant, days):
    later = pt.days_later(instant, days)
    here, there = pt.to_pacific(instant), pt.to_pacific(later)
    assert (there.date() - here.date()).days == days
    assert abs((there - here) - timedelta(days=days)) <= timedelta(hours=1)


@pytest.mark.rule("K-2", "NGT-1")
@given(INSTANTS)
def test_the_newest_day_of_standings_is_over_for_a_whole_day(instant):
    with pytest.MonkeyPatch.context() as clock:
        clock.setenv("PORTAL_NOW", instant.isoformat())
        as_of = pt.latest_as_of()
    assert pt.end_of(as_of) + timedelta(hours=23) <= instant
    assert instant < pt.end_of(as_of) + timedelta(hours=49)


def ticks(day: date) -> list[datetime]:
    """When beat fires on a Pacific day: every quarter of an hour of UTC."""
    start = pt.start_of(day)
    return [start + quarter * timedelta(minutes=15) for quarter in range(int(pt.hours_of(day) * 4))]


@pytest.mark.rule("NGT-1")
@pytest.mark.parametrize(
    ("day", "at", "times", "quarters"),
    [
        (date(2026, 3, 8), clock_time(2, 30), 0, 92),
        (date(2026, 11, 1), clock_time(1, 30), 2, 100),
        (date(2026, 7, 1), clock_time(2, 30), 1, 96),
    ],
)
def test_a_pacific_hour_would_be_skipped_or_doubled(day, at, times, quarters):
    """The control of beat's question: a night at an hour of the clock is missed or computed twice."""
    fired = ticks(day)
    assert len(fired) == quarters
    assert sum(pt.to_pacific(one).time() == at for one in fired) == times
    assert all(one.tzinfo is UTC for one in fired)
