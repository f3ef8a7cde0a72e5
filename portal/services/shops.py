"""What staff decide about a shop: its status and its flags (K-6, K-11)."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.choices import SELLER_TRANSITIONS
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Seller, SellerFlag, User
from portal.scoping import unscoped
from portal.services import audit


def seller_change_status(*, actor: User, seller: Seller, status: str, reason: str) -> Seller:
    """Restrict, close or reopen a shop (K-6). Needs a reason; refuses `no_such_change`."""
    _require(actor, "portal.change_seller")
    if not reason.strip():
        raise InvalidInput([("reason", _("Say why: it is kept with the decision."))])
    with unscoped(), transaction.atomic():
        current = Seller.objects.get(pk=seller.pk)
        sources = [old for old, new in SELLER_TRANSITIONS.items() if status in new]
        changed = Seller.objects.filter(
            pk=seller.pk, status=current.status, status__in=sources
        ).update(status=status)
        if not changed:
            raise Refusal("no_such_change", _("This shop cannot get that status now."))
        audit.record(
            action="seller.status",
            actor=actor,
            obj=current,
            before={"status": current.status},
            after={"status": status},
            reason=reason.strip(),
        )
        current.status = status
    return current


def seller_flag_set(
    *, actor: User, seller: Seller, code: str, since: date, until: date | None = None
) -> SellerFlag:
    """Let a flag hold for a shop from one Pacific day to another, both included.

    Refuses (`flag_overlap`) a second one of the code on a day that has it already.
    """
    _require(actor, "portal.add_sellerflag")
    if until is not None and until < since:
        raise InvalidInput([("until", _("The last day lies before the first."))])
    with unscoped(), transaction.atomic():
        Seller.objects.select_for_update().get(pk=seller.pk)
        same = SellerFlag.objects.filter(
            Q(until__isnull=True) | Q(until__gte=since), seller=seller, code=code
        )
        if until is not None:
            same = same.filter(since__lte=until)
        if same.exists():
            raise Refusal("flag_overlap", _("The shop has this flag on some of these days."))
        flag = SellerFlag.objects.create(seller=seller, code=code, since=since, until=until)
        audit.record(
            action="seller.flag",
            actor=actor,
            obj=flag,
            after={"code": code, "since": since, "until": until},
            seller=seller.member_id,
        )
    return flag


def seller_flag_end(*, actor: User, flag: SellerFlag, until: date) -> SellerFlag:
    """Set or shorten the last day of a flag; days before it stay as they were."""
    _require(actor, "portal.change_sellerflag")
    if until < flag.since:
        raise InvalidInput([("until", _("The last day lies before the first."))])
    with unscoped(), transaction.atomic():
        before = SellerFlag.objects.values_list("until", flat=True).get(pk=flag.pk)
        if not SellerFlag.objects.filter(
            Q(until__isnull=True) | Q(until__gte=until), pk=flag.pk
        ).update(until=until):
            raise Refusal("flag_ended", _("The flag ended before that day; set it anew."))
        audit.record(
            action="seller.flag_end",
            actor=actor,
            obj=flag,
            before={"until": before},
            after={"until": until},
        )
    flag.until = until
    return flag


def _require(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not change shops."))
