"""Screening of products' words, and the hits of live products (CMP-1, CMP-3, CMP-5).

`Screener` reads texts against everything in force on a day. `products_screened` keeps what was found
in live products, in the transaction that changed them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db import transaction

from compliance.choices import TermEffect, TextPlace
from compliance.matching.automaton import BETWEEN, Found
from compliance.matching.library import Library, library, library_of
from compliance.models import GatedProduct, ProductHit, ProtectedMark, RuleClass
from compliance.services.gated_products import chunks
from compliance.services.mark_cases import Titled, mark_cases_follow
from portal import platform_time
from portal.ingest.bulk import insert_rows
from portal.models import CategoryClosure
from portal.scoping import unscoped

MAX_TERM, MAX_EXCERPT = 120, 200


@dataclass(frozen=True, slots=True)
class ProductText:
    """The words of a product: `category_id` is a primary key, attributes are named as shown."""

    product_id: str
    category_id: int
    title: str
    keywords: Sequence[str]
    attributes: Mapping[str, Sequence[str] | str]
    description: str


@dataclass(frozen=True, slots=True)
class TermHit:
    """A term found: the class it belongs to, where it stood, in which words, and what to do.

    `rule_class` is a code, `name` and `advice` are in the active language; `mark_id` is set for a
    protected mark.
    """

    rule_class: str
    name: str
    effect: TermEffect
    term: str
    place: TextPlace
    excerpt: str
    advice: str
    class_id: int
    mark_id: int | None = None

    @property
    def forbids(self) -> bool:
        """Whether a product with it may not go live."""
        return self.effect == TermEffect.FORBID


class Screener:
    """Screens any number of texts against what is in force on a Pacific day (None: today).

    `extra_classes` are screened for as well, published or not and whatever their days; with
    `only_extra` they alone. Costs one query, one more for the first hit of a class that is limited to
    categories, and a few when the terms changed.
    """

    def __init__(
        self,
        day: date | None = None,
        extra_classes: Iterable[RuleClass] = (),
        *,
        only_extra: bool = False,
    ) -> None:
        self._day = day or platform_time.today()
        self._libraries: list[tuple[Library, frozenset[int]]] = []
        extra = list(extra_classes)
        drafts = {one.pk for one in extra}
        if not only_extra:
            known = library()
            in_force = {pk for pk, one in known.classes.items() if one.in_force(self._day)}
            self._libraries.append((known, frozenset(in_force - drafts)))
        if extra:
            self._libraries.append((library_of(extra), frozenset(drafts)))

    def use(self, instead: Library) -> None:
        """Screen for the classes of one library, whatever their days, and for nothing else."""
        self._libraries = [(instead, frozenset(instead.classes))]

    def hits(self, text: ProductText) -> list[TermHit]:
        """Return the hits of one product, its title first."""
        return [
            hit
            for known, classes in self._libraries
            if classes
            for place, words in _places(text)
            for hit in self._found(known, classes, text, place, words)
        ]

    def _found(
        self,
        known: Library,
        classes: frozenset[int],
        text: ProductText,
        place: TextPlace,
        words: str,
    ) -> Iterator[TermHit]:
        for found in known.automaton.find(words, classes):
            rule_class = known.classes[found.entry.class_id]
            mark = known.marks.get(found.entry.mark_id or 0)
            if not self._holds(known, rule_class, mark, text.category_id, place):
                continue
            yield _hit(rule_class, mark, place, found)

    def _holds(
        self,
        known: Library,
        rule_class: RuleClass,
        mark: ProtectedMark | None,
        category_id: int,
        place: TextPlace,
    ) -> bool:
        """Tell whether a find counts: marks in titles and from their day, classes in their categories."""
        if rule_class.effect == TermEffect.PROTECTED_MARK and place != TextPlace.TITLE:
            return False
        if mark is not None and mark.starts_on > self._day:
            return False
        roots = known.roots.get(rule_class.pk)
        return not roots or any((root, category_id) in self._below for root in roots)

    @cached_property
    def _below(self) -> set[tuple[int, int]]:
        """Every (category a class is limited to, category below it)."""
        roots = {
            root
            for known, _classes in self._libraries
            for one in known.roots.values()
            for root in one
        }
        pairs = CategoryClosure.objects.filter(ancestor__in=roots)
        return set(pairs.values_list("ancestor_id", "descendant_id"))


def _places(text: ProductText) -> Iterator[tuple[TextPlace, str]]:
    yield TextPlace.TITLE, text.title
    yield TextPlace.KEYWORDS, BETWEEN.join(text.keywords)
    yield TextPlace.ATTRIBUTES, BETWEEN.join(_attributes(text.attributes))
    yield TextPlace.DESCRIPTION, text.description


def _attributes(attributes: Mapping[str, Sequence[str] | str]) -> Iterator[str]:
    for name, values in attributes.items():
        for value in (values,) if isinstance(values, str) else values:
            yield f"{name}: {value}"


def _hit(
    rule_class: RuleClass, mark: ProtectedMark | None, place: TextPlace, found: Found
) -> TermHit:
    return TermHit(
        rule_class=rule_class.code,
        name=rule_class.name,
        effect=TermEffect(rule_class.effect),
        term=found.entry.text if mark is None else mark.name,
        place=place,
        excerpt=found.excerpt,
        advice=rule_class.advice,
        class_id=rule_class.pk,
        mark_id=found.entry.mark_id,
    )


def screen_texts(
    texts: Iterable[ProductText],
    *,
    day: date | None = None,
    extra_classes: Iterable[RuleClass] = (),
) -> list[list[TermHit]]:
    """Return the hits of each product, in order (CMP-3); parameters as of `Screener`."""
    screener = Screener(day, extra_classes)
    return [screener.hits(text) for text in texts]


# --- Hits of live products ------------------------------------------------------------------------

_Key = tuple[int, int, str, str]
"""Product, class, term, place."""


def products_screened(texts: Iterable[ProductText], *, gone: Collection[str] = ()) -> int:
    """Keep the hits of live products as their words are now; return how many hits they have.

    `gone` are ids of products that are no longer live: their hits go, their open mark cases close. In
    the caller's transaction, after `gate.products_told`, whose rows it locks: whoever screens a product
    second has read its words second. A constant number of statements per 2,000 products.
    """
    count = 0
    with unscoped(), transaction.atomic(savepoint=False):
        screener = Screener()
        for chunk in chunks(texts):
            count += _keep({text.product_id: screener.hits(text) for text in chunk})
        for ids in chunks(gone):
            _keep({product_id: [] for product_id in ids})
    return count


def _keep(hits: dict[str, list[TermHit]]) -> int:
    """Make the stored hits and mark cases of these products what was found now."""
    locked = GatedProduct.objects.filter(product_id__among=hits).order_by("pk")
    rows = list(locked.select_for_update().values_list("pk", "product_id", "seller_id", "title"))
    products = {pk: Titled(seller_id, title) for pk, _id, seller_id, title in rows}
    found = {pk: hits[product_id] for pk, product_id, _seller, _title in rows}
    _replace(products, found)
    mark_cases_follow(
        products=products,
        found={pk: marks for pk, these in found.items() if (marks := _marks(these))},
    )
    return sum(map(len, hits.values()))


def _marks(hits: Iterable[TermHit]) -> set[int]:
    return {hit.mark_id for hit in hits if hit.mark_id is not None}


def _replace(products: Collection[int], found: Mapping[int, list[TermHit]]) -> None:
    wanted: dict[_Key, str] = {}
    for pk, hits in found.items():
        for hit in hits:
            if hit.mark_id is None:
                key = (pk, hit.class_id, hit.term[:MAX_TERM], hit.place.value)
                wanted.setdefault(key, hit.excerpt[:MAX_EXCERPT])
    names = ("product_id", "rule_class_id", "term", "place")
    stored = ProductHit.objects.filter(product_id__among=products)
    stale = []
    for row, *key, excerpt in stored.values_list("pk", *names, "excerpt"):
        if wanted.get(tuple(key)) == excerpt:
            del wanted[tuple(key)]
        else:
            stale.append(row)
    if stale:
        ProductHit.objects.filter(pk__among=stale).delete()
    insert_rows(
        ProductHit,
        [
            {**dict(zip(names, key, strict=True)), "excerpt": excerpt}
            for key, excerpt in wanted.items()
        ],
    )
