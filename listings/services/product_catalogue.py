"""What the categories of many products allow, read in a constant number of queries (K-12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from rapidfuzz import fuzz, process, utils

from listings.matching.text import canonical_value
from portal.bilingual import reads_chinese
from portal.choices import AttributeType
from portal.models import Category, CategoryClosure

MAX_HINTS = 50
"""Unknown category codes per chunk that are compared with all known ones."""


@dataclass(frozen=True)
class Offer:
    """A system attribute as a category offers it; `values` are the allowed texts, in their order."""

    code: str
    type: str
    name_en: str = ""
    name_zh: str = ""
    unit: str = ""
    values: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name in the active language."""
        return self.name_zh if self.name_zh and reads_chinese() else self.name_en

    @property
    def is_closed(self) -> bool:
        """Whether only the listed values are allowed."""
        return bool(self.values) and self.type in (AttributeType.SELECT, AttributeType.MULTI)

    @cached_property
    def _spelling(self) -> Mapping[str, str]:
        """Canonical form of each allowed value → the first value the catalogue spells so."""
        return {canonical_value(value): value for value in reversed(self.values)}

    def spelled(self, value: str) -> str | None:
        """Return an allowed value as the catalogue spells it, the very text first; None if unknown."""
        return value if value in self.values else self._spelling.get(canonical_value(value))

    def as_stored(self, value: str) -> str:
        """Return a value as it would be stored: the catalogue's spelling, numbers in plain form."""
        if self.is_closed:
            return self.spelled(value) or value
        return canonical_value(value) if self.type == AttributeType.NUMBER else value


@dataclass
class Catalogue:
    """Categories by code, and what each offers (its own attributes before inherited ones)."""

    categories: dict[str, Category] = field(default_factory=dict)
    offers: dict[str, dict[str, Offer]] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, codes: Iterable[str]) -> Catalogue:
        """Read the categories with these codes and the attributes they offer; two queries."""
        categories = {one.code: one for one in Category.objects.filter(code__in=set(codes))}
        offers: dict[str, dict[str, Offer]] = {code: {} for code in categories}
        if categories:
            known: dict[int, Offer] = {}
            for descendant, row in _offered_rows([one.pk for one in categories.values()]):
                offer = known.setdefault(row[0], _offer(row))
                offers[descendant].setdefault(offer.code, offer)
        return cls(categories, offers)

    def spelled(
        self, category: str, attributes: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """Return typed attribute values as saving would spell them; unknown ones as they are."""
        offers = self.offers.get(category, {})
        return {
            code: [offers[code].as_stored(value) for value in values]
            if code in offers
            else [*values]
            for code, values in attributes.items()
        }

    @cached_property
    def all_codes(self) -> list[str]:
        """Codes of every leaf; read only to suggest one."""
        return list(Category.objects.filter(is_leaf=True).values_list("code", flat=True))

    def nearest_categories(self, code: str) -> list[str]:
        """Return the codes most like an unknown one; remembered, and for the first few only."""
        if code not in self.hints:
            wanted = len(self.hints) < MAX_HINTS
            self.hints[code] = nearest(code, self.all_codes) if wanted else []
        return self.hints[code]

    def blocked(self, category: Category, day: date) -> bool:
        """Tell whether nothing may be published in a category on a Pacific day (K-12)."""
        return category.prohibited or category.is_suspended(day)


def offers_of(category: Category) -> list[Offer]:
    """Return the system attributes a category offers, in the order the form shows them."""
    return list(Catalogue.load([category.code]).offers.get(category.code, {}).values())


def _offered_rows(category_ids: list[int]) -> Iterable[tuple[str, tuple]]:
    """Yield (category code, offer columns) of each category, the nearest ancestor first."""
    pairs = CategoryClosure.objects.filter(
        descendant__in=category_ids, ancestor__category_attributes__isnull=False
    )
    rows = pairs.order_by(
        "descendant", "distance", "ancestor__category_attributes__position",
        "ancestor__category_attributes__pk",
    ).values_list(
        "descendant__code",
        "ancestor__category_attributes__pk",
        "ancestor__category_attributes__attribute__code",
        "ancestor__category_attributes__attribute__type",
        "ancestor__category_attributes__attribute__name_en",
        "ancestor__category_attributes__attribute__name_zh",
        "ancestor__category_attributes__attribute__unit",
        "ancestor__category_attributes__values",
    )  # fmt: skip
    for descendant, *row in rows.iterator(chunk_size=5000):
        yield descendant, tuple(row)


def _offer(row: tuple) -> Offer:
    _pk, code, kind, name_en, name_zh, unit, values = row
    return Offer(code, kind, name_en, name_zh, unit, tuple(str(value) for value in values or ()))


def nearest(word: str, choices: Iterable[str], limit: int = 3) -> list[str]:
    """Return up to `limit` of the choices that look most like a word, best first."""
    found = process.extract(
        str(word)[:200],
        list(choices),
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        limit=limit,
        score_cutoff=55,
    )
    return [choice for choice, _score, _index in found]
