"""Names of registrations in the reader's language, and in both (K-18)."""

from __future__ import annotations

from functools import cache

from compliance.choices import EprCategory
from portal.bilingual import in_both
from portal.country_names import country_name


def registration_text(country: str, category: str) -> str:
    """Name a registration in the active language: `Germany · Batteries`."""
    return f"{country_name(country)} · {EprCategory(category).label}"


@cache
def registration_in_both(country: str, category: str) -> dict[str, str]:
    """Name a registration in both languages."""
    return in_both(lambda: registration_text(country, category))
