"""Every connection to PostgreSQL is ended, again and again, while a thousand quotes are sent (RFQ-7, API-1).

`LOST_WRITES` in the environment changes how many.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.contract.outside import Portal, own_database
from tests.faults import size
from tests.faults.outside_rows import read

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.rule("RFQ-7", "API-1"),
]

WRITES = size("LOST_WRITES", 1_000)
SHOPS = 8
CUTS = 8
BETWEEN = 1.0
"""Seconds from one cut to the next."""
CALM = 10.0
"""Seconds after the last cut when no error is allowed any more."""
NOW = "2022-08-03T12:00:00-07:00"
TOKENS = """
import json
from knox.models import AuthToken
from portal.models import User
print(json.dumps({user.username: AuthToken.objects.create(user=user)[1] for user in User.objects.all()}))
"""


def files(rfqs: int) -> dict[str, list[dict[str, Any]]]:
    """As many RFQs, each with a seat for every shop, and each shop with a right for every RFQ."""
    shops = [f"cn{number}" for number in range(SHOPS)]
    return {
        "categories": [{"code": "bags", "parent": "", "name_en": "Bags"}],
        "sellers": [
            {"member_id": code, "name_en": f"Shop {code}", "membership": "verified",
             "company_type": "manufacturer", "main_category": "bags"}
            for code in shops
        ],
        "members": [{"username": f"mei-{code}", "seller": code, "role": "owner"} for code in shops],
        "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
        "rfqs": [
            {"rfq_id": f"R-{number}", "buyer": "b1", "title": "Crossbody bags", "category": "bags",
             "quantity": "500", "unit": "piece", "posted_at": "2022-08-03T08:00:00-07:00",
             "grade": "standard", "seats": str(SHOPS)}
            for number in range(rfqs)
        ],
        "grants": [
            {"key": code, "seller": code, "kind": "quote", "amount": str(rfqs),
             "granted_at": "2022-08-03T00:00:00-07:00", "source": "activity"}
            for code in shops
        ],
    }  # fmt: skip


class Storm:
    """Shops that send their quotes while connections are cut."""

    def __init__(self, portal: Portal, writes: int) -> None:
        self.portal = portal
        self.rfqs = writes // SHOPS
        self.done = 0
        self.errors: list[tuple[float, str]] = []
        self.other: Counter[Any] = Counter()
        self.last_cut = 0.0

    def prepare(self) -> None:
        self.portal.feed(files(self.rfqs))
        text = self.portal.run("shell", "--no-imports", "-v0", "-c", TOKENS)
        self.tokens = list(json.loads(text.splitlines()[-1]).values())
        assert len(self.tokens) == SHOPS

    def rage(self, *, again: bool) -> int:
        """Send everything, cut meanwhile; return how many connections were ended."""
        senders = [
            threading.Thread(target=self.send, args=(number, token, again))
            for number, token in enumerate(self.tokens)
        ]
        for sender in senders:
            sender.start()
        cut = 0
        for _ in range(CUTS):
            time.sleep(BETWEEN)
            if self.done < self.rfqs * SHOPS:
                cut += self.cut()
        for sender in senders:
            sender.join()
        return cut

    def cut(self) -> int:
        url = self.portal.environment["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url, autocommit=True) as link:
            ended = link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).rowcount
        self.last_cut = time.monotonic()
        return ended

    def send(self, shop: int, token: str, again: bool) -> None:
        """Quote every RFQ; with `again` each until it is taken, always under its own key."""
        link = http.client.HTTPConnection("127.0.0.1", self.portal.port, timeout=60)
        for number in range(self.rfqs):
            deadline = time.monotonic() + 60
            while not self.sent(link, f"R-{number}", f"{shop}-{number}", token) and again:
                assert time.monotonic() < deadline, "errors never stop"
                time.sleep(0.05)
            self.done += 1

    def sent(self, link: http.client.HTTPConnection, rfq: str, key: str, token: str) -> bool:
        body = json.dumps({"unit_price": "12.50", "message": "Ours.", "pin": False})
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Token {token}",
            "Idempotency-Key": key,
        }
        link.request("POST", f"/api/v1/rfq/rfqs/{rfq}/quotes", body, headers)
        answer = link.getresponse()
        text = answer.read()
        if answer.status == 201:
            return True
        code = str(json.loads(text).get("code"))
        if answer.status >= 500:
            self.errors.append((time.monotonic(), f"{answer.status} {code}"))
            return False
        self.other[code] += 1
        return False


@contextmanager
def storm(folder: Path, writes: int, **environment: str) -> Iterator[Storm]:
    with own_database(folder) as url:
        portal = Portal(folder, url, NOW)
        portal.environment |= {"WEB_THREADS": "4", "THROTTLE_USER": "1000000/min"}
        made = Storm(portal, writes)
        made.prepare()
        portal.environment |= environment
        with portal.serving("--config", "python:portal.gunicorn_conf", "--workers", "2"):
            yield made


HALF_DONE = {
    "quotes without the use of a right": """
        SELECT count(*) FROM rfq_quote q WHERE NOT EXISTS
        (SELECT 1 FROM rfq_rightentry e WHERE e.quote_id = q.id AND e.delta = -1)""",
    "uses of rights without a quote": """
        SELECT count(*) FROM rfq_rightentry e WHERE e.delta = -1 AND NOT EXISTS
        (SELECT 1 FROM rfq_quote q WHERE q.id = e.quote_id)""",
    "lots that are not the sum of their rows": """
        SELECT count(*) FROM rfq_rightlot l WHERE l."left" <>
        (SELECT sum(e.delta) FROM rfq_rightentry e WHERE e.lot_id = l.id)""",
    "RFQs whose seats are not their quotes": """
        SELECT count(*) FROM rfq_rfq r WHERE r.quoted <>
        (SELECT count(*) FROM rfq_quote q WHERE q.rfq_id = r.id)""",
    "quotes without an audit row": """
        SELECT count(*) FROM rfq_quote q WHERE NOT EXISTS
        (SELECT 1 FROM auditlog_logentry a WHERE a.object_pk = q.id::text
         AND a.additional_data->>'action' = 'quote.submit')""",
    "quotes without an answer for their key": """
        SELECT abs((SELECT count(*) FROM rfq_quote)
                   - (SELECT count(*) FROM portal_idempotentanswer))""",
}


def half_done(made: Storm) -> dict[str, int]:
    """What is there by half, by name."""
    url = made.portal.environment["DATABASE_URL"]
    found = {name: read(url, statement)[0][0] for name, statement in HALF_DONE.items()}
    return {name: count for name, count in found.items() if count}


def test_ended_connections_leave_no_half_quote_and_errors_stop(tmp_path: Path) -> None:
    with storm(tmp_path, WRITES) as made:
        cut = made.rage(again=True)
        assert cut > CUTS
        assert made.errors, "nobody was cut off in the middle"
        # A lost answer is asked for again with its key: no quote is made twice, none is refused.
        assert not made.other
        assert {text for _at, text in made.errors} == {"503 unavailable"}
        url = made.portal.environment["DATABASE_URL"]
        quotes, shops = read(url, "SELECT count(*), count(DISTINCT seller_id) FROM rfq_quote")[0]
        assert (quotes, shops) == (made.rfqs * SHOPS, SHOPS)
        assert half_done(made) == {}
        late = max(at for at, _text in made.errors) - made.last_cut
        print(
            f"{quotes} quotes, {cut} connections ended, {len(made.errors)} errors, last {late:+.2f} s"
        )
        assert late < CALM


def test_without_transactions_quotes_are_left_by_half(tmp_path: Path) -> None:
    """The control: the same storm on a portal whose statements stand alone."""
    unguarded = {"DJANGO_SETTINGS_MODULE": "tests.faults.unguarded_settings"}
    with storm(tmp_path, 320, **unguarded) as made:
        made.rage(again=False)
        assert made.errors
        assert half_done(made)
