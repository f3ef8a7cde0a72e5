"""Linking a shop's products from elsewhere: who may know which products there are.

The module that keeps the products registers a lookup in its own `product_links.py`; others ask here
and so need not know that module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from portal.models import Seller

ProductLookup = Callable[[Seller, Collection[str]], dict[str, str]]
"""Shop and product ids → title by id, of those that are the shop's; one query."""

_lookups: list[ProductLookup] = []


def register_product_lookup(lookup: ProductLookup) -> ProductLookup:
    """Let a function say which products a shop has; usable as a decorator."""
    _lookups.append(lookup)
    return lookup


def product_titles(*, seller: Seller, product_ids: Iterable[str]) -> dict[str, str]:
    """Return product id → title of those ids that are products of the shop."""
    wanted = set(product_ids)
    found: dict[str, str] = {}
    if wanted:
        for lookup in _lookups:
            found |= lookup(seller, wanted)
    return found
