"""A night that failed waits among the work of staff, and its forms offer only what can be done (NGT-6, UI-7)."""

from __future__ import annotations

import pytest

from tests import factories
from tests.portal.night_world import DAY, Night

pytestmark = pytest.mark.django_db

LIST = "/admin/portal/nightrun/"


@pytest.mark.rule("NGT-6", "UI-7")
def test_a_failed_night_waits_on_the_front_page_and_nothing_is_offered_in_vain(
    night: Night,
) -> None:
    night.add("a")
    night.broken = {"a"}
    failed, client = night.run(), factories.in_group("operator")
    [late] = [one for one in client.get("/admin/").context["queues"] if one["late"]]
    assert (late["label"], late["count"], late["since"]) == ("Nights that failed", 1, DAY)
    assert (
        "Nights that failed" not in factories.in_group("reviewer").get("/admin/").content.decode()
    )
    button = '<input type="submit"'
    stop, retry = (f"{LIST}{failed.pk}/{deed}/" for deed in ("stop", "retry"))
    assert button not in client.get(stop).content.decode().partition('id="content"')[2]
    assert button in client.get(retry).content.decode().partition('id="content"')[2]
    night.broken = set()
    done = night.run()
    assert not [one for one in client.get("/admin/").context["queues"] if one["late"]]
    page = client.get(f"{LIST}{done.pk}/retry/").content.decode().partition('id="content"')[2]
    assert "Nothing has failed." in page
    assert button not in page
    assert LIST in client.get(f"{LIST}start/").content.decode().partition('id="content"')[2]
