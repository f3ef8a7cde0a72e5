"""Data in two languages: the one a reader gets."""

from __future__ import annotations

from django.utils.translation import get_language


def in_language(english: str, chinese: str) -> str:
    """Return the Chinese text to readers of Chinese where there is one, else the English one."""
    return chinese if chinese and (get_language() or "").startswith("zh") else english
