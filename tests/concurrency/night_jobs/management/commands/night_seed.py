"""Facts of thirty shops over ten weeks, always the same."""

import random
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from portal.models import Buyer, ExternalMetric, Inquiry, LoginDay, Order, ProductDay
from portal.platform_time import start_of
from portal.scoping import unscoped
from tests import factories

FIRST = date(2022, 6, 1)


class Command(BaseCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        chance = random.Random(7)
        with unscoped():
            category = factories.tree_create()["e-bike-kits"]
            sellers = [factories.seller_create(category, member_id=f"s{n}") for n in range(30)]
            buyers = [Buyer.objects.create(buyer_id=f"b{n}", country="US") for n in range(5)]
            for seller in sellers:
                days = [FIRST + timedelta(days=n) for n in range(70) if chance.random() < 0.3]
                at = {day: start_of(day) + timedelta(hours=chance.randrange(23)) for day in days}
                LoginDay.objects.bulk_create(
                    LoginDay(seller=seller, day=day, at=at[day]) for day in days
                )
                Inquiry.objects.bulk_create(
                    Inquiry(
                        inquiry_id=f"{seller.member_id}-{day}",
                        seller=seller,
                        buyer=chance.choice(buyers),
                        at=at[day],
                    )
                    for day in days
                )
                Order.objects.bulk_create(
                    Order(
                        order_id=f"{seller.member_id}-{day}",
                        seller=seller,
                        buyer=chance.choice(buyers),
                        channel="trade_assurance",
                        kind="rts",
                        amount=100,
                        created_at=at[day],
                        paid_at=at[day],
                        received_at=at[day],
                        received=chance.randrange(1, 10**6) / 100,
                        ship_by=day,
                        dispatched_at=at[day] + timedelta(hours=chance.randrange(30)),
                    )
                    for day in days[::2]
                )
                ProductDay.objects.bulk_create(
                    ProductDay(
                        seller=seller,
                        product_ref=f"p-{seller.member_id}",
                        day=day,
                        exposures=chance.randrange(500),
                        clicks=chance.randrange(50),
                    )
                    for day in days
                )
                ExternalMetric.objects.bulk_create(
                    ExternalMetric(
                        seller=seller, metric="ext.rating", day=day, value=chance.randrange(50) / 10
                    )
                    for day in days[::3]
                )
