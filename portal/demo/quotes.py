"""What the demo's shops made of the requests: quotes, the orders that followed, rights granted.

Each shop has a `Habit`; the scores that follow from them spread over all tiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from portal import platform_time
from portal.demo.rfqs import Market, Request
from portal.demo.world import FIRST_DAY, LAST_DAY, Row, Shop


@dataclass(frozen=True)
class Habit:
    """How a shop quotes: quotes a month, shares of them (0–1), RFQ money in 90 days (USD)."""

    monthly: int
    prompt: float
    seen: float
    replied: float
    gmv: int


FIRST_SHOP = Habit(monthly=15, prompt=0.6, seen=0.8, replied=0.19, gmv=15_500)
"""Between two tiers: a few replies and a few orders away from the next."""
HABITS = [
    Habit(monthly=24, prompt=0.95, seen=0.92, replied=0.60, gmv=52_000),
    Habit(monthly=11, prompt=0.60, seen=0.75, replied=0.22, gmv=13_000),
    Habit(monthly=3, prompt=0.20, seen=0.40, replied=0.03, gmv=0),
    Habit(monthly=19, prompt=0.85, seen=0.85, replied=0.42, gmv=27_000),
    Habit(monthly=7, prompt=0.45, seen=0.60, replied=0.14, gmv=3_200),
    Habit(monthly=5, prompt=0.30, seen=0.55, replied=0.07, gmv=750),
    Habit(monthly=0, prompt=0.0, seen=0.0, replied=0.0, gmv=0),
    Habit(monthly=14, prompt=0.70, seen=0.80, replied=0.33, gmv=21_500),
]
POPULAR = 0.16
"""Share of open requests that are full, or have one seat left."""
GONE = {28: date(2022, 11, 10), 29: date(2022, 9, 20)}
"""Shops that were restricted or closed: number → the last day they quoted."""
CHALLENGE_ORDERS = [
    (date(2022, 12, 5), "1180.00", True),
    (date(2022, 12, 11), "960.50", True),
    (date(2022, 12, 13), "1450.00", False),
]
"""The first shop's part-way challenge of December: day, amount, paid; the last is still a draft."""


class Quoting:
    """Draws who quoted what, and what became of it."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.random = market.random
        self.quotes: list[tuple[Shop, Request, Row]] = []
        self._order_numbers = count(300001)
        self._by_month: dict[date, list[Request]] = {}
        for request in market.requests:
            month = platform_time.day_of(request.posted).replace(day=1)
            self._by_month.setdefault(month, []).append(request)
        verified = {shop.member_id for n, shop in enumerate(market.world.shops) if n % 5 in (0, 2)}
        self.verified = verified | {
            row["member_id"] for row in market.peer_rows() if row["membership"] == "verified"
        }
        for number, shop in enumerate(market.shops):
            self._quote(number, shop)
        self._fill_popular()

    # --- Quotes ---------------------------------------------------------------------------------

    def quote_rows(self) -> list[Row]:
        """Return rows of kind `quotes`."""
        return [row for _, _, row in self.quotes]

    def _quote(self, number: int, shop: Shop) -> None:
        habit = habit_of(number)
        last = GONE.get(number, LAST_DAY)
        for month, requests in self._by_month.items():
            if not habit.monthly or shop.opened_on is None or month > last:
                continue
            wanted = round(habit.monthly * self.random.uniform(0.75, 1.25))
            for request in self._liked(shop, requests):
                if wanted <= 0:
                    break
                at = request.posted + self._delay(habit)
                day = platform_time.day_of(at)
                if not shop.opened_on <= day <= last or at >= request.expires:
                    continue
                if request.posted <= self.market.now < at or not self._may(shop, request):
                    continue
                self._add(shop, request, at, habit)
                wanted -= 1

    def _liked(self, shop: Shop, requests: list[Request]) -> list[Request]:
        """Order a month's requests as a shop goes through them: mostly its own industry first."""
        return sorted(
            requests,
            key=lambda request: (
                self.random.random() + (0.0 if request.leaf.industry == shop.industry else 0.7)
            ),
        )

    def _may(self, shop: Shop, request: Request) -> bool:
        if len(request.quoters) >= request.seats or shop.member_id in request.quoters:
            return False
        if request.grade == "pro":
            return shop.member_id in request.invited
        return request.grade != "gold" or shop.member_id in self.verified

    def _delay(self, habit: Habit) -> timedelta:
        draw = self.random
        if draw.random() < habit.prompt:
            return timedelta(minutes=draw.randint(8, 690))
        return timedelta(minutes=draw.choice([draw.randint(740, 1400), draw.randint(1500, 6000)]))

    def _add(self, shop: Shop, request: Request, at: datetime, habit: Habit) -> None:
        draw = self.random
        row: Row = {
            "seller": shop.member_id,
            "rfq": request.rfq_id,
            "submitted_at": at.isoformat(timespec="seconds"),
            "unit_price": f"{request.price * draw.uniform(0.85, 1.3):.2f}",
        }
        replied = draw.random() < habit.replied
        if replied or draw.random() < habit.seen:
            viewed = at + timedelta(minutes=draw.randint(20, 2_400))
            answered = viewed + timedelta(minutes=draw.randint(15, 3_000))
            self._happen(row, "viewed_at", viewed, at)
            if replied:
                self._happen(row, "replied_at", answered, at)
            elif draw.random() < 0.3:
                self._happen(row, "rejected_at", answered, at)
        request.quoters.add(shop.member_id)
        self.quotes.append((shop, request, row))

    def _happen(self, row: Row, name: str, instant: datetime, submitted: datetime) -> None:
        """Note what a buyer did; of a quote made before the demo's now, nothing that is to come."""
        if instant <= self.market.now or submitted > self.market.now:
            row[name] = instant.isoformat(timespec="seconds")

    def _fill_popular(self) -> None:
        """Let some open requests be full, others have one seat left."""
        now = self.market.now
        for request in self.market.requests:
            live = request.posted <= now < request.expires
            if live and request.quoters and self.random.random() < POPULAR:
                request.seats = len(request.quoters) + self.random.randint(0, 1)

    # --- Orders ---------------------------------------------------------------------------------

    def order_rows(self) -> list[Row]:
        """Return rows of kind `orders`: what came of quotes the buyer replied to."""
        numbers = {shop.member_id: number for number, shop in enumerate(self.market.shops)}
        won: dict[str, list[tuple[Request, datetime]]] = {}
        for shop, request, row in self.quotes:
            if "replied_at" in row:
                replied = platform_time.parse_instant(row["replied_at"])
                won.setdefault(shop.member_id, []).append((request, replied))
        rows: list[Row] = []
        for shop in self.market.shops:
            number = numbers[shop.member_id]
            candidates = won.get(shop.member_id, [])
            if not candidates:
                continue
            for month in _months():
                rows += self._month_orders(shop, number, candidates, month)
        return [*rows, *self._challenge_orders(won)]

    def _month_orders(
        self,
        shop: Shop,
        number: int,
        won: list[tuple[Request, datetime]],
        month: date,
    ) -> Iterator[Row]:
        """Yield the orders of a month: together about a third of the shop's 90-day money."""
        draw, goal = self.random, habit_of(number).gmv / 3
        begins = platform_time.start_of(month)
        before = [request for request, replied in won if replied < begins]
        if not before or goal <= 0:
            return
        parts = [draw.uniform(0.5, 1.5) for _ in range(1 if goal < 500 else draw.randint(1, 4))]
        total = goal * draw.uniform(0.8, 1.2)
        for part in parts:
            request = before[-draw.randint(1, min(25, len(before)))]
            created = begins + timedelta(minutes=draw.randint(60, 27 * 24 * 60))
            paid = created + timedelta(hours=draw.randint(2, 60))
            if number == 0 and platform_time.day_of(paid) >= date(2022, 12, 1):
                continue  # its December is told by CHALLENGE_ORDERS
            yield self._order(
                f"rq{next(self._order_numbers)}",
                shop,
                request,
                created,
                amount=f"{total * part / sum(parts):.2f}",
                paid=paid if draw.random() < 0.95 else None,
            )

    def _challenge_orders(self, won: dict[str, list[tuple[Request, datetime]]]) -> Iterator[Row]:
        shop = self.market.shops[0]
        newest = [
            request
            for request, replied in won[shop.member_id]
            if replied < platform_time.start_of(CHALLENGE_ORDERS[0][0])
        ]
        for number, (day, amount, is_paid) in enumerate(CHALLENGE_ORDERS, start=1):
            created = platform_time.start_of(day) + timedelta(hours=2)
            paid = created + timedelta(hours=5) if is_paid else None
            request = newest[-number]
            yield self._order(f"rq39000{number}", shop, request, created, amount=amount, paid=paid)

    def _order(
        self,
        order_id: str,
        shop: Shop,
        request: Request,
        created: datetime,
        *,
        amount: str,
        paid: datetime | None,
    ) -> Row:
        draw = self.random
        row: Row = {
            "order_id": order_id,
            "seller": shop.member_id,
            "buyer": request.buyer,
            "channel": "trade_assurance",
            "kind": "customization",
            "category": request.leaf.code,
            "rfq": request.rfq_id,
            "amount": amount,
            "created_at": created.isoformat(timespec="seconds"),
            "ship_by": (platform_time.day_of(created) + timedelta(days=20)).isoformat(),
            "method": "sea",
            "carrier": "COSCO",
            "destination": request.country,
        }
        if paid is None:
            return row
        dispatched = paid + timedelta(days=draw.randint(5, 18))
        steps: dict[str, datetime] = {
            "paid_at": paid,
            "dispatched_at": dispatched,
            "delivered_at": dispatched + timedelta(days=draw.randint(6, 15)),
            "received_at": dispatched + timedelta(days=draw.randint(16, 24)),
        }
        end = platform_time.end_of(LAST_DAY)
        known: dict[str, Any] = {
            name: at.isoformat(timespec="seconds") for name, at in steps.items() if at < end
        }
        row.update(known)
        if "dispatched_at" in row:
            row["tracking"] = "normal"
        if "received_at" in row:
            row["received"] = amount
        return row

    # --- Rights ---------------------------------------------------------------------------------

    def grant_rows(self) -> list[Row]:
        """Return rows of kind `grants`: memberships every month, activities, packs."""
        rows = []
        for number, shop in enumerate(self.market.shops):
            monthly = 20 if shop.member_id in self.verified else 10
            for month in _months():
                if shop.opened_on is None or shop.opened_on > month:
                    continue
                if GONE.get(number, LAST_DAY) < month:
                    continue
                period = (month, _next_month(month))
                rows.append(_grant(shop, "quote", monthly, "membership", days=period))
                if month.month in (3, 9) and number % 2 == 0:
                    festival = (month.replace(day=8), month.replace(day=22))
                    rows.append(_grant(shop, "quote", 5, "activity", days=festival))
        return [*rows, *self._packs()]

    def _packs(self) -> Iterator[Row]:
        """Yield bought packs, some without limit, and rights that end in a day or two."""
        shops, today = self.market.shops, platform_time.day_of(self.market.now)
        day = timedelta(days=1)
        for number in range(0, len(shops), 6):
            bought = date(2022, 11, 20) - number * day
            yield _grant(shops[number], "quote", 20, "paid", days=(bought, bought + 180 * day))
        for number, kind in ((2, "quote"), (3, "gold"), (7, "fast_lane")):
            period = (today, date(2023, 1, 1))
            yield _grant(shops[number], kind, "", "activity", days=period)
        for kind, amount, left in (("quote", 3, 2), ("gold", 1, 1), ("fast_lane", 2, 3)):
            period = (today - 4 * day, today + left * day)
            yield _grant(shops[0], kind, amount, "activity", days=period)
        for number in range(1, len(shops), 4):
            period = (today - 7 * day, today + 21 * day)
            yield _grant(shops[number], "fast_lane", 1, "activity", days=period)


def habit_of(number: int) -> Habit:
    """Return how the shop of this number quotes."""
    return HABITS[number * 3 % len(HABITS)] if number else FIRST_SHOP


def _grant(
    shop: Shop, kind: str, amount: int | str, source: str, *, days: tuple[date, date]
) -> Row:
    """Return a row of kind `grants`, from the start of one Pacific day to the start of another."""
    first, end = days
    return {
        "key": f"{source}-{kind}-{shop.member_id}-{first}",
        "seller": shop.member_id,
        "kind": kind,
        "amount": str(amount),
        "granted_at": platform_time.start_of(first).isoformat(),
        "expires_at": platform_time.start_of(end).isoformat(),
        "source": source,
    }


def _months() -> Iterator[date]:
    month = FIRST_DAY
    while month <= LAST_DAY:
        yield month
        month = _next_month(month)


def _next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
