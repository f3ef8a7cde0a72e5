"""Pins: three places on each RFQ, first come first served (RFQ-11).

Who writes the row of a place has it; the database decides. The right is spent first, so a pin that
finds no place is rolled back with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import SellerStatus
from portal.errors import Refusal
from portal.locks import queued_transaction
from portal.models import Member, Seller
from portal.prepared_reads import prepared
from portal.scoping import unscoped
from portal.services import audit
from rfq.choices import QuoteStatus, RightKind
from rfq.market.access import closed, restricted
from rfq.models import Pin, Quote, Rfq
from rfq.models.market import PIN_SLOTS
from rfq.services.rights import Balances, balances_of, right_spend
from rfq.services.roles import may_act_on

SLOTS = range(1, PIN_SLOTS + 1)


@dataclass(frozen=True)
class PinResult:
    """The place won, 1 to 3, and the rights left."""

    slot: int
    left: Balances


def quote_pin(*, member: Member, quote: Quote) -> PinResult:
    """Pin a quote to the first free place of its RFQ, for one pin right (RFQ-11).

    Raises `Refusal`: `closed` (the RFQ takes no quotes any more, or the quote was withdrawn or
    accepted), `quote_rejected`, `already_pinned`, `no_pin_right`, `pins_taken`, `seller_restricted`;
    `Busy`; `NotAllowed`. Nothing is changed then, the right is kept.
    """
    may_act_on(member, quote)
    with unscoped(), queued_transaction():
        held = Quote.objects.select_for_update(no_key=True).get(pk=quote.pk)
        seller = Seller.objects.get(pk=held.seller_id)
        if seller.status != SellerStatus.ACTIVE:
            raise restricted(seller.status)
        _refuse_pinning(held, Rfq.objects.get(pk=held.rfq_id), platform_time.now())
        slot = pin_take(member=member, seller=seller, quote=held)
        return PinResult(slot, balances_of(seller=seller))


def _refuse_pinning(quote: Quote, rfq: Rfq, now: datetime) -> None:
    """Raise what keeps a quote from being pinned, places and rights aside."""
    if quote.status == QuoteStatus.REJECTED:
        raise Refusal("quote_rejected", _("The buyer has rejected this quote."))
    if quote.withdrawn_at is not None:
        raise Refusal("closed", _("This quote was withdrawn."))
    if quote.status == QuoteStatus.ACCEPTED:
        raise Refusal("closed", _("The buyer has accepted this quote: it needs no pin."))
    if (refusal := closed(rfq, now)) is not None:
        raise refusal
    if Pin.objects.filter(quote=quote).exists():
        raise already_pinned()


def pin_take(*, member: Member, seller: Seller, quote: Quote) -> int:
    """Spend a pin right and take the first free place; return it, 1 to 3.

    The caller holds the quote and rolls back to before this call when it raises (`no_pin_right`,
    `pins_taken`, `already_pinned`).
    """
    right_spend(seller=seller, kind=RightKind.PIN, key=f"use:pin:{quote.pk}", quote=quote)
    now = platform_time.now()
    try:
        slot = next((slot for slot in SLOTS if _take_slot(quote, slot, now)), None)
    except IntegrityError:
        # The other constraints: one pin per quote, one of a shop at a time.
        raise already_pinned() from None
    if slot is None:
        raise Refusal(
            "pins_taken",
            _("All 3 places are taken. You keep your pin right, and your quote stands as it is."),
        )
    audit.record(action="quote.pin", actor=member.user, obj=quote, after={"slot": slot})
    return slot


def _take_slot(quote: Quote, slot: int, now: datetime) -> bool:
    """Write the row of a place unless another one stands there; tell whether it was written.

    Whoever comes second waits for the first to commit or roll back. `bulk_create` with
    `ignore_conflicts` would not do: on SQLite it hides every other violated constraint too.
    """
    quoted = connection.ops.quote_name
    values = {
        "rfq": quote.rfq_id,
        "seller": quote.seller_id,
        "quote": quote.pk,
        "slot": slot,
        "pinned_at": connection.ops.adapt_datetimefield_value(now),
    }
    column = {name: quoted(str(Pin._meta.get_field(name).column)) for name in (*values, "released_at")}  # type: ignore[union-attr]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quoted(Pin._meta.db_table)} ({', '.join(column[name] for name in values)}) "  # noqa: S608
            f"VALUES ({', '.join(['%s'] * len(values))}) "
            f"ON CONFLICT ({column['rfq']}, {column['slot']}) "
            f"WHERE {column['released_at']} IS NULL DO NOTHING",
            list(values.values()),
        )
        return bool(cursor.rowcount)


def already_pinned() -> Refusal:
    """Return the refusal of a second pin of one quote."""
    return Refusal("already_pinned", _("This quote is pinned already."))


def pins_release(*, quote: Quote, now: datetime) -> int:
    """Give up the place of a quote; return how many places became free. The caller withdraws it."""
    with unscoped():
        held = Pin.objects.filter(quote=quote, released_at__isnull=True)
        return held.update(released_at=now)


def pins_left(rfqs: Iterable[Rfq]) -> dict[int, int]:
    """Return RFQ primary key → free places, 0 to 3, of the given RFQs; one query (RFQ-2)."""
    keys = [rfq.pk for rfq in rfqs]
    with unscoped():
        taken = dict(_taken(keys))
    return {key: PIN_SLOTS - taken.get(key, 0) for key in keys}


@prepared
def _taken(rfq_ids: Collection[int]) -> QuerySet[Pin, tuple[int, int]]:
    held = Pin.objects.filter(rfq__in=rfq_ids, released_at__isnull=True).order_by()
    return held.values_list("rfq").annotate(Count("pk"))
