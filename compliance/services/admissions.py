"""Who is admitted to restricted goods: what other parts ask (CRT-1, CMP-4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from compliance.admissions.rules import Admission, Document, HeldDocument, admission_of
from compliance.admissions.schema import ADMISSIONS, AdmissionRule, AdmissionRules
from compliance.choices import CertificateType
from compliance.models import Certificate
from compliance.models.certificates import counting_at
from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from portal.services.rulebooks import RulebookMissing, rulebook_for


def admitted(*, seller: Seller, admission: str, at: datetime | None = None) -> Admission:
    """Tell whether a seller is admitted at an instant (now), and what is missing (CRT-1, CMP-4).

    `admission` is a code of the rulebook; before its first day everybody is admitted. Two queries.
    Raises `LookupError` for a code the rulebook in force does not have.
    """
    return admitted_many(sellers=[seller], admission=admission, at=at)[seller.pk]


def admitted_many(
    *, sellers: Iterable[Seller], admission: str, at: datetime | None = None
) -> dict[int, Admission]:
    """Return the admission of many sellers by primary key; two queries for all of them."""
    at = at or platform_time.now()
    found = list(sellers)
    rules = admission_rules(at)
    rule = rules.admission(admission) if rules else None
    if rules is not None and rule is None:
        raise LookupError(f"no admission is called {admission!r}")
    if rules is None or rule is None or not started(rule, at):
        return {seller.pk: Admission(admission, True) for seller in found}
    held = documents_held(found, at)
    return {seller.pk: _judge(rules, rule, seller, held[seller.pk]) for seller in found}


def admissions_of(seller: Seller, at: datetime) -> list[tuple[AdmissionRule, Admission]]:
    """Return every admission there is with where a seller stands; two queries."""
    rules = admission_rules(at)
    if rules is None:
        return []
    held = documents_held([seller], at)[seller.pk]
    return [(rule, _judge(rules, rule, seller, held)) for rule in rules.admissions]


def admission_rules(at: datetime) -> AdmissionRules | None:
    """Return the admissions in force at an instant; none before the first rulebook."""
    try:
        content: AdmissionRules = rulebook_for(ADMISSIONS, platform_time.day_of(at)).content
    except RulebookMissing:
        return None
    return content


def started(rule: AdmissionRule, at: datetime) -> bool:
    """Tell whether an admission is asked for at an instant."""
    return platform_time.day_of(at) >= rule.starts_on


def documents_held(sellers: Iterable[Seller], at: datetime) -> Mapping[int, list[HeldDocument]]:
    """Return seller → certificates that count and that an admission could ask for; one query."""
    held: dict[int, list[HeldDocument]] = {seller.pk: [] for seller in sellers}
    with unscoped():
        rows = Certificate.objects.filter(counting_at(at), seller_id__in=held).exclude(
            type=CertificateType.EPR
        )
        columns = ("pk", "seller_id", "type", "admission", "own")
        for pk, seller_id, kind, admission, own in rows.order_by("pk").values_list(*columns):
            document = Document(CertificateType(kind), admission)
            held[seller_id].append(HeldDocument(pk, document, own))
    return held


def _judge(
    rules: AdmissionRules, rule: AdmissionRule, seller: Seller, held: list[HeldDocument]
) -> Admission:
    return admission_of(
        rules, rule, company_type=seller.company_type, province=seller.province, held=held
    )
