"""What members say about products: one by one through the wizard, or many at once (EPR-2).

The products' own app writes them, so that forms, files and exports show the answer too; here it is
checked that the form was not stale and that staff did not decide otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from compliance.gate import product_source
from compliance.models import GatedProduct
from compliance.rules import ALL_TRAITS, codes_of
from compliance.traits.reading import seen_of
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member
from portal.scoping import seller_scope

MAX_PRODUCTS = 1_000
"""Products of one call."""


def traits_seen(product: GatedProduct) -> str:
    """Return what a form has seen of a product's traits: another value means that it is stale."""
    return seen_of(product.traits, product.source, product.own_traits, product.staff_traits)


def products_traits_answer(
    *, member: Member, answers: Mapping[str, int | None], seen: Mapping[str, str] | None = None
) -> int:
    """Write what products of the shop contain, product id → mask; return how many changed (EPR-2).

    None: the product says nothing itself any more, its category's answer holds. That it contains
    nothing at all is said for a category or by staff, for a product without traits says nothing. `seen`
    (of `traits_seen`) refuses answers to what is no longer so. Raises `InvalidInput` for ids that are
    not products of the shop, for no traits at all, or too many; `Refusal` with `stale` or
    `set_by_staff`; `NotAllowed`. Nothing is changed then. A constant number of queries.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        raise NotAllowed(_("Your role in this shop does not allow this."))
    if len(answers) > MAX_PRODUCTS:
        raise InvalidInput([("", _("At most %(most)d products at once.") % {"most": MAX_PRODUCTS})])
    for product_id, mask in answers.items():
        if mask is not None and not 0 < mask <= ALL_TRAITS:
            raise InvalidInput([(f"answers.{product_id}", _nothing_text())])
    with seller_scope(member.seller):
        products = GatedProduct.objects.filter(
            seller=member.seller, deleted=False, product_id__in=answers
        )
        found = {product.product_id: product for product in products}
    if missing := [one for one in answers if one not in found]:
        raise InvalidInput(
            [(f"answers.{one}", _("The shop has no such product.")) for one in missing]
        )
    for product_id, mark in (seen or {}).items():
        if product_id in found and traits_seen(found[product_id]) != mark:
            raise Refusal(
                "stale", _("Somebody has answered meanwhile. Look at the answers and send again.")
            )
    if any(product.staff_traits is not None for product in found.values()):
        raise Refusal(
            "set_by_staff", _("The marketplace has decided this; ask staff to change it.")
        )
    written = {one: [] if mask is None else codes_of(mask) for one, mask in answers.items()}
    return product_source().traits_write(member, written)


def _nothing_text() -> str:
    # Translators: 完全裸露商品直接运输
    return _(
        "Nothing at all, shipped wholly bare? Then say so for the whole category, or ask staff:"
        " nearly every product comes in packaging."
    )
