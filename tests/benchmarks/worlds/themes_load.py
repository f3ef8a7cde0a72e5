"""Puts a benchmark world into the connected database, streaming."""

from __future__ import annotations

from django.db import transaction

from listings.models import MatchProjection, MatchTouch, Product
from listings.services.themes import themes_write
from portal.models import Seller
from tests.benchmarks.worlds.catalogue import load_catalogue
from tests.benchmarks.worlds.themes import CHANGED_AT, SINCE, World, product_row
from tests.benchmarks.worlds.writing import copy_rows, parts


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
    for part in parts(world.projections()):
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
        for part in parts(world.projections(version=1)):
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
