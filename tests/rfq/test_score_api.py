"""The service score over the API (RFQ-18, RFQ-19, RFQ-20 … RFQ-22)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from rfq.models import Assessment, ServiceScore
from tests.rfq.score_rows import DAY, benchmark, outlook_row, score_publish, score_row
from tests.rfq.world import assessment_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-19")]

SCORE = "/api/v1/rfq/score"
SIMULATE = f"{SCORE}/simulate"
KEYS = ["login_days", "quotes", "response_rate", "reply_rate", "gmv"]


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None:
    """2022-08-03: the newest day there can be is 2022-08-01."""


def factors(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in answer["factors"]}


def fields_at_fault(response: Any) -> set[str]:
    assert response.status_code == 400
    return {row["field"] for row in response.json()["errors"]}


# --- The predicted score ------------------------------------------------------------------------


@pytest.mark.both_databases
def test_it_explains_the_stored_score(shop: Seller, owner_api: APIClient) -> None:
    score_publish(DAY)
    row = score_row(shop)
    answer = owner_api.get(SCORE).json()
    assert (answer["as_of"], answer["rulebook"]) == ("2022-08-01", "2022-01")
    assert (answer["total"], answer["bonus"]) == (row.total, 20)
    found = factors(answer)
    assert list(found) == KEYS
    assert {key: each["points"] for key, each in found.items()} == {
        key: getattr(row, f"{key}_points") for key in KEYS
    }
    assert sum(each["points"] for each in found.values()) + answer["bonus"] == answer["total"]
    assert (found["quotes"]["value"], found["quotes"]["max"]) == (40, 20)
    reply = found["reply_rate"]
    assert (reply["value"], reply["part"], reply["whole"]) == ("15.00", 3, 20)
    assert reply["next"] == {
        "at": "30.00", "above": False, "points": 12, "gain": 6, "needed": 3,
    }  # fmt: skip
    assert reply["advice"] == "3 more replies → 30%, +6 points"
    assert found["gmv"]["next"]["needed"] == "0.51"
    assert [tier["points"] for tier in found["gmv"]["tiers"] if tier["current"]] == [2]
    assert answer["rewards"] == {
        "quote": 10, "gold": 15, "fast_lane": 5, "pin": 0, "early_access": False,
    }  # fmt: skip


@pytest.mark.rule("K-2")
def test_before_the_first_night_there_is_nothing_yet(shop: Seller, viewer_api: APIClient) -> None:
    score_row(shop)
    response = viewer_api.get(SCORE)
    assert response.status_code == 200
    assert response.json() == {
        "as_of": None, "rulebook": None, "total": None, "bonus": None, "bonus_forfeited": None,
        "assessed": None, "assessed_as_of": None, "factors": [], "rewards": None,
        "marketing_bonus": None,
    }  # fmt: skip


@pytest.mark.rule("K-2")
def test_a_day_that_is_not_published_answers_the_one_before(
    shop: Seller, owner_api: APIClient
) -> None:
    score_publish(date(2022, 7, 20), DAY)
    score_row(shop, valid_to=date(2022, 7, 20), quotes=1)
    score_row(shop, valid_from=date(2022, 7, 21), quotes=2)
    asked = {"2022-08-01": 2, "2022-07-31": 1, "2022-07-20": 1}
    for day, quotes in asked.items():
        answer = owner_api.get(SCORE, {"as_of": day}).json()
        assert factors(answer)["quotes"]["value"] == quotes
    assert owner_api.get(SCORE, {"as_of": "2022-07-19"}).json()["as_of"] is None
    assert owner_api.get(SCORE, {"as_of": "2022-07-31"}).json()["as_of"] == "2022-07-20"
    assert fields_at_fault(owner_api.get(SCORE, {"as_of": "2022-08-02"})) == {"as_of"}
    assert fields_at_fault(owner_api.get(SCORE, {"as_of": "today"})) == {"as_of"}


@pytest.mark.rule("K-8")
@pytest.mark.parametrize(("peers", "told"), [(4, None), (5, "60")])
def test_peers_are_told_from_five_on(
    shop: Seller, owner_api: APIClient, peers: int, told: str | None
) -> None:
    score_publish(DAY)
    score_row(shop, quotes_peers=peers, quotes_rank=4)
    benchmark(shop, "quotes", 60, peers)
    quotes = factors(owner_api.get(SCORE).json())["quotes"]
    assert quotes["threshold"] == told
    assert (quotes["next"] is None) == (told is None)
    if told:
        assert (quotes["next"]["at"], quotes["next"]["needed"]) == (60, 20)


@pytest.mark.rule("K-8")
def test_a_score_is_the_shop_s_own(
    shop: Seller, other_shop: Seller, owner_api: APIClient, stranger_api: APIClient
) -> None:
    score_publish(DAY)
    score_row(shop)
    score_row(other_shop, quotes=7)
    assert factors(owner_api.get(SCORE).json())["quotes"]["value"] == 40
    assert factors(stranger_api.get(SCORE).json())["quotes"]["value"] == 7
    assert stranger_api.get(SCORE, HTTP_X_SELLER=shop.member_id).status_code == 403


def test_a_membership_changed_since_does_not_change_the_explanation(
    shop: Seller, owner_api: APIClient
) -> None:
    score_publish(DAY)
    row = score_row(shop)
    shop.membership = "basic"
    shop.save()
    answer = owner_api.get(SCORE).json()
    assert (answer["total"], answer["bonus"]) == (row.total, 20)


# --- The assessed score -------------------------------------------------------------------------


@pytest.mark.rule("RFQ-18")
def test_assessed_is_the_newest_month_end_that_is_fixed_by_now(
    shop: Seller, owner_api: APIClient, clock: Any
) -> None:
    score_publish(date(2022, 7, 30), date(2022, 7, 31))
    score_row(shop)
    june = platform_time.parse_instant("2022-07-03T00:10:00-07:00")
    assessment_create(seller=shop, as_of=date(2022, 6, 30), total=61, fixed_at=june)
    assessment_create(seller=shop, total=85)

    def assessed(as_of: str) -> tuple[int | None, str | None]:
        answer = owner_api.get(SCORE, {"as_of": as_of}).json()
        return answer["assessed"], answer["assessed_as_of"]

    assert assessed("2022-07-31") == (85, "2022-07-31")
    assert assessed("2022-07-30") == (61, "2022-06-30")
    clock("2022-08-03T00:09:59-07:00")
    assert assessed("2022-07-31") == (61, "2022-06-30")


@pytest.mark.rule("RFQ-18")
def test_history_has_the_published_days_and_the_assessments(
    shop: Seller, other_shop: Seller, owner_api: APIClient
) -> None:
    score_publish(date(2022, 7, 29), date(2022, 7, 31), DAY)
    first = score_row(shop, valid_to=date(2022, 7, 30))
    second = score_row(shop, valid_from=date(2022, 7, 31), gmv=60_000)
    score_row(other_shop)
    assessment_create(seller=shop, gold_rights=None)
    assessment_create(seller=other_shop, total=1)
    answer = owner_api.get(f"{SCORE}/history").json()
    assert [(row["as_of"], row["total"]) for row in answer["results"]] == [
        ("2022-08-01", second.total),
        ("2022-07-31", second.total),
        ("2022-07-29", first.total),
    ]
    assert [row["total"] for row in answer["assessed"]] == [85]
    assert answer["assessed"][0]["rewards"]["gold"] is None
    older = owner_api.get(f"{SCORE}/history", {"as_of": "2022-07-30"}).json()
    assert [row["as_of"] for row in older["results"]] == ["2022-07-29"]
    assert older["assessed"] == []


@pytest.mark.rule("K-17")
def test_the_outlook_is_null_until_new_rules_are_counted(
    shop: Seller, owner_api: APIClient, stranger_api: APIClient
) -> None:
    score_publish(DAY)
    row = score_row(shop)
    assert owner_api.get(f"{SCORE}/outlook").json() == {"change": None}
    score_publish(DAY, job="rfq.outlook")
    after = outlook_row(shop)
    change = owner_api.get(f"{SCORE}/outlook").json()["change"]
    assert (change["before"], change["after"], change["as_of"]) == (
        "2022-01", "2022-08", "2022-08-01",
    )  # fmt: skip
    total = change["tables"][0]["total"]
    assert total["before"] == f"{row.total} points"
    assert total["after"] == f"{after.total} points"
    assert stranger_api.get(f"{SCORE}/outlook").json() == {"change": None}


# --- What if ------------------------------------------------------------------------------------


def counts() -> tuple[int, int]:
    with unscoped():
        return ServiceScore.objects.count(), Assessment.objects.count()


def test_a_simulation_recomputes_total_and_rewards_and_saves_nothing(
    shop: Seller, viewer_api: APIClient
) -> None:
    score_publish(DAY)
    score_row(shop)
    before = counts()
    sent = {
        "rulebook": "2022-08", "membership": "basic", "assessed_star": 3, "gmv": "500.00",
        "reply_rate": 30, "quotes": 15, "response_rate": 20,
    }  # fmt: skip
    answer = viewer_api.post(SIMULATE, sent, format="json").json()
    assert answer["as_of"] is None
    assert {row["key"]: row["points"] for row in answer["factors"]} == {
        "quotes": 15, "response_rate": 20, "reply_rate": 24, "gmv": 5,
    }  # fmt: skip
    assert (answer["total"], answer["bonus"]) == (64, 0)
    assert answer["rewards"] == {
        "quote": 0, "gold": 5, "fast_lane": 5, "pin": 5, "early_access": True,
    }  # fmt: skip
    assert answer["factors"][2]["next"] == {
        "at": "50.00", "above": False, "points": 30, "gain": 6, "needed": None,
    }  # fmt: skip
    assert counts() == before


def test_what_is_not_sent_is_the_shop_s_own_or_zero(shop: Seller, owner_api: APIClient) -> None:
    answer = owner_api.post(SIMULATE, {}, format="json").json()
    assert (answer["rulebook"], answer["total"], answer["bonus"]) == ("2022-08", 20, 20)
    forfeited = owner_api.post(SIMULATE, {"bonus_forfeited": True}, format="json").json()
    assert (forfeited["total"], forfeited["bonus_forfeited"]) == (0, True)


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("rulebook", "2023-01", "2021-09"),
        ("membership", "gold", "basic"),
        ("assessed_star", 6, 5),
        ("assessed_star", -1, 0),
        ("gmv", "-0.01", "0.00"),
        ("gmv", "0.001", "0.01"),
        ("gmv", "NaN", 12.5),
        ("gmv", True, 1),
        ("gmv", [1], "1,000.00"),
        ("reply_rate", 100.01, 100),
        ("reply_rate", "1e99", "1e1"),
        ("quotes", 21, 20),
        ("quotes", 1.5, 1.0),
        ("response_rate", -1, 0),
        ("response_rate", "x" * 5000, "7"),
        ("login_days", 32, 31),
        ("bonus_forfeited", "perhaps", "true"),
        ("quotes_last_month", "٣", "3"),
        ("free_used_percent", 101, 100),
        ("rulebook", 7, "2022-01"),
    ],
)
def test_what_lies_outside_is_refused_at_its_field(
    owner_api: APIClient, field: str, wrong: object, right: object
) -> None:
    refused = owner_api.post(SIMULATE, {field: wrong}, format="json")
    assert fields_at_fault(refused) == {field}
    assert owner_api.post(SIMULATE, {field: right}, format="json").status_code == 200


def test_every_field_at_fault_is_named_at_once(owner_api: APIClient) -> None:
    sent = {"gmv": "lots", "quotes": 99, "membership": "gold"}
    refused = owner_api.post(SIMULATE, sent, format="json")
    assert fields_at_fault(refused) == {"gmv", "quotes", "membership"}
    assert owner_api.post(SIMULATE, [1], format="json").status_code == 400


def test_points_go_as_far_as_the_rulebook(owner_api: APIClient) -> None:
    old = owner_api.post(SIMULATE, {"rulebook": "2021-09", "quotes": 25}, format="json").json()
    assert factors(old)["quotes"]["points"] == 25
    new = owner_api.post(SIMULATE, {"rulebook": "2022-08", "quotes": 25}, format="json")
    assert fields_at_fault(new) == {"quotes"}


@pytest.mark.rule("RFQ-20")
def test_quotes_last_month_and_use_of_free_rights_count_where_the_rules_ask(
    owner_api: APIClient,
) -> None:
    sent = {
        "rulebook": "2021-09", "quotes": 25, "response_rate": 25, "reply_rate": 50,
        "gmv": 35_000, "login_days": 22, "quotes_last_month": 64, "free_used_percent": 100,
    }  # fmt: skip
    answer = owner_api.post(SIMULATE, sent, format="json").json()
    assert (answer["rewards"]["quote"], answer["marketing_bonus"]) == (64, 5)
    assert answer["rewards"]["fast_lane"] is None


# --- Queries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [SCORE, f"{SCORE}/history"])
def test_the_number_of_queries_does_not_depend_on_the_history(
    shop: Seller, owner_api: APIClient, django_assert_num_queries: Any, address: str
) -> None:
    score_publish(DAY)
    score_row(shop, valid_from=DAY)
    owner_api.get(address)
    with CaptureQueriesContext(connection) as few:
        owner_api.get(address)
    for back in range(1, 20):
        day = DAY - timedelta(days=7 * back)
        score_publish(day)
        score_row(shop, valid_from=day, valid_to=day, gmv=back)
        assessment_create(seller=shop, as_of=day)
    for number, key in enumerate(KEYS):
        benchmark(shop, key, number)
    with django_assert_num_queries(len(few)):
        owner_api.get(address)
