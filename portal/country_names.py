"""Names of countries in the reader's language."""

from __future__ import annotations

from functools import lru_cache

from django.utils.translation import get_language
from django_countries import countries


def country_name(code: str) -> str:
    """Return a country's name in the active language; a code nobody knows as it is."""
    return _name(str(code), get_language())


@lru_cache(maxsize=2048)
def _name(code: str, language: str | None) -> str:
    """Look a name up once: lists show hundreds, and each costs a walk through all countries (P-3)."""
    return str(countries.name(code) or code)
