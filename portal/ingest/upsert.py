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
from datetime import UTC
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, connection, models
from django.db.models.expressions import RawSQL

Values = dict[str, Any]
Merge = Callable[[Values, Values], Values]
ROUNDS = 5
_STORED_AS_IS = frozenset(
    {
        models.BigAutoField,
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
"""Field types whose clean Python values SQLite takes unchanged."""


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
    return _Upsert(model, key, rows, defaults or {}, fixed, merge).run()


@dataclass
class _Upsert:
    """One call of `upsert` at work."""

    model: type[models.Model]
    key: tuple[str, ...]
    rows: Sequence[Values]
    defaults: Mapping[str, Callable[[], Any]]
    fixed: tuple[str, ...]
    merge: Merge | None
    result: Upserted = field(default_factory=Upserted)
    changes: dict[Any, tuple[Values, Values]] = field(default_factory=dict)
    keys: list[tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Take the key out of every row once: it is asked for several times."""
        columns = [[row[name] for row in self.rows] for name in self.key]
        self.keys = list(zip(*columns, strict=True))

    def run(self) -> Upserted:
        attributes = sorted({attribute for row in self.rows for attribute in row})
        waiting = list(range(len(self.rows)))
        for _round in range(ROUNDS):
            stored = self._load(attributes, waiting)
            new = []
            for index in waiting:
                found = stored.get(self.keys[index])
                if found is None:
                    new.append(index)
                else:
                    self._compare(index, *found)
            waiting = self._insert(new)
            if not waiting:
                self._update()
                return self.result
        raise OperationalError("rows kept appearing and vanishing during an upsert")

    def _compare(self, index: int, pk: Any, stored: Values) -> None:
        """Sort a row whose key is stored into unchanged, updated or moved."""
        row = self.rows[index]
        for name in self.fixed:
            if name in row and row[name] != stored[name]:
                self.result.moved.append((index, name))
                return
        wanted = self.merge(stored, row) if self.merge else row
        changed = {name: value for name, value in wanted.items() if value != stored[name]}
        if changed:
            self.changes[pk] = (changed, stored)
            self.result.updated.append(index)
        else:
            self.result.unchanged.append(index)

    # --- Reading ---------------------------------------------------------------------------------

    def _load(
        self, attributes: list[str], indexes: list[int]
    ) -> dict[tuple[Any, ...], tuple[Any, Values]]:
        """Return key → (primary key, attributes) of the stored rows among those at `indexes`."""
        if not indexes:
            return {}
        keys = [self.keys[index] for index in indexes]
        manager = self.model._base_manager
        if len(self.key) == 1:
            queryset = manager.filter(**{f"{self.key[0]}__in": [key[0] for key in keys]})
        else:
            queryset = manager.filter(pk__in=self._pks_by_key(keys))
        stored = {}
        for pk, *values in queryset.order_by().values_list("pk", *attributes):
            found = dict(zip(attributes, values, strict=True))
            stored[tuple(found[name] for name in self.key)] = (pk, found)
        return stored

    def _pks_by_key(self, keys: list[tuple[Any, ...]]) -> RawSQL:
        """Return a subquery for the primary keys of composite keys, each an index look-up."""
        fields = [_field(self.model, name) for name in self.key]
        quoted = connection.ops.quote_name
        table, pk = quoted(self.model._meta.db_table), _quoted(self.model._meta.pk)
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_base_type(item)}[]" for item in fields)
            names = ", ".join(f"k{n}" for n in range(len(fields)))
            on = " AND ".join(f"t.{_quoted(item)} = k.k{n}" for n, item in enumerate(fields))
            sql = f"SELECT t.{pk} FROM unnest({arrays}) AS k({names}) JOIN {table} t ON {on}"
            return RawSQL(sql, [list(values) for values in zip(*keys, strict=True)])  # noqa: S611
        on = " AND ".join(
            f"t.{_quoted(item)} = json_extract(k.value, '$[{n}]')" for n, item in enumerate(fields)
        )
        # CROSS JOIN keeps SQLite from turning the loops round.
        sql = f"SELECT t.{pk} FROM json_each(%s) k CROSS JOIN {table} t ON {on}"
        driver_keys = [
            [
                item.get_db_prep_save(value, connection)
                for item, value in zip(fields, key, strict=True)
            ]
            for key in keys
        ]
        return RawSQL(sql, [json.dumps(driver_keys)])  # noqa: S611

    # --- Writing ---------------------------------------------------------------------------------

    def _insert(self, new: list[int]) -> list[int]:
        """Insert new rows; return the indexes of those that somebody else inserted meanwhile."""
        if not new:
            return []
        by_key = {self.keys[index]: index for index in new}
        # In the order of their keys two writers wait for each other instead of dead-locking.
        ordered = [self.rows[by_key[key]] for key in sorted(by_key)]
        fields = [item for item in self.model._meta.concrete_fields if not item.primary_key]
        inserted = self._run_insert(fields, [self._column(item, ordered) for item in fields])
        if inserted is None:
            self.result.created.extend(new)
            return []
        self.result.created.extend(by_key[key] for key in inserted)
        return [index for key, index in by_key.items() if key not in inserted]

    def _column(self, item: models.Field, rows: list[Values]) -> list[Any]:
        """Return one attribute of new rows, defaults filled in."""
        name = item.attname
        default = self.defaults.get(name, item.get_default)
        return [row[name] if name in row else default() for row in rows]

    def _run_insert(
        self, fields: list[models.Field], columns: list[list[Any]]
    ) -> set[tuple[Any, ...]] | None:
        """Insert column-wise values; return the keys inserted, or none when all were."""
        quoted = connection.ops.quote_name
        into = f"{quoted(self.model._meta.db_table)} ({_names(fields)})"
        target = _names([_field(self.model, name) for name in self.key])
        count = len(columns[0])
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                arrays, casts = _unnest(fields)
                cursor.execute(
                    f"INSERT INTO {into} SELECT {casts} FROM {arrays} "
                    f"ON CONFLICT ({target}) DO NOTHING RETURNING {target}",
                    _array_values(fields, columns),
                )
                inserted = cursor.fetchall()
                return None if len(inserted) == count else set(inserted)
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(
                f"INSERT INTO {into} VALUES ({marks}) ON CONFLICT ({target}) DO NOTHING",
                _driver_rows(fields, columns),
            )
            if (
                cursor.rowcount != count
            ):  # cannot be under the write lock of an IMMEDIATE transaction
                raise OperationalError("another writer inserted the same rows")
            return None

    def _update(self) -> None:
        """Write the changed attributes of the changed rows in one statement."""
        if not self.changes:
            return
        names = sorted({name for changed, _stored in self.changes.values() for name in changed})
        pks = sorted(self.changes)
        columns = [[self._wanted(pk, name) for pk in pks] for name in names]
        _write_columns(self.model, [_field(self.model, name) for name in names], pks, columns)

    def _wanted(self, pk: Any, name: str) -> Any:
        changed, stored = self.changes[pk]
        return changed.get(name, stored[name])


# --- Plain writes of many rows --------------------------------------------------------------------


def insert_rows(model: type[models.Model], rows: Sequence[Values]) -> None:
    """Insert new rows in one statement; attributes missing from a row take the field's default.

    Raises `IntegrityError` when one of them exists. For callers that know what is new and for whom
    the ORM's `bulk_create` costs more than the database.
    """
    if not rows:
        return
    fields = [item for item in model._meta.concrete_fields if not item.primary_key]
    columns = [
        [row[item.attname] if item.attname in row else item.get_default() for row in rows]
        for item in fields
    ]
    into = f"{connection.ops.quote_name(model._meta.db_table)} ({_names(fields)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays, casts = _unnest(fields)
            cursor.execute(
                f"INSERT INTO {into} SELECT {casts} FROM {arrays}", _array_values(fields, columns)
            )
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(
                f"INSERT INTO {into} VALUES ({marks})", _driver_rows(fields, columns)
            )


def update_rows(
    model: type[models.Model], names: Sequence[str], values: Mapping[Any, Sequence[Any]]
) -> None:
    """Set the attributes `names` of many rows in one statement; `values` maps a key to theirs."""
    if not values or not names:
        return
    fields = [_field(model, name) for name in names]
    pks = sorted(values)
    columns = [list(column) for column in zip(*(values[pk] for pk in pks), strict=True)]
    _write_columns(model, fields, pks, columns)


def _write_columns(
    model: type[models.Model], fields: list[models.Field], pks: list[Any], columns: list[list[Any]]
) -> None:
    pk_field = model._meta.pk
    table, pk_column = connection.ops.quote_name(model._meta.db_table), _quoted(pk_field)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays, _casts = _unnest([pk_field, *fields])
            assignments = ", ".join(
                f"{_quoted(item)} = {_cast(item, n)}" for n, item in enumerate(fields, 1)
            )
            cursor.execute(
                f"UPDATE {table} t SET {assignments} FROM {arrays} WHERE t.{pk_column} = v.v0",
                _array_values([pk_field, *fields], [pks, *columns]),
            )
        else:
            assignments = ", ".join(f"{_quoted(item)} = %s" for item in fields)
            cursor.executemany(
                f"UPDATE {table} SET {assignments} WHERE {pk_column} = %s",
                _driver_rows([*fields, pk_field], [*columns, pks]),
            )


# --- Values for the drivers ---------------------------------------------------------------------


def _field(model: type[models.Model], attribute: str) -> models.Field:
    """Return a field by its attribute name (`seller_id`)."""
    for item in model._meta.concrete_fields:
        if item.attname == attribute:
            return item
    raise LookupError(f"{model.__name__} has no attribute {attribute}")


def _quoted(item: models.Field) -> str:
    return connection.ops.quote_name(str(item.column))


def _names(fields: list[models.Field]) -> str:
    return ", ".join(_quoted(item) for item in fields)


def _base_type(item: models.Field) -> str:
    """Return the column type without its length: a cast to `varchar(64)` would cut silently."""
    full = item.rel_db_type(connection) if item.primary_key else item.db_type(connection)
    return str(full).split("(")[0]


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
    """Return rows as SQLite stores them; the common field types pass Django's per-value layers by."""
    adapted = [_driver_column(item, values) for item, values in zip(fields, columns, strict=True)]
    return list(zip(*adapted, strict=True))


def _driver_column(item: models.Field, values: list[Any]) -> list[Any]:
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
    if _is_json(item):
        return [_json_text(item, value) for value in values]
    return [item.get_db_prep_save(value, connection) for value in values]


def _json_text(item: models.Field, value: Any) -> str | None:
    if value is None and item.null:
        return None
    return json.dumps(value, cls=getattr(item, "encoder", None) or DjangoJSONEncoder)
