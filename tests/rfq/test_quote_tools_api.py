"""Drafts, templates, self-check, follow-ups and figures over the API (API-1, RFQ-6, RFQ-12, RFQ-25)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from rfq.choices import QuoteStatus
from rfq.models import FollowUp, Quote, QuoteDraft, QuoteTemplate
from rfq.services.follow_ups import follow_ups_after_submit
from rfq.services.quote_templates import MOST_TEMPLATES
from tests.rfq.world import buyer_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1")]

BASE = "/api/v1/rfq"


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None: ...


@pytest.mark.rule("RFQ-6")
def test_a_draft_is_put_read_and_deleted_by_its_own_person(
    shop: Seller, owner_api: APIClient, colleague_api: APIClient, stranger_api: APIClient
) -> None:
    path = f"{BASE}/rfqs/{rfq_create().rfq_id}/draft"
    assert owner_api.get(path).status_code == 404
    saved = owner_api.put(path, {"unit_price": "12.", "message": "Half "}, format="json")
    assert saved.status_code == 200
    assert saved.json()["content"] == {"unit_price": "12.", "message": "Half "}
    assert owner_api.get(path).json() == saved.json()
    assert len(owner_api.get(f"{BASE}/drafts").json()["results"]) == 1
    for other in (colleague_api, stranger_api):
        assert other.get(path).status_code == 404
        assert other.get(f"{BASE}/drafts").json()["results"] == []
    assert owner_api.put(path, {}, format="json").status_code == 204
    assert owner_api.delete(path).status_code == 204
    with unscoped():
        assert not QuoteDraft.objects.exists()


@pytest.mark.rule("RFQ-6")
def test_a_draft_over_the_api_keeps_the_files_of_the_page(
    shop: Seller, owner_api: APIClient, owner: Any
) -> None:
    rfq = rfq_create()
    with unscoped():
        QuoteDraft.objects.create(
            seller=shop, user=owner.user, rfq=rfq, content={"files": ["abc"]},
            saved_at=platform_time.now(),
        )  # fmt: skip
    owner_api.put(f"{BASE}/rfqs/{rfq.rfq_id}/draft", {"moq": "5"}, format="json")
    with unscoped():
        assert QuoteDraft.objects.get().content == {"moq": "5", "files": ["abc"]}


@pytest.mark.rule("K-7")
def test_a_viewer_saves_nothing(shop: Seller, viewer_api: APIClient) -> None:
    quote = quote_create(seller=shop)
    draft = f"{BASE}/rfqs/{rfq_create().rfq_id}/draft"
    assert viewer_api.put(draft, {"moq": "5"}, format="json").status_code == 403
    assert viewer_api.post(f"{BASE}/templates", {"name": "N"}, format="json").status_code == 403
    ticked = viewer_api.post(f"{BASE}/quotes/{quote.pk}/follow-ups", {}, format="json")
    assert ticked.status_code == 403
    with unscoped():
        assert not QuoteDraft.objects.exists()
        assert not QuoteTemplate.objects.exists()


@pytest.mark.rule("RFQ-25")
def test_templates_are_the_shops(
    shop: Seller, owner_api: APIClient, colleague_api: APIClient, stranger_api: APIClient
) -> None:
    body = {"name": "Intro", "elements": {"years": "15 years"}, "content": {"valid_days": 14}}
    made = owner_api.post(f"{BASE}/templates", body, format="json")
    assert made.status_code == 201
    assert {name: made.json()[name] for name in body} == body
    path = f"{BASE}/templates/{made.json()['id']}"
    assert colleague_api.get(f"{BASE}/templates").json()["results"] == [made.json()]
    for method in (stranger_api.get, stranger_api.delete):
        assert method(path).status_code == 404
    assert stranger_api.put(path, body, format="json").status_code == 404
    changed = colleague_api.put(path, {"name": "Intro", "content": {"moq": "5"}}, format="json")
    assert (changed.json()["elements"], changed.json()["content"]) == ({}, {"moq": "5"})
    assert owner_api.delete(path).status_code == 204
    assert owner_api.get(path).status_code == 404
    assert owner_api.get(f"{BASE}/templates/{2**63}").status_code == 404


@pytest.mark.rule("RFQ-25")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " ", "content": {"moq": "5"}}, "name"),
        ({"name": "Taken", "content": {"moq": "5"}}, "name"),
        ({"name": "Empty"}, "message"),
        ({"name": "N", "content": {"valid_days": 366}}, "content.valid_days"),
    ],
)
def test_a_template_needs_a_free_name_and_something_to_say(
    shop: Seller, owner_api: APIClient, body: dict[str, Any], field: str
) -> None:
    owner_api.post(f"{BASE}/templates", {"name": "Taken", "content": {"moq": "1"}}, format="json")
    refused = owner_api.post(f"{BASE}/templates", body, format="json")
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    with unscoped():
        assert QuoteTemplate.objects.count() == 1


@pytest.mark.rule("RFQ-25")
def test_a_shop_keeps_a_bounded_number_of_templates(shop: Seller, owner_api: APIClient) -> None:
    with unscoped():
        QuoteTemplate.objects.bulk_create(
            QuoteTemplate(seller=shop, name=f"T{number}", changed_at=platform_time.now())
            for number in range(MOST_TEMPLATES)
        )
    body = {"name": "One more", "content": {"moq": "1"}}
    refused = owner_api.post(f"{BASE}/templates", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_templates")


@pytest.mark.rule("RFQ-25")
def test_the_self_check_answers_line_by_line(shop: Seller, viewer_api: APIClient) -> None:
    rfq = rfq_create(details="Voltage: 48V")
    body = {"rfq_id": rfq.rfq_id, "moq": "500", "message": "48V kits, OEM welcome"}
    answer = viewer_api.post(f"{BASE}/self-check", body, format="json").json()
    lines = {item["key"]: item["met"] for item in answer["items"]}
    assert lines["quantity"]
    assert lines["attributes"]
    assert lines["intro_customization"]
    assert not lines["intro_years"]
    assert answer["met"] == sum(lines.values())
    unknown = viewer_api.post(f"{BASE}/self-check", {**body, "rfq_id": "none"}, format="json")
    assert unknown.status_code == 404


@pytest.mark.rule("RFQ-25")
def test_follow_ups_are_listed_when_due_and_ticked(
    shop: Seller, owner_api: APIClient, stranger_api: APIClient, clock: Any
) -> None:
    quote = quote_create(seller=shop)
    follow_ups_after_submit([quote])
    path = f"{BASE}/quotes/{quote.pk}/follow-ups"
    assert owner_api.get(f"{BASE}/follow-ups").json()["results"] == []
    clock.advance(days=1)
    (due,) = owner_api.get(f"{BASE}/follow-ups").json()["results"]
    assert (due["kind"], due["due_on"], due["done_at"]) == ("next_day", "2022-08-04", None)
    assert stranger_api.get(path).status_code == 404
    assert stranger_api.post(path, {"kind": "next_day"}, format="json").status_code == 404
    ticked = owner_api.post(path, {"kind": "next_day"}, format="json").json()["results"]
    assert [bool(row["done_at"]) for row in ticked] == [True, False]
    unknown = owner_api.post(path, {"kind": "after_view"}, format="json")
    assert unknown.status_code == 400
    assert owner_api.post(path, {"kind": "next_day", "done": False}, format="json").json()[
        "results"
    ][0]["done_at"] is None  # fmt: skip
    owner_api.post(path, {}, format="json")
    with unscoped():
        assert list(FollowUp.objects.filter(done_at__isnull=True).values_list("kind", flat=True)) == ["next_week"]  # fmt: skip


@pytest.mark.rule("RFQ-12")
def test_attention_pages_by_cursor_in_the_order_of_the_page(
    shop: Seller, owner_api: APIClient, stranger_api: APIClient
) -> None:
    now = platform_time.now()
    ids = []
    for tier, hours in (("L1", 1), ("L2", 2), ("L0", 1)):
        at = now - timedelta(hours=hours)
        rfq = rfq_create(buyer=buyer_create(tier=tier), posted_at=now - timedelta(days=1))
        quote = quote_create(
            seller=shop, rfq=rfq, status=QuoteStatus.REPLIED, viewed_at=at, replied_at=at
        )
        ids.append(quote.pk)
    found, path = [], f"{BASE}/quotes/attention?page_size=1"
    while path:
        page = owner_api.get(path).json()
        found += [row["id"] for row in page["results"]]
        path = page["next"]
    assert found == ids
    assert stranger_api.get(f"{BASE}/quotes/attention").json()["results"] == []


@pytest.mark.rule("RFQ-16")
def test_the_funnel_of_a_period(shop: Seller, owner_api: APIClient) -> None:
    quote_create(seller=shop)
    with unscoped():
        Quote.objects.update(viewed_at=platform_time.now())
    answer = owner_api.get(f"{BASE}/quotes/funnel").json()
    assert (answer["first_day"], answer["last_day"]) == ("2022-07-05", "2022-08-03")
    assert [answer[name] for name in ("quotes", "viewed", "replied", "ordered")] == [1, 1, 0, 0]
    assert answer["responses"][0] == {"hours": 1, "quotes": 1}
    assert answer["responses"][-1] == {"hours": None, "quotes": 0}
    before = owner_api.get(f"{BASE}/quotes/funnel?last_day=2022-08-02").json()
    assert before["quotes"] == 0
    for query in ("first_day=2022-08-04&last_day=2022-08-03", "first_day=x", "last_day=0001-01-01"):
        assert owner_api.get(f"{BASE}/quotes/funnel?{query}").status_code == 400
