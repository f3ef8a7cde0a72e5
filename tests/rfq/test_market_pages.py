"""The market, one RFQ and saved searches, as people see them and over the API (RFQ-1 … RFQ-5, RFQ-8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Member, Seller
from portal.scoping import unscoped
from rfq.models import Pin, QuoteDraft, SavedSearch, SpamReport, UnsolicitedOffer
from tests.rfq.market_tools import listed
from tests.rfq.world import (
    buyer_create,
    invitation_create,
    lot_create,
    quote_create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-2")]


@pytest.fixture(autouse=True)
def _world(categories: Any, clock: Any) -> None: ...


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row.rfq.rfq_id for row in response.context["rows"]]


def api_ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["rfq_id"] for row in response.json()["results"]]


def hours(number: float) -> Any:
    return platform_time.now() - timedelta(hours=number)


# --- The list -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_recommended_comes_first_and_all_is_a_tab(
    owner_client: Client, categories: dict[str, Any]
) -> None:
    listed("own")
    listed("far", category=categories["home"], posted_at=hours(0.5))
    assert ids(owner_client.get("/rfq/")) == ["own"]
    assert ids(owner_client.get("/rfq/?own=0")) == ["far", "own"]


@pytest.mark.rule("RFQ-2", "RFQ-11")
def test_a_row_says_what_counts(
    shop: Seller, other_shop: Seller, owner: Member, owner_client: Client
) -> None:
    lot_create(seller=shop)
    rfq = listed("R-1", buyer=buyer_create(country="DE", tier="L4"), seats=3)
    mine, theirs = quote_create(rfq=rfq, seller=shop), quote_create(rfq=rfq, seller=other_shop)
    with unscoped():
        Pin.objects.create(rfq=rfq, seller=other_shop, quote=theirs, slot=1, pinned_at=hours(0))
    drafted = listed("R-2", title="Drafted")
    QuoteDraft.objects.create(seller=shop, user=owner.user, rfq=drafted, saved_at=hours(0))
    reported = listed("R-3", title="Reported")
    with unscoped():
        SpamReport.objects.create(
            rfq=reported, seller=shop, kind="other", description="d",
            reported_at=hours(0), answer_due_at=hours(-1),
        )  # fmt: skip
    response = owner_client.get("/rfq/")
    rows = {row.rfq.rfq_id: row for row in response.context["rows"]}
    first = rows["R-1"]
    assert (first.seats_left, first.pins_left, first.badge, first.country) == (
        1,
        2,
        "L1+",
        "Germany",
    )
    assert (first.quote.pk, first.can_quote, first.refusal.code) == (
        mine.pk,
        False,
        "already_quoted",
    )
    assert (rows["R-2"].drafted, rows["R-2"].can_quote) == (True, True)
    assert (rows["R-3"].reported, rows["R-3"].invited) == (True, False)
    page = response.content.decode()
    assert f"/rfq/quotes/{mine.pk}/" in page
    assert "Continue quote" in page
    assert "1 hour ago" in page


@pytest.mark.rule("K-8")
def test_nothing_of_other_shops_shows_but_numbers(
    shop: Seller, other_shop: Seller, stranger: Member, owner_client: Client, owner_api: APIClient
) -> None:
    lot_create(seller=shop)
    rfq = listed("R-1", grade="pro", value_usd=90_000)
    invitation_create(rfq, other_shop)
    quote_create(rfq=rfq, seller=other_shop)
    with unscoped():
        QuoteDraft.objects.create(seller=other_shop, user=stranger.user, rfq=rfq, saved_at=hours(0))
        SpamReport.objects.create(
            rfq=rfq, seller=other_shop, kind="other", description="theirs",
            reported_at=hours(0), answer_due_at=hours(-1),
        )  # fmt: skip
        UnsolicitedOffer.objects.create(
            rfq=rfq,
            seller=other_shop,
            title="theirs",
            price=1,
            message="theirs",
            submitted_at=hours(0),
        )
    [row] = owner_client.get("/rfq/").context["rows"]
    assert (row.quote, row.drafted, row.invited, row.reported) == (None, False, False, False)
    answer = owner_api.get("/api/v1/rfq/rfqs/R-1").json()
    assert answer["own"] == {
        "quote": None, "quote_status": None, "drafted": False, "invited": False, "reported": False,
    }  # fmt: skip
    assert answer["offer"] is None
    assert answer["seats_left"] == 9
    for content in (owner_client.get("/rfq/rfqs/R-1/").content, str(answer).encode()):
        assert b"theirs" not in content
        assert b"cn2002" not in content


@pytest.mark.rule("RFQ-8", "K-7")
def test_a_viewer_sees_the_market_but_no_quote_button(
    shop: Seller, viewer_client: Client, owner_client: Client
) -> None:
    lot_create(seller=shop)
    listed("R-1")
    for path in ("/rfq/", "/rfq/rfqs/R-1/"):
        assert b"/rfq/rfqs/R-1/quote/" not in viewer_client.get(path).content
        assert b"/rfq/rfqs/R-1/quote/" in owner_client.get(path).content


@pytest.mark.rule("RFQ-4")
def test_everybody_sees_the_countdown_of_early_access(owner_client: Client, shop: Seller) -> None:
    lot_create(seller=shop)
    opens = platform_time.now() + timedelta(hours=2)
    listed("R-1", grade="silver", opens_to_all_at=opens)
    for path in ("/rfq/", "/rfq/rfqs/R-1/"):
        page = owner_client.get(path).content.decode()
        assert f'datetime="{opens.isoformat()}"' in page
        assert "2 hours left" in page
        assert "/quote/" not in page


@pytest.mark.parametrize(
    "path",
    ["/rfq/", "/rfq/?own=0&q=kit", "/rfq/?own=0&q=e-bike+kit&ordering=fewest_quotes&badge=1&can_quote=1",
     "/api/v1/rfq/rfqs?q=kit&can_quote=1&page_size=50"],
)  # fmt: skip
def test_the_number_of_queries_does_not_grow(
    shop: Seller, owner: Member, owner_client: Client, owner_api: APIClient, path: str
) -> None:
    lot_create(seller=shop)
    client = owner_api if path.startswith("/api") else owner_client

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    def fill(start: int, number: int) -> None:
        for key in range(start, start + number):
            rfq = listed(f"R-{key}", posted_at=hours(1 + key / 100))
            if key % 5 == 0:
                quote_create(rfq=rfq, seller=shop)

    fill(0, 5)
    client.get(path)
    few = queries()
    fill(5, 45)
    assert queries() == few


def test_odd_parameters_are_explained_and_never_fail(owner_client: Client) -> None:
    listed("R-1")
    response = owner_client.get("/rfq/?grade=diamond&country=中国&posted_within=9h&own=0")
    assert ids(response) == ["R-1"]
    page = response.content.decode()
    assert "diamond" in page
    assert "中国" in page
    assert owner_client.get("/rfq/?category=%00").status_code == 200
    assert owner_client.get("/rfq/?q=%F0%9F%98%80&own=0").status_code == 200
    moved = owner_client.get("/rfq/?after=nonsense&q=灯")
    assert moved.status_code == 302
    assert "after" not in moved["Location"]


def test_a_category_may_be_typed_by_its_name(owner_client: Client) -> None:
    response = owner_client.get("/rfq/?own=0&category=头盔")
    assert [one.code for one in response.context["category_choices"]] == ["helmets"]
    assert response.context["errors"] == []
    response = owner_client.get("/rfq/?own=0&category=nothing-like-it")
    assert len(response.context["errors"]) == 1


def test_pages_link_to_each_other(owner_client: Client) -> None:
    for number in range(60):
        listed(f"R-{number:02}", posted_at=hours(1 + number))
    first = owner_client.get("/rfq/?q=kit")
    page = first.context["page"]
    assert b'rel="next"' in first.content
    assert b'rel="prev"' not in first.content
    second = owner_client.get(f"/rfq/?q=kit&after={page.next_cursor}")
    assert ids(second)[0] == "R-25"
    back = owner_client.get(f"/rfq/?q=kit&before={second.context['page'].previous_cursor}")
    assert ids(back) == ids(first)


@pytest.mark.rule("K-11")
def test_an_empty_list_says_why(owner_client: Client, clock: Any) -> None:
    assert "your categories" in owner_client.get("/rfq/").context["why_empty"]
    assert "filter" in owner_client.get("/rfq/?q=x").context["why_empty"]
    clock.noon(date(2022, 7, 31))
    assert "tiers" in owner_client.get("/rfq/?own=0&badge=1").context["why_empty"]


# --- One RFQ ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-1", "RFQ-3")
def test_an_rfq_says_what_is_asked_and_who_may_quote(owner_client: Client, shop: Seller) -> None:
    lot_create(seller=shop)
    listed(
        "R-1", grade="pro", value_usd=90_000, details="Rear hub <b>motor</b>", destination="DE",
        target_price="118.5", attachments=["https://files.example.com/a%20b.pdf", "javascript:x"],
    )  # fmt: skip
    page = owner_client.get("/rfq/rfqs/R-1/").content.decode()
    assert "Rear hub &lt;b&gt;motor&lt;/b&gt;" in page
    assert 'href="https://files.example.com/a%20b.pdf" rel="noopener noreferrer nofollow"' in page
    assert "javascript:x" not in page
    assert "Germany" in page
    assert "You are not on the buyer&#x27;s invitation list" in page
    assert "/rfq/rfqs/R-1/spam-report/" in page
    assert "/rfq/rfqs/R-1/quote/" not in page
    assert "/rfq/rfqs/R-1/offer/" in page


def test_an_unknown_or_later_rfq_is_not_found(owner_client: Client, owner_api: APIClient) -> None:
    listed("later", posted_at=hours(-1))
    for rfq_id in ("later", "nothing", "%00", "中"):
        assert owner_client.get(f"/rfq/rfqs/{rfq_id}/").status_code == 404
        assert owner_api.get(f"/api/v1/rfq/rfqs/{rfq_id}").status_code == 404


@pytest.mark.rule("RFQ-24")
def test_of_a_removed_one_nothing_the_buyer_wrote_is_shown(
    owner_client: Client, owner_api: APIClient
) -> None:
    listed("R-1", status="removed", title="Phishing title", details="Phishing details",
           attachments=["https://evil.example.com/x"])  # fmt: skip
    page = owner_client.get("/rfq/rfqs/R-1/")
    assert page.status_code == 200
    assert b"hishing" not in page.content
    assert b"evil" not in page.content
    answer = owner_api.get("/api/v1/rfq/rfqs/R-1").json()
    assert (answer["title"], answer["details"], answer["attachments"]) == ("", "", [])
    assert (answer["status"], answer["refusal"]["code"]) == ("removed", "closed")


# --- API ----------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("RFQ-2", "API-1")
def test_the_api_answers_what_the_contract_says(owner_api: APIClient, shop: Seller) -> None:
    rfq = listed("R-1", grade="gold", buyer=buyer_create(country="DE", tier="L2"), quantity="12.5")
    listed("R-2", title="Something else", posted_at=hours(2))
    [row] = owner_api.get("/api/v1/rfq/rfqs?q=kit&grade=gold").json()["results"]
    assert row["rfq_id"] == "R-1"
    assert row["title"] == rfq.title
    assert (row["category"], row["grade"], row["quantity"]) == ("e-bike-kits", "gold", "12.500")
    assert platform_time.parse_instant(row["posted_at"]) == rfq.posted_at
    assert (row["seats_left"], row["pins_left"]) == (10, 3)
    assert row["buyer"] == {"badge": "L1+", "country": "DE"}
    assert row["can_quote"] is False
    assert row["refusal"]["code"] == "no_quote_right"
    assert row["refusal"]["message"]
    lot_create(seller=shop)
    lot_create(seller=shop, kind="gold")
    [row] = owner_api.get("/api/v1/rfq/rfqs?q=kit&can_quote=true").json()["results"]
    assert (row["can_quote"], row["refusal"]) == (True, None)
    detail = owner_api.get("/api/v1/rfq/rfqs/R-1").json()
    assert {name: detail[name] for name in row} == row


def test_the_api_pages_by_cursor_and_refuses_what_it_does_not_know(owner_api: APIClient) -> None:
    for number in range(5):
        listed(f"R-{number}", posted_at=hours(1 + number))
    answer = owner_api.get("/api/v1/rfq/rfqs?page_size=2")
    seen = api_ids(answer)
    while answer.json()["next"]:
        answer = owner_api.get(answer.json()["next"])
        seen += api_ids(answer)
    assert seen == [f"R-{number}" for number in range(5)]
    for wrong in ("grade=x", "country=x", "category=x", "can_quote=x", "ordering=x", "cursor=x"):
        refused = owner_api.get(f"/api/v1/rfq/rfqs?{wrong}")
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == wrong.partition("=")[0]


# --- Saved searches -----------------------------------------------------------------------------


def searches() -> dict[str, tuple[str, bool]]:
    with unscoped():
        return {one.name: (one.query, one.alert) for one in SavedSearch.objects.all()}


def test_a_search_is_saved_renamed_silenced_and_deleted(
    owner_client: Client, colleague_client: Client, stranger_client: Client
) -> None:
    body = {"name": " LED  灯带 ", "query": "q=灯带&own=1&nonsense=1", "alert": "1"}
    assert owner_client.post("/rfq/searches/", body).status_code == 302
    kept = "q=%E7%81%AF%E5%B8%A6&own=1"
    assert searches() == {"LED 灯带": (kept, True)}
    page = owner_client.get("/rfq/?tab=saved").content.decode()
    assert "LED 灯带" in page
    with unscoped():
        pk = SavedSearch.objects.get().pk
    address = f"/rfq/searches/{pk}/"
    for client in (colleague_client, stranger_client):
        assert client.post(address, {"name": "mine"}).status_code == 404
        assert client.post(f"{address}delete/").status_code == 404
        assert "LED 灯带" not in client.get("/rfq/?tab=saved").content.decode()
    owner_client.post(address, {"name": "Strips"})
    owner_client.post(address, {"alert": "off"})
    assert searches() == {"Strips": (kept, False)}
    assert owner_client.get(f"{address}delete/").status_code == 200
    assert len(searches()) == 1
    owner_client.post(f"{address}delete/")
    assert searches() == {}


def test_names_are_the_person_s_own_and_there_is_an_end(
    owner_client: Client, owner_api: APIClient, viewer_api: APIClient
) -> None:
    assert (
        owner_api.post("/api/v1/rfq/searches", {"name": "a", "query": "q=kit"}).status_code == 201
    )
    taken = owner_api.post("/api/v1/rfq/searches", {"name": "a", "query": ""})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert viewer_api.post("/api/v1/rfq/searches", {"name": "a", "query": ""}).status_code == 201
    assert owner_api.post("/api/v1/rfq/searches", {"name": " ", "query": ""}).status_code == 400
    wrong = owner_api.post("/api/v1/rfq/searches", {"name": "b", "query": "grade=diamond"})
    assert wrong.json()["errors"][0]["field"] == "query"
    for number in range(29):
        body = {"name": f"n{number}", "query": "", "alert": False}
        assert owner_api.post("/api/v1/rfq/searches", body).status_code == 201
    full = owner_api.post("/api/v1/rfq/searches", {"name": "more", "query": ""})
    assert (full.status_code, full.json()["code"]) == (409, "search_limit")
    mine = owner_api.get("/api/v1/rfq/searches").json()["results"]
    assert len(mine) == 30
    one = f"/api/v1/rfq/searches/{mine[0]['id']}"
    assert owner_api.patch(one, {"name": "n3"}).json()["code"] == "name_taken"
    assert owner_api.patch(one, {"alert": False}).json()["alert"] is False
    assert viewer_api.patch(one, {"alert": True}).status_code == 404
    assert owner_api.delete(one).status_code == 204
    assert owner_api.delete(one).status_code == 404
