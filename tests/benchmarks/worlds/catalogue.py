"""A tree of 5,000 leaf categories with the attributes of their groups, and words as titles have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from portal.choices import AttributeType
from portal.models import Attribute, Category, CategoryAttribute, CategoryClosure

INDUSTRIES, GROUPS, LEAVES = 20, 10, 25
"""20 × 10 × 25 = 5,000 leaves."""
ATTRIBUTES, OFFERED, VALUES = 40, 8, 12
VOCABULARY = 6_000


@dataclass(frozen=True)
class Tree:
    """Primary keys and codes of the categories; leaves are numbered from 0."""

    leaf_pk: np.ndarray
    leaf_code: list[str]
    group_code: list[str]
    industry_code: list[str]


def category_rows() -> Iterator[tuple[int, str, int | None, int, bool]]:
    """Yield (pk, code, parent pk, depth, is leaf), parents first."""
    pk = 0
    for industry in range(INDUSTRIES):
        pk += 1
        top = pk
        yield top, f"i{industry}", None, 0, False
        for group in range(GROUPS):
            pk += 1
            middle = pk
            yield middle, f"i{industry}g{group}", top, 1, False
            for leaf in range(LEAVES):
                pk += 1
                yield pk, f"i{industry}g{group}l{leaf}", middle, 2, True


def tree() -> Tree:
    """Return the keys of the tree."""
    rows = list(category_rows())
    leaves = [row for row in rows if row[4]]
    return Tree(
        np.array([row[0] for row in leaves]),
        [row[1] for row in leaves],
        [row[1] for row in rows if row[3] == 1],
        [row[1] for row in rows if row[3] == 0],
    )


def attributes_of(leaf: int) -> list[int]:
    """Return the eight attributes a leaf's group offers."""
    return [(leaf // LEAVES * 3 + place * 5) % ATTRIBUTES for place in range(OFFERED)]


def value_text(attribute: int, value: int) -> str:
    """Return a value as the catalogue spells it."""
    return f"Value {attribute}-{value}"


def word(number: int) -> str:
    """Return a word of the vocabulary; every 20th is Chinese."""
    if number % 20 == 7:
        return chr(0x4E00 + number % 2000) + chr(0x5200 + number % 1500)
    return f"w{number:x}k"


def zipf(count: int, exponent: float) -> np.ndarray:
    """Return the cumulated shares of `count` things, the n-th as frequent as 1 / n ** exponent."""
    weights = 1.0 / np.arange(1, count + 1) ** exponent
    return np.cumsum(weights / weights.sum())


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
