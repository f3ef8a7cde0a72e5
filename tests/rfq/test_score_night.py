"""The night's statement says of every seller what the rules say of one (RFQ-13 … RFQ-16, NGT-3 … NGT-5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from portal.models import LoginDay, Order, Seller
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from rfq.models import PeerBenchmark, ServiceScore
from rfq.nightly.score import plan_industries
from tests import factories
from tests.factories import Node
from tests.rfq.score_world import World, expected_row, night, scores_by_loop, scores_published
from tests.rfq.world import buyer_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 8, 1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


@pytest.fixture
def tree(db) -> dict:
    """The small tree with three more industries."""
    more = [Node(code, None, code, code) for code in ("alone", "pair", "lone")]
    return factories.tree_create([*factories.TREE, *more])


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15", "RFQ-16")
@pytest.mark.parametrize(
    ("day", "version"),
    [
        (date(2021, 10, 20), "2021-09"),
        (date(2022, 7, 31), "2022-01"),
        (date(2022, 8, 1), "2022-01"),  # the first month without a forfeited bonus is July
        (date(2022, 9, 12), "2022-08"),
        (date(2022, 11, 6), "2022-08"),  # a day of 25 hours
        (date(2022, 3, 31), "2022-01"),  # a month with a day of 23
    ],
)
def test_all_sellers_get_what_the_rules_give_each(tree, clock, day, version):
    clock.noon(date(2022, 12, 1))
    World(tree, day, seed=day.toordinal()).make()
    night(day, shards=3)
    expected = {
        key: expected_row(figures, score, version)
        for key, (figures, score) in scores_by_loop(day).items()
    }
    found = scores_published(day)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key] == row, key
    _speaks_of_something(found.values(), version)


def _speaks_of_something(rows, version) -> None:
    """The world has what the comparison is about: ties, zeros, every tier, a lone seller."""
    rows = list(rows)
    ranks = [row["quotes_rank"] for row in rows if row["quotes_rank"]]
    assert len(ranks) > len(set(ranks)), "no ties"
    assert any(row["quotes"] == 0 for row in rows)
    assert {row["quotes_peers"] for row in rows} > {0}
    assert len({row["reply_rate_points"] for row in rows}) >= 4
    assert len({row["gmv_points"] for row in rows}) >= 5
    if version == "2021-09":
        assert any(row["free_used"] for row in rows)


@pytest.mark.rule("RFQ-13", "RFQ-14", "RFQ-15")
def test_ties_share_the_better_rank_and_a_single_other_one_gets_all_but_one(tree, clock):
    clock.noon(date(2022, 9, 20))
    day = date(2022, 9, 12)
    posted = start_of(date(2022, 9, 5))
    shops = {}
    for industry, quotes in {"pair": [3, 2], "alone": [1], "lone": [4, 4, 4, 0]}.items():
        for n, number in enumerate(quotes):
            shop = factories.seller_create(tree[industry], member_id=f"{industry}{n}")
            shops[shop.member_id] = shop
            for _ in range(number):
                rfq = rfq_create(category=tree["e-bike-kits"], posted_at=posted)
                quote_create(rfq=rfq, seller=shop, submitted_at=posted + timedelta(hours=1))
    night(day)
    found = scores_published(day)
    assert {key: row["quotes_points"] for key, row in found.items()} == {
        "pair0": 20, "pair1": 19, "alone0": 20, "lone0": 20, "lone1": 20, "lone2": 20, "lone3": 0,
    }  # fmt: skip
    assert {key: row["quotes_rank"] for key, row in found.items() if key.startswith("lone")} == {
        "lone0": 1, "lone1": 1, "lone2": 1, "lone3": None,
    }  # fmt: skip


# --- Boundaries of the windows ------------------------------------------------------------------


def _score(shop: Seller, day: date = DAY) -> ServiceScore:
    return ServiceScore.objects.as_of(day).get(seller=shop)


@pytest.mark.rule("RFQ-16", "K-3")
def test_quotes_of_the_month_begin_and_end_with_pacific_days(shop, clock):
    day, first = date(2022, 7, 31), start_of(date(2022, 7, 1))
    for at in (first - SECOND, first, end_of(day) - SECOND, end_of(day)):
        quote_create(
            rfq=rfq_create(posted_at=at - timedelta(hours=2)), seller=shop, submitted_at=at
        )
    night(day)
    row = _score(shop, day)
    assert row.quotes == 2
    # 30 days ending with 31 July begin on 2 July.
    assert row.quoted_30d == 1


@pytest.mark.rule("RFQ-16", "RFQ-14", "RFQ-15")
@pytest.mark.parametrize(
    ("day", "seconds", "in_time"),
    [
        (date(2022, 8, 2), 24 * 3600, 1),
        (date(2022, 8, 2), 24 * 3600 + 1, 0),
        (date(2022, 8, 3), 12 * 3600, 1),
        (date(2022, 8, 3), 12 * 3600 + 1, 0),
    ],
)
def test_in_time_is_by_the_hours_of_the_as_of_days_rulebook(shop, clock, day, seconds, in_time):
    clock.noon(date(2022, 8, 6))
    at = start_of(day) + timedelta(hours=5)
    rfq = rfq_create(posted_at=at - timedelta(seconds=seconds))
    quote_create(rfq=rfq, seller=shop, submitted_at=at)
    night(day)
    row = _score(shop, day)
    assert (row.quotes, row.quotes_in_time) == (1, in_time)
    assert row.rulebook == ("2022-08" if day >= date(2022, 8, 3) else "2022-01")
    assert row.response_rate_points == (20 if in_time else 0)


@pytest.mark.rule("RFQ-16")
def test_a_reply_counts_when_it_was_known_by_the_end_of_the_day(shop, clock):
    at = start_of(DAY)
    for replied in (end_of(DAY) - SECOND, end_of(DAY)):
        rfq = rfq_create(posted_at=at - timedelta(hours=1))
        quote_create(rfq=rfq, seller=shop, submitted_at=at, replied_at=replied)
    night(DAY)
    row = _score(shop)
    assert (row.quoted_30d, row.replied_30d) == (2, 1)


@pytest.mark.rule("RFQ-16")
def test_an_rfq_quoted_again_after_withdrawing_is_one_rfq_and_two_quotes(shop, clock):
    at = start_of(DAY)
    rfq = rfq_create(posted_at=at)
    quote_create(
        rfq=rfq, seller=shop, submitted_at=at + SECOND, withdrawn_at=at + 5 * SECOND,
        replied_at=at + 3 * SECOND,
    )  # fmt: skip
    quote_create(rfq=rfq, seller=shop, submitted_at=at + 9 * SECOND)
    alone = rfq_create(posted_at=at)
    quote_create(rfq=alone, seller=shop, submitted_at=at + SECOND, withdrawn_at=at + 5 * SECOND)
    night(DAY)
    row = _score(shop)
    assert (row.quotes, row.quoted_30d, row.replied_30d) == (3, 2, 1)


@pytest.mark.rule("RFQ-16", "RFQ-24")
def test_a_refunded_quote_counts_until_it_was_refunded(shop, clock):
    clock.noon(date(2022, 8, 6))
    day = date(2022, 8, 3)
    at = start_of(day)
    quote = quote_create(rfq=rfq_create(posted_at=at), seller=shop, submitted_at=at + SECOND)
    _order(shop, quote.buyer, at + 2 * SECOND)
    quote.refunded_at = end_of(day)
    quote.save()
    night(day)
    night(day + timedelta(days=1))
    before, after = _score(shop, day), _score(shop, day + timedelta(days=1))
    assert (before.quotes, before.quoted_30d, before.gmv) == (1, 1, 700)
    assert (after.quotes, after.quoted_30d, after.gmv) == (0, 0, 0)


def _order(shop: Seller, buyer, created: datetime, **over) -> Order:
    fields = {
        "order_id": f"o{Order.objects.count()}",
        "channel": "trade_assurance",
        "kind": "rts",
        "amount": 900,
        "received": Decimal(700),
        "received_at": created,
        **over,
    }
    return Order.objects.create(seller=shop, buyer=buyer, created_at=created, **fields)


@pytest.mark.rule("RFQ-16", "RFQ-17")
def test_gmv_is_what_was_received_in_90_days_on_linked_real_orders(shop, other_shop, clock):
    quote = quote_create(seller=shop, rfq=rfq_create(posted_at=start_of(date(2022, 1, 1))))
    quoted, buyer = quote.submitted_at, quote.buyer
    first = start_of(DAY - timedelta(days=89))
    _order(shop, buyer, quoted, received_at=first, received="0.10")
    _order(shop, buyer, quoted, received_at=first - SECOND)
    _order(shop, buyer, quoted, received_at=end_of(DAY) - SECOND, received="0.20")
    _order(shop, buyer, quoted, received_at=end_of(DAY))
    _order(shop, buyer, quoted - SECOND, received_at=first)  # before the quote
    _order(shop, buyer, quoted, received_at=first, fake=True)
    _order(shop, buyer, quoted, received_at=None)  # a draft nobody paid
    _order(shop, buyer_create(), quoted, received_at=first)  # a buyer never quoted
    _order(other_shop, buyer, quoted, received_at=first)  # another shop's quote
    night(DAY)
    assert _score(shop).gmv == Decimal("0.30")
    assert _score(other_shop).gmv == 0


@pytest.mark.rule("RFQ-17")
def test_a_quote_links_orders_of_three_years(shop, clock):
    quote = quote_create(seller=shop, rfq=rfq_create(posted_at=start_of(date(2019, 7, 20))))
    _order(shop, quote.buyer, quote.links_until, received="5")
    _order(shop, quote.buyer, quote.links_until + SECOND, received="7")
    night(DAY)
    assert _score(shop).gmv == 5


@pytest.mark.rule("RFQ-13", "RFQ-14")
def test_login_days_are_of_the_month_and_later_of_30_days(shop, clock):
    clock.noon(date(2022, 8, 6))
    for day in (date(2021, 12, 2), date(2021, 11, 30), date(2022, 7, 3), date(2022, 7, 2), DAY):
        LoginDay.objects.create(seller=shop, day=day, at=start_of(day))
    night(date(2021, 12, 20))
    night(DAY)
    assert _score(shop, date(2021, 12, 20)).login_days == 1
    assert _score(shop).login_days == 2


@pytest.mark.rule("RFQ-14", "RFQ-15")
@pytest.mark.parametrize(
    ("received", "kept"), [("999.99", False), ("1000", True)], ids=["below", "enough"]
)
def test_the_bonus_of_a_month_hangs_on_the_90_days_before_it(
    shop, other_shop, clock, received, kept
):
    """July's end decides all of August, whatever August brings; June's end decided nothing."""
    clock.noon(date(2022, 9, 10))
    Seller.objects.filter(pk=other_shop.pk).update(membership="basic")
    quote = quote_create(seller=shop, rfq=rfq_create(posted_at=start_of(date(2022, 5, 1))))
    _order(
        shop, quote.buyer, quote.submitted_at, received=received,
        received_at=end_of(date(2022, 7, 31)) - SECOND,
    )  # fmt: skip
    _order(
        shop,
        quote.buyer,
        quote.submitted_at,
        received_at=end_of(date(2022, 7, 31)),
        received="9000",
    )
    for day, bonus in ((date(2022, 7, 30), 20), (date(2022, 8, 1), 20 if kept else 0),
                       (date(2022, 8, 31), 20 if kept else 0), (date(2022, 9, 1), 20)):  # fmt: skip
        night(day)
        row = _score(shop, day)
        assert (row.bonus, row.bonus_forfeited) == (bonus, not bonus), day
        assert not _score(other_shop, day).bonus_forfeited


# --- Standings ----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-19")
def test_benchmarks_tell_the_value_of_the_best_tenths_last_seller(tree, clock):
    World(tree, DAY, seed=7).make()
    night(DAY)
    for factor, name in (("quotes", "quotes"), ("response_rate", "response")):
        for benchmark in PeerBenchmark.objects.as_of(DAY).filter(factor=factor):
            rows = list(ServiceScore.objects.as_of(DAY).filter(seller__industry=benchmark.industry))
            ranked = [row for row in rows if getattr(row, f"{name}_rank")]
            best = [r for r in ranked if getattr(r, f"{name}_rank") <= -(-len(ranked) // 10)]
            assert benchmark.peers == len(ranked)
            values = [
                Decimal(row.quotes)
                if factor == "quotes"
                else Decimal(100 * row.quotes_in_time) / row.quotes
                for row in best
            ]
            assert 0 <= benchmark.threshold - min(values) < Decimal("0.0001")
    assert PeerBenchmark.objects.as_of(DAY).count() >= 8


@pytest.mark.rule("NGT-5", "RFQ-18")
def test_a_night_without_news_rewrites_nothing_and_cuts_do_not_matter(tree, clock):
    World(tree, DAY, seed=3).make()
    night(DAY)
    lines = list(standing_lines(DAY, "rfq"))
    before = set(ServiceScore.objects.values_list("pk", flat=True))
    night(DAY, shards=5)
    assert list(standing_lines(DAY, "rfq")) == lines
    assert set(ServiceScore.objects.values_list("pk", flat=True)) == before
    assert any('"standing":"score"' in line for line in lines)
    assert any('"standing":"benchmarks"' in line for line in lines)


@pytest.mark.rule("RFQ-18", "K-16")
def test_before_the_first_rulebook_nobody_has_a_score(shop, clock):
    night(date(2021, 8, 31))
    assert not ServiceScore.objects.exists()
    assert not PeerBenchmark.objects.exists()
    night(date(2021, 9, 1))
    assert _score(shop, date(2021, 9, 1)).rulebook == "2021-09"
    assert rulebook_for("rfq.score", date(2021, 9, 1)).version == "2021-09"


@pytest.mark.rule("RFQ-18")
def test_a_closed_shop_loses_its_score_and_a_restricted_one_keeps_it(shop, other_shop, clock):
    night(DAY - timedelta(days=1))
    Seller.objects.filter(pk=shop.pk).update(status="closed")
    Seller.objects.filter(pk=other_shop.pk).update(status="restricted")
    night(DAY)
    assert not ServiceScore.objects.as_of(DAY).filter(seller=shop).exists()
    assert ServiceScore.objects.as_of(DAY - timedelta(days=1)).filter(seller=shop).exists()
    assert _score(other_shop).rulebook == "2022-01"


def test_no_industry_is_cut_and_every_key_belongs_to_one_shard(tree, clock):
    World(tree, DAY, sellers=60).make()
    for wish in (None, 1, 2, 3, 4, 50):
        parts = plan_industries(DAY, wish)
        assert len(parts) <= 5
        assert parts[0]["lo"] == 0
        assert parts[-1]["hi"] == 2**63 - 1
        assert all(left["hi"] + 1 == right["lo"] for left, right in pairwise(parts))
        if wish and wish <= 3:
            assert len(parts) == wish
