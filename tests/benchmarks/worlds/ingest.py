"""Rows as upstream sends them, kind by kind, of any number: each follows from its number and the seed.

Shops, buyers and the tree have to be there (`load`); order lines need the orders, quotes the RFQs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from portal.models import Buyer, Seller
from tests import factories

SELLERS, BUYERS, PRODUCTS = 5_000, 20_000, 40_000
LEAF = "e-bike-kits"
WORDS = (
    "electric", "bike", "conversion", "kit", "rear", "hub", "motor", "battery", "waterproof", "display",
    "controller", "brushless", "throttle", "pedal", "assist", "wheel", "folding", "mountain", "cargo",
    "电动", "自行车", "电机", "控制器", "48v", "36v", "500w", "750w", "set", "oem", "certified",
)  # fmt: skip
Row = dict[str, Any]


def load() -> None:
    """Write the tree, shops and buyers that rows name."""
    leaf = factories.tree_create()[LEAF]
    shared = {"membership": "basic", "company_type": "trader", "main_category": leaf}
    Seller.objects.bulk_create(
        Seller(member_id=f"s{n}", name_en=f"S{n}", industry=leaf.parent.parent.parent, **shared)
        for n in range(SELLERS)
    )
    Buyer.objects.bulk_create(Buyer(buyer_id=f"b{n}", country="US") for n in range(BUYERS))


class Feed:
    """Makes the rows of each kind; in a second version, every hundredth row says something else."""

    def __init__(self, seed: int = 1) -> None:
        self._shift = (seed - 1) * 104_729
        self.kinds: dict[str, Callable[[int, int], Row]] = {
            "orders": self._order,
            "order_lines": self._order_line,
            "inquiries": self._inquiry,
            "visits": self._visit,
            "logins": self._login,
            "product_days": self._product_day,
            "metrics": self._metric,
            "rfqs": self._rfq,
            "quotes": self._quote,
            "products": self._product,
        }
        """In an order in which each finds what it names."""

    def rows(self, kind: str, count: int, version: int = 0) -> Iterator[Row]:
        """Yield the rows 0 … `count` − 1."""
        make = self.kinds[kind]
        for n in range(count):
            yield make(n, version if n % 100 == 0 else 0)

    def write(self, path: Path, kind: str, count: int, version: int = 0) -> None:
        """Write a CSV file of the rows."""
        rows = self.rows(kind, count, version)
        first = next(rows)
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(first))
            writer.writeheader()
            writer.writerow(first)
            writer.writerows(rows)

    # --- What rows share --------------------------------------------------------------------------

    def _seller(self, n: int) -> str:
        return f"s{(n + self._shift) * 7919 % SELLERS}"

    def _buyer(self, n: int) -> str:
        return f"b{(n + self._shift) * 104_729 % BUYERS}"

    def _at(self, n: int) -> str:
        return f"2022-07-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:00-07:00"

    def _text(self, n: int, words: int) -> str:
        start = n + self._shift
        return " ".join(
            WORDS[(start * (place + 3) + place * place) % len(WORDS)] for place in range(words)
        )

    # --- Kinds ------------------------------------------------------------------------------------

    def _order(self, n: int, version: int) -> Row:
        at, amount = self._at(n), f"{n % 9000}.{n % 100:02d}"
        return {
            "order_id": f"o{n}", "seller": self._seller(n), "buyer": self._buyer(n),
            "channel": "trade_assurance", "kind": "rts" if n % 2 else "customization", "category": LEAF,
            "amount": amount, "created_at": at, "paid_at": at, "received_at": at,
            "received": "1.00" if version else amount, "ship_by": "2022-08-01", "dispatched_at": at,
            "delivered_at": at, "carrier": "DHL", "method": "express", "tracking": "normal",
            "destination": "US", "fake": "false",
        }  # fmt: skip

    def _order_line(self, n: int, version: int) -> Row:
        return {
            "order": f"o{n}", "product": f"p{n % PRODUCTS}", "quantity": 10 + n % 90 + version,
            "unit_price": f"{1 + n % 400}.50",
        }  # fmt: skip

    def _inquiry(self, n: int, version: int) -> Row:
        return {
            "inquiry_id": f"i{n}", "seller": self._seller(n), "buyer": self._buyer(n),
            "product": f"p{n % PRODUCTS}", "at": self._at(n), "keyword": self._text(n + version, 3),
        }  # fmt: skip

    def _visit(self, n: int, version: int) -> Row:
        return {
            "visit_id": f"v{n}", "seller": self._seller(n), "buyer": self._buyer(n),
            "at": self._at(n + version), "product": f"p{n % PRODUCTS}",
        }  # fmt: skip

    def _login(self, n: int, version: int) -> Row:
        """Every fifth row is a second login of a day."""
        day = n * 4 // 5
        minute = n % 5 or 30 * (1 - version)
        return {
            "seller": f"s{(day + self._shift) % SELLERS}",
            "at": f"2022-{1 + day // SELLERS // 28 % 12:02d}-{1 + day // SELLERS % 28:02d}"
            f"T{10 + day // SELLERS // 336 % 12}:{minute:02d}:00-07:00",
        }  # fmt: skip

    def _product_day(self, n: int, version: int) -> Row:
        product, day = n % PRODUCTS, n // PRODUCTS
        return {
            "seller": self._seller(product), "product": f"p{product}",
            "day": f"2022-{1 + day // 28:02d}-{1 + day % 28:02d}", "exposures": n % 3000 + version,
            "clicks": n % 90, "inquiries": n % 7,
        }  # fmt: skip

    def _metric(self, n: int, version: int) -> Row:
        seller, number = n % SELLERS, n // SELLERS
        return {
            "seller": f"s{seller}", "day": f"2022-07-{1 + number // 40 % 28:02d}",
            "metric": f"ext.number_{number % 40}", "value": f"{(n + self._shift) % 1000 + version}.5",
        }  # fmt: skip

    def _rfq(self, n: int, version: int) -> Row:
        return {
            "rfq_id": f"R-{n}", "buyer": self._buyer(n), "title": self._text(n, 8), "category": LEAF,
            "quantity": 10 + n % 5000 + version, "unit": "set", "details": self._text(n + 7, 12),
            "posted_at": self._at(n), "grade": ("standard", "silver", "gold")[n % 3], "seats": 10,
            "value_usd": f"{n % 90_000}.00", "target_price": "118.50", "destination": "US",
        }  # fmt: skip

    def _quote(self, n: int, version: int) -> Row:
        return {
            "seller": self._seller(n), "rfq": f"R-{n}", "submitted_at": "2022-07-29T10:00:00-07:00",
            "unit_price": f"{1 + n % 300 + version}.5000", "viewed_at": "2022-07-29T12:00:00-07:00",
            "replied_at": "2022-07-29T18:00:00-07:00" if n % 4 == 0 else "",
        }  # fmt: skip

    def _product(self, n: int, version: int) -> Row:
        return {
            "product_id": f"p{n}", "seller": self._seller(n), "category": LEAF,
            "title": self._text(n + version, 10), "keywords": "|".join(self._text(n + 1, 3).split()),
            "brand": "Volta", "kind": "rts" if n % 2 else "customization", "status": "live",
            "price_min": f"{100 + n % 80}.00", "price_max": f"{190 + n % 80}.00", "moq": 10,
            "unit": "set", "target_countries": "US|DE", "services": "sample", "images": 6,
            "dispatch_days": 7,
        }  # fmt: skip
