"""Orders, inquiries, numbers and rules as pages (K-11, K-13, K-16, UI-3)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from rest_framework.test import APIClient

from portal.choices import BuyerTier
from portal.models import (
    Inquiry,
    MetricValue,
    Seller,
    SellerFlag,
)
from portal.scoping import unscoped
from portal.views.rulebooks import outline
from tests.conftest import Clock
from tests.portal.page_rows import (
    AS_OF,
    NOW,
    TODAY,
    buyer_create,
    night_publish,
    order_create,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """Every test happens at noon of 2022-08-03 (Pacific)."""


# --- Facts and numbers --------------------------------------------------------------------------


@pytest.mark.rule("K-8", "K-13")
def test_orders_show_the_own_shop_and_nothing_that_has_not_happened(
    owner_client: Client, shop: Seller, other_shop: Seller
) -> None:
    with unscoped():
        buyer = buyer_create(1)
        order_create(shop, buyer, "mine")
        order_create(shop, buyer, "not-yet", created_at=NOW + timedelta(seconds=1))
        order_create(other_shop, buyer, "theirs")
    page = owner_client.get(reverse("portal:orders")).context["page_obj"]
    assert [order.order_id for order in page] == ["mine"]


@pytest.mark.rule("K-13")
@pytest.mark.parametrize(
    ("dates", "state"),
    [
        ({}, "unpaid"),
        ({"paid_at": NOW + timedelta(seconds=1)}, "unpaid"),
        ({"paid_at": NOW}, "to_ship"),
        ({"paid_at": NOW, "ship_by": TODAY}, "to_ship"),
        ({"paid_at": NOW, "ship_by": TODAY - timedelta(days=1)}, "late"),
        ({"paid_at": NOW, "dispatched_at": NOW}, "shipped"),
        ({"paid_at": NOW, "dispatched_at": NOW, "delivered_at": NOW}, "delivered"),
    ],
)
def test_an_orders_state_and_the_filter_agree(
    dates: dict[str, Any], state: str, owner_client: Client, shop: Seller
) -> None:
    with unscoped():
        order_create(shop, buyer_create(1), "o1", **dates)
    shown = owner_client.get(reverse("portal:orders")).context["page_obj"][0].state
    assert shown == state
    for asked in ("unpaid", "to_ship", "late", "shipped", "delivered"):
        page = owner_client.get(reverse("portal:orders"), {"state": asked}).context["page_obj"]
        assert len(page) == (asked == state), asked


@pytest.mark.rule("K-11")
@pytest.mark.parametrize(
    ("tier", "club", "badge"),
    [
        (BuyerTier.L0, True, ""),
        (BuyerTier.L1, False, "L1+"),
        (BuyerTier.L3, False, "L1+"),
        (BuyerTier.L2, True, "L1+"),
        (BuyerTier.L3, True, "L3"),
    ],
)
def test_a_buyers_badge_is_all_that_shows_of_the_tier(
    tier: str, club: bool, badge: str, owner_client: Client, shop: Seller
) -> None:
    Seller.objects.filter(pk=shop.pk).update(assessed_star=1)
    if club:
        SellerFlag.objects.create(seller=shop, code="million_dollar_club", since=TODAY)
    with unscoped():
        buyer = buyer_create(1, tier)
        order_create(shop, buyer, "o1")
        Inquiry.objects.create(seller=shop, buyer=buyer, inquiry_id="i1", at=NOW)
    for name in ("portal:orders", "portal:inquiries"):
        text = owner_client.get(reverse(name)).content.decode()
        shown = re.findall(r'class="buyer-badge">([^<]*)<', text)
        assert shown == ([badge] if badge else [])


def test_a_bad_filter_is_ignored_and_said(owner_client: Client) -> None:
    answer = owner_client.get(reverse("portal:orders"), {"since": "2022-02-31", "page": "zero"})
    assert answer.status_code == 200
    assert "since" in answer.context["filter"].form.errors


@pytest.mark.rule("K-2")
@pytest.mark.parametrize("name", ["portal:orders", "portal:inquiries"])
def test_a_day_without_an_end_is_a_bad_filter(name: str, owner_client: Client) -> None:
    answer = owner_client.get(reverse(name), {"until": "9999-12-31"})
    assert answer.status_code == 200
    assert "until" in answer.context["filter"].form.errors


@pytest.mark.rule("K-2", "UI-3", "UI-4")
def test_numbers_say_their_day_and_wait_before_the_first_night(
    owner_client: Client, shop: Seller
) -> None:
    page = reverse("portal:metric", args=["portal.inquiries_30d"])
    for address in (reverse("portal:home"), reverse("portal:metrics"), page):
        assert "First figures are on their way" in owner_client.get(address).content.decode()
    with unscoped():
        MetricValue.objects.create(
            seller=shop, metric="portal.inquiries_30d", value=11, valid_from=AS_OF
        )
    night_publish(AS_OF - timedelta(days=1))
    night_publish(AS_OF)
    text = owner_client.get(page).content.decode()
    assert "Aug 1, 2022 24:00" in text
    assert '<tr><th scope="row">Aug 1, 2022</th><td class="col-num">11</td></tr>' in text
    assert '<tr><th scope="row">Jul 31, 2022</th><td class="col-num">0</td></tr>' in text


@pytest.mark.rule("K-8")
def test_a_number_of_another_shop_does_not_exist(owner_client: Client, other_shop: Seller) -> None:
    night_publish(AS_OF)
    with unscoped():
        MetricValue.objects.create(
            seller=other_shop, metric="ext.secret", value=1, valid_from=AS_OF
        )
    assert owner_client.get(reverse("portal:metric", args=["ext.secret"])).status_code == 404
    assert "ext.secret" not in owner_client.get(reverse("portal:metrics")).content.decode()


@pytest.mark.rule("K-16")
def test_the_rules_page_shows_each_version_in_its_time(owner_client: Client, clock: Any) -> None:
    page = reverse("portal:rulebook", args=["portal.buyer_labels"])
    after = owner_client.get(page).context["chosen"]
    clock.noon(date(2022, 7, 31))
    before = owner_client.get(page).context["chosen"]
    assert after.effective_from == date(2022, 8, 1)
    assert before.effective_to == date(2022, 7, 31)
    assert owner_client.get(page, {"version": "none"}).status_code == 404
    assert owner_client.get(reverse("portal:rulebook", args=["none"])).status_code == 404


@pytest.mark.rule("K-16", "UI-6")
def test_rules_are_outlined_in_the_readers_language() -> None:
    content = {
        "name_en": "Search", "name_zh": "搜索", "code_en": "kept", "on": "2022-02-28",
        "off": "2022-02-31", "rows": [{"a": 1, "c": None}, {"b": 2, "c": ""}], "deep": [{"a": {"b": 1}}],
    }  # fmt: skip
    english = dict(outline(content)["facts"])
    assert english["Name"] == {"kind": "value", "value": "Search"}
    assert english["Code en"]["value"] == "kept"
    assert english["On"] == {"kind": "day", "value": date(2022, 2, 28)}
    assert english["Off"] == {"kind": "value", "value": "2022-02-31"}
    assert english["Rows"]["heads"] == ["A", "B"]
    assert english["Rows"]["rows"][0][1] == ("B", {"kind": "value", "value": None})
    assert [part["node"]["kind"] for part in english["Deep"]["parts"]] == ["facts"]
    with translation.override("zh-hans"):
        assert dict(outline(content)["facts"])["名称"]["value"] == "搜索"


@pytest.mark.rule("K-16", "UI-3")
def test_parts_of_rules_go_by_their_names_and_leave_out_what_is_open() -> None:
    rows = [{"key": "first", "most": 12000, "of": None, "tiers": [{"from": 1}]}]
    part = outline({"factors": rows})["facts"][0][1]["parts"][0]
    assert part["name"] == "first"
    assert [words for words, _node in part["node"]["facts"]] == ["At most", "Tiers"]
    assert part["node"]["facts"][0][1] == {"kind": "number", "value": 12000}


@pytest.mark.rule("K-5", "API-1")
def test_facts_after_now_are_not_answered_before_their_time(
    clock: Clock, owner_api: APIClient, shop: Seller
) -> None:
    """The demo's clock can stand before the newest facts."""
    clock(NOW.isoformat())
    buyer = buyer_create(1)
    order_create(shop, buyer, "just-now", created_at=NOW)
    order_create(shop, buyer, "later", created_at=NOW + timedelta(seconds=1))
    rows = owner_api.get("/api/v1/orders").json()["results"]
    assert [row["order_id"] for row in rows] == ["just-now"]
    assert owner_api.get("/api/v1/orders/later").status_code == 404
    clock.advance(seconds=1)
    assert len(owner_api.get("/api/v1/orders").json()["results"]) == 2
