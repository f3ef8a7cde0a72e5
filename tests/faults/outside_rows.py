"""Rows of a database that other processes work on, read past the portal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg


def read(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of one statement on the database of an address."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as link:
            return link.execute(statement).fetchall()
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1)) as connected:
        return connected.execute(statement).fetchall()
