"""Which certificates cover which products at an instant, for any number of products (EPR-11, EPR-12).

`Coverage.load` reads what is needed in at most three statements; the rest is done in memory. A
certificate counts from `valid_from` to before `valid_until`, whatever its status (decision 0023); the
status only explains why one that does not count does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from compliance.choices import CertificateStatus, CertificateType, CoverState
from compliance.models import Certificate, CertificateCategory, CertificateProduct
from compliance.models.certificates import WAITING
from portal.prepared_reads import prepared
from portal.scoping import unscoped

FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Found(NamedTuple):
    """The state of a requirement, and the certificate it speaks of."""

    state: CoverState
    certificate: int | None


MISSING = Found(CoverState.MISSING, None)


class Covered(NamedTuple):
    """What the gate asks of a product: primary keys."""

    pk: int
    seller_id: int
    category_id: int


class Registration(NamedTuple):
    """An EPR registration that was submitted at least once."""

    pk: int
    seller_id: int
    country: str
    category: str
    status: str
    covers_all: bool
    submitted_at: datetime | None
    decided_at: datetime | None
    valid_from: datetime | None
    valid_until: datetime | None

    def counts_at(self, at: datetime) -> bool:
        """Tell whether it covers anything at an instant."""
        return self.state_at(at) == CoverState.COVERED

    def state_at(self, at: datetime) -> CoverState | None:
        """Return what it is at an instant for a product in its scope; none when it says nothing.

        A replaced one says nothing once its successor counts.
        """
        if self.valid_from is not None and self.valid_from <= at:
            if self.valid_until is None or at < self.valid_until:
                return CoverState.COVERED
            return _ENDED.get(self.status)
        if self.submitted_at is None or at < self.submitted_at:
            return None
        if self.status in WAITING or self.valid_from is not None:
            return CoverState.IN_REVIEW
        if self.status == CertificateStatus.REJECTED:
            decided = self.decided_at is None or self.decided_at <= at
            return CoverState.REJECTED if decided else CoverState.IN_REVIEW
        return None

    def since(self, at: datetime) -> datetime:
        """Return when what it is at an instant began: the newest explanation is the useful one."""
        if self.valid_from is not None and self.valid_from <= at:
            return self.valid_until or FOR_EVER
        return self.decided_at or self.submitted_at or at


_ENDED: dict[str, CoverState] = {
    CertificateStatus.VERIFIED: CoverState.EXPIRED,
    CertificateStatus.EXPIRED: CoverState.EXPIRED,
    CertificateStatus.REVOKED: CoverState.REVOKED,
}
"""What a registration is after its end; `verified` until the night says that it expired (EPR-12)."""


@dataclass
class Line:
    """The registrations of a shop for a country and category at the instant, by what they are."""

    counting: list[Registration] = field(default_factory=list)
    waiting: list[Registration] = field(default_factory=list)
    over: list[Registration] = field(default_factory=list)
    """Rejected or at their end, the newest first."""


NO_LINE = Line()


@dataclass
class Coverage:
    """The registrations of some shops as they are at an instant."""

    at: datetime
    registrations: list[Registration]
    products: set[tuple[int, int]]
    """(certificate, product) of those that name products."""
    categories: set[tuple[int, int]]
    """(certificate, category) of those that name categories, with all below them."""

    def __post_init__(self) -> None:
        self.lines = _lines(self.registrations, self.at)

    @classmethod
    def load(
        cls,
        products: Collection[Covered],
        at: datetime,
        countries: Collection[str] | None = None,
    ) -> Coverage:
        """Read what may cover the products, in these countries or in all; at most three statements."""
        sellers = {product.seller_id for product in products}
        registrations = _registrations(sellers, countries) if sellers else []
        return cls.limited(registrations, products, at)

    @classmethod
    def limited(
        cls, registrations: list[Registration], products: Collection[Covered], at: datetime
    ) -> Coverage:
        """Read what registrations are limited to, as far as the products go; at most two statements."""
        narrow = [row.pk for row in registrations if not row.covers_all]
        return cls(
            at,
            registrations,
            _linked_products(narrow, products),
            _linked_categories(narrow, products),
        )

    @classmethod
    def of_shop(cls, seller_id: int, at: datetime) -> Coverage:
        """Read the registrations of a shop without what they are limited to; one statement."""
        return cls(at, _registrations({seller_id}, None), set(), set())

    def registration(self, pk: int) -> Registration | None:
        """Return one of the registrations; none for a draft or another shop's."""
        return next((row for row in self.registrations if row.pk == pk), None)

    def at_instant(self, at: datetime, *, without: int | None = None) -> Coverage:
        """Return the same registrations as they are at another instant; no statement.

        `without` leaves one out: what if it were not there?
        """
        left = [row for row in self.registrations if row.pk != without]
        return Coverage(at, left, self.products, self.categories)

    def line(self, seller_id: int, country: str, category: str) -> Line:
        """Return the registrations of a shop for a country and category, by what they are."""
        return self.lines.get((seller_id, country, category)) or NO_LINE

    def of(self, product: Covered, country: str, category: str) -> Found:
        """Return whether a product has the number, and if not, the most useful reason why.

        One in review says more than how an older one ended; of those that ended the newest counts; that
        a number counts for other products only is said when nothing was ever for this one.
        """
        line = self.line(product.seller_id, country, category)
        for row in line.counting:
            if self._covers(row, product):
                return Found(CoverState.COVERED, row.pk)
        for row in line.waiting:
            if self._covers(row, product):
                return Found(CoverState.IN_REVIEW, row.pk)
        for row in line.over:
            state = row.state_at(self.at)
            if state is not None and self._covers(row, product):
                return Found(state, row.pk)
        if line.counting:
            return Found(CoverState.NOT_COVERED, line.counting[0].pk)
        return MISSING

    def _covers(self, row: Registration, product: Covered) -> bool:
        return (
            row.covers_all
            or (row.pk, product.pk) in self.products
            or (row.pk, product.category_id) in self.categories
        )


def _lines(registrations: Iterable[Registration], at: datetime) -> dict[tuple[int, str, str], Line]:
    lines: dict[tuple[int, str, str], Line] = defaultdict(Line)
    for row in registrations:
        line = lines[row.seller_id, row.country, row.category]
        match row.state_at(at):
            case None:
                continue
            case CoverState.COVERED:
                line.counting.append(row)
            case CoverState.IN_REVIEW:
                line.waiting.append(row)
            case _:
                line.over.append(row)
    for line in lines.values():
        for rows in (line.counting, line.waiting, line.over):
            rows.sort(key=lambda row: (row.since(at), row.pk), reverse=True)
    return dict(lines)


def _registrations(
    sellers: Collection[int], countries: Collection[str] | None
) -> list[Registration]:
    with unscoped():
        rows = _submitted(sellers, countries or (), everywhere=countries is None)
        return [Registration(*row) for row in rows]


@prepared
def _submitted(
    sellers: Collection[int], countries: Collection[str], *, everywhere: bool
) -> QuerySet[Certificate, Any]:
    rows = Certificate.objects.filter(type=CertificateType.EPR, seller__in=sellers)
    if not everywhere:
        rows = rows.filter(country__in=countries)
    return (
        rows.exclude(status=CertificateStatus.DRAFT).order_by().values_list(*Registration._fields)
    )


def registrations_among(
    certificates: Iterable[Certificate], countries: Collection[str]
) -> list[Registration]:
    """Return those of a shop's certificates that are registrations of some countries, as `load` reads them."""
    return [
        Registration(*(getattr(one, name) for name in Registration._fields))
        for one in certificates
        if one.type == CertificateType.EPR
        and one.country in countries
        and one.status != CertificateStatus.DRAFT
    ]


def _linked_products(
    certificates: list[int], products: Collection[Covered]
) -> set[tuple[int, int]]:
    if not certificates:
        return set()
    with unscoped():
        rows = CertificateProduct.objects.filter(
            certificate__in=certificates, product__in={product.pk for product in products}
        )
        return set(rows.values_list("certificate_id", "product_id"))


def _linked_categories(
    certificates: list[int], products: Collection[Covered]
) -> set[tuple[int, int]]:
    if not certificates:
        return set()
    with unscoped():
        rows = CertificateCategory.objects.filter(
            certificate__in=certificates,
            category__below__descendant__in={product.category_id for product in products},
        )
        return set(rows.values_list("certificate_id", "category__below__descendant_id"))
