"""What the product list itself makes worth doing next, for the home page (UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from listings.themes.queries import products_by_category
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions


@register_next_actions
def nothing_on_sale(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Publish a first product: without one nothing else of the portal brings anything (LST-1)."""
    if not member.can(Action.EDIT_PRODUCTS):
        return
    if any(own.live for own in products_by_category(seller.pk).values()):
        return
    yield NextAction(
        title=_("Publish your first product"),
        url=reverse("listings:product-new"),
        gain=_("Buyers find the shop by its products; themes and inquiries start with one"),
        weight=100,
        icon="box-seam",
        button=_("Publish"),
    )
