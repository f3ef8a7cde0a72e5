"""Set-wise upsert by an external key: what differs is written, the rest is left alone (K-15).

One SELECT finds the stored rows of a chunk, one INSERT adds the new ones, one UPDATE writes the
changed attributes of the changed rows. Two processes may send the same new ids at once: the INSERT
gives way on a conflict (`ON CONFLICT … DO NOTHING`) and the row is then compared like any stored
one. The ORM's `bulk_create(ignore_conflicts=True)` would not do: on SQLite it hides violated checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError, connection, models
from django.db.models.expressions import RawSQL

from portal.ingest.bulk import (
    Values,
    array_type,
    field_of,
    insert_prepared,
    insert_unless_stored,
    names_of,
    quoted,
    update_rows,
)
from portal.ingest.row_values import array_literal, json_keys

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
            queryset = manager.filter(**{f"{self.key[0]}__among": [key[0] for key in keys]})
        else:
            queryset = manager.filter(pk__in=self._pks_by_key(keys))
        stored = {}
        for pk, *values in queryset.order_by().values_list("pk", *attributes):
            found = dict(zip(attributes, values, strict=True))
            stored[tuple(found[name] for name in self.key)] = (pk, found)
        return stored

    def _pks_by_key(self, keys: list[tuple[Any, ...]]) -> RawSQL:
        """Return a subquery for the primary keys of composite keys, each an index look-up."""
        fields = [field_of(self.model, name) for name in self.key]
        table, pk = (
            connection.ops.quote_name(self.model._meta.db_table),
            quoted(self.model._meta.pk),
        )
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{array_type(item)}" for item in fields)
            names = ", ".join(f"k{n}" for n in range(len(fields)))
            on = " AND ".join(f"t.{quoted(item)} = k.k{n}" for n, item in enumerate(fields))
            sql = f"SELECT t.{pk} FROM unnest({arrays}) AS k({names}) JOIN {table} t ON {on}"
            columns = map(array_literal, fields, zip(*keys, strict=True))
            return RawSQL(sql, list(columns))  # noqa: S611
        on = " AND ".join(
            f"t.{quoted(item)} = json_extract(k.value, '$[{n}]')" for n, item in enumerate(fields)
        )
        # CROSS JOIN keeps SQLite from turning the loops round.
        sql = f"SELECT t.{pk} FROM json_each(%s) k CROSS JOIN {table} t ON {on}"
        return RawSQL(sql, [json_keys(fields, keys)])  # noqa: S611

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
        if connection.vendor == "postgresql":
            return insert_unless_stored(self.model, self.key, fields, columns)
        target = names_of([field_of(self.model, name) for name in self.key])
        clause = f" ON CONFLICT ({target}) DO NOTHING"
        if insert_prepared(self.model, fields, columns, clause) != len(columns[0]):
            # Cannot be under the write lock of an IMMEDIATE transaction.
            raise OperationalError("another writer inserted the same rows")
        return None

    def _update(self) -> None:
        """Write the changed attributes of the changed rows in one statement."""
        names = sorted({name for changed, _stored in self.changes.values() for name in changed})
        update_rows(
            self.model,
            names,
            {pk: [self._wanted(pk, name) for name in names] for pk in self.changes},
        )

    def _wanted(self, pk: Any, name: str) -> Any:
        changed, stored = self.changes[pk]
        return changed.get(name, stored[name])
