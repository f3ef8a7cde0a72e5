"""What buyers see beside a shop: supplier card and product-page card; pure (GRO-16).

The product-page card has six places: three for online data, which every shop has, and three for
data that a certification company verified, of verified sellers alone. Offline data take their places
by rank; what has no value takes none, and a place nobody takes stays empty. The two strength labels
of a verified seller stand below the six.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from growth.membership.strength_schema import CardEntry, LabelEntry, StrengthRules

LABELS = 2
"""Strength labels a verified seller shows: exactly as many."""


@dataclass(frozen=True)
class CardFacts:
    """What a shop has. `numbers` are metrics of the shop, `partner` those of its second company.

    `partner` is empty unless both count as one combined company. `certificates` are the names of
    management-system certificates that count now, `labels` those chosen and available, in order.
    """

    verified: bool
    numbers: Mapping[str, Decimal]
    partner: Mapping[str, Decimal] = field(default_factory=dict)
    certificates: Sequence[str] = ()
    labels: Sequence[LabelEntry] = ()


@dataclass(frozen=True)
class CardNumber:
    """A piece of data; `own` and `partner` are its parts where a combined company adds up both."""

    entry: CardEntry
    value: Decimal
    own: Decimal | None = None
    partner: Decimal | None = None


@dataclass(frozen=True)
class SupplierCard:
    """The card beside a supplier's name in search: verified sellers alone have one."""

    certificates: tuple[str, ...] = ()
    labels: tuple[LabelEntry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.certificates or self.labels)


@dataclass(frozen=True)
class ProductCard:
    """The card on the product page; `waiting` are offline data that found no place."""

    online: tuple[CardNumber, ...]
    offline: tuple[CardNumber, ...] = ()
    waiting: tuple[CardNumber, ...] = ()
    labels: tuple[LabelEntry, ...] = ()


def supplier_card(facts: CardFacts) -> SupplierCard:
    """Return the supplier card: management-system certificates and the two labels (GRO-16)."""
    if not facts.verified:
        return SupplierCard()
    return SupplierCard(tuple(facts.certificates), tuple(facts.labels[:LABELS]))


def product_card(facts: CardFacts, rules: StrengthRules) -> ProductCard:
    """Return the card on the product page (GRO-16)."""
    online = tuple(
        CardNumber(entry, facts.numbers[entry.metric])
        for entry in rules.online
        if entry.metric in facts.numbers
    )
    if not facts.verified:
        return ProductCard(online)
    offline = offline_numbers(facts, rules)
    places = rules.offline_places
    return ProductCard(
        online, offline[:places], offline[places:], labels=tuple(facts.labels[:LABELS])
    )


def offline_numbers(facts: CardFacts, rules: StrengthRules) -> tuple[CardNumber, ...]:
    """Return the offline data that are more than nothing, first come first placed.

    Equal ranks keep the order of the rulebook.
    """
    ranked = sorted(rules.offline, key=lambda entry: entry.rank)
    counted = (_offline(entry, facts) for entry in ranked)
    return tuple(number for number in counted if number.value > 0)


def _offline(entry: CardEntry, facts: CardFacts) -> CardNumber:
    if not entry.metric:
        return CardNumber(entry, Decimal(len(facts.certificates)))
    own = facts.numbers.get(entry.metric, Decimal(0))
    if not (entry.summed and entry.metric in facts.partner):
        return CardNumber(entry, own)
    partner = facts.partner[entry.metric]
    return CardNumber(entry, own + partner, own, partner)
