"""Labels products carry for what certifies them: patents, reports, systems, marks (CRT-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from compliance.choices import CertificateType
from compliance.models import Certificate, CertificateCategory, CertificateProduct, GatedProduct
from compliance.models.certificates import counting_at
from portal.models import CategoryClosure
from portal.prepared_reads import prepared

LABEL_TYPES = (
    CertificateType.MANAGEMENT_SYSTEM,
    CertificateType.TEST_REPORT,
    CertificateType.PATENT,
    CertificateType.TRADEMARK,
    CertificateType.BRAND_AUTHORISATION,
    CertificateType.COPYRIGHT,
    CertificateType.HONOUR,
    CertificateType.ADMISSION,
)
"""What speaks for a product. Registrations and licences are asked for by gates instead."""


@dataclass(frozen=True)
class Label:
    """A verified certificate that covers a product; `linked` when it names the product itself."""

    certificate: int
    type: CertificateType
    name: str
    number: str
    expires_on: date | None
    linked: bool

    @property
    def text(self) -> str:
        """What it is called: its own name, else its type in the active language."""
        return self.name or str(self.type.label)


def labels_of(product: GatedProduct, at: datetime) -> list[Label]:
    """Return the labels of a product of the shop in scope: what names it first; one query."""
    rows = _speaking(product.pk, product.category_id, product.seller_id, at)
    return sorted((_label(row) for row in rows), key=_order)


@prepared
def _speaking(product: int, category: int, seller_id: int, at: datetime) -> QuerySet[Certificate]:
    here = {"certificate": OuterRef("pk")}
    by_product = CertificateProduct.objects.filter(product=product, **here)
    above = CategoryClosure.objects.filter(descendant=category).values("ancestor")
    by_category = CertificateCategory.objects.filter(category__in=above, **here)
    rows = Certificate.objects.filter(counting_at(at), seller_id=seller_id, type__in=LABEL_TYPES)
    linked = rows.annotate(linked=Exists(by_product), in_category=Exists(by_category))
    return linked.filter(Q(covers_all=True) | Q(linked=True) | Q(in_category=True))


def _label(row: Certificate) -> Label:
    linked: bool = row.linked  # type: ignore[attr-defined]
    return Label(
        row.pk, CertificateType(row.type), row.name, row.number_typed, row.expires_on, linked
    )


def _order(label: Label) -> tuple[bool, int, str]:
    order: Sequence[CertificateType] = LABEL_TYPES
    return not label.linked, order.index(label.type), label.number
