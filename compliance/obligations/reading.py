"""What a shop has to declare, and which numbers it lacks: the calendar as it is read (EPR-9).

An obligation hangs on a *registration*: the certificates of a shop with one country, category and
number. A renewal is a new certificate of the same registration, so what was ticked stays ticked and
no period falls between the two. Only the shop's own registrations oblige it: under an upstream
supplier's number the supplier declares.

Decided: while none of its certificates counts, a registration has no dues at all, neither open nor
overdue; what was declared stays in the database. Overdue is shown for a year.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from django.db.models import QuerySet

from compliance.bilingual import registration_text
from compliance.choices import CertificateType, ObligationState
from compliance.epr.schema import EPR
from compliance.models import Certificate, Declaration
from compliance.obligations.dues import DueDay, dues_under, period_text
from portal import platform_time
from portal.prepared_reads import prepared
from portal.services.rulebooks import RulebookInForce, rulebooks_published

LOOK_BACK = timedelta(days=366)
HORIZON = timedelta(days=400)
"""Far enough that every registration shows its next yearly declaration."""
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Registration:
    """An own registration that counts now.

    `certificate` is the one that counts, `pks` all of the number, `since` the Pacific day the first
    of them began to count, `first_at` that instant.
    """

    certificate: Certificate
    pks: tuple[int, ...]
    first_at: datetime

    @property
    def since(self) -> date:
        """Its first day."""
        return platform_time.day_of(self.first_at)

    @property
    def last_day(self) -> date | None:
        """Its last day as far as known; none while it has no end."""
        until = self.certificate.valid_until
        return None if until is None else platform_time.day_of(until - INSTANT)

    @property
    def name(self) -> str:
        """Country and category in the active language."""
        return registration_text(self.certificate.country, self.certificate.category)

    def uid(self, due: DueDay) -> str:
        """Return what identifies a due of it for good, without telling whose it is."""
        one = self.certificate
        parts = (one.seller_id, one.country, one.category, one.number, due.due_on)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Obligation:
    """One declaration of a registration: when, of what, and whether it is done."""

    registration: Registration
    due: DueDay
    today: date
    declared: Declaration | None = None

    @property
    def certificate(self) -> Certificate:
        """The certificate that counts."""
        return self.registration.certificate

    @property
    def state(self) -> ObligationState:
        """Where it stands today."""
        if self.declared is not None:
            return ObligationState.DONE
        return ObligationState.OVERDUE if self.due.due_on < self.today else ObligationState.DUE

    @property
    def period(self) -> str:
        """What is declared, in the active language."""
        return period_text(self.due)

    @property
    def can_be_ticked(self) -> bool:
        """Whether a tick can be set or taken back."""
        return self.declared is not None or self.due.can_be_made(self.today)

    @property
    def declared_at(self) -> datetime | None:
        """When it was ticked."""
        return self.declared.declared_at if self.declared else None


@dataclass(frozen=True)
class Calendar:
    """All obligations of a shop around a day, by day; read once."""

    today: date
    registrations: list[Registration]
    obligations: list[Obligation] = field(default_factory=list)

    @cached_property
    def overdue(self) -> list[Obligation]:
        """Not declared in time, the longest waiting first."""
        return self._in(ObligationState.OVERDUE)

    @cached_property
    def due(self) -> list[Obligation]:
        """Still to be declared, the next one first."""
        return self._in(ObligationState.DUE)

    @cached_property
    def done(self) -> list[Obligation]:
        """Declared, the newest due first."""
        return self._in(ObligationState.DONE)[::-1]

    def _in(self, state: ObligationState) -> list[Obligation]:
        return [one for one in self.obligations if one.state == state]

    def next_of(self, registration: Registration) -> Obligation | None:
        """Return what a registration has to declare first: overdue, or due next."""
        open_ones = [*self.overdue, *self.due]
        return next((one for one in open_ones if one.registration is registration), None)


def epr_books() -> list[RulebookInForce]:
    """Return every published EPR rulebook by its first day; one query."""
    return rulebooks_published(EPR)


def registrations_of(
    now: datetime, rows: Iterable[Certificate] | None = None
) -> list[Registration]:
    """Return the own registrations of the shop in scope that count at an instant; one query.

    `rows` are all its certificates in order, where they are known already.
    """
    if rows is None:
        rows = _begun(now)
    found: dict[tuple[str, str, str], list[Certificate]] = {}
    for row in rows:
        begun = row.valid_from is not None and row.valid_from <= now
        if begun and row.own and row.type == CertificateType.EPR:
            found.setdefault((row.country, row.category, row.number), []).append(row)
    registrations = []
    for certificates in found.values():
        counting = [one for one in certificates if one.counts_at(now)]
        if counting:
            first = min(one.valid_from for one in certificates if one.valid_from is not None)
            pks = tuple(one.pk for one in certificates)
            registrations.append(Registration(counting[-1], pks, first))
    return registrations


@prepared
def _begun(now: datetime) -> QuerySet[Certificate]:
    return Certificate.objects.filter(
        type=CertificateType.EPR, own=True, valid_from__isnull=False, valid_from__lte=now
    ).order_by("country", "category", "number", "valid_from", "pk")


def dues_of(
    registration: Registration, books: Sequence[RulebookInForce], start: date, end: date
) -> list[DueDay]:
    """Return what a registration owes on the days `start` … `end`, by day (EPR-9)."""
    certificate, last = registration.certificate, registration.last_day
    first = max(start, registration.since)
    until = end if last is None else min(end, last)
    dues = dues_under(books, certificate.country, certificate.category, first, until)
    return [due for due in dues if registration.since <= due.owed_from]


def calendar_of(now: datetime, rows: Iterable[Certificate] | None = None) -> Calendar:
    """Return the calendar of the shop in scope: a year back, and far enough ahead; three queries.

    `rows` as in `registrations_of`.
    """
    today = platform_time.day_of(now)
    registrations = registrations_of(now, rows)
    books = epr_books()
    ticks = _ticks(registrations)
    obligations = [
        Obligation(registration, due, today, ticks.get((position, due.due_on)))
        for position, registration in enumerate(registrations)
        for due in dues_of(registration, books, today - LOOK_BACK, today + HORIZON)
    ]
    obligations.sort(key=lambda one: (one.due, one.certificate.country, one.certificate.category))
    return Calendar(today, registrations, obligations)


def _ticks(registrations: list[Registration]) -> dict[tuple[int, date], Declaration]:
    """Return (position of the registration, due day) → its tick."""
    position_of = {pk: place for place, one in enumerate(registrations) for pk in one.pks}
    rows = _declarations(frozenset(position_of))
    return {(position_of[row.certificate_id], row.due_on): row for row in rows}


@prepared
def _declarations(certificates: Collection[int]) -> QuerySet[Declaration]:
    rows = Declaration.objects.filter(certificate_id__in=certificates)
    return rows.select_related("declared_by")
