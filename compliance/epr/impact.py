"""What stops selling where and when, if nothing is done: instant by instant, set-wise (EPR-11, EPR-12).

A shop's trade changes at two kinds of instant: when a country interrupts it for products without
numbers, and when a certificate ends. The shop is read once and judged at each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from compliance.choices import CoverState
from compliance.epr.coverage import Coverage, Registration
from compliance.epr.schema import Requirement
from compliance.epr.shop_overview import Alike, ShopFacts
from compliance.rules import interrupts_at

MOMENTS = 60
"""Instants shown at most; a shop has a few certificates per country and category."""


@dataclass(frozen=True)
class Stop:
    """Live products that stop selling to a country at an instant.

    `lacking` counts them by the EPR category whose number they lack then; one may lack several.
    """

    country: str
    products: int
    lacking: Counter[str]


@dataclass(frozen=True)
class Moment:
    """An instant at which products stop selling, with what happens then."""

    at: datetime
    interrupted: tuple[str, ...]
    """Countries that interrupt trade at it."""
    ending: tuple[Registration, ...]
    """Certificates of the shop that end at it."""
    stops: tuple[Stop, ...]
    products: int
    """Different products in `stops`."""


@dataclass(frozen=True)
class ShopImpact:
    """From now on: what is blocked already, and what stops when."""

    at: datetime
    blocked: tuple[Stop, ...]
    moments: list[Moment]
    live: int


Blocked = dict[tuple[int, str], list[str]]
"""(place of a group, country) → EPR categories whose lack blocks it."""


def shop_impact(facts: ShopFacts, now: datetime) -> ShopImpact:
    """Return what stops selling when, if nothing is done; no statement beyond those of `facts`."""
    blocked = _blocked(facts, now)
    moments, before = [], blocked
    for at in _instants(facts, now)[:MOMENTS]:
        after = _blocked(facts, at)
        fresh = {key: lacked for key, lacked in after.items() if key not in before}
        moments.append(_moment(facts, at, fresh))
        before = after
    live = sum(group.products for group in facts.groups)
    return ShopImpact(now, _stops(facts.groups, blocked), moments, live)


def _instants(facts: ShopFacts, now: datetime) -> list[datetime]:
    table = facts.rules.requirements if facts.rules else []
    ends = {interrupts_at(row) for row in table}
    ends |= {row.valid_until for row in facts.coverage.registrations if row.counts_at(now)}
    return sorted(end for end in ends if end is not None and end > now)


def _blocked(facts: ShopFacts, at: datetime) -> Blocked:
    """Return which groups are blocked where at an instant, and for lack of what."""
    coverage = facts.coverage.at_instant(at)
    found: Blocked = {}
    for row in _interrupted(facts, at):
        for place, group in enumerate(facts.groups):
            if group.needs(row) and _lacks(coverage, group, row):
                found.setdefault((place, row.country), []).append(row.category.value)
    return found


def _interrupted(facts: ShopFacts, at: datetime) -> list[Requirement]:
    table = facts.rules.requirements if facts.rules else []
    return [row for row in table if (end := interrupts_at(row)) is not None and end <= at]


def _lacks(coverage: Coverage, group: Alike, row: Requirement) -> bool:
    found = coverage.of(group.sample, row.country, row.category.value)
    return found.state != CoverState.COVERED


def _moment(facts: ShopFacts, at: datetime, fresh: Blocked) -> Moment:
    table = facts.rules.requirements if facts.rules else []
    interrupted = dict.fromkeys(row.country for row in table if interrupts_at(row) == at)
    ending = [row for row in facts.coverage.registrations if row.valid_until == at]
    places = {place for place, _country in fresh}
    return Moment(
        at,
        tuple(interrupted),
        tuple(ending),
        _stops(facts.groups, fresh),
        sum(facts.groups[place].products for place in places),
    )


def _stops(groups: list[Alike], blocked: Blocked) -> tuple[Stop, ...]:
    products: Counter[str] = Counter()
    lacking: dict[str, Counter[str]] = {}
    for (place, country), lacked in blocked.items():
        products[country] += groups[place].products
        counted = lacking.setdefault(country, Counter())
        counted.update(dict.fromkeys(lacked, groups[place].products))
    return tuple(Stop(country, products[country], lacking[country]) for country in products)


# --- One certificate ------------------------------------------------------------------------------


@dataclass(frozen=True)
class CertificateImpact:
    """What a certificate carries: live products it covers, and those with no other number after it.

    `stops_at` is when the latter stop selling: its end, or the interruption if that comes later; none
    while nothing is interrupted. `ends_at` is the end that was asked about.
    """

    requirement: Requirement | None
    ends_at: datetime
    covers: int = 0
    depending: int = 0
    stops_at: datetime | None = None
    successors: list[Registration] = field(default_factory=list)
    """Registrations of the same country and category that wait for review."""


def certificate_impact(
    facts: ShopFacts, certificate: Registration, now: datetime
) -> CertificateImpact:
    """Return what stops selling when a certificate of the facts ends; no statement beyond theirs.

    It ends on its last day, or now if it has none (it is revoked) or does not count any more.
    """
    ends_at = max(certificate.valid_until or now, now)
    country, category = certificate.country, certificate.category
    requirement = facts.rules.requirement(country, category) if facts.rules else None
    if requirement is None:
        return CertificateImpact(None, ends_at)
    alone = Coverage(now, [certificate], facts.coverage.products, facts.coverage.categories)
    rest = facts.coverage.at_instant(ends_at, without=certificate.pk)
    covered = [
        group
        for group in facts.groups
        if group.needs(requirement) and not _lacks(alone, group, requirement)
    ]
    interrupted = interrupts_at(requirement)
    waiting = facts.coverage.line(certificate.seller_id, country, category).waiting
    return CertificateImpact(
        requirement,
        ends_at,
        covers=_sum(covered),
        depending=_sum(group for group in covered if _lacks(rest, group, requirement)),
        stops_at=max(ends_at, interrupted) if interrupted else None,
        successors=[row for row in waiting if row.pk != certificate.pk],
    )


def _sum(groups: Iterable[Alike]) -> int:
    return sum(group.products for group in groups)
