"""Certificates as the API shows and takes them (EPR-4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from compliance.certificates.fields import LISTS, TEXTS, CertificateFields
from compliance.certificates.reading import reason_of
from compliance.choices import (
    CertificateEventKind,
    CertificateStatus,
    CertificateType,
    EprCategory,
    FileKind,
)
from compliance.models import Certificate
from portal.services.files import file_url

SENT_TEXTS = (*TEXTS, "declaration")
SENT_LISTS = (*LISTS, "categories")


def fields_sent(sent: Any) -> CertificateFields:
    """Return the fields of a body; lists come repeated, separated by `|`, or as JSON lists."""
    given: dict[str, Any] = {
        name: sent.get(name) for name in SENT_TEXTS if sent.get(name) is not None
    }
    for name in SENT_LISTS:
        if name not in sent:
            continue
        several = sent.getlist(name) if hasattr(sent, "getlist") else sent.get(name)
        texts = isinstance(several, list) and all(isinstance(one, str) for one in several)
        given[name] = "|".join(several) if texts else several or ()
    given.setdefault("type", "")
    return CertificateFields(**given)


class CertificateFileSerializer(serializers.Serializer):
    """A file of a certificate."""

    kind = serializers.ChoiceField(FileKind.choices)
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    url = serializers.CharField(help_text="For signed-in members of the shop.")


class ReasonSerializer(serializers.Serializer):
    """Why a reviewer rejected or revoked it."""

    code = serializers.CharField()
    text = serializers.CharField(help_text="In the caller's language.")


class CertificateSerializer(serializers.Serializer):
    """A certificate of the shop."""

    id = serializers.IntegerField()
    type = serializers.ChoiceField(CertificateType.choices)
    country = serializers.CharField(allow_null=True, help_text="EPR registrations alone.")
    category = serializers.ChoiceField(EprCategory.choices, allow_null=True)
    number = serializers.CharField(help_text="Normalised.")
    status = serializers.ChoiceField(CertificateStatus.choices)
    reason = ReasonSerializer(allow_null=True)
    name = serializers.CharField()
    admission = serializers.CharField()
    entity_name = serializers.CharField()
    company_name = serializers.CharField()
    number_typed = serializers.CharField(help_text="As it was sent.")
    issued_on = serializers.DateField()
    expires_on = serializers.DateField(allow_null=True, help_text="Its last day, which counts.")
    scope_en = serializers.CharField()
    scope_zh = serializers.CharField()
    brands = serializers.ListField(child=serializers.CharField())
    device_types = serializers.ListField(child=serializers.CharField())
    cas_numbers = serializers.ListField(child=serializers.CharField())
    own = serializers.BooleanField(help_text="False: an upstream supplier's.")
    covers_all = serializers.BooleanField()
    product_count = serializers.IntegerField()
    category_count = serializers.IntegerField()
    files = CertificateFileSerializer(many=True)
    submitted_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="Decided by then.")
    decided_at = serializers.DateTimeField(allow_null=True)
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    replaces = serializers.IntegerField(
        allow_null=True, help_text="The verified certificate it renews."
    )
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class CertificateEventSerializer(serializers.Serializer):
    """A step in the life of a certificate."""

    kind = serializers.ChoiceField(CertificateEventKind.choices)
    at = serializers.DateTimeField()
    reason = ReasonSerializer(allow_null=True)


class CertificateDetailSerializer(CertificateSerializer):
    """A certificate with all it covers and what happened to it."""

    products = serializers.ListField(child=serializers.CharField(), help_text="Product ids.")
    categories = serializers.ListField(child=serializers.CharField(), help_text="Codes.")
    events = CertificateEventSerializer(many=True)


class CertificatePageSerializer(serializers.Serializer):
    """A page of certificates."""

    results = CertificateSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class CertificateRequestSerializer(serializers.Serializer):
    """What is sent; only for the schema: the service says what is wrong, all of it at once."""

    type = serializers.ChoiceField(CertificateType.choices)
    entity_name = serializers.CharField(help_text="The certified entity.")
    country = serializers.CharField(required=False, help_text="EPR: e.g. `DE`.")
    category = serializers.ChoiceField(EprCategory.choices, required=False)
    number = serializers.CharField(help_text="Spaces, hyphens and dots do not matter.")
    company_name = serializers.CharField(required=False, help_text="Required for EPR.")
    issued_on = serializers.DateField()
    expires_on = serializers.DateField(required=False)
    name = serializers.CharField(required=False)
    admission = serializers.CharField(required=False)
    scope_en = serializers.CharField(required=False, help_text="At most 1,024 characters.")
    scope_zh = serializers.CharField(required=False, help_text="At most 1,024 characters.")
    brands = serializers.ListField(child=serializers.CharField(), required=False)
    device_types = serializers.ListField(child=serializers.CharField(), required=False)
    cas_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    own = serializers.BooleanField(
        required=False, help_text="EPR: false for an upstream supplier's number."
    )
    declaration = serializers.BooleanField(help_text="Must be true.")
    files = serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text="1 to 5 files (PDF, PNG, JPEG) of up to 10 MB. A change without any keeps them.",
    )
    invoices = serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text="1 to 5 purchase invoices, when it is an upstream supplier's.",
    )
    products = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Product ids, or one text separated by `|`. With neither products nor"
        " categories it covers all products.",
    )
    categories = serializers.ListField(child=serializers.CharField(), required=False)


_PLAIN = (
    "type",
    "number",
    "name",
    "admission",
    "entity_name",
    "company_name",
    "number_typed",
    "issued_on",
    "expires_on",
    "scope_en",
    "scope_zh",
    "brands",
    "device_types",
    "cas_numbers",
    "own",
    "covers_all",
    "submitted_at",
    "due_at",
    "decided_at",
    "valid_from",
    "valid_until",
    "changed_at",
    "version",
)


def certificate_row(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Return a certificate of `certificates_to_show` as `CertificateSerializer` has it."""
    row = {name: getattr(certificate, name) for name in _PLAIN}
    reason = reason_of(certificate)
    return row | {
        "id": certificate.pk,
        "country": certificate.country or None,
        "category": certificate.category or None,
        "status": certificate.shown_status(now),
        "reason": reason and {"code": reason.code, "text": reason.text},
        "product_count": certificate.product_count,  # type: ignore[attr-defined]
        "category_count": certificate.category_count,  # type: ignore[attr-defined]
        "replaces": certificate.replaces_id,
        "files": [
            {
                "kind": one.kind,
                "name": one.file.name,
                "size": one.file.size,
                "sha256": one.file.sha256,
                "url": file_url(one.file),
            }
            for one in certificate.files.all()
        ],
    }


def detail_row(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Return a certificate as `CertificateDetailSerializer` has it; three queries more."""
    return certificate_row(certificate, now) | {
        "products": sorted(certificate.products.values_list("product_id", flat=True)),
        "categories": sorted(certificate.categories.values_list("code", flat=True)),
        "events": [
            {"kind": one.kind, "at": one.at, "reason": _event_reason(one)}
            for one in certificate.events.all()
        ],
    }


def _event_reason(event: Any) -> dict[str, str] | None:
    reason = reason_of(event)
    return None if reason is None else {"code": reason.code, "text": reason.text}
