"""Many rows in one statement, for callers for whom the ORM costs more than the database (K-15).

New rows go in by `COPY` on PostgreSQL and by one prepared statement on SQLite. `COPY` knows no
conflicts: where somebody else may write the same rows at the same moment it runs in a savepoint, and
`INSERT … ON CONFLICT` decides when it fails. All of it belongs into the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, connection, models, transaction

from portal.ingest.row_values import array_literal, copy_lines, driver_rows

Values = dict[str, Any]
Columns = Sequence[Sequence[Any]]
COPY_FROM_ROWS = 50
"""Fewer rows are not worth a savepoint: they go in by `INSERT` at once where conflicts may be."""


def insert_rows(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, ignore_conflicts: bool = False
) -> None:
    """Insert new rows in one statement; attributes missing from a row take the field's default.

    Raises `IntegrityError` when one of them exists, unless that is to be ignored: then those that
    exist by any unique key stay as they are.
    """
    if not rows:
        return
    fields = _insertable(model)
    columns = [
        [row[item.attname] if item.attname in row else item.get_default() for row in rows]
        for item in fields
    ]
    _insert(model, fields, columns, ignore_conflicts=ignore_conflicts)


def insert_columns(model: type[models.Model], columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert new rows given column by column, for many narrow ones; as `insert_rows`."""
    fields = [field_of(model, name) for name in columns]
    if any(columns.values()):
        _insert(model, fields, list(columns.values()), ignore_conflicts=False)


def insert_unless_stored(
    model: type[models.Model], key: Sequence[str], fields: Sequence[models.Field], columns: Columns
) -> set[tuple[Any, ...]] | None:
    """Insert rows, leaving those whose `key` is stored; return the keys inserted, none for all.

    `key` names the attributes of a unique constraint; breaking any other raises `IntegrityError`.
    PostgreSQL only: under SQLite's one write lock nobody can insert what was just looked up.
    """
    if len(columns[0]) >= COPY_FROM_ROWS and _copied(model, fields, columns):
        return None
    target = names_of([field_of(model, name) for name in key])
    select = _select(fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_into(model, fields)} {select} "
            f"ON CONFLICT ({target}) DO NOTHING RETURNING {target}",
            _array_values(fields, columns),
        )
        inserted = cursor.fetchall()
    return None if len(inserted) == len(columns[0]) else set(inserted)


def update_rows(
    model: type[models.Model], names: Sequence[str], values: Mapping[Any, Sequence[Any]]
) -> None:
    """Set the attributes `names` of many rows in one statement; `values` maps a key to theirs."""
    if not values or not names:
        return
    key, fields = model._meta.pk, [field_of(model, name) for name in names]
    pks = sorted(values)
    columns = [list(column) for column in zip(*(values[pk] for pk in pks), strict=True)]
    table, key_column = connection.ops.quote_name(model._meta.db_table), quoted(key)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            assignments = ", ".join(
                f"{quoted(item)} = {_cast(item, n)}" for n, item in enumerate(fields, 1)
            )
            cursor.execute(
                f"UPDATE {table} t SET {assignments} FROM {_unnest([key, *fields])} "
                f"WHERE t.{key_column} = v.v0",
                _array_values([key, *fields], [pks, *columns]),
            )
        else:
            assignments = ", ".join(f"{quoted(item)} = %s" for item in fields)
            cursor.executemany(
                f"UPDATE {table} SET {assignments} WHERE {key_column} = %s",
                driver_rows([*fields, key], [*columns, pks]),
            )


# --- Inserting ------------------------------------------------------------------------------------


def _insert(
    model: type[models.Model],
    fields: Sequence[models.Field],
    columns: Columns,
    *,
    ignore_conflicts: bool,
) -> None:
    clause = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    if connection.vendor != "postgresql":
        insert_prepared(model, fields, columns, clause)
    elif not ignore_conflicts:
        _copy(model, fields, columns)
    elif len(columns[0]) < COPY_FROM_ROWS or not _copied(model, fields, columns):
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_into(model, fields)} {_select(fields)}{clause}",
                _array_values(fields, columns),
            )


def insert_prepared(
    model: type[models.Model], fields: Sequence[models.Field], columns: Columns, clause: str = ""
) -> int:
    """Insert rows by one prepared statement on SQLite; return how many went in."""
    marks = ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {_into(model, fields)} VALUES ({marks}){clause}",
            driver_rows(fields, columns),
        )
        return int(cursor.rowcount)


def _copied(model: type[models.Model], fields: Sequence[models.Field], columns: Columns) -> bool:
    """Try to copy rows; nothing of them is left when one is stored already, or breaks a rule."""
    try:
        with transaction.atomic():
            _copy(model, fields, columns)
    except IntegrityError:
        return False
    return True


def _copy(model: type[models.Model], fields: Sequence[models.Field], columns: Columns) -> None:
    lines = copy_lines(fields, columns)
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {_into(model, fields)} FROM STDIN") as copy,
    ):
        copy.write(lines)


# --- Words of statements --------------------------------------------------------------------------


def _insertable(model: type[models.Model]) -> list[models.Field]:
    return [item for item in model._meta.concrete_fields if not item.primary_key]


def field_of(model: type[models.Model], attribute: str) -> models.Field:
    """Return a field by its attribute name (`seller_id`)."""
    for item in model._meta.concrete_fields:
        if item.attname == attribute:
            return item
    raise LookupError(f"{model.__name__} has no attribute {attribute}")


def quoted(item: models.Field) -> str:
    """Return a field's column as statements name it."""
    return connection.ops.quote_name(str(item.column))


def names_of(fields: Sequence[models.Field]) -> str:
    """Return the columns of fields, between commas."""
    return ", ".join(map(quoted, fields))


def array_type(item: models.Field) -> str:
    """Return the type of an array of a field's values.

    Without the type's length: a cast to `varchar(64)` would cut silently.
    """
    full = item.rel_db_type(connection) if item.primary_key else item.db_type(connection)
    return str(full).split("(")[0] + "[]"


def _into(model: type[models.Model], fields: Sequence[models.Field]) -> str:
    return f"{connection.ops.quote_name(model._meta.db_table)} ({names_of(fields)})"


def _cast(item: models.Field, position: int) -> str:
    return f"v.v{position}::jsonb" if isinstance(item, models.JSONField) else f"v.v{position}"


def _unnest(fields: Sequence[models.Field]) -> str:
    """Return the table expression `unnest(…) AS v(v0, …)`."""
    arrays = ", ".join(
        "%s::text[]" if isinstance(item, models.JSONField) else f"%s::{array_type(item)}"
        for item in fields
    )
    names = ", ".join(f"v{n}" for n in range(len(fields)))
    return f"unnest({arrays}) AS v({names})"


def _select(fields: Sequence[models.Field]) -> str:
    casts = ", ".join(_cast(item, n) for n, item in enumerate(fields))
    return f"SELECT {casts} FROM {_unnest(fields)}"


def _array_values(fields: Sequence[models.Field], columns: Columns) -> list[str]:
    return list(map(array_literal, fields, columns))
