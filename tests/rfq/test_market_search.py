"""What a market search finds, in which order, page by page (RFQ-2, K-11)."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from portal import platform_time
from portal.models import Category, Seller, SellerFlag
from portal.scoping import seller_scope, unscoped
from rfq.market import queries
from rfq.market.queries import market, read_market_query
from rfq.services.search_alerts import found_by, new_rfqs, shops_of
from tests.listings.theme_world import product_feed
from tests.rfq.market_tools import asked, found, listed, page_of
from tests.rfq.world import (
    assessment_create,
    buyer_create,
    invitation_create,
    lot_create,
    quote_create,
    rfq_create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-2")]


@pytest.fixture(autouse=True)
def _world(categories: Any, clock: Any) -> None: ...


@pytest.fixture(autouse=True, params=["walked", "gathered"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search is read in both ways: asking each RFQ of the order, and from the rarest index."""
    walked = request.param == "walked"
    monkeypatch.setattr(queries, "worth_walking", lambda *numbers: walked)
    if walked:
        # A single word is always read by its own index.
        monkeypatch.setattr(queries, "_choose", lambda *asked: None)


def hours(number: float) -> Any:
    return platform_time.now() - timedelta(hours=number)


# --- Filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=灯带", {"zh", "both"}),
        ("q=灯带电", {"zh"}),
        ("q=灯", {"zh", "both", "lamp"}),
        ("q=e-bike kit", {"kit", "both"}),
        ("q=e-bike kit&match=any", {"kit", "both", "bike", "lamp"}),
        ("q=e-bike kit 灯带", {"both"}),
        ("q=灯带 helmet&match=any", {"zh", "both"}),
        ("q=灯带电 kit&match=any", {"zh", "kit", "both", "lamp"}),
        ("q=nothing", set()),
        ("q=!!!", {"zh", "both", "kit", "bike", "lamp"}),
    ],
)
def test_words_all_or_any(shop: Seller, query: str, expected: set[str]) -> None:
    listed("zh", title="防水灯带电源")
    listed("both", title="RGB灯带 with E-BIKE kits")
    listed("kit", title="Conversion kits", details="For an e-bike of 48V")
    listed("bike", title="E-bike, complete")
    listed("lamp", title="灯 kit")
    assert set(found(query, shop)) == expected


def test_category_with_all_below(shop: Seller, categories: dict[str, Category]) -> None:
    listed("kit", category=categories["e-bike-kits"])
    listed("helmet", category=categories["helmets"])
    listed("flask", category=categories["vacuum-flasks"])
    assert set(found("category=bicycles", shop)) == {"kit", "helmet"}
    assert found("category=helmets", shop) == ["helmet"]
    assert found("category=bicycles&q=nothing", shop) == []


def test_country_and_grade(shop: Seller) -> None:
    listed("us", buyer=buyer_create(country="US"), grade="gold")
    listed("de", buyer=buyer_create(country="DE"))
    assert found("country=de", shop) == ["de"]
    assert found("country=FR", shop) == []
    assert found("grade=gold", shop) == ["us"]
    assert found("grade=gold&country=DE", shop) == []


@pytest.mark.parametrize(("within", "age"), [("1h", 1), ("24h", 24), ("7d", 168)])
@pytest.mark.parametrize("ordering", ["newest", "fewest_quotes"])
def test_posted_within_counts_its_edge(shop: Seller, within: str, age: int, ordering: str) -> None:
    listed("in", posted_at=hours(age))
    listed("out", posted_at=hours(age) - timedelta(microseconds=1))
    query = f"posted_within={within}&ordering={ordering}"
    assert found(query, shop) == ["in"]
    assert found(f"{query}&q=kit", shop) == ["in"]


def test_what_is_over_ahead_or_off_the_market_is_not_shown(shop: Seller, clock: Any) -> None:
    now = platform_time.now()
    listed("open", expires_at=now + timedelta(microseconds=1))
    listed("over", expires_at=now)
    listed("ahead", posted_at=now + timedelta(microseconds=1))
    listed("just", posted_at=now)
    for status in ("closed", "removed", "expired"):
        listed(status, status=status)
    for query in (
        "",
        "q=kit",
        "ordering=fewest_quotes",
        "ordering=highest_quantity",
        "grade=standard",
    ):
        assert set(found(query, shop)) == {"open", "just"}


# --- Buyers -------------------------------------------------------------------------------------


@pytest.mark.rule("K-11")
@pytest.mark.parametrize(
    ("day", "expected"), [(date(2022, 7, 31), set()), (date(2022, 8, 1), {"L1", "L4"})]
)
def test_the_badge_filter_knows_no_more_than_the_badge(
    shop: Seller, clock: Any, day: date, expected: set[str]
) -> None:
    clock.noon(day)
    for tier in ("L0", "L1", "L4"):
        listed(tier, buyer=buyer_create(tier=tier))
    listed("tomorrow", buyer=buyer_create(tier="L3", tier_since=day + timedelta(days=1)))
    assert set(found("badge=1", shop)) == expected
    SellerFlag.objects.create(seller=shop, code="million_dollar_club", since=date(2022, 1, 1))
    Seller.objects.filter(pk=shop.pk).update(assessed_star=3)
    shop.refresh_from_db()
    assert set(found("badge=1", shop)) == expected


# --- Own categories -----------------------------------------------------------------------------


def test_recommended_is_the_main_category_and_what_is_sold(
    shop: Seller, other_shop: Seller, categories: dict[str, Category]
) -> None:
    Seller.objects.filter(pk=shop.pk).update(main_category=categories["e-bike-parts"])
    shop.refresh_from_db()
    product_feed(shop, "flask", category="vacuum-flasks", attributes={})
    product_feed(shop, "draft", category="kitchenware", attributes={}, status="draft")
    product_feed(other_shop, "helmet", category="helmets", attributes={})
    for number, code in enumerate(
        ["e-bike-kits", "vacuum-flasks", "helmets", "kitchenware", "e-bike-batteries"]
    ):
        listed(code, category=categories[code], posted_at=hours(number + 1))
    expected = ["e-bike-kits", "vacuum-flasks", "e-bike-batteries"]
    assert found("own=1", shop) == expected
    assert found("ordering=recommended", shop) == expected
    assert len(found("own=0", shop)) == 5


# --- Can quote now ------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-8")
def test_can_quote_now_keeps_what_can_be_quoted(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    listed("plain")
    quote_create(rfq=listed("quoted"), seller=shop)
    quote_create(rfq=listed("theirs"), seller=other_shop)
    listed("full", quoted=10)
    listed("gold", grade="gold")
    listed("silver", grade="silver", opens_to_all_at=now + timedelta(seconds=1))
    listed("silver-open", grade="silver", opens_to_all_at=now)
    invitation_create(listed("pro", grade="pro", value_usd=60_000), shop)
    invitation_create(listed("pro-other", grade="pro", value_usd=60_000), other_shop)
    assert found("can_quote=1", shop) == []
    lot_create(seller=shop)
    expected = {"plain", "theirs", "silver-open", "pro"}
    assert set(found("can_quote=1", shop)) == expected
    lot_create(seller=shop, kind="gold")
    lot_create(seller=shop, kind="fast_lane")
    assessment_create(seller=shop)
    assert set(found("can_quote=1&ordering=fewest_quotes", shop)) == {
        *expected, "full", "gold", "silver",
    }  # fmt: skip


# --- Order and pages ----------------------------------------------------------------------------


def test_orders(shop: Seller) -> None:
    listed("a", posted_at=hours(1), quoted=3, quantity=Decimal(10))
    listed("b", posted_at=hours(2), quoted=0, quantity=Decimal("10.5"))
    listed("c", posted_at=hours(3), quoted=0, quantity=Decimal(900))
    assert found("", shop) == ["a", "b", "c"]
    assert found("ordering=fewest_quotes", shop) == ["b", "c", "a"]
    assert found("ordering=highest_quantity", shop) == ["c", "b", "a"]


def random_market(number: int) -> None:
    """Make RFQs that share instants, quotes and quantities, so that ties are everywhere."""
    draw = random.Random(7)
    categories = list(Category.objects.all())
    buyers = [
        buyer_create(country=country, tier=tier)
        for country in ("US", "DE")
        for tier in ("L0", "L2")
    ]
    words = ["kits", "led 灯带", "e-bike", "灯", "motor", "helmet"]
    for key in range(number):
        listed(
            f"r{key}",
            posted_at=hours(draw.choice([0.5, 1, 1, 2, 30, 200])),
            title=" ".join(draw.sample(words, 2)),
            quoted=draw.choice([0, 0, 1, 2]),
            quantity=Decimal(draw.choice([1, 5, 5, 70])),
            category=draw.choice(categories),
            buyer=draw.choice(buyers),
            grade=draw.choice(["standard", "gold"]),
            expires_at=platform_time.now() + timedelta(days=9),
        )


QUERIES = [
    "", "own=1", "q=kit", "q=kit motor", "q=kit motor&match=any", "q=灯", "q=e-bike 灯带&match=any",
    "category=bicycles", "category=bicycles&own=1", "country=US", "grade=gold", "badge=1",
    "posted_within=1h", "posted_within=24h&q=kit", "q=灯带&country=DE&grade=gold",
    "posted_within=7d&badge=1&category=home",
]  # fmt: skip


def test_pages_alerts_and_the_whole_list_agree(shop: Seller) -> None:
    """Three ways to say what a search finds: pages in both directions, one list, one RFQ at a time."""
    random_market(60)
    now = platform_time.now()
    with unscoped():
        news = new_rfqs(since=hours(9999), until=now, now=now)
        searcher = shops_of([shop], now).searcher(shop.pk)
    for query in QUERIES:
        held = {new.rfq.rfq_id for new in news if found_by(asked(query), new, searcher, now)}
        for ordering in ("newest", "fewest_quotes", "highest_quantity"):
            text = "&".join(part for part in (query, f"ordering={ordering}") if part)
            with seller_scope(shop):
                whole = [rfq.rfq_id for rfq in market(asked(text), shop, now)]
            assert set(whole) == held, text
            assert found(text, shop, size=7) == whole, text
            assert backwards(text, shop) == whole, text


def backwards(query: str, shop: Seller) -> list[str]:
    """Read to the last page, then page by page to the front."""
    page = page_of(query, shop, size=7)
    while page.next_cursor:
        page = page_of(query, shop, size=7, cursor=page.next_cursor)
    ids = [rfq.rfq_id for rfq in page.rfqs]
    while page.previous_cursor:
        page = page_of(query, shop, size=7, cursor=page.previous_cursor, backwards=True)
        ids = [rfq.rfq_id for rfq in page.rfqs] + ids
        assert page.has_next
    return ids


@pytest.mark.parametrize("ordering", ["newest", "fewest_quotes", "highest_quantity"])
def test_new_rfqs_do_not_move_the_next_page(shop: Seller, ordering: str) -> None:
    random_market(12)
    query = f"q=kit 灯 motor helmet&match=any&ordering={ordering}"
    before = found(query, shop, size=4)
    first = page_of(query, shop, size=4)
    for number in range(5):
        listed(f"new{number}", title="kit", posted_at=hours(0.1), quantity=Decimal(999))
    second = page_of(query, shop, size=4, cursor=first.next_cursor)
    assert [rfq.rfq_id for rfq in second.rfqs] == before[4:8]
    back = page_of(query, shop, size=4, cursor=second.previous_cursor, backwards=True)
    assert [rfq.rfq_id for rfq in back.rfqs] == before[:4]
    assert back.has_previous is (page_of(query, shop).rfqs[0].rfq_id != before[0])


@pytest.mark.parametrize(
    "cursor",
    ["x", "W10", "WzEsMl0", "WyJhIiwgImIiXQ", "W3siYXQiOiAiMjAyMi0wOC0wM1QwMDowMDowMFoifSwgIngiXQ",
     "W3siZGF5IjogIjIwMjItMDgtMDMifSwgMV0", "W251bGwsIG51bGxd"],
)  # fmt: skip
@pytest.mark.parametrize("ordering", ["newest", "fewest_quotes", "highest_quantity"])
def test_what_is_no_cursor_is_refused(shop: Seller, cursor: str, ordering: str) -> None:
    rfq_create()
    with pytest.raises(ValidationError):
        page_of(f"ordering={ordering}", shop, cursor=cursor)


@pytest.mark.parametrize(
    ("in_sample", "rarest", "walk"),
    [
        (0, 12_000, False),
        (3, 12_000, True),
        (2, 12_000, False),
        (26, 1_000, True),
        (26, 999, False),
    ],
)
def test_the_order_is_walked_where_that_asks_less(
    in_sample: int, rarest: int, walk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(queries, "SAMPLE", 1_000)
    assert queries.worth_walking(in_sample, rarest, 26) is walk


# --- What was typed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"category": "nothing"}, "category"),
        ({"category": "灯带"}, "category"),
        ({"country": "XX"}, "country"),
        ({"country": "中国"}, "country"),
        ({"grade": "Gold"}, "grade"),
        ({"posted_within": "2h"}, "posted_within"),
        ({"ordering": "price"}, "ordering"),
        ({"match": "some"}, "match"),
        ({"can_quote": "maybe"}, "can_quote"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "\ud800"}, "q"),
    ],
)
def test_a_wrong_parameter_has_its_message_and_counts_as_absent(
    given: dict[str, str], parameter: str
) -> None:
    query = read_market_query(given)
    assert list(query.errors) == [parameter]
    assert query == read_market_query({})


def test_a_search_is_kept_as_the_string_that_asks_for_it(shop: Seller) -> None:
    full = (
        "q=e-bike+%E7%81%AF%E5%B8%A6&match=any&category=e-bike-kits&country=US&grade=gold"
        "&posted_within=24h&badge=1&can_quote=1&own=1&ordering=fewest_quotes"
    )
    for text in ("own=0", full):
        assert asked(text).as_string() == text
