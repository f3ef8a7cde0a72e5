"""Request id, MFA for staff, and the seller a request acts for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation

from portal import platform_time
from portal.request_context import client_address, request_id
from portal.scoping import seller_scope, unscoped
from portal.services.people import member_for_request

GetResponse = Callable[[HttpRequest], HttpResponse]

_SAFE_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


class RequestIdMiddleware:
    """Take the proxy's `X-Request-Id` or make one; answer with it, log it, audit it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.headers.get("X-Request-Id", "")
        token = request_id.set(asked if _SAFE_ID.match(asked) else uuid.uuid4().hex)
        address = client_address.set(request.META.get("REMOTE_ADDR") or None)
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)
            client_address.reset(address)


class StaffMfaMiddleware:
    """Send staff without a second factor to set one up before anything else (K-9)."""

    ALLOWED = ("/accounts/", "/static/", "/healthz", "/i18n/", "/api/")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if (
            settings.STAFF_MFA_REQUIRED
            and user.is_authenticated
            and user.is_staff
            and not request.path.startswith(self.ALLOWED)
            and not is_mfa_enabled(user)
        ):
            return redirect(reverse("mfa_activate_totp"))
        return self.get_response(request)


class UserLanguageMiddleware:
    """Speak the language a person chose earlier in a browser that has made no choice yet (UI-6).

    English is what an account starts with, so it is no choice: the browser's own wish stands.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES and user.is_authenticated:
            chosen = user.language
            if chosen != settings.LANGUAGE_CODE and translation.check_for_language(chosen):
                translation.activate(chosen)
                request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class StaffTimeMiddleware:
    """Let the admin show and read instants in Pacific time, the zone of all days (K-1)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(platform_time.PACIFIC):
            return self.get_response(request)


class SellerMiddleware:
    """Set `request.member` and `request.seller`, and scope every query of the request to that shop.

    The admin runs unscoped for staff; anybody else without a shop has no scope at all, so that a
    scoped query raises instead of showing rows (K-8). The API enters its scope after token
    authentication, in `portal.api.views`.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        # Any: here a request gets the attributes that `portal.http` promises to views.
        request.member = request.seller = None
        if request.path.startswith("/api/"):
            return self.get_response(request)
        with ExitStack() as stack:
            user = request.user
            if request.path.startswith("/admin/"):
                if user.is_authenticated and user.is_staff:
                    stack.enter_context(unscoped())
            elif user.is_authenticated:
                member = member_for_request(request)
                if member is not None:
                    request.member, request.seller = member, member.seller
                    stack.enter_context(seller_scope(member.seller))
            return self.get_response(request)
