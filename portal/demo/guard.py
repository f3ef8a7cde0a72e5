"""Commands do not touch the demo's database by another clock than the demo's (K-5)."""

from __future__ import annotations

import os
from datetime import timedelta

from django.conf import settings
from django.core.management.base import CommandError

from portal import platform_time
from portal.models import DemoClock


def refuse_without_demo_clock() -> None:
    """Raise `CommandError` in a demo's database when neither `PORTAL_DEMO` nor `PORTAL_NOW` is set.

    The real time is years after the demo's: under it one night would let rights, certificates and
    requests of the whole demo expire.
    """
    if settings.DEMO or os.environ.get("PORTAL_NOW"):
        return
    clock = DemoClock.objects.exclude(shift=timedelta(0)).first()
    if clock is not None:
        there = platform_time.day_of(platform_time.wall_clock() + clock.shift)
        raise CommandError(
            f"This is the database of a demo, where it is {there}. Set PORTAL_DEMO=1 to go by its "
            "clock, or name another database."
        )
