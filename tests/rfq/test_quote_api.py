"""Quotes over the API: answers, refusals, lists, revisions, pins (RFQ-6 … RFQ-8, RFQ-11, API-1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Seller, SellerFlag
from portal.scoping import unscoped
from rfq.choices import Grade, QuoteStatus, RfqStatus
from rfq.models import Pin, Quote, Rfq, RightEntry
from tests import factories
from tests.rfq.world import (
    buyer_create,
    invitation_create,
    quote_create,
    rfq_create,
    rights_create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1")]

API = "/api/v1/rfq"
BODY = {
    "unit_price": "184.50",
    "moq": 50,
    "lead_time_days": 21,
    "message": "We make it.",
    "pin": False,
}


def url_of(rfq: Rfq) -> str:
    return f"{API}/rfqs/{rfq.rfq_id}/quotes"


def stored(pk: int) -> Quote:
    with unscoped():
        return Quote.objects.get(pk=pk)


# --- Submitting -----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-7")
def test_the_answer_says_exactly_what_was_used_and_what_is_left(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=10, gold=4, fast_lane=1, pin=None)
    rfq = rfq_create(grade=Grade.GOLD, quoted=9)
    answer = owner_api.post(url_of(rfq), BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "used": {"quote": 1, "gold": 1, "fast_lane": 0, "pin": 0},
        "left": {"quote": 9, "gold": 3, "fast_lane": 1, "pin": None},
        "pinned": None,
        "pin_refusal": None,
    }
    assert stored(made["id"]).unit_price == Decimal("184.5")


@pytest.mark.rule("RFQ-11")
def test_a_pin_with_the_quote_says_its_place_or_why_there_is_none(
    owner_api: APIClient, stranger_api: APIClient, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1, pin=1)
    rights_create(other_shop, quote=1)
    rfq = rfq_create()
    first = owner_api.post(url_of(rfq), BODY | {"pin": True}).json()
    assert (first["pinned"], first["pin_refusal"], first["used"]["pin"]) == (1, None, 1)
    second = stranger_api.post(url_of(rfq), BODY | {"pin": True})
    assert second.status_code == 201
    assert (second.json()["pinned"], second.json()["pin_refusal"]) == (None, "no_pin_right")


@pytest.mark.rule("RFQ-8")
@pytest.mark.parametrize(
    ("code", "rfq_is"),
    [
        ("closed", {"status": RfqStatus.CLOSED}),
        ("not_invited", {"grade": Grade.PRO}),
        ("no_gold_right", {"grade": Grade.GOLD}),
        ("no_fast_lane", {"quoted": 10}),
    ],
)
def test_a_refusal_is_a_problem_with_its_code(
    owner_api: APIClient, shop: Seller, clock: Any, code: str, rfq_is: dict[str, Any]
) -> None:
    rights_create(shop, quote=1)
    answer = owner_api.post(url_of(rfq_create(**rfq_is)), BODY)
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["code"] == code
    assert answer.json()["title"]


def test_all_fields_at_fault_are_named_at_once(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    rfq = rfq_create()
    bad = {"unit_price": "0", "moq": 0, "pin": "perhaps", "colour": "red"}
    answer = owner_api.post(url_of(rfq), bad)
    assert answer.status_code == 400
    named = {error["field"] for error in answer.json()["errors"]}
    assert named == {"unit_price", "moq", "pin", "colour"}
    assert owner_api.post(url_of(rfq), [1]).status_code == 400
    with unscoped():
        assert not Quote.objects.exists()


def test_every_optional_term_can_be_sent_and_is_answered(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    optional = {
        "currency": "CNY",
        "ship_from": "Suzhou",
        "sample_offered": True,
        "valid_until": "2022-08-31",
        "products": [],
    }
    made = owner_api.post(url_of(rfq_create()), BODY | optional).json()
    quote = owner_api.get(f"{API}/quotes/{made['id']}").json()
    sent = BODY | optional
    del sent["pin"]
    assert {name: quote[name] for name in sent} == sent


def test_an_rfq_that_is_not_there_or_not_posted_yet_is_not_found(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    later = rfq_create(posted_at=platform_time.now() + timedelta(seconds=1))
    for address in (f"{API}/rfqs/none/quotes", f"{API}/rfqs/%00/quotes", url_of(later)):
        assert owner_api.post(address, BODY).status_code == 404


@pytest.mark.rule("K-7")
def test_viewers_read_quotes_and_make_none(viewer_api: APIClient, shop: Seller, clock: Any) -> None:
    rights_create(shop, quote=5, pin=5)
    quote = quote_create(seller=shop)
    assert viewer_api.get(f"{API}/quotes/{quote.pk}").status_code == 200
    address = f"{API}/quotes/{quote.pk}"
    for answer in (
        viewer_api.post(url_of(rfq_create()), BODY),
        viewer_api.post(f"{address}/pin"),
        viewer_api.post(f"{address}/withdraw"),
        viewer_api.patch(address, {"moq": 1}),
    ):
        assert answer.status_code == 403
    assert stored(quote.pk).version == 1


@pytest.mark.both_databases
@pytest.mark.rule("RFQ-7", "RFQ-9")
def test_the_same_request_again_gets_its_first_answer_and_costs_nothing(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=5, pin=5)
    rfq = rfq_create()
    key = {"HTTP_IDEMPOTENCY_KEY": "3f6c"}
    first = owner_api.post(url_of(rfq), BODY, **key)
    again = owner_api.post(url_of(rfq), BODY, **key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert owner_api.post(url_of(rfq), BODY | {"moq": 51}, **key).status_code == 409
    pin = f"{API}/quotes/{first.json()['id']}/pin"
    pinned = [owner_api.post(pin, HTTP_IDEMPOTENCY_KEY="pin-1").json() for _ in range(2)]
    assert pinned[0] == pinned[1]
    assert pinned[0]["slot"] == 1
    with unscoped():
        assert RightEntry.objects.filter(delta=-1).count() == 2


def test_a_refused_request_may_be_sent_again_under_its_key(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rfq = rfq_create()
    key = {"HTTP_IDEMPOTENCY_KEY": "k"}
    assert owner_api.post(url_of(rfq), BODY, **key).json()["code"] == "no_quote_right"
    rights_create(shop, quote=1)
    assert owner_api.post(url_of(rfq), BODY, **key).status_code == 201


# --- Reading ------------------------------------------------------------------------------------


def test_a_list_is_newest_first_in_pages_of_the_shops_own(
    owner_api: APIClient, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    own = [
        quote_create(seller=shop, submitted_at=now - timedelta(hours=hours)).pk
        for hours in (3, 2, 2, 1)
    ]
    quote_create(seller=other_shop)
    quote_create(seller=shop, submitted_at=now + timedelta(seconds=1))
    found: list[int] = []
    address: str | None = f"{API}/quotes?page_size=3"
    while address:
        page = owner_api.get(address).json()
        found += [row["id"] for row in page["results"]]
        address = page["next"]
    assert found == own[::-1]


@pytest.mark.rule("RFQ-12", "K-11")
def test_a_list_is_narrowed_by_status_badge_rfq_and_day(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    buyers = {tier: buyer_create(tier=tier) for tier in ("L0", "L1", "L3")}
    rfqs = {tier: rfq_create(buyer=buyer) for tier, buyer in buyers.items()}
    quotes = {tier: quote_create(seller=shop, rfq=rfq).pk for tier, rfq in rfqs.items()}
    old = quote_create(
        seller=shop,
        rfq=rfq_create(buyer=buyers["L0"]),
        submitted_at=now - timedelta(days=2),
        status=QuoteStatus.REPLIED,
    ).pk

    def found(query: str) -> set[int]:
        answer = owner_api.get(f"{API}/quotes?{query}")
        assert answer.status_code == 200, answer.content
        return {row["id"] for row in answer.json()["results"]}

    assert found("status=replied") == {old}
    assert found(f"rfq={rfqs['L1'].rfq_id}") == {quotes["L1"]}
    assert found("rfq=none") == set()
    assert found("since=2022-08-03") == set(quotes.values())
    assert found("until=2022-08-02") == found("since=2022-08-01&until=2022-08-01") == {old}
    # A verified shop without stars sees `L1+` for every tier from L1 on, and never L3.
    assert found("badge=L1%2B") == found("badge=L1+") == {quotes["L1"], quotes["L3"]}
    assert found("badge=L3") == set()
    shop.assessed_star = 1
    shop.save()
    SellerFlag.objects.create(seller=shop, code="million_dollar_club", since=date(2022, 8, 1))
    assert found("badge=L3") == {quotes["L3"]}
    assert found("badge=L1+") == {quotes["L1"]}
    for query in ("status=nonsense", "since=yesterday", "cursor=x"):
        assert owner_api.get(f"{API}/quotes?{query}").status_code == 400


@pytest.mark.rule("K-11")
def test_a_quote_shows_the_buyers_badge_and_country_and_never_who_it_is(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    buyer = buyer_create(tier="L3", country="DE", company="Harbor Imports GmbH", buyer_id="B-77")
    quote = quote_create(seller=shop, rfq=rfq_create(buyer=buyer))
    answer = owner_api.get(f"{API}/quotes/{quote.pk}")
    assert answer.json()["buyer"] == {"badge": "L1+", "country": "DE"}
    assert b"Harbor" not in answer.content
    assert b"B-77" not in answer.content


def test_a_list_costs_the_same_for_few_quotes_and_for_many(
    owner_api: APIClient,
    shop: Seller,
    clock: Any,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    quote_create(seller=shop)
    with django_assert_max_num_queries(20) as few:
        owner_api.get(f"{API}/quotes")
    for _ in range(5):
        quote_create(seller=shop)
    with django_assert_max_num_queries(len(few)):
        assert len(owner_api.get(f"{API}/quotes").json()["results"]) == 6


@pytest.mark.rule("K-8")
def test_a_foreign_quote_is_not_found_and_nothing_happens_to_it(
    owner_api: APIClient, other_shop: Seller, shop: Seller, clock: Any
) -> None:
    rights_create(shop, pin=5)
    theirs = quote_create(seller=other_shop)
    for pk in (theirs.pk, 10**6, 10**30):
        address = f"{API}/quotes/{pk}"
        for answer in (
            owner_api.get(address),
            owner_api.patch(address, {"moq": 1}),
            owner_api.post(f"{address}/withdraw"),
            owner_api.post(f"{address}/pin"),
        ):
            assert answer.status_code == 404
    assert stored(theirs.pk).version == 1
    with unscoped():
        assert not Pin.objects.exists()


# --- Changing -----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_a_revision_changes_the_terms_sent_and_a_stale_copy_changes_nothing(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    quote = quote_create(seller=shop, moq=10, message="First")
    address = f"{API}/quotes/{quote.pk}"
    seen = owner_api.get(address)
    assert seen["ETag"] == '"1"'
    revised = owner_api.patch(address, {"unit_price": "99", "version": 1})
    assert revised.status_code == 200
    assert {name: revised.json()[name] for name in ("unit_price", "moq", "message", "version")} == {
        "unit_price": "99.00", "moq": 10, "message": "First", "version": 2,
    }  # fmt: skip
    for sent, header in (({"moq": 1, "version": 1}, {}), ({"moq": 1}, {"HTTP_IF_MATCH": '"1"'})):
        stale = owner_api.patch(address, sent, **header)
        assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    assert owner_api.patch(address, {"moq": 1}).json()["version"] == 3
    assert owner_api.patch(address, {"unit_price": ""}).status_code == 400
    assert owner_api.patch(address, {"moq": 1}).json()["version"] == 3


@pytest.mark.rule("RFQ-6")
def test_a_withdrawal_is_answered_and_a_second_one_refused(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    address = f"{API}/quotes/{quote_create(seller=shop).pk}/withdraw"
    answer = owner_api.post(address)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["withdrawn_at"]) == (
        "withdrawn",
        "2022-08-03T19:00:00Z",
    )
    assert owner_api.post(address).json()["code"] == "quote_withdrawn"


@pytest.mark.rule("RFQ-11")
def test_a_pin_answers_its_place_and_what_is_left(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, pin=2)
    quote = quote_create(seller=shop)
    address = f"{API}/quotes/{quote.pk}/pin"
    answer = owner_api.post(address)
    assert answer.status_code == 200
    assert answer.json() == {
        "slot": 1,
        "left": {"quote": 0, "gold": 0, "fast_lane": 0, "pin": 1},
    }
    again = owner_api.post(address)
    assert (again.status_code, again.json()["code"]) == (409, "already_pinned")
    assert owner_api.get(f"{API}/quotes/{quote.pk}").json()["pinned"] == 1


# --- The buyer's order ------------------------------------------------------------------------


@pytest.mark.rule("RFQ-11")
def test_the_buyer_sees_pinned_quotes_first_in_the_order_of_pinning(
    staff_api: APIClient, owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rfq = rfq_create(seats=20)
    sellers = [factories.seller_create(shop.main_category) for _ in range(5)]
    clients = [factories.api_client(factories.member_create(seller).user) for seller in sellers]
    for seller, client in zip(sellers, clients, strict=True):
        clock.advance(minutes=1)
        rights_create(seller, quote=1, pin=1)
        assert client.post(url_of(rfq), BODY).status_code == 201
    quotes = {row.seller_id: row.pk for row in all_quotes()}
    ids = [quotes[seller.pk] for seller in sellers]

    def shown() -> list[tuple[int, int | None]]:
        answer = staff_api.get(f"{API}/rfqs/{rfq.rfq_id}/buyer-list")
        assert answer.status_code == 200
        return [(ids.index(row["id"]), row["slot"]) for row in answer.json()["results"]]

    assert shown() == [(0, None), (1, None), (2, None), (3, None), (4, None)]
    for number in (4, 2, 1):
        assert clients[number].post(f"{API}/quotes/{ids[number]}/pin").status_code == 200
    assert shown() == [(4, 1), (2, 2), (1, 3), (0, None), (3, None)]
    # The first place is given up: who takes it is still the last to have pinned.
    assert clients[4].post(f"{API}/quotes/{ids[4]}/withdraw").status_code == 200
    assert clients[3].post(f"{API}/quotes/{ids[3]}/pin").json()["slot"] == 1
    assert shown() == [(2, 2), (1, 3), (3, 1), (0, None)]
    assert owner_api.get(f"{API}/rfqs/{rfq.rfq_id}/buyer-list").status_code == 403
    assert staff_api.get(f"{API}/rfqs/none/buyer-list").status_code == 404


def all_quotes() -> list[Quote]:
    with unscoped():
        return list(Quote.objects.all())


def test_an_invited_seller_quotes_an_rfq_pro(
    owner_api: APIClient, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    pro = rfq_create(grade=Grade.PRO)
    invitation_create(pro, shop)
    assert owner_api.post(url_of(pro), BODY).status_code == 201
