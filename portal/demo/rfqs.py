"""The demo's requests for quotation: what buyers ask for, and whom of the shops they invite.

Drawn from a generator of its own, so that the rest of the demo does not move with it. Buyers of
requests buy nowhere else: what a shop sells to them is its RFQ trade, and nothing else is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from portal import platform_time
from portal.demo import people, rfq_words
from portal.demo.world import DEFAULT_NOW, FIRST_DAY, LAST_DAY, SEED, Leaf, Row, Shop, World

BUYERS = 160
PER_DAY = 3
"""Requests a day in the past, most of them over."""
PER_DAY_LATELY = 20
"""Requests a day in the last weeks before the demo's now, most of them open."""
LATELY = timedelta(days=26)
LAST_HOURS = timedelta(hours=20)
FRESH = 60
"""Requests of the last hours: every grade, nearly nobody has quoted."""
PEERS = {"sports": 7, "electronics": 4}
"""Further shops per industry that only quote, so that ranks among peers mean something."""

GRADES = {"standard": 70, "silver": 15, "gold": 11, "pro": 4}
VALUES = {
    "standard": (400, 24_000),
    "silver": (4_000, 38_000),
    "gold": (15_000, 49_000),
    "pro": (50_500, 420_000),
}
"""Least and most value of a request of each grade (USD)."""
ROUND_TO = (10_000, 1_000, 100, 50, 10)


@dataclass
class Request:
    """One request and who has quoted it so far (member ids)."""

    rfq_id: str
    leaf: Leaf
    buyer: str
    country: str
    grade: str
    posted: datetime
    expires: datetime
    price: float
    quantity: int
    trait: str
    row: Row
    seats: int = 10
    quoters: set[str] = field(default_factory=set)
    invited: list[str] = field(default_factory=list)

    def as_row(self) -> Row:
        """Return the row of kind `rfqs`."""
        return {**self.row, "seats": str(self.seats), "invited": "|".join(self.invited)}


class Market:
    """Buyers, peers and requests; `quotes` fills them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = random.Random(SEED + 1)  # noqa: S311  not a secret, has to be repeatable
        self.now = platform_time.parse_instant(DEFAULT_NOW)
        self.peers = list(self._peers())
        self.shops = [*world.shops, *self.peers]
        self.buyers = [(f"b{7000 + number}", self._country(number)) for number in range(BUYERS)]
        instants = sorted(self._instants())
        self.requests = [self._request(number, at) for number, at in enumerate(instants)]

    # --- Who ------------------------------------------------------------------------------------

    def _country(self, number: int) -> str:
        return people.BUYER_COUNTRIES[number % len(people.BUYER_COUNTRIES)]

    def buyer_rows(self) -> list[Row]:
        """Return rows of kind `buyers`."""
        tiers = ("L0", "L0", "L1", "L0", "L2", "L0", "L1", "L3", "L0", "L4")
        return [
            {
                "buyer_id": buyer,
                "company": f"{people.BUYER_WORDS[number % len(people.BUYER_WORDS)]} Sourcing "
                f"{people.BUYER_TRADES[number % len(people.BUYER_TRADES)]} {number + 1}",
                "country": country,
                "tier": tiers[number % len(tiers)],
            }
            for number, (buyer, country) in enumerate(self.buyers)
        ]

    def _peers(self) -> Iterator[Shop]:
        number = len(self.world.shops)
        for industry, count in PEERS.items():
            leaves = [leaf for leaf in self.world.leaves if leaf.industry == industry]
            for _ in range(count):
                yield Shop(
                    member_id=f"cn{1000 + number * 37}",
                    industry=industry,
                    leaves=leaves,
                    opened_on=FIRST_DAY - timedelta(days=number),
                    paid_on=FIRST_DAY - timedelta(days=number + 12),
                    size=0,
                    activity=0.7,
                )
                number += 1

    def peer_rows(self) -> list[Row]:
        """Return rows of kind `sellers` for the shops that only quote."""
        rows = []
        for number, shop in enumerate(self.peers, start=len(self.world.shops)):
            province, _, city, city_zh = people.CITIES[number * 3 % len(people.CITIES)]
            word, word_zh = people.WORDS[number * 4 % len(people.WORDS)]
            trade, trade_zh = people.TRADES[shop.industry]
            rows.append(
                {
                    "member_id": shop.member_id,
                    "name_en": f"{city} {word} {trade} Export Co., Ltd.",
                    "name_zh": f"{city_zh}{word_zh}{trade_zh}进出口有限公司",
                    "membership": "verified" if number % 3 == 0 else "basic",
                    "company_type": "combined",
                    "province": province,
                    "city": city,
                    "main_category": shop.leaves[number % len(shop.leaves)].code,
                    "paid_on": shop.paid_on.isoformat(),
                    "opened_on": shop.opened_on.isoformat() if shop.opened_on else "",
                    "assessed_star": str(number % 5),
                }
            )
        return rows

    def peer_login_rows(self) -> list[Row]:
        """Return rows of kind `logins` for the shops that only quote."""
        days = (LAST_DAY - FIRST_DAY).days + 1
        return [
            {"seller": shop.member_id, "at": self.instant_on(FIRST_DAY + timedelta(days=offset))}
            for shop in self.peers
            for offset in range(days)
            if self.random.random() < shop.activity
        ]

    def instant_on(self, day: date) -> str:
        """Draw an instant of a Pacific day."""
        minutes = self.random.randrange(int(platform_time.hours_of(day) * 60))
        return (platform_time.start_of(day) + timedelta(minutes=minutes)).isoformat()

    # --- What -----------------------------------------------------------------------------------

    def _instants(self) -> Iterator[datetime]:
        """Yield when requests are posted: few long ago, many lately, a crowd in the last hours."""
        first, last = platform_time.start_of(FIRST_DAY), platform_time.end_of(LAST_DAY)
        yield from self._spread(first, self.now - LATELY, PER_DAY)
        yield from self._spread(self.now - LATELY, self.now - LAST_HOURS, PER_DAY_LATELY)
        for number in range(FRESH):
            # Denser towards now: the newest is a few minutes old.
            yield self.now - LAST_HOURS * ((number + 0.3) / FRESH) ** 1.6
        yield from self._spread(self.now, last, PER_DAY_LATELY)

    def _spread(self, start: datetime, end: datetime, per_day: int) -> Iterator[datetime]:
        count = int((end - start) / timedelta(days=1) * per_day)
        seconds = int((end - start).total_seconds()) - 1
        for _ in range(count):
            yield start + timedelta(seconds=self.random.randint(0, seconds))

    def _request(self, number: int, posted: datetime) -> Request:
        draw = self.random
        industry = "sports" if draw.random() < 0.22 else draw.choice(list(people.TRADES))
        leaf = draw.choice([leaf for leaf in self.world.leaves if leaf.industry == industry])
        grade = draw.choices(list(GRADES), list(GRADES.values()))[0]
        if self.now - LAST_HOURS < posted <= self.now and number % 3 == 0:
            grade = list(GRADES)[number // 3 % len(GRADES)]
        buyer, country = draw.choice(self.buyers)
        price = round(leaf.low * (leaf.high / leaf.low) ** (draw.random() * 0.7), 2)
        least, most = VALUES[grade]
        quantity = _round(least * (most / least) ** draw.random() / price)
        if grade == "pro":
            quantity += int(least / price) + 1 if quantity * price <= least else 0
        expires = posted + timedelta(days=draw.randint(12, 30))
        trait, trait_zh = self._trait(leaf)
        row = {
            "rfq_id": f"R-{50001 + number}",
            "buyer": buyer,
            "category": leaf.code,
            "quantity": str(quantity),
            "unit": "set" if leaf.high > 300 else "piece",
            "posted_at": posted.isoformat(timespec="seconds"),
            "expires_at": expires.isoformat(timespec="seconds"),
            "grade": grade,
            "target_price": f"{price:.2f}",
            "destination": country,
            "value_usd": f"{quantity * price:.2f}" if grade == "pro" or number % 3 else "",
        }
        request = Request(
            rfq_id=row["rfq_id"],
            leaf=leaf,
            buyer=buyer,
            country=country,
            grade=grade,
            posted=posted,
            expires=expires,
            price=price,
            quantity=quantity,
            trait=trait,
            row=row,
        )
        chinese = country in rfq_words.CHINESE_SPEAKING and draw.random() < 0.4
        row.update(self._in_chinese(request, trait_zh) if chinese else self._in_english(request))
        if grade == "pro":
            request.invited = self._invited(industry)
        return request

    def _trait(self, leaf: Leaf) -> tuple[str, str]:
        """Draw what the buyer asks of one attribute, in English and Chinese."""
        code = self.random.choice(leaf.attributes)
        name_en, name_zh, kind, *values = self.world.catalogue["attributes"][code]
        if kind == "number":
            value = str(self.random.choice([50, 100, 120, 150]))
        elif values:
            value = self.random.choice(values)
        else:
            return "own model number", "可定制型号"
        return f"{name_en.lower()} {value}", f"{name_zh} {value}"

    def _in_english(self, request: Request) -> Row:
        draw = self.random
        noun = draw.choice(request.leaf.nouns)
        words = {
            "noun": noun,
            "trait": request.trait,
            "quantity": f"{request.quantity:,}",
            "units": request.row["unit"] + ("s" if request.quantity > 1 else ""),
            "country": rfq_words.COUNTRY_NAMES[request.country],
        }
        title = draw.choice(rfq_words.TITLES).format(**words)
        terms = (
            "Quantity: {quantity} {units}. Target price: USD {price} FOB. Destination: {country}."
        )
        lines = [
            draw.choice(rfq_words.OPENINGS).format(**words),
            f"{noun}: {request.trait}.",
            terms.format(**words, price=f"{request.price:.2f}"),
            draw.choice(rfq_words.ASKS).format(**words),
            draw.choice(rfq_words.CLOSINGS),
        ]
        return {"title": title, "details": "\n".join(line for line in lines if line)}

    def _in_chinese(self, request: Request, trait: str) -> Row:
        words = {
            "name": request.leaf.name_zh,
            "trait": trait,
            "quantity": str(request.quantity),
            "units": "套" if request.row["unit"] == "set" else "件",
        }
        title = self.random.choice(rfq_words.CHINESE_TITLES).format(**words)
        details = (
            f"{words['name']}，{trait}，数量 {words['quantity']} {words['units']}，"
            f"目标价 {request.price:.2f} 美元（FOB）。\n{rfq_words.CHINESE_ASK}"
        )
        return {"title": title, "details": details}

    def _invited(self, industry: str) -> list[str]:
        """Draw the sellers on the invitation list of an RFQ Pro: mostly of its industry."""
        of_it = [shop.member_id for shop in self.shops if shop.industry == industry]
        others = self.random.sample([shop.member_id for shop in self.shops], 2)
        chosen = self.random.sample(of_it, min(len(of_it), self.random.randint(1, 4)))
        return sorted({*chosen, *others})


def _round(quantity: float) -> int:
    """Return a quantity as buyers write it: 1,200 rather than 1,237."""
    for step in ROUND_TO:
        if quantity >= step * 8:
            return round(quantity / step) * step
    return max(1, round(quantity))
