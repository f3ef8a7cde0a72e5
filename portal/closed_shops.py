"""What people of a closed shop may still open: each module offers its page (K-6).

@register_closed_shop_page
def violations(member):
    return ClosedShopPage(_("Why it was closed"), reverse(…, args=[member.seller.member_id]))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from portal.models import Member


@dataclass(frozen=True)
class ClosedShopPage:
    """A link for a member of a closed shop."""

    label: str | Promise
    url: str


Provider = Callable[[Member], ClosedShopPage]
_providers: list[Provider] = []


def register_closed_shop_page(provider: Provider) -> Provider:
    """Add a provider; usable as a decorator."""
    _providers.append(provider)
    return provider


def closed_shop_pages(member: Member) -> list[ClosedShopPage]:
    """Return the pages a member of a closed shop may open."""
    return [provider(member) for provider in _providers]
