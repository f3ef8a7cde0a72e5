"""Guessing at the door: limits, second factors, passwords, and what the door tells (K-9; docs/security.md)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from cryptography.fernet import InvalidToken
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.models import Member, User
from portal.second_factors import SealedFactors
from tests import factories

pytestmark = [pytest.mark.rule("K-9"), pytest.mark.django_db, pytest.mark.once]

LOGIN, RESET = reverse("account_login"), reverse("account_reset_password")
CODE = reverse("mfa_authenticate")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WRONG = "a wrong sentence"
NEW = "an entirely different sentence"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def try_password(name: str, password: str = WRONG, address: str = "203.0.113.1") -> Any:
    form = {"login": name, "password": password}
    return Client().post(LOGIN, form, REMOTE_ADDR=address)


def message(answer: Any) -> str:
    return str(answer.context["form"].errors.as_text())


# --- Limits -------------------------------------------------------------------------------------


def test_an_account_is_closed_to_guesses_after_five_wherever_they_come_from(
    owner: Member, colleague: Member
) -> None:
    for number in range(5):
        answer = try_password("owner", address=f"203.0.113.{number}")
        assert "not correct" in message(answer), number
    right = try_password("owner", factories.PASSWORD, address="203.0.113.99")
    assert "Too many failed login attempts" in message(right)
    assert try_password("colleague", factories.PASSWORD).status_code == 302


def test_an_address_that_guesses_at_many_accounts_is_stopped(owner: Member) -> None:
    for number in range(10):
        assert "Too many" not in message(try_password(f"name{number}"))
    assert "Too many" in message(try_password("owner", factories.PASSWORD))
    elsewhere = try_password("owner", factories.PASSWORD, address="203.0.113.2")
    assert elsewhere.status_code == 302


def test_signing_in_again_and_again_is_no_guessing(owner: Member) -> None:
    for _number in range(8):
        assert try_password("owner", factories.PASSWORD).status_code == 302


def test_an_address_that_floods_the_door_gets_a_page_that_says_so(owner: Member) -> None:
    answers = [try_password("owner", factories.PASSWORD).status_code for _number in range(31)]
    assert answers == [302] * 30 + [429]
    page = try_password("owner", factories.PASSWORD)
    assert "Too many tries" in page.content.decode()


def test_links_for_a_new_password_are_limited_per_address_and_account(owner: Member) -> None:
    answers = [
        Client().post(RESET, {"email": owner.user.email}, REMOTE_ADDR=f"203.0.113.{n}").status_code
        for n in range(6)
    ]
    assert answers[-1] in (200, 429)
    assert len(mail.outbox) == 5
    cache.clear()
    flood = [
        Client().post(RESET, {"email": f"somebody{n}@example.com"}).status_code for n in range(21)
    ]
    assert flood == [302] * 20 + [429]


def test_a_new_password_cannot_be_tried_for_by_guessing_the_old_one(owner: Member) -> None:
    client = Client()
    client.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    form = {"oldpassword": "a wrong sentence", "password1": NEW, "password2": NEW}
    answers = [
        client.post(reverse("account_change_password"), form).status_code for _number in range(6)
    ]
    assert answers == [200] * 5 + [429]


# --- What the door tells ------------------------------------------------------------------------


def test_nobody_learns_from_the_door_who_has_an_account(owner: Member, clock: Any) -> None:
    known, unknown = try_password("owner"), try_password("nobody-here")
    assert message(known) == message(unknown)
    assert known.status_code == unknown.status_code
    answers = [
        Client().post(RESET, {"email": email}, follow=True)
        for email in (owner.user.email, "nobody@example.com")
    ]
    pages = [re.sub(r'\w{64}|data-now="[^"]+"', "", answer.content.decode()) for answer in answers]
    assert pages[0] == pages[1]
    assert [letter.to for letter in mail.outbox] == [[owner.user.email]]


def test_nobody_opens_an_account_alone(client: Client) -> None:
    form = {"username": "new", "email": "new@example.com", "password1": NEW, "password2": NEW}
    client.post(reverse("account_signup"), form)
    assert not User.objects.filter(username="new").exists()
    assert mail.outbox == []


# --- Passwords ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("eleven chars"[:11], False),
        ("twelve chars", True),
        ("password1234", False),
        ("owner@example.com", False),
        ("123456789012", False),
        ("密码安全很重要所以要够长才行", True),
        ("long " * 24, True),
    ],
)
def test_passwords_are_long_and_not_the_usual_ones(
    owner: Member, password: str, taken: bool
) -> None:
    client = Client()
    client.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    password = password.strip()
    form = {"oldpassword": factories.PASSWORD, "password1": password, "password2": password}
    answer = client.post(reverse("account_change_password"), form)
    owner.user.refresh_from_db()
    assert owner.user.check_password(password) is taken
    assert (answer.status_code == 302) is taken
    assert len(mail.outbox) == int(taken), "who has a new password is told"


def test_a_link_for_a_new_password_works_once_and_signs_nobody_in(owner: Member) -> None:
    Client().post(RESET, {"email": owner.user.email})
    path = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)
    assert path is not None
    client = Client()
    form = client.get(path[0])
    client.post(form["Location"], {"password1": NEW, "password2": NEW})
    assert client.get("/")["Location"].startswith(LOGIN)
    assert try_password("owner", NEW).status_code == 302
    assert Client().get(path[0], follow=True).context["token_fail"]


def test_passwords_are_stored_by_argon2() -> None:
    from portal import settings as ours

    assert ours.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")


# --- Second factors -----------------------------------------------------------------------------


@pytest.fixture
def guarded(staff: User) -> User:
    """Staff with an authenticator app and recovery codes."""
    TOTP.activate(staff, SECRET)
    RecoveryCodes.activate(staff)
    return staff


def code(steps: int = 0) -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + steps))


def half_way(name: str = "staff") -> Client:
    """Return a browser whose password was right."""
    client = Client()
    answer = client.post(LOGIN, {"login": name, "password": factories.PASSWORD})
    assert answer["Location"].startswith(CODE)
    return client


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test see one step of the authenticator's time only."""
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment)


def test_a_password_alone_opens_nothing_to_who_has_a_second_factor(
    guarded: User, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    client = half_way()
    assert client.get("/admin/").status_code == 302
    assert client.get("/api/v1/nights").status_code == 401
    client.post(CODE, {"code": "000000" if code() != "000000" else "111111"})
    assert client.get("/admin/").status_code == 302


@pytest.mark.usefixtures("still")
def test_a_code_opens_once(guarded: User, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True
    client, onlooker = half_way(), half_way()
    client.post(CODE, {"code": code()})
    assert client.get("/admin/").status_code == 200
    onlooker.post(CODE, {"code": code()})
    assert onlooker.get("/admin/").status_code == 302


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_opens_nothing(guarded: User, steps: int) -> None:
    client = half_way()
    client.post(CODE, {"code": code(steps)})
    assert client.get("/admin/").status_code == 302


def test_a_recovery_code_opens_once(guarded: User) -> None:
    kept = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    assert len(kept) == 10
    client = half_way()
    client.post(CODE, {"code": kept[0]})
    assert client.get("/admin/").status_code == 200
    finder = half_way()
    finder.post(CODE, {"code": kept[0]})
    assert finder.get("/admin/").status_code == 302


@pytest.mark.usefixtures("still")
def test_codes_cannot_be_guessed_one_after_the_other(guarded: User) -> None:
    wrong = "000000" if code() != "000000" else "111111"
    for _number in range(5):
        half_way().post(CODE, {"code": wrong})
    last = half_way()
    last.post(CODE, {"code": code()})
    assert last.get("/admin/").status_code == 302


def test_second_factors_are_sealed_and_older_keys_still_open_them(
    guarded: User, settings: Settings
) -> None:
    stored = {row.type: row.data for row in Authenticator.objects.all()}
    assert SECRET not in str(stored)
    assert stored["totp"]["secret"].startswith("sealed:")
    assert stored["recovery_codes"]["seed"].startswith("sealed:")
    sealed = stored["totp"]["secret"]
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another key" * 6
    with pytest.raises(InvalidToken):
        SealedFactors().decrypt(sealed)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert SealedFactors().decrypt(sealed) == SECRET
    assert SealedFactors().decrypt("of before") == "of before"


@pytest.fixture
def left_open(monkeypatch: pytest.MonkeyPatch) -> Callable[[User], Client]:
    """Make a browser in which somebody signed in five minutes ago."""

    def leave(user: User) -> Client:
        client = Client()
        form = {"login": user.username, "password": factories.PASSWORD}
        assert client.post(LOGIN, form)["Location"] in ("/", "/admin/")
        later = time.time() + 301
        monkeypatch.setattr(time, "time", lambda: later)
        return client

    return leave


def test_an_address_to_take_the_account_over_with_needs_a_password(
    owner: Member, left_open: Callable[[User], Client]
) -> None:
    client = left_open(owner.user)
    answer = client.post(
        reverse("account_email"), {"action_add": "1", "email": "thief@example.com"}
    )
    assert "reauthenticate" in answer["Location"]
    assert not EmailAddress.objects.filter(email="thief@example.com").exists()


@pytest.mark.parametrize(
    ("address", "protected"),
    [
        ("mfa_activate_totp", False),
        ("mfa_deactivate_totp", True),
        ("mfa_generate_recovery_codes", True),
        ("mfa_view_recovery_codes", True),
    ],
)
def test_second_factors_change_only_soon_after_a_password(
    owner: Member, left_open: Callable[[User], Client], address: str, protected: bool
) -> None:
    client = left_open(owner.user)
    if protected:
        TOTP.activate(owner.user, SECRET)
        RecoveryCodes.activate(owner.user)
    before = Authenticator.objects.count()
    answers = [client.get(reverse(address))]
    if address != "mfa_view_recovery_codes":
        answers.append(client.post(reverse(address), {"code": code()}))
    for answer in answers:
        assert "reauthenticate" in answer["Location"]
    assert Authenticator.objects.count() == before


def test_no_door_but_the_one_with_the_limits() -> None:
    """Neither Django's own sign-in page nor the API takes passwords."""
    from django.conf import settings as used
    from django.urls import get_resolver

    from tests.portal.access_walk import patterns_of

    views = {str(pattern.callback) for _name, pattern in patterns_of(get_resolver(), ())}
    assert not [view for view in views if "LoginView" in view and "allauth" not in view]
    assert not [view for view in views if "obtain_auth_token" in view or "PasswordChange" in view]
    classes = used.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]
    assert not [name for name in classes if "Basic" in name]
