"""What `check --deploy` says about the portal's own settings; Django looks at the rest (CMD-2)."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  Django's name


@register(Tags.security, deploy=True)
def deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of what is for trying the portal only."""
    wrong = {
        "portal.W001": (
            not settings.STAFF_MFA_REQUIRED,
            "STAFF_MFA_REQUIRED is off: staff sign in with a password alone.",
        ),
        "portal.W002": (
            settings.DEMO,
            "PORTAL_DEMO is on: its accounts have a password that everybody knows.",
        ),
        "portal.W003": (
            bool(os.environ.get("PORTAL_NOW")),
            "PORTAL_NOW freezes the portal's clock.",
        ),
        "portal.W004": (
            not settings.REDIS_URL,
            "REDIS_URL is not set: limits of sign-ins and calls hold for each process by itself.",
        ),
        "portal.W005": (
            settings.WEBHOOK_ALLOW_LOCAL,
            "WEBHOOK_ALLOW_LOCAL is on: shops can make this machine call its own network.",
        ),
    }
    return [Warning(text, id=number) for number, (is_wrong, text) in wrong.items() if is_wrong]
