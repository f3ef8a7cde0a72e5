"""What a product needs where, and what the gate says when it lacks it: values in, values out (EPR-1, EPR-2).

Traits are masks of `EprCategory.bit`; an instant is judged by its Pacific day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from compliance.choices import EprCategory, GateDecision
from compliance.epr.schema import EprRules, Requirement
from portal.platform_time import start_of

BITS: dict[str, int] = {category.value: category.bit for category in EprCategory}
ALL_TRAITS = sum(BITS.values())
"""The mask of every category there is."""
FALLBACK_TRAITS = BITS[EprCategory.PACKAGING]
"""Assumed where nobody said anything: nearly every product has packaging (EPR-2)."""

_SEVERITY = {GateDecision.ALLOWED: 0, GateDecision.WARN: 1, GateDecision.BLOCKED: 2}


def mask_of(codes: Iterable[str]) -> int:
    """Return the mask of EPR category codes; `ValueError` for one that does not exist."""
    mask = 0
    for code in codes:
        if code not in BITS:
            raise ValueError(f"no EPR category {code!r}")
        mask |= BITS[code]
    return mask


def codes_of(mask: int) -> list[str]:
    """Return the codes of a mask in their standard order."""
    return [code for code, bit in BITS.items() if mask & bit]


def needed(rules: EprRules, traits: int, country: str) -> list[Requirement]:
    """Return what a country asks of a product with these traits, in the order of the table.

    Whether the law is in force yet is another question: `decision_without`.
    """
    return [
        row
        for row in rules.requirements
        if row.country == country and traits & BITS[row.category.value]
    ]


def interrupts_at(requirement: Requirement) -> datetime | None:
    """Return the first instant at which trade without the number is blocked; none if it only warns."""
    if requirement.interrupts_on is None:
        return None
    return start_of(requirement.interrupts_on)


def decision_without(requirement: Requirement, at: datetime) -> GateDecision:
    """Return what the gate says at an instant to a product that lacks the number (EPR-11)."""
    interrupted = interrupts_at(requirement)
    if interrupted is not None and at >= interrupted:
        return GateDecision.BLOCKED
    return GateDecision.WARN if at >= start_of(requirement.law_from) else GateDecision.ALLOWED


def worst(decisions: Iterable[GateDecision]) -> GateDecision:
    """Return the strictest of some decisions; allowed when there are none."""
    return max(decisions, key=_SEVERITY.__getitem__, default=GateDecision.ALLOWED)


def sells_to(countries: str, country: str) -> bool:
    """Tell whether a product's stored `countries` (empty or `,DE,FR,`) include a country."""
    return not countries or f",{country}," in countries
