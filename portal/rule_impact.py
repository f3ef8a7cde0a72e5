"""Whom a draft of rules would touch, before it is published (K-16).

The app whose rules decide a tier registers one function per rulebook module in its
`rule_impacts.py`::

    register_impact("rfq.score", score_impact)

The function gets the draft and returns the impact on the newest published figures, counted set-wise
over all sellers; none while there are no figures. It runs for staff, outside every shop's scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise

from portal.models import Rulebook
from portal.scoping import unscoped

Text = str | Promise


@dataclass(frozen=True)
class ImpactGroup:
    """How many sellers something happens to; `key` names the group in addresses."""

    key: str
    label: Text
    count: int


@dataclass(frozen=True)
class RuleImpact:
    """What a draft does to the sellers counted as of a day, against the rules named `before`.

    `rows(group, start, stop)` yields the sellers of a group from position `start` up to `stop` (none:
    to the end), in a stable order, without holding them all; each row has a cell per head. `notes` say
    what the preview takes from stored counts and what it cannot tell.
    """

    as_of: date
    before: str
    sellers: int
    groups: tuple[ImpactGroup, ...]
    heads: tuple[Text, ...]
    rows: Callable[[str, int, int | None], Iterator[tuple[Text, ...]]]
    notes: tuple[Text, ...] = ()

    def group(self, key: str) -> ImpactGroup:
        """Return a group by key; the first for one that does not exist."""
        return next((group for group in self.groups if group.key == key), self.groups[0])


Provider = Callable[[Rulebook], RuleImpact | None]
_providers: dict[str, Provider] = {}


def register_impact(module: str, function: Provider) -> Provider:
    """Let `function` preview drafts of `module`."""
    if _providers.setdefault(module, function) is not function:
        raise ValueError(f"the impact of {module!r} is previewed twice")
    return function


def has_impact(module: str) -> bool:
    """Tell whether drafts of a module can be previewed."""
    return module in _providers


def impact_of(rulebook: Rulebook) -> RuleImpact | None:
    """Return the impact of a draft whose content is valid; none when there is nothing to compare."""
    provider = _providers.get(rulebook.module)
    if provider is None:
        return None
    with unscoped():
        return provider(rulebook)
