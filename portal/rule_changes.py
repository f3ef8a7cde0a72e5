"""What a rulebook changes for one shop (K-17): each module that has rules tells it in a table.

An app registers one provider per rulebook module in its `rule_changes.py`::

    changes = ChangeTeller("rfq.score", outlook_of, change_of)
    register_rule_change("rfq.score", changes.under)

A provider gets the shop and the rulebook, runs a constant number of queries in the shop's scope, and
returns the shop's own figures under the rules before and under these, or none while there are no
figures. It is shown on the bulletin that brings the rulebook. A `ChangeTeller` is such a provider, and
tells pages of the figures what announced rules make of them (`ahead`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from django.db import DatabaseError
from django.utils.functional import Promise

from portal import platform_time
from portal.choices import RulebookStatus
from portal.models import Rulebook, Seller
from portal.services.rulebooks import RulebookInForce, rulebooks_published

logger = logging.getLogger(__name__)

Text = str | Promise
Figures = TypeVar("Figures")
ANNOUNCED = timedelta(days=45)
"""How long before they start rules are compared with those in force."""


# --- What readers are shown ---------------------------------------------------------------------


@dataclass(frozen=True)
class ChangeRow:
    """One figure under the old rules and under the new ones, as readers see it.

    `direction` is 1 when the new rules are better for the shop, −1 when they are worse, 0 when they
    are the same. `note` says why, or what the figure is.
    """

    label: Text
    before: Text
    after: Text
    direction: int = 0
    note: Text = ""


@dataclass(frozen=True)
class ChangeTable:
    """Figures that belong together; `total` sums them up."""

    title: Text
    rows: tuple[ChangeRow, ...]
    total: ChangeRow | None = None


@dataclass(frozen=True)
class RuleChange:
    """What changes for a shop when `after` replaces `before` (names of versions).

    `as_of` is the day of the figures both columns are made of.
    """

    before: str
    after: str
    starts_on: date
    as_of: date
    summary: Text
    tables: tuple[ChangeTable, ...]
    notes: tuple[Text, ...] = ()


def direction_of(difference: Decimal | Fraction | int) -> int:
    """Return the `direction` of a row whose figure rises by a difference: 1, 0 or −1."""
    return (difference > 0) - (difference < 0)


# --- One set of figures, two rulebooks ----------------------------------------------------------


@dataclass(frozen=True)
class Outlook(Generic[Figures]):
    """A shop's figures as of a day under the rulebook in force then and under another one."""

    as_of: date
    before: RulebookInForce
    after: RulebookInForce
    figures_before: Figures
    figures_after: Figures

    def told(
        self, *, summary: Text, tables: Sequence[ChangeTable], notes: Sequence[Text] = ()
    ) -> RuleChange:
        """Return the outlook in words and tables, under its rulebooks and its day."""
        return RuleChange(
            before=self.before.version,
            after=self.after.version,
            starts_on=self.after.effective_from,
            as_of=self.as_of,
            summary=summary,
            tables=tuple(tables),
            notes=tuple(notes),
        )


def rulebook_to_come(rulebooks: Iterable[RulebookInForce], as_of: date) -> RulebookInForce | None:
    """Return the first rulebook that starts after an as-of day and is near enough to matter.

    Near is what starts within `ANNOUNCED` days of the day that as-of day is shown on.
    """
    shown_on = as_of + timedelta(days=platform_time.DELAY_DAYS)
    coming = [book for book in rulebooks if as_of < book.effective_from <= shown_on + ANNOUNCED]
    return min(coming, key=lambda book: book.effective_from, default=None)


@dataclass(frozen=True)
class ChangeTeller(Generic[Figures]):
    """Tells what the rulebooks of a module change for a shop.

    `outlook_of` gets the shop, the new rulebook and every published one of the module; it returns the
    shop's newest figures from before the new one starts, judged by both, or none. `change_of` writes
    them down.
    """

    module: str
    outlook_of: Callable[
        [Seller, RulebookInForce, Sequence[RulebookInForce]], Outlook[Figures] | None
    ]
    change_of: Callable[[Outlook[Figures]], RuleChange]

    def under(self, seller: Seller, rulebook: Rulebook) -> RuleChange | None:
        """Return the shop's figures under the rules before and under `rulebook`, a published one."""
        books = rulebooks_published(self.module)
        after = next((book for book in books if book.version == rulebook.version), None)
        return self._change(seller, after, books)

    def ahead(
        self, seller: Seller, as_of: date | None, rulebooks: Sequence[RulebookInForce]
    ) -> RuleChange | None:
        """Return what announced rules, or those in force since, make of the figures of a day (K-17).

        None without figures, and when their rules are those that hold.
        """
        coming = None if as_of is None else rulebook_to_come(rulebooks, as_of)
        return self._change(seller, coming, rulebooks)

    def _change(
        self, seller: Seller, after: RulebookInForce | None, books: Sequence[RulebookInForce]
    ) -> RuleChange | None:
        outlook = self.outlook_of(seller, after, books) if after else None
        return self.change_of(outlook) if outlook else None


# --- Registry -----------------------------------------------------------------------------------


Provider = Callable[[Seller, Rulebook], RuleChange | None]
_providers: dict[str, Provider] = {}


def register_rule_change(module: str, provider: Provider) -> Provider:
    """Let `provider` tell what rulebooks of `module` change for a shop."""
    if _providers.setdefault(module, provider) is not provider:
        raise ValueError(f"what changes under {module!r} is told twice")
    return provider


def rule_change_for(seller: Seller, rulebook: Rulebook | None) -> RuleChange | None:
    """Return what a published rulebook changes for a shop; none when nobody can tell (K-17).

    A provider that fails is logged and left out: the bulletin is worth showing without it.
    """
    if rulebook is None or rulebook.status != RulebookStatus.PUBLISHED:
        return None
    provider = _providers.get(rulebook.module)
    if provider is None:
        return None
    try:
        return provider(seller, rulebook)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("what %s changes for a shop failed", rulebook)
        return None
