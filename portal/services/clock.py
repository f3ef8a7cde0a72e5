"""The demo's clock: staff move the whole platform to another day (K-5)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import NotAllowed, Refusal
from portal.models import DemoClock, User
from portal.queueing import enqueue_on_commit
from portal.services import audit


def clock_set(*, actor: User, instant: datetime) -> datetime:
    """Make it `instant` (aware) now, for everybody, ticking on from there; return the new now.

    The scheduler is woken, so that the nights of the new day are computed. Raises `NotAllowed` for
    anybody but staff; refuses `not_a_demo`, `clock_frozen` (by `PORTAL_NOW`) and `out_of_range`.
    """
    _require(actor)
    if not 2000 <= instant.year <= 2100:
        raise Refusal("out_of_range", _("Choose a day between 2000 and 2100."))
    return _shift(actor, instant - platform_time.wall_clock())


def clock_reset(*, actor: User) -> datetime:
    """Go back to real time; return the new now. Raises and refuses like `clock_set`."""
    _require(actor)
    return _shift(actor, timedelta(0))


def _require(actor: User) -> None:
    if not actor.is_staff:
        raise NotAllowed(_("Only platform staff move the clock."))
    if not settings.DEMO:
        raise Refusal("not_a_demo", _("Only a demo has a clock that can be moved."))
    if os.environ.get("PORTAL_NOW"):
        raise Refusal("clock_frozen", _("The time is frozen by PORTAL_NOW."))


def _shift(actor: User, shift: timedelta) -> datetime:
    from portal import tasks

    with transaction.atomic():
        clock, _created = DemoClock.objects.select_for_update().get_or_create(pk=1)
        before, clock.shift = clock.shift, shift
        clock.save(update_fields=["shift"])
        audit.record(
            action="clock.set",
            actor=actor,
            obj=clock,
            before={"shift": before},
            after={"shift": shift},
        )
        transaction.on_commit(platform_time.forget_demo_clock)
        enqueue_on_commit(tasks.schedule_nights)
    platform_time.forget_demo_clock()
    return platform_time.now()
