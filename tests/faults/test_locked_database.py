"""SQLite's one write lock is held for longer than anybody waits: what people and programs are told (K-1, API-1).

A night's shard holds it while it computes. Reading goes on; what writes waits twenty seconds, here one, and is then
told to come again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.contract.outside import Portal, own_database
from tests.faults.outside_rows import read
from tests.faults.small_shop import FILES, NOW, PASSWORD
from tests.faults.visitor import TOKEN, Visitor

pytestmark = [
    pytest.mark.once,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.rule("API-1"),
]

QUOTES = "/api/v1/rfq/rfqs/R-1/quotes"
QUOTE = {"unit_price": "12.50", "message": "Ours."}
LOGIN = "/accounts/login/"
SIGN_IN = {"login": "mei", "password": PASSWORD}
BUSY = "Too many are at it right now. Try again in a moment."


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with own_database(tmp_path) as url:
        made = Portal(tmp_path, url, NOW)
        made.environment["DJANGO_SETTINGS_MODULE"] = "tests.faults.impatient_settings"
        made.feed(FILES)
        with made.serving("--workers", "1", "--threads", "4"):
            yield made


@contextmanager
def write_lock(portal: Portal) -> Iterator[None]:
    """Hold what a long shard holds."""
    file = portal.environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=20)) as link:
        link.execute("BEGIN IMMEDIATE")
        yield
        link.execute("ROLLBACK")


def test_who_waits_too_long_is_told_to_come_again(portal: Portal) -> None:
    token = portal.run("issue_token", "mei").strip()
    visitor = Visitor(portal.port)
    form = visitor.get(LOGIN)
    typed = {"csrfmiddlewaretoken": TOKEN.findall(form.text)[0], **SIGN_IN}
    url = portal.environment["DATABASE_URL"]

    with write_lock(portal):
        page = visitor.post(LOGIN, typed)
        status, problem, _type = portal.call("POST", QUOTES, token, QUOTE)
        assert Visitor(portal.port).get(LOGIN).status == 200, "reading goes on"

    assert (page.status, page.retry_after) == (503, "5")
    assert f"<h1>{BUSY}</h1>" in page.text
    assert "Nothing you sent was half done." in page.text
    assert (status, problem["code"]) == (503, "busy")
    assert read(url, "SELECT count(*) FROM django_session") == [(0,)]
    assert read(url, "SELECT count(*) FROM rfq_quote") == [(0,)]

    # The control: it was the lock that stopped them, and the form sent again goes through.
    again = visitor.post(LOGIN, typed)
    assert (again.status, LOGIN in again.url) == (200, False)
    assert portal.call("POST", QUOTES, token, QUOTE)[0] == 201
