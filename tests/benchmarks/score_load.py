"""A made-up quoting season for P-2, made inside the database: a hundred quotes per seller in 90 days.

Sellers and industries are of unequal size, quotes come in the order of time, as they do. A number's
properties are multiplicative hashes of it, so the same world comes out on every database. Requests and
buyers are numbers without rows of their own: scoring never reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from portal.models import Category, LoginDay, Order, Seller
from portal.platform_time import end_of, last_days
from rfq.models import Quote
from tests.benchmarks.themes_load import copy_rows

DAY = date(2022, 8, 31)
INDUSTRIES = 40
QUOTES_PER_RFQ = 10
HASHES = (2654435761, 2246822519, 3266489917, 668265263, 374761393, 2869860233, 3624381081)
MESSAGE = (
    "Dear buyer, we have made this product for twelve years and can send a sample within a week. "
)


@dataclass(frozen=True)
class World:
    """Sizes; the rest follows from them."""

    sellers: int
    quotes: int
    orders: int

    @property
    def buyers(self) -> int:
        """As many buyers as sellers."""
        return self.sellers


def load(world: World) -> None:
    """Write everything; indexes of the large tables are made afterwards."""
    _sellers(world)
    if connection.vendor == "sqlite":
        connection.disable_constraint_checking()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The rows are consistent by construction, save for RFQs and buyers, which have none.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
            cursor.execute("SET LOCAL work_mem = '512MB'")
        for model, columns, number in (
            (Quote, _quotes(world), world.quotes),
            (Order, _orders(world), world.orders),
            (LoginDay, _logins(), world.sellers * 10),
        ):
            indexes = _drop_indexes(cursor, model._meta.db_table)
            names = ", ".join(connection.ops.quote_name(name) for name in columns)
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({names}) "
                f"SELECT {', '.join(columns.values())} FROM ({_numbers(number)}) t"
            )
            if model is Quote:
                _withdraw_repetitions(cursor)
            for definition in indexes:
                cursor.execute(definition)


def _sellers(world: World) -> None:
    Category.objects.bulk_create(
        Category(pk=n, code=f"i{n}", name_en=f"Industry {n}") for n in range(1, INDUSTRIES + 1)
    )
    blank = {"name_zh": "", "province": "", "city": "", "predicted_star": 0, "status": "active"}

    def row(n: int) -> dict[str, Any]:
        share = (n * HASHES[0] % 2**32) / 2**32
        industry = 1 + int(INDUSTRIES * share * share)
        return {
            "id": n, "member_id": f"s{n}", "name_en": f"Shop {n}", "company_type": "trader",
            "membership": "verified" if n % 3 else "basic", "assessed_star": n % 6,
            "main_category_id": industry, "industry_id": industry, **blank,
        }  # fmt: skip

    copy_rows(Seller._meta.db_table, map(row, range(1, world.sellers + 1)))


# --- Expressions over a number n ----------------------------------------------------------------


def _numbers(count: int) -> str:
    if connection.vendor == "postgresql":
        return f"SELECT CAST(n AS BIGINT) AS n FROM generate_series(1, {count}) AS n"
    return (
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        f"WHERE n < {count}) SELECT n FROM numbers"
    )


def _pick(limit: int, salt: int, n: str = "n") -> str:
    """A number of 0 … limit − 1, evenly."""
    return f"((({n}) * {HASHES[salt]} % 4294967296) * {limit} / 4294967296)"


def _seller(world: World, n: str = "n") -> str:
    """A seller: the first ones quote many times as often as the last ones."""
    step = _pick(30_000, 1, n)
    return f"(1 + {step} * {step} / 30000 * {world.sellers} / 30000 + {_pick(7, 5, n)}) % {world.sellers} + 1"


def _second(world: World, n: str = "n") -> str:
    """The second in which a quote came; quotes are numbered in the order of time."""
    window = last_days(90, DAY)
    first, length = _epoch(window.starts_at), _epoch(window.ends_before) - _epoch(window.starts_at)
    return f"({first} + CAST({n} AS BIGINT) * {length - 1} / {world.quotes})"


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())


def _at(seconds: str) -> str:
    if connection.vendor == "postgresql":
        return f"to_timestamp({seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')"


def _some(percent: int, salt: int, value: str) -> str:
    return f"CASE WHEN {_pick(100, salt)} < {percent} THEN {value} END"


def _quotes(world: World) -> dict[str, str]:
    second = _second(world)
    return {
        "seller_id": _seller(world),
        "rfq_id": f"n / {QUOTES_PER_RFQ} + 1",
        "buyer_id": f"1 + {_pick(world.buyers, 2, f'n / {QUOTES_PER_RFQ}')}",
        "origin": "'upstream'",
        "status": "'submitted'",
        "unit_price": "12.5",
        "currency": "'USD'",
        "ship_from": "''",
        "sample_offered": "FALSE",
        "message": f"'{MESSAGE}'",
        "products": "'[]'",
        "version": "1",
        "submitted_at": _at(second),
        "response_seconds": _pick(48 * 3600, 3),
        "links_until": _at(f"{second} + 94694400"),
        "replied_at": _some(22, 4, _at(f"{second} + {_pick(10 * 86_400, 6)}")),
        "withdrawn_at": _some(2, 5, _at(f"{second} + 3600")),
        "refunded_at": _some(1, 6, _at(f"{second} + {_pick(20 * 86_400, 0)}")),
    }


def _orders(world: World) -> dict[str, str]:
    """Two thirds of the orders follow a quote; the others come from buyers never quoted."""
    quote = f"(1 + {_pick(world.quotes, 4)})"
    buyer = f"1 + {_pick(world.buyers, 2, f'{quote} / {QUOTES_PER_RFQ}')}"
    second = f"{_second(world, quote)} + {_pick(5 * 86_400, 3)}"
    return {
        "order_id": "'o' || n",
        "seller_id": _seller(world, quote),
        "buyer_id": f"CASE WHEN n % 3 < 2 THEN {buyer} ELSE {world.buyers} + n END",
        "channel": "'trade_assurance'",
        "kind": "'rts'",
        "rfq_ref": "''",
        "amount": "1",
        "created_at": _at(second),
        "received_at": _some(90, 5, _at(f"{second} + {_pick(20 * 86_400, 6)}")),
        "received": f"{_pick(900_000, 0)} / 100.0",
        "carrier": "''",
        "method": "''",
        "tracking": "'none'",
        "destination": "''",
        "after_sales": "'[]'",
        "fake": f"{_pick(100, 1)} = 0",
    }


def _logins() -> dict[str, str]:
    """Ten days of the last 40 for each seller."""
    back = f"({_pick(4, 0)} + 4 * (n % 10))"
    end = _epoch(end_of(DAY)) - 3600
    if connection.vendor == "postgresql":
        day = f"DATE '{DAY}' - CAST({back} AS INTEGER)"
    else:
        day = f"date('{DAY}', '-' || {back} || ' days')"
    return {"seller_id": "(n + 9) / 10", "day": day, "at": _at(f"{end} - {back} * 86400")}


# --- Indexes ------------------------------------------------------------------------------------


def _drop_indexes(cursor: Any, table: str) -> list[str]:
    """Drop a table's indexes; return the statements that make them again."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT IN "
            "(SELECT conname FROM pg_constraint)",
            [table],
        )
    else:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s "
            "AND sql IS NOT NULL",
            [table],
        )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    return [definition for _name, definition in found]


def _withdraw_repetitions(cursor: Any) -> None:
    """A seller who quoted an RFQ twice had withdrawn the first quote."""
    cursor.execute(
        "UPDATE rfq_quote SET withdrawn_at = submitted_at WHERE id IN (SELECT id FROM ("
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY rfq_id, seller_id ORDER BY id DESC) AS place "
        "FROM rfq_quote WHERE withdrawn_at IS NULL) t WHERE place > 1)"
    )
