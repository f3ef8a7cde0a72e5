"""Asks compliance about a product's words before it is saved (LST-21).

`compliance.screening` registers its screener here when it is installed; without one there are no
hits. Callers show hits, they do not decide on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from listings.services.product_data import ProductData


@dataclass(frozen=True)
class Hit:
    """A term that compliance knows: its class, where it stands, and what to do about it."""

    term: str
    hazard: str
    field: str
    advice: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what the API answers under `screening`."""
        return asdict(self)


Screener = Callable[[Sequence[ProductData]], Sequence[Sequence[Hit]]]
"""Takes many products at once and returns the hits of each, in the same order."""

_screeners: list[Screener] = []


def register_screener(screener: Screener) -> Screener:
    """Have every product screened by a function; called once when its app starts."""
    _screeners.append(screener)
    return screener


def screen_many(products: Sequence[ProductData]) -> list[list[Hit]]:
    """Return the hits of each product, in the order given."""
    hits: list[list[Hit]] = [[] for _ in products]
    for screener in _screeners:
        for found, more in zip(hits, screener(products), strict=True):
            found.extend(more)
    return hits


def screen(product: ProductData) -> list[Hit]:
    """Return the hits of one product."""
    return screen_many([product])[0]
