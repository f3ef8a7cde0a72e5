"""What is typed into the certificate form: plain texts by field, nothing checked (EPR-4, EPR-6).

The form keeps what was typed through every answer; `fields` judges it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict

from compliance.certificates.fields import LISTS, TEXTS, CertificateFields
from compliance.choices import CertificateType, FileKind
from compliance.models import Certificate

TYPED = (*TEXTS, "coverage", *LISTS)
"""What is typed; lists have one item per line or separated by a comma."""
SOME, ALL = "some", "all"
KEPT = {FileKind.CERTIFICATE: "kept_file", FileKind.INVOICE: "kept_invoice"}
OWN, UPSTREAM = "own", "upstream"
_BETWEEN = re.compile(r"[\n,，;；、|]")


def content_posted(posted: QueryDict) -> dict[str, Any]:
    """Return what a form sent."""
    content: dict[str, Any] = {name: posted.get(name, "") for name in TYPED}
    content["declaration"] = bool(posted.get("declaration"))
    content["categories"] = list(dict.fromkeys(posted.getlist("categories")))
    removed = posted.get("remove_file", "")
    for name in KEPT.values():
        tokens = dict.fromkeys(posted.getlist(name))
        content[name] = [token for token in tokens if token and token != removed]
    return content


def content_new(query: Mapping[str, str]) -> dict[str, Any]:
    """Return what a new form starts with: the page before it may name type, place and coverage."""
    content: dict[str, Any] = {"type": CertificateType.EPR.value, "coverage": ALL}
    for name in ("type", "country", "category", "admission", "number", "name"):
        if query.get(name):
            content[name] = query[name].replace("\0", "")[:80]
    content["products"] = "\n".join(items_of(query.get("products", "")))
    content["categories"] = items_of(query.get("categories", ""))
    if content["products"] or content["categories"]:
        content["coverage"] = SOME
    return content


def content_of(certificate: Certificate) -> dict[str, Any]:
    """Return a stored certificate as the form shows it, with its files."""
    content: dict[str, Any] = {name: getattr(certificate, name) for name in TEXTS if name != "own"}
    content["number"] = certificate.number_typed
    content["issued_on"] = certificate.issued_on.isoformat()
    content["expires_on"] = certificate.expires_on.isoformat() if certificate.expires_on else ""
    content["own"] = OWN if certificate.own else UPSTREAM
    content["coverage"] = ALL if certificate.covers_all else SOME
    for name in ("brands", "device_types", "cas_numbers"):
        content[name] = "\n".join(getattr(certificate, name))
    products = certificate.products.order_by("product_id").values_list("product_id", flat=True)
    content["products"] = "\n".join(products)
    codes = certificate.categories.order_by("path_en").values_list("code", flat=True)
    content["categories"] = list(codes)
    files = list(certificate.files.select_related("file"))
    for kind, name in KEPT.items():
        content[name] = [one.file.token for one in files if one.kind == kind]
    return content


def content_renewing(certificate: Certificate) -> dict[str, Any]:
    """Return the form of a renewal: everything but the days and the files is as it was."""
    content = content_of(certificate)
    content |= {"issued_on": "", "expires_on": "", **{name: [] for name in KEPT.values()}}
    return content


def fields_from(content: Mapping[str, Any]) -> CertificateFields:
    """Return the fields as the service takes them."""
    covers_some = content.get("coverage") == SOME
    own = {OWN: True, UPSTREAM: False}.get(str(content.get("own", "")))
    given: dict[str, Any] = {name: content.get(name, "") for name in TEXTS}
    del given["own"]
    given |= {name: items_of(content.get(name, "")) for name in LISTS}
    if not covers_some:
        given["products"] = []
    return CertificateFields(
        **given,
        own=own,
        declaration=bool(content.get("declaration")),
        categories=content.get("categories", []) if covers_some else (),
    )


def items_of(text: str) -> list[str]:
    """Return the items of a text with one per line or separated by commas of any script."""
    items = (one.strip() for one in _BETWEEN.split(text.replace("\0", "")))
    return list(dict.fromkeys(one for one in items if one))


def with_items(text: str, more: Iterable[str]) -> str:
    """Return a text of items with others added, one per line."""
    return "\n".join(dict.fromkeys((*items_of(text), *more)))
