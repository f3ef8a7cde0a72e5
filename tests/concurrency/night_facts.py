"""What upstream says of a small random world, as rows of the ingest kinds: the same for a seed, everywhere.

Instants crowd around the edges that nights are cut at: midnights, and the hours that daylight saving
skips or repeats. Everything is relative to `World.day`, the newest day to be computed.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from portal.metrics import EXTERNAL_TITLES
from portal.platform_time import end_of, start_of
from tests.factories import TREE

Rows = dict[str, list[dict[str, Any]]]
SECOND, HOUR, ONE_DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
HISTORY = 100
"""Days of facts before the newest one: the longest window of most figures, and some."""
LATE = 4
"""Days back from the newest one whose facts may come late."""
LEAVES = ("e-bike-kits", "e-bike-batteries", "helmets", "vacuum-flasks")
COUNTRIES = ("US", "DE", "FR", "ID")
OUTSIDE_GUIDE = ("ext.card", "ext.power")
"""What packs of tests ask about."""


@dataclass(frozen=True)
class World:
    """A world by its seed, the newest day to be computed, and the number of its shops."""

    seed: int
    day: date
    shops: int = 24

    @property
    def members(self) -> list[str]:
        """Member ids of the shops."""
        return [f"w{number:03}" for number in range(self.shops)]


@dataclass
class Facts:
    """Rows by kind, in the order they have to be fed; `late` come when their days have been computed."""

    on_time: Rows = field(default_factory=dict)
    late: Rows = field(default_factory=dict)


def facts_of(world: World) -> Facts:
    """Return everything upstream says of a world."""
    return _Upstream(world).facts()


class _Upstream:
    def __init__(self, world: World) -> None:
        self.world = world
        self.random = random.Random(world.seed)
        self.first = world.day - timedelta(days=HISTORY)
        self.made = Facts()
        self.buyers = [f"buyer-{number}" for number in range(12)]

    def facts(self) -> Facts:
        self._catalogue()
        self._shops()
        self._market()
        for shop in self.world.members:
            self._products(shop)
            self._visits(shop)
            self._orders(shop)
            self._numbers(shop)
        self._themes()
        return self.made

    # --- Chance ---------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some_day(self) -> date:
        """Return a day of the history; half of them among the last."""
        back = self.random.randrange(7 if self.chance(0.5) else HISTORY)
        return self.world.day - timedelta(days=back)

    def instant(self, day: date | None = None) -> datetime:
        """Return an instant of a day; a third of them at an edge."""
        day = day or self.some_day()
        edges = (
            start_of(day),
            start_of(day) + SECOND,
            end_of(day) - SECOND,
            end_of(day),
            # Skipped in March, and in November one of two.
            start_of(day) + 2 * HOUR,
            start_of(day) + 1.5 * HOUR,
            start_of(day) + 2.5 * HOUR,
        )
        if self.chance(0.35):
            return self.random.choice(edges)
        return start_of(day) + self.random.random() * (end_of(day) - start_of(day))

    def money(self) -> str:
        edges = ("0.01", "499.99", "500.00", "1999.99", "2000", "33.33", "12345.67", "66.67")
        return (
            self.random.choice(edges) if self.chance(0.7) else f"{self.random.random() * 9000:.2f}"
        )

    def add(self, kind: str, row: dict[str, Any], at: datetime | None = None) -> None:
        """Note a row; one of a late day may come late."""
        edge = start_of(self.world.day - timedelta(days=LATE - 1))
        late = at is not None and at >= edge and self.chance(0.3)
        told = {
            name: value.isoformat() if isinstance(value, (date, datetime)) else value
            for name, value in row.items()
            if value is not None
        }
        (self.made.late if late else self.made.on_time).setdefault(kind, []).append(told)

    # --- Catalogue and people -------------------------------------------------------------------

    def _catalogue(self) -> None:
        for node in TREE:
            self.add(
                "categories",
                {"code": node.code, "parent": node.parent or "", "name_en": node.name_en,
                 "name_zh": node.name_zh},
            )  # fmt: skip
        self.add(
            "attributes",
            {"category": "e-bike-parts", "code": "voltage", "name_en": "Voltage",
             "type": "select", "values": "36V|48V|52V"},
        )  # fmt: skip
        for number, buyer in enumerate(self.buyers):
            self.add(
                "buyers",
                {"buyer_id": buyer, "country": COUNTRIES[number % 4], "tier": f"L{number % 4 + 1}"},
            )

    def _shops(self) -> None:
        day = self.world.day
        for number, shop in enumerate(self.world.members):
            opened = self.random.choice([date(2021, 3, 1), self.first, day - 20 * ONE_DAY, day])
            self.add(
                "sellers",
                {
                    "member_id": shop,
                    "name_en": f"Shop {number} Ltd",
                    "name_zh": f"{number}号店",
                    "membership": "basic" if number % 5 == 4 else "verified",
                    "company_type": self.random.choice(["manufacturer", "trader", "combined"]),
                    # Half of them in one industry, so that peers are ranked and benchmarks exist.
                    "main_category": LEAVES[0] if number % 2 else LEAVES[number // 2 % 4],
                    "paid_on": opened - 10 * ONE_DAY,
                    "opened_on": None if number % 11 == 9 else opened,
                    "assessed_star": number % 6 if number % 3 else None,
                    "status": "closed" if number % 13 == 12 else "active",
                },
            )
            for role in ("owner", "salesperson"):
                self.add(
                    "members",
                    {"username": f"{role}.{shop}", "email": f"{role}.{shop}@example.com",
                     "seller": shop, "role": role},
                )  # fmt: skip

    # --- The market -----------------------------------------------------------------------------

    def _market(self) -> None:
        self.asked: list[tuple[str, datetime]] = []
        for number in range(60):
            at = self.instant()
            buyer = self.random.choice(self.buyers)
            self.asked.append((f"rfq-{number}", at))
            self.add(
                "rfqs",
                {
                    "rfq_id": f"rfq-{number}", "buyer": buyer, "title": f"{number} e-bike kits 48V",
                    "category": self.random.choice(LEAVES), "quantity": "500", "unit": "set",
                    "posted_at": at, "expires_at": at + self.random.choice([5, 15, 30]) * ONE_DAY,
                    "grade": self.random.choice(["standard", "standard", "silver", "gold"]),
                    "seats": "60",
                },
            )  # fmt: skip
        for shop in self.world.members:
            busy = self.random.choice([0.05, 0.3, 0.6])
            for rfq, posted in self.asked:
                if self.chance(busy):
                    self._quote(shop, rfq, posted)

    def _quote(self, shop: str, rfq: str, posted: datetime) -> None:
        delay = self.random.choice([HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR + SECOND, 60 * HOUR])
        at = posted + delay
        if at >= end_of(self.world.day):
            return
        viewed = at + 5 * HOUR if self.chance(0.7) else None
        replied = viewed + 3 * HOUR if viewed and self.chance(0.6) else None
        self.add(
            "quotes",
            {"seller": shop, "rfq": rfq, "submitted_at": at, "unit_price": self.money(),
             "viewed_at": viewed, "replied_at": replied},
            # One RFQ cannot come late and its quotes in time: quotes alone come late.
            at,
        )  # fmt: skip

    # --- Shops at work --------------------------------------------------------------------------

    def _products(self, shop: str) -> None:
        for number in range(4):
            # What changes in the last days is fed again by the people of the world.
            at = self.instant(self.world.day - self.random.randrange(5, HISTORY) * ONE_DAY)
            category = self.random.choice(LEAVES)
            voltage = {"voltage": self.random.choice(["36V", "48V"])}
            self.add(
                "products",
                {
                    "product_id": f"{shop}-p{number}", "seller": shop,
                    "category": category,
                    "title": self.random.choice(
                        ["48V e-bike kit", "Quiet hub motor kit 48V", "Thermos flask 保温杯", "Helmet"]
                    ),
                    "kind": self.random.choice(["rts", "customization"]), "status": "live",
                    "price_min": "180.00", "price_max": "199.50", "moq": "10", "unit": "set",
                    "attributes": json.dumps(voltage if category.startswith("e-bike") else {}),
                    "target_countries": self.random.choice(["", "DE|FR", "US", "DE"]),
                    "services": self.random.choice(["", "sample", "sample|customization"]),
                    "epr_traits": self.random.choice(["packaging", "packaging|electrical", ""]),
                    "video": self.random.choice(["none", "good"]), "changed_at": at,
                },
            )  # fmt: skip

    def _visits(self, shop: str) -> None:
        for day in sorted({self.some_day() for _ in range(self.random.randrange(4, 30))}):
            at = min(self.instant(day), end_of(day) - SECOND)
            self.add("logins", {"seller": shop, "at": at}, at)
            self.add(
                "product_days",
                {"seller": shop, "product": f"{shop}-p{self.random.randrange(4)}", "day": day,
                 "exposures": str(self.random.randrange(500)), "clicks": str(self.random.randrange(50)),
                 "inquiries": str(self.random.randrange(5))},
                start_of(day),
            )  # fmt: skip
            if self.chance(0.5):
                self.add(
                    "showcase",
                    {"seller": shop, "day": day, "slots": "10", "used": str(self.random.randrange(11))},
                    start_of(day),
                )  # fmt: skip
        for number in range(self.random.randrange(12)):
            at = self.instant()
            self.add(
                "inquiries",
                {"inquiry_id": f"{shop}-i{number}", "seller": shop, "at": at,
                 "buyer": self.random.choice(self.buyers)},
                at,
            )  # fmt: skip

    def _orders(self, shop: str) -> None:
        for number in range(self.random.choice([0, 2, 6, 12])):
            created = self.instant()
            paid = created + self.random.choice([0, 2, 48]) * HOUR if self.chance(0.8) else None
            received = paid + 30 * HOUR if paid and self.chance(0.8) else None
            ship_by = self.some_day()
            self.add(
                "orders",
                {
                    "order_id": f"{shop}-o{number}", "seller": shop,
                    "buyer": self.random.choice(self.buyers),
                    "channel": self.random.choice(["trade_assurance", "e_collect"]),
                    "kind": self.random.choice(["rts", "customization"]), "amount": self.money(),
                    "created_at": created, "paid_at": paid, "received_at": received,
                    "received": self.money() if received else None, "ship_by": ship_by,
                    "dispatched_at": self.instant(ship_by) if self.chance(0.6) else None,
                    "tracking": self.random.choice(["normal", "normal", "abnormal"]),
                    "after_sales": self.random.choice(["", "local_service"]),
                    "fake": "true" if self.chance(0.1) else "false",
                },
                created,
            )  # fmt: skip

    def _numbers(self, shop: str) -> None:
        for metric in (*sorted(EXTERNAL_TITLES), *OUTSIDE_GUIDE):
            days = {self.some_day() for _ in range(self.random.choice([0, 1, 1, 2, 3]))}
            for day in sorted(days):
                value = self.random.choice(
                    ["0", "1", "1", "3", "17.3333", "50", "60", "75", "99.99"]
                )
                self.add(
                    "metrics",
                    {"seller": shop, "day": day, "metric": metric, "value": value},
                    start_of(day),
                )

    def _themes(self) -> None:
        day = self.world.day
        # A night belongs to the day two days later; it warns 7 days and 1 day before the end.
        ends = (day + 9 * ONE_DAY, day + 3 * ONE_DAY, day, None, day + 60 * ONE_DAY)
        for number, end in enumerate(ends):
            self.add(
                "themes",
                {
                    "theme_id": f"theme-{number}", "title_en": f"Theme {number}",
                    "title_zh": f"主题{number}",
                    "category": ["sports", "e-bike-parts", "bicycles"][number % 3],
                    "keywords": self.random.choice(["kit", "", "kit|helmet"]),
                    "countries": self.random.choice(["", "DE"]),
                    "attributes": json.dumps({"voltage": ["48V"]} if number == 3 else {}),
                    "starts_on": self.first, "ends_on": end,
                },
            )  # fmt: skip
