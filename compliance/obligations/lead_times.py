"""Numbers a shop lacks, how long each takes, and until when to begin (EPR-9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from compliance.bilingual import registration_text
from compliance.epr.missing_sql import missing_numbers
from compliance.epr.schema import EPR, EprRules, Requirement
from compliance.obligations.dues import register_before
from portal import platform_time
from portal.models import Seller
from portal.services.rulebooks import RulebookMissing, rulebook_for


@dataclass(frozen=True)
class LeadTime:
    """A missing number: what asks for it, for how many live products, and by when to begin."""

    requirement: Requirement
    products: int
    today: date

    @property
    def name(self) -> str:
        """Country and category in the active language."""
        return registration_text(self.requirement.country, self.requirement.category)

    @property
    def register_before(self) -> date | None:
        """The last day on which registering can begin in time; none while nothing is interrupted."""
        return register_before(self.requirement)

    @property
    def is_late(self) -> bool:
        """Whether that day is over: trade may be interrupted before the number is there."""
        by = self.register_before
        return by is not None and by < self.today


def epr_rules(now: datetime) -> EprRules | None:
    """Return the EPR rules in force at an instant; none before the first."""
    try:
        content: EprRules = rulebook_for(EPR, platform_time.day_of(now)).content
    except RulebookMissing:
        return None
    return content


def lead_times_of(seller: Seller, now: datetime) -> list[LeadTime]:
    """Return the numbers a shop lacks for its live products, the most urgent first; two queries."""
    rules = epr_rules(now)
    if rules is None:
        return []
    today = platform_time.day_of(now)
    asked = {(row.country, row.category.value): row for row in rules.requirements}
    order = {pair: place for place, pair in enumerate(asked)}
    rows = missing_numbers(rules.requirements, sellers=(seller.pk, seller.pk), now=now)
    rows.sort(key=lambda row: order[row.country, row.category])
    found = [LeadTime(asked[row.country, row.category], row.products, today) for row in rows]
    return sorted(found, key=lambda one: one.register_before or date.max)
