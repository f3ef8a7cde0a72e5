"""What every page needs: the shop, the clock and the unread notices."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal import platform_time
from portal.models import Member
from portal.nightly.published import published_day
from portal.services.notices import notice_unread_count

METRICS_JOB = "metrics"
"""The job whose published day the header shows; a page may show another's with its own `as_of`."""


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return the shared context of seller pages.

    The two that query are functions: a template calls them where it shows them, once.
    """
    member = getattr(request, "member", None)
    return {
        "seller": getattr(request, "seller", None),
        "member": member,
        "memberships": getattr(request, "memberships", []),
        "platform_now": platform_time.now(),
        "platform_today": platform_time.today(),
        "demo": settings.DEMO,
        "unread_notices": cache(lambda: _unread_notices(request)),
        "header_as_of": cache(lambda: published_day(METRICS_JOB)),
    }


def _unread_notices(request: HttpRequest) -> int:
    """Count the unread notices of the person in this shop."""
    member: Member | None = getattr(request, "member", None)
    return notice_unread_count(user=member.user, seller=member.seller) if member else 0
