"""Testing terms against live products before they are published (CMP-3); writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from compliance.goods.term_lists import TermLine
from compliance.matching.automaton import Automaton, Entry
from compliance.matching.library import Library
from compliance.models import GatedProduct, RuleClass
from compliance.services.gated_products import chunks, product_source
from compliance.services.screening import ProductText, Screener, TermHit
from portal import platform_time
from portal.scoping import unscoped

MOST_PRODUCTS = 200_000
MOST_TIME = timedelta(seconds=20)
"""A page waits no longer; the answer then says how far it came."""
EXAMPLES = 5
"""Products shown per term."""


@dataclass(frozen=True)
class Example:
    """A product a term is found in."""

    product_id: str
    shop: str
    title: str
    place: str
    excerpt: str


@dataclass
class TermCount:
    """How often a term is found, and where for instance."""

    term: str
    products: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass
class LiveTest:
    """What terms would find in live products.

    `complete` is false when the test stopped at its limit of time or products; the figures then speak
    of the `screened` ones only.
    """

    screened: int = 0
    products: int = 0
    shops: int = 0
    complete: bool = True
    terms: list[TermCount] = field(default_factory=list)


def live_test(
    *,
    rule_class: RuleClass,
    lines: Iterable[TermLine] | None = None,
    most_products: int = MOST_PRODUCTS,
    most_time: timedelta = MOST_TIME,
) -> LiveTest:
    """Screen all live products for a class as if it held today, or for `lines` put into it instead.

    Streams the products in chunks of 2,000, memory stays flat. Terms found most often come first.
    """
    screener = _screener(rule_class, lines)
    until = platform_time.wall_clock() + most_time
    result = LiveTest()
    counts: Counter[str] = Counter()
    shown: dict[str, list[tuple[ProductText, TermHit]]] = {}
    shops: set[int] = set()
    for chunk in _chunks(most_products, result):
        if platform_time.wall_clock() >= until:
            result.complete = False
            break
        hit_ids = []
        for text in chunk:
            hits = screener.hits(text)
            if hits:
                hit_ids.append(text.product_id)
            for hit in {hit.term: hit for hit in reversed(hits)}.values():
                counts[hit.term] += 1
                if len(shown.setdefault(hit.term, [])) < EXAMPLES:
                    shown[hit.term].append((text, hit))
        result.screened += len(chunk)
        result.products += len(hit_ids)
        shops |= _shops(hit_ids)
    result.shops = len(shops)
    result.terms = _terms(counts, shown)
    return result


def _screener(rule_class: RuleClass, lines: Iterable[TermLine] | None) -> Screener:
    screener = Screener(extra_classes=[rule_class], only_extra=True)
    if lines is not None:
        excuses = rule_class.terms.filter(excuse=True).values_list("text", flat=True)
        entries = [Entry(rule_class.pk, line.text, line.excuse) for line in lines]
        entries += [Entry(rule_class.pk, text, excuse=True) for text in excuses]
        screener.use(
            Library(
                {rule_class.pk: rule_class},
                {rule_class.pk: frozenset(rule_class.categories.values_list("pk", flat=True))},
                automaton=Automaton(entries),
            )
        )
    return screener


def _chunks(most: int, result: LiveTest) -> Iterator[list[ProductText]]:
    """Yield live products in chunks up to the limit, and say when there were more."""
    for chunk in chunks(product_source().texts(None)):
        room = most - result.screened
        if room < len(chunk):
            result.complete = False
            if room:
                yield chunk[:room]
            return
        yield chunk


def _shops(product_ids: list[str]) -> set[int]:
    if not product_ids:
        return set()
    with unscoped():
        known = GatedProduct.objects.filter(product_id__in=product_ids).order_by()
        return set(known.values_list("seller_id", flat=True).distinct())


def _terms(
    counts: Counter[str], shown: dict[str, list[tuple[ProductText, TermHit]]]
) -> list[TermCount]:
    ids = {text.product_id for examples in shown.values() for text, _hit in examples}
    with unscoped():
        rows = GatedProduct.objects.filter(product_id__in=ids).order_by()
        shops = dict(rows.values_list("product_id", "seller__member_id"))
    return [
        TermCount(
            term,
            count,
            [
                Example(
                    text.product_id,
                    shops.get(text.product_id, ""),
                    text.title,
                    str(hit.place.label),
                    hit.excerpt,
                )
                for text, hit in shown[term]
            ],
        )
        for term, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
