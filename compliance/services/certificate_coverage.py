"""What a certificate covers: products and categories by their external ids (EPR-4, K-8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _

from compliance.certificates.content import certificate_digest
from compliance.certificates.fields import CheckedFields, Problems
from compliance.models import (
    Certificate,
    CertificateCategory,
    CertificateProduct,
    GatedProduct,
)
from compliance.models.certificates import WAITING
from portal.ingest.cells import quote
from portal.models import Category
from portal.services import audit

NAMED_AT_MOST = 5
Coverage = tuple[list[int], list[int]]
"""Primary keys of products, of categories."""


def coverage_of(checked: CheckedFields) -> tuple[Coverage, Problems]:
    """Return what a certificate covers; ids that are not the shop's are like unknown ones (K-8)."""
    problems: Problems = []
    products = GatedProduct.objects.filter(product_id__in=checked.products)
    found = dict(products.values_list("product_id", "pk")) if checked.products else {}
    if unknown := [one for one in checked.products if one not in found]:
        text = _("Not products of this shop: %(ids)s.") % {"ids": _some(unknown)}
        problems.append(("products", text))
    categories = Category.objects.filter(code__in=checked.categories)
    known = dict(categories.values_list("code", "pk")) if checked.categories else {}
    if unknown := [one for one in checked.categories if one not in known]:
        text = _("There are no such categories: %(codes)s.") % {"codes": _some(unknown)}
        problems.append(("categories", text))
    return (list(found.values()), list(known.values())), problems


def _some(ids: list[str]) -> str:
    shown = ", ".join(quote(one) for one in ids[:NAMED_AT_MOST])
    return shown if len(ids) <= NAMED_AT_MOST else f"{shown}, …"


def coverage_put(certificate: Certificate, coverage: Coverage) -> None:
    """Make the links to products and categories what they shall be."""
    kinds: list[tuple[Any, str, list[int]]] = [
        (CertificateProduct, "product_id", coverage[0]),
        (CertificateCategory, "category_id", coverage[1]),
    ]
    for model, name, wanted in kinds:
        links = model.objects.filter(certificate=certificate)
        held = set(links.values_list(name, flat=True))
        links.filter(**{f"{name}__in": held.difference(wanted)}).delete()
        model.objects.bulk_create(
            [
                model(certificate=certificate, **{name: pk})
                for pk in sorted(set(wanted).difference(held))
            ],
            batch_size=1000,
        )


@contextmanager
def products_going(product_ids: Collection[str]) -> Iterator[None]:
    """Let products go for good inside the block, unscoped and in a transaction.

    Waiting certificates that name them get the digest of what is left: an approval names what its
    reviewer saw, so who had opened one before has to look again, and can then approve it (EPR-7).
    """
    named = CertificateProduct.objects.filter(product__product_id__in=product_ids)
    waiting = list(
        Certificate.objects.select_for_update(no_key=True, of=("self",))
        .select_related("seller")
        .filter(status__in=WAITING, pk__in=named.values("certificate"))
        .order_by("pk")
    )
    yield
    for one in waiting:
        before, one.digest = one.digest, certificate_digest(one)
        one.save(update_fields=["digest"])
        audit.record(
            action="certificate.products_gone",
            actor=None,
            obj=one,
            before={"digest": before},
            after={"digest": one.digest},
        )
