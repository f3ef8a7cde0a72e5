"""Claiming task packs and closing their lists (GRO-6, GRO-10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NoReturn

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from growth.choices import PackState
from growth.models import Pack, PackClaim, PackListing
from growth.packs.rules import list_falls_due, pack_state
from portal import platform_time
from portal.audience import audiences_concerning, sellers_concerned
from portal.choices import Action, SellerStatus
from portal.errors import NotAllowed, Refusal
from portal.locks import queued_transaction
from portal.models import Member, Seller
from portal.prepared_reads import prepared
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.shops import before_shops_change

BATCH = 2_000


# --- Whom a pack is for -------------------------------------------------------------------------


def packs_open_to(seller: Seller, packs: Sequence[Pack]) -> set[int]:
    """Return the primary keys of the packs whose audience or closed list has the shop (GRO-6, GRO-10).

    Lists that fall due are closed first; one that somebody else is just closing is judged as it was. A
    constant number of queries, one per field or metric named; and as many again for each day on which lists
    are still to be closed.
    """
    packs_close_due_lists(packs, wait=False)
    return _open_to(seller, packs)


def _open_to(seller: Seller, packs: Sequence[Pack]) -> set[int]:
    listed = [pack.pk for pack in packs if pack.listed_at is not None]
    live = [pack for pack in packs if pack.listed_at is None]
    with unscoped():
        found = set(_listed(seller.pk, listed))
        # What depends on the day is judged for that of the list, also before it is closed.
        for day in {pack.frozen_on for pack in live}:
            asked = [pack for pack in live if pack.frozen_on == day]
            concerned = audiences_concerning(seller, [pack.audience for pack in asked], day=day)
            found |= {pack.pk for pack, concerns in zip(asked, concerned, strict=True) if concerns}
    return found


@prepared
def _listed(seller_id: int, packs: Collection[int]) -> QuerySet[PackListing, int]:
    listed = PackListing.objects.filter(seller=seller_id, pack__in=packs)
    return listed.values_list("pack_id", flat=True)


def packs_close_due_lists(packs: Iterable[Pack], *, wait: bool = True) -> None:
    """Close the lists among `packs` that no night has closed in time (GRO-10); `wait` as below."""
    now = platform_time.now()
    for pack in packs:
        if (
            pack.frozen_on is not None
            and pack.listed_at is None
            and list_falls_due(frozen_on=pack.frozen_on, now=now)
        ):
            pack_list_close(pack=pack, wait=wait)


@before_shops_change
def lists_close_before_shops_change(*, member_ids: Collection[str]) -> None:
    """Close the lists that fall due before upstream changes shops: what it says now comes too late (GRO-10).

    Shops that are only now being added change nothing about the others, so they close no list.
    """
    with unscoped():
        open_lists = list(
            Pack.objects.filter(
                published=True,
                listed_at__isnull=True,
                frozen_on__lte=platform_time.today(),
                closes_on__gte=platform_time.today(),
            )
        )
        if open_lists and Seller.objects.filter(member_id__in=member_ids).exists():
            packs_close_due_lists(open_lists)


def pack_list_close(*, pack: Pack, wait: bool = True) -> int:
    """Take the list of shops that fulfil the audience now; return how many were put on it (GRO-10).

    Once per pack, whoever comes first: the others wait for the pack's row and find it closed, or, without
    `wait`, leave it to whoever has the row. What depends on the day is judged for `frozen_on`, so a list
    taken late has the days open of that day.
    """
    if pack.frozen_on is None:
        raise ValueError(f"{pack.code} has no list to close")
    with unscoped(), transaction.atomic():
        held = Pack.objects.select_for_update(skip_locked=not wait).filter(pk=pack.pk).first()
        if held is None:
            return 0
        taken = 0
        if held.listed_at is None and held.frozen_on is not None:
            taken = _list_take(held, held.frozen_on)
            audit.record(action="pack.list_close", actor=None, obj=held, after={"shops": taken})
    pack.listed_at = held.listed_at
    return taken


def _list_take(pack: Pack, day: date) -> int:
    """Write down the shops a pack is for on a day, a batch of rows at a time; return how many."""
    trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
    [concerned] = sellers_concerned([pack.audience], trading, day=day)
    shops = sorted(concerned)
    for first in range(0, len(shops), BATCH):
        PackListing.objects.bulk_create(
            PackListing(pack=pack, seller_id=shop) for shop in shops[first : first + BATCH]
        )
    pack.listed_at = platform_time.now()
    pack.save(update_fields=["listed_at"])
    return len(shops)


# --- Claiming -----------------------------------------------------------------------------------


def pack_claim(*, member: Member, pack: Pack) -> PackClaim:
    """Claim a pack for the member's shop, by hand and inside its window (GRO-6).

    Raises `NotAllowed` for anybody but the owner; refuses `already_claimed`, `not_eligible` for shops outside
    the audience or the closed list, `not_open` before the first and after the last day. The unique claim
    per shop decides between two at the same moment.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can claim task packs."))
    with queued_transaction():
        packs_close_due_lists([pack])
    with seller_scope(member.seller), queued_transaction():
        current = _held(pack)
        now = platform_time.now()
        if PackClaim.objects.filter(pack=current).exists():
            _refuse_second()
        # Read anew: upstream may have said something else of the shop since the page was shown.
        _refuse_unless_open(Seller.objects.get(pk=member.seller_id), current, now)
        try:
            with transaction.atomic():
                claim = PackClaim.objects.create(
                    pack=current, seller=member.seller, claimed_at=now, claimed_by=member.user
                )
        except IntegrityError:
            _refuse_second()
        audit.record(
            action="pack.claim", actor=member.user, obj=claim, after={"pack": current.code}
        )
    return claim


def _held(pack: Pack) -> Pack:
    """Return the pack as it stays until the claim is written; many may hold it at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM growth_pack WHERE id = %s FOR SHARE", [pack.pk])
    current = Pack.objects.filter(pk=pack.pk, published=True).first()
    if current is None:
        raise Refusal("not_open", _("This pack is no longer offered."))
    return current


def _refuse_second() -> NoReturn:
    raise Refusal("already_claimed", _("Your shop has claimed this pack already."))


def _refuse_unless_open(seller: Seller, pack: Pack, now: datetime) -> None:
    state = pack_state(
        now=now,
        opens_on=pack.opens_on,
        closes_on=pack.closes_on,
        eligible=pack.pk in _open_to(seller, [pack]),
    )
    if state == PackState.NOT_ELIGIBLE:
        text = (
            _("The list of shops for this pack was closed, and yours is not on it.")
            if pack.listed_at
            else _("This pack is not for your shop.")
        )
        raise Refusal("not_eligible", text)
    if state == PackState.NOT_OPEN:
        raise Refusal("not_open", _("This pack cannot be claimed yet."))
    if state == PackState.ENDED:
        raise Refusal("not_open", _("This pack is over; it had to be claimed by its last day."))
