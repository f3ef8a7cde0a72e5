"""Facts about young shops for tests of the guide."""

from __future__ import annotations

import itertools
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from growth.guide.rules import GuideFacts
from growth.models import StageStanding
from portal.choices import OrderChannel, TradeKind
from portal.models import Buyer, Category, Inquiry, Order, Seller, ShowcaseUse
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from rfq.models import Quote
from tests.rfq.world import buyer_create, quote_create, rfq_create

_numbers = itertools.count(1)
SECOND = timedelta(seconds=1)


def buyer() -> Buyer:
    """Return a buyer; always the same."""
    return Buyer.objects.filter(buyer_id="guide").first() or buyer_create(buyer_id="guide")


def inquiry(shop: Seller, at: datetime) -> Inquiry:
    """Let a buyer ask."""
    with unscoped():
        return Inquiry.objects.create(
            inquiry_id=f"i{next(_numbers)}", seller=shop, buyer=buyer(), at=at
        )


def order(shop: Seller, at: datetime, received: Any = None, **over: Any) -> Order:
    """Let a buyer order; `received` in USD at the same instant unless `received_at` says another."""
    fields = {
        "order_id": f"g{next(_numbers)}",
        "seller": shop,
        "buyer": buyer(),
        "channel": OrderChannel.TRADE_ASSURANCE,
        "kind": TradeKind.RTS,
        "amount": Decimal(received or 1),
        "created_at": at,
        "received": None if received is None else Decimal(received),
        "received_at": None if received is None else at,
    }
    with unscoped():
        return Order.objects.create(**fields | over)


def reply(shop: Seller, at: datetime, **over: Any) -> Quote:
    """Let a buyer answer a quote of the shop."""
    with unscoped():
        rfq = rfq_create(buyer=buyer(), posted_at=at - timedelta(days=1))
        return quote_create(rfq=rfq, seller=shop, replied_at=at, **over)


def slots(shop: Seller, day: date, used: int) -> None:
    """Tell how many showcase slots a shop uses."""
    with unscoped():
        ShowcaseUse.objects.update_or_create(
            seller=shop, day=day, defaults={"slots": 10, "used": used}
        )


# --- By loops -----------------------------------------------------------------------------------


def facts_before(shop: Seller, before: datetime, core_done_on: date | None = None) -> GuideFacts:
    """Return what counts of a shop before an instant, by plain loops over its facts."""
    if shop.opened_on is None:
        return GuideFacts(None, core_done_on=core_done_on)
    opens = start_of(shop.opened_on)

    def counts(at: datetime | None) -> bool:
        return at is not None and opens <= at < before

    with unscoped():
        asked = sum(counts(row.at) for row in Inquiry.objects.filter(seller=shop))
        replied = sum(
            counts(row.replied_at) and not (row.refunded_at and row.refunded_at < before)
            for row in Quote.objects.filter(seller=shop)
        )
        orders = list(Order.objects.filter(seller=shop, fake=False))
    return GuideFacts(
        opened_on=shop.opened_on,
        opportunities=asked + replied,
        orders=sum(counts(row.created_at) for row in orders),
        received=sum((row.received or 0 for row in orders if counts(row.received_at)), Decimal(0)),
        star=shop.assessed_star,
        core_done_on=core_done_on,
    )


def stages_published(day: date) -> dict[str, StageStanding]:
    """Return the stages as of a day by member id."""
    with unscoped():
        rows = StageStanding.objects.as_of(day).select_related("seller")
        return {row.seller.member_id: row for row in rows}


def random_shops(category: Category, day: date, number: int, seed: int) -> list[Seller]:
    """Make shops around every edge: opening day, day 30 and 90, targets, instants at midnight."""
    draw = random.Random(seed)
    shops = []
    with unscoped():
        for n in range(number):
            age = draw.choice([None, -1, 0, 1, 2, 29, 30, 31, 31, 60, 60, 89, 90, 90, 91, 400])
            shops.append(
                Seller(
                    member_id=f"g{n:03}", name_en=f"G{n}", membership="verified",
                    company_type="trader", main_category=category,
                    industry=Category.objects.get(code="sports"),
                    assessed_star=draw.randrange(3),
                    opened_on=None if age is None else day - timedelta(days=age),
                )
            )  # fmt: skip
        shops = Seller.objects.bulk_create(shops)
        for shop in shops:
            _random_facts(shop, day, draw)
    return shops


def _random_facts(shop: Seller, day: date, draw: random.Random) -> None:
    opened = shop.opened_on or day
    edges = [start_of(opened), start_of(day), end_of(day), start_of(day - timedelta(days=5))]

    def moment() -> datetime:
        return draw.choice(edges) - draw.choice([timedelta(0), SECOND])

    for _ in range(draw.choice([0, 1, 9, 10, 12, 16, 20])):
        if draw.random() < 0.8:
            inquiry(shop, moment())
        else:
            reply(shop, moment(), refunded_at=draw.choice([None, None, moment()]))
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        received = draw.choice([None, "0.01", "999.99", "1000", "9999.99", "10000"])
        order(shop, moment(), received, fake=draw.random() < 0.15)
