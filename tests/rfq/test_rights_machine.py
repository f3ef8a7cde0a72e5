"""The ledger against a model in plain Python, in any order of events (RFQ-9).

`RIGHTS_EXAMPLES` and `RIGHTS_STEPS` in the environment make the run longer: 2,000 × 50 before a release.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from portal import platform_time
from portal.errors import Refusal
from portal.models import Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import RightKind
from rfq.models import Quote, RightEntry, RightLot
from rfq.services.rights import balances_of, month_end, right_grant, right_spend, rights_refund
from rfq.services.rights_check import rights_reconcile
from tests.machines import UndoneMachine, walk
from tests.rfq.world import quote_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-9", "Q-4")]

START = platform_time.parse_instant("2022-10-31T09:00:00-07:00")
HOUR = timedelta(hours=1)
FAR = START + timedelta(days=36_500)
KINDS = st.sampled_from(["quote", "gold"])

GrantTerms = tuple[int | None, int, int | None, int]
GRANTS: st.SearchStrategy[GrantTerms] = st.tuples(
    st.one_of(st.integers(1, 3), st.integers(1, 3), st.none()),
    st.integers(-30, 10),
    st.one_of(st.integers(20, 200), st.integers(1, 60), st.none()),
    st.integers(0, 20),
)
"""Amount, hours until it starts, hours it lasts, key."""


@dataclass
class Lot:
    """A lot as the model knows it."""

    seller: int
    kind: str
    amount: int | None
    granted_at: datetime
    expires_at: datetime | None
    number: int
    used: int = 0

    def live(self, now: datetime) -> bool:
        """It may be drawn from."""
        return self.granted_at <= now and (self.expires_at is None or self.expires_at > now)

    @property
    def left(self) -> int | None:
        """None without limit."""
        return None if self.amount is None else self.amount - self.used


@dataclass
class Use:
    """A use as the model knows it."""

    lot: Lot
    quote: int
    given_back: bool = False


@dataclass
class Model:
    """What should be."""

    lots: dict[str, Lot] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)

    def next_lot(self, seller: int, kind: str, now: datetime) -> Lot | None:
        """The lot a use draws from."""
        usable = [
            lot
            for lot in self.lots.values()
            if (lot.seller, lot.kind) == (seller, kind) and lot.live(now) and lot.left != 0
        ]
        order = [(lot.expires_at or FAR, lot.granted_at, lot.number) for lot in usable]
        return usable[order.index(min(order))] if usable else None

    def balance(self, seller: int, kind: str, now: datetime) -> int | None:
        """What is left; none without limit."""
        left = [
            lot.left
            for lot in self.lots.values()
            if (lot.seller, lot.kind) == (seller, kind) and lot.live(now)
        ]
        return None if None in left else sum(number or 0 for number in left)


class Ledger(UndoneMachine):
    """Two shops that are granted rights, use them, get them back, while time passes."""

    sellers: list[Seller] = []
    quotes: list[Quote] = []

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.number = 0
        self.move(START)

    # --- Events ---------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 24 * 12))
    def time_passes(self, hours: int) -> None:
        self.move(self.now + hours * HOUR)

    @rule()
    def the_next_lot_ends(self) -> None:
        """Go to the very instant at which something ends."""
        ends = [lot.expires_at for lot in self.model.lots.values() if lot.expires_at]
        coming = [end for end in ends if end > self.now]
        if coming:
            self.move(min(coming))

    @rule(seller=st.integers(0, 1), kind=KINDS, grants=st.lists(GRANTS, min_size=1, max_size=4))
    def grant(self, seller: int, kind: str, grants: list[GrantTerms]) -> None:
        for amount, starts, lasts, key in grants:
            name = f"{seller} {kind} {key}"
            granted_at = self.now + starts * HOUR
            expires_at = granted_at + lasts * HOUR if lasts else None
            _lot, new = right_grant(
                seller=self.sellers[seller],
                kind=kind,
                amount=amount,
                source="activity",
                key=name,
                granted_at=granted_at,
                expires_at=expires_at,
            )
            assert new is (name not in self.model.lots)
            if new:
                self.number += 1
                lot = Lot(seller, kind, amount, granted_at, expires_at, self.number)
                self.model.lots[name] = lot

    @rule(quote=st.integers(0, 3), kind=KINDS, keys=st.lists(st.integers(0, 30), max_size=4))
    def spend(self, quote: int, kind: str, keys: list[int]) -> None:
        for key in keys:
            self.spend_one(quote, kind, f"use {quote} {kind} {key}")

    def spend_one(self, quote: int, kind: str, name: str) -> None:
        known = self.model.uses.get(name)
        lot = None if known else self.model.next_lot(quote % 2, kind, self.now)
        code = ""
        try:
            with transaction.atomic():
                entry = right_spend(
                    seller=self.sellers[quote % 2], kind=kind, key=name, quote=self.quotes[quote]
                )
        except Refusal as refusal:
            code = refusal.code
        if known:
            assert not code
            assert self.model.lots[entry.lot.key] is known.lot
        elif lot is None:
            assert code == {"quote": "no_quote_right", "gold": "no_gold_right"}[kind]
        else:
            assert not code
            assert self.model.lots[entry.lot.key] is lot
            lot.used += 1
            self.model.uses[name] = Use(lot, quote)

    @rule(chosen=st.sets(st.integers(0, 3), min_size=1))
    def refund(self, chosen: set[int]) -> None:
        due = {
            name: use
            for name, use in self.model.uses.items()
            if use.quote in chosen and not use.given_back
        }
        quotes = [self.quotes[index] for index in sorted(chosen)]
        assert rights_refund(quotes=quotes, reason_key="spam") == len(due)
        over = 0
        for use in due.values():
            use.given_back = True
            if use.lot.expires_at is None or use.lot.expires_at > self.now:
                use.lot.used -= 1
            else:
                over += 1
        with unscoped():
            new = list(RightLot.objects.exclude(key__in=self.model.lots).order_by("pk"))
        assert [lot.source for lot in new] == ["refund"] * over
        for lot in new:
            self.number += 1
            self.model.lots[lot.key] = Lot(
                seller=[seller.pk for seller in self.sellers].index(lot.seller_id),
                kind=lot.kind,
                amount=1,
                granted_at=self.now,
                expires_at=month_end(self.now),
                number=self.number,
            )

    # --- What always holds ----------------------------------------------------------------------

    @invariant()
    def lots_are_as_the_model_says(self) -> None:
        with unscoped():
            stored = dict(RightLot.objects.values_list("key", "left"))
        assert stored == {name: lot.left for name, lot in self.model.lots.items()}
        assert all(left is None or left >= 0 for left in stored.values())

    @invariant()
    def balances_are_the_sums_of_live_rows(self) -> None:
        for index, seller in enumerate(self.sellers):
            balances = balances_of(seller=seller)
            with seller_scope(seller):
                rows = list(
                    RightEntry.objects.unexpired(self.now)
                    .filter(at__lte=self.now)
                    .values_list("kind", "delta")
                )
            for kind in RightKind.values:
                left = balances.of(kind)
                assert left == self.model.balance(index, kind, self.now)
                if left is not None:
                    assert left == sum(delta or 0 for each, delta in rows if each == kind)

    @invariant()
    def the_ledger_reconciles(self) -> None:
        assert rights_reconcile() == []


def test_the_ledger_in_any_order_of_events(shop: Seller, other_shop: Seller, clock: Any) -> None:
    clock(START.isoformat())
    Ledger.sellers = [shop, other_shop]
    Ledger.quotes = [quote_create(seller=Ledger.sellers[index % 2]) for index in range(4)]
    walk(Ledger, "RIGHTS", examples=(15, 8), steps=30)
