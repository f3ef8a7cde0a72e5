"""Small worlds for matching: products with history, themes, and the plain loop over all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import connection

from listings.matching.sql import match_select
from listings.models import MatchTouch, Product, ProductRevision, Theme, ThemeMatch
from listings.services.projection import projections_write
from listings.services.themes import themes_write
from listings.themes.facts import category_paths, theme_specs
from listings.themes.rules import ProductFacts, matches
from portal import platform_time
from portal.choices import RunState
from portal.models import Category, NightRun, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.nightly.export import standing_lines
from portal.nightly.registry import adapt_params
from portal.scoping import unscoped

Pairs = set[tuple[str, str]]

EBIKE_CONTENT: dict[str, Any] = {
    "category": "e-bike-kits",
    "title": "48V e-bike conversion kit",
    "kind": "rts",
    "status": "live",
    "price_min": "100.00",
    "price_max": "100.00",
    "attributes": {},
    "custom_attributes": {},
    "target_countries": [],
    "services": [],
    "deleted_at": None,
}


def content_of(**changes: Any) -> dict[str, Any]:
    """Return a product's content: a live e-bike kit unless said otherwise."""
    return {**EBIKE_CONTENT, **changes}


def revise(seller: Seller, product_id: str, at: datetime, content: Mapping[str, Any]) -> Product:
    """Write what a product says from an instant on, as late or early as it comes."""
    with unscoped():
        product, _ = Product.objects.get_or_create(
            product_id=product_id,
            defaults={
                "seller": seller,
                "category": Category.objects.get(code=content["category"]),
                "title": content["title"],
                "kind": content["kind"],
                "created_at": at,
                "changed_at": at,
            },
        )
        ProductRevision.objects.update_or_create(
            product=product, at=at, defaults={"content": dict(content), "origin": "test"}
        )
    projections_write(changes={product.pk: at})
    return product


def theme_row(theme_id: str = "t1", **asks: Any) -> dict[str, Any]:
    """Return a theme as ingest would hand it over: open all the time, in the e-bike kits."""
    return {
        "theme_id": theme_id,
        "title_en": f"Theme {theme_id}",
        "category": "e-bike-kits",
        "starts_on": date(2020, 1, 1),
        **asks,
    }


def put_theme(theme_id: str = "t1", **asks: Any) -> Theme:
    """Write one theme that has to be acceptable."""
    [outcome] = themes_write(rows=[theme_row(theme_id, **asks)])
    assert not outcome.errors, outcome.errors
    return Theme.objects.select_related("category").get(theme_id=theme_id)


def instant(day: date, hour: int = 18) -> datetime:
    """Return an instant of a Pacific day."""
    start = platform_time.start_of(day)
    return start + (platform_time.end_of(day) - start) * hour / 24


def pairs_by_loop(day: date) -> Pairs:
    """Evaluate every pair in plain Python, products as their revisions say they were that day."""
    end = platform_time.end_of(day)
    with unscoped():
        as_of: dict[str, Mapping[str, Any]] = {}
        rows = ProductRevision.objects.filter(at__lt=end).order_by("at").select_related("product")
        for revision in rows:
            as_of[revision.product.product_id] = revision.content
    codes = {content["category"] for content in as_of.values()}
    ids = dict(Category.objects.filter(code__in=codes).values_list("code", "pk"))
    paths = category_paths(ids.values())
    themes = list(Theme.objects.select_related("category"))
    specs = theme_specs(themes)
    facts = {
        product: ProductFacts.of_content(content, paths[ids[content["category"]]])
        for product, content in as_of.items()
    }
    return {
        (theme.theme_id, product)
        for theme in themes
        for product, fact in facts.items()
        if matches(specs[theme.pk], fact, day)
    }


def pairs_by_sql(day: date) -> Pairs:
    """Ask the statement of the night for everything."""
    values = {"day": day, "moment": platform_time.end_of(day), "lo": 0, "hi": 2**63 - 1}
    with connection.cursor() as cursor:
        cursor.execute(match_select(connection.vendor), adapt_params(connection, values))
        found = cursor.fetchall()
    assert len(found) == len(set(found)), "a pair came twice"
    with unscoped():
        products = dict(Product.objects.values_list("pk", "product_id"))
        sellers = dict(Product.objects.values_list("pk", "seller_id"))
    themes = dict(Theme.objects.values_list("pk", "theme_id"))
    assert all(sellers[product] == seller for product, _theme, seller in found)
    return {(themes[theme], products[product]) for product, theme, _seller in found}


def pairs_published(day: date) -> Pairs:
    """Read the matched list as of a day."""
    with unscoped():
        rows = ThemeMatch.objects.as_of(day)
        return set(rows.values_list("theme__theme_id", "product__product_id"))


def night(day: date, *, shards: int | None = None) -> NightRun:
    """Compute the matches as of a day with the real engine, in this process."""
    run = ledger.night_start(as_of=day, jobs=["listings.themes"], shards=shards)
    run = run_inline(run_id=run.pk)
    assert run.state == RunState.COMPLETE, [job.error for job in run.jobs.all()]
    return run


def lines(day: date) -> list[str]:
    """Return the matches as of a day as `manage.py standings` prints them."""
    return list(standing_lines(day, "listings"))


def touches() -> int:
    """Return the length of the night's queue."""
    return MatchTouch.objects.count()
