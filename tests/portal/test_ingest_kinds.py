"""Facts and traffic: each kind created, updated, unchanged (K-10, K-13, K-14)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal import platform_time
from portal.ingest.kinds import kind_named
from portal.models import Buyer, Dispute, ExternalMetric, LoginDay, Order, OrderLine, Seller
from portal.scoping import unscoped
from tests.portal.ingest_tools import AT, buyer, counts, order, send, why

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LATER = "2022-07-20T18:00:00-07:00"
BY_SELLER = {"seller": "cn1001"}
BY_BUYER = {**BY_SELLER, "buyer": "B1", "at": AT}

# kind → a row, and a change of it
ROUND_TRIPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "buyers": ({"buyer_id": "B9", "country": "US", "tier": "L1"}, {"country": "DE"}),
    "orders": (
        dict(
            order(
                "O9",
                category="e-bike-kits",
                rfq="R1",
                paid_at=AT,
                received="120.50",
                ship_by="2022-08-01",
                tracking="normal",
                destination="US",
                fake="false",
            )
        ),
        {"received": "100.00"},
    ),
    "order_lines": (
        {"order": "O1", "product": "P1", "quantity": "1.5", "unit_price": "3.20"},
        {"quantity": "2"},
    ),
    "disputes": (
        {"dispute_id": "D1", "order": "O1", "reason": "quality", "opened_at": AT},
        {"outcome": "refunded"},
    ),
    "inquiries": ({"inquiry_id": "I1", **BY_BUYER, "keyword": "kit"}, {"keyword": "kits"}),
    "visits": ({"visit_id": "V1", **BY_BUYER}, {"product": "P1"}),
    "showcase": ({**BY_SELLER, "day": "2022-07-19", "slots": 40, "used": 30}, {"used": 40}),
    "product_days": (
        {
            **BY_SELLER,
            "product": "P1",
            "day": "2022-07-19",
            "exposures": 10,
            "clicks": 2,
            "inquiries": 1,
        },
        {"clicks": 3},
    ),
    "metrics": (
        {**BY_SELLER, "day": "2022-07-19", "metric": "ext.service_level", "value": "97.5"},
        {"value": -3},
    ),
    "logins": ({**BY_SELLER, "at": AT}, {"at": "2022-07-19T07:00:00-07:00"}),
    "sellers": (
        {
            "member_id": "s9",
            "name_en": "S9",
            "membership": "basic",
            "company_type": "trader",
            "main_category": "e-bike-kits",
            "opened_on": "2021-07-15",
        },
        {"assessed_star": 4},
    ),
}


@pytest.fixture
def facts(shop: Seller) -> None:
    """What the rows refer to."""
    buyer("B1")
    assert counts(send("orders", order("O1"))) == (1, 0, 0, 0)


@pytest.mark.rule("K-13", "K-14", "K-15")
@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_a_row_is_created_then_unchanged_then_updated(name: str, facts: None) -> None:
    row, change = ROUND_TRIPS[name]
    assert counts(send(name, row)) == (1, 0, 0, 0)
    assert counts(send(name, row)) == (0, 0, 1, 0)
    assert counts(send(name, {**row, **change})) == (0, 1, 0, 0)
    assert counts(send(name, {**row, **change})) == (0, 0, 1, 0)


@pytest.mark.rule("K-13")
def test_an_order_keeps_every_column(facts: None) -> None:
    row = {
        **order("O2"),
        "category": "e-bike-kits",
        "rfq": "R1",
        "paid_at": AT,
        "received_at": LATER,
        "received": "99.90",
        "ship_by": "2022-08-01",
        "dispatched_at": LATER,
        "delivered_at": LATER,
        "carrier": "DHL",
        "method": "express",
        "tracking": "abnormal",
        "destination": "de",
        "fake": "true",
        "after_sales": "local_service|remote_warranty",
    }
    assert set(row) == {column.name for column in kind_named("orders").columns}  # type: ignore[union-attr]
    send("orders", row)
    with unscoped():
        stored = Order.objects.select_related("category", "buyer", "seller").get(order_id="O2")
    assert stored.category is not None
    assert (stored.seller.member_id, stored.buyer.buyer_id) == ("cn1001", "B1")
    assert (stored.category.code, stored.rfq_ref, stored.kind) == ("e-bike-kits", "R1", "rts")
    assert (stored.amount, stored.received) == (Decimal("120.50"), Decimal("99.90"))
    assert stored.created_at == stored.paid_at == platform_time.parse_instant(AT)
    assert stored.received_at == stored.dispatched_at == stored.delivered_at
    assert stored.ship_by == date(2022, 8, 1)
    assert (stored.carrier, stored.method, stored.tracking) == ("DHL", "express", "abnormal")
    assert (stored.destination, stored.fake) == ("DE", True)
    assert stored.after_sales == ["local_service", "remote_warranty"]


@pytest.mark.rule("K-13")
def test_money_received_without_an_amount_is_the_whole_order(facts: None) -> None:
    row = {**order("O3"), "paid_at": AT}
    send("orders", row)
    with unscoped():
        assert Order.objects.get(order_id="O3").received is None
    assert counts(send("orders", {**row, "received_at": LATER})) == (0, 1, 0, 0)
    with unscoped():
        assert Order.objects.get(order_id="O3").received == Order.objects.get(order_id="O3").amount
    # What was told once stays when a later row does not speak of it.
    send("orders", {**row, "received_at": LATER, "received": "60.00"})
    assert counts(send("orders", {**row, "received_at": LATER})) == (0, 0, 1, 0)
    with unscoped():
        assert Order.objects.get(order_id="O3").received == Decimal("60.00")


@pytest.mark.rule("K-13")
def test_lines_and_disputes_belong_to_their_order(facts: None) -> None:
    send("order_lines", {"order": "O1", "product": "P1", "quantity": 2, "unit_price": "3.20"})
    send(
        "disputes",
        {
            "dispute_id": "D1",
            "order": "O1",
            "reason": "late_dispatch",
            "opened_at": AT,
            "before_dispatch": True,
            "arbitration_at": LATER,
        },
    )
    with unscoped():
        assert OrderLine.objects.get().order.order_id == "O1"
        dispute = Dispute.objects.get()
    assert (dispute.reason, dispute.before_dispatch) == ("late_dispatch", True)


@pytest.mark.rule("K-10")
def test_a_change_of_tier_is_dated_and_anything_else_is_not(clock: Any) -> None:
    row = {"buyer_id": "B1", "country": "US", "tier": "L1"}
    clock("2022-08-03T23:30:00-07:00")
    send("buyers", row)
    assert Buyer.objects.get().tier_since == date(2022, 8, 3)
    clock("2022-08-10T12:00:00-07:00")
    assert counts(send("buyers", row)) == (0, 0, 1, 0)
    send("buyers", {**row, "country": "DE"})
    assert Buyer.objects.get().tier_since == date(2022, 8, 3)
    send("buyers", {**row, "tier": "L3"})
    assert Buyer.objects.get().tier_since == date(2022, 8, 10)


# --- Logins -------------------------------------------------------------------------------------


def _login_days() -> list[tuple[str, str]]:
    with unscoped():
        return [
            (str(row.day), platform_time.day_of(row.at).isoformat())
            for row in LoginDay.objects.order_by("day")
        ]


@pytest.mark.rule("K-1", "K-14")
@pytest.mark.parametrize(
    ("day", "hours"), [(date(2022, 3, 13), 23), (date(2022, 11, 6), 25), (date(2022, 7, 19), 24)]
)
def test_logins_count_once_per_pacific_day_however_long_it_is(
    shop: Seller, day: date, hours: int
) -> None:
    first = platform_time.start_of(day)
    last = first + timedelta(hours=hours, seconds=-1)
    instants = [
        first - timedelta(seconds=1),
        first,
        last,
        first + timedelta(hours=1),
        last + timedelta(seconds=1),
    ]
    report = send("logins", *({"seller": "cn1001", "at": at.isoformat()} for at in instants))
    assert counts(report) == (3, 0, 2, 0)
    before, after = str(day - timedelta(days=1)), str(day + timedelta(days=1))
    assert _login_days() == [(before, before), (str(day), str(day)), (after, after)]


@pytest.mark.rule("K-14")
def test_the_earliest_login_of_a_day_is_kept_in_whatever_order_they_come(shop: Seller) -> None:
    def login(hour: int) -> dict[str, str]:
        return {"seller": "cn1001", "at": f"2022-07-19T{hour:02}:00:00-07:00"}

    assert counts(send("logins", login(10), login(9), login(11))) == (1, 0, 2, 0)
    assert counts(send("logins", login(12))) == (0, 0, 1, 0)
    assert counts(send("logins", login(8))) == (0, 1, 0, 0)
    assert counts(send("logins", login(9), login(8))) == (0, 0, 2, 0)
    with unscoped():
        stored = LoginDay.objects.get()
    assert stored.at == platform_time.parse_instant("2022-07-19T08:00:00-07:00")


# --- Refusals -----------------------------------------------------------------------------------


@pytest.mark.rule("K-15")
def test_a_metric_that_is_not_from_outside_is_refused_with_the_one_meant(shop: Seller) -> None:
    row = {"seller": "cn1001", "day": "2022-07-19", "value": 1}
    report = send(
        "metrics",
        {**row, "metric": "service_level"},
        {**row, "metric": "rfq.reply_rate_30d"},
        {**row, "metric": "ext."},
        {**row, "metric": "ext.a"},
    )
    assert counts(report) == (1, 0, 0, 3)
    assert why(report) == [(1, "metric"), (2, "metric"), (3, "metric")]
    assert "“ext.service_level”" in report.rejections[0].message
    with unscoped():
        assert ExternalMetric.objects.get().metric == "ext.a"


@pytest.mark.rule("K-14")
def test_no_more_slots_are_used_than_there_are(shop: Seller) -> None:
    row = {"seller": "cn1001", "day": "2022-07-19", "slots": 40}
    assert counts(send("showcase", {**row, "used": 40})) == (1, 0, 0, 0)
    assert why(send("showcase", {**row, "used": 41})) == [(1, "used")]


@pytest.mark.rule("K-13")
def test_the_widest_amounts_come_back_as_they_were(facts: None) -> None:
    """SQLite keeps 15 digits of a number; what fits a column must survive."""
    widest = order("O7", amount="999999999999.99", received="0.01")
    send("orders", widest)
    assert counts(send("orders", widest)) == (0, 0, 1, 0)
    metric = {
        "seller": "cn1001",
        "day": "2022-07-19",
        "metric": "ext.a",
        "value": "-99999999999.9999",
    }
    send("metrics", metric)
    assert counts(send("metrics", metric)) == (0, 0, 1, 0)
