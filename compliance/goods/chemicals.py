"""Whether a product may be on sale as a chemical: CAS number, category and licence agree (CMP-4); pure.

三要素一致: what the licence allows, the category, and the CAS number of the product are about the same
substance. `ChemicalRules` holds what was read; each mismatch is a problem of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _
from stdnum import casrn

from compliance.choices import ChemicalListing

CAS_MISSING, CAS_INVALID = "cas_missing", "cas_invalid"
FORBIDDEN, NOT_ADMITTED = "chemical_forbidden", "chemical_not_admitted"
NO_LICENCE, LICENCE_CATEGORY = "licence_missing", "licence_category"
WRONG_CATEGORY = "chemical_category"


@dataclass(frozen=True)
class ChemicalProblem:
    """Why a product may not be live: a stable code, the field it is about, and what to do."""

    code: str
    field: str
    message: str


@dataclass(frozen=True)
class Substance:
    """A chemical of the lists; `categories` are those it may be listed in, none means any."""

    cas: str
    name: str
    listing: str
    starts_on: date
    categories: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Licence:
    """A verified licence of the seller's own: what it allows, and where if it is limited."""

    number: str
    cas_numbers: frozenset[str]
    scope: str = ""
    categories: frozenset[int] | None = None

    def names(self, cas: str) -> bool:
        """Tell whether the licence names a CAS number, in its list or in the words of its scope."""
        return cas in self.cas_numbers or cas in numbers_in(self.scope)


@dataclass(frozen=True)
class ChemicalRules:
    """What holds for one seller's products on a day; categories are primary keys, subtrees included."""

    day: date
    categories: frozenset[int] = frozenset()
    substances: dict[str, Substance] = field(default_factory=dict)
    admitted: bool = False
    licences: tuple[Licence, ...] = ()

    def substance(self, cas: str) -> Substance | None:
        """Return the substance of a CAS number when it is on a list that holds."""
        found = self.substances.get(cas)
        return found if found is not None and found.starts_on <= self.day else None

    def problems(self, category_id: int, cas: str) -> list[ChemicalProblem]:
        """Return everything that keeps a product of a category with a CAS number from being live."""
        cas = cas.strip()
        if category_id in self.categories:
            if not cas:
                return [_problem(CAS_MISSING, "cas", _("This category needs a CAS number."))]
            if not is_cas(cas):
                message = _("“%(cas)s” is no valid CAS number: its check digit does not fit.")
                return [_problem(CAS_INVALID, "cas", message % {"cas": cas})]
        found = self.substance(cas)
        if found is None:
            return []
        if found.listing == ChemicalListing.FORBIDDEN:
            message = _("%(name)s (%(cas)s) may not be offered.")
            return [_problem(FORBIDDEN, "cas", message % _names(found))]
        return [*self._agreement(found, category_id), *self._permission(found, category_id)]

    def _agreement(self, found: Substance, category_id: int) -> list[ChemicalProblem]:
        if not found.categories or category_id in found.categories:
            return []
        message = _("%(name)s (%(cas)s) belongs in another category.")
        return [_problem(WRONG_CATEGORY, "category", message % _names(found))]

    def _permission(self, found: Substance, category_id: int) -> list[ChemicalProblem]:
        names = _names(found)
        if not self.admitted:
            message = _(
                "%(name)s (%(cas)s) is restricted: your shop needs the chemicals admission."
            )
            return [_problem(NOT_ADMITTED, "cas", message % names)]
        naming = [licence for licence in self.licences if licence.names(found.cas)]
        if not naming:
            message = _("No verified licence of your own names %(name)s (%(cas)s).")
            return [_problem(NO_LICENCE, "cas", message % names)]
        if any(one.categories is None or category_id in one.categories for one in naming):
            return []
        message = _("Licence %(number)s allows %(name)s (%(cas)s), but not in this category.")
        number = ", ".join(one.number for one in naming)
        return [_problem(LICENCE_CATEGORY, "category", message % {**names, "number": number})]


def _problem(code: str, name: str, message: str) -> ChemicalProblem:
    return ChemicalProblem(code, name, message)


def _names(found: Substance) -> dict[str, str]:
    return {"name": found.name, "cas": found.cas}


def is_cas(text: str) -> bool:
    """Tell whether a text is a CAS number with the right check digit: `7732-18-5`."""
    return bool(_CAS.fullmatch(text)) and casrn.is_valid(text)


_CAS = re.compile(r"[1-9][0-9]{1,6}-[0-9]{2}-[0-9]")
_CAS_IN_TEXT = re.compile(r"(?<![0-9-])[1-9][0-9]{1,6}-[0-9]{2}-[0-9](?![0-9-])")


def numbers_in(text: str) -> set[str]:
    """Return the valid CAS numbers that stand in a text."""
    return {number for number in _CAS_IN_TEXT.findall(text) if casrn.is_valid(number)}
