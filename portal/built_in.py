"""Data that every portal has after migration, besides rulebooks: canned reasons, lists, packs (CMD-1).

An app registers a loader in its `built_in.py`, which must be safe to repeat and must leave alone what
staff changed::

    @register_built_in
    def review_reasons() -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable

Loader = Callable[[], None]
_loaders: list[Loader] = []


def register_built_in(loader: Loader) -> Loader:
    """Run a loader after every migration; usable as a decorator."""
    _loaders.append(loader)
    return loader


def built_in_load() -> None:
    """Run all loaders, in the order of registration."""
    for loader in _loaders:
        loader()
