"""What answers carry, who counts as the client, and how long a session lasts (K-9; docs/security.md)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework.throttling import AnonRateThrottle

from portal import platform_time
from portal.checks import deployment
from portal.models import Member, User
from portal.secret_key import development_key
from portal.services.accounts import account_end_sessions
from portal.services.files import file_store, file_url
from portal.services.members import member_deactivate
from portal.services.tokens import token_issue
from portal.web_security import ClientAddressMiddleware
from tests import factories
from tests.portal.test_files import image

pytestmark = [pytest.mark.rule("K-9"), pytest.mark.django_db, pytest.mark.once]

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
HOME, LOGIN = "/", "/accounts/login/"


# --- Headers ------------------------------------------------------------------------------------

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture
def over_https(settings: Settings) -> None:
    """The settings that HTTPS=1 makes."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True


def directives(policy: str) -> set[str]:
    return {directive.strip() for directive in policy.split(";")}


def missing(response: Any) -> dict[str, str]:
    """Return the headers that are not as they should be."""
    wrong = {name: response.get(name, "") for name, value in ALWAYS.items()
             if response.get(name) != value}  # fmt: skip
    if "camera=()" not in response.get("Permissions-Policy", ""):
        wrong["Permissions-Policy"] = response.get("Permissions-Policy", "")
    if directives(response.get("Content-Security-Policy", "")) != directives(STRICT):
        wrong["Content-Security-Policy"] = response.get("Content-Security-Policy", "")
    return wrong


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/", 200, False),
        ("/admin/", 200, False),
        ("/api/v1/me", 403, False),
        ("/api/v1/nothing", 404, False),
        ("/nothing-here/", 404, False),
        ("/orders/", 302, False),
        ("/healthz", 200, False),
        ("/metrics", 200, False),
        ("/static/css/portal.css", 200, True),
        ("/static/nothing.css", 404, False),
    ],
)
def test_every_kind_of_answer_has_every_header(
    staff: User, category: Any, over_https: None, path: str, status: int, kept: bool
) -> None:
    client = Client()
    seller = factories.seller_create(category)
    user = factories.member_create(seller).user if path == "/" else staff
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(path, secure=True)
    assert answer.status_code == status
    assert missing(answer) == {}
    assert ("no-store" in answer.get("Cache-Control", "")) is not kept


def test_refusals_of_other_middleware_have_them_too(
    owner_client: Client, over_https: None, settings: Settings
) -> None:
    foreign_host = owner_client.get("/", secure=True, headers={"host": "elsewhere.example"})
    assert foreign_host.status_code == 400
    assert missing(foreign_host) == {}
    to_https = owner_client.get("/")
    assert (to_https.status_code, to_https["Location"]) == (301, "https://testserver/")
    assert missing(to_https).keys() <= {"Strict-Transport-Security"}  # browsers want it by HTTPS
    strict = Client(enforce_csrf_checks=True)
    forged = strict.post("/accounts/login/", {"login": "x"}, secure=True)
    assert forged.status_code == 403
    assert missing(forged) == {}


def test_a_failure_has_them_and_tells_nothing(
    owner: Member, over_https: None, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Neither the error nor where it happened reaches the person or program; the log has both."""
    monkeypatch.setattr("portal.views.facts.OrdersPage.get", lambda *a, **k: 1 / 0)
    monkeypatch.setattr("portal.api.me.MeView.get", lambda *a, **k: 1 / 0)
    client = Client(raise_request_exception=False)
    client.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/orders/", "/api/v1/me"):
        answer = client.get(path, secure=True)
        assert answer.status_code == 500
        assert missing(answer) == {}
        assert "no-store" in answer["Cache-Control"]
        text = answer.content.decode()
        assert "ZeroDivision" not in text
        assert "portal/" not in text.replace("css/portal", "").replace("static/portal", "")
    assert "ZeroDivisionError" in caplog.text


def test_a_file_of_a_shop_has_them_with_a_policy_of_its_own(
    owner: Member, owner_client: Client, over_https: None, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    upload = SimpleUploadedFile("photo.png", image())
    stored = file_store(seller=owner.seller, actor=owner.user, upload=upload, purpose="certificate")
    answer = owner_client.get(file_url(stored), secure=True)
    assert set(missing(answer)) == {"Content-Security-Policy"}
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["Cache-Control"] == "private, no-store"


def test_a_token_that_is_no_text_is_refused_and_no_failure(
    client: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "secret-of-the-scraper"
    odd = client.get("/metrics", headers={"authorization": "Bearer schlüssel"})
    assert odd.status_code == 403
    right = client.get("/metrics", headers={"authorization": f"Bearer {settings.METRICS_TOKEN}"})
    assert right.status_code == 200


# --- Cookies ------------------------------------------------------------------------------------


def test_cookies_with_https_are_bound_to_this_host(tmp_path: Path) -> None:
    """Read by a process of its own, as settings are made once."""
    names = [
        f"{kind}_COOKIE_{what}"
        for kind in ("SESSION", "CSRF", "LANGUAGE")
        for what in ("NAME", "SECURE", "HTTPONLY", "SAMESITE")
    ]
    program = (
        "from django.conf import settings as s; "
        f"print([getattr(s, name) for name in {[*names, 'SESSION_SEEN_COOKIE_NAME']}])"
    )
    environment = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "portal.settings",
        "HTTPS": "1", "SECRET_KEY": "x" * 50, "VAR_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(
        ["__Host-sessionid", True, True, "Lax", "__Host-csrftoken", True, True, "Lax",
         "__Host-django_language", True, True, "Lax", "__Host-seen"]
    )  # fmt: skip


def test_cookies_are_out_of_reach_of_scripts(client: Client, owner: Member) -> None:
    client.get(LOGIN)
    client.post(LOGIN, {"login": "owner", "password": factories.PASSWORD})
    client.post(reverse("portal:language"), {"language": "en"})
    assert set(client.cookies) == {"sessionid", "csrftoken", "seen", "django_language"}
    for name, cookie in client.cookies.items():
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["domain"] == "", name


# --- Who the client is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "count", "forwarded", "seen"),
    [
        (False, 1, "203.0.113.9", "10.0.0.1"),
        (True, 1, "203.0.113.9", "203.0.113.9"),
        (True, 1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (True, 2, "198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (True, 2, "203.0.113.9", "10.0.0.1"),
        (True, 1, "203.0.113.9:4711", "203.0.113.9"),
        (True, 1, "[2001:db8::1]:4711", "2001:db8::1"),
        (True, 1, "2001:db8::1", "2001:db8::1"),
        (True, 1, "nonsense", "10.0.0.1"),
        (True, 1, "", "10.0.0.1"),
    ],
)
def test_only_what_the_trusted_proxy_wrote_counts(
    settings: Settings, behind: bool, count: int, forwarded: str, seen: str
) -> None:
    settings.BEHIND_PROXY, settings.PROXY_COUNT = behind, count
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    assert request.META["REMOTE_ADDR"] == seen


def test_a_caller_cannot_choose_who_is_counted() -> None:
    """The header is the caller's own where no proxy is trusted: limits go by the connection."""
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert AnonRateThrottle().get_ident(request) == "10.0.0.1"


# --- Sessions -----------------------------------------------------------------------------------


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Turn the wall clock: `hands(timedelta(minutes=5))` after noon."""

    def turn(past_noon: timedelta) -> None:
        monkeypatch.setattr(platform_time, "wall_clock", lambda: NOON + past_noon)

    turn(timedelta())
    return turn


def signed_in(name: str = "owner") -> Client:
    client = Client()
    answer = client.post(LOGIN, {"login": name, "password": factories.PASSWORD})
    assert answer.status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/notices/settings/").status_code == 200


def test_an_idle_session_ends(owner: Member, hands: Callable[[timedelta], None]) -> None:
    client = signed_in()
    for minutes in (59, 118, 177):
        hands(timedelta(minutes=minutes))
        assert is_in(client), minutes
    hands(timedelta(minutes=177 + 60))
    answer = client.get(HOME)
    assert answer["Location"] == "/accounts/login/?next=/"
    assert not Session.objects.exists()


def test_a_stolen_session_cookie_alone_grows_old(
    owner: Member, hands: Callable[[timedelta], None]
) -> None:
    client = signed_in()
    thief, forger = Client(), Client()
    for other in (thief, forger):
        other.cookies["sessionid"] = client.cookies["sessionid"].value
    forger.cookies["seen"] = signed_in().cookies["seen"].value
    hands(timedelta(minutes=50))
    assert is_in(client)
    hands(timedelta(minutes=61))
    assert (is_in(client), is_in(thief), is_in(forger)) == (True, False, False)


def test_a_session_in_constant_use_ends_too(
    owner: Member, hands: Callable[[timedelta], None]
) -> None:
    client = signed_in()
    for minutes in range(30, 12 * 60, 30):
        hands(timedelta(minutes=minutes))
        assert is_in(client), minutes
    hands(timedelta(hours=12))
    assert not is_in(client)


def test_sessions_of_staff_end_sooner(staff: User, hands: Callable[[timedelta], None]) -> None:
    client = signed_in("staff")
    hands(timedelta(minutes=29))
    assert client.get("/admin/").status_code == 200
    hands(timedelta(minutes=59))
    assert client.get("/admin/").status_code == 302


def test_calls_of_a_session_that_is_over_are_refused(
    owner: Member, hands: Callable[[timedelta], None]
) -> None:
    client = signed_in()
    assert client.get("/api/v1/me").status_code == 200
    hands(timedelta(minutes=60))
    assert client.get("/api/v1/me").status_code == 401


def test_signing_in_begins_a_new_session(owner: Member) -> None:
    client = Client()
    client.get(LOGIN)
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    client.post(LOGIN, {"login": "owner", "password": factories.PASSWORD})
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(session_key=before).exists()


def test_signing_out_ends_the_session_on_the_server(owner: Member) -> None:
    client = signed_in()
    kept = client.cookies["sessionid"].value
    client.post(reverse("account_logout"))
    again = Client()
    again.cookies["sessionid"] = kept
    assert not is_in(again)
    assert not Session.objects.exists()


def test_a_new_password_ends_the_other_sessions_alone(
    owner: Member, hands: Callable[[timedelta], None]
) -> None:
    here, elsewhere = signed_in(), signed_in()
    hands(timedelta(minutes=55))
    new = "an entirely different sentence"
    form = {"oldpassword": factories.PASSWORD, "password1": new, "password2": new}
    assert here.post(reverse("account_change_password"), form).status_code == 302
    hands(timedelta(minutes=65))
    assert (is_in(here), is_in(elsewhere)) == (True, False)


def test_signing_out_everywhere_ends_all_of_ones_own(owner: Member, colleague: Member) -> None:
    here, elsewhere, other = signed_in(), signed_in(), signed_in("colleague")
    assert here.get(reverse("portal:sign-out-everywhere")).status_code == 405
    assert is_in(elsewhere)
    here.post(reverse("portal:sign-out-everywhere"))
    assert (is_in(here), is_in(elsewhere), is_in(other)) == (False, False, True)


def test_staff_end_sessions_and_tokens_of_a_person(owner: Member, staff: User) -> None:
    client, api = signed_in(), APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {token_issue(user=owner.user)}")
    assert (is_in(client), api.get("/api/v1/me").status_code) == (True, 200)
    account_end_sessions(actor=staff, user=owner.user)
    assert (is_in(client), api.get("/api/v1/me").status_code) == (False, 401)


def test_who_is_let_go_or_switched_off_is_out_at_once(owner: Member, colleague: Member) -> None:
    let_go, switched_off = signed_in("colleague"), signed_in()
    api = factories.api_client(colleague.user)
    assert let_go.get("/orders/").status_code == api.get("/api/v1/orders").status_code == 200
    member_deactivate(actor=owner.user, member=colleague)
    assert let_go.get("/orders/")["Location"] == reverse("portal:no-shop")
    assert api.get("/api/v1/orders").status_code == 403
    User.objects.filter(pk=owner.user.pk).update(is_active=False)
    assert not is_in(switched_off)


# --- The way back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)",
     "https:evil.example", "http://testserver@evil.example/", "/%09/evil.example"],
)  # fmt: skip
def test_no_address_of_somebody_else_is_a_way_back(
    client: Client, owner: Member, staff_client: Client, elsewhere: str
) -> None:
    form = {"login": "owner", "password": factories.PASSWORD, "next": elsewhere}
    answers = [
        client.post(LOGIN, form),
        client.post(reverse("portal:language"), {"language": "en", "next": elsewhere}),
        staff_client.get("/admin/login/", {"next": elsewhere}),
        client.post(reverse("account_logout"), {"next": elsewhere}),
    ]
    for answer in answers:
        location = answer["Location"]
        assert answer.status_code in (302, 204), location
        assert location.startswith("/"), location
        assert not location.startswith(("//", "/\\")), location


# --- Logs ---------------------------------------------------------------------------------------


def test_a_log_line_stays_one_line_and_holds_no_secret(
    client: Client, owner: Member, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        forged = "owner\n2022-08-03 INFO portal [-] sign-in of admin"
        client.post(LOGIN, {"login": forged, "password": "hunter2-is-my-password"})
        client.get("/x%0a2022-08-03%20INFO%20forged", headers={"x-request-id": "a\nb" + "c" * 20})
        api = APIClient()
        token = token_issue(user=owner.user)
        api.credentials(HTTP_AUTHORIZATION=f"Token {token}")
        assert api.get("/api/v1/me").status_code == 200
        api.credentials(HTTP_AUTHORIZATION=f"Token {token}x")
        assert api.get("/api/v1/me").status_code == 401
    lines = [record.getMessage() for record in caplog.records]
    assert any("sign-in failed" in line for line in lines)
    ours = [line for line in lines if line.startswith(("sign-in", "Not Found", "Unauthorized"))]
    assert len(ours) >= 3
    assert not [line for line in ours if "\n" in line]
    assert "hunter2" not in caplog.text
    assert token not in caplog.text


# --- The secret key -----------------------------------------------------------------------------


def test_the_key_for_trying_out_is_made_once_and_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda number: development_key(tmp_path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("variable", ["HTTPS", "BEHIND_PROXY", "STATIC_MANIFEST"])
def test_production_does_not_start_without_a_key(tmp_path: Path, variable: str) -> None:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), variable: "1"}
    done = subprocess.run(
        [sys.executable, "-c", "import portal.wsgi"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr
    assert not (tmp_path / "secret_key").exists()


def test_debugging_is_off_unless_asked_for(settings: Settings) -> None:
    from portal import settings as ours

    assert ours.DEBUG is False


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("STAFF_MFA_REQUIRED", False, "portal.W001"),
        ("DEMO", True, "portal.W002"),
        ("REDIS_URL", "", "portal.W004"),
    ],
)
def test_the_deployment_check_names_what_is_for_trying_out(
    settings: Settings, name: str, value: object, warning: str
) -> None:
    settings.STAFF_MFA_REQUIRED, settings.DEMO = True, False
    settings.REDIS_URL = "redis://redis:6379/0"
    assert deployment(None) == []
    setattr(settings, name, value)
    assert [found.id for found in deployment(None)] == [warning]
