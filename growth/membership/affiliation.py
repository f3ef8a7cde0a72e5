"""Whether two companies count as one combined company (工贸一体): pure (GRO-16)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from growth.choices import AffiliationWay
from growth.membership.schema import AffiliationRule, AffiliationRules


@dataclass(frozen=True)
class Tie:
    """How two companies hang together; shares in percent.

    `shares` is the larger of what one holds of the other and what a common shareholder holds of both;
    `concert_shares` what the signers of a concert agreement hold together, none without one.
    """

    shares: Decimal
    concert_shares: Decimal | None = None
    same_legal_person: bool = False


def way_holds(rule: AffiliationRule, tie: Tie) -> bool:
    """Tell whether a tie fulfils one way of the rulebook.

    Exactly the percentage is enough for shares and too little for a concert agreement. Such an
    agreement is one of shareholders: who holds nothing is not combined by it.
    """
    if rule.way == AffiliationWay.LEGAL_PERSON:
        return tie.same_legal_person
    percent = rule.percent or Decimal(0)
    if rule.way == AffiliationWay.SHARES:
        return tie.shares >= percent
    return tie.shares > 0 and tie.concert_shares is not None and tie.concert_shares > percent


def combined_by(rules: AffiliationRules, tie: Tie) -> AffiliationRule | None:
    """Return the first way in which a tie makes a combined company, or none (GRO-16)."""
    return next((rule for rule in rules.ways if way_holds(rule, tie)), None)
