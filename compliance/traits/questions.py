"""What the seller is asked about a product, in plain words, and what the answers mean (EPR-2). Pure.

A rulebook says which categories countries ask for; this says how to ask. A category without words of
its own is asked for by its name, so that a new rulebook needs no new page.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import EprCategory
from compliance.epr.schema import EprRules, Requirement
from compliance.rules import needed

Text = str | Promise


@dataclass(frozen=True)
class Words:
    """How a category is asked for: the question, what a yes looks like, and what to keep in mind."""

    question: Text
    examples: Text = ""
    note: Text = ""


# The examples are the briefings': earphones, data cable, clothes and shoes, toy car.
WORDS: dict[EprCategory, Words] = {
    EprCategory.PACKAGING: Words(
        # Translators: 商品含有包装
        gettext_lazy("Does it come in packaging?"),
        gettext_lazy("Box, bag, shipping carton, shipping label, tape and printed instructions."),
        gettext_lazy("Nearly every product does; only goods shipped wholly bare do not."),
    ),
    EprCategory.ELECTRICAL: Words(
        # Translators: 商品具备电路结构、通电的产品
        gettext_lazy("Has it a circuit, or does it run on current?"),
        gettext_lazy("Bluetooth earphones, a phone data cable, a lamp, an electric toy car."),
    ),
    EprCategory.BATTERY: Words(
        # Translators: 商品含有内置电池
        gettext_lazy("Does it contain a battery?"),
        gettext_lazy("Bluetooth earphones, a toy car with a lithium battery. Not a data cable."),
    ),
    EprCategory.FURNITURE: Words(
        # Translators: 商品属于家具
        gettext_lazy("Is it furniture?"),
        gettext_lazy("Sofas, tables, chairs; for homes and for professional use."),
    ),
    EprCategory.TYRE: Words(
        # Translators: 商品属于轮胎
        gettext_lazy("Is it a tyre?"),
        gettext_lazy("For cars, farm vehicles and heavy machines."),
    ),
    EprCategory.PAPER: Words(
        # Translators: 商品属于印刷纸（克重小于224 g/m²）
        gettext_lazy("Is it printed paper lighter than 224 g/m²?"),
        gettext_lazy("Magazines, posters, wallpaper, gift cards, letter paper, envelopes."),
        # Translators: 年印刷纸出货量低于5吨的卖家无需注册此品类
        gettext_lazy("You ship less than 5 tonnes a year? Then nothing is to register: answer no."),
    ),
    EprCategory.TEXTILE: Words(
        # Translators: 商品属于纺织：服装纺织品、家用亚麻制品及鞋靴
        gettext_lazy("Is it clothing, household linen or footwear?"),
        gettext_lazy("Trousers, bed sheets, bedspreads, shoes."),
    ),
}


@dataclass(frozen=True)
class Question:
    """One question of the wizard; `countries` are those that ask for the category."""

    category: EprCategory
    words: Words
    countries: tuple[str, ...]


def questions_of(rules: EprRules) -> list[Question]:
    """Return what a product is asked under a rulebook, in the standard order of categories (EPR-2)."""
    return [
        Question(category, _words(category), _asking(rules, category))
        for category in rules.categories
    ]


def _words(category: EprCategory) -> Words:
    plain = _("Does it belong to: %(category)s?") % {"category": category.label}
    return WORDS.get(category) or Words(plain)


def _asking(rules: EprRules, category: EprCategory) -> tuple[str, ...]:
    return tuple(c for c in rules.countries if rules.requirement(c, category) is not None)


def mask_asked(rules: EprRules) -> int:
    """Return the bits of all categories any country asks for."""
    return sum(category.bit for category in rules.categories)


def needs_by_country(rules: EprRules, traits: int) -> list[tuple[str, list[Requirement]]]:
    """Return each country of the table with what it asks of a product with these traits (EPR-2)."""
    return [(country, needed(rules, traits, country)) for country in rules.countries]


def names_of(traits: int) -> list[str]:
    """Return the names of the categories in a mask, in the standard order."""
    return [str(category.label) for category in EprCategory if traits & category.bit]
