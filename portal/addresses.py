"""Addresses of views, looked up once per process: a page of thirty actions asks for sixty (P-3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django import urls
from django.conf import settings

KEPT = 4096
"""Addresses kept at most, with their arguments: those asked for last."""


def reverse(view: str, args: Sequence[str | int] = ()) -> str:
    """Return the address of a view as `django.urls.reverse` does; raises `NoReverseMatch` like it.

    For addresses in lists. What it depends on besides, the prefix and the URLconf, is part of what is kept.
    """
    urlconf = urls.get_urlconf() or settings.ROOT_URLCONF
    return _address(view, tuple(args), urls.get_script_prefix(), urlconf)


@lru_cache(maxsize=KEPT)
def _address(view: str, args: tuple[str | int, ...], _prefix: str, urlconf: str) -> str:
    return urls.reverse(view, urlconf=urlconf, args=args)
