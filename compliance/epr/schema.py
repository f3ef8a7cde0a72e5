"""What a rulebook of EPR says: who needs which number when, how it looks, what it obliges to (EPR-1 … EPR-9)."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, field_validator, model_validator

from compliance.choices import EprCategory
from portal.bilingual import reads_chinese
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

EPR = "compliance.epr"

Country = str
"""ISO 3166-1 alpha-2."""


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


class Bilingual(RulebookContent):
    """A text in both languages."""

    text_en: str
    text_zh: str

    @property
    def text(self) -> str:
        """The text in the active language."""
        return self.text_zh if reads_chinese() else self.text_en


class Due(RulebookContent):
    """A day on which a declaration is due: every month, or once a year.

    `period` says what is declared: the month before, the half-year before, the year before or the
    year after the due day. A monthly due has no `month`.
    """

    day: int = Field(ge=1, le=31)
    month: int | None = Field(default=None, ge=1, le=12)
    period: Literal["month_before", "half_year_before", "year_before", "year_after"]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.month is None) != (self.period == "month_before"):
            raise ValueError("a monthly due, and only it, declares the month before")
        if self.month is not None:
            date(2022, self.month, self.day)  # every year has it
        elif self.day > 28:
            raise ValueError("every month must have the day")
        return self


class Requirement(RulebookContent):
    """A country asks for the number of a category: by law from a day, at the gate from another.

    `interrupts_on`: trade without the number is blocked from 00:00 Pacific of that day; without it
    the gate only warns. `weeks` is how long a registration takes, at least and at most.
    """

    country: Country = Field(pattern=r"^[A-Z]{2}$")
    category: EprCategory
    law_from: date
    interrupts_on: date | None = None
    weeks: tuple[int, int]
    dues: list[Due] = []

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.weeks[0] <= self.weeks[1]:
            raise ValueError("weeks are a least and a most")
        if self.interrupts_on is not None and self.interrupts_on < self.law_from:
            raise ValueError("trade is not interrupted before the law is in force")
        return self


class NumberFormat(RulebookContent):
    """How the number of a country and some of its categories looks once normalised (EPR-5)."""

    country: Country
    categories: list[EprCategory] = []
    """None named: all of the country."""
    name_en: str
    name_zh: str
    pattern: str
    example: str

    _pattern = field_validator("pattern")(_is_pattern)

    @model_validator(mode="after")
    def _example_fits(self) -> Self:
        if not re.fullmatch(self.pattern, self.example):
            raise ValueError("the example does not fit the pattern")
        return self

    @property
    def name(self) -> str:
        """What the number is called, in the active language."""
        return self.name_zh if reads_chinese() else self.name_en


class NumberHint(Bilingual):
    """A usual mistake: what a wrong number that fits the pattern probably is (EPR-5)."""

    country: Country
    pattern: str

    _pattern = field_validator("pattern")(_is_pattern)


class NumberCode(RulebookContent):
    """A code inside a country's numbers that names the category (EPR-5).

    The code is the first group of the format's pattern. One that is `sure` and contradicts the
    category is a mistake; else reviewers are warned. `since`/`until`: issue dates for which it holds.
    """

    country: Country
    code: str
    categories: list[EprCategory] = []
    """None named: a category the portal does not ask for."""
    sure: bool = False
    since: date | None = None
    until: date | None = None


class ReviewRules(RulebookContent):
    """How certificates are reviewed (EPR-7, EPR-8)."""

    due_working_days: int = Field(ge=1)
    two_person: bool = False
    auto_verify: bool = False
    auto_verify_similarity: int = Field(default=95, ge=50, le=100)


class EprRules(RulebookContent):
    """Content of `compliance.epr`."""

    review: ReviewRules
    requirements: list[Requirement]
    numbers: list[NumberFormat]
    hints: list[NumberHint] = []
    codes: list[NumberCode] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        pairs = [(row.country, row.category) for row in self.requirements]
        if len(pairs) != len(set(pairs)):
            raise ValueError("a country asks for a category once")
        lacking = [pair for pair in pairs if self.number_format(*pair) is None]
        if lacking:
            raise ValueError(f"no number format for {lacking[0][0]} {lacking[0][1]}")
        return self

    @property
    def countries(self) -> list[Country]:
        """Countries in the order of the table."""
        return list(dict.fromkeys(row.country for row in self.requirements))

    @property
    def categories(self) -> list[EprCategory]:
        """Categories that any country asks for, in their standard order."""
        asked = {row.category for row in self.requirements}
        return [category for category in EprCategory if category in asked]

    def requirement(self, country: Country, category: str) -> Requirement | None:
        """Return what a country asks of a category; none when it asks nothing."""
        for row in self.requirements:
            if (row.country, row.category) == (country, category):
                return row
        return None

    def number_format(self, country: Country, category: str) -> NumberFormat | None:
        """Return how the number looks; none when the portal does not know."""
        for row in self.numbers:
            if row.country == country and (not row.categories or category in row.categories):
                return row
        return None


register_rulebook_module(EPR, EprRules)
register_rulebook_words(
    {
        "review": pgettext_lazy("rulebook", "Review"),
        "due_working_days": pgettext_lazy("rulebook", "Decided within working days"),
        "two_person": pgettext_lazy("rulebook", "Two reviewers decide"),
        "auto_verify": pgettext_lazy("rulebook", "Verified when found in a register"),
        "auto_verify_similarity": pgettext_lazy("rulebook", "… with a name similar by (%)"),
        "requirements": pgettext_lazy("rulebook", "What countries ask for"),
        "country": pgettext_lazy("rulebook", "Country"),
        "category": pgettext_lazy("rulebook", "Category"),
        "law_from": pgettext_lazy("rulebook", "Law in force from"),
        "interrupts_on": pgettext_lazy("rulebook", "Trade interrupted from"),
        "weeks": pgettext_lazy("rulebook", "Weeks to register (least, most)"),
        "dues": pgettext_lazy("rulebook", "Declarations"),
        "day": pgettext_lazy("rulebook", "Day"),
        "month": pgettext_lazy("rulebook", "Month"),
        "period": pgettext_lazy("rulebook", "Period declared"),
        "month_before": pgettext_lazy("rulebook", "The month before"),
        "half_year_before": pgettext_lazy("rulebook", "The half-year before"),
        "year_before": pgettext_lazy("rulebook", "The year before"),
        "year_after": pgettext_lazy("rulebook", "The year to come"),
        "numbers": pgettext_lazy("rulebook", "Numbers"),
        "categories": pgettext_lazy("rulebook", "Categories"),
        "name": pgettext_lazy("rulebook", "Name"),
        "pattern": pgettext_lazy("rulebook", "Pattern"),
        "example": pgettext_lazy("rulebook", "Example"),
        "hints": pgettext_lazy("rulebook", "Usual mistakes"),
        "text": pgettext_lazy("rulebook", "Text"),
        "codes": pgettext_lazy("rulebook", "Codes inside numbers"),
        "code": pgettext_lazy("rulebook", "Code"),
        "sure": pgettext_lazy("rulebook", "Sure"),
        "since": pgettext_lazy("rulebook", "Since"),
        "until": pgettext_lazy("rulebook", "Until"),
        **{category.value: category.label for category in EprCategory},
    }
)
