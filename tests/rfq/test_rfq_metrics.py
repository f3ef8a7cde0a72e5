"""Metrics of RFQ: what the score publishes, and what is counted from quotes (K-14, RFQ-16)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.metrics import METRICS, metric_values
from portal.models import Order
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from rfq.models import Pin
from tests.rfq.score_world import night
from tests.rfq.world import assessment_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 8, 1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


def values(seller) -> dict[str, Decimal]:
    night(DAY, "metrics", "metrics.derived")
    return {row.key: row.value for row in metric_values(seller, DAY) if row.key.startswith("rfq.")}


@pytest.mark.rule("K-14", "RFQ-16", "RFQ-18")
def test_the_numbers_of_the_score_are_metrics(shop, other_shop, clock):
    assessment_create(seller=shop, total=85)
    at = start_of(DAY)
    replies = [at + 2 * HOUR, end_of(DAY), None]
    for number, replied in enumerate(replies):
        quote = quote_create(
            rfq=rfq_create(posted_at=at - number * 20 * HOUR),
            seller=shop,
            submitted_at=at + HOUR,
            replied_at=replied,
        )
    Order.objects.create(
        order_id="o1", seller=shop, buyer=quote.buyer, channel="trade_assurance", kind="rts",
        amount=900, created_at=at + HOUR, received_at=at + HOUR, received=Decimal("700.50"),
    )  # fmt: skip
    assert values(shop) == {
        # 20 quotes + 20 response + 12 replies + 2 GMV; no bonus: July ended below USD 1,000
        "rfq.service_score": 54,
        "rfq.assessed_score": 85,
        "rfq.marketing_bonus": 0,
        "rfq.quotes_month": 3,
        "rfq.response_rate_month": Decimal("66.6667"),
        "rfq.quoted_30d": 3,
        "rfq.replied_30d": 1,
        "rfq.reply_rate_30d": Decimal("33.3333"),
        "rfq.gmv_90d": Decimal("700.5"),
        "rfq.gold_quotes_month": 0,
        "rfq.quotes_viewed_30d": 0,
        "rfq.pins_month": 0,
    }
    idle = {row.key: row.value for row in metric_values(other_shop, DAY)}
    assert idle["rfq.quotes_month"] == 0
    assert "rfq.reply_rate_30d" not in idle  # a rate of nothing is no number
    assert "rfq.assessed_score" not in idle


@pytest.mark.rule("K-14", "RFQ-16")
def test_quotes_on_gold_viewed_and_pinned_are_counted_in_their_windows(shop, clock):
    first, end = start_of(DAY), end_of(DAY)
    for at in (first - timedelta(seconds=1), first):
        for refunded in (None, end - HOUR):
            quote_create(
                rfq=rfq_create(grade="gold", posted_at=at - HOUR), seller=shop, submitted_at=at,
                viewed_at=at, refunded_at=refunded,
            )  # fmt: skip
    unseen = quote_create(
        rfq=rfq_create(posted_at=first), seller=shop, submitted_at=first, viewed_at=end
    )
    Pin.objects.create(rfq=unseen.rfq, seller=shop, quote=unseen, slot=1, pinned_at=first)
    found = values(shop)
    assert found["rfq.gold_quotes_month"] == 1
    assert found["rfq.quotes_viewed_30d"] == 2
    assert found["rfq.pins_month"] == 1


@pytest.mark.rule("K-14")
def test_every_metric_says_what_it_is():
    for key, each in METRICS.items():
        if key.startswith("rfq."):
            assert str(each.title), key
            assert str(each.about).endswith("."), key
