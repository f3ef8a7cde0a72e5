"""Orders from RFQ and the GMV challenge over the API (RFQ-17, RFQ-23)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Member, Seller
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope, unscoped
from rfq.models import ChallengeEntry, OrderLink, Quote, RightLot
from rfq.services.challenge import challenge_enrol
from tests.rfq.world import order_create, quote_create, rfq_create

pytestmark = pytest.mark.django_db

QUOTED = platform_time.parse_instant("2022-07-20T10:00:00-07:00")
ORDERED = platform_time.parse_instant("2022-08-01T10:00:00-07:00")
CHALLENGE = "/api/v1/rfq/challenge/2022-08"
DAY = timedelta(days=1)


@pytest.fixture
def quote(shop: Seller, clock: Any) -> Quote:
    """A quote of July."""
    rfq = rfq_create(posted_at=QUOTED - DAY)
    return quote_create(seller=shop, rfq=rfq, submitted_at=QUOTED)


def paid(quote: Quote, amount: str = "880", **over: Any) -> Any:
    fields = {"created_at": ORDERED, "paid_at": ORDERED, "amount": Decimal(amount)} | over
    return order_create(seller=quote.seller, buyer=quote.buyer, **fields)


# --- Orders -------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-17")
def test_orders_with_their_quotes(
    quote: Quote, owner_api: APIClient, stranger_api: APIClient
) -> None:
    paid(quote, order_id="A", received=Decimal("870.50"), received_at=ORDERED)
    paid(quote, order_id="B", fake=True, created_at=ORDERED + DAY)
    page = owner_api.get("/api/v1/rfq/orders", {"page_size": 1}).data
    (first,) = page["results"]
    assert (first["order_id"], first["counts"], first["reason"]) == ("B", False, "fake_trade")
    (second,) = owner_api.get(page["next"]).data["results"]
    assert second == {
        "order_id": "A",
        "buyer": {"badge": "L1+", "country": "US"},
        "channel": "trade_assurance",
        "created_at": "2022-08-01T17:00:00Z",
        "amount": "880.00",
        "paid_at": "2022-08-01T17:00:00Z",
        "received": "870.50",
        "quote": quote.pk,
        "rfq_id": quote.rfq.rfq_id,
        "named": False,
        "counts": True,
        "in_challenge": True,
        "reason": None,
    }
    counting = owner_api.get("/api/v1/rfq/orders", {"show": "counting"}).data["results"]
    assert [row["order_id"] for row in counting] == ["A"]
    assert owner_api.get("/api/v1/rfq/orders", {"show": "some"}).status_code == 400
    assert stranger_api.get("/api/v1/rfq/orders").data["results"] == []


@pytest.mark.rule("RFQ-17")
def test_linking_over_the_api(
    quote: Quote, shop: Seller, other_shop: Seller, owner_api: APIClient, stranger_api: APIClient,
    viewer_api: APIClient,
) -> None:  # fmt: skip
    order = paid(quote, order_id="A")
    second = quote_create(
        seller=shop, rfq=rfq_create(buyer=quote.buyer, posted_at=QUOTED), submitted_at=QUOTED + DAY
    )
    late = quote_create(
        seller=shop, rfq=rfq_create(buyer=quote.buyer, posted_at=QUOTED), submitted_at=ORDERED + DAY
    )
    foreign = quote_create(
        seller=other_shop, rfq=rfq_create(buyer=quote.buyer), submitted_at=QUOTED
    )
    url = "/api/v1/rfq/orders/A/link"
    for api, given, status in (
        (owner_api, foreign.pk, 404),
        (owner_api, 10**12, 404),
        (owner_api, late.pk, 409),
        (owner_api, "x", 400),
        (owner_api, None, 400),
        (owner_api, 2**70, 400),
        (viewer_api, quote.pk, 403),
        (stranger_api, foreign.pk, 404),
    ):
        answer = api.post(url, {"quote": given})
        assert answer.status_code == status, (given, answer.data)
    assert owner_api.post(url, {"quote": late.pk}).data["code"] == "quote_does_not_fit"
    assert owner_api.post("/api/v1/rfq/orders/nowhere/link", {"quote": quote.pk}).status_code == 404
    with unscoped():
        assert not OrderLink.objects.exists()
    assert owner_api.get("/api/v1/rfq/orders").data["results"][0]["quote"] == second.pk
    answer = owner_api.post(url, {"quote": quote.pk})
    assert (answer.status_code, answer.data["quote"], answer.data["named"]) == (200, quote.pk, True)
    with unscoped():
        assert OrderLink.objects.get().order_id == order.pk


# --- Challenge ----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-23")
def test_a_month_from_enrolling_to_claiming(
    quote: Quote, owner_api: APIClient, colleague_api: APIClient, viewer_api: APIClient
) -> None:
    paid(quote, "3000")
    assert colleague_api.post(f"{CHALLENGE}/enrol").status_code == 403
    refused = owner_api.post(f"{CHALLENGE}/claim")
    assert (refused.status_code, refused.data["code"]) == (409, "not_enrolled")
    for _again in range(2):
        answer = owner_api.post(f"{CHALLENGE}/enrol")
        assert answer.status_code == 200
        assert answer.data == {"gmv": "3000.00", "tier_reward": 5, "claimed_now": 0}
    state = owner_api.get(CHALLENGE).data
    assert (state["enrolled"], state["claimed"], state["claimable"]) == (True, 0, 5)
    assert state["next"] == {"gmv": "8000.00", "quote_rights": 10}
    assert len(state["tiers"]) == 5
    assert state["closes_at"] == "2022-09-04T07:00:00Z"
    assert viewer_api.post(f"{CHALLENGE}/claim").status_code == 403
    claimed = owner_api.post(f"{CHALLENGE}/claim")
    assert claimed.data == {"gmv": "3000.00", "tier_reward": 5, "claimed_now": 5}
    again = owner_api.post(f"{CHALLENGE}/claim")
    assert (again.status_code, again.data["code"]) == (409, "nothing_to_claim")
    assert owner_api.get("/api/v1/rfq/balances").data["quote"] == 5


@pytest.mark.rule("RFQ-23", "API-1")
def test_a_claim_with_a_key_has_its_first_answer_again(
    quote: Quote, owner: Member, owner_api: APIClient
) -> None:
    challenge_enrol(member=owner, month=date(2022, 8, 1))
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    assert owner_api.post(f"{CHALLENGE}/claim", **key).status_code == 409  # a refusal is not kept
    paid(quote, "600")
    first = owner_api.post(f"{CHALLENGE}/claim", **key)
    paid(quote, "9000")
    second = owner_api.post(f"{CHALLENGE}/claim", **key)
    assert first.data == second.data == {"gmv": "600.00", "tier_reward": 1, "claimed_now": 1}
    assert second["Idempotent-Replayed"] == "true"
    with unscoped():
        assert RightLot.objects.count() == 1
    assert owner_api.post(f"{CHALLENGE}/claim").data["claimed_now"] == 9


@pytest.mark.rule("RFQ-23")
@pytest.mark.parametrize(
    ("month", "get", "post", "code"),
    [
        ("2022-13", 404, 404, "not_found"),
        ("2022-8", 404, 404, "not_found"),
        ("august", 404, 404, "not_found"),
        ("2022-07", 404, 409, "not_open"),
        ("2022-09", 404, 409, "not_open"),
    ],
)
def test_months_that_are_none(
    owner_api: APIClient, clock: Any, month: str, get: int, post: int, code: str
) -> None:
    url = f"/api/v1/rfq/challenge/{month}"
    assert owner_api.get(url).status_code == get
    answer = owner_api.post(f"{url}/enrol")
    assert (answer.status_code, answer.data["code"]) == (post, code)
    assert owner_api.post(f"{url}/claim").status_code in (404, 409)
    with unscoped():
        assert not ChallengeEntry.objects.exists()


# --- What to do next ----------------------------------------------------------------------------


def actions(member: Member) -> list[tuple[str, str]]:
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, platform_time.today())
    return [(str(one.title), str(one.gain or one.loses)) for one in found if one.icon == "trophy"]


@pytest.mark.rule("RFQ-23", "UI-2")
def test_the_home_page_offers_what_the_challenge_brings(
    quote: Quote, owner: Member, colleague: Member, clock: Any
) -> None:
    paid(quote, "880")
    ((title, gain),) = actions(owner)
    assert title == "Take part in this month's GMV challenge"
    assert gain == "1 quote right at once for what was paid already"
    assert actions(colleague) == []
    challenge_enrol(member=owner, month=date(2022, 8, 1))
    for member in (owner, colleague):
        assert actions(member)[0][0] == "Claim 1 quote right of the GMV challenge"
    with unscoped():
        ChallengeEntry.objects.update(claimed=1)
    assert actions(owner) == [
        (
            "US$120.00 more paid orders from RFQ reach the next step",
            "1 more quote right of the GMV challenge",
        )
    ]
    with unscoped():
        ChallengeEntry.objects.update(claimed=0)
    clock("2022-09-02T12:00:00-07:00")
    assert [title for title, _gain in actions(owner)] == [
        "Claim 1 quote right of the GMV challenge",
        "Take part in this month's GMV challenge",
    ]
    clock("2022-07-31T12:00:00-07:00")
    assert actions(owner) == []
