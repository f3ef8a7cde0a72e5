"""Panels on the page of a product: what other modules have to say about it (UI-1).

The module that shows products knows none of them; an app registers a provider in its own
`product_panels.py`::

    @register_product_panels
    def trade_gate(seller, member, product_id): ...

A provider runs a constant number of queries in the shop's scope.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError

from portal.models import Member, Seller

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProductPanel:
    """One card: `template` is included with `panel`, and finds its values in `panel.context`."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)


Provider = Callable[[Seller, Member, str], Iterable[ProductPanel]]
_providers: list[Provider] = []


def register_product_panels(provider: Provider) -> Provider:
    """Add a provider; usable as a decorator."""
    _providers.append(provider)
    return provider


def product_panels_for(*, seller: Seller, member: Member, product_id: str) -> list[ProductPanel]:
    """Return the panels of all modules about a product of the shop, in the order of registration.

    A provider that fails is logged and left out: the page is worth showing without it.
    """
    found: list[ProductPanel] = []
    for provider in _providers:
        try:
            found.extend(provider(seller, member, product_id))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("product panels of %s failed", provider.__module__)
    return found
