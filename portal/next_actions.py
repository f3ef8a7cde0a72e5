"""What to do next: every module offers actions, the home page ranks them (UI-2).

An app registers providers in its own `next_actions.py`::

    @register_next_actions
    def themes_ending(seller, member, day): ...

A provider gets the shop, the member and the Pacific day, runs a constant number of queries and returns
actions; what a member's role does not allow is left out by the provider.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from portal import platform_time
from portal.models import Member, Seller

logger = logging.getLogger(__name__)

Text = str | Promise
BANDS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""An action that ends within the first band comes before one that ends within the second, …"""
BAND_NAMES = (
    pgettext_lazy("urgency", "Now"),
    pgettext_lazy("urgency", "This week"),
    pgettext_lazy("urgency", "This month"),
    pgettext_lazy("urgency", "When there is time"),
)
"""What the bands are called, and what comes after the last."""
ESSENTIAL, ESSENTIAL_BAND = 80, 1
"""What a shop cannot do without (its first product, points that close it) does not wait until everything that
ends has been done: from this weight on it is as urgent as what ends within a week, and a loss a band more
urgent than its end says."""
LIGHT = 50
"""Offers that lighter gains make are a band less urgent than their end says: nothing is lost without them."""


@dataclass(frozen=True)
class NextAction:
    """One thing worth doing.

    `gain` says what doing it brings, `loses` what leaving it costs: at least one of them. `due` is the
    instant after which it is too late. `weight` (0–100) orders what is equally urgent.
    """

    title: Text
    url: str
    gain: Text = ""
    loses: Text = ""
    due: datetime | None = None
    weight: int = 50
    icon: str = "arrow-right-circle"
    button: Text = ""

    def __post_init__(self) -> None:
        if not (self.gain or self.loses):
            raise ValueError("an action says what it gains or what leaving it loses")

    def urgency(self, now: datetime) -> int:
        """Return the band of the time left: 0 is a day or less, or too late already.

        Without an end it is the last band, or that of `ESSENTIAL` actions. `ESSENTIAL` losses come a band
        earlier, `LIGHT` gains a band later.
        """
        if self.due is None:
            band = ESSENTIAL_BAND if self.weight >= ESSENTIAL else len(BANDS)
        else:
            left = self.due - now
            band = next((band for band, span in enumerate(BANDS) if left <= span), len(BANDS))
        if self.loses:
            return max(band - 1, 0) if self.weight >= ESSENTIAL else band
        return band if self.weight >= LIGHT else min(band + 1, len(BANDS))


Provider = Callable[[Seller, Member, date], Iterable[NextAction]]
_providers: list[Provider] = []


def register_next_actions(provider: Provider) -> Provider:
    """Add a provider; usable as a decorator."""
    _providers.append(provider)
    return provider


def next_actions_for(seller: Seller, member: Member, day: date) -> list[NextAction]:
    """Return the actions for a member on a Pacific day, most pressing first.

    Order: urgency (`NextAction.urgency`: now, this week, this month, later), then losses before gains, then
    weight, then the earlier end. A provider that fails is logged and left out: the page is worth showing without it.
    """
    found: list[NextAction] = []
    for provider in _providers:
        try:
            found.extend(provider(seller, member, day))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("next actions of %s failed", provider.__module__)
    return rank(found, platform_time.now())


def by_band(actions: Iterable[NextAction], now: datetime) -> list[tuple[Text, list[NextAction]]]:
    """Return ranked actions under the names of their bands, those without any left out."""
    return [
        (BAND_NAMES[band], list(group))
        for band, group in groupby(actions, key=lambda action: action.urgency(now))
    ]


def rank(actions: Iterable[NextAction], now: datetime) -> list[NextAction]:
    """Sort actions by what they gain or lose and by when (UI-2)."""

    def key(action: NextAction) -> tuple[int, bool, int, float]:
        due = action.due.timestamp() if action.due else float("inf")
        return action.urgency(now), not action.loses, -action.weight, due

    return sorted(actions, key=key)
