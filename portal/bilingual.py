"""Texts in two languages: which one a reader gets, and both for what people of either will read (K-18)."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import translation

LANGUAGES = {"en": "en", "zh": "zh-hans"}


def reads_chinese() -> bool:
    """Tell whether the active language is Chinese."""
    return (translation.get_language() or "").startswith("zh")


def in_language(english: str, chinese: str) -> str:
    """Return the Chinese text to readers of Chinese where there is one, else the English one."""
    return chinese if chinese and reads_chinese() else english


def labelled(label: object, value: object) -> str:
    """Write a value after its name as the language does: `Pins: 3`, `置顶：3`."""
    return f"{label}{'：' if reads_chinese() else ': '}{value}"


def both_texts(english: str, chinese: str) -> dict[str, str]:
    """Return `{"en": …, "zh": …}` of a text; the English one twice where there is no Chinese."""
    return {"en": english, "zh": chinese or english}


def in_both(make: Callable[[], object]) -> dict[str, str]:
    """Return `{"en": …, "zh": …}`: what `make` says in either language."""
    texts = {}
    for key, language in LANGUAGES.items():
        with translation.override(language):
            texts[key] = str(make())
    return texts
