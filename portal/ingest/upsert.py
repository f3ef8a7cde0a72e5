"""Set-wise upsert by an external key: what differs is written, the rest is left alone (K-15).

One SELECT finds the stored rows of a chunk, one INSERT adds the new ones, one UPDATE writes the
changed attributes of the changed rows. Two processes may send the same new ids at once: the INSERT
gives way on a conflict (`ON CONFLICT … DO NOTHING`) and the row is then compared like any stored
one. The ORM's `bulk_create(ignore_conflicts=True)` would not do: on SQLite it hides violated checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, connection, models
from django.db.models.expressions import RawSQL

Values = dict[str, Any]
Merge = Callable[[Values, Values], Values]
ROUNDS = 5


@dataclass(slots=True)
class Upserted:
    """Indexes into the rows given: what was created, updated, left alone; and refused moves.

    `moved` pairs an index with the fixed attribute that differs from the stored one.
    """

    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    moved: list[tuple[int, str]] = field(default_factory=list)


def upsert(
    model: type[models.Model],
    *,
    key: tuple[str, ...],
    rows: Sequence[Values],
    defaults: Mapping[str, Callable[[], Any]] | None = None,
    fixed: tuple[str, ...] = (),
    merge: Merge | None = None,
) -> Upserted:
    """Make the table agree with `rows`, dicts of model attribute (`seller_id`) → clean value.

    `key` names the attributes of a unique constraint; no key may occur twice in `rows`. An attribute
    missing from a row is left alone, in a new row it takes `defaults[attribute]()` or the field's own
    default. A stored row whose `fixed` attribute differs is not touched but reported. `merge(stored,
    new)` may change what is stored. Call it inside a transaction.
    """
    result = Upserted()
    attributes = sorted({attribute for row in rows for attribute in row})
    changes: dict[Any, tuple[Values, Values]] = {}
    waiting = list(range(len(rows)))
    for _round in range(ROUNDS):
        stored = _load(model, key, attributes, [rows[index] for index in waiting])
        new: list[int] = []
        for index in waiting:
            row = rows[index]
            found = stored.get(tuple(row[name] for name in key))
            if found is None:
                new.append(index)
            else:
                _compare(result, index, row, found, fixed, merge, changes)
        waiting = _insert(model, key, rows, new, defaults or {}, result)
        if not waiting:
            break
    else:
        raise OperationalError("rows kept appearing and vanishing during an upsert")
    _update(model, changes)
    return result


def _compare(
    result: Upserted,
    index: int,
    row: Values,
    found: tuple[Any, Values],
    fixed: tuple[str, ...],
    merge: Merge | None,
    changes: dict[Any, tuple[Values, Values]],
) -> None:
    """Sort a row whose key is stored into unchanged, updated or moved."""
    pk, stored = found
    for name in fixed:
        if name in row and row[name] != stored[name]:
            result.moved.append((index, name))
            return
    wanted = merge(stored, row) if merge else row
    changed = {name: value for name, value in wanted.items() if value != stored[name]}
    if changed:
        changes[pk] = (changed, stored)
        result.updated.append(index)
    else:
        result.unchanged.append(index)


def _load(
    model: type[models.Model], key: tuple[str, ...], attributes: list[str], rows: list[Values]
) -> dict[tuple[Any, ...], tuple[Any, Values]]:
    """Return key → (primary key, attributes) of the stored rows among `rows`."""
    if not rows:
        return {}
    manager = model._base_manager
    if len(key) == 1:
        queryset = manager.filter(**{f"{key[0]}__in": [row[key[0]] for row in rows]})
    else:
        queryset = manager.filter(pk__in=_pks_by_key(model, key, rows))
    stored = {}
    for pk, *values in queryset.order_by().values_list("pk", *attributes):
        found = dict(zip(attributes, values, strict=True))
        stored[tuple(found[name] for name in key)] = (pk, found)
    return stored


def _pks_by_key(model: type[models.Model], key: tuple[str, ...], rows: list[Values]) -> RawSQL:
    """Return a subquery for the primary keys of several composite keys, each an index look-up."""
    fields = [_field(model, name) for name in key]
    quoted = connection.ops.quote_name
    table, pk = quoted(model._meta.db_table), quoted(model._meta.pk.column)
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{_base_type(item)}[]" for item in fields)
        names = ", ".join(f"k{n}" for n in range(len(key)))
        on = " AND ".join(f"t.{quoted(item.column)} = k.k{n}" for n, item in enumerate(fields))
        sql = f"SELECT t.{pk} FROM unnest({arrays}) AS k({names}) JOIN {table} t ON {on}"  # noqa: S608
        return RawSQL(sql, [[row[name] for row in rows] for name in key])
    on = " AND ".join(
        f"t.{quoted(item.column)} = json_extract(k.value, '$[{n}]')" for n, item in enumerate(fields)
    )
    # CROSS JOIN keeps SQLite from turning the loops round.
    sql = f"SELECT t.{pk} FROM json_each(%s) k CROSS JOIN {table} t ON {on}"  # noqa: S608
    keys = [
        [item.get_db_prep_save(row[name], connection) for name, item in zip(key, fields, strict=True)]
        for row in rows
    ]
    return RawSQL(sql, [json.dumps(keys)])


def _insert(
    model: type[models.Model],
    key: tuple[str, ...],
    rows: Sequence[Values],
    new: list[int],
    defaults: Mapping[str, Callable[[], Any]],
    result: Upserted,
) -> list[int]:
    """Insert new rows; return the indexes of those that somebody else inserted meanwhile."""
    if not new:
        return []
    by_key = {tuple(rows[index][name] for name in key): index for index in new}
    # In the order of their keys two writers wait for each other instead of dead-locking.
    ordered = [by_key[found] for found in sorted(by_key)]
    fields = [item for item in model._meta.concrete_fields if not item.primary_key]
    columns = [_column_values(item, [rows[index] for index in ordered], defaults) for item in fields]
    inserted = _run_insert(model, key, fields, columns)
    if inserted is None:
        result.created.extend(new)
        return []
    result.created.extend(by_key[found] for found in inserted)
    return [index for found, index in by_key.items() if found not in inserted]


def _column_values(
    item: models.Field, rows: list[Values], defaults: Mapping[str, Callable[[], Any]]
) -> list[Any]:
    """Return one attribute of all rows, defaults filled in."""
    name = item.attname
    default = defaults.get(name, item.get_default)
    return [row[name] if name in row else default() for row in rows]


def _run_insert(
    model: type[models.Model], key: tuple[str, ...], fields: list[models.Field], columns: list[list[Any]]
) -> set[tuple[Any, ...]] | None:
    """Insert column-wise values; return the keys inserted, or none when all were."""
    quoted = connection.ops.quote_name
    table = quoted(model._meta.db_table)
    names = ", ".join(quoted(item.column) for item in fields)
    target = ", ".join(quoted(_field(model, name).column) for name in key)
    count = len(columns[0])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays, casts = _unnest(fields)
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {casts} FROM {arrays} "  # noqa: S608
                f"ON CONFLICT ({target}) DO NOTHING RETURNING {target}",
                _array_values(fields, columns),
            )
            inserted = cursor.fetchall()
            return None if len(inserted) == count else set(inserted)
        marks = ", ".join(["%s"] * len(fields))
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) "  # noqa: S608
            f"ON CONFLICT ({target}) DO NOTHING",
            _driver_rows(fields, columns),
        )
        if cursor.rowcount != count:  # cannot happen under the write lock of an IMMEDIATE transaction
            raise OperationalError("another writer inserted the same rows")
        return None


def _update(model: type[models.Model], changes: dict[Any, tuple[Values, Values]]) -> None:
    """Write the changed attributes of the changed rows in one statement."""
    if not changes:
        return
    names = sorted({name for changed, _stored in changes.values() for name in changed})
    fields = [_field(model, name) for name in names]
    pks = sorted(changes)
    columns = [
        [changes[pk][0].get(name, changes[pk][1][name]) for pk in pks] for name in names
    ]
    quoted = connection.ops.quote_name
    pk_field = model._meta.pk
    table, pk_column = quoted(model._meta.db_table), quoted(pk_field.column)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays, _casts = _unnest([pk_field, *fields])
            assignments = ", ".join(
                f"{quoted(item.column)} = {_cast(item, n + 1)}" for n, item in enumerate(fields)
            )
            cursor.execute(
                f"UPDATE {table} t SET {assignments} FROM {arrays} "  # noqa: S608
                f"WHERE t.{pk_column} = v.v0",
                _array_values([pk_field, *fields], [pks, *columns]),
            )
        else:
            assignments = ", ".join(f"{quoted(item.column)} = %s" for item in fields)
            cursor.executemany(
                f"UPDATE {table} SET {assignments} WHERE {pk_column} = %s",  # noqa: S608
                _driver_rows([*fields, pk_field], [*columns, pks]),
            )


# --- Values for the drivers ---------------------------------------------------------------------


def _field(model: type[models.Model], attribute: str) -> models.Field:
    """Return a field by its attribute name (`seller_id`)."""
    for item in model._meta.concrete_fields:
        if item.attname == attribute:
            return item
    raise LookupError(f"{model.__name__} has no attribute {attribute}")


def _base_type(item: models.Field) -> str:
    """Return the column type without its length: a cast to `varchar(64)` would cut silently."""
    return str(item.rel_db_type(connection) if item.primary_key else item.db_type(connection)).split(
        "("
    )[0]


def _is_json(item: models.Field) -> bool:
    return isinstance(item, models.JSONField)


def _cast(item: models.Field, position: int) -> str:
    return f"v.v{position}::jsonb" if _is_json(item) else f"v.v{position}"


def _unnest(fields: list[models.Field]) -> tuple[str, str]:
    """Return the table expression `unnest(…) AS v(v0, …)` and its select list."""
    arrays = ", ".join(
        "%s::text[]" if _is_json(item) else f"%s::{_base_type(item)}[]" for item in fields
    )
    names = ", ".join(f"v{n}" for n in range(len(fields)))
    casts = ", ".join(_cast(item, n) for n, item in enumerate(fields))
    return f"unnest({arrays}) AS v({names})", casts


def _array_values(fields: list[models.Field], columns: list[list[Any]]) -> list[list[Any]]:
    return [
        [_json_text(item, value) for value in values] if _is_json(item) else values
        for item, values in zip(fields, columns, strict=True)
    ]


def _driver_rows(fields: list[models.Field], columns: list[list[Any]]) -> list[tuple[Any, ...]]:
    adapted = []
    for item, values in zip(fields, columns, strict=True):
        if _is_json(item):
            adapted.append([_json_text(item, value) for value in values])
        else:
            adapted.append([item.get_db_prep_save(value, connection) for value in values])
    return list(zip(*adapted, strict=True))


def _json_text(item: models.Field, value: Any) -> str | None:
    if value is None and item.null:
        return None
    return json.dumps(value, cls=getattr(item, "encoder", None) or DjangoJSONEncoder)
