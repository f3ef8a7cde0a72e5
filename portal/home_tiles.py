"""Tiles and cards of the home page: where the shop stands, module by module (UI-2).

An app registers providers in its own `home_tiles.py`::

    @register_home_tiles
    def score_tiles(seller, member, day): ...

    @register_home_cards
    def stage_card(seller, member, day): ...

A tile is one number; a card says more, with a template of its own. A provider gets the shop, the member and
the Pacific day, and runs a constant number of queries in the shop's scope. Metrics it plots are announced
by `shows_trend_of` and read by `home_trends`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db import DatabaseError
from django.utils.functional import Promise

from portal.models import Member, Seller
from portal.read_once import read_once
from portal.services.trends import Trend, metric_trends

logger = logging.getLogger(__name__)

Text = str | Promise


@dataclass(frozen=True)
class HomeTile:
    """One number with the address of its explanation; `chart` is an SVG drawn by `portal.charts`.

    Tiles stand in the order of `order`: deadlines from 10, standings from 20, counted numbers from 40.
    """

    label: Text
    value: Text
    url: str
    hint: Text = ""
    chart: str = ""
    icon: str = ""
    order: int = 50


@dataclass(frozen=True)
class HomeCard:
    """A part of the page drawn by `template`, which finds `content` as `card`, and uses `stylesheets`.

    It stands above the tiles, or below them (`below`) where it says at length what a number would.
    """

    template: str
    content: Any
    stylesheets: tuple[str, ...] = ()
    below: bool = False


TREND_DAYS = 30
"""Days of the plots in tiles."""
_trends: list[str] = []


def shows_trend_of(*metrics: str) -> None:
    """Have the page read the trends of these metrics, with all others at once; see `home_trends`."""
    _trends.extend(metrics)


@read_once
def home_trends(seller: Seller) -> dict[str, Trend]:
    """Return the trends of all metrics that tiles show; three queries at most, for all of them."""
    return metric_trends(seller=seller, keys=_trends, days=TREND_DAYS)


Part = TypeVar("Part", HomeTile, HomeCard)
Provider = Callable[[Seller, Member, date], Iterable[HomeTile]]
CardProvider = Callable[[Seller, Member, date], Iterable[HomeCard]]
_providers: list[Provider] = []
_card_providers: list[CardProvider] = []


def register_home_tiles(provider: Provider) -> Provider:
    """Add a provider; usable as a decorator."""
    _providers.append(provider)
    return provider


def register_home_cards(provider: CardProvider) -> CardProvider:
    """Add a provider; usable as a decorator."""
    _card_providers.append(provider)
    return provider


def home_tiles_for(seller: Seller, member: Member, day: date) -> list[HomeTile]:
    """Return the tiles of all modules, in the order of registration; see `by_order`."""
    return _gather(_providers, seller, member, day)


def home_cards_for(seller: Seller, member: Member, day: date) -> list[HomeCard]:
    """Return the cards of all modules, in the order of registration."""
    return _gather(_card_providers, seller, member, day)


def by_order(tiles: Iterable[HomeTile]) -> list[HomeTile]:
    """Return tiles as the page shows them."""
    return sorted(tiles, key=lambda tile: tile.order)


def _gather(
    providers: Sequence[Callable[[Seller, Member, date], Iterable[Part]]],
    seller: Seller,
    member: Member,
    day: date,
) -> list[Part]:
    """Return what providers bring; one that fails is logged: the page is worth showing without it."""
    found: list[Part] = []
    for provider in providers:
        try:
            found.extend(provider(seller, member, day))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("home page: %s failed", provider.__module__)
    return found
