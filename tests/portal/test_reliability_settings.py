"""Settings of databases, workers and the broker that were measured, asserted where they take effect (NGT-3).

`docs/reliability.md` says what went wrong without each.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from kombu.transport.redis import Channel

from portal.celery import app
from portal.nightly.engine import allow_long_work
from portal.supervisor import embedded_broker
from tests import migrated

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600


# --- Celery -------------------------------------------------------------------------------------


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("task_time_limit", 900),
        ("task_ignore_result", True),
        ("result_backend", None),
        ("timezone", "UTC"),
        ("broker_connection_retry_on_startup", True),
    ],
)
def test_workers_keep_what_they_have_not_finished(name: str, value: Any) -> None:
    assert app.conf[name] == value


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("visibility_timeout", HOUR),
        ("unacked_restore_interval", 10),
        ("unacked_restore_throttle", 1),
    ],
)
def test_the_broker_gives_back_what_a_dead_worker_held(name: str, value: int) -> None:
    assert app.conf.broker_transport_options[name] == value
    assert name in Channel.from_transport_options, "a name the transport does not know is ignored"


@pytest.mark.rule("NGT-3")
def test_no_task_outlives_its_message() -> None:
    """A task that lasts longer than its message stays hidden is given to a second worker."""
    hidden = app.conf.broker_transport_options["visibility_timeout"]
    assert app.conf.task_time_limit * 2 <= hidden
    minutes = int(re.fullmatch(r"(\d+)min", settings.NIGHTLY_STATEMENT_TIMEOUT)[1])  # type: ignore[index]
    assert timedelta(minutes=minutes).total_seconds() < app.conf.task_time_limit


@pytest.mark.rule("NGT-3")
def test_no_task_is_sent_for_later() -> None:
    """A task with an ETA waits in a worker's memory; what is to happen later is a row that beat finds."""
    apps = [ROOT / name for name in ("portal", "listings", "rfq", "compliance", "growth")]
    sent = re.compile(r"apply_async\([^)]*\b(eta|countdown)\b|\b(countdown|eta)=")
    files = [file for folder in apps for file in folder.rglob("*.py")]
    assert [str(file) for file in files if sent.search(file.read_text())] == []


@pytest.mark.parametrize("package", ["celery", "kombu"])
def test_workers_come_back_after_a_lost_broker(package: str) -> None:
    """Before 5.7.0 a worker could stop consuming after a reconnection, without a word."""
    assert tuple(int(part) for part in version(package).split(".")[:2]) >= (5, 7)


@pytest.mark.rule("NGT-1")
def test_beat_names_no_pacific_hour() -> None:
    """It asks, every quarter of an hour, what is missing: no night is skipped or doubled by a clock."""
    nights = app.conf.beat_schedule["schedule-nights"]["schedule"]
    assert nights.minute == {0, 15, 30, 45}
    assert nights.hour == set(range(24))
    for name, entry in app.conf.beat_schedule.items():
        assert getattr(entry["schedule"], "hour", set(range(24))) == set(range(24)), name


def test_the_embedded_broker_evicts_nothing_and_logs_every_write(tmp_path: Path) -> None:
    command = embedded_broker(tmp_path)[0].command
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


# --- Databases ----------------------------------------------------------------------------------


SQLITE = """
import json
from django.db import connection, transaction
with connection.cursor() as cursor:
    found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
             for name in ("journal_mode", "busy_timeout", "synchronous")}
found["mode"] = connection.transaction_mode
found["atomic_requests"] = connection.settings_dict["ATOMIC_REQUESTS"]
with transaction.atomic():
    # Nothing was written: a deferred transaction would let the other one write.
    import sqlite3
    other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)
    try:
        other.execute("BEGIN IMMEDIATE")
        found["first come"] = "both"
    except sqlite3.OperationalError as error:
        found["first come"] = str(error)
print(json.dumps(found))
"""


def asked(code: str, url: str, folder: Path) -> dict[str, Any]:
    """Return what a process with the product's own settings finds."""
    import json

    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-v0", "-c", code],
        cwd=ROOT,
        env={**kept, "DATABASE_URL": url, "VAR_DIR": str(folder / "var")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.once
@pytest.mark.processes
def test_sqlite_takes_the_write_lock_first_and_waits_for_it(tmp_path: Path) -> None:
    assert sqlite3.sqlite_version_info >= (3, 40)
    assert asked(SQLITE, migrated.copy(tmp_path), tmp_path) == {
        "journal_mode": "wal",
        "busy_timeout": 20_000,
        "synchronous": 1,  # NORMAL: in WAL mode a crash of the machine loses no consistency
        "mode": "IMMEDIATE",
        "atomic_requests": False,
        "first come": "database is locked",
    }


def shown(*names: str) -> dict[str, str]:
    """Return settings of the open connection."""
    with connection.cursor() as cursor:
        found = {}
        for name in names:
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
        return found


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgres_gives_up_in_time() -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    for_pages = {
        "lock_timeout": "3s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    }
    assert shown(*names) == for_pages
    assert shown("transaction_isolation") == {"transaction_isolation": "read committed"}
    assert connection.settings_dict["CONN_HEALTH_CHECKS"] is True
    assert connection.settings_dict["ATOMIC_REQUESTS"] is False
    with transaction.atomic():
        allow_long_work()
        assert shown(*names, "client_connection_check_interval") == {
            "lock_timeout": "1min",
            "statement_timeout": "14min",
            "idle_in_transaction_session_timeout": "14min",
            "client_connection_check_interval": "5s",
        }
        transaction.set_rollback(True)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_a_night_may_ends_with_its_transaction() -> None:
    with transaction.atomic():
        allow_long_work()
    assert shown("lock_timeout", "statement_timeout") == {
        "lock_timeout": "3s",
        "statement_timeout": "30s",
    }
