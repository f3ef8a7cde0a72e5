"""Worlds made inside the database: every column is an expression over the number `n` of its row.

Properties are multiplicative hashes of the number, so the same world comes out on every database, and a
million rows take seconds. Another seed (`seeded`) is the same world of other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.db import connection, models, transaction

HASHES = (2654435761, 2246822519, 3266489917, 668265263, 374761393, 2869860233, 3624381081)
Columns = Mapping[str, str]
_shift = 0


def seeded(seed: int) -> None:
    """Let all that follows be drawn for a seed; `hashed` is the same in Python."""
    global _shift
    _shift = (seed - 1) * 1_000_003


def hashed(number: int, salt: int) -> float:
    """Return the share of 1 that `pick` draws for a number."""
    return ((number + _shift) * HASHES[salt] % 2**32) / 2**32


# --- Expressions over a number ------------------------------------------------------------------


def pick(limit: int | str, salt: int, n: str = "n") -> str:
    """A number of 0 … limit − 1, evenly."""
    return f"((({n}) + {_shift}) * {HASHES[salt]} % 4294967296 * {limit} / 4294967296)"


def some(percent: int, salt: int, value: str, otherwise: str = "NULL") -> str:
    """A value for so many in a hundred."""
    return f"CASE WHEN {pick(100, salt)} < {percent} THEN {value} ELSE {otherwise} END"


def epoch(instant: datetime) -> int:
    """The second of an instant."""
    return int(instant.timestamp())


def at(seconds: str) -> str:
    """The instant of a second."""
    if connection.vendor == "postgresql":
        return f"to_timestamp({seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')"


def as_json(text: str) -> str:
    """A text as a column of JSON takes it."""
    return f"CAST({text} AS JSONB)" if connection.vendor == "postgresql" else text


def days_before(day: date, days: str) -> str:
    """The day so many days before another."""
    if connection.vendor == "postgresql":
        return f"(DATE '{day}' - CAST({days} AS INTEGER))"
    return f"date('{day}', printf('%+d days', -({days})))"


def numbers(count: int) -> str:
    """A select of `n` = 1 … `count`."""
    if connection.vendor == "postgresql":
        return f"SELECT CAST(n AS BIGINT) AS n FROM generate_series(1, {count}) AS n"
    return (
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        f"WHERE n < {count}) SELECT n FROM numbers"
    )


# --- Writing ------------------------------------------------------------------------------------


@contextmanager
def loading() -> Iterator[Any]:
    """Yield a cursor in one transaction that checks no foreign keys; the rows are right by construction."""
    if connection.vendor == "sqlite":
        connection.disable_constraint_checking()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
            cursor.execute("SET LOCAL work_mem = '512MB'")
        yield cursor


def generate(
    cursor: Any, model: type[models.Model], columns: Columns, count: int, where: str = "1 = 1"
) -> None:
    """Write the rows 1 … `count` that fulfil a condition."""
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    cursor.execute(
        f"INSERT INTO {model._meta.db_table} ({names}) "
        f"SELECT {', '.join(columns.values())} FROM ({numbers(count)}) t WHERE {where}"
    )


@contextmanager
def indexes_afterwards(cursor: Any, model: type[models.Model]) -> Iterator[None]:
    """Drop a table's indexes for the time of writing."""
    table = model._meta.db_table
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
    yield
    for _name, definition in found:
        cursor.execute(definition)
