"""How people get an account: upstream and owners make them; there is no open sign-up (K-9)."""

from __future__ import annotations

import logging

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse

from portal.services.people import memberships_of

logger = logging.getLogger(__name__)


class PortalAccountAdapter(DefaultAccountAdapter):
    """Close sign-up and log failed sign-ins; allauth's rate limits throttle them."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse self-registration."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Send staff who belong to no shop to their own front page."""
        user = request.user
        if user.is_staff and not memberships_of(user):
            return reverse("admin:index")
        return super().get_login_redirect_url(request)

    def authentication_failed(self, request: HttpRequest, **credentials: str) -> None:
        """Log a failed sign-in without its password."""
        super().authentication_failed(request, **credentials)
        login = credentials.get("username") or credentials.get("email") or ""
        logger.warning(
            "sign-in failed for %r from %s", login[:150], request.META.get("REMOTE_ADDR", "?")
        )
