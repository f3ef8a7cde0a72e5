"""Rows of the compliance module for tests: each function fills in what the test does not care about."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfWriter

from compliance.certificates.fields import CertificateFields
from compliance.choices import CertificateStatus, CertificateType
from compliance.gate import ProductTold, products_told
from compliance.models import (
    Certificate,
    CertificateCategory,
    CertificateProduct,
    GatedProduct,
)
from compliance.services.certificates import certificate_save, certificate_submit
from portal import platform_time
from portal.models import Category, Member, Seller, User
from portal.scoping import unscoped
from tests import factories

_numbers = itertools.count(1)


def told(seller: Seller, **over: Any) -> ProductTold:
    """Return a live e-bike kit of a shop that says nothing about its traits; needs `categories`."""
    number = next(_numbers)
    category: Category = over.pop("category", None) or Category.objects.get(code="e-bike-kits")
    fields: dict[str, Any] = {
        "product_id": f"P-{number}",
        "title": "48V e-bike conversion kit",
        "live": True,
        "deleted": False,
        "countries": (),
        "cas": "",
        "epr_traits": None,
    } | over
    return ProductTold(seller_id=seller.pk, category_id=category.pk, **fields)


def product_create(*, seller: Seller, **over: Any) -> GatedProduct:
    """Tell of a live product with packaging alone; names of `ProductTold`, `category` a row."""
    row = told(seller, **{"epr_traits": ["packaging"]} | over)
    products_told([row])
    with unscoped():
        return GatedProduct.objects.select_related("category", "seller").get(
            product_id=row.product_id
        )


def certificate_create(
    *,
    seller: Seller,
    products: Sequence[GatedProduct] = (),
    categories: Sequence[Category] = (),
    **over: Any,
) -> Certificate:
    """Make a German packaging registration, verified since yesterday without review, for all products.

    With `products` or `categories` it covers these alone. Another `status` brings along what the
    database asks for.
    """
    now = platform_time.now()
    status = over.get("status", CertificateStatus.VERIFIED)
    fields: dict[str, Any] = {
        "type": CertificateType.EPR,
        "status": status,
        "entity_name": "Suzhou E-Bike Kits Ltd",
        "company_name": "Suzhou E-Bike Kits Ltd",
        "country": "DE",
        "category": "packaging",
        "number": f"DE{next(_numbers):013d}",
        "issued_on": platform_time.today() - timedelta(days=30),
        "declared_at": now - timedelta(days=3),
        "created_at": now - timedelta(days=3),
        "changed_at": now - timedelta(days=1),
        "covers_all": not (products or categories),
    }
    if status != CertificateStatus.DRAFT:
        fields |= {"submitted_at": now - timedelta(days=2), "digest": "0" * 64}
    if status == CertificateStatus.IN_REVIEW:
        fields["claimed_at"] = now - timedelta(days=1)
    if status == CertificateStatus.REJECTED:
        fields["decided_at"] = now - timedelta(days=1)
    if status in (
        CertificateStatus.VERIFIED,
        CertificateStatus.EXPIRED,
        CertificateStatus.REVOKED,
        CertificateStatus.REPLACED,
    ):
        fields |= {"valid_from": now - timedelta(days=1), "decided_at": now - timedelta(days=1)}
    fields |= over
    fields.setdefault("number_typed", fields["number"])
    with unscoped():
        certificate = Certificate.objects.create(seller=seller, **fields)
        CertificateProduct.objects.bulk_create(
            CertificateProduct(certificate=certificate, product=product) for product in products
        )
        CertificateCategory.objects.bulk_create(
            CertificateCategory(certificate=certificate, category=category)
            for category in categories
        )
    return certificate


def upload(name: str = "certificate.pdf") -> SimpleUploadedFile:
    """Return a fresh PDF of one page, or a PNG when the name ends so."""
    written = io.BytesIO()
    if name.endswith(".png"):
        side = 8 + next(_numbers) % 90
        Image.new("RGB", (side, 8), (40, 90, 60)).save(written, "PNG")
    else:
        writer = PdfWriter()
        writer.add_blank_page(200 + next(_numbers) % 300, 200)
        writer.write(written)
    return SimpleUploadedFile(name, written.getvalue())


def given(**over: Any) -> CertificateFields:
    """Return a complete German packaging registration as the shop fills it in."""
    fields: dict[str, Any] = {
        "type": "epr",
        "entity_name": "Suzhou E-Bike Kits Ltd",
        "company_name": "Suzhou E-Bike Kits Ltd",
        "country": "DE",
        "category": "packaging",
        "number": "DE2755553072093",
        "issued_on": "2022-05-01",
        "own": True,
        "declaration": True,
    } | over
    return CertificateFields(**fields)


def reviewer_create(username: str = "") -> User:
    """Make a member of the reviewers' staff group."""
    user = factories.user_create(username, is_staff=True)
    user.groups.add(Group.objects.get(name="reviewer"))
    return user


def submitted(
    member: Member, *, files: Sequence[SimpleUploadedFile] = (), **over: Any
) -> Certificate:
    """Save and submit a certificate through the services, with a PDF unless files are given."""
    invoices = [] if over.get("own", True) else [upload("invoice.pdf")]
    made = certificate_save(
        member=member, fields=given(**over), files=list(files) or [upload()], invoices=invoices
    )
    return certificate_submit(member=member, certificate=made)
