"""The night's statement gives every shop what the rules give one (GRO-12 … GRO-14, NGT-3 … NGT-5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.models import StarStanding
from growth.stars.metrics import LOCAL_SERVICE, WINDOWS
from growth.stars.reading import star_reading
from portal.models import Dispute, Seller, SellerFlag
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, last_days, start_of
from portal.scoping import unscoped
from portal.services.shops import STAR_FROM_UPSTREAM
from tests import factories
from tests.factories import Node
from tests.growth.star_world import (
    SECOND,
    expected_row,
    figures_by_loop,
    industries_create,
    metric_of,
    order_create,
    stars_by_rules,
    stars_published,
    world_create,
)
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

BEFORE, SINCE = date(2022, 12, 5), date(2022, 12, 6)
DAY = date(2022, 7, 19)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    clock.noon(date(2022, 12, 20))
    with unscoped():
        yield


@pytest.mark.rule("GRO-12", "GRO-13", "GRO-14")
@pytest.mark.parametrize(("day", "version"), [(BEFORE, "2021-07"), (SINCE, "2022-12")])
def test_all_shops_get_what_the_rules_give_each(day, version):
    world_create(industries_create(), day, sellers=60, seed=day.toordinal())
    night(day, "growth.stars", shards=3)
    expected = {key: expected_row(each, version) for key, each in stars_by_rules(day).items()}
    found = stars_published(day)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key] == row, key
    # The world has what the comparison is about.
    assert len({row["trade"] for row in found.values()}) > 10
    assert any(row["product"] % 1 for row in found.values()), "no hundredths"
    assert {row["trade_bonus"] for row in found.values()} >= {0, 3}
    assert Seller.objects.count() > len(found), "no closed shop"


@pytest.mark.rule("GRO-13")
def test_trade_figures_are_those_of_their_definitions():
    world_create(industries_create(), DAY, sellers=24, seed=5)
    night(DAY, "growth.stars")
    seen = set()
    for shop in Seller.objects.all():
        for days in WINDOWS:
            for name, value in figures_by_loop(shop, DAY, days).items():
                found = metric_of(shop, f"growth.{name}_{days}d", DAY)
                assert found == value, (shop.member_id, name, days)
                seen.add((name, days, bool(value)))
    assert len(seen) == 16, "a figure is never there, or always"


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("industry", "day", "days"),
    [
        ("machinery", BEFORE, 90),
        ("machinery", SINCE, 180),
        ("building-materials", SINCE, 180),
        ("construction-machinery", SINCE, 180),
        ("toys", SINCE, 90),
    ],
)
def test_the_window_of_the_trade_figures_is_the_industrys(industry, day, days):
    category = industries_create()[industry]
    late, early = (factories.seller_create(category) for _number in range(2))
    first = last_days(days, day).starts_at
    order_create(late, at=first)
    order_create(early, at=first - SECOND)
    night(day, "growth.stars")
    found = stars_published(day)
    # USD 100 paid: 10 of 40; every order paid: 30 of 30; nobody came back: 0 of 30.
    assert (found[late.member_id]["trade"], found[early.member_id]["trade"]) == (40, 0)


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("code", "name_en", "name_zh", "days"),
    [
        ("c100", "Building Materials", "", 180),
        ("c100", "Heavy things", "工业机械", 180),
        ("construction_machinery", "Heavy things", "", 180),
        ("c100", "Heavy things", "建材家居", 90),
    ],
)
def test_an_industry_is_told_by_its_name_whatever_its_code(code, name_en, name_zh, days):
    category = factories.tree_create([Node(code, None, name_en, name_zh)])[code]
    shop = factories.seller_create(category)
    order_create(shop, at=last_days(180, SINCE).starts_at)
    night(SINCE, "growth.stars")
    assert stars_published(SINCE)[shop.member_id]["trade"] == (40 if days == 180 else 0)
    reading = star_reading(shop)
    assert reading.result.power("trade").points == reading.row.trade
    assert reading.result.power("trade").indicators[0].days == days


@pytest.mark.rule("GRO-13")
def test_only_customization_orders_that_are_not_fake_count(shop):
    at = start_of(DAY)
    order_create(shop, at=at, kind="rts")
    order_create(shop, at=at, fake=True)
    night(DAY, "growth.stars")
    assert metric_of(shop, "growth.online_amount_90d", DAY) == 0
    assert metric_of(shop, "growth.payment_conversion_90d", DAY) is None
    assert stars_published(DAY)[shop.member_id]["trade"] == 0


@pytest.mark.rule("GRO-13")
def test_service_is_local_when_the_order_says_exactly_so(shop):
    at = start_of(DAY)
    for services in ([], ["remote_warranty"], ["localxservice"], ["my_local_service"]):
        order_create(shop, at=at, after_sales=services, amount=7)
    order_create(shop, at=at, after_sales=["remote_warranty", LOCAL_SERVICE], amount="50.05")
    night(DAY, "growth.stars")
    assert metric_of(shop, "growth.local_after_sales_90d", DAY) == Decimal("50.05")
    assert metric_of(shop, "growth.after_sales_share_90d", DAY) == 80


@pytest.mark.rule("GRO-14")
def test_fulfilment_is_abnormal_when_overdue_untraceable_or_disputed_before_dispatch(shop):
    due, sent = DAY - timedelta(days=3), start_of(DAY - timedelta(days=4))
    fine = {"at": sent, "ship_by": due, "dispatched_at": sent, "tracking": "normal"}
    order_create(shop, **fine)
    order_create(shop, **fine, fake=True)
    order_create(shop, **(fine | {"ship_by": DAY + timedelta(days=1), "dispatched_at": None}))
    order_create(shop, **(fine | {"dispatched_at": end_of(DAY)}))
    order_create(shop, **(fine | {"tracking": "abnormal"}))
    disputed = [order_create(shop, **fine) for _number in range(3)]
    for order, before, at in zip(
        disputed, (True, False, True), (end_of(DAY) - SECOND, sent, end_of(DAY)), strict=True
    ):
        Dispute.objects.create(
            dispute_id=f"d{order.pk}", order=order, reason="other", opened_at=at,
            before_dispatch=before,
        )  # fmt: skip
    night(DAY, "growth.stars")
    # Six are promised by the day; overdue, untraceable and one dispute in time are abnormal.
    assert metric_of(shop, "growth.abnormal_fulfilment_90d", DAY) == 50


@pytest.mark.rule("GRO-12", "NGT-3", "NGT-4", "NGT-5")
def test_a_night_again_changes_nothing_and_an_old_one_nothing_newer(shop):
    order_create(shop, at=start_of(DAY))
    later = DAY + timedelta(days=1)
    night(later, "growth.stars")
    newer, rows = list(standing_lines(later, "growth.stars")), list(StarStanding.objects.values())
    assert len(newer) == 1
    night(later, "growth.stars")
    assert list(StarStanding.objects.values()) == rows
    night(DAY, "growth.stars")
    assert list(standing_lines(later, "growth.stars")) == newer
    assert list(standing_lines(DAY, "growth.stars")) == newer


@pytest.mark.rule("GRO-12", "NGT-7")
def test_a_shard_takes_as_many_statements_for_many_shops(category):
    def statements(day: date) -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            night(day, "growth.stars", shards=1)
        return sum("growth_starstanding" in each["sql"] for each in found)

    factories.seller_create(category)
    few = statements(DAY)
    for _number in range(30):
        factories.seller_create(category)
    assert statements(DAY + timedelta(days=1)) == few


@pytest.mark.rule("GRO-12")
def test_days_before_the_first_rules_have_no_stars(shop):
    night(date(2021, 6, 29), "growth.stars")
    assert not StarStanding.objects.exists()
    night(date(2021, 6, 30), "growth.stars")
    assert stars_published(date(2021, 6, 30))[shop.member_id]["star"] == 0


@pytest.mark.rule("GRO-12", "K-6")
def test_the_shop_carries_its_newest_predicted_star_unless_upstream_names_stars(shop, other_shop):
    Seller.objects.update(predicted_star=4)
    SellerFlag.objects.create(seller=other_shop, code=STAR_FROM_UPSTREAM, since=DAY)
    night(DAY, "growth.stars")
    assert set(Seller.objects.values_list("member_id", "predicted_star")) == {
        (shop.member_id, 0),
        (other_shop.member_id, 4),
    }
    Seller.objects.filter(pk=shop.pk).update(predicted_star=2)
    night(DAY - timedelta(days=1), "growth.stars")
    assert Seller.objects.get(pk=shop.pk).predicted_star == 2, "an old night spoke"
    night(DAY, "growth.stars")
    assert Seller.objects.get(pk=shop.pk).predicted_star == 0, "the newest, computed again, did not"
