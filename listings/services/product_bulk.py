"""The same change to many products at once, with a preview (LST-2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from listings.choices import ProductStatus
from listings.matching.countries import is_country
from listings.models import Product
from listings.services.product_data import ProductData, money_text, to_money
from listings.services.product_rules import SERVICE_CODE, Problem, service_code
from listings.services.products import (
    ORIGIN_BULK,
    UPDATED,
    ProductRow,
    Result,
    may_edit,
    products_write,
)
from portal.errors import InvalidInput, Refusal
from portal.models import Member, Seller
from portal.services import audit

MAX_PRODUCTS = 10_000
MIN_PERCENT, MAX_PERCENT = Decimal(-90), Decimal(500)
_CENT = Decimal("0.01")


@dataclass
class BulkChange:
    """What to change; whatever is empty stays as it is.

    `price_percent` raises every price by that percentage (negative: lowers), rounded half up to
    cents. `attribute` is (code, values): a system attribute to set; no values remove it. `owner` is
    the id of a member of the shop.
    """

    status: str = ""
    services_add: Sequence[str] = ()
    services_remove: Sequence[str] = ()
    countries_add: Sequence[str] = ()
    countries_remove: Sequence[str] = ()
    price_percent: Decimal | None = None
    attribute: tuple[str, Sequence[str]] | None = None
    owner: int | None = None
    problems: list[Problem] = field(default_factory=list)

    def check(self) -> None:
        """Normalise codes; raise `InvalidInput` for what is wrong with the change itself."""
        self.problems = []
        for name in ("services_add", "services_remove"):
            codes = [service_code(code) for code in getattr(self, name)]
            setattr(self, name, codes)
            if not all(SERVICE_CODE.fullmatch(code) for code in codes):
                self.problems.append((name, _("A service is a code such as dispatch_7d.")))
        for name in ("countries_add", "countries_remove"):
            codes = [code.strip().upper() for code in getattr(self, name)]
            setattr(self, name, codes)
            if not all(map(is_country, codes)):
                self.problems.append((name, _("A country is a code of two letters such as US.")))
        if self.status and self.status not in ProductStatus.values:
            self.problems.append(("status", _("There is no such status.")))
        percent = self.price_percent
        if percent is not None and not MIN_PERCENT <= percent <= MAX_PERCENT:
            self.problems.append(("price_percent", _("Between −90 and 500 percent.")))
        if self.is_empty:
            self.problems.append(("", _("Choose at least one change.")))
        if self.problems:
            raise InvalidInput(self.problems, _("Some fields are not valid."))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        lists = (
            self.services_add,
            self.services_remove,
            self.countries_add,
            self.countries_remove,
        )
        return (
            not any(lists)
            and not self.status
            and not self.price_percent
            and self.attribute is None
            and self.owner is None
        )

    def given_for(self, data: ProductData) -> dict[str, Any]:
        """Return the raw fields this change makes of a product's content."""
        given: dict[str, Any] = {}
        if self.status:
            given["status"] = self.status
        if self.services_add or self.services_remove:
            given["services"] = _merged(data.services, self.services_add, self.services_remove)
        if self.countries_add or self.countries_remove:
            given["target_countries"] = _merged(
                data.target_countries, self.countries_add, self.countries_remove
            )
        if self.price_percent:
            given |= _priced(data, self.price_percent)
        if self.attribute is not None:
            code, values = self.attribute
            given["attributes"] = {**data.attributes, code: list(values)}
        if self.owner is not None:
            given["owner"] = self.owner
        return given


def _merged(old: Iterable[str], add: Sequence[str], remove: Sequence[str]) -> list[str]:
    return sorted(({*old} | {*add}) - {*remove})


def _priced(data: ProductData, percent: Decimal) -> dict[str, Any]:
    """Return the prices of a product raised by a percentage."""
    factor = 1 + percent / 100

    def raised(price: Any) -> str | None:
        amount = to_money(price)
        if amount is None:
            return None
        return money_text((amount * factor).quantize(_CENT, ROUND_HALF_UP))

    return {
        "price_mode": data.price_mode,
        "tiers": [[quantity, raised(price)] for quantity, price in data.tiers],
        "skus": [{**sku, "price": raised(sku["price"])} for sku in data.skus],
        "price_min": raised(data.price_min),
        "price_max": raised(data.price_max),
    }


def products_bulk_edit(
    *,
    actor: Member,
    seller: Seller,
    products: QuerySet[Product] | Sequence[Product],
    change: BulkChange,
    dry_run: bool = False,
    seen: str = "",
) -> list[Result]:
    """Make a change to products of the shop and return a result for each (LST-2).

    With `dry_run` nothing is written: the results are the preview. `seen` is the `digest` of the
    products the preview was made of; when they are others by now, or were changed meanwhile, the
    edit is refused with `selection_changed`. Products that refuse the change stay as they are.
    """
    may_edit(actor=actor, seller=seller)
    change.check()
    if isinstance(products, QuerySet):
        products = list(products.select_related("category").order_by("pk")[: MAX_PRODUCTS + 1])
    if len(products) > MAX_PRODUCTS:
        raise Refusal(
            "too_many",
            _("At most %(most)d products can be changed at once.") % {"most": MAX_PRODUCTS},
        )
    if seen and seen != digest(products):
        raise Refusal(
            "selection_changed",
            _("The products were changed meanwhile. Look at the changes again."),
        )
    rows = [
        ProductRow(
            product.product_id,
            seller.pk,
            change.given_for(ProductData.from_product(product)),
            by=actor.user.get_username(),
            version=product.version,
            must_exist=True,
        )
        for product in products
    ]
    with transaction.atomic():
        results = products_write(rows, origin=ORIGIN_BULK, dry_run=dry_run)
        done = [result.row.product_id for result in results if result.state == UPDATED]
        if done and not dry_run:
            audit.record(
                action="product.bulk_edit",
                actor=actor.user,
                obj=seller,
                change=described(change),
                products=done,
            )
    return results


def described(change: BulkChange) -> dict[str, Any]:
    """Return the change as the audit trail and the preview's form keep it."""
    return {
        "status": change.status,
        "services_add": list(change.services_add),
        "services_remove": list(change.services_remove),
        "countries_add": list(change.countries_add),
        "countries_remove": list(change.countries_remove),
        "price_percent": None if change.price_percent is None else str(change.price_percent),
        "attribute": list(change.attribute) if change.attribute else None,
        "owner": change.owner,
    }


def digest(products: Iterable[Product]) -> str:
    """Return a fingerprint of which products these are and in which version."""
    text = ",".join(
        f"{key}:{version}" for key, version in sorted((p.pk, p.version) for p in products)
    )
    return hashlib.sha256(text.encode()).hexdigest()[:24]
