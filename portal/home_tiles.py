"""Tiles of the home page: where the shop stands, module by module (UI-2).

An app registers providers in its own `home_tiles.py`::

    @register_home_tiles
    def score_tiles(seller, member, day): ...

A provider gets the shop, the member and the Pacific day, and runs a constant number of queries in the
shop's scope.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from django.db import DatabaseError
from django.utils.functional import Promise

from portal.models import Member, Seller

logger = logging.getLogger(__name__)

Text = str | Promise


@dataclass(frozen=True)
class HomeTile:
    """One number with the address of its explanation; `chart` is an SVG drawn by `portal.charts`."""

    label: Text
    value: Text
    url: str
    hint: Text = ""
    chart: str = ""
    icon: str = ""


Provider = Callable[[Seller, Member, date], Iterable[HomeTile]]
_providers: list[Provider] = []


def register_home_tiles(provider: Provider) -> Provider:
    """Add a provider; usable as a decorator."""
    _providers.append(provider)
    return provider


def home_tiles_for(seller: Seller, member: Member, day: date) -> list[HomeTile]:
    """Return the tiles of all modules, in the order of registration.

    A provider that fails is logged and left out: the page is worth showing without it.
    """
    found: list[HomeTile] = []
    for provider in _providers:
        try:
            found.extend(provider(seller, member, day))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("home tiles of %s failed", provider.__module__)
    return found
