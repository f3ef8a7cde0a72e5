"""Every address, held to what all of them owe: headers, a strict policy, no effect of reading, tokens in forms,
a second factor of staff, and questions before actions (Q-6, K-9; docs/security.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.models import User
from portal.scoping import unscoped
from tests.portal.access_walk import Route
from tests.portal.test_access import persons, routes  # noqa: F401  fixtures
from tests.portal.test_pages_frame import _Strict
from tests.portal.test_web_security import ALWAYS, directives, missing

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.rule("Q-6", "K-9"),
]

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|TRUNCATE)\b", re.IGNORECASE)
READING_IS_NOTED = {
    "portal:bulletin-detail",  # who has read it is what it is for (K-17)
    # The sign-in library notes the address that the account has anyway.
    "account_email",
    "account_reset_password_from_key",
}
OPEN_WITHOUT_A_SECOND_FACTOR = re.compile(
    r"account_|mfa_|healthz|set_language|portal:language|portal:sign-out-everywhere|api:(schema|docs)$"
)


@contextmanager
def written() -> Iterator[list[str]]:
    """Collect the statements that write, sessions apart."""
    found: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITES.match(sql) and "django_session" not in sql:
            found.append(sql[:120])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


def browser(user: User | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    if user is not None:
        client.force_login(user, backend=BACKEND)
    return client


def send(client: Client, route: Route, **data: Any) -> Any:
    """Ask, and undo whatever was done."""
    with transaction.atomic():
        response = getattr(client, route.method)(route.example, **data)
        if response.streaming:
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    return response


def content_problems(response: Any) -> list[str]:
    """Return what of a page the policy would refuse, and forms that would be refused."""
    if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
        return []
    text = response.content.decode()
    strict = _Strict()
    strict.feed(text)
    found = [one for one in strict.found if one != "<img> without alt"]
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL | re.IGNORECASE):
        posts = re.search(r'method="?post', form[: form.index(">")], re.IGNORECASE)
        if posts and "csrfmiddlewaretoken" not in form:
            found.append(f"a form without its token: {form[:80]}")
    return found


@pytest.mark.long
def test_reading_changes_nothing_and_every_answer_is_strict(
    routes: list[Route],  # noqa: F811
    persons: dict[str, User | None],  # noqa: F811
) -> None:
    """Staff open every page of the admin, an owner every other address."""
    staff, owner = browser(persons["superuser"]), browser(persons["owner"])
    policies, problems, asked = set(), [], 0
    for route in routes:
        if route.method != "get" or route.name in ("account_logout", "admin:logout"):
            continue
        client = staff if route.name.startswith("admin:") else owner
        with written() as effects:
            response = send(client, route)
        asked += 1
        where = f"{route.name} {route.example} {response.status_code}"
        if response.status_code >= 500:
            problems.append(f"{where}: failed")
        if effects and route.name not in READING_IS_NOTED:
            problems.append(f"{where}: {effects}")
        wrong = missing(response).keys() - {"Strict-Transport-Security"}
        if route.name == "portal:file":
            wrong -= {"Content-Security-Policy"}
        if wrong:
            problems.append(f"{where}: {sorted(wrong)}")
        if "no-store" not in response.get("Cache-Control", ""):
            problems.append(f"{where}: may be kept, {response.get('Cache-Control')}")
        problems += [f"{where}: {one}" for one in content_problems(response)]
        policies.add(response["Content-Security-Policy"])
    assert problems == [], "\n".join(problems)
    assert asked > 250
    assert not [policy for policy in policies if "unsafe-eval" in policy]
    assert len([policy for policy in policies if "default-src 'none'; script" in policy]) <= 1


@pytest.mark.long
def test_no_form_or_call_of_a_session_goes_without_its_token(
    routes: list[Route],  # noqa: F811
    persons: dict[str, User | None],  # noqa: F811
) -> None:
    staff = browser(persons["superuser"], enforce_csrf_checks=True)
    owner = browser(persons["owner"], enforce_csrf_checks=True)
    problems, refused = [], 0
    for route in routes:
        if route.method == "get":
            continue
        client = staff if route.name.startswith("admin:") else owner
        with written() as effects:
            json = {"content_type": "application/json"} if "api:" in route.name else {}
            status = send(client, route, **json).status_code
        refused += status == 403
        # 404 and 405: there is nothing that could be done.
        if status not in (403, 404, 405) or effects:
            problems.append(f"{route.method} {route.name}: {status} {effects}")
    assert problems == [], "\n".join(problems)
    assert refused > 250


@pytest.mark.long
def test_staff_without_a_second_factor_reach_nothing(
    routes: list[Route],  # noqa: F811
    persons: dict[str, User | None],  # noqa: F811
    settings: Settings,
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    client = browser(persons["superuser"])
    set_up = reverse("mfa_activate_totp")
    problems, turned_away = [], 0
    for route in routes:
        if OPEN_WITHOUT_A_SECOND_FACTOR.match(route.name):
            continue
        data = {"content_type": "application/json"} if "api:" in route.name else {}
        response = send(client, route, **({} if route.method == "get" else data))
        to_set_up = response.get("Location") == set_up
        if not to_set_up and response.status_code not in (401, 403, 404, 405):
            problems.append(f"{route.method} {route.name}: {response.status_code}")
        turned_away += to_set_up or response.status_code == 403
    assert problems == [], "\n".join(problems)
    assert turned_away > 400


# --- Actions on lists ---------------------------------------------------------------------------


def list_actions(request: Any) -> Iterator[tuple[Any, str]]:
    for model_admin in admin.site._registry.values():
        for name in model_admin.get_actions(request):
            yield model_admin, name


@pytest.mark.usefixtures("routes")
def test_no_action_on_a_list_acts_before_it_has_asked(
    persons: dict[str, User | None],  # noqa: F811
    rf: Any,
) -> None:
    """With a row of each list that has one; a GET does nothing at all."""
    client = browser(persons["superuser"])
    request = rf.get("/admin/")
    request.user = persons["superuser"]
    seen, asked = [], []
    for model_admin, name in list_actions(request):
        options = model_admin.opts
        with unscoped():
            row = model_admin.model._base_manager.order_by("pk").first()
        seen.append(name)
        chosen = {"action": name, ACTION_CHECKBOX_NAME: [row.pk if row else 1]}
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        with written() as effects:
            client.get(address, chosen)
            answer: HttpResponse = client.post(address, chosen)
        assert effects == [], f"{options.label} {name}"
        if row is not None and answer.status_code == 200:
            asked.append(name)
            page = answer.content.decode()
            assert re.search(r'name="(confirmed|post|pick)"', page), f"{options.label} {name}"
    assert {"end_memberships", "end_sessions", "end_today", "approve_selected"} <= set(seen)
    assert {"end_memberships", "send_password_links", "reset_second_factors"} <= set(asked)


def test_a_chosen_row_is_acted_upon_once_the_question_is_answered(
    staff_client: Client, owner: Any
) -> None:
    """The control: what the walk sends does act, once confirmed."""
    address = reverse("admin:portal_user_changelist")
    chosen = {"action": "end_sessions", ACTION_CHECKBOX_NAME: [owner.user.pk]}
    page = staff_client.post(address, chosen).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    with written() as effects:
        staff_client.post(address, fields)
    assert [sql for sql in effects if "session_epoch" in sql]


def test_the_policy_is_the_same_one_everywhere() -> None:
    from portal import settings as ours

    written_down = ours.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert not [name for name, sources in written_down.items() if "unsafe" in str(sources)]
    assert {"default-src", "object-src", "base-uri", "form-action", "frame-ancestors"} <= set(
        written_down
    )
    assert directives("a; b") == {"a", "b"}
    assert ALWAYS["X-Frame-Options"] == ours.X_FRAME_OPTIONS
