"""Writes rows the fastest way a database has, in parts, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

PART = 20_000
Rows = Iterable[Mapping[str, Any]]


def copy_rows(table: str, rows: Rows) -> None:
    """Write rows by `COPY` on PostgreSQL, by one prepared statement on SQLite."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    names = list(first)
    columns = ", ".join(connection.ops.quote_name(name) for name in names)
    values = ([row[name] for name in names] for row in chain([first], rows))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({marks})",
            ([_sqlite_form(value) for value in row] for row in values),
        )


def _sqlite_form(value: Any) -> Any:
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    if hasattr(value, "tzinfo"):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield rows some thousands at a time."""
    while part := list(islice(rows, PART)):
        yield part


def let_sequences_follow() -> None:
    """Let the keys that the database hands out follow those that were written with the rows."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)
