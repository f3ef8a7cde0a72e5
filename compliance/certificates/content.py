"""What a certificate says as a whole, and the digest by which an approval names it (EPR-4, EPR-7)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from compliance.certificates.fields import CertificateFields
from compliance.models import Certificate

COLUMNS = (
    "type",
    "name",
    "admission",
    "entity_name",
    "company_name",
    "country",
    "category",
    "number",
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
)


def certificate_content(certificate: Certificate) -> dict[str, Any]:
    """Return fields, coverage and files as JSON-able values; a constant number of queries.

    Files are `{kind, name, sha256, token}` in their order, products external ids, categories codes.
    """
    content = {name: _plain(getattr(certificate, name)) for name in COLUMNS}
    content["seller"] = certificate.seller.member_id
    content["products"] = sorted(certificate.products.values_list("product_id", flat=True))
    content["categories"] = sorted(certificate.categories.values_list("code", flat=True))
    content["files"] = [
        {
            "kind": one.kind,
            "name": one.file.name,
            "sha256": one.file.sha256,
            "token": one.file.token,
        }
        for one in certificate.files.select_related("file")
    ]
    return content


def content_digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 over the fields and the files' hashes, in a canonical spelling."""
    hashed = content | {"files": [[one["kind"], one["sha256"]] for one in content["files"]]}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def certificate_digest(certificate: Certificate) -> str:
    """Return the digest of a certificate as it is stored now."""
    return content_digest(certificate_content(certificate))


def fields_of(certificate: Certificate) -> CertificateFields:
    """Return a stored certificate in the form in which one is given, e.g. to check it again."""
    stored = {name: getattr(certificate, name) for name in COLUMNS if name != "covers_all"}
    stored["number"] = stored.pop("number_typed")
    return CertificateFields(
        **stored,
        declaration=True,
        products=list(certificate.products.values_list("product_id", flat=True)),
        categories=list(certificate.categories.values_list("code", flat=True)),
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
