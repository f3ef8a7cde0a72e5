"""Columns of values as the two databases take them, in bulk (K-15).

Drivers adapt value by value, which for thousands of rows costs more than the database's own work. Here
a whole column is turned at once: into texts that PostgreSQL reads (for `COPY`, or an array literal), or
into what SQLite stores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

Texts = list[str | None]

_STORED_AS_IS = frozenset(
    {
        models.BigAutoField,
        models.BigIntegerField,
        models.BooleanField,
        models.CharField,
        models.EmailField,
        models.ForeignKey,
        models.IntegerField,
        models.PositiveIntegerField,
        models.PositiveSmallIntegerField,
        models.TextField,
    }
)
"""Field types whose clean Python values both databases take unchanged."""
_READ_AS_PRINTED = _STORED_AS_IS | {models.DateField, models.DateTimeField, models.DecimalField}
"""Field types whose values PostgreSQL reads as Python prints them."""
_PRINTED = (str, int, float, Decimal, date, UUID)
_NUMBERS = (models.IntegerField, models.DecimalField)

_COPY_SPECIAL = re.compile(r"[\\\t\n\r]")
_COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_COPY_NULL = r"\N"
_ARRAY_SPECIAL = re.compile(r'["\\]')
_ARRAY_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\""})


# --- PostgreSQL -----------------------------------------------------------------------------------


def copy_lines(fields: Sequence[models.Field], columns: Sequence[Sequence[Any]]) -> str:
    """Return rows as `COPY … FROM STDIN` reads them: a line each, cells between tabs."""
    cells = [
        _with_nulls(_escaped(texts, _COPY_SPECIAL, _COPY_ESCAPES), _COPY_NULL)
        for texts in map(_texts, fields, columns)
    ]
    return "\n".join(map("\t".join, zip(*cells, strict=True))) + "\n"


def array_literal(item: models.Field, values: Sequence[Any]) -> str:
    """Return values of a field as the text of a one-dimensional array: `{1,NULL,3}`."""
    texts = _texts(item, values)
    if not isinstance(item, _NUMBERS):
        escaped = _escaped(texts, _ARRAY_SPECIAL, _ARRAY_ESCAPES)
        texts = [None if text is None else f'"{text}"' for text in escaped]
    return "{" + ",".join(_with_nulls(texts, "NULL")) + "}"


def _texts(item: models.Field, values: Sequence[Any]) -> Texts:
    """Return values as PostgreSQL reads them in the field's type; NULL is None."""
    if type(item) in _READ_AS_PRINTED:
        return [None if value is None else str(value) for value in values]
    if isinstance(item, models.JSONField):
        return json_texts(item, values)
    return [_text(item.get_db_prep_save(value, connection)) for value in values]


def _text(value: Any) -> str | None:
    """Return what a field made for the driver as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, int) for one in value):
        return "{" + ",".join(map(str, value)) + "}"
    if isinstance(value, _PRINTED):
        return str(value)
    raise TypeError(f"no text is known for {type(value).__name__}")


def _escaped(texts: Texts, special: re.Pattern[str], escapes: dict[int, str]) -> Texts:
    """Return texts with special characters escaped; most columns have none at all."""
    if not special.search("".join(filter(None, texts))):
        return texts
    return [text and text.translate(escapes) for text in texts]


def _with_nulls(texts: Texts, null: str) -> list[str]:
    return [null if text is None else text for text in texts]


# --- SQLite ---------------------------------------------------------------------------------------


def driver_rows(
    fields: Sequence[models.Field], columns: Sequence[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """Return rows as SQLite stores them; the common field types pass Django's per-value layers by."""
    return list(zip(*map(_driver_column, fields, columns), strict=True))


def _driver_column(item: models.Field, values: Sequence[Any]) -> Sequence[Any]:
    kind = type(item)
    if kind in _STORED_AS_IS:
        return values
    if kind is models.DateTimeField:
        return [value and str(value.astimezone(UTC).replace(tzinfo=None)) for value in values]
    if kind is models.DateField:
        return [value and str(value) for value in values]
    if isinstance(item, models.DecimalField):
        form = f".{item.decimal_places}f"
        return [None if value is None else format(value, form) for value in values]
    if isinstance(item, models.JSONField):
        return json_texts(item, values)
    return [item.get_db_prep_save(value, connection) for value in values]


# --- Both -----------------------------------------------------------------------------------------


def json_texts(item: models.JSONField, values: Sequence[Any]) -> Texts:
    """Return values as JSON; None is NULL where the column has it, else JSON's null."""
    encode: Callable[[Any], str] = (item.encoder or DjangoJSONEncoder)().encode
    return [None if value is None and item.null else encode(value) for value in values]


def json_keys(fields: Sequence[models.Field], keys: Sequence[Sequence[Any]]) -> str:
    """Return composite keys as a JSON list of lists, as SQLite stores their parts."""
    return json.dumps(driver_rows(fields, list(zip(*keys, strict=True))))
