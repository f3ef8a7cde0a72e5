"""Rows of the demo world, in the kinds and columns of the ingest contract.

Everything is drawn from one seeded generator, so that every machine gets the same sellers, products
and facts. Instants lie between 2021-07-01 and 2022-12-31 (Pacific), so that any day of that time can
be lived through with the demo clock.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from portal import platform_time
from portal.demo import people

SEED = 20210701
FIRST_DAY, LAST_DAY = date(2021, 7, 1), date(2022, 12, 31)
DEFAULT_NOW = "2022-12-15T10:00:00-08:00"
"""Where the demo clock starts: twelve days before the EPR deadline, under the rules of late 2022."""

SELLERS, PRODUCTS, THEMES, BUYERS = 30, 2000, 60, 120
COUNTRIES = [
    "US",
    "CA",
    "GB",
    "DE",
    "FR",
    "AU",
    "JP",
    "KR",
    "MX",
    "BR",
    "ID",
    "MY",
    "NL",
    "ES",
    "IT",
]
SERVICES = [
    "sample",
    "customization",
    "overseas_after_sales",
    "dispatch_7d",
    "linked_certificate",
]

Row = dict[str, Any]


@dataclass
class Leaf:
    """A leaf of the demo catalogue."""

    code: str
    name_en: str
    name_zh: str
    industry: str
    attributes: list[str]
    nouns: list[str]
    low: float
    high: float


@dataclass
class Shop:
    """What later rows need to know of a seller."""

    member_id: str
    industry: str
    leaves: list[Leaf]
    opened_on: date | None
    paid_on: date
    size: int
    activity: float
    products: list[str] = field(default_factory=list)


class World:
    """The catalogue, the shops and one seeded generator; `batches` draws the rows from it."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)  # noqa: S311  not a secret, has to be repeatable
        text = (Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8")
        self.catalogue = tomllib.loads(text)
        self.category_rows: list[Row] = []
        self.leaves: list[Leaf] = []
        for industry in self.catalogue["industry"]:
            self._walk(industry, parent="", industry=industry["code"])
        self.shops = [self._shop(number) for number in range(SELLERS)]

    # --- catalogue ------------------------------------------------------------------------------

    def _walk(self, node: Row, *, parent: str, industry: str) -> None:
        name_en, name_zh = node["name"]
        self.category_rows.append(
            {
                "code": node["code"],
                "parent": parent,
                "name_en": name_en,
                "name_zh": name_zh,
            }
        )
        for child in [
            *node.get("branch", []),
            *node.get("sub", []),
            *node.get("leaf", []),
        ]:
            self._walk(child, parent=node["code"], industry=industry)
        if "attributes" in node:
            low, high = node["price"]
            self.leaves.append(
                Leaf(
                    node["code"],
                    name_en,
                    name_zh,
                    industry,
                    node["attributes"],
                    node["nouns"],
                    low,
                    high,
                )
            )

    def attribute_rows(self) -> list[Row]:
        """Return rows of kind `attributes`."""
        rows = []
        for leaf in self.leaves:
            for code in leaf.attributes:
                name_en, name_zh, kind, *values = self.catalogue["attributes"][code]
                rows.append(
                    {
                        "category": leaf.code,
                        "code": code,
                        "name_en": name_en,
                        "name_zh": name_zh,
                        "type": kind,
                        "values": "|".join(values),
                    }
                )
        return rows

    # --- sellers --------------------------------------------------------------------------------

    def _shop(self, number: int) -> Shop:
        industries = list(people.TRADES)
        industry = industries[number % len(industries)]
        now = platform_time.day_of(platform_time.parse_instant(DEFAULT_NOW))
        age = self._age(number)
        paid_on = now - timedelta(days=max(age, 0) + 12)
        opened_on = now - timedelta(days=age) if age > 0 else None
        # The first shop is the one newcomers look at: in sports, where the worked examples are.
        size = 420 if number == 0 else self.random.randint(30, 85)
        if age <= 0:
            size = 0 if number % 2 else 4
        elif age <= 30:
            size = self.random.randint(6, 40)
        leaves = [leaf for leaf in self.leaves if leaf.industry == industry]
        return Shop(
            member_id=f"cn{1000 + number * 37}",
            industry=industry,
            leaves=leaves,
            opened_on=opened_on,
            paid_on=paid_on,
            size=size,
            activity=self.random.uniform(0.3, 1.0) if age > 30 else 0.8,
        )

    def _age(self, number: int) -> int:
        """Days since opening: three shops not open yet, four in their first month, five in their third."""
        if number in (11, 17, 23):
            return 0
        if number in (4, 12, 19, 26):
            return {4: 2, 12: 14, 19: 29, 26: 30}[number]
        if number in (5, 9, 13, 20, 27):
            return {5: 31, 9: 48, 13: 66, 20: 89, 27: 90}[number]
        return 91 + (number * 41 if number else 1100)

    def seller_row(self, number: int) -> Row:
        """Return one row of kind `sellers`."""
        shop = self.shops[number]
        province, _, city, city_zh = people.CITIES[number % len(people.CITIES)]
        word, word_zh = people.WORDS[number % len(people.WORDS)]
        trade, trade_zh = people.TRADES[shop.industry]
        company_type = ("manufacturer", "trader", "combined")[number % 3]
        suffix = "Manufacturing" if company_type == "manufacturer" else "Trading"
        suffix_zh = "制造" if company_type == "manufacturer" else "贸易"
        mature = shop.opened_on is not None and self._age(number) > 90
        return {
            "member_id": shop.member_id,
            "name_en": f"{city} {word} {trade} {suffix} Co., Ltd.",
            "name_zh": f"{city_zh}{word_zh}{trade_zh}{suffix_zh}有限公司",
            "membership": "verified" if number % 5 in (0, 2) else "basic",
            "company_type": company_type,
            "province": province,
            "city": city,
            "main_category": shop.leaves[0].code if shop.leaves else shop.industry,
            "paid_on": shop.paid_on.isoformat(),
            "opened_on": shop.opened_on.isoformat() if shop.opened_on else "",
            "assessed_star": str((number * 7) % 5 if mature else 0) if number else "3",
            "status": {28: "restricted", 29: "closed"}.get(number, "active"),
        }

    def member_rows(self) -> list[Row]:
        """Return rows of kind `members`: an owner each, some salespeople and viewers."""
        rows = []
        for number, shop in enumerate(self.shops):
            owner = people.OWNERS[number]
            team = [(owner, "owner")]
            if number % 3 == 0:
                team.append((f"{owner}-sales", "salesperson"))
            if number % 6 == 0:
                team.append((f"{owner}-viewer", "viewer"))
            for username, role in team:
                rows.append(
                    {
                        "username": username,
                        "email": f"{username}@example.com",
                        "seller": shop.member_id,
                        "role": role,
                        "password": people.PASSWORD,
                    }
                )
        # One person in two shops, for the seller switcher.
        rows.append(
            {
                "username": people.OWNERS[0],
                "email": f"{people.OWNERS[0]}@example.com",
                "seller": self.shops[1].member_id,
                "role": "manager",
            }
        )
        return rows

    def buyer_rows(self) -> list[Row]:
        """Return rows of kind `buyers`."""
        rows = []
        for number in range(BUYERS):
            word = people.BUYER_WORDS[number % len(people.BUYER_WORDS)]
            trade = people.BUYER_TRADES[number % len(people.BUYER_TRADES)]
            rows.append(
                {
                    "buyer_id": f"b{5000 + number}",
                    "company": f"{word} {trade} {number + 1}",
                    "country": people.BUYER_COUNTRIES[number % len(people.BUYER_COUNTRIES)],
                    "tier": ("L0", "L0", "L0", "L1", "L1", "L2", "L3", "L4")[number % 8],
                }
            )
        return rows
