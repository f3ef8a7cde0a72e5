"""Who acts for which shop, and with which abilities (K-7)."""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet

from portal.choices import SellerStatus
from portal.http import SignedInRequest
from portal.models import Member, User
from portal.prepared_reads import prepared

SESSION_SELLER = "seller"
SELLER_HEADER = "X-Seller"


def memberships_of(user: User) -> list[Member]:
    """Return the user's active memberships in shops that are not closed, by company name."""
    return _memberships(user.pk)


@prepared
def _memberships(user_id: int) -> QuerySet[Member]:
    return (
        Member.everywhere.filter(user=user_id, is_active=True)
        .exclude(seller__status=SellerStatus.CLOSED)
        .select_related("seller__industry", "seller__main_category", "user")
        .order_by("seller__name_en", "pk")
    )


def closed_memberships_of(user: User) -> list[Member]:
    """Return the user's memberships in closed shops: for the few pages that say why, and appeals."""
    return list(
        Member.everywhere.filter(user=user, is_active=True, seller__status=SellerStatus.CLOSED)
        .select_related("seller__industry", "seller__main_category", "user")
        .order_by("seller__name_en", "pk")
    )


def choose_member(memberships: list[Member], wanted: str | None) -> Member | None:
    """Return the membership in the shop `wanted` (a member id), else the first; none if there is none.

    A shop the user does not belong to is treated like one that does not exist.
    """
    for member in memberships:
        if member.seller.member_id == wanted:
            return member
    return memberships[0] if memberships else None


def member_for_request(request: SignedInRequest) -> Member | None:
    """Return the member a browser session acts as; the seller switcher stores the choice."""
    memberships = memberships_of(request.user)
    request.memberships = memberships
    return choose_member(memberships, request.session.get(SESSION_SELLER))


def language_save(*, user: User, language: str) -> bool:
    """Keep the language a person chose, for mails and for new browsers; return whether it changed.

    An unknown language is ignored.
    """
    if language not in dict(settings.LANGUAGES):
        return False
    return bool(
        User.objects.filter(pk=user.pk).exclude(language=language).update(language=language)
    )
