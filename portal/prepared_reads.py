"""Reads whose statement is written once per connection, and only given other values afterwards (P-3).

Building and writing out a query takes Django several times as long as the database needs to answer it.
Where a page asks the same question each time, about another shop, day or instant, a function says it once::

    @prepared
    def _late_orders(now: datetime, day: date, *, fake: bool) -> QuerySet[Order]:
        return Order.objects.filter(fake=fake, paid_at__lte=now, ship_by__lt=day)

    late = _late_orders(now, day, fake=False)      # a list of what the query set yields

- What is given **by position** are values: int, str, date, datetime, or a collection of them. The function gets
  `Slot`s in their place, and may do nothing with them but hand them to lookups and expressions. What has to be
  computed from them is computed before and given, too.
- What is given **by keyword** decides what the statement looks like. It is hashable, and few are ever given.
- The shop in scope is a value like any other, and is asked for anew each time: without a scope a prepared read
  of a shop's rows raises like any other query (K-8).
- The function must not read anything else that changes: no clock, no language, no other query.

Tests hold every call equal to the query it stands for: with `checked` on, the function is also called with the
values themselves, and both statements have to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connections, models, router
from django.db.models import Count, Expression, Field, QuerySet, Value
from django_scopes import get_scope, scope

P = ParamSpec("P")
Row = TypeVar("Row")

MOST_PLANS = 200
"""Statements kept for one function; one that has more is given what should be values by keyword."""
checked = False
"""Compare every statement with the one that the function makes of the values themselves; for tests."""

_FIELDS: tuple[tuple[type, Field], ...] = (
    (datetime, models.DateTimeField()),
    (date, models.DateField()),
    (int, models.BigIntegerField()),
    (str, models.CharField()),
)
_KINDS = {known: kind for kind, (known, _field) in enumerate(_FIELDS)}
_AS_IT_IS = 2
"""From this kind on values need no translation for any database."""
SHOP, EVERYBODY, NOBODY = "shop", "everybody", "nobody"
"""Whose rows queries see: those of the shop in scope, everybody's, or none, which raises (K-8)."""
_SCOPE = -1
"""Place of the shop in scope among the values."""


class Slot(Expression):
    """A value, or a collection of `size` values, that is given when the statement runs."""

    def __init__(self, place: int, kind: int, size: int | None = None) -> None:
        super().__init__(output_field=_FIELDS[kind][1])
        self.place, self.kind, self.size = place, kind, size

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Write placeholders, with a hole for each as parameters."""
        if self.size is None:
            return "%s", [_Hole(self.place, None)]
        holes = [_Hole(self.place, member) for member in range(self.size)]
        return f"({', '.join(['%s'] * self.size)})", holes

    def get_group_by_cols(self) -> list[Any]:
        """Return nothing: a value is the same for every row."""
        return []

    def _combine(self, *_others: Any) -> Any:
        raise TypeError("compute with values before they are given to a prepared read")


@dataclass(frozen=True)
class _Hole:
    """Where a statement takes a parameter from: a value, or a member of one."""

    place: int
    member: int | None


class _Statement:
    """A statement with holes."""

    def __init__(self, sql: str, params: Iterable[Any]) -> None:
        self.sql, self.params = sql, list(params)
        self.holes = [(at, one) for at, one in enumerate(self.params) if isinstance(one, _Hole)]

    def filled(self, values: list[Any]) -> list[Any]:
        """Return the parameters with values in the holes."""
        params = self.params.copy()
        for at, hole in self.holes:
            value = values[hole.place]
            params[at] = value if hole.member is None else value[hole.member]
        return params

    def found(self, values: list[Any], connection: Any) -> list[Any]:
        """Run the statement; return what the database answers."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.filled(values))
            return list(cursor.fetchall())


class _Counts(_Statement):
    """How many rows each of some query sets has."""

    def __init__(self, querysets: Iterable[QuerySet]) -> None:
        counts, params = [], list[Any]()
        for queryset in querysets:
            if (rows := _compiled(queryset)) is None:
                counts.append("0")
                continue
            counts.append(f"(SELECT COUNT(*) FROM ({rows.sql}) AS counted)")  # noqa: S608  by the ORM
            params += rows.params
        super().__init__(f"SELECT {', '.join(counts)}", params)

    def rows(self, values: list[Any], connection: Any) -> list[Any]:
        """Run the statement; return the numbers."""
        [numbers] = self.found(values, connection)
        return list(numbers)


class _Plan(_Statement):
    """The statement of a query set, and everything needed to read what it answers."""

    def __init__(self, queryset: QuerySet, compiler: Any, sql: str, params: Iterable[Any]) -> None:
        if queryset._prefetch_related_lookups:  # type: ignore[attr-defined]
            raise TypeError("a prepared read is one statement; see `relate`")
        super().__init__(sql, params)
        self.queryset, self.compiler = queryset, compiler
        columns = [each[0] for each in compiler.select[0 : compiler.col_count]]
        self.converters = compiler.get_converters(columns)
        self.width = compiler.col_count if compiler.has_extra_select else None

    def rows(self, values: list[Any], connection: Any) -> list[Any]:
        """Run the statement; return what the query set would yield."""
        found = self.found(values, connection)
        if self.width is not None:
            found = [row[: self.width] for row in found]
        iterable: Any = self.queryset._iterable_class
        return list(iterable(_Answered(self, found)))


class _Answered:
    """Stands for a query set, its query and its compiler, once the statement has run."""

    def __init__(self, plan: _Plan, found: list[Any]) -> None:
        self._plan, self._found, self.query = plan, found, self
        self.db, self.model = plan.queryset.db, plan.queryset.model
        compiler = plan.compiler
        self.select, self.klass_info = compiler.select, compiler.klass_info
        self.annotation_col_map = compiler.annotation_col_map

    def __getattr__(self, name: str) -> Any:
        # What a query set and its query are asked for besides: names of fields and columns.
        queryset = self._plan.queryset
        return getattr(queryset if name in vars(queryset) else queryset.query, name)

    def get_compiler(self, *_args: Any, **_kwargs: Any) -> _Answered:
        return self

    def execute_sql(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        return self._found

    def results_iter(
        self, _results: Any = None, *, tuple_expected: bool = False, **_kwargs: Any
    ) -> Iterator[Any]:
        if not self._plan.converters:
            return iter(self._found)
        rows = self._plan.compiler.apply_converters(self._found, self._plan.converters)
        return map(tuple, rows) if tuple_expected else rows


def prepared(function: Callable[P, QuerySet[Any, Row]]) -> Callable[P, list[Row]]:
    """Return a function that runs the query set which `function` makes, and returns its rows.

    Values are given by position, what decides how the statement looks by keyword; see above. Raises
    `TypeError` for values of other types, such as none: whether there is a value is for keywords.
    """
    return _reading(function, _compiled)


def prepared_counts(function: Callable[P, Iterable[QuerySet]]) -> Callable[P, list[int]]:
    """Return a function that counts the rows of each query set which `function` makes; one statement.

    As `prepared` otherwise. Query sets may be cut off: counting ends there.
    """
    return _reading(function, _Counts)


def _reading(
    function: Callable[..., Any], written: Callable[[Any], _Plan | _Counts | None]
) -> Callable[..., list[Any]]:
    @wraps(function)
    def read(*args: Any, **kwargs: Any) -> list[Any]:
        connection: Any = connections[_read_from()]
        shapes, values = _taken_in(args, connection)
        mode, shop = _shop_in_scope()
        key = (mode, *shapes, *kwargs.items())
        # Converters and compilers belong to a connection, and a connection to a thread.
        plans = connection.__dict__.setdefault("prepared_reads", {}).setdefault(function, {})
        if key not in plans:
            if len(plans) >= MOST_PLANS:
                plans.clear()
            slot = Slot(_SCOPE, _kind_of(1))
            with scope(seller=slot) if mode == SHOP else nullcontext():
                plans[key] = written(function(*_slots(shapes), **kwargs))
        plan: _Plan | _Counts | None = plans[key]
        values.append(shop)  # at the place _SCOPE
        if checked:
            ordered = [sorted(one) if _is_collection(one) else one for one in args]
            _check(function.__qualname__, plan, written(function(*ordered, **kwargs)), values)
        return plan.rows(values, connection) if plan is not None else []

    return read


def _read_from() -> str:
    """Return the database that query sets would read from now: people and all else lie in the same one (NGT-8)."""
    return router.db_for_read(get_user_model())


def totals(rows: QuerySet, **aggregates: Any) -> QuerySet[Any, tuple[Any, ...]]:
    """Return a query set of one tuple: aggregates over all rows, as `aggregate` would; for prepared reads.

    Rows that cannot exist (`none`, an empty `__in`) have no tuple at all.
    """
    everything = rows.order_by().annotate(everything=Value(1)).values("everything")
    return everything.annotate(**aggregates).values_list(*aggregates)


def number_of(rows: QuerySet) -> QuerySet[Any, tuple[Any, ...]]:
    """Return a query set of one tuple with the number of rows, as `count` would; see `totals`."""
    return totals(rows, number=Count("*"))


def relate(objects: Iterable[Any], name: str, rows: Iterable[Any], *, by: str) -> None:
    """Give objects the rows of a relation in their order, as `prefetch_related` would.

    `name` is the relation's, `by` the attribute with which a row names its object.
    """
    of: dict[Any, list[Any]] = {one.pk: [] for one in objects}
    for row in rows:
        of[getattr(row, by)].append(row)
    for one in objects:
        found: Any = QuerySet(getattr(one, name).model)
        found._result_cache, found._prefetch_done = of[one.pk], True
        vars(one).setdefault("_prefetched_objects_cache", {})[name] = found


# --- Values ---------------------------------------------------------------------------------------


def _shop_in_scope() -> tuple[str, int]:
    """Return what queries see now, and the primary key of the shop in scope, if any."""
    current = get_scope()
    if not current.get("_enabled", True):
        return EVERYBODY, 0
    return (SHOP, current["seller"].pk) if "seller" in current else (NOBODY, 0)


def _taken_in(
    args: Iterable[Any], connection: Any
) -> tuple[list[int | tuple[int, int]], list[Any]]:
    """Return what values say about the statement, and the values as the database takes them.

    Of a value that is its kind, of a collection how many it holds, too. A collection is filled up to a power
    of two with what it holds already, so that shops with 33 and with 60 of something share a statement.
    """
    shapes: list[int | tuple[int, int]] = []
    values: list[Any] = []
    for value in args:
        kind = _KINDS.get(type(value), -1)
        if kind < 0 and not _is_collection(value):
            kind = _kind_of(value)
        if kind >= 0:
            shapes.append(kind)
            values.append(_taken(value, kind, connection))
            continue
        members = sorted(value)
        kind = _kind_of(members[0]) if members else 0
        members += members[-1:] * (_filled_up(len(members)) - len(members))
        shapes.append((kind, len(members)))
        values.append([_taken(member, kind, connection) for member in members])
    return shapes, values


def _is_collection(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str)


def _filled_up(size: int) -> int:
    return 1 << (size - 1).bit_length() if size else 0


def _kind_of(value: Any) -> int:
    if not isinstance(value, bool):
        for kind, (known, _field) in enumerate(_FIELDS):
            if isinstance(value, known):
                return kind
    raise TypeError(f"{value!r} is no value for a prepared read")


def _taken(value: Any, kind: int, connection: Any) -> Any:
    """Return a value as the database takes it: numbers and texts as they are."""
    return value if kind >= _AS_IT_IS else _FIELDS[kind][1].get_db_prep_value(value, connection)


# --- Statements -----------------------------------------------------------------------------------


def _slots(shapes: list[Any]) -> list[Any]:
    """Return a slot for each value; an empty collection is known to be empty."""
    slots: list[Any] = []
    for place, shape in enumerate(shapes):
        if isinstance(shape, int):
            slots.append(Slot(place, shape))
        else:
            kind, size = shape
            slots.append(Slot(place, kind, size) if size else ())
    return slots


def _compiled(queryset: QuerySet) -> _Plan | None:
    compiler: Any = queryset.query.get_compiler(queryset.db)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    return _Plan(queryset, compiler, sql, params)


# --- For tests ------------------------------------------------------------------------------------


def _check(name: str, plan: _Statement | None, plain: _Statement | None, values: list[Any]) -> None:
    """Raise `AssertionError` unless the statement is that of the query set of the values themselves."""
    ours = _plainly(plan.sql, plan.filled(values)) if plan is not None else ""
    theirs = _plainly(plain.sql, plain.params) if plain is not None else ""
    if ours != theirs:
        raise AssertionError(f"{name} depends on more than its values:\n{ours}\n{theirs}")


def _plainly(sql: str, params: Iterable[Any]) -> str:
    """Return a statement with its parameters, brackets around one value and repeated members left out."""
    written = iter(params)

    def members(match: re.Match[str]) -> str:
        found = dict.fromkeys(repr(next(written)) for _hole in range(match[0].count("%s")))
        return ", ".join(found)

    return re.sub(r"\(%s(?:, %s)*\)|%s", members, sql)
