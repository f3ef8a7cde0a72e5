"""Kinds of rows that upstream may send, and how to add one (K-15).

A kind is a class in `<app>/ingest.py` (any module imported from there works too):

    from portal.ingest.columns import Choice, Code, Day, Ref, Text
    from portal.ingest.kinds import IngestKind, ModelKind, Outcome, Row, register

    @register
    class CarrierKind(ModelKind):                     # one row = one row of a model: no code at all
        name = "carriers"
        label = _("carriers")
        model = Carrier
        key = ("code",)                               # columns that identify a row
        columns = (
            Code("code", example="DHL"),
            Text("name_en", max_length=200, example="DHL Express"),
            Ref("seller", model=Seller, by="member_id"),
            Day("opened_on", optional=True),
        )

    @register
    class ThemeKind(IngestKind):                      # anything richer: write `apply`
        name, label, key = "themes", _("themes"), ("theme_id",)
        columns = (...)

        def check(self, rows):                        # optional; before the transaction
            for row in rows:
                if row["price_min"] > row["price_max"]:
                    yield row.reject("price_max", _("is below price_min"))

        def apply(self, rows):                        # inside a transaction
            ...
            return Outcome(created=1, updated=0, unchanged=3, rejections=[row.reject(...)])

What the engine has done before `check` and `apply` see a row:

* every cell is clean (`row["price_min"]` is a `Decimal` or `None`); rows with bad cells are gone;
* `row.values` holds only the columns the sender gave. A missing column means "leave alone": ask
  `"brand" in row`, or `row.get("brand")` for the column's default (use that for a new object);
* a `Ref` column holds the primary key (or the object, with `instance=True`);
* no key occurs twice in the batch unless the kind says `repeats = True`.

What `apply` must do: look at the whole chunk at once (one SELECT for what exists, bulk writes; never
a query per row), write nothing for a row that changes nothing, and account for every row exactly once
in its `Outcome`. It may run again with the same rows after a deadlock, or with fewer after a row the
database refused, so it keeps no state on `self` that a rollback would contradict; caches of things
that exist are fine. It runs unscoped. `self.actor` is the staff user who sent the batch, or `None`.

`finish()` runs once per batch in the transaction of the last chunk. A kind that must see all its rows
at once (categories name parents further down) sets `chunk_size = None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext as _

from portal.ingest.columns import Column, Ref
from portal.ingest.upsert import upsert
from portal.models import User

CHUNK_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that was not applied: its number as seen in the file, the column (or empty), why."""

    row: int
    field: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the contract's `{row, field, message}`."""
        return {"row": self.row, "field": self.field, "message": self.message}


class Row:
    """One cleaned row; reads like a dict of the columns that were sent."""

    __slots__ = ("kind", "number", "values")

    def __init__(self, kind: type[IngestKind], number: int, values: dict[str, Any]) -> None:
        self.kind = kind
        self.number = number
        self.values = values

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def __contains__(self, column: str) -> bool:
        return column in self.values

    def get(self, column: str) -> Any:
        """Return the value sent, else the column's default."""
        if column in self.values:
            return self.values[column]
        return self.kind.column(column).empty_value()

    def complete(self) -> dict[str, Any]:
        """Return the values of all columns, defaults where none was sent."""
        return {column.name: self.get(column.name) for column in self.kind.columns}

    def reject(self, column: str, message: Any) -> Rejection:
        """Return the rejection of this row; an empty `column` means the row as a whole."""
        return Rejection(self.number, column, str(message))


@dataclass(slots=True)
class Outcome:
    """What became of a chunk's rows; every row counts once."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejections + other.rejections,
        )


class IngestKind:
    """Base of all kinds; the module's docstring says how to write one. One instance per batch."""

    name: ClassVar[str] = ""
    label: ClassVar[str | Promise] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    key: ClassVar[tuple[str, ...]] = ()
    repeats: ClassVar[bool] = False
    """Whether the same key may occur several times in one batch."""
    chunk_size: ClassVar[int | None] = CHUNK_ROWS
    """Rows per transaction; `None`: all rows at once, at most `engine.WHOLE_ROWS`."""

    _by_name: ClassVar[dict[str, Column]] = {}

    def __init__(self, *, actor: User | None = None) -> None:
        self.actor = actor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._by_name = {column.name: column for column in cls.columns}

    @classmethod
    def column(cls, name: str) -> Column:
        """Return a column by its name."""
        return cls._by_name[name]

    @classmethod
    def refs(cls) -> list[Ref]:
        """Return the columns that name other rows."""
        return [column for column in cls.columns if isinstance(column, Ref)]

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Yield rejections that need several columns or other tables; before the transaction."""
        return ()

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk; inside a transaction."""
        raise NotImplementedError

    def finish(self) -> None:
        """Do what is left once all rows are applied; inside the last transaction."""


class ModelKind(IngestKind):
    """A kind whose rows are the rows of one model, found by `key`.

    `fields` maps a column to its model attribute where the names differ (`{"rfq": "rfq_ref"}`);
    a `Ref` column writes `<name>_id`. `fixed` names columns that an existing row never changes: a
    fact does not move to another seller. Override `derive` to set attributes that are no columns,
    `merge` to decide against the stored row.
    """

    model: ClassVar[type[Model]]
    fields: ClassVar[dict[str, str]] = {}
    fixed: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def attribute(cls, column: str) -> str:
        """Return the model attribute a column writes."""
        if column in cls.fields:
            return cls.fields[column]
        return f"{column}_id" if isinstance(cls.column(column), Ref) else column

    def derive(self, rows: list[Row], values: list[dict[str, Any]]) -> None:
        """Add attributes that follow from the rows to `values` (same order), set-wise."""

    def merge(self, stored: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes to store, given those stored; the default takes the new ones."""
        return values

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the chunk: one SELECT, at most one INSERT and one UPDATE."""
        names = {column.name: self.attribute(column.name) for column in self.columns}
        values = [{names[name]: value for name, value in row.values.items()} for row in rows]
        self.derive(rows, values)
        result = upsert(
            self.model,
            key=tuple(names[column] for column in self.key),
            rows=values,
            defaults={names[column.name]: column.empty_value for column in self.columns},
            fixed=tuple(names[column] for column in self.fixed),
            merge=None if type(self).merge is ModelKind.merge else self.merge,
        )
        columns = {attribute: column for column, attribute in names.items()}
        return Outcome(
            created=len(result.created),
            updated=len(result.updated),
            unchanged=len(result.unchanged),
            rejections=[
                rows[index].reject(
                    columns[attribute],
                    _("differs from what was stored under this id and cannot change"),
                )
                for index, attribute in result.moved
            ],
        )


_KINDS: dict[str, type[IngestKind]] = {}
K = TypeVar("K", bound=type[IngestKind])


def register(kind: K) -> K:
    """Make a kind known under its name (class decorator)."""
    names = [column.name for column in kind.columns]
    if not kind.name or kind.name in _KINDS or len(set(names)) != len(names):
        raise ImproperlyConfigured(f"ingest kind {kind.name!r} lacks a name or repeats one")
    unknown = [column for column in kind.key if column not in names]
    if not kind.key or unknown:
        raise ImproperlyConfigured(
            f"ingest kind {kind.name!r}: key {kind.key!r} is not in its columns"
        )
    _KINDS[kind.name] = kind
    return kind


def discover() -> None:
    """Import the kernel's kinds and every app's `ingest` module."""
    import_module("portal.ingest.kernel")
    autodiscover_modules("ingest")


def kind_named(name: str) -> type[IngestKind] | None:
    """Return a registered kind, or none."""
    return _KINDS.get(name)


def all_kinds() -> Sequence[type[IngestKind]]:
    """Return the registered kinds by name."""
    return [_KINDS[name] for name in sorted(_KINDS)]


Progress = Callable[[int, float | None], None]
"""Called with the rows done and the share of the file read (0…1), or none if unknown."""
