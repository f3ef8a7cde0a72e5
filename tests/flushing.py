"""Emptying the test database after a test that committed, on PostgreSQL.

Django truncates every table. That costs as many new files as there are tables and indexes, half a second,
though a test leaves rows in a dozen of them: those are deleted from instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def make_cheap(connection: BaseDatabaseWrapper) -> None:
    """Let `flush` on this connection touch only tables with rows, where the user may do so."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            return
    truncating, quote = connection.ops.sql_flush, connection.ops.quote_name

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        if not tables or options.get("reset_sequences"):
            return truncating(style, tables, **options)
        rows = " UNION ALL ".join(
            f"SELECT {number} WHERE EXISTS (SELECT FROM {quote(table)})"
            for number, table in enumerate(tables)
        )
        with connection.cursor() as cursor:
            cursor.execute(rows)
            full = [tables[number] for (number,) in cursor.fetchall()]
        # As a replica: the order does not matter to keys, and the guards of the audit trail do not fire.
        return [
            "SET LOCAL session_replication_role = replica",
            *(f"DELETE FROM {quote(table)}" for table in full),
        ]

    connection.ops.sql_flush = sql_flush  # type: ignore[method-assign]
