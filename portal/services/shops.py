"""What staff and rules decide about a shop: its status and its flags (K-6, K-11)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from portal.choices import SELLER_TRANSITIONS, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Seller, SellerFlag, User
from portal.scoping import unscoped
from portal.services import audit

STAR_FROM_UPSTREAM = "star_from_upstream"
"""Flag of shops whose assessed star upstream names itself: the portal's own assessment leaves it alone."""

Span = tuple[date, date | None]
"""First and last day, both included; no last day means for good."""


class OnReopening(Protocol):
    """What hears that a member of staff reopened a shop."""

    def __call__(self, *, actor: User, seller: Seller) -> None: ...


class BeforeChange(Protocol):
    """What hears that upstream is about to say something new about shops."""

    def __call__(self, *, member_ids: Collection[str]) -> None: ...


_on_reopening: list[OnReopening] = []
_before_change: list[BeforeChange] = []


def on_reopening(listener: OnReopening) -> OnReopening:
    """Let a module hear, in the same transaction, that staff reopened a shop by hand (decorator).

    A module that had closed it gives up its reason: the shop is in the hands of staff then.
    """
    _on_reopening.append(listener)
    return listener


def before_shops_change(listener: BeforeChange) -> BeforeChange:
    """Let a module hear, in the same transaction, that rows about shops are about to be written (decorator).

    Ids of shops that do not exist yet are among them. A module that owes a decision on what shops were
    like until now takes it then.
    """
    _before_change.append(listener)
    return listener


def shops_will_change(*, member_ids: Collection[str]) -> None:
    """Tell the modules that rows about these shops are about to be written."""
    for listener in _before_change:
        listener(member_ids=member_ids)


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
        if current.status == SellerStatus.CLOSED:
            for listener in _on_reopening:
                listener(actor=actor, seller=current)
        current.status = status
    return current


def seller_status_by_rule(
    *, seller: Seller, status: str, actor: User | None, reason: str, **details: Any
) -> None:
    """Set the status a rule prescribes, as part of the decision that applied the rule (K-6).

    The caller has decided who may, runs a transaction and holds the shop's row. Goes from any status
    to any other: a shop that was restricted before it was closed is restricted again.
    """
    before = Seller.objects.values_list("status", flat=True).get(pk=seller.pk)
    if before == status:
        return
    Seller.objects.filter(pk=seller.pk).update(status=status)
    seller.status = status
    audit.record(
        action="seller.status",
        actor=actor,
        obj=seller,
        before={"status": before},
        after={"status": status},
        reason=reason,
        **details,
    )


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


def seller_flags_publish(
    *, seller: Seller, code: str, spans: Collection[Span], actor: User | None
) -> None:
    """Let a flag that one module keeps hold on exactly these days of a shop.

    The caller runs a transaction and holds the shop's row. `spans` do not overlap. Nothing is
    written where nothing changes.
    """
    wanted = set(spans)
    with unscoped():
        flags = list(SellerFlag.objects.filter(seller=seller, code=code).order_by("since"))
        known = {(flag.since, flag.until) for flag in flags}
        if known == wanted:
            return
        gone = [flag.pk for flag in flags if (flag.since, flag.until) not in wanted]
        SellerFlag.objects.filter(pk__in=gone).delete()
        SellerFlag.objects.bulk_create(
            SellerFlag(seller=seller, code=code, since=since, until=until)
            for since, until in sorted(wanted - known, key=_first_day)
        )
        audit.record(
            action="seller.flags",
            actor=actor,
            obj=seller,
            before={code: _span_texts(known)},
            after={code: _span_texts(wanted)},
        )


def stars_named_by_upstream(*, member_ids: Collection[str], day: date) -> None:
    """Mark shops whose assessed star upstream has named, from a Pacific day on.

    A mark in force stays as it is; staff end it when upstream no longer names the star. Two
    statements however many the shops; the caller runs a transaction.
    """
    holds = SellerFlag.objects.filter(
        Q(until__isnull=True) | Q(until__gte=day),
        seller=OuterRef("pk"),
        code=STAR_FROM_UPSTREAM,
        since__lte=day,
    )
    unmarked = Seller.objects.filter(~Exists(holds), member_id__in=member_ids)
    SellerFlag.objects.bulk_create(
        [
            SellerFlag(seller_id=seller, code=STAR_FROM_UPSTREAM, since=day)
            for seller in unmarked.order_by("pk").values_list("pk", flat=True)
        ],
        ignore_conflicts=True,  # another batch names the same shop at the same time
    )


def _first_day(span: Span) -> date:
    return span[0]


def _span_texts(spans: Collection[Span]) -> str:
    return ", ".join(
        f"{since} – {until or ''}".strip() for since, until in sorted(spans, key=_first_day)
    )


def _require(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not change shops."))
