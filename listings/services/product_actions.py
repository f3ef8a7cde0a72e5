"""What people do with products besides writing them: shelf, recycle bin, copies (LST-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.gate import products_forgotten
from listings.choices import ProductStatus
from listings.models import Product
from listings.services.product_data import MAX_TITLE, ProductData
from listings.services.products import (
    ORIGIN_FORM,
    ORIGIN_STAFF,
    REJECTED,
    ProductRow,
    Result,
    may_edit,
    product_of,
    product_save,
    products_write,
)
from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Member, Seller, User
from portal.scoping import unscoped
from portal.services import audit

BIN_DAYS = 30
"""Days a product stays in the recycle bin before it is gone for good (LST-2)."""

PURGE_ROWS = 500


def product_publish(
    *, actor: Member, product: Product, version: int | None = None, origin: str = ORIGIN_FORM
) -> Product:
    """Put a draft or an off-shelf product live; 409 `wrong_status` from any other status."""
    return _set_status(actor, product, ProductStatus.LIVE, version, origin)


def product_take_off_shelf(
    *, actor: Member, product: Product, version: int | None = None, origin: str = ORIGIN_FORM
) -> Product:
    """Take a live product off the shelf; 409 `wrong_status` from any other status."""
    return _set_status(actor, product, ProductStatus.OFF_SHELF, version, origin)


def _set_status(
    actor: Member, product: Product, status: str, version: int | None, origin: str
) -> Product:
    may_edit(actor=actor, seller=product.seller)
    row = _row(product, actor, given={"status": status}, version=version)
    with transaction.atomic():
        result = products_write([row], origin=origin)[0]
        saved = product_of(result)
        if result.before and result.before.status != status:
            _record(actor.user, saved, f"product.{status}", result.before.status, status)
    return saved


def product_set_status_as_staff(*, by: User, product: Product, status: str, reason: str) -> Product:
    """Set any status as the platform does, with a reason that the audit trail keeps."""
    reason = reason.strip()
    if not reason:
        raise InvalidInput([("reason", _("Say why: the audit trail keeps it."))])
    if status not in ProductStatus.values:
        raise InvalidInput([("status", _("There is no such status."))])
    row = ProductRow(
        product.product_id,
        product.seller_id,
        {"status": status},
        by=by.get_username(),
        must_exist=True,
    )
    with transaction.atomic():
        result = products_write([row], origin=ORIGIN_STAFF)[0]
        saved = product_of(result)
        before = result.before.status if result.before else ""
        _record(by, saved, "product.staff_status", before, status, reason=reason)
    return saved


def product_duplicate(*, actor: Member, product: Product, origin: str = ORIGIN_FORM) -> Product:
    """Publish similar: make a draft with the same content under a new id (LST-2, LST-6)."""
    if product.deleted_at:
        raise Refusal("in_recycle_bin", _("The product is in the recycle bin."))
    return product_save(
        actor=actor, seller=product.seller, data=similar_data(product, actor=actor), origin=origin
    )


def similar_data(product: Product, *, actor: Member) -> ProductData:
    """Return a draft's content copied from a product; reads its `category`."""
    return ProductData.from_product(product).copy(
        title=product.title[:MAX_TITLE],
        status=ProductStatus.DRAFT,
        owner=actor.pk,
        showcase=False,
        deleted_at=None,
    )


def products_delete(
    *, actor: Member, seller: Seller, products: Sequence[Product], origin: str = ORIGIN_FORM
) -> list[Result]:
    """Put products into the recycle bin; they count for nothing from now on."""
    return _bin(actor, seller, products, origin, in_bin=True)


def products_restore(
    *, actor: Member, seller: Seller, products: Sequence[Product], origin: str = ORIGIN_FORM
) -> list[Result]:
    """Take products out of the recycle bin; what was live comes back off the shelf."""
    return _bin(actor, seller, products, origin, in_bin=False)


def product_delete(*, actor: Member, product: Product, origin: str = ORIGIN_FORM) -> Product:
    """Put one product into the recycle bin."""
    return product_of(
        products_delete(actor=actor, seller=product.seller, products=[product], origin=origin)[0]
    )


def product_restore(*, actor: Member, product: Product, origin: str = ORIGIN_FORM) -> Product:
    """Take one product out of the recycle bin."""
    return product_of(
        products_restore(actor=actor, seller=product.seller, products=[product], origin=origin)[0]
    )


def _bin(
    actor: Member, seller: Seller, products: Sequence[Product], origin: str, *, in_bin: bool
) -> list[Result]:
    may_edit(actor=actor, seller=seller)
    rows = [_row(product, actor, in_bin=in_bin) for product in products]
    with transaction.atomic():
        results = products_write(rows, origin=origin)
        done = [one.row.product_id for one in results if one.state == "updated"]
        action = "product.delete" if in_bin else "product.restore"
        if len(done) == 1 and results[0].product:
            _record(actor.user, results[0].product, action, not in_bin, in_bin, name="in_bin")
        elif done:
            audit.record(action=action, actor=actor.user, obj=seller, products=done)
    return results


def products_purge(*, now: datetime | None = None) -> int:
    """Delete for good what has been in the recycle bin for 30 days; return how many.

    With them go their history and their matches. One audit row per shop and 500 products.
    """
    limit = (now or platform_time.now()) - timedelta(days=BIN_DAYS)
    purged = 0
    while True:
        with unscoped(), transaction.atomic():
            rows = list(
                Product.objects.filter(deleted_at__lt=limit)
                .select_for_update(of=("self",))
                .select_related("seller")
                .order_by("seller_id", "pk")[:PURGE_ROWS]
            )
            if not rows:
                return purged
            names: dict[Seller, list[str]] = {}
            for product in rows:
                names.setdefault(product.seller, []).append(product.product_id)
            for seller, products in names.items():
                audit.record(action="product.purge", actor=None, obj=seller, products=products)
            Product.objects.filter(pk__in=[product.pk for product in rows]).delete()
            products_forgotten([product.product_id for product in rows])
            purged += len(rows)


def _row(
    product: Product,
    actor: Member,
    *,
    given: dict[str, Any] | None = None,
    version: int | None = None,
    in_bin: bool | None = None,
) -> ProductRow:
    return ProductRow(
        product.product_id,
        product.seller_id,
        given or {},
        by=actor.user.get_username(),
        version=version,
        must_exist=True,
        in_bin=in_bin,
    )


def _record(
    user: User,
    product: Product,
    action: str,
    before: Any,
    after: Any,
    *,
    name: str = "status",
    **more: Any,
) -> None:
    audit.record(
        action=action,
        actor=user,
        obj=product,
        before={name: before},
        after={name: after},
        seller=product.seller_id,
        **more,
    )


__all__ = [
    "BIN_DAYS",
    "REJECTED",
    "product_delete",
    "product_duplicate",
    "product_publish",
    "product_restore",
    "product_set_status_as_staff",
    "product_take_off_shelf",
    "products_delete",
    "products_purge",
    "products_restore",
    "similar_data",
]
