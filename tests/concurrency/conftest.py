"""What the race tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.concurrency.forks import Processes


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    """Runs functions in real processes on the test's database."""
    return Processes(tmp_path)
