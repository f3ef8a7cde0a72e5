"""What the demo's people did in the portal itself, through its services.

An app brings it as `demo_life.py` with functions under `@act("2022-12-05T18:20:00-08:00")`. Each runs at its
instant, oldest first, in a transaction of its own: those of the demo's last month once its rights are granted, those of earlier
months before any night. It has to bear being run again after an interrupted build.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from portal import platform_time

Act = Callable[[], None]
_ACTS: list[tuple[str, Act]] = []


def act(instant: str) -> Callable[[Act], Act]:
    """Register what somebody did at an instant (ISO 8601 with offset)."""

    def register(function: Act) -> Act:
        _ACTS.append((instant, function))
        return function

    return register


def live_through(*, since: date = date.min, until: date = date.max) -> int:
    """Let everything happen that apps registered from one Pacific day to before another; return how much."""
    autodiscover_modules("demo_life")
    due = [(platform_time.parse_instant(instant), instant, function) for instant, function in _ACTS]
    happened = 0
    for at, instant, function in sorted(due, key=lambda each: each[0]):
        if since <= platform_time.day_of(at) < until:
            with lived_at(instant), transaction.atomic():
                function()
            happened += 1
    return happened


@contextmanager
def lived_at(instant: str) -> Iterator[None]:
    """Let this process live at an instant."""
    before = os.environ.get("PORTAL_NOW")
    os.environ["PORTAL_NOW"] = instant
    try:
        yield
    finally:
        if before is None:
            del os.environ["PORTAL_NOW"]
        else:
            os.environ["PORTAL_NOW"] = before
