"""A night of few changes does not read the whole table of matches, on PostgreSQL (NGT-7, P-1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from listings.models import MatchProjection, MatchTouch, Product, ThemeMatch
from listings.nightly import themes
from listings.services.themes import themes_write
from portal import platform_time
from portal.models.standings import FOREVER
from portal.nightly import night_sql
from portal.nightly.night_sql import StandingSql
from portal.scoping import unscoped
from tests.listings.match_world import night, theme_row

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.rule("NGT-7")]

DAY = date(2022, 7, 10)
TABLE = ThemeMatch._meta.db_table
WRITES = re.compile(r"\s*(CREATE TEMPORARY TABLE \S+ AS|INSERT|UPDATE|DELETE)\s")
PRODUCTS, THEMES, CHANGED = 2_000, 50, 20
CHEAP, DEAR = 1_000, 9_000
"""Prices in cents, below and above what the themes ask for at most."""


@pytest.fixture
def matched(categories, shop):
    """A hundred thousand matches as of a day; on the next, one product in a hundred and a theme change."""
    category = categories["e-bike-kits"]
    at = platform_time.start_of(DAY)
    common: dict[str, Any] = {"seller": shop, "category": category, "kind": "rts"}
    with unscoped():
        products = Product.objects.bulk_create(
            Product(product_id=f"p{number}", title="Kit", created_at=at, changed_at=at, **common)
            for number in range(PRODUCTS)
        )
        _project(products, CHEAP, common, since=DAY)
        rows = [theme_row(f"t{number}", price_max="50.00") for number in range(THEMES)]
        assert not [error for outcome in themes_write(rows=rows) for error in outcome.errors]
        night(DAY)
        changed = products[:: PRODUCTS // CHANGED]
        following = DAY + timedelta(days=1)
        current = MatchProjection.objects.filter(product__in=changed)
        current.update(valid_to=platform_time.start_of(following))
        _project(changed, DEAR, common, since=following)
        MatchTouch.objects.bulk_create(MatchTouch(product=product) for product in changed)
        # A theme that asks for something else, and gets the same products.
        themes_write(rows=[theme_row("t7", price_max="60.00")])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _project(products: list[Product], price: int, common: dict[str, Any], *, since: date) -> None:
    MatchProjection.objects.bulk_create(
        MatchProjection(
            product=product,
            valid_from=platform_time.start_of(since),
            live=True,
            price_min=price,
            price_max=price,
            **common,
        )
        for product in products
    )


@pytest.mark.parametrize("guarded", [True, False])
def test_a_night_of_few_changes_looks_matches_up(matched, monkeypatch, guarded: bool) -> None:
    """Unguarded it is the control: with as many rows, the planner itself would read all of them."""
    if not guarded:
        for module in (themes, night_sql):
            monkeypatch.setattr(module, "looked_up", _plainly_joined)
        monkeypatch.setattr(StandingSql, "rows", lambda self, keys: f"{self.table}.id IN ({keys})")
    scans: list[str] = []
    with connection.execute_wrapper(_explaining(scans)):
        night(DAY + timedelta(days=1))
    with unscoped():
        assert ThemeMatch.objects.count() == PRODUCTS * THEMES
        assert ThemeMatch.objects.exclude(valid_to=FOREVER).count() == CHANGED * THEMES
    assert {"Index Scan", "Bitmap Heap Scan"} & set(scans), "nothing was asked of the matches"
    assert ("Seq Scan" not in scans) == guarded


def _plainly_joined(
    _vendor: str, table: str, alias: str, condition: str, *, optional: bool = False
) -> str:
    return f"{'LEFT' if optional else ''} JOIN {table} {alias} ON {condition}"


def _explaining(scans: list[str]) -> Callable[..., Any]:
    """Return a wrapper that collects how the night's statements read the matches."""

    def wrapper(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if TABLE in sql and WRITES.match(sql):
            execute(f"EXPLAIN (FORMAT JSON) {sql}", params, many, context)
            [[plan]] = context["cursor"].fetchall()
            scans.extend(_scans(plan))
        return execute(sql, params, many, context)

    return wrapper


def _scans(plan: Any) -> Iterator[str]:
    """Yield the kinds of scan of the matches anywhere in a plan."""
    for node in plan if isinstance(plan, list) else [plan]:
        if node.get("Relation Name") == TABLE and node["Node Type"] != "ModifyTable":
            yield node["Node Type"]
        for part in ("Plan", "Plans"):
            yield from _scans(node.get(part, []))
