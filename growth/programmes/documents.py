"""What a programme asks to be proven, with what the shop has of it (GRO-18)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from compliance.choices import CertificateStatus
from compliance.models import Certificate
from compliance.models.certificates import counting_at
from growth.programmes.reading import CriterionReading, criterion_reading
from growth.programmes.schema import Criterion, DocumentOption, Requirement, Route
from portal.audience import audience_readings
from portal.models import Seller
from portal.scoping import unscoped


@dataclass(frozen=True)
class OptionReading:
    """A way to meet a requirement, with the certificates of the shop that would do, or the fact."""

    option: DocumentOption
    certificates: list[Certificate] = field(default_factory=list)
    fact: CriterionReading | None = None

    @property
    def met(self) -> bool:
        """Whether upstream's fact meets it already."""
        return self.fact is not None and bool(self.fact.met)


@dataclass(frozen=True)
class RequirementReading:
    """A requirement with its options as one shop reads them."""

    requirement: Requirement
    options: list[OptionReading]

    @property
    def met(self) -> bool:
        """Whether a fact meets it, so that nothing is to be handed in."""
        return any(one.met for one in self.options)


def certificates_in_force(seller: Seller, types: Iterable[str], now: datetime) -> list[Certificate]:
    """Return the shop's verified certificates of some types that count at an instant, newest first.

    An application receipt for a trademark is never verified, so it is not among them (GRO-18).
    """
    with unscoped():
        return list(
            Certificate.objects.filter(
                counting_at(now),
                seller=seller,
                type__in=list(types),
                status=CertificateStatus.VERIFIED,
            ).order_by("-valid_from", "-pk")
        )


def requirement_readings(
    seller: Seller, route: Route, *, now: datetime
) -> list[RequirementReading]:
    """Return what a way in asks for, with what the shop has of it; two queries and one per fact."""
    options = [one for each in route.documents for one in each.options]
    types = {kind for one in options for kind in one.types}
    held = certificates_in_force(seller, types, now) if types else []
    facts = [
        Criterion(text=one.title, conditions=[one.condition]) for one in options if one.condition
    ]
    said = audience_readings(
        seller, [[each.as_audience() for each in one.conditions] for one in facts]
    )
    read = iter(criterion_reading(one, each) for one, each in zip(facts, said, strict=True))
    by_option = {
        one.key: OptionReading(
            one,
            [each for each in held if each.type in one.types],
            next(read) if one.condition else None,
        )
        for one in options
    }
    return [
        RequirementReading(each, [by_option[one.key] for one in each.options])
        for each in route.documents
    ]
