"""Two other ways to the same matched lists, to measure the night against.

`one_query_per_theme` is what rule-based collections elsewhere do, on our own narrow rows and with the
same operators. `columns_in_process` reads the rows once into NumPy arrays, sorted by category, and
computes each theme on the slices of its subtree. Both write only the difference to the day before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan

from listings.models import MatchProjection, Theme, ThemeMatch
from portal import platform_time
from portal.models import CategoryClosure
from portal.models.standings import FOREVER
from tests.benchmarks.worlds.catalogue import OFFERED
from tests.benchmarks.worlds.writing import copy_rows

TABLE = ThemeMatch._meta.db_table


# --- One query per theme ------------------------------------------------------------------------


def one_query_per_theme(day: date) -> None:
    """Ask for each theme's products, compare with its stored ones, write the difference."""
    end = platform_time.end_of(day)
    rows = MatchProjection.objects.filter(valid_from__lt=end, live=True).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=end)
    )
    for theme in Theme.objects.in_force(day):
        found = dict(rows.filter(*_conditions(theme)).values_list("product_id", "seller_id"))
        current = ThemeMatch.objects.filter(theme=theme, valid_to=FOREVER)
        stored = dict(current.values_list("product_id", "pk"))
        gone = [pk for product, pk in stored.items() if product not in found]
        new = found.keys() - stored.keys()
        if gone:
            ThemeMatch.objects.filter(pk__in=gone).update(valid_to=day - timedelta(days=1))
        ThemeMatch.objects.bulk_create(
            ThemeMatch(product_id=product, theme=theme, seller_id=found[product], valid_from=day)
            for product in new
        )


class HoldsAny(Func):
    """True when a list of hashes holds at least one of some hashes."""

    output_field = BooleanField()

    def __init__(self, column: Any, hashes: Sequence[int]) -> None:
        self.hashes = list(hashes)
        super().__init__(column)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        """Use the array operator."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} && %s::bigint[])", [*params, self.hashes]

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Look the hashes up in the list's text: they are all of one width."""
        column, params = compiler.compile(self.source_expressions[0])
        found = " OR ".join([f"INSTR({column}, %s) > 0"] * len(self.hashes))
        return f"({found or '0'})", [part for text in self.hashes for part in (*params, str(text))]


def _conditions(theme: Theme) -> list[Q]:
    below = CategoryClosure.objects.filter(ancestor=theme.category_id).values("descendant")
    asked = [Q(category__in=below)]
    if theme.kind:
        asked.append(Q(kind=theme.kind))
    if theme.service_mask:
        asked.append(Q(Exact(F("services").bitand(theme.service_mask), theme.service_mask)))
    if theme.cents_min is not None:
        asked.append(Q(price_min__gte=theme.cents_min))
    if theme.cents_max is not None:
        asked.append(Q(price_max__lte=theme.cents_max))
    if theme.is_national:
        masks = {f"countries_{n}": getattr(theme, f"countries_{n}") for n in range(4)}
        shared = [Q(GreaterThan(F(n).bitand(mask), 0)) for n, mask in masks.items() if mask]
        asked.append(reduce(or_, shared))
    asked += [Q(HoldsAny(F("value_ids"), group[1])) for group in theme.groups]
    if theme.patterns:
        words = [Q(GreaterThan(StrIndex(F("title_norm"), Value(one)), 0)) for one in theme.patterns]
        asked.append(reduce(or_, words))
    return asked


# --- Columns in this process ----------------------------------------------------------------------

SCALARS = (
    "product_id", "seller_id", "category_id", "price_min", "price_max", "services",
    "countries_0", "countries_1", "countries_2", "countries_3", "token_sig",
)  # fmt: skip
OF_THEME = (
    "pk", "category_id", "kind", "service_mask", "cents_min", "cents_max", "is_national", "token_sig",
    "countries_0", "countries_1", "countries_2", "countries_3", "groups", "patterns",
)  # fmt: skip
Columns = dict[str, np.ndarray]


def columns_in_process(day: date) -> None:
    """Read the columns once, compute every theme on them, write the difference."""
    columns = _read_columns(day)
    order = np.argsort(columns["category_id"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    firsts = np.flatnonzero(np.diff(columns["category_id"], prepend=-1))
    ends = np.append(firsts[1:], len(order))
    slices = dict(
        zip(columns["category_id"][firsts].tolist(), zip(firsts, ends, strict=True), strict=True)
    )
    subtree: dict[int, list[int]] = defaultdict(list)
    for ancestor, descendant in CategoryClosure.objects.values_list("ancestor", "descendant"):
        if descendant in slices:
            subtree[ancestor].append(descendant)
    kept: list[tuple[Any, np.ndarray]] = []
    for theme in Theme.objects.in_force(day).values_list(*OF_THEME, named=True):
        parts = [np.arange(*slices[leaf]) for leaf in subtree[theme.category_id]]
        if parts:
            kept.append((theme, _passing(theme, columns, np.concatenate(parts))))
    kept = _with_words(kept, columns["product_id"])
    _write_difference(
        day,
        columns["product_id"][np.concatenate([rows for _, rows in kept])],
        np.concatenate([np.full(len(rows), theme.pk) for theme, rows in kept]),
        columns["seller_id"][np.concatenate([rows for _, rows in kept])],
    )


def _passing(theme: Any, columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Return the rows that pass all requirements but the exact words of the title."""
    if theme.kind:
        rows = rows[columns["rts"][rows] == (theme.kind == "rts")]
    if theme.service_mask:
        rows = rows[columns["services"][rows] & theme.service_mask == theme.service_mask]
    if theme.cents_min is not None:
        rows = rows[columns["price_min"][rows] >= theme.cents_min]
    if theme.cents_max is not None:
        rows = rows[columns["price_max"][rows] <= theme.cents_max]
    if theme.is_national:
        shared = np.zeros(len(rows), dtype=bool)
        for place in range(4):
            mask = getattr(theme, f"countries_{place}")
            if mask:
                shared |= columns[f"countries_{place}"][rows] & mask != 0
        rows = rows[shared]
    if theme.token_sig is not None:
        rows = rows[columns["token_sig"][rows] & theme.token_sig != 0]
    for _code, hashes in theme.groups:
        # Hash by hash: `isin` would sort the rows' values, or build a table of them, for every theme.
        offered = columns["values"][rows]
        rows = rows[reduce(or_, [offered == one for one in hashes]).any(axis=1)]
    return rows


def _with_words(
    kept: list[tuple[Any, np.ndarray]], products: np.ndarray
) -> list[tuple[Any, np.ndarray]]:
    """Look the keywords up in the titles of the rows that are left."""
    asked = [rows for theme, rows in kept if theme.patterns]
    wanted = np.unique(products[np.concatenate(asked)])
    titles = dict(_titles(wanted.tolist()))
    found = []
    for theme, rows in kept:
        if not theme.patterns:
            found.append((theme, rows))
            continue
        texts = [titles[product] for product in products[rows].tolist()]
        holds = [any(one in text for one in theme.patterns) for text in texts]
        found.append((theme, rows[np.array(holds, dtype=bool)]))
    return found


def _write_difference(
    day: date, products: np.ndarray, themes: np.ndarray, sellers: np.ndarray
) -> None:
    stored = _numbers(
        f"SELECT id, product_id, theme_id FROM {TABLE} WHERE valid_to = %s", [FOREVER], 3
    )
    old = stored[:, 1] << 20 | stored[:, 2]
    new = products << 20 | themes
    gone = stored[~np.isin(old, new, assume_unique=True), 0]
    fresh = np.flatnonzero(~np.isin(new, old, assume_unique=True))
    with connection.cursor() as cursor:
        listed, values = _one_of("id", gone.tolist())
        cursor.execute(
            f"UPDATE {TABLE} SET valid_to = %s WHERE {listed}",
            [_day(day - timedelta(days=1)), values],
        )
    copy_rows(
        TABLE,
        (
            {"product_id": product, "theme_id": theme, "seller_id": seller,
             "valid_from": _day(day), "valid_to": _day(FOREVER)}
            for product, theme, seller in zip(
                products[fresh].tolist(), themes[fresh].tolist(), sellers[fresh].tolist(), strict=True
            )
        ),
    )  # fmt: skip


# --- Reading --------------------------------------------------------------------------------------


def _read_columns(day: date) -> Columns:
    end = platform_time.end_of(day)
    holds = (
        "FROM listings_matchprojection WHERE live AND valid_from < %s "
        "AND (valid_to IS NULL OR valid_to >= %s)"
    )
    scalars = [*SCALARS, "CASE kind WHEN 'rts' THEN 1 ELSE 0 END"]
    if connection.vendor == "postgresql":
        values = [f"value_ids[{place}]" for place in range(1, OFFERED + 1)]
        table = _numbers(
            f"SELECT {', '.join([*scalars, *values])} {holds}", [end, end], len(scalars) + OFFERED
        )
        hashes = table[:, len(scalars) :]
    else:
        moment = connection.ops.adapt_datetimefield_value(end)
        table = _numbers(f"SELECT {', '.join(scalars)} {holds}", [moment, moment], len(scalars))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT value_ids {holds}", [moment, moment])
            text = "".join(row[0] for row in cursor.fetchall())
        hashes = _parse_hashes(text).reshape(-1, OFFERED)
    columns = {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(SCALARS)}
    return {**columns, "rts": table[:, len(SCALARS)] == 1, "values": np.ascontiguousarray(hashes)}


def _parse_hashes(text: str) -> np.ndarray:
    """Parse `[hash,hash,…][hash,…]`, each of 19 digits, without a Python loop."""
    digits = np.frombuffer(text.encode(), dtype=np.uint8)
    digits = digits[(digits >= ord("0")) & (digits <= ord("9"))].reshape(-1, 19) - ord("0")
    return digits.astype(np.int64) @ (10 ** np.arange(18, -1, -1, dtype=np.int64))


def _numbers(sql: str, params: list[Any], width: int) -> np.ndarray:
    """Return a result of whole numbers as an array (rows × width)."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql, [_day(one) if isinstance(one, date) else one for one in params])
            return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, width)
    # One array per column, all in one row: of `COPY` the driver hands over each row by itself, which on a
    # busy machine is a wait for the processor each time.
    names = [f"c{place}" for place in range(width)]
    arrays = ", ".join(f"array_send(array_agg({name}::int8))" for name in names)
    query = f"SELECT {arrays} FROM ({sql}) q ({', '.join(names)})"
    # The driver's own cursor: Django's takes results as text.
    [row] = psycopg.Cursor(connection.connection).execute(query, params, binary=True)
    return np.stack([_array(sent) for sent in row], axis=1)


def _array(sent: bytes) -> np.ndarray:
    """Return PostgreSQL's binary form of an array of `bigint` without nulls as an array."""
    elements = np.frombuffer(sent, dtype=[("length", ">i4"), ("value", ">i8")], offset=20)
    return elements["value"].astype(np.int64)


def _titles(products: list[int]) -> list[tuple[int, str]]:
    listed, values = _one_of("product_id", products)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT product_id, title_norm FROM listings_matchprojection "
            f"WHERE {listed} AND valid_to IS NULL",
            [values],
        )
        return cursor.fetchall()


def _one_of(column: str, keys: list[int]) -> tuple[str, Any]:
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", keys
    return f"{column} IN (SELECT value FROM json_each(%s))", str(keys)


def _day(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)
