"""Celery tasks of `compliance`: each calls services and keeps no state."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from compliance.services.rescreening import rescreen_all, rescreen_days_begun
from portal import platform_time

RESCREEN_TIME = timedelta(minutes=4)
"""Shorter than beat's interval, so that calls do not pile up."""


@shared_task
def rescreen() -> None:
    """Screen live products again where terms changed or a day began; beat calls it again (CMP-3)."""
    rescreen_days_begun(today=platform_time.today())
    rescreen_all(until=platform_time.wall_clock() + RESCREEN_TIME)
