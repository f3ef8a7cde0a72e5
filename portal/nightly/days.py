"""The days a night speaks of: its own, and those on which what it warns of ends (K-2, K-18)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from portal import platform_time

WARNING_DAYS = (7, 1)
"""Days before the last day of something at which a shop is told that it ends."""


def night_day(as_of: date) -> date:
    """Return the Pacific day a night works for: today, also when it is caught up late."""
    return max(platform_time.today(), _belongs_to(as_of))


def endings_to_warn_of(
    as_of: date, previous_day: date | None, ahead: Iterable[int] = WARNING_DAYS
) -> dict[date, int]:
    """Return the last days a night warns of, each with which of the warnings it is due (K-18).

    They are those that any night since that of `previous_day`, or since its own, would have warned of
    and that are not over: a missed or late night loses no warning. Of several that are due about one
    day only the last is sent; that it is not sent again is for the key of the notice, which has to
    name the warning.
    """
    today = night_day(as_of)
    first = as_of if previous_day is None else min(as_of, previous_day + timedelta(days=1))
    late = (today - _belongs_to(first)).days
    return {
        today + timedelta(days=left): days
        for days in sorted(ahead, reverse=True)  # a nearer warning takes the place of a farther one
        for left in range(max(0, days - late), days + 1)
    }


def _belongs_to(as_of: date) -> date:
    return as_of + timedelta(days=platform_time.DELAY_DAYS)
