"""What people of a shop that penalties closed may still open: its violations, and the appeal (CMP-6, CMP-8)."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.services import shop_closing  # noqa: F401  it hears when staff open a shop
from portal.closed_shops import ClosedShopPage, register_closed_shop_page
from portal.models import Member


@register_closed_shop_page
def violations(member: Member) -> ClosedShopPage:
    """Lead to the penalties of the closed shop."""
    url = reverse("compliance:closed-violations", args=[member.seller.member_id])
    return ClosedShopPage(_("Violations and appeals"), url)
