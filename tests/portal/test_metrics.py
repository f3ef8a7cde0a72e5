"""Metrics: counted set-wise from facts, as of the day and not a moment later (K-2, K-3, K-14)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from portal.choices import OrderChannel, TradeKind
from portal.metrics import METRICS, metric_values
from portal.models import (
    Buyer,
    ExternalMetric,
    Inquiry,
    LoginDay,
    MetricValue,
    NightRun,
    Order,
    ProductDay,
    Seller,
    ShowcaseUse,
)
from portal.nightly import engine, ledger
from portal.nightly.export import canonical_json
from portal.platform_time import end_of, start_of
from portal.scoping import seller_scope, unscoped
from tests.conftest import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 31)
SECOND = timedelta(seconds=1)
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _unscoped(clock: Clock) -> Iterator[None]:
    with unscoped():
        yield


@pytest.fixture
def buyer(db: None) -> Buyer:
    return Buyer.objects.create(buyer_id="b1", country="US")


def _count(day: date = DAY, **options: Any) -> None:
    run = ledger.night_start(as_of=day, jobs=["metrics"], **options)
    assert engine.run_inline(run_id=run.pk).state == "complete"


def _value(seller: Seller, key: str, day: date = DAY) -> Decimal | None:
    return {row.key: row.value for row in metric_values(seller, day)}.get(key)


def _order(seller: Seller, buyer: Buyer, **fields: Any) -> Order:
    defaults = {
        "order_id": f"o{next(_numbers)}",
        "channel": OrderChannel.TRADE_ASSURANCE,
        "kind": TradeKind.RTS,
        "amount": 100,
        "created_at": start_of(DAY),
        "paid_at": start_of(DAY),
    }
    return Order.objects.create(seller=seller, buyer=buyer, **{**defaults, **fields})


def _inquiry(seller: Seller, buyer: Buyer, at: datetime) -> None:
    Inquiry.objects.create(inquiry_id=f"i{next(_numbers)}", seller=seller, buyer=buyer, at=at)


@pytest.mark.rule("K-2", "K-3", "K-14")
@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (end_of(DAY) - SECOND, 1),
        (end_of(DAY), 0),
        (start_of(DAY - timedelta(days=29)), 1),
        (start_of(DAY - timedelta(days=29)) - SECOND, 0),
    ],
)
def test_thirty_days_end_with_the_as_of_day(
    shop: Seller, buyer: Buyer, at: datetime, counts: int
) -> None:
    _inquiry(shop, buyer, at)
    _order(shop, buyer, created_at=at)
    _count()
    for key in ("portal.inquiries_30d", "portal.inquiry_buyers_30d", "portal.orders_30d"):
        assert _value(shop, key) == counts


@pytest.mark.rule("K-14")
def test_a_buyer_who_asks_twice_is_one_buyer(shop: Seller, buyer: Buyer) -> None:
    for hours in (1, 2):
        _inquiry(shop, buyer, start_of(DAY) + timedelta(hours=hours))
    _count()
    assert _value(shop, "portal.inquiries_30d") == 2
    assert _value(shop, "portal.inquiry_buyers_30d") == 1


@pytest.mark.rule("K-3", "K-14")
def test_login_days_by_window_and_month(shop: Seller) -> None:
    for day in (
        date(2022, 6, 30),
        date(2022, 7, 1),
        date(2022, 7, 2),
        date(2022, 7, 31),
        date(2022, 8, 1),
    ):
        LoginDay.objects.create(seller=shop, day=day, at=start_of(day))
    _count()
    assert _value(shop, "portal.login_days_30d") == 2  # 07-02 … 07-31
    assert _value(shop, "portal.login_days_month") == 3


@pytest.mark.rule("K-14")
def test_received_money_excludes_fake_trade_and_adds_up_exactly(shop: Seller, buyer: Buyer) -> None:
    for received in ("0.10", "0.20", "19.99"):
        _order(shop, buyer, received_at=start_of(DAY), received=Decimal(received))
    _order(shop, buyer, received_at=start_of(DAY), received=Decimal(500), fake=True)
    _order(shop, buyer, received_at=end_of(DAY), received=Decimal(500))
    _count()
    assert _value(shop, "portal.received_gmv_90d") == Decimal("20.29")
    assert _value(shop, "portal.orders_30d") == 4


@pytest.mark.rule("K-14", "K-1")
def test_on_time_means_before_the_promised_pacific_day_ends(shop: Seller, buyer: Buyer) -> None:
    promised = date(2022, 7, 20)
    for dispatched_at in (
        end_of(promised) - SECOND,  # on time
        end_of(promised),  # late
        None,  # late
    ):
        _order(shop, buyer, ship_by=promised, dispatched_at=dispatched_at)
    _order(shop, buyer, ship_by=promised, paid_at=None)  # nothing to dispatch
    _order(shop, buyer, ship_by=promised, fake=True)
    _order(shop, buyer, ship_by=DAY + timedelta(days=1))  # not due yet
    _count()
    assert _value(shop, "portal.on_time_dispatch_90d") == Decimal("33.3333")


@pytest.mark.rule("K-14")
def test_a_share_of_nothing_has_no_value_but_a_share_of_zero_does(
    shop: Seller, other_shop: Seller, buyer: Buyer
) -> None:
    _order(shop, buyer, ship_by=DAY)
    _count()
    assert _value(shop, "portal.on_time_dispatch_90d") == 0
    assert _value(other_shop, "portal.on_time_dispatch_90d") is None
    assert _value(other_shop, "portal.orders_30d") == 0


@pytest.mark.rule("K-14")
def test_showcase_and_product_days(shop: Seller) -> None:
    ShowcaseUse.objects.create(seller=shop, day=DAY - timedelta(days=1), slots=10, used=4)
    ShowcaseUse.objects.create(seller=shop, day=DAY, slots=10, used=6)
    ShowcaseUse.objects.create(seller=shop, day=DAY + timedelta(days=1), slots=10, used=9)
    for day, exposures in ((DAY, 5), (DAY - timedelta(days=29), 7), (DAY - timedelta(days=30), 11)):
        ProductDay.objects.create(
            seller=shop, product_ref="p1", day=day, exposures=exposures, clicks=1
        )
    _count()
    assert _value(shop, "portal.showcase_slots_used") == 6
    assert _value(shop, "portal.exposures_30d") == 12
    assert _value(shop, "portal.clicks_30d") == 2


@pytest.mark.rule("K-14")
def test_the_newest_external_number_up_to_the_day_counts(shop: Seller) -> None:
    for day, value in ((DAY - timedelta(days=9), 1), (DAY, "2.5"), (DAY + timedelta(days=1), 3)):
        ExternalMetric.objects.create(seller=shop, metric="ext.rating", day=day, value=value)
    _count()
    assert _value(shop, "ext.rating") == Decimal("2.5")
    _count(DAY - timedelta(days=5))
    assert _value(shop, "ext.rating", DAY - timedelta(days=5)) == 1
    assert _value(shop, "ext.rating") == Decimal("2.5")


@pytest.mark.rule("NGT-3", "NGT-5")
def test_the_cut_into_shards_changes_nothing(
    shop: Seller, other_shop: Seller, buyer: Buyer
) -> None:
    for seller in (shop, other_shop):
        _inquiry(seller, buyer, start_of(DAY))
    _count(shards=1)
    before = list(MetricValue.objects.order_by("pk").values())
    _count(shards=2)
    assert list(MetricValue.objects.order_by("pk").values()) == before
    assert len(before) == 4


@pytest.mark.rule("NGT-3")
def test_a_metric_that_is_dropped_ends_with_the_next_night(
    shop: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    LoginDay.objects.create(seller=shop, day=DAY, at=start_of(DAY))
    _count(DAY - timedelta(days=1))
    _count()
    monkeypatch.delitem(METRICS, "portal.login_days_30d")
    _count(DAY + timedelta(days=1))
    last = MetricValue.objects.get(metric="portal.login_days_30d").valid_to
    assert last == DAY


# --- Export -------------------------------------------------------------------------------------


def test_canonical_json_is_one_text_per_value() -> None:
    row = {"b": Decimal("2.5000"), "a": Decimal("100"), "c": DAY, "d": "电", "e": Decimal("0.0000")}
    assert canonical_json(row) == '{"a":"100","b":"2.5","c":"2022-07-31","d":"电","e":"0"}'


@pytest.mark.rule("NGT-3")
def test_standings_are_printed_sorted_by_external_ids(
    shop: Seller, other_shop: Seller, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.nightly.export.LINES_IN_MEMORY", 1)  # spill every line
    for seller in (other_shop, shop):
        _inquiry(seller, buyer, start_of(DAY))
    _count()
    printed = StringIO()
    call_command("standings", as_of="2022-07-31", module="portal", stdout=printed)
    assert printed.getvalue().splitlines() == [
        f'{{"metric":"portal.{key}","module":"portal","seller":"{seller}","standing":"metrics","value":"1"}}'
        for key in ("inquiries_30d", "inquiry_buyers_30d")
        for seller in ("cn1001", "cn2002")
    ]
    errors, nothing = StringIO(), StringIO()
    call_command("standings", as_of="2022-07-30", stdout=nothing, stderr=errors)
    assert (nothing.getvalue(), "No job has published" in errors.getvalue()) == ("", True)


# --- Reading ------------------------------------------------------------------------------------


@pytest.mark.rule("K-8", "K-14")
def test_a_shop_reads_its_own_metrics_by_api(
    shop: Seller, buyer: Buyer, owner_api: Any, stranger_api: Any, anonymous_api: Any
) -> None:
    assert owner_api.get("/api/v1/metrics").json() == {"as_of": None, "results": []}
    _inquiry(shop, buyer, start_of(DAY))
    _count()
    answer = owner_api.get("/api/v1/metrics?as_of=2022-07-31").json()
    assert answer["as_of"] == "2022-07-31"
    found = {row["metric"]: row["value"] for row in answer["results"]}
    assert found["portal.inquiries_30d"] == "1"
    other = stranger_api.get("/api/v1/metrics").json()["results"]
    assert {row["value"] for row in other} == {"0"}
    assert owner_api.get("/api/v1/metrics?as_of=soon").status_code == 400
    assert anonymous_api.get("/api/v1/metrics").status_code == 401


def test_metric_values_need_no_scope_of_their_own(shop: Seller) -> None:
    _count()
    with seller_scope(shop):
        assert metric_values(shop)
    assert NightRun.objects.count() == 1
