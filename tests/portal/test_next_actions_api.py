"""What to do next over the API: the same list as the home page's (UI-2, API-1)."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Member
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope


@pytest.mark.django_db
@pytest.mark.rule("UI-2", "API-1")
def test_the_list_is_the_home_pages(
    owner_api: APIClient, owner: Member, anonymous_api: APIClient
) -> None:
    with seller_scope(owner.seller):
        expected = next_actions_for(owner.seller, owner, platform_time.today())
    answer = owner_api.get("/api/v1/next-actions").json()
    assert expected
    assert [row["title"] for row in answer["results"]] == [str(one.title) for one in expected]
    assert all(row["gain"] or row["loses"] for row in answer["results"])
    assert anonymous_api.get("/api/v1/next-actions").status_code == 401
