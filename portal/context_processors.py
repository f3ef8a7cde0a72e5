"""What every page needs: the shop, the clock and the unread notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal import platform_time
from portal.nightly.published import published_day
from portal.services.notices import notice_unread_count

METRICS_JOB = "metrics"
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
        "header_as_of": SimpleLazyObject(lambda: published_day(METRICS_JOB)),
    }


def _unread_notices(request: HttpRequest) -> int:
    """Count the unread notices of the person in this shop."""
    if request.member is None:
        return 0
    return notice_unread_count(user=request.user, seller=request.seller)
