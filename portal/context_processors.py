"""What every page needs: the shop, the clock and the unread notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal import platform_time


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return the shared context of seller pages."""
    return {
        "seller": getattr(request, "seller", None),
        "member": getattr(request, "member", None),
        "memberships": getattr(request, "memberships", []),
        "platform_now": platform_time.now(),
        "platform_today": platform_time.today(),
        "demo": settings.DEMO,
    }
