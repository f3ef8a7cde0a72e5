"""A portal of its own for tests that drive it from outside: real processes, nothing imported from it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import migrated
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
CALL_SECONDS = 120
"""How long a call may wait for its answer: two hundred at once queue, on a busy machine for long."""

FEED = """
import json, pathlib
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
for kind, rows in json.loads(pathlib.Path({path!r}).read_text()).items():
    report = ingest_rows(kind_named(kind), rows)
    assert report.ok, (kind, report.error, report.rejections[:3])
"""


class Portal:
    """A portal of its own: folder, database, clock."""

    def __init__(self, folder: Path, database_url: str, now: str) -> None:
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
            "PORTAL_NOW": now,
            "PYTHONUNBUFFERED": "1",
        }

    @contextmanager
    def serving(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the web server and yield its first process; `options` are Gunicorn's."""
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "portal.wsgi", "-b", f"127.0.0.1:{self.port}", *options],
            env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._await_health()
            yield server
        finally:
            server.terminate()
            server.wait(timeout=20)

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

    def feed(self, files: dict[str, list[dict[str, Any]]]) -> None:
        """Feed rows of many kinds, in order, in one process; none may be rejected."""
        path = self.folder / "feed.json"
        path.write_text(json.dumps(files))
        self.run("shell", "--no-imports", "-v0", "-c", FEED.format(path=str(path)))

    def call(
        self, method: str, path: str, token: str | None = None, body: Any = None, key: str = ""
    ) -> tuple[int, Any, str]:
        """Make an API call, with `key` under an idempotency key; return status, JSON and content type."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Token {token}"} if token else {}),
                **({"Idempotency-Key": key} if key else {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310  our own server
                status, text, kind = answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            status, text, kind = error.code, error.read(), error.headers["Content-Type"]
        return status, json.loads(text) if text else None, kind

    def _await_health(self) -> None:
        for _ in range(200):
            try:
                assert self.call("GET", "/healthz")[0] == 200
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the web server did not answer")


@contextmanager
def own_database(folder: Path, *, empty: bool = False) -> Iterator[str]:
    """A database of the kind this pass runs on, migrated or empty; its address."""
    server = os.environ.get("DATABASE_URL", "")
    url = migrated.empty(folder, server) if empty else migrated.copy(folder, server)
    try:
        yield url
    finally:
        migrated.drop(url)
