"""What is kept of programmes per process is never older than the row (UI-2, GRO-17)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from growth.models import Programme
from growth.services.programmes import normal
from portal.models import Member
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope
from tests.growth.programme_world import programme_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("GRO-17", "UI-2")]
DAY = date(2022, 8, 3)
SUMMARY = {"summary": {"en": "Summary", "zh": "简介"}}


def offered(owner: Member) -> bool:
    with seller_scope(owner.seller):
        found = next_actions_for(owner.seller, owner, DAY)
    return any("made_up" in one.url for one in found)


def test_an_edit_counts_at_once(clock: Any, owner: Member) -> None:
    def window(last: str) -> dict[str, Any]:
        return normal({**SUMMARY, "windows": [{"opens_on": "2022-08-01", "closes_on": last}]})

    programme = programme_create(windows=[{"opens_on": "2022-08-01", "closes_on": "2022-08-05"}])
    rows = Programme.objects.filter(pk=programme.pk)
    assert offered(owner)
    rows.update(content=window("2022-08-20"))
    assert not offered(owner), "it closes later than in a week"
    rows.update(content=window("2022-08-05"))
    assert offered(owner)
    rows.update(published=False)
    assert not offered(owner)
