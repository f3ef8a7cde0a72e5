"""Which EPR traits hold for a product, and everything that decides them (EPR-2, decision 0024).

The first that says something wins: staff, the product itself, the shop's answer for the nearest
category above, the marketplace's default for the nearest category above, else packaging. What holds is
stored with the product and worked out again here whenever one of these changes, by one statement for
any number of products.

Products are told of while answers change. Telling therefore *reads* the answers under a shared lock on
the shop and on the defaults, and changing them takes the lock alone: whoever comes second sees what
the first one wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from compliance.choices import TraitSource
from compliance.models import CategoryTraits, GatedProduct, ShopCategoryTraits
from compliance.rules import ALL_TRAITS, FALLBACK_TRAITS, codes_of
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed
from portal.ingest.upsert import upsert
from portal.locks import queued_transaction
from portal.models import Category, Member, Seller, User
from portal.scoping import unscoped
from portal.services import audit

NOTE_LENGTH = 300
CATEGORIES_AT_ONCE = 20_000
"""SQLite takes 250,000 parameters in a statement, and each category stands in it three times."""


class TraitsAsked(NamedTuple):
    """A product whose traits are asked; `own_traits` None means that it says nothing itself."""

    seller_id: int
    category_id: int
    own_traits: int | None


class TraitsHeld(NamedTuple):
    """The mask that holds, and where it comes from."""

    traits: int
    source: TraitSource


# --- Working out ----------------------------------------------------------------------------------


def product_traits_resolve(products: Sequence[TraitsAsked]) -> list[TraitsHeld]:
    """Return what holds for each product that staff said nothing about, in order; two queries.

    Call it in the transaction that writes the products: until its end nobody changes an answer.
    """
    _hold_answers({product.seller_id for product in products})
    asked = [product for product in products if product.own_traits is None]
    categories = {product.category_id for product in asked}
    answered = _answers({product.seller_id for product in asked}, categories) if asked else {}
    usual = _defaults(categories) if asked else {}
    return [_held(product, answered, usual) for product in products]


def _held(
    product: TraitsAsked, answered: Mapping[tuple[int, int], int], usual: Mapping[int, int]
) -> TraitsHeld:
    if product.own_traits is not None:
        return TraitsHeld(product.own_traits, TraitSource.PRODUCT)
    place = (product.seller_id, product.category_id)
    if place in answered:
        return TraitsHeld(answered[place], TraitSource.SHOP)
    if product.category_id in usual:
        return TraitsHeld(usual[product.category_id], TraitSource.CATEGORY)
    return TraitsHeld(FALLBACK_TRAITS, TraitSource.FALLBACK)


def traits_unsaid(seller: Seller, categories: Collection[int]) -> dict[int, TraitsHeld]:
    """Return category → what a product of the shop in it has that says nothing itself; two queries.

    For reading only: to write it, use `product_traits_resolve`.
    """
    answered, usual = _answers({seller.pk}, categories), _defaults(categories)
    return {pk: _held(TraitsAsked(seller.pk, pk, None), answered, usual) for pk in categories}


def _answers(sellers: Collection[int], categories: Collection[int]) -> dict[tuple[int, int], int]:
    """Return (shop, category) → the shop's answer for it or the nearest category above."""
    with unscoped():
        rows = ShopCategoryTraits.objects.filter(
            seller__in=sellers, category__below__descendant__in=categories
        ).order_by("-category__below__distance")
        found = rows.values_list("seller_id", "category__below__descendant_id", "traits")
        return {(seller, category): traits for seller, category, traits in found}


def _defaults(categories: Collection[int]) -> dict[int, int]:
    """Return category → its default or that of the nearest category above."""
    rows = CategoryTraits.objects.filter(category__below__descendant__in=categories)
    ordered = rows.order_by("-category__below__distance")
    return dict(ordered.values_list("category__below__descendant_id", "traits"))


_NEAREST = """SELECT {key}category_id, traits FROM (
    SELECT {key}c.descendant_id AS category_id, t.traits,
        ROW_NUMBER() OVER (PARTITION BY {key}c.descendant_id ORDER BY c.distance) AS place
    FROM {table} t JOIN portal_categoryclosure c ON c.ancestor_id = t.category_id
    WHERE {scope}
) nearest WHERE place = 1"""

_RECOMPUTE = """UPDATE compliance_gatedproduct AS g
SET traits = held.traits, source = held.source FROM (
    WITH answered AS ({answered}), usual AS ({usual})
    SELECT p.id,
        COALESCE(p.staff_traits, p.own_traits, a.traits, u.traits, %s) AS traits,
        CASE WHEN p.staff_traits IS NOT NULL THEN 'staff'
            WHEN p.own_traits IS NOT NULL THEN 'product'
            WHEN a.traits IS NOT NULL THEN 'shop'
            WHEN u.traits IS NOT NULL THEN 'category'
            ELSE 'fallback' END AS source
    FROM compliance_gatedproduct p
    LEFT JOIN answered a ON a.seller_id = p.seller_id AND a.category_id = p.category_id
    LEFT JOIN usual u ON u.category_id = p.category_id
    WHERE {products}
) held WHERE held.id = g.id AND (held.traits <> g.traits OR held.source <> g.source)"""

_BELOW = "SELECT descendant_id FROM portal_categoryclosure WHERE ancestor_id IN ({marks})"


def traits_recompute(
    *,
    seller: Seller | None = None,
    below: Collection[int] | None = None,
    categories: Collection[int] | None = None,
) -> int:
    """Work out what holds again, in one statement; return how many products differed.

    `seller` keeps to one shop, `below` to categories with all under them, `categories` to categories
    themselves (primary keys). Without any of them: every product there is.
    """
    shop, place = "TRUE", "TRUE"
    shop_params: list[Any] = []
    place_params: list[Any] = []
    if seller is not None:
        shop, shop_params = "{}.seller_id = %s", [seller.pk]
    if below is not None:
        place = f"{{}} IN ({_BELOW.format(marks=_marks(below))})"
        place_params = list(below)
    elif categories is not None:
        place, place_params = f"{{}} IN ({_marks(categories)})", list(categories)
    above = place.format("c.descendant_id")
    sql = _RECOMPUTE.format(
        answered=_NEAREST.format(
            key="seller_id, ",
            table="compliance_shopcategorytraits",
            scope=f"{above} AND {shop.format('t')}",
        ),
        usual=_NEAREST.format(key="", table="compliance_categorytraits", scope=above),
        products=f"{place.format('p.category_id')} AND {shop.format('p')}",
    )
    params = [*place_params, *shop_params, *place_params, FALLBACK_TRAITS]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *place_params, *shop_params])
        return cursor.rowcount


def _marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values)) or "NULL"


# --- Locks ----------------------------------------------------------------------------------------

_DEFAULTS = "compliance_categorytraits"


def _lock(statement: str, params: Sequence[Any] = ()) -> None:
    """Take a lock on PostgreSQL; on SQLite the transaction itself is the lock."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement, params)


def _hold_answers(sellers: Collection[int]) -> None:
    """Keep what the shops and the marketplace say as it is until the transaction ends."""
    _lock(f"LOCK TABLE {_DEFAULTS} IN ROW SHARE MODE")
    _lock(
        "SELECT id FROM portal_seller WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
        [list(sellers)],
    )


def _change_answers(seller: Seller) -> None:
    """Wait for those who are telling of products of the shop, and let none begin."""
    _lock(f"LOCK TABLE {_DEFAULTS} IN ROW SHARE MODE")
    _lock("SELECT id FROM portal_seller WHERE id = %s FOR UPDATE", [seller.pk])


def _change_defaults() -> None:
    """Wait for everybody who is telling of products, and let none begin."""
    _lock(f"LOCK TABLE {_DEFAULTS} IN EXCLUSIVE MODE")


# --- Changing -------------------------------------------------------------------------------------


def shop_traits_confirm(*, member: Member, answers: Mapping[int, int | None]) -> int:
    """Set a shop's answers, category primary key → mask; return how many products it changed (EPR-2).

    An answer holds for all products of the category and below that say nothing themselves, those to
    come included; None takes the answer back. Raises `InvalidInput` for an unknown category or trait,
    `NotAllowed`. A constant number of statements.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        raise NotAllowed(_("Your role in this shop does not allow this."))
    codes = dict(Category.objects.filter(pk__in=answers).values_list("pk", "code"))
    if unknown := set(answers) - set(codes):
        raise InvalidInput([("category", _("There is no category %d.") % min(unknown))])
    for mask in answers.values():
        _check_mask(mask)
    seller = member.seller
    with unscoped(), queued_transaction():
        _change_answers(seller)
        stored = ShopCategoryTraits.objects.filter(seller=seller, category__in=answers)
        before = dict(stored.values_list("category_id", "traits"))
        _write_answers(member, answers)
        changed = traits_recompute(seller=seller, below=list(answers))
        audit.record(
            action="traits.confirm",
            actor=member.user,
            obj=seller,
            before={codes[pk]: _named(before.get(pk)) for pk in answers},
            after={codes[pk]: _named(mask) for pk, mask in answers.items()},
            products=changed,
        )
    return changed


def _write_answers(member: Member, answers: Mapping[int, int | None]) -> None:
    taken_back = [category for category, mask in answers.items() if mask is None]
    ShopCategoryTraits.objects.filter(seller=member.seller_id, category__in=taken_back).delete()
    said = {"confirmed_at": platform_time.now(), "confirmed_by_id": member.user_id}
    upsert(
        ShopCategoryTraits,
        key=("seller_id", "category_id"),
        rows=[
            {"seller_id": member.seller_id, "category_id": category, "traits": mask, **said}
            for category, mask in answers.items()
            if mask is not None
        ],
    )


def product_traits_set_by_staff(
    *, actor: User, product: GatedProduct, traits: int | None, note: str
) -> GatedProduct:
    """Override what a product is, or take the override back with None; return it as it is now (EPR-2).

    Nothing a shop says counts against it. Raises `InvalidInput` without a note, `NotAllowed`.
    """
    _may(actor, "compliance.change_gatedproduct")
    note = _checked_note(note, needed=True)
    _check_mask(traits)
    with unscoped(), queued_transaction():
        _change_answers(product.seller)
        stored = GatedProduct.objects.get(pk=product.pk)
        resolved = product_traits_resolve(
            [TraitsAsked(stored.seller_id, stored.category_id, stored.own_traits)]
        )[0]
        held = resolved if traits is None else TraitsHeld(traits, TraitSource.STAFF)
        before = {"traits": _named(stored.traits), "source": str(stored.source)}
        GatedProduct.objects.filter(pk=stored.pk).update(
            staff_traits=traits, staff_note=note, traits=held.traits, source=held.source
        )
        stored.refresh_from_db()
        audit.record(
            action="traits.override",
            actor=actor,
            obj=stored,
            before=before,
            after={"traits": _named(held.traits), "source": held.source.value},
            seller=stored.seller_id,
            note=note,
        )
    return stored


def category_traits_set(
    *, actor: User, category: Category, traits: int | None, note: str = ""
) -> int:
    """Set what products of a category usually are; return how many products it changed (EPR-2).

    It holds for all below that has no default of its own; None takes it back. Raises `InvalidInput`,
    `NotAllowed`.
    """
    _may(actor, "compliance.change_categorytraits")
    note = _checked_note(note, needed=False)
    _check_mask(traits)
    with unscoped(), queued_transaction():
        _change_defaults()
        stored = CategoryTraits.objects.filter(category=category).first()
        if traits is None:
            CategoryTraits.objects.filter(category=category).delete()
        else:
            CategoryTraits.objects.update_or_create(
                category=category, defaults={"traits": traits, "note": note}
            )
        changed = traits_recompute(below=[category.pk])
        audit.record(
            action="traits.category",
            actor=actor,
            obj=category,
            before={"traits": _named(stored.traits if stored else None)},
            after={"traits": _named(traits)},
            note=note,
            products=changed,
        )
    return changed


def categories_moved(moved: set[int]) -> None:
    """Work out again what holds in categories that hang elsewhere now; a watcher of the tree."""
    with unscoped(), transaction.atomic():
        _change_defaults()
        ordered = sorted(moved)
        for start in range(0, len(ordered), CATEGORIES_AT_ONCE):
            traits_recompute(categories=ordered[start : start + CATEGORIES_AT_ONCE])


def _may(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not do this."))


def _check_mask(mask: int | None) -> None:
    if mask is not None and not 0 <= mask <= ALL_TRAITS:
        raise InvalidInput([("traits", _("There is no such EPR category."))])


def _checked_note(note: str, *, needed: bool) -> str:
    note = note.strip()
    if needed and not note:
        raise InvalidInput([("note", _("Say why: the audit trail keeps it."))])
    if len(note) > NOTE_LENGTH:
        raise InvalidInput([("note", _("At most %(most)d characters.") % {"most": NOTE_LENGTH})])
    return note


def _named(mask: int | None) -> str | None:
    """Return a mask as the audit trail says it."""
    return None if mask is None else ",".join(codes_of(mask))


__all__ = [
    "TraitsAsked",
    "TraitsHeld",
    "categories_moved",
    "category_traits_set",
    "product_traits_resolve",
    "product_traits_set_by_staff",
    "shop_traits_confirm",
    "traits_recompute",
    "traits_unsaid",
]
