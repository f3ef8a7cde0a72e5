"""People of two shops, and of none any more: what is meant for one shop is never done to another (K-7, K-8)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.choices import Role
from portal.models import Member
from portal.scoping import unscoped
from portal.services.members import member_deactivate
from rfq.models import SavedSearch
from tests.isolation.walk import browser

pytestmark = [pytest.mark.django_db, pytest.mark.rule("K-7", "K-8"), pytest.mark.once]


def test_a_form_of_a_shop_one_has_left_is_not_taken_for_another_of_ones_shops(
    owner: Member, stranger: Member
) -> None:
    """Two shops, one is left while a page of it is still open."""
    with unscoped():
        second = Member.everywhere.create(
            user=owner.user, seller=stranger.seller, role=Role.OWNER, is_active=True
        )
    client = browser(owner.user)
    chosen = {"seller": stranger.seller.member_id}
    assert client.post(reverse("portal:switch-seller"), chosen)["Location"] == "/"
    member_deactivate(actor=stranger.user, member=second)
    form = {"name": "Kits", "query": "q=kit"}
    answer = client.post(reverse("rfq:search-save"), form)
    assert (answer.status_code, answer["Location"]) == (302, reverse("portal:home"))
    assert not SavedSearch._base_manager.exists()
    page = client.get("/").content.decode()
    assert "Nothing was done." in page
    assert owner.seller.name_en in page
    # The control: from here on it is the shop that is shown.
    client.post(reverse("rfq:search-save"), form)
    assert SavedSearch._base_manager.get().seller_id == owner.seller_id
