"""Who acts for which shop, and with which abilities (K-7)."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import UnreadablePostError
from django.utils.translation import gettext as _

from portal.choices import SellerStatus
from portal.http import SignedInRequest
from portal.models import Member, User
from portal.prepared_reads import prepared

SESSION_SELLER = "seller"
SELLER_HEADER = "X-Seller"
FORM_SELLER = "acting_for"
"""The hidden field of a form: the shop it was shown for (`portal.templatetags.shop_forms`)."""


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
    """Return the membership in the shop `wanted` (a member id), or the first when none is named.

    None for a shop the user does not belong to, which is treated like one that does not exist: what was
    meant for one shop is never done to another (K-8).
    """
    if wanted:
        return next((one for one in memberships if one.seller.member_id == wanted), None)
    return memberships[0] if memberships else None


def member_for_request(request: SignedInRequest) -> Member | None:
    """Return the member a browser session acts as; the seller switcher stores the choice.

    A form acts for the shop it was shown for, also when another one was chosen in a second tab
    meanwhile, and the session follows it. Whose chosen shop is no longer theirs goes on in the first of
    the others, but for a form that was filled in for the one that is gone: it acts for none.
    """
    memberships = memberships_of(request.user)
    request.memberships = memberships
    chosen = choose_member(memberships, request.session.get(SESSION_SELLER))
    shown_for = _shop_of_form(request)
    if shown_for:
        member = choose_member(memberships, shown_for)
        if member and chosen != member:
            request.session[SESSION_SELLER] = shown_for
            messages.info(
                request,
                _("That page was of %(shop)s, so it was done there. You are now in it again.")
                % {"shop": member.seller.name.rstrip(".")},
            )
        return member
    if chosen is None and memberships:
        del request.session[SESSION_SELLER]
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return memberships[0]
    return chosen


def _shop_of_form(request: SignedInRequest) -> str | None:
    try:
        return request.POST.get(FORM_SELLER)
    except UnreadablePostError:
        return None  # Who sent it is gone; the check of the token refuses what is left.


def language_save(*, user: User, language: str) -> bool:
    """Keep the language a person chose, for mails and for new browsers; return whether it changed.

    An unknown language is ignored.
    """
    if language not in dict(settings.LANGUAGES):
        return False
    return bool(
        User.objects.filter(pk=user.pk).exclude(language=language).update(language=language)
    )
