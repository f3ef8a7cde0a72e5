"""Pages read from a replica and nobody misses what they wrote: real servers, real streaming (NGT-8)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests import migrated, servers

pytestmark = [pytest.mark.postgres, pytest.mark.processes]


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A migrated database and its replica, as a process is told of them."""
    primary = migrated.copy(tmp_path, os.environ["DATABASE_URL"])
    replica = servers.start_replica(primary)
    yield {"DATABASE_URL": primary, "DATABASE_REPLICA_URL": replica.url}
    replica.stop()
    migrated.drop(primary)


@pytest.mark.rule("NGT-8")
def test_pages_read_from_the_replica_and_who_has_written_does_not(
    databases: dict[str, str], tmp_path: Path
) -> None:
    environment = {
        **os.environ, **databases, "VAR_DIR": str(tmp_path), "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "tests.replica.settings", "PORTAL_NOW": "2022-08-03T12:00:00-07:00",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.replica.visit"],
        cwd=settings.BASE_DIR, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout.decode().splitlines()[-1])
    assert set(found["statuses"]) == {200}
    assert found["primary"] == 0
    assert found["replica"] > 5 * len(found["statuses"])
    assert found["seen"] == {
        "before": True,
        "who wrote": False,
        "without the mark": True,
        "somebody else": True,
        "somebody else, later": False,
    }
