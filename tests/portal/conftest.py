"""Fixtures of the kernel's tests."""

from __future__ import annotations

import pytest

from portal.nightly.registry import registry
from tests.conftest import Clock
from tests.portal.night_world import Night


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch, clock: Clock, db: None) -> Night:
    night = Night()
    monkeypatch.setattr(registry, "jobs", night.jobs)
    return night
