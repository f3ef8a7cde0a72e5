"""Lets SQLite take as many parameters in a statement as it was built for.

Django assumes 999, the limit of SQLite before 3.32, and so cuts a bulk insert of 2,000 rows into a
hundred statements.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db.backends.signals import connection_created


def connect() -> None:
    """Ask every new SQLite connection for its real limit."""
    connection_created.connect(_raise_limit, dispatch_uid="portal.sqlite_limits")


def _raise_limit(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = limit
