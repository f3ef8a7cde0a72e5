"""Keeps the match projection in line with product revisions (LST-4, NGT-7).

Writers of products call `projections_write` after they have written `ProductRevision` rows, in the
same transaction. A revision's `content` uses the field names of `Product`, with `category` as a code,
prices as decimal text, and `deleted_at` set while the product is in the recycle bin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from listings.matching.compiled import project
from listings.models import MatchProjection, MatchTouch, Product, ProductRevision
from listings.themes.rules import ProductFacts
from portal.ingest.bulk import insert_rows
from portal.models import Category
from portal.scoping import unscoped

SINCE_EVER = datetime(1900, 1, 1, tzinfo=UTC)
"""Instant of a product fed without `changed_at` and never seen before: it holds since ever."""

CHUNK = 2_000
"""Products per round of statements."""

Values = dict[str, Any]
Revision = tuple[int, datetime, dict[str, Any]]
"""Seller, instant and content."""

_COLUMNS = (
    "category_id", "live", "kind", "price_min", "price_max", "services",
    "countries_0", "countries_1", "countries_2", "countries_3",
    "value_sig", "token_sig", "value_ids", "token_ids", "title_norm",
)  # fmt: skip


def projections_write(
    *, changes: Mapping[int, datetime], histories: Mapping[int, Sequence[Revision]] | None = None
) -> int:
    """Bring the projections of products in line with their revisions; return how many differed.

    `changes` maps a product's primary key to the earliest instant at which its revisions were added,
    replaced or removed. Later history is derived again from the revisions, so that an edit that
    arrives late, or replaces one of the same instant, comes out as if it had come in time. Revisions
    that change nothing a theme can ask about leave no row. Products that differ are queued for the
    night. A constant number of statements per 2,000 products.

    `histories` has all revisions, oldest first, of products that were created in this transaction:
    nothing is read for them.
    """
    written = 0
    with unscoped(), transaction.atomic():
        for chunk in _chunks(sorted(changes.items())):
            written += _write_chunk(dict(chunk), histories or {})
    return written


def projections_rebuild() -> int:
    """Derive every projection again from all revisions, after `MATCHER_VERSION` was raised.

    One transaction per 2,000 products; may be run again after an interruption. Returns the number of
    products that differed.
    """
    written, last = 0, 0
    while True:
        with unscoped():
            keys = Product.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
            found = list(keys[:CHUNK])
        if not found:
            return written
        written += projections_write(changes=dict.fromkeys(found, SINCE_EVER))
        last = found[-1]


def _write_chunk(
    starts: Mapping[int, datetime], histories: Mapping[int, Sequence[Revision]]
) -> int:
    """Compare what the chunk's revisions say with the stored rows, and write the difference."""
    known = {product: at for product, at in starts.items() if product not in histories}
    since = min(starts.values())
    revisions: Mapping[int, Sequence[Revision]] = {**histories, **_revisions(known, since)}
    stored = _stored(known, since)
    categories = _category_ids(revisions.get(product, ()) for product in starts)
    stale: list[int] = []
    fresh: list[Values] = []
    touched: list[int] = []
    for product, start in starts.items():
        rows = stored.get(product, [])
        before = [row for row in rows if row["valid_from"] < start][-1:]
        later = [row for row in rows if row["valid_from"] >= start]
        wanted = _derive(product, before, revisions.get(product, ()), start, categories)
        old = {row["valid_from"]: row for row in [*before, *later]}
        new = {row["valid_from"]: row for row in wanted}
        kept = {at for at, row in new.items() if at in old and _says(old[at]) == _says(row)}
        gone = [row["pk"] for at, row in old.items() if at not in kept]
        added = [row for at, row in new.items() if at not in kept]
        if gone or added:
            stale += gone
            fresh += added
            touched.append(product)
    if stale:
        MatchProjection.objects.filter(pk__among=stale).delete()
    insert_rows(MatchProjection, fresh)
    insert_rows(MatchTouch, [{"product_id": product} for product in touched])
    return len(touched)


def _derive(
    product: int,
    before: Sequence[Values],
    revisions: Sequence[Revision],
    start: datetime,
    categories: Mapping[str, int],
) -> list[Values]:
    """Return the rows that should stand: the one in force before `start`, then one per change."""
    rows = [{**row, "valid_to": None} for row in before]
    for seller, at, content in revisions:
        if at < start:
            continue
        row = {
            "product_id": product,
            "seller_id": seller,
            "category_id": categories[content["category"]],
            "valid_from": at,
            "valid_to": None,
            **project(ProductFacts.of_content(content, ())),
        }
        if not rows or _content(rows[-1]) != _content(row):
            if rows:
                rows[-1]["valid_to"] = at
            rows.append(row)
    return rows


def _content(row: Values) -> tuple[Any, ...]:
    """What a theme can ask about."""
    return tuple(row[name] for name in _COLUMNS)


def _says(row: Values) -> tuple[Any, ...]:
    return (row["valid_to"], *_content(row))


def _revisions(starts: Mapping[int, datetime], since: datetime) -> Mapping[int, Sequence[Revision]]:
    """Return product → its revisions since an instant, oldest first."""
    found: dict[int, list[Revision]] = defaultdict(list)
    if starts:
        rows = (
            ProductRevision.objects.filter(product_id__among=starts, at__gte=since)
            .order_by("product_id", "at")
            .values_list("product_id", "product__seller_id", "at", "content")
        )
        for product, *revision in rows:
            found[product].append(tuple(revision))
    return found


def _stored(starts: Mapping[int, datetime], since: datetime) -> Mapping[int, Sequence[Values]]:
    """Return product → its rows that hold at or after an instant, or end with it; oldest first."""
    found: dict[int, list[Values]] = defaultdict(list)
    if starts:
        rows = (
            MatchProjection.objects.filter(product_id__among=starts)
            .filter(Q(valid_to__isnull=True) | Q(valid_to__gte=since))
            .order_by("product_id", "valid_from")
        )
        for row in rows.values(
            "pk", "product_id", "seller_id", "valid_from", "valid_to", *_COLUMNS
        ):
            found[row["product_id"]].append(row)
    return found


def _category_ids(histories: Iterable[Sequence[Revision]]) -> dict[str, int]:
    codes = {content["category"] for rows in histories for _seller, _at, content in rows}
    return dict(Category.objects.filter(code__in=codes).values_list("code", "pk"))


def _chunks(items: Sequence[tuple[int, datetime]]) -> Iterator[Sequence[tuple[int, datetime]]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
