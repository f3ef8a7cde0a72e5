"""What one shop's live products need where, and have: counted set-wise, at any instants (EPR-11).

The gate answers for products; this answers for a whole shop without reading its products one by one.
Products that are alike to the gate (category, traits, countries, certificates that name them) are
counted by the database and judged once, by the gate's own `Coverage`; tests hold the sums equal to
`gate.requirements_of`. A constant number of statements, whatever the number of products, categories and
instants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Value

from compliance.certificates.reading import certificates_of
from compliance.choices import CertificateType, CoverState, GateDecision, TraitSource
from compliance.epr.coverage import Coverage, Covered, registrations_among
from compliance.epr.schema import EPR, EprRules, Requirement
from compliance.models import CertificateProduct, GatedProduct
from compliance.obligations.dues import register_before
from compliance.rules import decision_without, interrupts_at, sells_to
from portal import platform_time
from portal.models import Seller
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.services.rulebooks import RulebookMissing, rulebook_for

ASSUMED = {TraitSource.CATEGORY, TraitSource.FALLBACK}
"""Sources in which nobody has said it of the shop's own goods."""

MISSING_STATES = (CoverState.MISSING, CoverState.REJECTED, CoverState.NOT_COVERED)
EXPIRED_STATES = (CoverState.EXPIRED, CoverState.REVOKED)

# --- Products that are alike ----------------------------------------------------------------------


@dataclass(frozen=True)
class Alike:
    """Live products of which the gate says the same.

    `sample` stands for any of them: for products that no certificate names it has no key of its own.
    """

    sample: Covered
    traits: int
    countries: frozenset[str]
    """Those of the table that they are sold to."""
    assumed: bool
    products: int

    def needs(self, requirement: Requirement) -> bool:
        """Tell whether they are sold to the country and belong to the category."""
        return requirement.country in self.countries and bool(
            self.traits & requirement.category.bit
        )


def live_products(seller: Seller) -> QuerySet[GatedProduct]:
    """Return the products of a shop that are on sale."""
    return GatedProduct.objects.filter(seller=seller, live=True, deleted=False)


def sold_to(country: str) -> Q:
    """Return the condition "names no target countries, or this one"."""
    return Q(countries="") | Q(countries__contains=f",{country},")


class _Facts(NamedTuple):
    """What the gate asks of a product, as it is stored."""

    category: int
    traits: int
    source: str
    countries: str


UNNAMED = 0
"""Key of a sample that no certificate names: that of no product."""
NONE = frozenset[int]()
ANY_OTHER = 0
"""Category of a sample that no certificate is limited to: that of none."""


def products_alike(seller: Seller, countries: Collection[str]) -> list[Alike]:
    """Return the live products of a shop in groups; two statements.

    All are counted by what is stored of them, without looking at each for countries and certificates; those
    that certificates name are then taken out again and counted by their certificates, too.
    """
    number = Counter({_Facts(*facts): count for *facts, count in _counted(seller.pk)})
    named: dict[int, _Facts] = {}
    certificates: dict[int, set[int]] = {}
    for pk, certificate, *facts in _named(seller.pk):
        named[pk] = _Facts(*facts)
        certificates.setdefault(pk, set()).add(certificate)
    number.subtract(named.values())
    sold = {
        text: frozenset(country for country in countries if sells_to(text, country))
        for text in {facts.countries for facts in number}
    }
    samples: dict[tuple[Hashable, ...], tuple[int, _Facts]] = {}
    products: Counter[tuple[Hashable, ...]] = Counter()
    for pk, facts, count, by in chain(
        ((UNNAMED, facts, count, NONE) for facts, count in number.items() if count > 0),
        ((pk, facts, 1, frozenset(certificates[pk])) for pk, facts in named.items()),
    ):
        key = (
            facts.category, facts.traits, facts.source in ASSUMED, sold[facts.countries], by
        )  # fmt: skip
        samples.setdefault(key, (pk, facts))
        products[key] += count
    return [
        Alike(
            Covered(pk, seller.pk, facts.category),
            facts.traits,
            sold[facts.countries],
            facts.source in ASSUMED,
            products[key],
        )
        for key, (pk, facts) in samples.items()
    ]


def _as_covered(groups: Iterable[Alike], coverage: Coverage) -> list[Alike]:
    """Put groups together that differ only in a category no certificate is limited to."""
    limited = {category for _certificate, category in coverage.categories}
    found: Counter[tuple[Covered, int, frozenset[str], bool]] = Counter()
    for group in groups:
        sample = group.sample
        if sample.pk == UNNAMED and sample.category_id not in limited:
            sample = Covered(UNNAMED, sample.seller_id, ANY_OTHER)
        found[sample, group.traits, group.countries, group.assumed] += group.products
    return [Alike(*facts, products) for facts, products in found.items()]


@prepared
def _counted(seller_id: int) -> QuerySet[GatedProduct, Any]:
    # Compared with a value: SQLite looks up no column that is a condition by itself.
    rows = GatedProduct.objects.filter(seller=seller_id, live=Value(True), deleted=False)
    facts = rows.order_by().values_list("category_id", "traits", "source", "countries")
    return facts.annotate(products=Count("pk"))


@prepared
def _named(seller_id: int) -> QuerySet[CertificateProduct, Any]:
    """Return product, certificate and facts of the products that certificates of the shop name."""
    return CertificateProduct.objects.filter(
        certificate__type=CertificateType.EPR, certificate__seller=seller_id,
        product__live=True, product__deleted=False,
    ).values_list(
        "product_id", "certificate_id", "product__category_id", "product__traits",
        "product__source", "product__countries",
    )  # fmt: skip


# --- Figures --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A country and a category: how many live products need the number, by how they stand."""

    requirement: Requirement
    at: datetime
    counts: Counter[CoverState] = field(default_factory=Counter)

    @property
    def country(self) -> str:
        """ISO code."""
        return self.requirement.country

    @property
    def category(self) -> str:
        """Code of the EPR category."""
        return self.requirement.category.value

    @property
    def required(self) -> int:
        """Live products that need the number."""
        return self.counts.total()

    @property
    def covered(self) -> int:
        """Of them, those that have it."""
        return self.counts[CoverState.COVERED]

    @property
    def in_review(self) -> int:
        """Of them, those whose certificate waits for a decision."""
        return self.counts[CoverState.IN_REVIEW]

    @property
    def expired(self) -> int:
        """Of them, those whose certificate has expired or was revoked."""
        return sum(self.counts[state] for state in EXPIRED_STATES)

    @property
    def missing(self) -> int:
        """Of them, those with no certificate, a rejected one, or one for other products."""
        return sum(self.counts[state] for state in MISSING_STATES)

    @property
    def lacking(self) -> int:
        """Of them, those that do not have it, for whatever reason."""
        return self.required - self.covered

    @property
    def state(self) -> CoverState:
        """The gravest state of any product; not required where none needs it."""
        if not self.required:
            return CoverState.NOT_REQUIRED
        if self.missing:
            return CoverState.MISSING
        if self.expired:
            return CoverState.EXPIRED
        return CoverState.IN_REVIEW if self.in_review else CoverState.COVERED

    @property
    def interrupts_at(self) -> datetime | None:
        """First instant at which trade without the number is blocked."""
        return interrupts_at(self.requirement)

    @property
    def register_before(self) -> date | None:
        """Day by which registering has to begin (EPR-9)."""
        return register_before(self.requirement)

    @property
    def too_late_to_register(self) -> bool:
        """Whether registering anew may take longer than is left."""
        by = self.register_before
        return by is not None and by < platform_time.day_of(self.at)

    @property
    def decision(self) -> GateDecision:
        """What the gate says to those that lack it; allowed when none does."""
        return decision_without(self.requirement, self.at) if self.lacking else GateDecision.ALLOWED


@dataclass(frozen=True)
class CountryFigures:
    """Live products and a country: how many are sold there, lack a number, are blocked already."""

    country: str
    sold: int
    lacking: int
    """Of them, those that stop selling unless numbers come."""
    blocked: int
    interrupts_at: datetime | None
    """When the first of them stops, or has stopped."""


@dataclass(frozen=True)
class ShopOverview:
    """A shop at an instant. Products are counted once per country, whatever they lack there."""

    at: datetime
    rules: EprRules | None
    version: str
    cells: dict[tuple[str, str], Cell]
    countries: list[CountryFigures]
    live: int
    affected: int
    """Live products that stop selling somewhere, or have stopped."""
    blocked: int
    """Live products that have stopped somewhere."""
    assumed: int
    """Live products whose traits nobody has confirmed."""

    @cached_property
    def lacking(self) -> list[Cell]:
        """Cells in which products lack the number: what ends first, then what concerns most."""
        found = [cell for cell in self.cells.values() if cell.lacking]
        return sorted(found, key=lambda cell: (cell.interrupts_at or _NEVER, -cell.lacking))

    @property
    def interrupts_at(self) -> datetime | None:
        """The next interruption of the table at or after the instant, else the last one."""
        ends = sorted({end for cell in self.cells.values() if (end := cell.interrupts_at)})
        return next((end for end in ends if end > self.at), ends[-1] if ends else None)


_NEVER = platform_time.end_of(date(9000, 12, 31))


@dataclass
class ShopFacts:
    """All that the figures of a shop are made of, read once; judged at any instant."""

    seller: Seller
    rules: EprRules | None
    version: str
    groups: list[Alike]
    coverage: Coverage
    judged: dict[datetime, ShopOverview] = field(default_factory=dict)

    @classmethod
    def load(cls, seller: Seller, at: datetime) -> ShopFacts:
        """Read a shop under the rulebook of an instant's day; at most six statements."""
        try:
            book = rulebook_for(EPR, platform_time.day_of(at))
        except RulebookMissing:
            groups = products_alike(seller, ())
            return cls(seller, None, "", groups, Coverage.load([], at))
        rules: EprRules = book.content
        groups = products_alike(seller, rules.countries)
        certificates = certificates_of(seller) if groups else ()
        registrations = registrations_among(certificates, rules.countries)
        coverage = Coverage.limited(registrations, [group.sample for group in groups], at)
        return cls(seller, rules, book.version, _as_covered(groups, coverage), coverage)

    def at(self, at: datetime) -> ShopOverview:
        """Return the figures at an instant; no statement, and worked out once for each.

        The rulebook stays that of `load`: a later table would be another question.
        """
        if at not in self.judged:
            self.judged[at] = self._judge(at)
        return self.judged[at]

    def _judge(self, at: datetime) -> ShopOverview:
        coverage = self.coverage.at_instant(at)
        table = self.rules.requirements if self.rules else []
        cells = {(row.country, row.category.value): Cell(row, at) for row in table}
        sums = _Sums()
        for group in self.groups:
            lacked = []
            for row in table:
                if not group.needs(row):
                    continue
                found = coverage.of(group.sample, row.country, row.category.value)
                cells[row.country, row.category.value].counts[found.state] += group.products
                if found.state != CoverState.COVERED:
                    lacked.append(row)
            sums.add(group, lacked, at)
        return ShopOverview(
            at,
            self.rules,
            self.version,
            cells,
            [sums.of(country) for country in (self.rules.countries if self.rules else ())],
            live=sums.live,
            affected=sums.affected,
            blocked=sums.blocked_anywhere,
            assumed=sums.assumed,
        )


class _Sums:
    """Counts products once per country and once in all."""

    def __init__(self) -> None:
        self.live = self.affected = self.blocked_anywhere = self.assumed = 0
        self.sold: Counter[str] = Counter()
        self.lacking: Counter[str] = Counter()
        self.blocked: Counter[str] = Counter()
        self.ends: dict[str, datetime] = {}

    def add(self, group: Alike, lacked: list[Requirement], at: datetime) -> None:
        self.live += group.products
        self.assumed += group.products if group.assumed else 0
        stops: dict[str, datetime] = {}
        for row in lacked:
            end = interrupts_at(row)
            if end is not None:
                stops[row.country] = min(stops.get(row.country, end), end)
        self.affected += group.products if stops else 0
        blocked = any(end <= at for end in stops.values())
        self.blocked_anywhere += group.products if blocked else 0
        for country in group.countries:
            self.sold[country] += group.products
        for country, end in stops.items():
            self.lacking[country] += group.products
            self.blocked[country] += group.products if end <= at else 0
            self.ends[country] = min(self.ends.get(country, end), end)

    def of(self, country: str) -> CountryFigures:
        return CountryFigures(
            country,
            self.sold[country],
            self.lacking[country],
            self.blocked[country],
            self.ends.get(country),
        )


@read_once
def shop_facts(seller: Seller) -> ShopFacts:
    """Return the facts of a shop now; a page that asks in several places reads them once."""
    return ShopFacts.load(seller, platform_time.now())


def shop_overview(seller: Seller, at: datetime | None = None) -> ShopOverview:
    """Return what a shop's live products need and have now, or at an instant (EPR-11).

    In the scope of the shop; at most six statements.
    """
    at = at or platform_time.now()
    return ShopFacts.load(seller, at).at(at)
