"""Celery tasks of `rfq`: each calls one service and keeps no state."""

from __future__ import annotations

from celery import shared_task

from portal import platform_time
from rfq.services.search_alerts import searches_alert


@shared_task
def alert_searches() -> None:
    """Tell people of new RFQs that their saved searches find (RFQ-2)."""
    searches_alert(now=platform_time.now())
