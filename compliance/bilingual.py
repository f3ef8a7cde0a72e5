"""Words in both languages at once, for what is kept and read by people of either (K-18)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.utils import translation
from django_countries import countries

from compliance.choices import EprCategory

LANGUAGES = {"en": "en", "zh": "zh-hans"}


def in_both(make: Callable[[], object]) -> dict[str, str]:
    """Return `{"en": …, "zh": …}`: what `make` says in either language."""
    texts = {}
    for key, language in LANGUAGES.items():
        with translation.override(language):
            texts[key] = str(make())
    return texts


def registration_text(country: str, category: str) -> str:
    """Name a registration in the active language: `Germany · Batteries`."""
    return f"{countries.name(country) or country} · {EprCategory(category).label}"


@cache
def registration_in_both(country: str, category: str) -> dict[str, str]:
    """Name a registration in both languages."""
    return in_both(lambda: registration_text(country, category))
