"""Task packs as rules: states, places, days; values in, values out (GRO-6 … GRO-8)."""

from __future__ import annotations

import calendar
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from growth.choices import ClaimOutcome, PackEdition, PackState
from portal import platform_time

PACKS = "growth.packs"
"""The nightly job that counts how far shops are."""
GRANTED_BY_DAY = {PackEdition.VERIFIED: 10, PackEdition.GENERAL: 15}
"""Day of the month after the last one by which rewards are granted (GRO-8)."""


# --- Where a shop stands ------------------------------------------------------------------------


def pack_state(
    *,
    now: datetime,
    opens_on: date,
    closes_on: date,
    eligible: bool,
    claimed: bool = False,
    complete: bool = False,
    outcome: str = "",
) -> PackState:
    """Return where a shop stands with a pack at an instant (GRO-6, GRO-7).

    `complete`: all tasks hold on the newest published day, which is the last day at most. A shop that
    claimed in time stays in, whatever becomes of it; one that did not is judged by the audience and
    the window, whose two days count whole.
    """
    if outcome:
        return PackState(outcome)
    if claimed:
        return PackState.COMPLETE if complete else PackState.CLAIMED
    if not eligible:
        return PackState.NOT_ELIGIBLE
    if now < platform_time.start_of(opens_on):
        return PackState.NOT_OPEN
    return PackState.OPEN if now < platform_time.end_of(closes_on) else PackState.ENDED


def list_falls_due(*, frozen_on: date, now: datetime) -> bool:
    """Tell whether whoever comes first closes the list, because no night has done it (GRO-10).

    From noon of the day on: the nights of a day are over by then, and with them the stars assessed on it.
    """
    return now >= platform_time.local_instant(frozen_on, platform_time.NOON)


def night_closes_list(*, frozen_on: date, as_of: date) -> bool:
    """Tell whether the night of an as-of day closes the list: one that works for its day or later."""
    return as_of + timedelta(days=platform_time.DELAY_DAYS) >= frozen_on


def quota_left(quota: int | None, taken: int) -> int | None:
    """Return the places left of a quota, never below 0; None without one."""
    return None if quota is None else max(0, quota - taken)


# --- Who gets a place ---------------------------------------------------------------------------

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Standing:
    """A claim on the last day. `complete_since`: first day of the unbroken complete run, or none."""

    complete_since: date | None
    claimed_at: datetime
    number: int
    """Order of claims of one instant."""


def outcomes_of(
    claims: Iterable[tuple[Key, Standing]], quota: int | None
) -> dict[Key, ClaimOutcome]:
    """Return what becomes of claims once the last day is counted (GRO-7).

    Places go by the start of the complete run, then by the time of the claim. `packs_settle` says the
    same in SQL; tests hold the two equal.
    """
    claims = list(claims)
    complete = sorted(
        (standing.complete_since, standing.claimed_at, standing.number, position)
        for position, (_key, standing) in enumerate(claims)
        if standing.complete_since is not None
    )
    places = {place[-1] for place in complete[:quota]}
    found: dict[Key, ClaimOutcome] = {}
    for position, (key, standing) in enumerate(claims):
        if position in places:
            found[key] = ClaimOutcome.REWARDED
        elif standing.complete_since is None:
            found[key] = ClaimOutcome.FAILED
        else:
            found[key] = ClaimOutcome.QUOTA_SPENT
    return found


# --- Days of rewards ----------------------------------------------------------------------------


def months_after(day: date, months: int) -> date:
    """Return the same day `months` calendar months later; the month's last where it has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def granted_by(edition: str, closes_on: date) -> date:
    """Return the day by which the rewards of a pack are granted: in the month after its last (GRO-8)."""
    return months_after(closes_on.replace(day=1), 1).replace(
        day=GRANTED_BY_DAY[PackEdition(edition)]
    )


def months_end(instant: datetime, months: int) -> datetime:
    """Return the first instant after the Pacific day `months` months after that of an instant."""
    return platform_time.end_of(months_after(platform_time.day_of(instant), months))
