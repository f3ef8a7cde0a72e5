"""The only writers of products: one product, or many rows at once (LST-1, LST-2).

Whatever the number of rows, a chunk costs a constant number of statements: products and revisions
are read at once, judged in memory and written at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from listings.choices import SELLER_TRANSITIONS, ProductStatus
from listings.models import Product, ProductRevision, ShippingTemplate
from listings.services.product_catalogue import Catalogue
from listings.services.product_data import FIELDS, ProductData
from listings.services.product_history import Histories
from listings.services.product_rules import Cleaned, Problem, clean
from listings.services.projection import SINCE_EVER, projections_write
from listings.services.screening import Publishing, products_screen
from listings.services.telling import products_tell, tells
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.bulk import insert_rows, update_rows
from portal.models import Member, Seller
from portal.scoping import unscoped

CHUNK_ROWS = 2_000

ORIGIN_FORM, ORIGIN_API, ORIGIN_IMPORT, ORIGIN_BULK = "form", "api", "import", "bulk"
ORIGIN_INGEST, ORIGIN_STAFF = "ingest", "staff"
PLATFORM_ORIGINS = {ORIGIN_INGEST, ORIGIN_STAFF}
"""Origins that may set any status, correct history and be told whose a product is."""

CREATED, UPDATED, UNCHANGED, REJECTED = "created", "updated", "unchanged", "rejected"


@dataclass
class ProductRow:
    """One product to write: raw fields (names of `ProductData`) that were given, and only those.

    `changed_at` is the instant the row speaks of; None means from now on. `version` refuses the row
    when the product was changed since. `number` is the caller's own name for the row.
    """

    product_id: str
    seller_id: int
    given: dict[str, Any]
    changed_at: datetime | None = None
    by: str = ""
    version: int | None = None
    must_be_new: bool = False
    must_exist: bool = False
    in_bin: bool | None = None
    """True puts the product into the recycle bin, False takes it out, None leaves it."""
    number: int = 0
    cleaned: Collection[str] = ()
    """Fields given that columns like those of `product_rules` have cleaned already (`cleaned_alike`)."""


@dataclass
class Result:
    """What became of a row; `code` is the stable reason of a rejection."""

    row: ProductRow
    state: str
    product: Product | None = None
    problems: list[Problem] = field(default_factory=list)
    code: str = ""
    before: ProductData | None = None
    after: ProductData | None = None


def product_id_new() -> str:
    """Return an id for a product that nobody can guess."""
    return f"p{secrets.token_hex(9)}"


def may_edit(*, actor: Member | None, seller: Seller) -> None:
    """Raise `NotAllowed` unless the actor (None is the platform) may edit products of the shop."""
    if actor is None:
        return
    if actor.seller_id != seller.pk or not actor.can(Action.EDIT_PRODUCTS):
        raise NotAllowed(_("Your role in this shop does not allow this."))


def product_save(
    *,
    actor: Member | None,
    seller: Seller,
    data: ProductData | dict[str, Any],
    product: Product | None = None,
    product_id: str = "",
    version: int | None = None,
    at: datetime | None = None,
    origin: str,
) -> Product:
    """Create a product (`product` None) or change one, and return it as saved.

    `data` is a whole content or a dict of raw fields, of which those missing stay as they are.
    Raises `InvalidInput` naming the fields; `Refusal` with `stale` when `version` is no longer the
    product's, `product_id_taken`, or `in_recycle_bin`; `NotAllowed`. Nothing is changed then.
    """
    may_edit(actor=actor, seller=seller)
    given = dict(data) if isinstance(data, dict) else _all_fields(data)
    if product is None and actor is not None:
        given.setdefault("owner", actor.pk)
        given["owner"] = given["owner"] or actor.pk
    row = ProductRow(
        product_id=product.product_id if product else product_id or product_id_new(),
        seller_id=seller.pk,
        given=given,
        changed_at=at,
        by=actor.user.get_username() if actor else "",
        version=version,
        must_be_new=product is None,
        must_exist=product is not None,
    )
    return product_of(products_write([row], origin=origin)[0])


def _all_fields(data: ProductData) -> dict[str, Any]:
    return {name: getattr(data, name) for name in FIELDS if name != "deleted_at"}


def product_of(result: Result) -> Product:
    """Return the product of a row, or raise what stopped it."""
    if result.state == REJECTED:
        if result.code == "invalid":
            raise InvalidInput(result.problems, _("Some fields are not valid."))
        raise Refusal(result.code, result.problems[0][1], fields=result.problems)
    assert result.product is not None  # noqa: S101 - only rejected rows have none
    return result.product


def products_write(
    rows: Sequence[ProductRow],
    *,
    origin: str,
    at: datetime | None = None,
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> list[Result]:
    """Write rows and return a result for each, in order; rejected rows leave no trace.

    The same product may occur several times. A row with `changed_at` before the newest known one
    goes into history and leaves the product as it is; one of a known instant replaces what was said
    then. `at` replaces "now" for rows without `changed_at`. With `dry_run`, or with
    `all_or_nothing` and a rejected row, nothing is written. A constant number of statements per
    2,000 rows.
    """
    for row in rows:
        row.product_id = row.product_id or product_id_new()
    with unscoped(), transaction.atomic():
        results: list[Result] = []
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = rows[start : start + CHUNK_ROWS]
            results += _write_chunk(chunk, origin, at, dry_run=dry_run or all_or_nothing)
        rejected = any(result.state == REJECTED for result in results)
        if all_or_nothing and not dry_run and not rejected:
            return products_write(rows, origin=origin, at=at)
    return results


def _write_chunk(
    rows: Sequence[ProductRow], origin: str, at: datetime | None, *, dry_run: bool
) -> list[Result]:
    try:
        with transaction.atomic():
            return _Chunk(rows, origin, at).run(dry_run=dry_run)
    except IntegrityError:
        # Someone created one of these products meanwhile; now it is found and judged.
        with transaction.atomic():
            return _Chunk(rows, origin, at).run(dry_run=dry_run)


class _Chunk:
    """Reads what the rows speak of, judges them in memory, writes what differs."""

    def __init__(self, rows: Sequence[ProductRow], origin: str, at: datetime | None) -> None:
        self.rows = rows
        self.origin = origin
        self.by_platform = origin in PLATFORM_ORIGINS
        self.now = at or platform_time.now()
        self.new: dict[str, Product] = {}
        self.changed: dict[str, Product] = {}
        self._load()

    def _load(self) -> None:
        ids = {row.product_id for row in self.rows}
        found = (
            Product.objects.select_for_update(of=("self",))
            .select_related("category")
            .filter(product_id__among=ids)
            .order_by("pk")
        )
        self.products = {product.product_id: product for product in found}
        typed = (row.given.get("category") for row in self.rows)
        # No code holds what a database cannot compare with, such as NUL or half a character.
        codes = {code for one in typed if one and (code := str(one).strip()).isprintable()}
        codes |= {product.category.code for product in self.products.values()}
        self.catalogue = Catalogue.load(codes)
        self.heads = {key: ProductData.from_product(one) for key, one in self.products.items()}
        self.stored = dict(self.heads)
        self.histories = Histories.load(
            self.products.values(),
            self.heads,
            [(row.product_id, row.changed_at) for row in self.rows],
        )
        self.owners = self._own(Member.everywhere, "owner")
        self.templates = self._own(ShippingTemplate.objects, "shipping_template")
        self.publishing = Publishing(
            platform_time.day_of(self.now),
            [category.pk for category in self.catalogue.categories.values()],
            self._cas_numbers,
        )

    def _own(self, manager: Any, name: str) -> dict[int, int]:
        """Return id → seller id of the rows that are named in a field."""
        named = {row.given[name] for row in self.rows if row.given.get(name)}
        ids = {int(value) for value in named if str(value).isdecimal() and len(str(value)) < 10}
        if not ids:
            return {}
        return dict(manager.filter(pk__in=ids).values_list("pk", "seller_id"))

    def _cas_numbers(self) -> set[str]:
        """Return the CAS numbers that products of the chunk have or get."""
        typed = {str(row.given["cas"]).strip() for row in self.rows if row.given.get("cas")}
        return typed | {data.cas for data in self.stored.values()}

    def run(self, *, dry_run: bool) -> list[Result]:
        results = [self._judge(row) for row in self.rows]
        if not dry_run:
            self._flush()
        return results

    # --- One row, in memory -----------------------------------------------------------------------

    def _judge(self, row: ProductRow) -> Result:
        product = self.products.get(row.product_id)
        refused = self._refused(row, product)
        if refused:
            return refused
        at = self._instant(row, product)
        base = self.histories.base(row.product_id, at)
        day = platform_time.day_of(self.now if at == SINCE_EVER else at)
        if base is not None and not row.given:
            cleaned = Cleaned(base.copy())
        else:
            cleaned = clean(
                row.given,
                base=base,
                catalogue=self.catalogue,
                day=day,
                by_platform=self.by_platform,
                cleaned=row.cleaned,
            )
        problems, code = cleaned.problems + self._foreign(row, cleaned.data), "invalid"
        if not problems and not self.by_platform:
            problems, code = _transition_problems(base, cleaned.data), "wrong_status"
        if not problems and not self.by_platform and row.in_bin is None:
            problems, code = self.publishing.problems(
                seller_id=row.seller_id,
                category_id=self.catalogue.categories[cleaned.data.category].pk,
                before=base,
                after=cleaned.data,
            )
        if problems:
            return Result(row, REJECTED, product, problems, code, base)
        if row.in_bin is not None:
            _put_in_bin(cleaned.data, row.in_bin, self.now)
        return self._accept(row, product, cleaned.data, at)

    def _refused(self, row: ProductRow, product: Product | None) -> Result | None:
        """Return the rejection of a row that may not be about this product at all."""
        foreign = product is not None and product.seller_id != row.seller_id
        if product is None or (foreign and row.must_exist and not self.by_platform):
            if row.must_exist:
                return _rejection(row, "not_found", "product_id", _("There is no such product."))
            return None
        if foreign and self.by_platform:
            return _rejection(row, "other_seller", "seller", _("The product is another seller's."))
        if foreign or row.must_be_new:
            # One answer for own and foreign ids: it must not tell whose a product is (K-8).
            return _rejection(
                row, "product_id_taken", "product_id", _("This product id cannot be used.")
            )
        if row.version is not None and row.version != product.version:
            return _rejection(
                row,
                "stale",
                "version",
                _("Someone changed this product meanwhile. Compare with what is saved now."),
                product,
            )
        if product.deleted_at and not self.by_platform and row.in_bin is None:
            return _rejection(
                row, "in_recycle_bin", "", _("The product is in the recycle bin."), product
            )
        return None

    def _instant(self, row: ProductRow, product: Product | None) -> datetime:
        """Return the instant the row's content holds from."""
        if row.changed_at is not None:
            return row.changed_at
        if product is None:
            return SINCE_EVER if self.origin == ORIGIN_INGEST else self.now
        return max(self.now, self.histories.newest(row.product_id))

    def _foreign(self, row: ProductRow, data: ProductData) -> list[Problem]:
        """Return problems of fields that name rows of the shop."""
        problems: list[Problem] = []
        if row.given.get("owner") and self.owners.get(data.owner or 0) != row.seller_id:
            problems.append(("owner", _("There is no such member.")))
        template = row.given.get("shipping_template")
        if template and self.templates.get(data.shipping_template or 0) != row.seller_id:
            problems.append(("shipping_template", _("There is no such template.")))
        return problems

    def _accept(
        self, row: ProductRow, product: Product | None, data: ProductData, at: datetime
    ) -> Result:
        before = self.heads.get(row.product_id)
        if product is None:
            product = Product(
                product_id=row.product_id, seller_id=row.seller_id, version=0, created_at=self.now
            )
            self.products[row.product_id] = self.new[row.product_id] = product
            state = CREATED
        elif self.histories.says(row.product_id, at, data, dated=row.changed_at is not None):
            return Result(row, UNCHANGED, product, before=before, after=data)
        else:
            state = UPDATED
            if row.product_id not in self.new:
                self.changed[row.product_id] = product
        is_newest = self.histories.put(row.product_id, at, data, row.by)
        if row.changed_at is not None:
            product.created_at = min(product.created_at, at)
        if is_newest:
            self._put_head(product, data, at)
        return Result(row, state, product, before=before, after=data)

    def _put_head(self, product: Product, data: ProductData, at: datetime) -> None:
        category = self.catalogue.categories[data.category]
        data.write_to(product, category.pk)
        product.category = category
        product.changed_at = self.now if at == SINCE_EVER else at
        product.version += 1
        self.heads[product.product_id] = data

    # --- All rows, at once ------------------------------------------------------------------------

    def _flush(self) -> None:
        if self.new:
            insert_rows(Product, [vars(product) for product in self.new.values()])
            keys = Product.objects.filter(product_id__among=self.new).order_by()
            for product_id, pk in keys.values_list("product_id", "pk"):
                self.new[product_id].pk = pk
        self._update()
        self._write_revisions()
        self._tell()

    def _update(self) -> None:
        """Write those columns of the changed products that differ for any of them."""
        names = {"version", "changed_at", "created_at"}
        for product_id in self.changed:
            before, after = self.stored[product_id], self.heads[product_id]
            names |= {name for name in FIELDS if getattr(before, name) != getattr(after, name)}
        columns = [_ATTRIBUTES.get(name, name) for name in sorted(names)]
        update_rows(
            Product,
            columns,
            {
                product.pk: [getattr(product, column) for column in columns]
                for product in self.changed.values()
            },
        )

    def _write_revisions(self) -> None:
        new, replaced = self.histories.revisions(self.products, self.origin)
        insert_rows(ProductRevision, new)
        update_rows(ProductRevision, ["content", "by", "origin"], replaced)
        earliest = self.histories.earliest(self.products)
        if earliest:
            projections_write(changes=earliest, histories=self.histories.whole(self.new))

    def _tell(self) -> None:
        """Let compliance know of what the gate asks, as it is now."""
        changed = (
            product
            for name, product in self.changed.items()
            if tells(self.stored[name], self.heads[name])
        )
        products_tell([*self.new.values(), *changed])
        products_screen(
            products=[*self.new.values(), *self.changed.values()],
            before=self.stored,
            after=self.heads,
        )


_ATTRIBUTES = {
    "category": "category_id",
    "owner": "owner_id",
    "shipping_template": "shipping_template_id",
}


def _put_in_bin(data: ProductData, in_bin: bool, now: datetime) -> None:
    """Move a product into the recycle bin or out of it; it comes back off the shelf, not live."""
    if in_bin == (data.deleted_at is not None):
        return
    data.deleted_at = now.isoformat() if in_bin else None
    if not in_bin and data.status == ProductStatus.LIVE:
        data.status = ProductStatus.OFF_SHELF


def _rejection(
    row: ProductRow, code: str, name: str, message: str, product: Product | None = None
) -> Result:
    return Result(row, REJECTED, product, [(name, message)], code)


def _transition_problems(base: ProductData | None, data: ProductData) -> list[Problem]:
    """Return why a seller may not make this change of status."""
    if base is None:
        allowed: Iterable[str] = (ProductStatus.DRAFT, ProductStatus.LIVE)
    elif base.status == data.status:
        return []
    else:
        allowed = SELLER_TRANSITIONS[base.status]
    if data.status in allowed:
        return []
    names = {
        "old": ProductStatus(base.status).label if base else _("new"),
        "new": ProductStatus(data.status).label,
    }
    return [("status", _("A product cannot go from “%(old)s” to “%(new)s”.") % names)]
