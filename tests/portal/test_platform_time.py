"""Platform time: Pacific days, T+2, windows, working hours in China, the clock that can be set."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal import platform_time as pt


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.rule("K-1")
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (utc(2022, 7, 19, 6, 59, 59), date(2022, 7, 18)),
        (utc(2022, 7, 19, 7, 0, 0), date(2022, 7, 19)),  # midnight in summer time, UTC−7
        (utc(2022, 12, 19, 7, 59, 59), date(2022, 12, 18)),
        (utc(2022, 12, 19, 8, 0, 0), date(2022, 12, 19)),  # midnight in winter time, UTC−8
    ],
)
def test_a_statistics_day_is_a_pacific_calendar_day(instant, day):
    assert pt.day_of(instant) == day


@pytest.mark.rule("K-1")
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2022, 3, 13), 23),
        (date(2022, 11, 6), 25),
        (date(2026, 3, 8), 23),
        (date(2026, 11, 1), 25),
        (date(2022, 7, 19), 24),
    ],
)
def test_days_have_23_24_or_25_hours_and_no_instant_is_lost_or_doubled(day, hours):
    assert pt.hours_of(day) == hours
    assert pt.end_of(day) == pt.start_of(day + timedelta(days=1))
    assert pt.day_of(pt.start_of(day)) == day
    assert pt.day_of(pt.end_of(day) - timedelta(microseconds=1)) == day
    assert pt.day_of(pt.end_of(day)) == day + timedelta(days=1)


@pytest.mark.rule("K-1")
def test_an_instant_without_offset_is_refused():
    with pytest.raises(pt.InvalidInstant):
        pt.day_of(datetime(2022, 7, 19, 12))  # noqa: DTZ001
    with pytest.raises(pt.InvalidInstant, match="no offset"):
        pt.parse_instant("2022-07-19T12:00:00")


@pytest.mark.rule("K-2")
@pytest.mark.parametrize(
    ("now", "as_of"),
    [
        ("2022-07-21T23:59:59-07:00", date(2022, 7, 19)),
        ("2022-07-22T00:00:00-07:00", date(2022, 7, 20)),
        ("2022-11-07T23:59:59-08:00", date(2022, 11, 5)),  # a 25-hour day lies between
    ],
)
def test_standings_are_as_of_two_pacific_days_ago(monkeypatch, now, as_of):
    monkeypatch.setenv("PORTAL_NOW", now)
    assert pt.latest_as_of() == as_of


@pytest.mark.rule("K-3")
def test_windows_end_with_the_day_itself():
    window = pt.last_days(30, date(2022, 7, 19))
    assert (window.first, window.last) == (date(2022, 6, 20), date(2022, 7, 19))
    assert window.contains(pt.end_of(date(2022, 7, 19)) - timedelta(microseconds=1))
    assert not window.contains(pt.end_of(date(2022, 7, 19)))
    assert window.contains(pt.start_of(date(2022, 6, 20)))
    assert not window.contains(pt.start_of(date(2022, 6, 20)) - timedelta(microseconds=1))
    month = pt.this_month(date(2022, 7, 1))
    assert (month.first, month.last) == (date(2022, 7, 1), date(2022, 7, 1))
    with pytest.raises(ValueError, match="at least one day"):
        pt.last_days(0, date(2022, 7, 19))


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=pt.SHANGHAI).astimezone(UTC)


@pytest.mark.rule("K-4")
@pytest.mark.parametrize(
    ("posted", "opens"),
    [
        # Friday 17:00: one hour left today, five on Monday.
        (shanghai(2022, 7, 22, 17), shanghai(2022, 7, 25, 14)),
        # Exactly six hours before closing: ends at 18:00 the same day, not the next morning.
        (shanghai(2022, 7, 21, 12), shanghai(2022, 7, 21, 18)),
        (shanghai(2022, 7, 21, 12, 0, 1), shanghai(2022, 7, 22, 9, 0, 1)),
        # Before opening and on a Sunday nothing passes.
        (shanghai(2022, 7, 21, 3), shanghai(2022, 7, 21, 15)),
        (shanghai(2022, 7, 24, 12), shanghai(2022, 7, 25, 15)),
        # National Day 2022: 1–7 October off; Saturday 8 and Sunday 9 are made up for.
        (shanghai(2022, 9, 30, 16), shanghai(2022, 10, 8, 13)),
        (shanghai(2022, 10, 8, 16), shanghai(2022, 10, 9, 13)),
    ],
)
def test_six_working_hours_respect_nights_weekends_holidays_and_make_up_days(posted, opens):
    assert pt.add_working_time(posted, timedelta(hours=6)) == opens


@pytest.mark.rule("K-4")
def test_years_the_holiday_calendar_does_not_know_count_monday_to_friday():
    assert pt.is_working_day(date(2040, 1, 2))  # Monday
    assert not pt.is_working_day(date(2040, 1, 1))  # Sunday


@pytest.mark.rule("K-5")
def test_portal_now_freezes_the_clock(monkeypatch):
    monkeypatch.setenv("PORTAL_NOW", "2022-08-03T00:00:00-07:00")
    assert pt.now() == utc(2022, 8, 3, 7)
    assert pt.today() == date(2022, 8, 3)
    monkeypatch.setenv("PORTAL_NOW", "yesterday")
    with pytest.raises(pt.InvalidInstant):
        pt.now()


@pytest.mark.rule("RFQ-17")
@pytest.mark.parametrize(
    ("instant", "later"),
    [
        ("2022-08-03T12:00:00-07:00", "2025-08-03T12:00:00-07:00"),
        # Summer time starts on another day of March: the local time stays, not the offset.
        ("2022-03-10T12:00:00-08:00", "2025-03-10T12:00:00-07:00"),
        ("2020-02-29T23:59:59-08:00", "2023-02-28T23:59:59-08:00"),
        # Already March in UTC, still 28 February in the platform's days.
        ("2023-03-01T05:00:00+00:00", "2026-03-01T05:00:00+00:00"),
    ],
)
def test_years_are_calendar_years_of_pacific_local_time(instant: str, later: str) -> None:
    found = pt.years_later(pt.parse_instant(instant), 3)
    assert found == pt.parse_instant(later)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.rule("K-1")
def test_summer_days_are_those_that_begin_at_seven_utc():
    assert pt.summer_days(2022) == pt.Window(date(2022, 3, 14), date(2022, 11, 6))
    for year in (1999, 2006, 2007, 2026):  # the law changed in 2007
        summer = pt.summer_days(year)
        for day in pt.Window(date(year, 1, 1), date(year, 12, 31)).days():
            hour = 7 if summer.first <= day <= summer.last else 8
            assert pt.start_of(day) == utc(day.year, day.month, day.day, hour)
