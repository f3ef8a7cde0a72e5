"""Model fields that read the same on PostgreSQL and SQLite."""

from __future__ import annotations

import json
from typing import Any

from django.db import models


class BigIntArrayField(models.Field):
    """A list of 64-bit integers: `bigint[]` on PostgreSQL, a JSON array in text on SQLite."""

    description = "List of 64-bit integers"

    def db_type(self, connection: Any) -> str:
        """Return the column type of the connected database."""
        return "bigint[]" if connection.vendor == "postgresql" else "text"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> list[int] | None:
        """Turn the stored form into a list."""
        return json.loads(value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> list[int] | None:
        """Accept a list or its JSON text."""
        return json.loads(value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Turn a list into what the driver takes."""
        if value is None or connection.vendor == "postgresql":
            return value
        return json.dumps(value, separators=(",", ":"))
