"""What a shop can show of its strength: labels, the second company, the two cards (GRO-16).

Certificates, labels and the second company are as of now, so that a certificate that ends leaves the
card at that instant; numbers are those of the newest night. Rules are those in force today: a card
is what buyers see today, no standing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from compliance.certificates.reading import certificates_of
from compliance.choices import CertificateType
from compliance.models import Certificate
from compliance.models.certificates import counting_at
from growth.membership.affiliation import Tie, combined_by
from growth.membership.schema import AFFILIATION, AffiliationRule, AffiliationRules
from growth.membership.shop_numbers import shop_numbers
from growth.membership.strength_rules import Proof, label_available, labels_shown
from growth.membership.strength_schema import (
    LABEL_CATEGORIES,
    STRENGTH,
    LabelEntry,
    StrengthRules,
)
from growth.membership.supplier_card import (
    LABELS,
    CardFacts,
    ProductCard,
    SupplierCard,
    product_card,
    supplier_card,
)
from growth.models import AffiliatedCompany, StrengthLabel
from portal import platform_time
from portal.choices import Membership
from portal.models import Seller
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import seller_scope
from portal.services.rulebooks import RulebookMissing, rulebook_for


def strength_rules(day: date) -> StrengthRules | None:
    """Return the catalogue and card of a Pacific day; none before the first."""
    try:
        content: StrengthRules = rulebook_for(STRENGTH, day).content
    except RulebookMissing:
        return None
    return content


def affiliation_rules(day: date) -> AffiliationRules | None:
    """Return what makes a combined company on a Pacific day; none before the first rules."""
    try:
        content: AffiliationRules = rulebook_for(AFFILIATION, day).content
    except RulebookMissing:
        return None
    return content


def certificates_counting(now: datetime) -> QuerySet[Certificate]:
    """Return the certificates in scope that count at an instant, by interval and never by status."""
    return Certificate.objects.filter(counting_at(now)).order_by("name", "pk")


def chosen_labels(seller: Seller) -> list[str]:
    """Return the keys of the labels a shop has chosen, in order."""
    with seller_scope(seller):
        return _chosen()


@prepared
def _chosen() -> QuerySet[StrengthLabel, str]:
    return StrengthLabel.objects.order_by("place").values_list("label", flat=True)


def lost_labels(seller: Seller, chosen: Sequence[str], rules: StrengthRules) -> list[str]:
    """Return those of the chosen labels that buyers do not see now, as people call them; two queries."""
    now = platform_time.now()
    proofs = [Proof(one.type, one.name) for one in certificates_of(seller) if one.counts_at(now)]
    entries = {entry.key: entry for key in chosen if (entry := rules.label(key)) is not None}
    numbers = shop_numbers(seller, {entry.metric for entry in entries.values()} - {""})
    shown = {entry.key for entry in labels_shown(rules, chosen, proofs, numbers.values)}
    return [entries[key].title if key in entries else key for key in chosen if key not in shown]


@dataclass(frozen=True)
class Affiliate:
    """The second company; `rule` is the way in which both are combined, none while they are not."""

    company: AffiliatedCompany
    rule: AffiliationRule | None

    @property
    def numbers(self) -> dict[str, Decimal]:
        """What a combined company adds, by metric; nothing while they are not combined."""
        if self.rule is None:
            return {}
        company = self.company
        return {
            "ext.floor_area": Decimal(company.floor_area),
            "ext.qc_staff": Decimal(company.qc_staff),
            "ext.rd_staff": Decimal(company.rd_staff),
            "ext.employees": Decimal(company.employees),
        }


def affiliate_of(seller: Seller, day: date) -> Affiliate | None:
    """Return the shop's second company as the rules of a day judge it, or none; two queries."""
    with seller_scope(seller):
        company = AffiliatedCompany.objects.first()
    if company is None:
        return None
    rules = affiliation_rules(day)
    tie = Tie(company.shares, company.concert_shares, company.same_legal_person)
    return Affiliate(company, combined_by(rules, tie) if rules else None)


@dataclass(frozen=True)
class LabelReading:
    """A label of the catalogue as one shop stands with it."""

    entry: LabelEntry
    available: bool
    chosen: bool


@dataclass(frozen=True)
class Strength:
    """All that the labels and the cards of a shop are made of.

    `chosen` are the keys of the chosen labels, in order, whether buyers see them or not.
    """

    verified: bool
    as_of: date | None
    rules: StrengthRules | None
    labels: tuple[LabelReading, ...]
    chosen: tuple[str, ...]
    facts: CardFacts
    affiliate: Affiliate | None
    certificates: tuple[Certificate, ...]

    @property
    def complete(self) -> bool:
        """Whether buyers see both labels."""
        return self.verified and len(self.facts.labels) == LABELS

    @property
    def lost(self) -> list[str]:
        """Chosen labels that buyers do not see: out of the catalogue, or no longer proven."""
        shown = {entry.key for entry in self.facts.labels}
        return [key for key in self.chosen if key not in shown]

    @property
    def lost_titles(self) -> list[str]:
        """The same, as people call them."""
        entries = {key: self.rules.label(key) if self.rules else None for key in self.lost}
        return [entry.title if entry else key for key, entry in entries.items()]

    @property
    def supplier_card(self) -> SupplierCard:
        """The card beside the shop's name in search."""
        return supplier_card(self.facts)

    @property
    def product_card(self) -> ProductCard:
        """The card on the product page."""
        return product_card(self.facts, self.rules) if self.rules else ProductCard(())

    @property
    def by_category(self) -> list[tuple[str, list[LabelReading]]]:
        """The catalogue by category, in its order."""
        return [
            (str(title), group)
            for key, title in LABEL_CATEGORIES.items()
            if (group := [label for label in self.labels if label.entry.category == key])
        ]


@read_once
def strength_of(seller: Seller) -> Strength:
    """Return what a shop can show now; a constant number of queries (GRO-16)."""
    now = platform_time.now()
    today = platform_time.day_of(now)
    rules = strength_rules(today)
    with seller_scope(seller):
        certificates = list(certificates_counting(now))
    chosen = chosen_labels(seller)
    proofs = [Proof(one.type, one.name) for one in certificates]
    entries: Sequence[LabelEntry] = rules.labels if rules else ()
    cards = [*rules.online, *rules.offline] if rules else []
    asked = {one.metric for one in entries} | {one.metric for one in cards}
    numbers = shop_numbers(seller, asked - {""})
    affiliate = affiliate_of(seller, today)
    systems = [one for one in certificates if one.type == CertificateType.MANAGEMENT_SYSTEM]
    verified = seller.membership == Membership.VERIFIED
    facts = CardFacts(
        verified=verified,
        numbers=numbers.values,
        partner=affiliate.numbers if affiliate else {},
        certificates=[one.name or one.number_typed for one in systems],
        labels=labels_shown(rules, chosen, proofs, numbers.values) if rules and verified else (),
    )
    return Strength(
        verified=verified,
        as_of=numbers.as_of,
        rules=rules,
        labels=tuple(
            LabelReading(entry, label_available(entry, proofs, numbers.values), entry.key in chosen)
            for entry in entries
        ),
        chosen=tuple(chosen),
        facts=facts,
        affiliate=affiliate,
        certificates=tuple(systems),
    )
