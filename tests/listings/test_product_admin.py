"""Products in the staff site: found, read, taken down with a reason (UI-7, K-19)."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client

from listings.models import Product
from listings.services.products import product_save
from portal.models import Member
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-7", "K-19")]


@pytest.fixture
def product(owner: Member, clock: Any) -> Product:
    with unscoped():
        return product_save(
            actor=owner,
            seller=owner.seller,
            data={"category": "e-bike-kits", "title": "Kit", "kind": "rts", "status": "live"},
            product_id="kit",
            origin="form",
        )


def address(product: Product, page: str = "change") -> str:
    return f"/admin/listings/product/{product.pk}/{page}/"


def test_staff_find_and_read(staff_client: Client, product: Product) -> None:
    assert b"Kit" in staff_client.get("/admin/listings/product/?q=kit&status__exact=live").content
    assert staff_client.get(address(product)).status_code == 200
    assert b"Kit" in staff_client.get(address(product, "revisions")).content
    assert staff_client.get(address(product, "delete")).status_code == 403
    assert staff_client.get("/admin/listings/product/add/").status_code == 403


def test_a_removal_needs_a_reason_and_is_audited(
    staff_client: Client, product: Product, clock: Any
) -> None:
    clock.advance(hours=1)
    refused = staff_client.post(address(product), {"status": "removed", "reason": " "})
    assert refused.status_code == 200
    with unscoped():
        assert Product.objects.get().status == "live"
    staff_client.post(address(product), {"status": "removed", "reason": "False claim"})
    with unscoped():
        stored = Product.objects.get()
        assert (stored.status, stored.version) == ("removed", 2)
        assert [one.origin for one in stored.revisions.order_by("at")] == ["form", "staff"]
    entry = LogEntry.objects.get(additional_data__action="product.staff_status")
    assert entry.changes == {"status": ["live", "removed"]}
    assert entry.additional_data["reason"] == "False claim"
    assert entry.actor.username == "staff"


def test_a_reason_without_another_status_is_asked_about(
    staff_client: Client, product: Product
) -> None:
    page = staff_client.post(address(product), {"status": "live", "reason": "False claim"})
    assert page.status_code == 200
    assert page.context["adminform"].form.errors.keys() == {"status"}
    assert not LogEntry.objects.filter(additional_data__action="product.staff_status").exists()


def test_sellers_have_no_way_in(owner_client: Client, product: Product) -> None:
    assert owner_client.get(address(product)).status_code in (302, 403)
