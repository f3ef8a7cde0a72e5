"""The demo world: built through the same doors as upstream, once, also after an interruption."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.demo import build
from portal.demo.guard import refuse_without_demo_clock
from portal.models import DemoClock, IngestBatch, NightRun, Seller


@pytest.mark.django_db
@pytest.mark.rule("CMD-1")
def test_the_demo_is_wanted_in_an_empty_database_only(shop: Seller) -> None:
    assert not build.demo_is_wanted()
    shop.delete()
    assert build.demo_is_wanted()


@pytest.mark.django_db
@pytest.mark.rule("CMD-1")
def test_an_interrupted_build_is_taken_up_again(shop: Seller) -> None:
    IngestBatch.objects.create(kind="sellers", source=build.SOURCE)
    assert build.demo_is_wanted()
    DemoClock.objects.create()
    assert not build.demo_is_wanted()


@pytest.mark.django_db
@pytest.mark.rule("K-5")
@pytest.mark.parametrize(
    "command",
    [
        ("nightly", "--as-of", "2022-07-19"),
        ("ingest", "logins", "logins.csv"),
        ("review", "1", "--approve", "--by", "reviewer"),
        ("purge_products",),
        ("purge_gate_blocks",),
    ],
    ids=lambda command: command[0],
)
def test_a_command_that_would_spoil_the_demo_by_the_real_clock_is_refused(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORTAL_NOW", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("logins.csv").write_text("seller,at\n")
    DemoClock.objects.create(shift=timedelta(days=-1400))
    with pytest.raises(CommandError, match="Set PORTAL_DEMO=1"):
        call_command(*command)
    assert not NightRun.objects.exists()
    assert not IngestBatch.objects.exists()


@pytest.mark.django_db
@pytest.mark.rule("K-5")
def test_by_its_own_clock_or_none_the_database_is_served(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORTAL_NOW", raising=False)
    refuse_without_demo_clock()  # no demo
    clock = DemoClock.objects.create()
    refuse_without_demo_clock()  # a demo set back to real time
    clock.shift = timedelta(days=-1400)
    clock.save()
    with pytest.raises(CommandError):
        refuse_without_demo_clock()
    settings.DEMO = True
    refuse_without_demo_clock()
    settings.DEMO = False
    monkeypatch.setenv("PORTAL_NOW", "2022-07-21T12:00:00-07:00")
    refuse_without_demo_clock()
