"""An outside program drives a fresh portal through its commands, files and HTTP alone (09-contract).

Real processes: `manage.py` on an empty database, then a web server. Nothing is imported from the
portal, so what passes here is what an integrator can rely on.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
NOW = "2022-07-21T12:00:00-07:00"

FILES: dict[str, list[dict[str, Any]]] = {
    "categories": [
        {"code": "bags", "parent": "", "name_en": "Bags", "name_zh": "箱包"},
        {"code": "handbags", "parent": "bags", "name_en": "Handbags", "name_zh": "手提包"},
    ],
    "attributes": [
        {"category": "handbags", "code": "material", "name_en": "Material", "type": "select",
         "values": "PU|PVC|Satin"},
    ],
    "sellers": [
        {"member_id": "cn1", "name_en": "Bag Works", "membership": "verified",
         "company_type": "manufacturer", "main_category": "handbags"},
        {"member_id": "cn2", "name_en": "Other Bags", "membership": "basic",
         "company_type": "trader", "main_category": "handbags"},
    ],
    "members": [
        {"username": "mei", "seller": "cn1", "role": "owner", "password": "a-long-password"},
        {"username": "tom", "seller": "cn2", "role": "owner", "password": "a-long-password"},
    ],
    "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
    "themes": [
        {"theme_id": "1", "title_en": "Crossbody", "title_zh": "斜挎包趋势新品",
         "category": "bags", "keywords": "phone bag|斜挎", "keyword_mode": "any",
         "attributes": '{"material": ["PVC", "Satin"]}', "countries": "US|JP",
         "price_min": "12", "price_max": "23", "starts_on": "2022-07-01"},
    ],
    "products": [
        {"product_id": "p1", "seller": "cn1", "category": "handbags", "title": "女士斜挎包 PVC",
         "kind": "rts", "status": "live", "price_min": "12.00", "price_max": "23.00",
         "attributes": '{"material": "PVC"}', "target_countries": "JP", "changed_at": NOW[:8] + "01T00:00:00Z"},
        {"product_id": "p2", "seller": "cn2", "category": "handbags", "title": "Phones bag",
         "kind": "rts", "status": "live", "price_min": "12.00", "price_max": "23.00",
         "attributes": '{"material": "PVC"}', "target_countries": "US", "changed_at": NOW[:8] + "01T00:00:00Z"},
    ],
    "orders": [
        {"order_id": "o1", "seller": "cn1", "buyer": "b1", "channel": "trade_assurance", "kind": "rts",
         "amount": "499.99", "created_at": "2022-07-01T00:00:00Z"},
    ],
    "logins": [{"seller": "cn1", "at": "2022-07-01T00:00:00Z"}],
    "inquiries": [{"inquiry_id": "i1", "seller": "cn1", "buyer": "b1", "at": "2022-07-01T00:00:00Z"}],
    "metrics": [{"seller": "cn1", "day": "2022-07-01", "metric": "ext.score", "value": "7"}],
}  # fmt: skip


class Portal:
    """A portal of its own: folder, database, clock."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if name in ("PATH", "HOME", "LANG")
            },
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": database_url,
            "PORTAL_NOW": NOW,
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a management command; return its standard output."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment, capture_output=True, text=True, cwd=self.folder, check=False,
        )  # fmt: skip
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def ingest(
        self, kind: str, rows: list[dict[str, Any]], *options: str, exit_code: int = 0
    ) -> str:
        """Write rows to a CSV file and ingest it."""
        path = self.folder / f"{kind}.csv"
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return self.run("ingest", kind, str(path), *options, exit_code=exit_code).strip()

    def call(
        self, method: str, path: str, token: str | None = None, body: Any = None
    ) -> tuple[int, Any, str]:
        """Make an API call; return status, JSON and content type."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Token {token}"} if token else {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own server
                status, text, kind = answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            status, text, kind = error.code, error.read(), error.headers["Content-Type"]
        return status, json.loads(text) if text else None, kind


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A migrated, fed portal with its web server running, on a database of its own."""
    folder = tmp_path_factory.mktemp("portal")
    with _own_database(folder) as url:
        yield from _running(Portal(folder, url))


@contextmanager
def _own_database(folder: Path) -> Iterator[str]:
    """An empty database of the kind this pass runs on; its address."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield f"sqlite:///{folder / 'portal.sqlite3'}"
        return
    name = f"outside_{uuid.uuid4().hex}"
    admin = server.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(admin, autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}")
        try:
            yield server.rsplit("/", 1)[0] + f"/{name}"
        finally:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _running(portal: Portal) -> Iterator[Portal]:
    portal.run("migrate")
    for kind, rows in FILES.items():
        assert portal.ingest(kind, rows) == (
            f"{kind}: created {len(rows)}, updated 0, unchanged 0, rejected 0"
        )
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "portal.wsgi", "-b", f"127.0.0.1:{portal.port}"],
        env=portal.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await_health(portal)
        yield portal
    finally:
        server.terminate()
        server.wait(timeout=20)


def _await_health(portal: Portal) -> None:
    for _ in range(200):
        try:
            assert portal.call("GET", "/healthz")[0] == 200
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the web server did not answer")


@pytest.mark.both_databases
@pytest.mark.rule("K-15")
def test_sending_the_same_rows_again_changes_nothing(portal: Portal) -> None:
    for kind, rows in FILES.items():
        assert portal.ingest(kind, rows) == (
            f"{kind}: created 0, updated 0, unchanged {len(rows)}, rejected 0"
        )


@pytest.mark.both_databases
@pytest.mark.rule("K-15")
def test_a_bad_row_is_refused_by_name_and_the_others_stand(portal: Portal) -> None:
    good, bad = {"buyer_id": "b2", "country": "DE", "tier": "L2"}, {"buyer_id": "b3", "country": "DE", "tier": "L9"}  # fmt: skip
    assert portal.ingest("buyers", [good, bad], "--strict", exit_code=1).endswith("rejected 1")
    assert portal.ingest("buyers", [good, bad], exit_code=1) == (
        "buyers: created 1, updated 0, unchanged 0, rejected 1"
    )


@pytest.mark.both_databases
@pytest.mark.rule("K-8", "K-15", "LST-4", "LST-8", "NGT-1", "API-1")
def test_an_outside_program_feeds_computes_and_reads(portal: Portal) -> None:
    mei, tom = (portal.run("issue_token", name).strip() for name in ("mei", "tom"))
    status, me, _ = portal.call("GET", "/api/v1/me", mei)
    assert (status, me["member"], me["seller"], me["role"]) == (200, "mei", "cn1", "owner")

    portal.run("nightly", "--as-of", "2022-07-20", exit_code=1)  # not over for two days yet
    portal.run("nightly", "--as-of", "2022-07-19")
    first = portal.run("standings", "--as-of", "2022-07-19")
    portal.run("nightly", "--as-of", "2022-07-19")
    assert portal.run("standings", "--as-of", "2022-07-19") == first
    assert first.splitlines() == sorted(first.splitlines())

    status, matches, _ = portal.call("GET", "/api/v1/listings/matches?theme_id=1", mei)
    assert status == 200
    assert matches["as_of"] == "2022-07-19"
    assert matches["results"] == [{"theme_id": "1", "product_id": "p1", "since": "2022-07-19"}]
    assert (matches["total"], matches["national"]) == (1, 1)
    # "phone bag" is a phrase of whole words: "Phones bag" does not hold it.
    assert portal.call("GET", "/api/v1/listings/matches", tom)[1]["total"] == 0

    status, check, _ = portal.call(
        "POST", "/api/v1/listings/check", tom, {"theme_id": "1", "product_id": "p2"}
    )
    assert status == 200
    assert {row["key"]: row["met"] for row in check["requirements"]}["keywords"] is False

    for path in ("/api/v1/listings/products/p1", "/api/v1/listings/products/none"):
        status, problem, kind = portal.call("GET", path, tom)
        assert (status, problem["code"], kind) == (404, "not_found", "application/problem+json")


@pytest.mark.both_databases
@pytest.mark.rule("K-15", "API-1")
def test_the_ingest_call_needs_a_service_token_and_reports_rows(portal: Portal) -> None:
    mei = portal.run("issue_token", "mei").strip()
    rows = {"rows": [{"buyer_id": "b9", "country": "FR", "tier": "L0"}, {"buyer_id": "", "country": "FR", "tier": "L0"}]}  # fmt: skip
    assert portal.call("POST", "/api/v1/ingest/buyers", None, rows)[0] == 401
    assert portal.call("POST", "/api/v1/ingest/buyers", mei, rows)[0] == 403
    portal.environment["DJANGO_SUPERUSER_PASSWORD"] = "not-used-here-1"
    portal.run("createsuperuser", "--noinput", "--username", "feed", "--email", "feed@example.com")
    service = portal.run("issue_token", "feed").strip()
    status, report, _ = portal.call("POST", "/api/v1/ingest/buyers", service, rows)
    assert status == 200
    assert (report["created"], report["updated"], report["unchanged"]) == (1, 0, 0)
    assert [(row["row"], row["field"]) for row in report["rejected"]] == [(2, "buyer_id")]
    assert portal.call("POST", "/api/v1/ingest/nonsense", service, rows)[0] == 404
