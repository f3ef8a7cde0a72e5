"""Certificates as pages and API show them: states, reasons, what is left of the validity (EPR-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Model, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from compliance.choices import CertificateStatus, FileKind
from compliance.models import (
    Certificate,
    CertificateCategory,
    CertificateEvent,
    CertificateFile,
    CertificateProduct,
)
from portal import platform_time
from portal.bilingual import reads_chinese
from portal.country_names import country_name
from portal.models import Seller
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import seller_scope

OVER = Q(status=CertificateStatus.VERIFIED, valid_until__isnull=False)


def status_filter(status: str, now: datetime) -> Q:
    """Return the condition for certificates shown with a status; time ends one before the night does."""
    over = OVER & Q(valid_until__lte=now)
    if status == CertificateStatus.VERIFIED:
        return Q(status=status) & ~over
    if status == CertificateStatus.EXPIRED:
        return Q(status=status) | over
    return Q(status=status)


@read_once
def certificates_of(seller: Seller) -> list[Certificate]:
    """Return the certificates of a shop by number and validity; one query, once for a page.

    As far as they say what they are of, and when they count; anything else of them is another query.
    """
    with seller_scope(seller):
        return _certificates()


@prepared
def _certificates() -> QuerySet[Certificate]:
    rows = Certificate.objects.order_by("country", "category", "number", "valid_from", "pk")
    return rows.only(
        "seller", "type", "status", "name", "own", "country", "category", "number", "covers_all",
        "submitted_at", "decided_at", "valid_from", "valid_until",
    )  # fmt: skip


def certificates_to_show() -> QuerySet[Certificate]:
    """Return the certificates in scope with their files and how much they cover; two queries."""
    files = CertificateFile.objects.select_related("file")
    return Certificate.objects.prefetch_related(Prefetch("files", queryset=files)).annotate(
        product_count=_number_of(CertificateProduct), category_count=_number_of(CertificateCategory)
    )


def certificate_countries() -> list[tuple[str, str]]:
    """Return code and name of the countries that certificates in scope are for; one query."""
    codes = Certificate.objects.exclude(country="").values_list("country", flat=True)
    return [(one, country_name(one)) for one in codes.order_by("country").distinct()]


def _number_of(links: type[Model]) -> Coalesce:
    """Count what a certificate is linked to; joined, two kinds of links would multiply."""
    rows = links.objects.filter(certificate=OuterRef("pk")).order_by().values("certificate")  # type: ignore[attr-defined]
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


def in_language(english: str, chinese: str) -> str:
    """Return the text in the reader's language, or the one there is."""
    first, second = (english, chinese)
    if reads_chinese():
        first, second = second, first
    return first or second


@dataclass(frozen=True)
class Reason:
    """Why a reviewer decided so, in the reader's language."""

    code: str
    text: str


def reason_of(decided: Certificate | CertificateEvent) -> Reason | None:
    """Return why it was rejected or revoked; none where nothing was."""
    if not decided.reason_code:
        return None
    return Reason(decided.reason_code, in_language(decided.reason_en, decided.reason_zh))


def days_left(certificate: Certificate, now: datetime) -> int | None:
    """Return on how many Pacific days it still counts, today included; none without an end or start."""
    if certificate.valid_until is None or not certificate.counts_at(now):
        return None
    last = certificate.valid_until
    days = (platform_time.day_of(last) - platform_time.day_of(now)).days
    # Cut short in the middle of a day, that day counts too.
    return days if platform_time.start_of(platform_time.day_of(last)) == last else days + 1


def files_of_kind(certificate: Certificate, kind: FileKind) -> list[CertificateFile]:
    """Return the prefetched files of a kind in their order."""
    return [one for one in certificate.files.all() if one.kind == kind]
