"""Two hundred sellers quote one RFQ and pin at once, over HTTP on a real web server (RFQ-11)."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.outside import Portal, own_database

pytestmark = [
    pytest.mark.long,
    pytest.mark.processes,
    pytest.mark.both_databases,
    pytest.mark.rule("RFQ-7", "RFQ-11"),
]

NOW = "2022-08-03T12:00:00-07:00"
SELLERS = [f"cn{number}" for number in range(200)]
TOKENS = """
import json
from knox.models import AuthToken
from portal.models import User
print(json.dumps({user.username: AuthToken.objects.create(user=user)[1] for user in User.objects.all()}))
"""
QUOTE = {"unit_price": "12.50", "moq": 100, "lead_time_days": 20, "message": "Ours.", "pin": False}

FILES: dict[str, list[dict[str, Any]]] = {
    "categories": [{"code": "bags", "parent": "", "name_en": "Bags"}],
    "sellers": [
        {"member_id": code, "name_en": f"Shop {code}", "membership": "verified",
         "company_type": "manufacturer", "main_category": "bags"}
        for code in SELLERS
    ],
    "members": [{"username": f"mei-{code}", "seller": code, "role": "owner"} for code in SELLERS],
    "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
    "rfqs": [
        {"rfq_id": "R-1", "buyer": "b1", "title": "Crossbody bags", "category": "bags",
         "quantity": "500", "unit": "piece", "posted_at": "2022-08-03T08:00:00-07:00",
         "grade": "standard", "seats": "200"},
    ],
    "grants": [
        {"key": f"{code}-{kind}", "seller": code, "kind": kind, "amount": "1",
         "granted_at": "2022-08-03T00:00:00-07:00", "source": "activity"}
        for code in SELLERS
        for kind in ("quote", "pin")
    ],
}  # fmt: skip


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """A fed portal whose web server answers many at a time."""
    with own_database(tmp_path) as url:
        made = Portal(tmp_path, url, NOW)
        made.environment["WEB_THREADS"] = "8"
        for kind, rows in FILES.items():
            assert made.ingest(kind, rows).endswith("rejected 0")
        with made.serving("--config", "python:portal.gunicorn_conf", "--workers", "3"):
            yield made


def at_once(calls: list[Callable[[], tuple[int, Any, str]]]) -> list[tuple[int, Any]]:
    """Make all calls at the same moment; return status and answer of each, in order."""
    barrier = threading.Barrier(len(calls))
    answers: list[tuple[int, Any]] = [(0, None)] * len(calls)

    def make(position: int) -> None:
        barrier.wait(timeout=60)
        answers[position] = calls[position]()[:2]

    threads = [threading.Thread(target=make, args=(position,)) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_three_pins_succeed_and_the_others_are_told_and_keep_their_right(portal: Portal) -> None:
    tokens = json.loads(portal.run("shell", "--no-imports", "-c", TOKENS).splitlines()[-1])
    people = [tokens[f"mei-{code}"] for code in SELLERS]

    def post(token: str, path: str, body: Any = None) -> Callable[[], tuple[int, Any, str]]:
        return lambda: portal.call("POST", f"/api/v1/rfq/{path}", token, body)

    made = at_once([post(token, "rfqs/R-1/quotes", QUOTE) for token in people])
    assert Counter(status for status, _answer in made) == {201: 200}, made
    quotes = [answer["id"] for _status, answer in made]
    assert len(set(quotes)) == 200

    pinned = at_once(
        [post(token, f"quotes/{quote}/pin") for token, quote in zip(people, quotes, strict=True)]
    )
    told = Counter(answer.get("code") or answer["slot"] for _status, answer in pinned)
    assert told == {1: 1, 2: 1, 3: 1, "pins_taken": 197}
    assert Counter(status for status, _answer in pinned) == {200: 3, 409: 197}

    won = {quote: answer["slot"] for quote, (_, answer) in zip(quotes, pinned, strict=True) if "slot" in answer}  # fmt: skip
    for token, quote in [*zip(people, quotes, strict=True)][::10]:
        balance = portal.call("GET", "/api/v1/rfq/balances", token)[1]
        assert (balance["quote"], balance["pin"]) == (0, 0 if quote in won else 1)

    portal.environment["DJANGO_SUPERUSER_PASSWORD"] = "not-used-here-1"
    portal.run("createsuperuser", "--noinput", "--username", "feed", "--email", "feed@example.com")
    service = portal.run("issue_token", "feed").strip()
    shown = portal.call("GET", "/api/v1/rfq/rfqs/R-1/buyer-list", service)[1]["results"]
    assert [(row["id"], row["slot"]) for row in shown[:3]] == sorted(
        won.items(), key=lambda item: item[1]
    )
    assert [row["slot"] for row in shown[3:]] == [None] * 197
