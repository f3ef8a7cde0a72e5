"""A made-up RFQ market of any size: the same rows for the same seed, streamed into the database.

RFQs of the last 30 days in 5,000 leaf categories with Zipf sizes; titles of eight words and details of
twelve from a Zipf vocabulary, part of it Chinese; 200,000 buyers in 60 countries; few quotes each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from listings.matching.countries import COUNTRIES
from listings.models import Product
from portal.models import Buyer, Category, Seller
from rfq.market.search_words import words_of
from rfq.models import Quote, Rfq, RfqWord, RightLot
from rfq.services.rfq_words import microseconds
from tests.benchmarks.worlds.catalogue import VOCABULARY, load_catalogue, tree, word, zipf
from tests.benchmarks.worlds.generated import indexes_afterwards
from tests.benchmarks.worlds.writing import copy_rows

BLOCK = 20_000
GRADES = ("standard", "silver", "gold", "pro")
GRADE_SHARE = (0.80, 0.12, 0.07, 0.01)
TIERS = ("L0", "L1", "L2", "L3", "L4")
TIER_SHARE = (0.6, 0.25, 0.1, 0.04, 0.01)
OPEN_DAYS = 30
TITLE_WORDS, DETAIL_WORDS = 8, 12


HEAP = "words_drawn"


def _move_words() -> None:
    """Write the words in the order of their index: at random it takes hours."""
    columns = "word, posted, rfq_id"
    with connection.cursor() as cursor, indexes_afterwards(cursor, RfqWord):
        cursor.execute(
            f"INSERT INTO {RfqWord._meta.db_table} ({columns}) "
            f"SELECT {columns} FROM {HEAP} ORDER BY {columns}"
        )
        cursor.execute(f"DROP TABLE {HEAP}")


class MarketWorld:
    """Draws open RFQs as of `now`, the shop that looks at them, and what it sells."""

    def __init__(self, rfqs: int, now: datetime, *, products: int = 10_000, seed: int = 1) -> None:
        self.rfqs, self.now, self.products = rfqs, now, products
        self.buyers = max(100, rfqs // 5)
        self.tree = tree()
        self.random = np.random.default_rng(seed)
        self._leaves = self.random.permutation(self.tree.leaf_pk)
        self._leaf_sizes = zipf(len(self._leaves), 0.9)
        self._word_use = zipf(VOCABULARY, 0.9)
        self._country_use = zipf(60, 1.2)
        self._vocabulary = [word(number) for number in range(VOCABULARY)]

    def load(self) -> None:
        """Write the catalogue, the shop with its products and rights, buyers, RFQs and words."""
        load_catalogue()
        self._load_shop()
        countries = np.searchsorted(self._country_use, self.random.random(self.buyers))
        tiers = self.random.choice(TIERS, self.buyers, p=TIER_SHARE)
        Buyer.objects.bulk_create(
            (
                Buyer(pk=key, buyer_id=f"mb{key}", country=COUNTRIES[country * 4], tier=tier)
                for key, (country, tier) in enumerate(
                    zip(countries.tolist(), tiers.tolist(), strict=True), 1
                )
            ),
            batch_size=BLOCK,
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMPORARY TABLE {HEAP} (word varchar(40), posted bigint, rfq_id bigint)"
            )
        for rows in self._blocks():
            copy_rows(Rfq._meta.db_table, rows)
            copy_rows(
                HEAP,
                (
                    {"word": one, "posted": microseconds(row["posted_at"]), "rfq_id": row["id"]}
                    for row in rows
                    for one in words_of(row["title"], row["details"])
                ),
            )
        _move_words()

    def _load_shop(self) -> None:
        """Make the shop: its main category is a group of 25 leaves; it sells in 40 more."""
        group = Category.objects.get(code=self.tree.group_code[3])
        self.shop = Seller.objects.create(
            member_id="s1", name_en="Shop", membership="verified", company_type="trader",
            main_category=group, industry_id=group.parent_id, assessed_star=3,
        )  # fmt: skip
        sold = self._leaves[self.random.integers(0, len(self._leaves), 40)].tolist()
        Product.objects.bulk_create(
            (
                Product(
                    product_id=f"p{number}", seller=self.shop, title=f"Product {number}",
                    category_id=sold[number % len(sold)], kind="rts", status="live",
                    changed_at=self.now, created_at=self.now,
                )
                for number in range(self.products)
            ),
            batch_size=2_000,
        )  # fmt: skip
        RightLot.objects.bulk_create(
            RightLot(
                seller=self.shop, kind=kind, source="staff", amount=50, left=50, key=kind,
                granted_at=self.now - timedelta(days=2), expires_at=self.now + timedelta(days=9),
            )
            for kind in ("quote", "gold", "pin")
        )  # fmt: skip

    def quote(self, rfqs: list[Rfq]) -> None:
        """Let the shop have quoted some RFQs."""
        Quote.objects.bulk_create(
            Quote(
                seller=self.shop, rfq=rfq, buyer_id=rfq.buyer_id, unit_price=1, response_seconds=60,
                submitted_at=self.now, links_until=self.now,
            )
            for rfq in rfqs
        )  # fmt: skip

    def _blocks(self) -> Iterator[list[dict[str, Any]]]:
        for start in range(0, self.rfqs, BLOCK):
            yield self._block(start, min(BLOCK, self.rfqs - start))

    def _block(self, start: int, count: int) -> list[dict[str, Any]]:
        draw = self.random
        leaves = self._leaves[np.searchsorted(self._leaf_sizes, draw.random(count))].tolist()
        texts = np.searchsorted(self._word_use, draw.random((count, TITLE_WORDS + DETAIL_WORDS)))
        ages = (draw.random(count) * OPEN_DAYS * 86_400).tolist()
        quantities = np.round(10 ** (1 + 4 * draw.random(count))).astype(int).tolist()
        quoted = np.minimum(draw.geometric(0.35, count) - 1, 14).tolist()
        grades = draw.choice(GRADES, count, p=GRADE_SHARE).tolist()
        buyers = draw.integers(1, self.buyers + 1, count).tolist()
        rows = []
        for place in range(count):
            posted = self.now - timedelta(seconds=ages[place])
            words = [self._vocabulary[number] for number in texts[place]]
            rows.append(
                {
                    "id": start + place + 1,
                    "rfq_id": f"M-{start + place + 1}",
                    "buyer_id": buyers[place],
                    "title": " ".join(words[:TITLE_WORDS]),
                    "category_id": leaves[place],
                    "quantity": quantities[place],
                    "unit": "piece",
                    "details": " ".join(words[TITLE_WORDS:]),
                    "attachments": "[]",
                    "target_price": None,
                    "destination": "",
                    "value_usd": 60_000,
                    "posted_at": posted,
                    "expires_at": posted + timedelta(days=OPEN_DAYS, hours=1),
                    "opens_to_all_at": posted + timedelta(hours=9),
                    "listed_at": posted,
                    "status": "open",
                    "grade": grades[place],
                    "seats": 10,
                    "quoted": quoted[place],
                }
            )
        return rows
