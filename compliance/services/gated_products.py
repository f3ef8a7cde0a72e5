"""What `listings` tells of products; the only writer of `GatedProduct` besides `traits` (decision 0022)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction

from compliance.choices import TraitSource
from compliance.models import GatedProduct
from compliance.rules import mask_of
from compliance.services.certificate_coverage import products_going
from compliance.services.traits import TraitsAsked, TraitsHeld, product_traits_resolve
from portal import platform_time
from portal.ingest.upsert import Upserted, Values, upsert
from portal.models import Member
from portal.scoping import unscoped

if TYPE_CHECKING:
    from compliance.screening import ProductText

CHUNK = 2_000
"""Products per round of statements."""
TITLE_LENGTH = 300

T = TypeVar("T")


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut anything into lists of at most 2,000."""
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


@dataclass(frozen=True, slots=True)
class ProductTold:
    """A product as it is now: `product_id` is the external id, the other ids are primary keys.

    `live` tells its status, whether or not it is in the recycle bin (`deleted`). `countries` are
    ISO 3166-1 codes, none means everywhere. `epr_traits` are codes of `EprCategory`, None when the
    product says nothing itself.
    """

    product_id: str
    seller_id: int
    category_id: int
    title: str
    live: bool
    deleted: bool
    countries: Sequence[str]
    cas: str
    epr_traits: Sequence[str] | None


def products_told(rows: Iterable[ProductTold]) -> int:
    """Keep what was told, with the traits that hold; return how many products differed (EPR-2).

    In the caller's transaction; a constant number of statements per 2,000 products. Of a product told
    of twice the last counts. What did not change is not written.
    """
    latest = {row.product_id: row for row in rows}
    written = 0
    with unscoped(), transaction.atomic(savepoint=False):
        for chunk in chunks(latest.values()):
            result = _tell(chunk)
            written += len(result.created) + len(result.updated)
    return written


def _tell(rows: Sequence[ProductTold]) -> Upserted:
    now = platform_time.now()
    own = [None if row.epr_traits is None else mask_of(row.epr_traits) for row in rows]
    held = product_traits_resolve(
        [
            TraitsAsked(row.seller_id, row.category_id, mask)
            for row, mask in zip(rows, own, strict=True)
        ]
    )
    values = [
        _values(row, mask, found) | {"told_at": now}
        for row, mask, found in zip(rows, own, held, strict=True)
    ]
    return upsert(GatedProduct, key=("product_id",), rows=values, merge=_kept)


def _values(row: ProductTold, own: int | None, held: TraitsHeld) -> Values:
    return {
        "product_id": row.product_id,
        "seller_id": row.seller_id,
        "category_id": row.category_id,
        "title": row.title[:TITLE_LENGTH],
        "live": row.live,
        "deleted": row.deleted,
        "countries": countries_text(row.countries),
        "cas": row.cas.strip(),
        "own_traits": own,
        "staff_traits": None,
        "traits": held.traits,
        "source": held.source,
    }


def countries_text(countries: Collection[str]) -> str:
    """Return the stored form of target countries: nothing, or `,DE,FR,`."""
    return f",{','.join(sorted(set(countries)))}," if countries else ""


def _kept(stored: Values, told: Values) -> Values:
    """Return what to store over a known product: what staff set stays, and so does an unchanged row."""
    wanted = {**told, "staff_traits": stored["staff_traits"]}
    if stored["staff_traits"] is not None:
        wanted |= {"traits": stored["staff_traits"], "source": TraitSource.STAFF}
    if all(stored[name] == value for name, value in wanted.items() if name != "told_at"):
        wanted["told_at"] = stored["told_at"]
    return wanted


def products_forgotten(product_ids: Collection[str]) -> int:
    """Delete what is known of products that are gone for good; return how many there were."""
    gone = 0
    with unscoped(), transaction.atomic(savepoint=False):
        for chunk in chunks(product_ids):
            with products_going(chunk):
                products = GatedProduct.objects.filter(product_id__in=chunk)
                _all, counts = products.delete()
            gone += counts.get(GatedProduct._meta.label, 0)
    return gone


# --- Where products come from ---------------------------------------------------------------------


@dataclass(frozen=True)
class ProductSource:
    """What the app that keeps products offers, registered when it starts.

    `tell_all()` tells of every product again (`products_told`, each chunk in a transaction that holds its
    products) and returns how many differed, `known(ids)` which of some external ids exist,
    `texts(ids or None)` gives the words of products (None: of all live ones). `traits_write(member,
    {product id: codes})` writes traits into the shop's own products and returns how many changed.
    """

    tell_all: Callable[[], int]
    known: Callable[[Collection[str]], set[str]]
    texts: Callable[[Collection[str] | None], Iterator[ProductText]]
    traits_write: Callable[[Member, dict[str, list[str]]], int]


_source: list[ProductSource] = []


def register_product_source(source: ProductSource) -> ProductSource:
    """Let compliance ask for products; the newest registration counts."""
    _source[:] = [source]
    return source


def product_source() -> ProductSource:
    """Return the source of products; `LookupError` when no app keeps any."""
    if not _source:
        raise LookupError("no app has registered a product source")
    return _source[0]


def products_rebuild() -> tuple[int, int]:
    """Have every product told of again; return how many differed and how many were gone.

    May be interrupted and repeated.
    """
    source = product_source()
    return source.tell_all(), sum(_forget_unknown(source, ids) for ids in _stored_ids())


def _stored_ids() -> Iterator[list[str]]:
    last: Any = 0
    while True:
        with unscoped():
            rows = GatedProduct.objects.filter(pk__gt=last).order_by("pk")
            found = list(rows.values_list("pk", "product_id")[:CHUNK])
        if not found:
            return
        yield [product_id for _pk, product_id in found]
        last = found[-1][0]


def _forget_unknown(source: ProductSource, product_ids: list[str]) -> int:
    gone = set(product_ids) - source.known(product_ids)
    return products_forgotten(sorted(gone)) if gone else 0
