"""Rights to quote: granting, spending, giving back, and what is left (RFQ-9).

A lot's counter decides every race: `UPDATE … SET left = left − 1 WHERE left > 0` takes a right or
changes no row, and the ledger row is written in the same transaction. Locks are taken in one order
everywhere: the RFQ, its quotes, then lots by seller and by kind in the order of `RightKind`, then
pin slots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.ingest.bulk import insert_rows
from portal.ingest.upsert import upsert
from portal.models import Seller, User
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from rfq.choices import GrantSource, RightKind
from rfq.models import Quote, RightEntry, RightLot

LOTS_TRIED = 50
"""How often a spend looks again because somebody else took the last right of the lot it had picked."""
KIND_ORDER = Case(
    *(When(kind=kind, then=Value(rank)) for rank, kind in enumerate(RightKind.values))
)

_NOTHING_LEFT = {
    RightKind.QUOTE: (
        "no_quote_right",
        gettext_lazy(
            "You have no quote rights left. The page “Your rights” shows when the next ones come;"
            " the GMV challenge, activities and paid packs bring more."
        ),
    ),
    RightKind.GOLD: (
        "no_gold_right",
        gettext_lazy(
            "This is a gold RFQ and you have no gold-opportunity rights left. They are granted"
            " each month by your service score; other RFQs are open to you."
        ),
    ),
    RightKind.FAST_LANE: (
        "no_fast_lane",
        gettext_lazy(
            "All seats of this RFQ are taken and you have no fast-lane pass left. Choose an RFQ"
            " with free seats; passes are granted each month by your service score."
        ),
    ),
    RightKind.PIN: (
        "no_pin_right",
        gettext_lazy(
            "You have no pin rights left. They are granted each month by your service score;"
            " your quote stands without the pin."
        ),
    ),
}


def nothing_left(kind: str) -> Refusal:
    """Return the refusal for a kind of which no right is left (RFQ-8)."""
    code, message = _NOTHING_LEFT[RightKind(kind)]
    return Refusal(code, str(message))


# --- Reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balances:
    """Rights left of each kind; none means unlimited."""

    quote: int | None = 0
    gold: int | None = 0
    fast_lane: int | None = 0
    pin: int | None = 0

    def of(self, kind: str) -> int | None:
        """Return what is left of a kind."""
        left: int | None = getattr(self, kind)
        return left

    def allows(self, kind: str) -> bool:
        """Tell whether at least one right of a kind is left."""
        return self.of(kind) != 0

    def as_dict(self) -> dict[str, int | None]:
        """Return kind → rights left in the order of `RightKind`."""
        return asdict(self)


def month_end(instant: datetime) -> datetime:
    """Return the first instant after the Pacific month an instant lies in (RFQ-10)."""
    first = platform_time.day_of(instant).replace(day=1)
    return platform_time.start_of((first + timedelta(days=31)).replace(day=1))


def live(now: datetime) -> Q:
    """Return the condition for lots that may be drawn from: granted, and not over."""
    return Q(granted_at__lte=now) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def balances_of(*, seller: Seller, now: datetime | None = None) -> Balances:
    """Return what a shop may still use; one query (RFQ-9).

    What was used is used: for an instant in the past this is not what was left then.
    """
    left: dict[str, int | None] = {}
    for lots in lots_left(seller=seller, now=now or platform_time.now()):
        before = left.get(lots.kind, 0)
        left[lots.kind] = None if before is None or lots.left is None else before + lots.left
    return Balances(**left)


class LotsLeft(NamedTuple):
    """What is left of a kind and ends at one instant (none: never); `left` none is unlimited."""

    kind: str
    expires_at: datetime | None
    left: int | None


@read_once
def lots_left(*, seller: Seller, now: datetime) -> list[LotsLeft]:
    """Return what a shop may still use, by kind and end; one query."""
    with seller_scope(seller):
        return [
            LotsLeft(kind, expires_at, None if unlimited else total)
            for kind, expires_at, total, unlimited in _lots(now)
        ]


@prepared
def _lots(now: datetime) -> QuerySet[RightLot, Any]:
    rows = RightLot.objects.filter(live(now)).order_by().values_list("kind", "expires_at")
    return rows.annotate(total=Sum("left"), unlimited=Count("pk", filter=Q(amount__isnull=True)))


# --- Granting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant to write: `amount` none is unlimited, `expires_at` none never ends."""

    seller_id: int
    kind: str
    amount: int | None
    source: str
    key: str
    granted_at: datetime
    expires_at: datetime | None = None
    granted_by_id: int | None = None
    note: str = ""

    def problems(self) -> list[tuple[str, str]]:
        """Return (field, message) of what no grant may be."""
        found = []
        if self.kind not in RightKind.values:
            found.append(("kind", _("There is no such kind of right.")))
        if self.amount is not None and self.amount < 1:
            found.append(("amount", _("Grant at least one right, or leave it empty: unlimited.")))
        if not self.source.strip():
            found.append(("source", _("Say where the rights come from.")))
        if self.expires_at is not None and self.expires_at <= self.granted_at:
            found.append(("expires_at", _("The end must lie after the start.")))
        return found


@dataclass(slots=True)
class Granted:
    """What became of many grants, as indexes into them.

    `differing` pairs an index with the attribute in which a grant differs from the one stored under
    its key; the stored one stands.
    """

    created: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    differing: list[tuple[int, str]] = field(default_factory=list)


COMPARED = ("seller_id", "kind", "amount", "source", "granted_at", "expires_at")


def rights_grant_many(grants: Sequence[Grant]) -> Granted:
    """Write many grants with their ledger rows in a constant number of statements (RFQ-9, RFQ-10).

    A key that is stored already is not granted again. No key may occur twice. The ledger is the
    record of it; there is no audit row. Raises `ValueError` for a grant no lot can hold.
    """
    for grant in grants:
        if problems := grant.problems():
            raise ValueError(f"grant {grant.key}: {problems}")
    rows = [{**asdict(grant), "left": grant.amount} for grant in grants]
    with unscoped(), transaction.atomic():
        written = upsert(
            RightLot, key=("key",), rows=rows, fixed=COMPARED, merge=lambda stored, new: stored
        )
        new = RightLot.objects.filter(key__in=[grants[index].key for index in written.created])
        insert_rows(RightEntry, [_grant_entry(lot) for lot in new.order_by("pk")])
    return Granted(written.created, written.unchanged, written.moved)


def _grant_entry(lot: RightLot) -> dict[str, Any]:
    return {**_of_lot(lot), "delta": lot.amount, "at": lot.granted_at, "key": f"grant:{lot.key}"}


def _of_lot(lot: RightLot) -> dict[str, Any]:
    """Return what every ledger row repeats of its lot."""
    return {
        "lot_id": lot.pk,
        "seller_id": lot.seller_id,
        "kind": lot.kind,
        "source": lot.source,
        "expires_at": lot.expires_at,
    }


@transaction.atomic
def right_grant(
    *,
    seller: Seller,
    kind: str,
    amount: int | None,
    source: str,
    key: str,
    granted_at: datetime | None = None,
    expires_at: datetime | None = None,
    actor: User | None = None,
    note: str = "",
) -> tuple[RightLot, bool]:
    """Grant rights once per key; return the lot and whether it is new (RFQ-9).

    `amount` none is unlimited. The same key again returns the first lot, whatever the amount.
    Raises `InvalidInput`; `ValueError` when the key belongs to another shop or kind.
    """
    grant = Grant(
        seller_id=seller.pk,
        kind=kind,
        amount=amount,
        source=source,
        key=key,
        granted_at=granted_at or platform_time.now(),
        expires_at=expires_at,
        granted_by_id=actor.pk if actor else None,
        note=note,
    )
    if problems := grant.problems():
        raise InvalidInput(problems)
    created = bool(rights_grant_many([grant]).created)
    with unscoped():
        lot = RightLot.objects.get(key=key)
    if (lot.seller_id, lot.kind) != (seller.pk, kind):
        raise ValueError(f"the key {key} is taken by another grant")
    if created:
        after = {"kind": kind, "amount": amount, "source": source, "expires_at": expires_at}
        audit.record(action="right.grant", actor=actor, obj=lot, after=after, note=note)
    return lot, created


# --- Spending -----------------------------------------------------------------------------------


def right_spend(*, seller: Seller, kind: str, key: str, quote: Quote | None = None) -> RightEntry:
    """Use one right, of the live lot that ends first; return its ledger row (RFQ-7, RFQ-9).

    Runs inside the caller's transaction. The same key again returns the first use and takes
    nothing. Raises `Refusal` (`no_quote_right`, `no_gold_right`, `no_fast_lane`, `no_pin_right`).
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a right is spent in the transaction of what it is spent on")
    with seller_scope(seller):
        first = _use_of(key, seller, kind)
        if first is not None:
            return first
        try:
            with transaction.atomic():
                return _take(seller, kind, key, quote)
        except IntegrityError:
            # Another transaction wrote the same key while this one waited for its lot.
            first = _use_of(key, seller, kind)
            if first is None:
                raise
            return first


def _use_of(key: str, seller: Seller, kind: str) -> RightEntry | None:
    with unscoped():
        entry = RightEntry.objects.filter(key=key).first()
    if entry is not None and (entry.seller_id, entry.kind) != (seller.pk, kind):
        raise ValueError(f"the key {key} is taken by another use")
    return entry


def _take(seller: Seller, kind: str, key: str, quote: Quote | None) -> RightEntry:
    now = platform_time.now()
    lots = (
        RightLot.objects.filter(live(now), Q(amount__isnull=True) | Q(left__gte=1), kind=kind)
        .filter(seller=seller)
        .order_by(F("expires_at").asc(nulls_last=True), "granted_at", "pk")
    )
    for _attempt in range(LOTS_TRIED):
        lot = lots.first()
        if lot is None:
            raise nothing_left(kind)
        if lot.amount is None or _count_down(lot):
            return RightEntry.objects.create(**_of_lot(lot), delta=-1, at=now, quote=quote, key=key)
    raise OperationalError("every lot that was picked had been used up meanwhile")


def _count_down(lot: RightLot) -> bool:
    """Take one of a lot unless the last one has gone since it was read."""
    return bool(RightLot.objects.filter(pk=lot.pk, left__gte=1).update(left=F("left") - 1))


# --- Giving back --------------------------------------------------------------------------------


@transaction.atomic
def rights_refund(*, quotes: Iterable[Quote], reason_key: str, actor: User | None = None) -> int:
    """Give back every right used on quotes, once; return how many rights (RFQ-24).

    A right goes back to its lot while that lives, else into a new lot that ends with the current
    Pacific month. Sets `Quote.refunded_at`, also on quotes that used none here: from then on they
    count in no figure. The caller holds the RFQ. `reason_key` names the cause in the audit trail.
    """
    now = platform_time.now()
    given_quotes = {quote.pk: quote for quote in quotes}
    with unscoped():
        held = list(
            Quote.objects.select_for_update(no_key=True, of=("self",))
            .select_related("rfq")
            .filter(pk__in=given_quotes)
            .order_by("pk")
        )
        uses = RightEntry.objects.filter(quote__in=held, delta__lt=0, refund__isnull=True)
        by_lot: dict[int, list[RightEntry]] = {}
        for use in uses.order_by("pk"):
            by_lot.setdefault(use.lot_id, []).append(use)
        lots = list(
            RightLot.objects.select_for_update(no_key=True)
            .filter(pk__in=by_lot)
            .order_by("seller_id", KIND_ORDER, "pk")
        )
        alive = [lot for lot in lots if lot.expires_at is None or lot.expires_at > now]
        _give_back([(lot, by_lot[lot.pk]) for lot in alive], now)
        over = [use for lot in lots if lot not in alive for use in by_lot[lot.pk]]
        _grant_anew(over, now, reason_key)
        fresh = [quote for quote in held if quote.refunded_at is None]
        Quote.objects.filter(pk__in=[quote.pk for quote in fresh]).update(refunded_at=now)
        given = Counter(use.quote_id for uses_of_lot in by_lot.values() for use in uses_of_lot)
        audit.record_many(
            audit.entry(
                action="quote.refund",
                actor=actor,
                obj=quote,
                before={"refunded_at": quote.refunded_at},
                after={"refunded_at": quote.refunded_at or now},
                rights=given[quote.pk],
                reason=reason_key,
            )
            for quote in held
            if quote in fresh or given[quote.pk]
        )
    for quote in held:
        given_quotes[quote.pk].refunded_at = quote.refunded_at or now
    return given.total()


def _give_back(uses_by_lot: list[tuple[RightLot, list[RightEntry]]], now: datetime) -> None:
    """Put rights back into lots that live; unlimited ones have no counter, only the ledger row."""
    counted = []
    for lot, uses in uses_by_lot:
        if lot.amount is not None:
            lot.left = F("left") + len(uses)
            counted.append(lot)
    if counted:
        RightLot.objects.bulk_update(counted, ["left"])
    insert_rows(
        RightEntry, [_refund_entry(lot, use, now) for lot, uses in uses_by_lot for use in uses]
    )


def _grant_anew(uses: list[RightEntry], now: datetime, reason_key: str) -> None:
    """Grant one right for each use whose lot is over; the refund is the new lot's first row."""
    if not uses:
        return
    by_key = {f"refund:{use.pk}": use for use in uses}
    insert_rows(
        RightLot,
        [
            {
                "seller_id": use.seller_id,
                "kind": use.kind,
                "source": GrantSource.REFUND,
                "amount": 1,
                "left": 1,
                "granted_at": now,
                "expires_at": month_end(now),
                "key": key,
                "note": reason_key[:200],
            }
            for key, use in by_key.items()
        ],
    )
    new = RightLot.objects.filter(key__in=by_key).order_by("pk")
    insert_rows(RightEntry, [_refund_entry(lot, by_key[lot.key], now) for lot in new])


def _refund_entry(lot: RightLot, use: RightEntry, now: datetime) -> dict[str, Any]:
    return {
        **_of_lot(lot),
        "delta": 1,
        "at": now,
        "quote_id": use.quote_id,
        "reverses_id": use.pk,
        "key": f"refund:{use.pk}",
    }
