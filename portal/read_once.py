"""Reading something once for a page that several modules ask of it (UI-2).

A page is made of parts of modules that do not know each other, home most of all; what more than one of
them needs is read by a function marked `@read_once`, and kept while the page is being made. Every page of
the seller portal that only shows is such a block (`portal.views.base.SellerPage`)::

    with reading_once():
        actions = next_actions_for(…)
        tiles = home_tiles_for(…)

Outside such a block nothing is kept: services and tests always read anew. What is kept must not be
changed by whom it is given to.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from portal import platform_time

P = ParamSpec("P")
R = TypeVar("R")

_kept: ContextVar[dict[Hashable, Any] | None] = ContextVar("read_once", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Keep what `@read_once` functions return until the end of the block."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def is_reading_once() -> bool:
    """Tell whether a page is being made, so that reading more than is asked for may pay."""
    return _kept.get() is not None


def read_once(function: Callable[P, R]) -> Callable[P, R]:
    """Read once per block and arguments, which are hashable; what raises is tried again."""

    @wraps(function)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        kept = _kept.get()
        if kept is None:
            return function(*args, **kwargs)
        key = (function, args, frozenset(kwargs.items()))
        if key not in kept:
            kept[key] = function(*args, **kwargs)
        found: R = kept[key]
        return found

    return reading


@read_once
def page_instant() -> datetime:
    """Return the instant the page is of, the same for all its modules; outside such a block, now.

    What depends on the instant is read once only where it is asked of the same one.
    """
    return platform_time.now()
