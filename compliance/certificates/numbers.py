"""Numbers of certificates: one spelling for comparing, and what is wrong with one; pure (EPR-5).

How a country's numbers look, which mistakes are usual and what their codes mean is data: the rulebook
`compliance.epr`. A sure contradiction is a problem; a doubt is a warning that reviewers read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from compliance.choices import EprCategory
from compliance.epr.schema import EprRules, NumberCode, NumberFormat

MIN_LENGTH, MAX_LENGTH = 2, 64
"""Characters of a normalised number."""
MAX_TYPED = 80


@dataclass(frozen=True)
class NumberProblem:
    """Why a number is refused, and what it probably is instead."""

    message: str
    hints: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The message with its hints, as one text for a form or the API."""
        return " ".join((self.message, *self.hints))


@dataclass(frozen=True)
class CheckedNumber:
    """A normalised number, what is wrong with it, and what reviewers should look at."""

    number: str
    problem: NumberProblem | None = None
    warnings: tuple[str, ...] = ()


def normalised_number(typed: str) -> str:
    """Return a number as it is compared: capitals, full-width signs folded, no separators.

    Spaces, dashes and dots of any script go, invisible signs too; an underscore, a slash and
    brackets stay: `"ｄｅ 1234-5678 "` → `"DE12345678"`. Digits of any script are the same number.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).upper())
    return "".join(_plain_digit(sign) for sign in folded if not _separates(sign))


def _plain_digit(sign: str) -> str:
    # A pattern's \d takes Arabic and Indic digits too: they would be another number to every comparison.
    return str(unicodedata.decimal(sign, sign))


def _separates(sign: str) -> bool:
    # Zs/Zl/Zp spaces, Cc/Cf invisible signs, Pd dashes.
    return sign in ".·・。−⁄" or unicodedata.category(sign) in {"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"}


def check_number(
    rules: EprRules, country: str, category: str, typed: str, issued_on: date | None
) -> CheckedNumber:
    """Check the number of an EPR registration (EPR-5).

    `category` is an `EprCategory`; codes inside a number are judged by the issue date, all of them
    hold without one. Every hint of the country that fits a wrong number is given.
    """
    number = normalised_number(typed)
    expected = rules.number_format(country, category)
    if expected is None:
        text = _("The portal does not know numbers of this country and category.")
        return CheckedNumber(number, NumberProblem(text))
    found = re.fullmatch(expected.pattern, number)
    if found is None:
        message = _("This is not a %(name)s. It looks like %(example)s.") % {
            "name": expected.name,
            "example": expected.example,
        }
        hints = tuple(_hints(rules, expected, country, number))
        return CheckedNumber(number, NumberProblem(message, hints))
    warnings = tuple(_look_alikes(rules, expected, category, number))
    if not found.groups():
        return CheckedNumber(number, None, warnings)
    code = found.group(1)
    problem, doubt = _check_code(_codes(rules, country, code, issued_on), code, category)
    return CheckedNumber(number, problem, (*warnings, *doubt))


def check_other_number(typed: str) -> CheckedNumber:
    """Check the number of a certificate that is no EPR registration: only that it can be one."""
    number = normalised_number(typed)
    if not MIN_LENGTH <= len(number) <= MAX_LENGTH:
        message = _("A number has %(least)d to %(most)d letters and digits.") % {
            "least": MIN_LENGTH,
            "most": MAX_LENGTH,
        }
        return CheckedNumber(number, NumberProblem(message))
    if not any(sign.isdigit() for sign in number):
        return CheckedNumber(number, NumberProblem(_("A number has at least one digit.")))
    return CheckedNumber(number)


# --- Why it does not fit ------------------------------------------------------------------------


def _hints(rules: EprRules, expected: NumberFormat, country: str, number: str) -> Iterator[str]:
    for hint in rules.hints:
        if hint.country == country and re.search(hint.pattern, number):
            yield hint.text
    inside = re.search(expected.pattern.removeprefix("^").removesuffix("$"), number)
    if inside is not None and len(number) > len(inside[0]) and not _goes_on(number, inside):
        yield _("Give the number alone: %(number)s.") % {"number": inside[0]}


def _goes_on(number: str, inside: re.Match[str]) -> bool:
    """Tell whether the digits go on where the match ends: then it is another number, cut short."""
    return number[inside.end() :][:1].isalnum()


# --- What fits, but may be another's ------------------------------------------------------------


def _look_alikes(
    rules: EprRules, expected: NumberFormat, category: str, number: str
) -> Iterator[str]:
    """Yield a warning for each other kind of number of the country that looks the same."""
    for other in rules.numbers:
        same = other.country == expected.country and other != expected
        if same and category not in other.categories and re.fullmatch(other.pattern, number):
            yield _("A number of this look can also be a %(name)s: compare it with the file.") % {
                "name": other.name
            }


def _codes(rules: EprRules, country: str, code: str, issued_on: date | None) -> list[NumberCode]:
    """Return what the rulebook says of a code on the issue date."""
    return [
        row
        for row in rules.codes
        if (row.country, row.code) == (country, code)
        and (
            issued_on is None
            or (
                (row.since is None or row.since <= issued_on)
                and (row.until is None or issued_on <= row.until)
            )
        )
    ]


def _check_code(
    rows: list[NumberCode], code: str, category: str
) -> tuple[NumberProblem | None, tuple[str, ...]]:
    """Return the problem of a code that names another category for sure, or what is doubtful."""
    if not rows:
        text = _("The code %(code)s inside the number is none that was in use on the issue date.")
        return None, (text % {"code": code},)
    if any(category in row.categories for row in rows):
        return None, ()
    named = _names(category for row in rows for category in row.categories)
    if any(row.sure for row in rows):
        text = _(
            "The code %(code)s inside this number stands for: %(named)s. You chose: %(chosen)s."
        )
        chosen = EprCategory(category).label
        values = {"code": code, "named": named, "chosen": chosen}
        hint = _("Numbers of different categories never stand for each other.")
        return NumberProblem(text % values, (hint,)), ()
    text = _("The code %(code)s inside the number seems to stand for: %(named)s.")
    return None, (text % {"code": code, "named": named or _("another category")},)


def _names(categories: Iterator[EprCategory]) -> str:
    return ", ".join(dict.fromkeys(str(EprCategory(one).label) for one in categories))
