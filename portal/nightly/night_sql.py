"""The statements behind temporal standings, generated from a model's KEY, PAYLOAD and CARRIED.

Everything is quoted by the connection; the two databases differ in a few places only, all here:
null-safe equality, how rows are looked up one by one, and how a number gets its column's scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.models.standings import Standing, StandingChange


def change_model_of(standing: type[Standing]) -> type[StandingChange]:
    """Return the model that stages the differences of a standing; `LookupError` without one."""
    for model in apps.get_models():
        if issubclass(model, StandingChange) and model.STANDING is standing:
            return model
    raise LookupError(f"no StandingChange stages {standing.__name__}")


def looked_up(
    vendor: str, table: str, alias: str, condition: str, *, optional: bool = False
) -> str:
    """Return a join that looks the rows of a table up, for each row to its left, by an index.

    `condition` is on the alias and on aliases to the left; `optional` makes it a left join. Of a few
    changes in a large table PostgreSQL reads all of it, more than once if need be: by its standard
    costs, made for disks that have to seek, some thousand look-ups are dearer. What is walked here is
    small beside the work that it follows from, so the order is not left to the planner.
    """
    if vendor == "postgresql":
        # An offset, even of nothing, keeps the inner select from being merged into the outer one.
        rows = f"LATERAL (SELECT * FROM {table} {alias} WHERE {condition} OFFSET 0) {alias}"
        return f"LEFT JOIN {rows} ON TRUE" if optional else f"CROSS JOIN {rows}"
    # SQLite does not change the order of a cross join.
    return f"{'LEFT' if optional else 'CROSS'} JOIN {table} {alias} ON {condition}"


@dataclass(frozen=True)
class StandingSql:
    """Quoted names and snippets for one standing on one connection."""

    standing: type[Standing]
    connection: BaseDatabaseWrapper

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return self.connection.ops.quote_name(name)

    def _column(self, field_name: str) -> str:
        column = self._field(field_name).column
        if column is None:
            raise TypeError(f"{self.standing.__name__}.{field_name} has no column")
        return self.quote(column)

    def _columns(self, names: Iterable[str]) -> list[str]:
        return [self._column(name) for name in names]

    def _field(self, name: str) -> models.Field[Any, Any]:
        return self.standing._meta.get_field(name)  # type: ignore[return-value]

    @cached_property
    def is_postgres(self) -> bool:
        """Tell whether the database is PostgreSQL."""
        return self.connection.vendor == "postgresql"

    @cached_property
    def table(self) -> str:
        """The standing's table."""
        return self.quote(self.standing._meta.db_table)

    @cached_property
    def changes(self) -> str:
        """The change table."""
        return self.quote(change_model_of(self.standing)._meta.db_table)

    @cached_property
    def fresh(self) -> str:
        """The temporary table of a shard's new set."""
        return self.quote(f"night_new_{self.standing._meta.model_name}")

    def temporary(self, purpose: str) -> str:
        """Name a temporary table of the publication."""
        return self.quote(f"night_{purpose}_{self.standing._meta.model_name}")

    @cached_property
    def key(self) -> list[str]:
        """Columns that say what a row is about."""
        return self._columns(self.standing.KEY)

    @cached_property
    def payload(self) -> list[str]:
        """Columns whose change ends a row."""
        return self._columns(self.standing.PAYLOAD)

    @cached_property
    def data(self) -> list[str]:
        """Key, payload and carried columns."""
        return self._columns(self._data_fields)

    @cached_property
    def _data_fields(self) -> tuple[str, ...]:
        return (*self.standing.KEY, *self.standing.PAYLOAD, *self.standing.CARRIED)

    def listed(self, columns: Iterable[str], alias: str = "") -> str:
        """Return columns as a select list, qualified by an alias."""
        prefix = f"{alias}." if alias else ""
        return ", ".join(prefix + column for column in columns)

    def same_key(self, left: str, right: str) -> str:
        """Condition: two aliases speak of the same key."""
        return " AND ".join(f"{left}.{column} = {right}.{column}" for column in self.key)

    def same_row(self, left: str, right: str) -> str:
        """Condition: same key and same payload, nulls equal to nulls."""
        equal = "IS NOT DISTINCT FROM" if self.is_postgres else "IS"
        payload = [f"{left}.{column} {equal} {right}.{column}" for column in self.payload]
        return " AND ".join([self.same_key(left, right), *payload])

    def looked_up(self, alias: str, condition: str, *, optional: bool = False) -> str:
        """Join the standing's rows by look-ups, see `looked_up`."""
        return looked_up(self.connection.vendor, self.table, alias, condition, optional=optional)

    def rows(self, keys: str) -> str:
        """Condition: the standing's rows with the primary keys a select gives, looked up one by one.

        As an array, because a join with the select may read the whole table, see `looked_up`.
        """
        return f"{self.table}.id " + (
            f"= ANY(ARRAY({keys}))" if self.is_postgres else f"IN ({keys})"
        )

    def scaled(self, alias: str) -> str:
        """Return the data columns of a select, each in the type and scale of its column.

        SQLite keeps what it is given, so decimals are rounded here; PostgreSQL's types do it.
        """
        parts = []
        for name in self._data_fields:
            field = self._field(name)
            column = self._column(name)
            if self.is_postgres:
                parts.append(
                    f"CAST({alias}.{column} AS {field.db_type(self.connection)}) AS {column}"
                )
            elif isinstance(field, models.DecimalField):
                parts.append(f"ROUND({alias}.{column}, {field.decimal_places}) AS {column}")
            else:
                parts.append(f"{alias}.{column}")
        return ", ".join(parts)

    @cached_property
    def fresh_definition(self) -> str:
        """Column definitions of the temporary table: names and types as in the standing."""
        return ", ".join(
            f"{self._column(name)} {self._field(name).db_type(self.connection)}"
            for name in self._data_fields
        )
