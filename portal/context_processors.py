"""What every page needs: the shop, the clock and the unread notices."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal import platform_time
from portal.choices import RunState
from portal.models import JobRun, Notice

METRICS_JOB = "portal.metrics"
"""The job whose published day the header shows; a page may show another's with its own `as_of`."""


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return the shared context of seller pages; the two queries run only where they are shown."""
    member = getattr(request, "member", None)
    return {
        "seller": getattr(request, "seller", None),
        "member": member,
        "memberships": getattr(request, "memberships", []),
        "platform_now": platform_time.now(),
        "platform_today": platform_time.today(),
        "demo": settings.DEMO,
        "unread_notices": SimpleLazyObject(lambda: _unread_notices(request)),
        "header_as_of": SimpleLazyObject(_published_day),
    }


def _unread_notices(request: HttpRequest) -> int:
    """Count the unread notices of the person in this shop."""
    if request.member is None:
        return 0
    return Notice.objects.filter(user=request.user, read_at__isnull=True).count()


def _published_day() -> date | None:
    """Return the newest as-of day readers see of the metrics."""
    newest = (
        JobRun.objects.filter(job=METRICS_JOB, state=RunState.COMPLETE)
        .order_by("-as_of")
        .values_list("as_of", flat=True)
    )
    return newest.first()
