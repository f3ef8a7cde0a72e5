"""Many at once over HTTP, on a real web server: two hundred sellers who quote one RFQ and pin, and one request that
comes fifty times (RFQ-11, API-1).
"""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pypdf import PdfWriter

from tests.contract.outside import Portal, own_database
from tests.faults.visitor import Visitor

pytestmark = [
    pytest.mark.long,
    pytest.mark.processes,
    pytest.mark.both_databases,
]

NOW = "2022-08-03T12:00:00-07:00"
SELLERS = [f"cn{number}" for number in range(200)]
HASTY = "hasty"
"""A shop whose program sends everything fifty times."""
REPEATED = 50
TOKENS = """
import json
from knox.models import AuthToken
from portal.models import User
print(json.dumps({user.username: AuthToken.objects.create(user=user)[1] for user in User.objects.all()}))
"""
CERTIFICATE = {
    "type": "epr", "entity_name": "Hasty Ltd", "country": "DE", "category": "packaging",
    "number": "DE2755553072093", "company_name": "Hasty Ltd", "issued_on": "2022-05-01",
    "own": "true", "declaration": "1",
}  # fmt: skip
QUOTE = {"unit_price": "12.50", "moq": 100, "lead_time_days": 20, "message": "Ours.", "pin": False}

FILES: dict[str, list[dict[str, Any]]] = {
    "categories": [{"code": "bags", "parent": "", "name_en": "Bags"}],
    "sellers": [
        {"member_id": code, "name_en": f"Shop {code}", "membership": "verified",
         "company_type": "manufacturer", "main_category": "bags"}
        for code in (*SELLERS, HASTY)
    ],
    "members": [
        {"username": f"mei-{code}", "seller": code, "role": "owner"} for code in (*SELLERS, HASTY)
    ],
    "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
    "rfqs": [
        {"rfq_id": rfq, "buyer": "b1", "title": "Crossbody bags", "category": "bags",
         "quantity": "500", "unit": "piece", "posted_at": "2022-08-03T08:00:00-07:00",
         "grade": "standard", "seats": "200"}
        for rfq in ("R-1", "R-2")
    ],
    "grants": [
        {"key": f"{code}-{kind}", "seller": code, "kind": kind, "amount": "1",
         "granted_at": "2022-08-03T00:00:00-07:00", "source": "activity"}
        for code in SELLERS
        for kind in ("quote", "pin")
    ] + [
        {"key": HASTY, "seller": HASTY, "kind": "quote", "amount": str(REPEATED),
         "granted_at": "2022-08-03T00:00:00-07:00", "source": "activity"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A fed portal whose web server answers many at a time."""
    folder = tmp_path_factory.mktemp("many")
    with own_database(folder) as url:
        made = Portal(folder, url, NOW)
        made.environment["WEB_THREADS"] = "8"
        made.feed(FILES)
        with made.serving("--config", "python:portal.gunicorn_conf", "--workers", "3"):
            yield made


@pytest.fixture(scope="module")
def tokens(portal: Portal) -> dict[str, str]:
    """Tokens of the people, by their user names."""
    found = portal.run("shell", "--no-imports", "-c", TOKENS).splitlines()[-1]
    return dict(json.loads(found))


def at_once(calls: Sequence[Callable[[], tuple[Any, ...]]]) -> list[tuple[int, Any]]:
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


@pytest.mark.rule("RFQ-7", "RFQ-11")
def test_three_pins_succeed_and_the_others_are_told_and_keep_their_right(
    portal: Portal, tokens: dict[str, str]
) -> None:
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


# --- One request, many times --------------------------------------------------------------------


def scan() -> SimpleUploadedFile:
    written, writer = io.BytesIO(), PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(written)
    return SimpleUploadedFile("scan.pdf", written.getvalue(), "application/pdf")


def repeated(post: Callable[[], tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Send one request fifty times at the same moment; nothing comes back but answers and a documented 409."""
    answers = at_once([post] * REPEATED)
    for status, answer in answers:
        assert (status, answer.get("code", "")) in ((201, ""), (409, "idempotency_key_in_use"))
    return answers


@pytest.mark.rule("API-1", "RFQ-7")
def test_fifty_identical_quotes_under_one_key_use_one_right(
    portal: Portal, tokens: dict[str, str]
) -> None:
    """Without a key all but one would hear that the shop has quoted already; with one all have the same answer."""
    token = tokens[f"mei-{HASTY}"]
    path = "/api/v1/rfq/rfqs/R-2/quotes"
    answers = repeated(lambda: portal.call("POST", path, token, QUOTE, "one-quote")[:2])
    made = [answer for status, answer in answers if status == 201]
    assert made
    assert made == [made[0]] * len(made)
    assert portal.call("GET", "/api/v1/rfq/balances", token)[1]["quote"] == REPEATED - 1
    listed = portal.call("GET", "/api/v1/rfq/quotes", token)[1]["results"]
    assert [quote["id"] for quote in listed] == [made[0]["id"]]


@pytest.mark.rule("API-1", "EPR-4")
@pytest.mark.parametrize("key", ["one-certificate", ""], ids=["one key", "control: no key"])
def test_fifty_identical_uploads_under_one_key_are_one(
    portal: Portal, tokens: dict[str, str], key: str
) -> None:
    """With its control: nothing but the key stops a certificate from being saved again."""
    token = tokens[f"mei-{HASTY}"]
    media = portal.folder / "var" / "media" / "private"

    def kept() -> tuple[set[int], int]:
        path = "/api/v1/compliance/certificates?page_size=500"
        rows = portal.call("GET", path, token)[1]["results"]
        return {row["id"] for row in rows}, sum(file.is_file() for file in media.rglob("*"))

    def post() -> tuple[int, Any]:
        sent = {**CERTIFICATE, "files": scan()}
        page = Visitor(portal.port).post("/api/v1/compliance/certificates", sent, token, key)
        return page.status, json.loads(page.text)

    before, files = kept()
    told = {answer["id"] for status, answer in repeated(post) if status == 201}
    after, files_now = kept()
    assert after - before == told
    assert len(told) == files_now - files == (1 if key else REPEATED)
