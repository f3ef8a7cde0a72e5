"""What every answer carries for browsers, whose address a request comes from, and when sessions end (K-9).

[docs/security.md](../docs/security.md) says which requirement each part meets and which test shows it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from portal import platform_time

GetResponse = Callable[[HttpRequest], HttpResponse]

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), "
        "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
    ),
    "X-Permitted-Cross-Domain-Policies": "none",
}
"""What Django's own middleware does not send. A view that sets one of them is left alone."""


class AnswerHeadersMiddleware:
    """The outermost middleware: whatever answers, also an error of another middleware, gets the headers.

    Nothing but static files is kept by browsers or proxies: pages and answers of the API belong to a
    person, and the sign-in page to a session.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class ClientAddressMiddleware:
    """Let `REMOTE_ADDR` be the client's address behind trusted proxies, for limits, audit and logs.

    Of `X-Forwarded-For` only the entry written by the outermost trusted proxy counts; what stands
    before it is the client's own word. Without `BEHIND_PROXY` the header says nothing.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY:
            hops = request.headers.get("X-Forwarded-For", "").split(",")
            if len(hops) >= settings.PROXY_COUNT:
                address = _address(hops[-settings.PROXY_COUNT])
                if address:
                    request.META["REMOTE_ADDR"] = address
        return self.get_response(request)


def _address(text: str) -> str:
    """Return an IP address without the port that some proxies add, or nothing."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""


# --- Sessions -----------------------------------------------------------------------------------

BEGAN = "began"
"""Key of the session: seconds of the wall clock at sign-in."""
SAME_SITE: Final = "Lax"
SEEN_AGAIN = 60
"""Seconds after which a request renews the mark of its session."""


def session_begins(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Remember when a session began."""
    request.session[BEGAN] = _now()


user_logged_in.connect(session_begins, dispatch_uid="portal.session_begins")


class SessionLimitMiddleware:
    """End a session that was idle too long or has lasted too long, whatever it did (K-9).

    When it was last used is told by a signed cookie that belongs to this session: pages only read the
    database. Without the cookie the session counts as unused since it began.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = _now()
        seen = None
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            seen = _seen(request)
            if _is_over(request, seen, now):
                logout(request)
        response = self.get_response(request)
        _renew(request, response, seen, now)
        return response


def _is_over(request: HttpRequest, seen: int | None, now: int) -> bool:
    began = request.session.setdefault(BEGAN, now)
    idle = settings.SESSION_IDLE_SECONDS
    if request.user.is_authenticated and request.user.is_staff:
        idle = settings.STAFF_SESSION_IDLE_SECONDS
    return now - began >= settings.SESSION_COOKIE_AGE or now - max(began, seen or 0) >= idle


def _renew(request: HttpRequest, response: HttpResponse, seen: int | None, now: int) -> None:
    """Mark the session as used; one that was changed or begun by this request is marked at once."""
    name = settings.SESSION_SEEN_COOKIE_NAME
    key = request.session.session_key
    if key is None or SESSION_KEY not in request.session:
        if name in request.COOKIES:
            response.delete_cookie(name, samesite=SAME_SITE)
        return
    if (
        seen is not None
        and now - seen < SEEN_AGAIN
        and request.COOKIES.get(settings.SESSION_COOKIE_NAME) == key
    ):
        return
    response.set_cookie(
        name,
        _signer(key).sign(str(now)),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=SAME_SITE,
    )


def _seen(request: HttpRequest) -> int | None:
    """Return when the session was last used, in seconds of the wall clock, if its cookie tells."""
    key = request.session.session_key
    try:
        return int(_signer(key or "").unsign(request.COOKIES[settings.SESSION_SEEN_COOKIE_NAME]))
    except (KeyError, BadSignature, ValueError):
        return None


def _signer(session_key: str) -> TimestampSigner:
    """Sign for one session only; the cookie does not show its key."""
    return TimestampSigner(salt=salted_hmac("portal.session-seen", session_key).hexdigest())


def _now() -> int:
    return int(platform_time.wall_clock().timestamp())
