"""Claiming task packs and closing their lists (GRO-6, GRO-10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NoReturn

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from growth.choices import PackState
from growth.models import Pack, PackClaim, PackListing
from growth.packs.rules import list_falls_due, pack_state
from portal import platform_time
from portal.audience import audiences_concerning, sellers_concerned
from portal.choices import Action, SellerStatus
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.shops import before_shops_change

BATCH = 2_000


# --- Whom a pack is for -------------------------------------------------------------------------


def packs_open_to(seller: Seller, packs: Sequence[Pack]) -> set[int]:
    """Return the primary keys of the packs whose audience or closed list has the shop (GRO-6, GRO-10).

    Lists that fall due are closed first. A constant number of queries, one per field or metric named; and as
    many again for each day on which lists are still to be closed.
    """
    packs_close_due_lists(packs)
    return _open_to(seller, packs)


def _open_to(seller: Seller, packs: Sequence[Pack]) -> set[int]:
    listed = [pack.pk for pack in packs if pack.listed_at is not None]
    live = [pack for pack in packs if pack.listed_at is None]
    with unscoped():
        found = set(
            PackListing.objects.filter(seller=seller, pack__in=listed).values_list(
                "pack_id", flat=True
            )
            if listed
            else ()
        )
        # What depends on the day is judged for that of the list, also before it is closed.
        for day in {pack.frozen_on for pack in live}:
            asked = [pack for pack in live if pack.frozen_on == day]
            concerned = audiences_concerning(seller, [pack.audience for pack in asked], day=day)
            found |= {pack.pk for pack, concerns in zip(asked, concerned, strict=True) if concerns}
    return found


def packs_close_due_lists(packs: Iterable[Pack]) -> None:
    """Close the lists among `packs` that no night has closed in time (GRO-10)."""
    now = platform_time.now()
    for pack in packs:
        if (
            pack.frozen_on is not None
            and pack.listed_at is None
            and list_falls_due(frozen_on=pack.frozen_on, now=now)
        ):
            pack_list_close(pack=pack)


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


def pack_list_close(*, pack: Pack) -> int:
    """Take the list of shops that fulfil the audience now; return how many were put on it (GRO-10).

    Once per pack, whoever comes first: the others wait for the pack's row and find it closed. What
    depends on the day is judged for `frozen_on`, so a list taken late has the days open of that day.
    """
    if pack.frozen_on is None:
        raise ValueError(f"{pack.code} has no list to close")
    with unscoped(), transaction.atomic():
        current = Pack.objects.select_for_update().get(pk=pack.pk)
        taken = 0
        if current.listed_at is None and current.frozen_on is not None:
            trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
            [shops] = sellers_concerned([current.audience], trading, day=current.frozen_on)
            rows = (PackListing(pack=current, seller_id=shop) for shop in sorted(shops))
            PackListing.objects.bulk_create(rows, batch_size=BATCH)
            taken, current.listed_at = len(shops), platform_time.now()
            current.save(update_fields=["listed_at"])
            audit.record(action="pack.list_close", actor=None, obj=current, after={"shops": taken})
    pack.listed_at = current.listed_at
    return taken


# --- Claiming -----------------------------------------------------------------------------------


def pack_claim(*, member: Member, pack: Pack) -> PackClaim:
    """Claim a pack for the member's shop, by hand and inside its window (GRO-6).

    Raises `NotAllowed` for anybody but the owner; refuses `already_claimed`, `not_eligible` for shops outside
    the audience or the closed list, `not_open` before the first and after the last day. The unique claim
    per shop decides between two at the same moment.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can claim task packs."))
    packs_close_due_lists([pack])
    with seller_scope(member.seller), transaction.atomic():
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
    return Pack.objects.get(pk=pack.pk, published=True)


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
