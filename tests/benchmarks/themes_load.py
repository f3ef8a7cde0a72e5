"""Puts a benchmark world into the connected database, streaming."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from django.db import connection, transaction

from listings.models import MatchProjection, MatchTouch, Product
from listings.services.themes import themes_write
from portal.choices import AttributeType
from portal.models import Attribute, Category, CategoryAttribute, CategoryClosure, Seller
from tests.benchmarks.themes_world import (
    ATTRIBUTES,
    CHANGED_AT,
    LEAVES,
    SINCE,
    VALUES,
    World,
    attributes_of,
    category_rows,
    product_row,
    value_text,
)

PART = 20_000
Rows = Iterable[Mapping[str, Any]]


def load(world: World) -> None:
    """Write the catalogue, sellers, products with their projections, and themes."""
    world.check()
    load_catalogue()
    seller = {
        "membership": "basic",
        "company_type": "trader",
        "main_category_id": 1,
        "industry_id": 1,
    }
    Seller.objects.bulk_create(
        Seller(pk=key, member_id=f"s{key}", name_en=f"Shop {key}", **seller)
        for key in range(1, world.sellers + 1)
    )
    for part in _parts(world.projections()):
        copy_rows(Product._meta.db_table, map(product_row, part))
        copy_rows(
            MatchProjection._meta.db_table,
            ({**row, "valid_from": SINCE, "valid_to": None} for row in part),
        )
    _write_themes(world, 0)


def change(world: World) -> None:
    """Let one per cent of the products and of the themes change on the next day."""
    table = MatchProjection._meta.db_table
    with transaction.atomic():
        for part in _parts(world.projections(version=1)):
            keys = [row["product_id"] for row in part]
            MatchProjection.objects.filter(product__in=keys).update(valid_to=CHANGED_AT)
            copy_rows(table, ({**row, "valid_from": CHANGED_AT, "valid_to": None} for row in part))
            MatchTouch.objects.bulk_create(MatchTouch(product_id=key) for key in keys)
    _write_themes(world, 1)


def _write_themes(world: World, version: int) -> None:
    rows = world.theme_rows(version)
    for start in range(0, len(rows), 200):
        for outcome in themes_write(rows=rows[start : start + 200]):
            assert not outcome.errors, outcome


def load_catalogue() -> None:
    """Write the category tree with its closure, and attributes by group."""
    made: dict[int, list[int]] = {}
    closure: list[CategoryClosure] = []
    categories: list[Category] = []
    for pk, code, parent, depth, is_leaf in category_rows():
        made[pk] = [*made.get(parent or 0, []), pk]
        categories.append(
            Category(pk=pk, code=code, name_en=code, parent_id=parent, depth=depth, is_leaf=is_leaf)
        )
        closure += [
            CategoryClosure(ancestor_id=above, descendant_id=pk, distance=depth - place)
            for place, above in enumerate(made[pk])
        ]
    Category.objects.bulk_create(categories)
    CategoryClosure.objects.bulk_create(closure)
    Attribute.objects.bulk_create(
        Attribute(
            pk=number + 1, code=f"a{number}", name_en=f"A {number}", type=AttributeType.SELECT
        )
        for number in range(ATTRIBUTES)
    )
    groups = [category for category in categories if category.depth == 1]
    CategoryAttribute.objects.bulk_create(
        CategoryAttribute(
            category=group,
            attribute_id=attribute + 1,
            values=[value_text(attribute, value) for value in range(VALUES)],
        )
        for place, group in enumerate(groups)
        for attribute in attributes_of(place * LEAVES)
    )


def copy_rows(table: str, rows: Rows) -> None:
    """Write rows by `COPY` on PostgreSQL, by one prepared statement on SQLite."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    names = list(first)
    columns = ", ".join(connection.ops.quote_name(name) for name in names)
    values = ([row[name] for name in names] for row in chain([first], rows))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({marks})",
            [[_sqlite_form(value) for value in row] for row in values],
        )


def _sqlite_form(value: Any) -> Any:
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    if hasattr(value, "tzinfo"):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, PART)):
        yield part
