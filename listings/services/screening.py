"""A product's words and CAS number before compliance (LST-21, CMP-3, CMP-4).

What a class forbids keeps a seller's product from going live (`prohibited_term`); every other hit is shown
and may be saved knowingly. Upstream's products are facts: they stand, and their hits are kept like those
of every live product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from compliance.screening import (
    ProductText,
    Screener,
    TermHit,
    chemical_rules,
    products_screened,
)
from listings.choices import ProductStatus
from listings.models import Product
from listings.services.product_data import ProductData
from listings.services.product_rules import Problem
from portal.models import Seller

PROHIBITED = "prohibited_term"
_WORDS = (
    "category", "title", "keywords", "brand", "description", "skus", "attributes",
    "custom_attributes",
)  # fmt: skip
"""Fields of `ProductData` whose change makes a product be screened again."""


@dataclass(frozen=True)
class Hit:
    """A term that compliance knows: its class and effect, where it stands, and what to do about it."""

    term: str
    hazard: str
    field: str
    advice: str = ""
    rule_class: str = ""
    effect: str = ""
    effect_name: str = ""
    place: str = ""
    excerpt: str = ""
    forbids: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what the API answers under `screening`."""
        return asdict(self)


def _hit(found: TermHit) -> Hit:
    return Hit(
        term=found.term,
        hazard=found.name,
        field=found.place.value,
        advice=found.advice,
        rule_class=found.rule_class,
        effect=found.effect.value,
        effect_name=str(found.effect.label),
        place=str(found.place.label),
        excerpt=found.excerpt,
        forbids=found.forbids,
    )


# --- Words ----------------------------------------------------------------------------------------


def text_of(product: Product) -> ProductText:
    """Return the words of a product, as it stands in its columns."""
    return _text(product.product_id, product.category_id, product)


def _text(product_id: str, category_id: int, words: Product | ProductData) -> ProductText:
    attributes: dict[str, Sequence[str] | str] = {**words.custom_attributes, **words.attributes}
    if words.brand:
        attributes["brand"] = words.brand
    names = [str(sku.get("name", "")) for sku in words.skus]
    if any(names):
        attributes["sku"] = names
    return ProductText(
        product_id=product_id,
        category_id=category_id,
        title=words.title,
        keywords=words.keywords,
        attributes=attributes,
        description=words.description,
    )


def screen_products(products: Iterable[Product]) -> list[list[Hit]]:
    """Return the hits of each product, in the order given; a constant number of queries."""
    screener = Screener()
    return [[_hit(one) for one in screener.hits(text_of(product))] for product in products]


def screen(data: ProductData, *, category_id: int) -> list[Hit]:
    """Return the hits of one content; `category_id` is the primary key, 0 while none is chosen."""
    return [_hit(one) for one in Screener().hits(_text("", category_id, data))]


def digest(hits: Sequence[Hit]) -> str:
    """Return a fingerprint of hits: what somebody has looked at, and nothing added since."""
    said = "\n".join(sorted(f"{hit.rule_class}|{hit.term}|{hit.field}" for hit in hits))
    return hashlib.sha256(said.encode()).hexdigest()[:24]


# --- Going live -----------------------------------------------------------------------------------


def is_live(data: ProductData | None) -> bool:
    """Tell whether buyers see a product with this content."""
    return data is not None and data.status == ProductStatus.LIVE and data.deleted_at is None


def words_differ(before: ProductData, after: ProductData) -> bool:
    """Tell whether anything screening reads was changed."""
    return any(getattr(before, name) != getattr(after, name) for name in _WORDS)


def needs_judging(before: ProductData | None, after: ProductData) -> bool:
    """Tell whether a content is about to be live with words, category or CAS number that are new.

    Terms published since a product went live do not stand in the way of another price.
    """
    if not is_live(after):
        return False
    if before is None or not is_live(before):
        return True
    return before.cas != after.cas or words_differ(before, after)


class Publishing:
    """Judges contents of one shop's products that are to be live; reads once, whatever their number.

    `category_ids` and `cas_numbers` are those that may occur.
    """

    def __init__(
        self, day: date, category_ids: Collection[int], cas_numbers: Callable[[], Collection[str]]
    ) -> None:
        self._day = day
        self._category_ids = category_ids
        self._cas_numbers = cas_numbers
        self._chemicals: dict[int, Any] = {}

    @cached_property
    def _screener(self) -> Screener:
        return Screener(self._day)

    def problems(
        self, *, seller_id: int, category_id: int, before: ProductData | None, after: ProductData
    ) -> tuple[list[Problem], str]:
        """Return why a content may not be live, and the code of the refusal."""
        if not needs_judging(before, after):
            return [], ""
        forbidden = [
            one for one in self._screener.hits(_text("", category_id, after)) if one.forbids
        ]
        if forbidden:
            return [_prohibited(one) for one in forbidden], PROHIBITED
        chemicals = self._rules(seller_id).problems(category_id, after.cas)
        if chemicals:
            return [(one.field, one.message) for one in chemicals], chemicals[0].code
        return [], ""

    def _rules(self, seller_id: int) -> Any:
        if seller_id not in self._chemicals:
            self._chemicals[seller_id] = chemical_rules(
                seller=Seller.objects.get(pk=seller_id),
                category_ids=self._category_ids,
                cas_numbers=self._cas_numbers(),
                day=self._day,
            )
        return self._chemicals[seller_id]


def _prohibited(hit: TermHit) -> Problem:
    message = _("“%(term)s” may not be offered (%(rule)s).")
    return hit.place.value, message % {"term": hit.term, "rule": hit.name}


# --- Live products --------------------------------------------------------------------------------


def products_screen(
    *,
    products: Iterable[Product],
    before: Mapping[str, ProductData],
    after: Mapping[str, ProductData],
) -> None:
    """Keep the hits of written products: of live ones whose words changed, of none that went.

    After compliance was told of them, in the transaction of the write. `before` lacks new products.
    """
    live, gone = [], []
    for product in products:
        was, now = before.get(product.product_id), after[product.product_id]
        if is_live(now):
            if was is None or not is_live(was) or words_differ(was, now):
                live.append(text_of(product))
        elif is_live(was):
            gone.append(product.product_id)
    if live or gone:
        products_screened(live, gone=gone)
