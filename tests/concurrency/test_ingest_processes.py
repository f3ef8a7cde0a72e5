"""Two processes that feed the same new rows at once, on a SQLite file (K-15)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests import migrated


@pytest.mark.once
@pytest.mark.processes
@pytest.mark.long
@pytest.mark.rule("K-15")
def test_two_processes_with_the_same_new_ids_on_sqlite(tmp_path: Path) -> None:
    """Writers wait for each other: every id is created once, nobody fails."""
    environment = {
        "PATH": "",
        "VAR_DIR": str(tmp_path / "var"),
        "DATABASE_URL": migrated.copy(tmp_path),
    }
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    path = tmp_path / "buyers.csv"
    rows = "".join(f"B{n},US,L1\n" for n in range(20_000))
    path.write_text("buyer_id,country,tier\n" + rows)
    running = [
        subprocess.Popen(
            [*manage, "ingest", "buyers", str(path)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    assert [err for _out, err in answers] == ["", ""]
    created = [int(out.split("created ")[1].split(",")[0]) for out, _err in answers]
    unchanged = [int(out.split("unchanged ")[1].split(",")[0]) for out, _err in answers]
    assert sum(created) == sum(unchanged) == 20_000
