"""The diagnosis as a shop sees it: pages, home page, API; and who sees it (GRO-11, GRO-3)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from growth.choices import Stage
from growth.diagnosis.reading import diagnosis_reading
from growth.models import GrowthScore
from growth.nightly.diagnosis import JOB
from growth.nightly.stages import STAGES
from portal.models import Category, Member, MetricValue, Seller
from portal.next_actions import NextAction, next_actions_for
from portal.scoping import seller_scope, unscoped
from tests.growth.diagnosis_world import (
    DAY,
    benchmark_row,
    book,
    item,
    peer,
    peers,
    published,
    random_world,
    score_row,
    stage,
    value,
)
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-11")]

PAGE, ITEMS, API = "/growth/diagnosis/", "/growth/diagnosis/items/", "/api/v1/growth/diagnosis"
INQUIRIES, RATE, POINTS = (
    "portal.inquiries_30d",
    "portal.on_time_dispatch_90d",
    "compliance.points",
)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03: the newest day there can be is 2022-08-01."""


@pytest.fixture
def shop(shop: Seller) -> Seller:
    """The shop, open for a year."""
    shop.opened_on = date(2021, 8, 1)
    shop.save()
    return shop


@pytest.fixture
def diagnosed(shop: Seller) -> Seller:
    """A mature shop with four items: two suggestions, one reached, one without a value."""
    book(
        item(INQUIRIES, weight=3, title_en="Inquiries", gain_en="Buyers who ask",
             guide_en="Answer soon", page="portal:inquiries"),
        item(POINTS, weight=1, title_en="Penalty points", lower_is_better=True),
        item("portal.orders_30d", weight=2, title_en="Orders"),
        item(RATE, weight=2, title_en="On time"),
    )  # fmt: skip
    published(DAY, jobs=[JOB, STAGES])
    stage(shop)
    value(shop, INQUIRIES, 10)
    value(shop, POINTS, 4)
    value(shop, "portal.orders_30d", 9)
    benchmark_row(shop, INQUIRIES, 30, sellers=12)
    benchmark_row(shop, POINTS, 2, scope="industry", sellers=40)
    benchmark_row(shop, "portal.orders_30d", "8.5")
    benchmark_row(shop, RATE, 90)
    # (3 × 1/3 + 1 × 2/4 + 2 × 1) / 6 = 58.33
    score_row(shop, "58.33", rulebook="test", suggestions=2)
    return shop


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- Explanation and stored score -----------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("NGT-3")
def test_what_is_explained_is_what_the_night_stored(categories: dict[str, Category]) -> None:
    tree = {**categories, "lone": categories["home"], "pair": categories["sports"]}
    random_world(tree, DAY, seed=5, sellers=80)
    night(DAY, JOB)
    with unscoped():
        rows = list(GrowthScore.objects.as_of(DAY).select_related("seller"))
    assert len({row.score for row in rows}) > 10
    for row in rows:
        with seller_scope(row.seller):
            reading = diagnosis_reading(row.seller)
        assert reading.diagnosis is not None
        assert reading.diagnosis.score == row.score == reading.score
        assert len(reading.diagnosis.suggestions) == row.suggestions


# --- The card -------------------------------------------------------------------------------------


@pytest.mark.rule("K-2", "UI-3")
def test_the_card_shows_score_suggestions_and_the_best_of_them(
    diagnosed: Seller, viewer_client: Client
) -> None:
    response = viewer_client.get(PAGE)
    page = text_of(response)
    assert "Data as of" in page
    assert "Aug 1, 2022 24:00" in page
    card = response.context["card"]
    assert (card.score, card.suggestions, card.items) == (Decimal("58.33"), 2, 4)
    first, second = card.top
    assert (first.key, first.value, first.benchmark, first.share) == (
        "inquiries_30d", "10", "30", 33,
    )  # fmt: skip
    assert (first.score_gain, first.url) == ("+33.34", "/inquiries/")
    assert first.peers == "Median of 12 starred sellers of your industry"
    assert (second.benchmark, second.score_gain) == ("at most 2", "+8.34")
    assert second.peers == "Median of all 40 sellers of your industry with a value"
    for shown in (first.peers, "Buyers who ask", "Answer soon", "See all 4 scan results", "+33.34"):
        assert shown in page
    assert 'href="/inquiries/"' in page
    assert 'href="/numbers/portal.inquiries_30d/"' in page


def test_the_card_has_five_and_the_list_has_all(shop: Seller, owner_client: Client) -> None:
    metrics = [f"ext.m{n}" for n in range(8)]
    book(*(item(metric) for metric in metrics))
    published(DAY, jobs=[JOB, STAGES])
    stage(shop)
    score_row(shop, "0", rulebook="test", suggestions=8)
    for metric in metrics:
        value(shop, metric, 0)
        benchmark_row(shop, metric, 5)
    card = owner_client.get(PAGE).context["card"]
    assert (len(card.top), card.suggestions, card.more) == (5, 8, 3)
    groups = owner_client.get(ITEMS).context["groups"]
    assert [(group["key"], len(group["rows"])) for group in groups] == [("suggestions", 8)]


def test_all_scan_results_in_three_groups(diagnosed: Seller, owner_client: Client) -> None:
    response = owner_client.get(ITEMS)
    groups = {
        group["key"]: [row.key for row in group["rows"]] for group in response.context["groups"]
    }
    assert groups == {
        "suggestions": ["inquiries_30d", "points"],
        "reached": ["orders_30d"],
        "left-out": ["on_time_dispatch_90d"],
    }
    page = text_of(response)
    assert "Your shop has no value yet, so it does not count." in page
    assert "The items compared weigh 6 together." in page
    # 3 × 33.33 % + 1 × 50 % + 2 × 100 %, by 6: the 58.33 above.
    assert [row.reached for group in response.context["groups"] for row in group["rows"]] == [
        "33.33%", "50%", "100%", "",
    ]  # fmt: skip
    assert 'href="/rules/growth.diagnosis/?version=test"' in page


@pytest.mark.rule("K-8")
def test_an_item_too_few_sellers_have_says_so(
    diagnosed: Seller, owner_client: Client, other_shop: Seller
) -> None:
    with unscoped():
        other_shop.industry = Category.objects.get(code="home")
        other_shop.save()
    benchmark_row(other_shop, "ext.odm", 76_543)
    book(item("ext.odm", title_en="ODM"))
    value(diagnosed, "ext.odm", 1)
    with unscoped():
        GrowthScore.objects.update(score=None, suggestions=0)
    response = owner_client.get(ITEMS)
    page = text_of(response)
    assert "Fewer than five sellers of your industry have a value" in page
    assert "76,543" not in page
    card = text_of(owner_client.get(PAGE))
    assert "Nothing can be compared yet" in card


@pytest.mark.rule("UI-3")
def test_the_trend_is_drawn_over_published_days_with_its_table(
    diagnosed: Seller, owner_client: Client
) -> None:
    assert owner_client.get(PAGE).context["plot"] == ""
    published(DAY - timedelta(days=3), jobs=[JOB])
    plot = owner_client.get(PAGE).context["plot"]
    assert "plot-line" in plot
    assert "<table" in plot
    assert "58.33" in plot


@pytest.mark.rule("K-8")
def test_each_shop_sees_its_own(diagnosed: Seller, stranger_client: Client, other_shop: Seller):
    stage(other_shop)
    response = stranger_client.get(PAGE, {"seller": diagnosed.member_id})
    assert response.context["card"] is None
    assert "No growth score for this shop yet" in text_of(response)


# --- Who sees it ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-3")
@pytest.mark.parametrize(
    ("where", "rulebook", "received", "opens"),
    [
        (Stage.MATURE, "2022-07", 0, True),
        (Stage.NOVICE_90, "2022-07", "999.99", False),
        (Stage.NOVICE_90, "2022-07", 1000, True),
        (Stage.NOVICE_30, "2022-07", 1000, True),
        (Stage.PRE_OPENING, "2022-07", 0, False),
    ],
)
def test_it_opens_to_mature_shops_and_with_the_milestone(
    shop: Seller, owner_client: Client, where: Stage, rulebook: str, received: Any, opens: bool
) -> None:
    published(DAY, jobs=[JOB, STAGES])
    stage(shop, where, rulebook=rulebook, received=Decimal(received))
    score_row(shop, "77.25")
    for address in (PAGE, ITEMS):
        page = text_of(owner_client.get(address))
        assert ("Not open to your shop yet" in page) != opens
        assert ("77.25" in page) == opens
    assert ("77.25" in text_of(owner_client.get("/"))) == opens


@pytest.mark.rule("GRO-3")
def test_a_closed_page_says_what_opens_it(shop: Seller, owner_client: Client) -> None:
    shop.opened_on = date(2022, 6, 20)
    shop.save()
    published(DAY, jobs=[JOB, STAGES])
    stage(shop, Stage.NOVICE_90, received=Decimal(340))
    response = owner_client.get(PAGE)
    page = text_of(response)
    assert "Reach the milestone “USD 1,000 received”" in page
    assert "US$340 of US$1,000" in page
    # Day 91: the first one of the mature stage.
    assert "your shop is mature on Sep 19, 2022" in page


@pytest.mark.rule("GRO-3")
def test_the_edition_of_2021_asks_for_more(shop: Seller, owner_client: Client, clock: Any) -> None:
    clock.noon(date(2021, 9, 3))
    published(date(2021, 9, 1), jobs=[JOB, STAGES])
    stage(
        shop,
        Stage.NOVICE_90,
        rulebook="2021-07",
        received=Decimal(9999),
        valid_from=date(2021, 8, 1),
    )
    page = text_of(owner_client.get(PAGE))
    assert "US$9,999 of US$10,000" in page


def test_before_the_first_night_it_says_when(shop: Seller, owner_client: Client) -> None:
    assert "Your stage is on its way" in text_of(owner_client.get(PAGE))
    published(DAY, jobs=[STAGES])
    stage(shop)
    assert "Your first diagnosis is on its way" in text_of(owner_client.get(PAGE))


# --- Home page ------------------------------------------------------------------------------------


def actions(member: Member) -> list[NextAction]:
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, DAY + timedelta(days=2))
    return [each for each in found if "Growth score" in str(each.gain)]


@pytest.mark.rule("UI-2")
def test_the_best_suggestion_is_worth_doing_next(
    diagnosed: Seller, colleague: Member, viewer: Member
) -> None:
    (action,) = actions(colleague)
    assert action.title == "Inquiries: you have 10, the benchmark is 30"
    assert action.gain == "Growth score: +33.34 points"
    assert action.url == "/growth/diagnosis/#item-inquiries_30d"
    assert actions(viewer) == []


@pytest.mark.rule("UI-2", "GRO-3")
def test_nothing_is_told_to_shops_that_do_not_see_it(shop: Seller, owner: Member) -> None:
    book(item(INQUIRIES))
    published(DAY, jobs=[JOB, STAGES])
    stage(shop, Stage.NOVICE_90)
    benchmark_row(shop, INQUIRIES, 30)
    score_row(shop, "0", rulebook="test")
    assert actions(owner) == []


@pytest.mark.rule("UI-2")
def test_the_home_page_has_the_card(diagnosed: Seller, owner_client: Client) -> None:
    answer = owner_client.get("/")
    [card] = [each.content for each in answer.context["cards_below"]]
    assert (card.score, card.suggestions) == (Decimal("58.33"), 2)
    assert "58.33" in text_of(answer)
    assert ITEMS in answer.content.decode()


@pytest.mark.rule("GRO-11")
@pytest.mark.parametrize("address", [PAGE, ITEMS, "/", API, f"{API}/history"])
def test_the_same_queries_whatever_there_is_to_show(
    diagnosed: Seller, owner_client: Client, django_assert_num_queries: Any, address: str
) -> None:
    owner_client.get(address)
    with CaptureQueriesContext(connection) as queries:
        owner_client.get(address)
    few = len(queries)
    metrics = [f"ext.m{n}" for n in range(30)]
    book(item(INQUIRIES), *(item(metric) for metric in metrics))
    for metric in metrics:
        value(diagnosed, metric, 1)
        benchmark_row(diagnosed, metric, 5)
    for back in range(1, 20):
        published(DAY - timedelta(days=back), jobs=[JOB])
    owner_client.get(address)
    with django_assert_num_queries(few):
        owner_client.get(address)


# --- API ------------------------------------------------------------------------------------------


@pytest.mark.rule("API-1")
def test_the_api_answers_score_and_items(diagnosed: Seller, viewer_api: APIClient) -> None:
    answer = viewer_api.get(API).json()
    items = answer.pop("items")
    assert answer == {
        "as_of": "2022-08-01", "rulebook": "test", "unlocked": True, "score": "58.33",
        "suggestions": 2,
    }  # fmt: skip
    assert [each["key"] for each in items] == [
        "inquiries_30d", "points", "orders_30d", "on_time_dispatch_90d",
    ]  # fmt: skip
    assert items[0] == {
        "key": "inquiries_30d", "metric": INQUIRIES, "title": "Inquiries", "state": "below",
        "value": 10, "benchmark": 30, "sellers": 12, "scope": "starred", "lower_is_better": False,
        "weight": 3, "score": "0.33333333", "gain": "33.34", "brings": "Buyers who ask",
        "guide": "Answer soon", "url": "/inquiries/",
    }  # fmt: skip
    assert (items[2]["benchmark"], items[2]["score"], items[2]["gain"]) == (
        "8.5",
        "1.00000000",
        "0.00",
    )
    left_out = items[3]
    assert (left_out["state"], left_out["value"], left_out["score"]) == ("no_value", None, None)


@pytest.mark.rule("GRO-11")
def test_what_is_just_below_its_benchmark_never_shows_all_of_it(
    diagnosed: Seller, owner_api: APIClient, owner_client: Client
) -> None:
    with unscoped():
        MetricValue.objects.filter(metric=INQUIRIES).update(value=Decimal("29.9999"))
    item = next(each for each in owner_api.get(API).json()["items"] if each["metric"] == INQUIRIES)
    assert (item["state"], item["score"]) == ("below", "0.99999667")
    rows = owner_client.get(ITEMS).context["groups"][0]["rows"]
    assert [row.reached for row in rows if row.metric == INQUIRIES] == ["99.99%"]


@pytest.mark.rule("GRO-3")
def test_the_api_answers_whatever_the_stage(shop: Seller, owner_api: APIClient) -> None:
    published(DAY, jobs=[JOB, STAGES])
    stage(shop, Stage.NOVICE_30)
    score_row(shop, "12.50")
    answer = owner_api.get(API).json()
    assert (answer["unlocked"], answer["score"]) == (False, "12.50")


@pytest.mark.rule("K-2")
def test_the_api_answers_as_of_a_day(diagnosed: Seller, owner_api: APIClient) -> None:
    published(DAY - timedelta(days=9), jobs=[JOB])
    with unscoped():
        GrowthScore.objects.update(valid_from=DAY)
    score_row(diagnosed, "40", rulebook="test", valid_to=DAY - timedelta(days=1))
    assert owner_api.get(API, {"as_of": "2022-07-31"}).json()["score"] == "40.00"
    assert owner_api.get(API, {"as_of": "2022-07-20"}).json()["as_of"] is None
    assert owner_api.get(API, {"as_of": "2022-08-02"}).status_code == 400
    history = owner_api.get(f"{API}/history").json()
    assert [(each["as_of"], each["score"]) for each in history["results"]] == [
        ("2022-08-01", "58.33"),
        ("2022-07-23", "40.00"),
    ]


@pytest.mark.rule("K-8")
def test_another_shop_gets_its_own_answer(
    diagnosed: Seller, other_shop: Seller, stranger_api: APIClient
) -> None:
    answer = stranger_api.get(API).json()
    assert (answer["score"], answer["items"]) == (None, [])


def test_before_the_first_night_everything_is_null(shop: Seller, owner_api: APIClient) -> None:
    assert owner_api.get(API).json() == {
        "as_of": None, "rulebook": None, "unlocked": False, "score": None, "suggestions": None,
        "items": [],
    }  # fmt: skip


# --- Staff ----------------------------------------------------------------------------------------


@pytest.mark.rule("UI-7")
@pytest.mark.parametrize("model", ["growthscore", "growthbenchmark"])
def test_staff_see_and_cannot_edit(diagnosed: Seller, admin_client: Client, model: str) -> None:
    assert admin_client.get(f"/admin/growth/{model}/").status_code == 200
    assert admin_client.get(f"/admin/growth/{model}/add/").status_code == 403


def test_the_night_and_the_page_meet(category: Category, shop: Seller, owner_client: Client):
    """The whole way once: values, night, page."""
    book(item(INQUIRIES))
    with unscoped():
        peers(category, INQUIRIES, [10, 20, 30, 40, 50])
        peer(category, star=0)
    value(shop, INQUIRIES, 12)
    published(DAY)
    with unscoped():
        night(DAY, JOB)
    published(DAY, jobs=[STAGES])
    stage(shop)
    card = owner_client.get(PAGE).context["card"]
    assert (card.score, card.top[0].benchmark) == (Decimal("40.00"), "30")
