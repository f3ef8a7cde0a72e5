"""What a reviewer looks at: one certificate with everything known around it (EPR-5, EPR-7, EPR-8).

A constant number of queries, however many shops, files and earlier decisions there are. Unscoped: for
the pages of staff alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from PIL import Image

from compliance.certificates.numbers import check_number
from compliance.choices import CertificateEventKind, CertificateStatus, CertificateType, FileKind
from compliance.models import (
    Certificate,
    CertificateEvent,
    CertificateFile,
    RegisterEntry,
    RegisterMatch,
)
from compliance.models.certificates import WAITING
from compliance.review.company_names import name_similarity
from compliance.review.registers import REGISTERS
from compliance.services.certificates import upload_rules
from compliance.services.registers import register_entries
from compliance.services.reviews import CLAIM_LASTS
from portal import platform_time
from portal.models import Member, StoredFile, User
from portal.services.file_content import FileType
from portal.services.files import file_url

SHOWN = 20
LIKE_NAMES = 80
"""Names less alike than this (0–100) are worth a second look."""
SURE = 90
SOON_DAYS = 30
DECISIONS = (
    CertificateEventKind.FIRST_APPROVAL,
    CertificateEventKind.APPROVED,
    CertificateEventKind.REJECTED,
    CertificateEventKind.REVOKED,
)


@dataclass(frozen=True)
class Hint:
    """Something to look at before deciding; `tone` is `warning`, `error` or `info`."""

    tone: str
    text: str


@dataclass(frozen=True)
class ShownFile:
    """A file as the page shows it: pictures in place, everything else as a download (EPR-6)."""

    kind: str
    file: StoredFile

    @property
    def url(self) -> str:
        """Where it is had."""
        return file_url(self.file)

    @property
    def is_image(self) -> bool:
        """Whether it may be shown in place."""
        return FileType(self.file.content_type).is_image

    @cached_property
    def pixels(self) -> tuple[int, int] | None:
        """Width and height, read from the head of the file: the page keeps its place; none if unreadable."""
        try:
            with self.file.file.open("rb") as stream, Image.open(stream) as picture:
                return picture.size
        except (OSError, ValueError, Image.DecompressionBombError):
            return None


@dataclass(frozen=True)
class CaseFile:
    """A certificate as it lies before a reviewer."""

    certificate: Certificate
    files: list[ShownFile]
    products: list[str]
    product_count: int
    categories: list[Any]
    hints: list[Hint]
    match: RegisterMatch | None
    entries: list[RegisterEntry]
    same_number: list[Certificate]
    same_files: list[CertificateFile]
    decided: dict[str, int]
    earlier: list[CertificateEvent]
    events: list[CertificateEvent]
    own_shop: bool
    now: datetime

    @property
    def documents(self) -> list[ShownFile]:
        """Files of the certificate itself."""
        return [one for one in self.files if one.kind == FileKind.CERTIFICATE]

    @property
    def invoices(self) -> list[ShownFile]:
        """Invoices of the upstream supplier."""
        return [one for one in self.files if one.kind == FileKind.INVOICE]

    @property
    def claim_is_old(self) -> bool:
        """Whether another reviewer may take the claim over."""
        claimed_at = self.certificate.claimed_at
        return claimed_at is not None and claimed_at <= self.now - CLAIM_LASTS

    @property
    def overdue(self) -> bool:
        """Whether it waits past its due time."""
        due = self.certificate.due_at
        return self.certificate.status in WAITING and due is not None and due <= self.now


def case_file(certificate: Certificate, *, reviewer: User) -> CaseFile:
    """Return everything a reviewer needs about a certificate; about fifteen queries."""
    now = platform_time.now()
    files = list(certificate.files.select_related("file"))
    match = RegisterMatch.objects.filter(certificate=certificate).first()
    is_epr = certificate.type == CertificateType.EPR
    entries = register_entries([certificate.number]) if is_epr else []
    same_number = _same_number(certificate)
    same_files = _same_files(certificate, files)
    events = list(certificate.events.select_related("by"))
    decided = dict(
        Certificate.objects.filter(seller=certificate.seller_id)
        .exclude(pk=certificate.pk)
        .order_by()
        .values_list("status")
        .annotate(Count("pk"))
    )
    return CaseFile(
        certificate=certificate,
        files=[ShownFile(one.kind, one.file) for one in files],
        products=list(
            certificate.products.order_by("product_id").values_list("product_id", flat=True)[:SHOWN]
        ),
        product_count=certificate.products.count(),
        categories=list(certificate.categories.order_by("code")),
        hints=[
            *_number_hints(certificate),
            *_content_hints(certificate, now),
            *_register_hints(certificate, match, now),
            *_twin_hints(certificate, same_number, same_files, now),
        ],
        match=match,
        entries=[one for one in entries if one.country == certificate.country][:SHOWN],
        same_number=same_number,
        same_files=same_files,
        decided={str(CertificateStatus(status).label): count for status, count in decided.items()},
        earlier=_earlier(certificate),
        events=events,
        own_shop=Member.everywhere.filter(user=reviewer, seller=certificate.seller_id).exists(),
        now=now,
    )


def _same_number(certificate: Certificate) -> list[Certificate]:
    """Return other certificates with the number that were ever submitted, of whatever shop."""
    same = Certificate.objects.filter(number=certificate.number).exclude(pk=certificate.pk)
    same = same.exclude(status=CertificateStatus.DRAFT)
    return list(same.select_related("seller").order_by("-changed_at", "-pk")[:SHOWN])


def _same_files(certificate: Certificate, files: list[CertificateFile]) -> list[CertificateFile]:
    """Return files of other certificates with the very same content."""
    same = CertificateFile.objects.filter(file__sha256__in={one.file.sha256 for one in files})
    same = same.exclude(certificate=certificate.pk).select_related("certificate__seller", "file")
    return list(same.order_by("-pk")[:SHOWN])


def _earlier(certificate: Certificate) -> list[CertificateEvent]:
    """Return the newest decisions about other certificates of the shop."""
    decisions = CertificateEvent.objects.filter(
        certificate__seller=certificate.seller_id, kind__in=DECISIONS
    )
    decisions = decisions.exclude(certificate=certificate.pk).select_related("certificate", "by")
    return list(decisions.order_by("-at", "-pk")[:10])


# --- Hints --------------------------------------------------------------------------------------


def _number_hints(certificate: Certificate) -> list[Hint]:
    """Return what the format of the number says (EPR-5)."""
    if certificate.type != CertificateType.EPR:
        return []
    rules = upload_rules(platform_time.today())
    checked = check_number(
        rules,
        certificate.country,
        certificate.category,
        certificate.number_typed,
        certificate.issued_on,
    )
    found = [Hint("error", checked.problem.text)] if checked.problem else []
    return found + [Hint("warning", text) for text in checked.warnings]


def _content_hints(certificate: Certificate, now: datetime) -> list[Hint]:
    """Return what does not go together in what the seller filled in."""
    found = []
    if not certificate.own:
        text = _("An upstream supplier's number: compare the invoice with holder and products.")
        found.append(Hint("info", text))
    elif certificate.company_name:
        alike = max(
            name_similarity(certificate.company_name, name)
            for name in (certificate.seller.name_en, certificate.seller.name_zh)
        )
        if alike < LIKE_NAMES:
            text = _(
                "Given as own, but the registered company is not called like the shop (%(alike)d %%)."
            )
            found.append(Hint("warning", text % {"alike": alike}))
    if certificate.expires_on and certificate.status in WAITING:
        left = (certificate.expires_on - platform_time.day_of(now)).days
        if left < 0:
            found.append(Hint("error", _("It has expired: it can only be rejected.")))
        elif left <= SOON_DAYS:
            text = ngettext("It expires in %(left)d day.", "It expires in %(left)d days.", left)
            found.append(Hint("warning", text % {"left": left}))
    return found


def _register_hints(
    certificate: Certificate, match: RegisterMatch | None, now: datetime
) -> list[Hint]:
    """Return what the register says against it, or that it knows nothing (EPR-8)."""
    if match is None:
        return []
    found = []
    if match.ended_on is not None and match.ended_on <= platform_time.day_of(now):
        text = _("The register says that this registration ended on %(day)s.")
        found.append(Hint("error", text % {"day": match.ended_on.isoformat()}))
    if match.holder and match.similarity < SURE:
        text = _("The register names another holder: %(holder)s (%(alike)d %% alike).")
        found.append(Hint("warning", text % {"holder": match.holder, "alike": match.similarity}))
    brands = {str(one).casefold() for one in certificate.brands}
    if match.brand and brands and match.brand.casefold() not in brands:
        text = _("The register names the brand %(brand)s, which the seller does not.")
        found.append(Hint("warning", text % {"brand": match.brand}))
    return found


def _twin_hints(
    certificate: Certificate,
    same_number: list[Certificate],
    same_files: list[CertificateFile],
    now: datetime,
) -> list[Hint]:
    """Return what other shops and certificates have of it."""
    found = []
    others = [one for one in same_number if one.seller_id != certificate.seller_id]
    owners = [one for one in others if one.own and one.counts_at(now)]
    if owners and certificate.own:
        text = _("%(shop)s has this number verified as its own: it cannot be approved as own here.")
        found.append(Hint("error", text % {"shop": owners[0].seller.member_id}))
    elif others:
        shops = ", ".join(sorted({one.seller.member_id for one in others}))
        text = _("Other shops use this number, too: %(shops)s.")
        found.append(Hint("warning", text % {"shops": shops}))
    elsewhere = {
        one.certificate.seller.member_id
        for one in same_files
        if one.certificate.seller_id != certificate.seller_id
    }
    if elsewhere:
        text = _("Another shop uploaded the very same file: %(shops)s.")
        found.append(Hint("error", text % {"shops": ", ".join(sorted(elsewhere))}))
    return found


# --- The queue ----------------------------------------------------------------------------------


def next_waiting(reviewer: User) -> int | None:
    """Return the certificate the reviewer should open next: what is due first and hers to decide."""
    waiting = open_to(reviewer).order_by(F("due_at").asc(nulls_last=True), "pk")
    return waiting.values_list("pk", flat=True).first()


def open_to(reviewer: User) -> QuerySet[Certificate]:
    """Return what waits for this reviewer: unclaimed or claimed by her, of other shops than hers."""
    shops = Member.everywhere.filter(user=reviewer).values("seller_id")
    found: QuerySet[Certificate] = (
        Certificate.objects.filter(
            Q(status=CertificateStatus.SUBMITTED)
            | Q(status=CertificateStatus.IN_REVIEW, claimed_by=reviewer)
        )
        .exclude(seller__in=shops)
        .exclude(first_approved_by=reviewer)
    )
    return found


def register_name(code: str) -> str:
    """Return what a register is called."""
    return str(REGISTERS[code].name) if code in REGISTERS else code
