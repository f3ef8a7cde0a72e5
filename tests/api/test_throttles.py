"""How often one may call: by user, and by address for whoever has not signed in (API-1)."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1")]

API = "/api/v1"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls a minute for users, two for strangers."""
    monkeypatch.setattr(SimpleRateThrottle, "get_rate", lambda self: "2/min")


def statuses(client: APIClient, times: int, path: str = "me") -> list[int]:
    """Call several times."""
    return [client.get(f"{API}/{path}").status_code for _ in range(times)]


def test_one_user_does_not_use_up_what_another_has(
    owner_api: APIClient, colleague_api: APIClient
) -> None:
    assert statuses(owner_api, 3) == [200, 200, 429]
    assert statuses(colleague_api, 1) == [200]
    answer = owner_api.get(f"{API}/orders")
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert answer.json()["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60


def test_strangers_are_counted_though_they_are_refused(anonymous_api: APIClient) -> None:
    assert statuses(anonymous_api, 3) == [401, 401, 429]
    answer = anonymous_api.get(f"{API}/me")
    assert answer.json()["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60


def test_guessing_tokens_is_slowed_down(owner_api: APIClient) -> None:
    guesses = []
    for number in range(4):
        guesser = APIClient()
        guesser.credentials(HTTP_AUTHORIZATION=f"Token {number:064}")
        guesses.append(guesser.get(f"{API}/me").status_code)
    assert guesses == [401, 401, 429, 429]
    assert statuses(owner_api, 1) == [200], "whoever has a token is not counted with strangers"


def test_staff_calls_are_counted_too(anonymous_api: APIClient, staff_api: APIClient) -> None:
    assert statuses(anonymous_api, 3, "ingest") == [401, 401, 429]
    assert statuses(staff_api, 3, "ingest") == [200, 200, 429]
