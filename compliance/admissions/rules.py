"""Whether a seller is admitted to goods that need it, and which documents are missing; pure (CRT-1, CMP-4).

Which admissions there are and what they need is data: the rulebook `compliance.admissions`. A document
counts while its certificate does, so an admission ends with the instant one of its documents ends.

Decided: a company that makes and trades may use either set of documents; where both are incomplete the
one that lacks least is named, the maker's first. Whether a licence allows a certain substance is asked
product by product, of `certificates`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from compliance.admissions.schema import AdmissionRule, AdmissionRules
from compliance.choices import AdmissionBarrier, CertificateType


@dataclass(frozen=True)
class Document:
    """A document an admission needs; `admission` is its code where the document is issued for it."""

    type: CertificateType
    admission: str = ""

    @property
    def name(self) -> str:
        """What it is called, in the active language."""
        return str(self.type.label)


@dataclass(frozen=True)
class HeldDocument:
    """A certificate that counts, as far as admissions ask."""

    certificate: int
    document: Document
    own: bool


@dataclass(frozen=True)
class Admission:
    """What a seller has reached: admitted, or what is missing, or why nothing would help.

    `needed` are all documents of the set that was judged, `certificates` those that are there.
    """

    code: str
    ok: bool
    needed: tuple[Document, ...] = ()
    missing: tuple[Document, ...] = ()
    barrier: AdmissionBarrier | None = None
    certificates: tuple[int, ...] = ()


def documents_of(rule: AdmissionRule, kinds: Collection[CertificateType]) -> tuple[Document, ...]:
    """Return documents of some types as an admission asks for them."""
    return tuple(
        Document(kind, rule.code if kind == CertificateType.ADMISSION else "") for kind in kinds
    )


def admission_of(
    rules: AdmissionRules,
    rule: AdmissionRule,
    *,
    company_type: str,
    province: str,
    held: Sequence[HeldDocument],
) -> Admission:
    """Judge one seller by the documents it holds (CRT-1, CMP-4)."""
    sets = [documents_of(rule, one.documents) for one in rule.sets_for(company_type)]
    if not sets:
        return Admission(rule.code, False, barrier=AdmissionBarrier.COMPANY_TYPE)
    if rule.mainland_only and not rules.is_mainland(province):
        return Admission(rule.code, False, barrier=AdmissionBarrier.REGION)
    usable = {one.document: one for one in held if one.own or not rule.own_only}
    lacking = [tuple(document for document in one if document not in usable) for one in sets]
    chosen = min(range(len(sets)), key=lambda place: len(lacking[place]))
    present = (usable[document] for document in sets[chosen] if document in usable)
    return Admission(
        code=rule.code,
        ok=not lacking[chosen],
        needed=sets[chosen],
        missing=lacking[chosen],
        certificates=tuple(one.certificate for one in present),
    )
