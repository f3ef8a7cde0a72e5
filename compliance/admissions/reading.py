"""Where a shop stands with its admissions, document by document: for page and API (CRT-1, CMP-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from compliance.admissions.rules import Admission, Document
from compliance.admissions.schema import AdmissionRule
from compliance.choices import CertificateStatus, CertificateType
from compliance.models import Certificate
from compliance.services.admissions import admissions_of, started
from portal.models import Seller

WAITING = (CertificateStatus.SUBMITTED, CertificateStatus.IN_REVIEW)


@dataclass(frozen=True)
class DocumentState:
    """A document an admission needs, the certificate that serves, and one that waits for review."""

    document: Document
    held: Certificate | None
    waiting: Certificate | None

    @property
    def upload_query(self) -> str:
        """The query that lets the upload form begin with this document."""
        fields = {"type": self.document.type.value, "admission": self.document.admission}
        return "?" + urlencode({name: value for name, value in fields.items() if value})


@dataclass(frozen=True)
class AdmissionState:
    """An admission as the shop sees it."""

    rule: AdmissionRule
    standing: Admission
    documents: tuple[DocumentState, ...]
    begun: bool

    @property
    def state(self) -> str:
        """`admitted`, `missing`, or `barred` where no document helps."""
        if self.standing.barrier is not None:
            return "barred"
        return "admitted" if self.standing.ok else "missing"

    @property
    def ends_on(self) -> date | None:
        """The last day of the admission: that of the document that ends first."""
        days = (one.held.expires_on for one in self.documents if one.held)
        return min((day for day in days if day is not None), default=None)


def admission_states(seller: Seller, now: datetime) -> list[AdmissionState]:
    """Return every admission with the shop's documents, in the shop's scope; four queries."""
    judged = admissions_of(seller, now)
    held_pks = {pk for _rule, standing in judged for pk in standing.certificates}
    kinds = {document.type for _rule, standing in judged for document in standing.needed}
    held = {_document(one): one for one in Certificate.objects.filter(pk__in=held_pks)}
    waiting = {
        _document(one): one
        for one in Certificate.objects.filter(type__in=kinds, status__in=WAITING).order_by("pk")
    }
    return [
        AdmissionState(
            rule,
            standing,
            tuple(
                DocumentState(
                    document,
                    None if document in standing.missing else held.get(document),
                    waiting.get(document),
                )
                for document in standing.needed
            ),
            started(rule, now),
        )
        for rule, standing in judged
    ]


def _document(certificate: Certificate) -> Document:
    return Document(CertificateType(certificate.type), certificate.admission)
