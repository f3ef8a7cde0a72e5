"""A made-up quoting season for P-2, made inside the database: a hundred quotes per seller in 90 days.

Sellers and industries are of unequal size, quotes come in the order of time, as they do. A number's
properties are multiplicative hashes of it, so the same world comes out on every database. Requests and
buyers are numbers without rows of their own: scoring never reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.models import Category, LoginDay, Order, Seller
from portal.platform_time import end_of, last_days
from rfq.models import Quote
from tests.benchmarks.worlds.generated import (
    at,
    days_before,
    epoch,
    generate,
    hashed,
    indexes_afterwards,
    loading,
    pick,
    seeded,
    some,
)
from tests.benchmarks.worlds.writing import copy_rows

DAY = date(2022, 8, 31)
INDUSTRIES = 40
QUOTES_PER_RFQ = 10
MESSAGE = (
    "Dear buyer, we have made this product for twelve years and can send a sample within a week. "
)


@dataclass(frozen=True)
class World:
    """Sizes; the rest follows from them."""

    sellers: int
    quotes: int
    orders: int
    seed: int = 1

    @property
    def buyers(self) -> int:
        """As many buyers as sellers."""
        return self.sellers


def load(world: World) -> None:
    """Write everything; indexes of the large tables are made afterwards."""
    seeded(world.seed)
    _sellers(world)
    with loading() as cursor:
        for model, columns, number in (
            (Quote, _quotes(world), world.quotes),
            (Order, _orders(world), world.orders),
            (LoginDay, _logins(), world.sellers * 10),
        ):
            with indexes_afterwards(cursor, model):
                generate(cursor, model, columns, number)
                if model is Quote:
                    _withdraw_repetitions(cursor)


def _sellers(world: World) -> None:
    Category.objects.bulk_create(
        Category(pk=n, code=f"i{n}", name_en=f"Industry {n}") for n in range(1, INDUSTRIES + 1)
    )
    blank = {"name_zh": "", "province": "", "city": "", "predicted_star": 0, "status": "active"}

    def row(n: int) -> dict[str, Any]:
        share = hashed(n, 0)
        industry = 1 + int(INDUSTRIES * share * share)
        return {
            "id": n, "member_id": f"s{n}", "name_en": f"Shop {n}", "company_type": "trader",
            "membership": "verified" if n % 3 else "basic", "assessed_star": n % 6,
            "main_category_id": industry, "industry_id": industry, **blank,
        }  # fmt: skip

    copy_rows(Seller._meta.db_table, map(row, range(1, world.sellers + 1)))


# --- Expressions over a number n ----------------------------------------------------------------


def _seller(world: World, n: str = "n") -> str:
    """A seller: the first ones quote many times as often as the last ones."""
    step = pick(30_000, 1, n)
    return f"(1 + {step} * {step} / 30000 * {world.sellers} / 30000 + {pick(7, 5, n)}) % {world.sellers} + 1"


def _second(world: World, n: str = "n") -> str:
    """The second in which a quote came; quotes are numbered in the order of time."""
    window = last_days(90, DAY)
    first, length = epoch(window.starts_at), epoch(window.ends_before) - epoch(window.starts_at)
    return f"({first} + CAST({n} AS BIGINT) * {length - 1} / {world.quotes})"


def _quotes(world: World) -> dict[str, str]:
    second = _second(world)
    return {
        "seller_id": _seller(world),
        "rfq_id": f"n / {QUOTES_PER_RFQ} + 1",
        "buyer_id": f"1 + {pick(world.buyers, 2, f'n / {QUOTES_PER_RFQ}')}",
        "origin": "'upstream'",
        "status": "'submitted'",
        "unit_price": "12.5",
        "currency": "'USD'",
        "ship_from": "''",
        "sample_offered": "FALSE",
        "message": f"'{MESSAGE}'",
        "products": "'[]'",
        "version": "1",
        "submitted_at": at(second),
        "response_seconds": pick(48 * 3600, 3),
        "links_until": at(f"{second} + 94694400"),
        "replied_at": some(22, 4, at(f"{second} + {pick(10 * 86_400, 6)}")),
        "withdrawn_at": some(2, 5, at(f"{second} + 3600")),
        "refunded_at": some(1, 6, at(f"{second} + {pick(20 * 86_400, 0)}")),
    }


def _orders(world: World) -> dict[str, str]:
    """Two thirds of the orders follow a quote; the others come from buyers never quoted."""
    quote = f"(1 + {pick(world.quotes, 4)})"
    buyer = f"1 + {pick(world.buyers, 2, f'{quote} / {QUOTES_PER_RFQ}')}"
    second = f"{_second(world, quote)} + {pick(5 * 86_400, 3)}"
    return {
        "order_id": "'o' || n",
        "seller_id": _seller(world, quote),
        "buyer_id": f"CASE WHEN n % 3 < 2 THEN {buyer} ELSE {world.buyers} + n END",
        "channel": "'trade_assurance'",
        "kind": "'rts'",
        "rfq_ref": "''",
        "amount": "1",
        "created_at": at(second),
        "received_at": some(90, 5, at(f"{second} + {pick(20 * 86_400, 6)}")),
        "received": f"{pick(900_000, 0)} / 100.0",
        "carrier": "''",
        "method": "''",
        "tracking": "'none'",
        "destination": "''",
        "after_sales": "'[]'",
        "fake": f"{pick(100, 1)} = 0",
    }


def _logins() -> dict[str, str]:
    """Ten days of the last 40 for each seller."""
    back = f"({pick(4, 0)} + 4 * (n % 10))"
    end = epoch(end_of(DAY)) - 3600
    return {
        "seller_id": "(n + 9) / 10",
        "day": days_before(DAY, back),
        "at": at(f"{end} - {back} * 86400"),
    }


def _withdraw_repetitions(cursor: Any) -> None:
    """A seller who quoted an RFQ twice had withdrawn the first quote."""
    cursor.execute(
        "UPDATE rfq_quote SET withdrawn_at = submitted_at WHERE id IN (SELECT id FROM ("
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY rfq_id, seller_id ORDER BY id DESC) AS place "
        "FROM rfq_quote WHERE withdrawn_at IS NULL) t WHERE place > 1)"
    )
