"""What a rulebook changes for one shop (K-17): each module that has rules tells it in a table.

An app registers one provider per rulebook module in its `rule_changes.py`::

    register_rule_change("rfq.score", score_change)

A provider gets the shop and the rulebook, runs a constant number of queries in the shop's scope, and
returns the shop's own figures under the rules before and under these, or none while there are no
figures. It is shown on the bulletin that brings the rulebook.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import DatabaseError
from django.utils.functional import Promise

from portal.choices import RulebookStatus
from portal.models import Rulebook, Seller

logger = logging.getLogger(__name__)

Text = str | Promise


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
