"""What compliance may ask about products; registered when the app starts (decision 0022)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.gate import ProductSource, register_product_source
from compliance.screening import ProductText
from listings.choices import EprTrait, ProductStatus
from listings.models import Product
from listings.services.products import (
    ORIGIN_BULK,
    UPDATED,
    ProductRow,
    may_edit,
    products_write,
)
from listings.services.screening import text_of
from listings.services.telling import products_tell
from portal.errors import InvalidInput
from portal.models import Member
from portal.scoping import unscoped
from portal.services import audit

CHUNK = 2_000
_TOLD_COLUMNS = (
    "product_id", "seller_id", "category_id", "title", "status", "deleted_at",
    "target_countries", "cas", "epr_traits",
)  # fmt: skip
_TEXT_COLUMNS = (
    "product_id", "category_id", "title", "keywords", "attributes", "custom_attributes",
    "description", "brand", "skus",
)  # fmt: skip


def tell_all() -> int:
    """Tell of every product again; return how many differed from what was known.

    One transaction per 2,000 products, which holds them: what is told is what they are.
    """
    told, last = 0, 0
    while True:
        with unscoped(), transaction.atomic():
            rows = Product.objects.select_for_update(of=("self",)).filter(pk__gt=last)
            found = list(rows.order_by("pk").only("pk", *_TOLD_COLUMNS)[:CHUNK])
            if not found:
                return told
            told += products_tell(found)
        last = found[-1].pk


def known(product_ids: Collection[str]) -> set[str]:
    """Return which of some external ids are products, the recycle bin included; one query."""
    with unscoped():
        rows = Product.objects.filter(product_id__in=product_ids).order_by()
        return set(rows.values_list("product_id", flat=True))


def texts(product_ids: Collection[str] | None) -> Iterator[ProductText]:
    """Give the words of some products, or of every live one; by primary key, memory stays flat."""
    last = 0
    while True:
        with unscoped():
            rows = Product.objects.filter(pk__gt=last).order_by("pk").only("pk", *_TEXT_COLUMNS)
            if product_ids is None:
                rows = rows.filter(status=ProductStatus.LIVE, deleted_at__isnull=True)
            else:
                rows = rows.filter(product_id__in=product_ids)
            found = list(rows[:CHUNK])
        if not found:
            return
        yield from map(text_of, found)
        last = found[-1].pk


def traits_write(member: Member, traits: dict[str, list[str]]) -> int:
    """Write EPR traits (codes by product id) into the shop's own products; return how many changed.

    No codes: the product says nothing itself from now on. Ids that are not the shop's, and products in
    the recycle bin, are passed over. Each change is a revision; a constant number of statements per
    2,000 products. Raises `InvalidInput` for an unknown code, `NotAllowed`.
    """
    may_edit(actor=member, seller=member.seller)
    unknown = {code for codes in traits.values() for code in codes}.difference(EprTrait.values)
    if unknown:
        raise InvalidInput([("epr_traits", _("There is no trait “%s”.") % min(unknown))])
    rows = [
        ProductRow(
            product_id,
            member.seller_id,
            {"epr_traits": list(codes)},
            by=member.user.get_username(),
            must_exist=True,
        )
        for product_id, codes in traits.items()
    ]
    with transaction.atomic():
        results = products_write(rows, origin=ORIGIN_BULK)
        done = [result.row.product_id for result in results if result.state == UPDATED]
        if done:
            audit.record(
                action="product.traits", actor=member.user, obj=member.seller, products=done
            )
    return len(done)


register_product_source(
    ProductSource(tell_all=tell_all, known=known, texts=texts, traits_write=traits_write)
)
