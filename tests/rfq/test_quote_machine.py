"""Quotes and pins against a model in plain Python, in any order of events (RFQ-7, RFQ-11).

`QUOTE_EXAMPLES` and `QUOTE_STEPS` in the environment make the run longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    rule,
)

from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, Seller
from portal.scoping import unscoped
from rfq.choices import Grade, QuoteStatus, RightKind
from rfq.models import Pin, Quote, Rfq, RightEntry
from rfq.quotes.terms import QuoteTerms
from rfq.services.pins import pins_left, quote_pin
from rfq.services.quote_feed import quotes_feed
from rfq.services.quotes import quote_submit, quote_withdraw
from rfq.services.rights import balances_of
from rfq.services.rights_check import rights_reconcile
from tests import factories
from tests.machines import UndoneMachine, walk
from tests.rfq.world import lot_create, rfq_create

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.rule("RFQ-6", "RFQ-7", "RFQ-9", "RFQ-11", "Q-4"),
]

SELLERS, SEATS, PLACES = 5, 2, (1, 2, 3)
TERMS = QuoteTerms(unit_price=Decimal(10))
SELLER = st.integers(0, SELLERS - 1)
RFQ = st.integers(0, 1)
PICK = st.integers(0, 1_000)
"""Which of the quotes made so far."""


def attempt(act: Callable[[], Any]) -> Any:
    """Return what was done, or the code of the refusal; both are counted (`--hypothesis-show-statistics`)."""
    try:
        done = act()
    except Refusal as refusal:
        event(refusal.code)
        return refusal.code
    event(type(done).__name__)
    return done


@dataclass
class Made:
    """A quote as the model knows it."""

    quote: Quote
    seller: int
    rfq: int
    slot: int | None = None
    pinned: bool = False
    rejected: bool = False
    withdrawn: bool = False


class Market(UndoneMachine):
    """Five shops on a standard and a gold RFQ of two seats each."""

    members: list[Member] = []
    rfqs: list[Rfq] = []

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Made] = []
        self.rights = [dict.fromkeys(RightKind.values, 0) for _ in self.members]

    # --- What the model expects -------------------------------------------------------------------

    def live(self, rfq: int) -> list[Made]:
        """Quotes that hold a seat."""
        return [one for one in self.made if one.rfq == rfq and not one.withdrawn]

    def picked(self, pick: int) -> Made | None:
        """One of the quotes made so far."""
        return self.made[pick % len(self.made)] if self.made else None

    def free_place(self, rfq: int) -> int | None:
        """The lowest place nobody holds."""
        held = {one.slot for one in self.live(rfq)}
        return next((place for place in PLACES if place not in held), None)

    def pin_expected(self, seller: int, rfq: int) -> str | int:
        """A place, or the refusal; rights and places alone."""
        if not self.rights[seller]["pin"]:
            return "no_pin_right"
        return self.free_place(rfq) or "pins_taken"

    def quote_expected(self, seller: int, rfq: int) -> str | list[str]:
        """The kinds a quote uses, or the refusal."""
        if any(one.seller == seller for one in self.live(rfq)):
            return "already_quoted"
        needed = ["quote"]
        if self.rfqs[rfq].grade == Grade.GOLD:
            needed.append("gold")
        if len(self.live(rfq)) >= SEATS:
            needed.append("fast_lane")
        codes = {"quote": "no_quote_right", "gold": "no_gold_right", "fast_lane": "no_fast_lane"}
        for kind in needed:
            if not self.rights[seller][kind]:
                return codes[kind]
        return needed

    # --- Events ---------------------------------------------------------------------------------

    @initialize(amounts=st.lists(st.integers(0, 4), min_size=SELLERS, max_size=SELLERS))
    def shops_open(self, amounts: list[int]) -> None:
        for seller, amount in enumerate(amounts):
            self.rights_come(seller, set(RightKind.values), amount)

    @rule(
        seller=SELLER,
        kinds=st.sets(st.sampled_from(RightKind.values), min_size=2),
        amount=st.integers(1, 4),
    )
    def rights_come(self, seller: int, kinds: set[str], amount: int) -> None:
        for kind in sorted(kinds) if amount else ():
            lot_create(seller=self.members[seller].seller, kind=kind, amount=amount)
            self.rights[seller][kind] += amount

    @rule(seller=SELLER, rfq=RFQ, pin=st.booleans())
    def submit(self, seller: int, rfq: int, pin: bool) -> None:
        expected = self.quote_expected(seller, rfq)
        sent = attempt(
            lambda: quote_submit(
                member=self.members[seller], rfq=self.rfqs[rfq], terms=TERMS, pin=pin
            )
        )
        if isinstance(expected, str):
            assert sent == expected
            return
        made = Made(sent.quote, seller, rfq)
        for kind in expected:
            self.rights[seller][kind] -= 1
        used = dict.fromkeys(RightKind.values, 0) | dict.fromkeys(expected, 1)
        if pin:
            place = self.pin_expected(seller, rfq)
            if isinstance(place, int):
                made.slot, made.pinned = place, True
                used["pin"] = 1
                self.rights[seller]["pin"] -= 1
            event(f"pinned at once: {place}")
            assert (sent.pinned or sent.pin_refusal) == place
        self.made.append(made)
        assert sent.used == used
        assert sent.left.as_dict() == self.rights[seller]

    @rule(rfq=RFQ, pins=st.lists(st.booleans(), min_size=SELLERS, max_size=SELLERS))
    def everybody_submits(self, rfq: int, pins: list[bool]) -> None:
        for seller, pin in enumerate(pins):
            self.submit(seller, rfq, pin)

    @rule(pick=PICK)
    def pin(self, pick: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        member = self.members[made.seller]
        if made.rejected:
            expected: str | int = "quote_rejected"
        elif made.withdrawn:
            expected = "closed"
        else:
            expected = "already_pinned" if made.pinned else self.pin_expected(made.seller, made.rfq)
        won = attempt(lambda: quote_pin(member=member, quote=made.quote))
        if isinstance(expected, str):
            assert won == expected
            return
        assert won.slot == expected
        made.slot, made.pinned = won.slot, True
        self.rights[made.seller]["pin"] -= 1
        assert won.left.as_dict() == self.rights[made.seller]

    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        member = self.members[made.seller]
        expected = (
            "quote_withdrawn" if made.withdrawn else "quote_rejected" if made.rejected else ""
        )
        done = attempt(lambda: quote_withdraw(member=member, quote=made.quote))
        if expected:
            assert done == expected
            return
        assert done.status == QuoteStatus.WITHDRAWN
        made.withdrawn, made.slot = True, None

    @rule(pick=PICK, reaction=st.sampled_from(["rejected_at", "replied_at"]))
    def the_buyer_reacts(self, pick: int, reaction: str) -> None:
        made = self.picked(pick)
        if made is None or made.withdrawn or made.rejected:
            return
        now = platform_time.now()
        row = {
            "seller_id": self.members[made.seller].seller_id,
            "rfq_id": self.rfqs[made.rfq].pk,
            "submitted_at": now,
            "unit_price": Decimal(1),
            reaction: now,
        }
        with unscoped():
            quotes_feed([row])
        made.rejected = reaction == "rejected_at"

    # --- What always holds ------------------------------------------------------------------------

    @invariant()
    def places_are_what_the_model_says(self) -> None:
        with unscoped():
            held = list(
                Pin.objects.filter(released_at__isnull=True).values_list("rfq", "slot", "quote")
            )
        expected = [
            (self.rfqs[one.rfq].pk, one.slot, one.quote.pk) for one in self.made if one.slot
        ]
        assert sorted(held) == sorted(expected)
        for index, rfq in enumerate(self.rfqs):
            pinned = [one.seller for one in self.live(index) if one.slot]
            assert len(pinned) == len(set(pinned)) <= len(PLACES)
            assert pins_left([rfq])[rfq.pk] == len(PLACES) - len(pinned)

    @invariant()
    def seats_are_the_live_quotes(self) -> None:
        for index, rfq in enumerate(self.rfqs):
            stored = Rfq.objects.values_list("quoted", flat=True).get(pk=rfq.pk)
            assert stored == len(self.live(index))
        with unscoped():
            statuses = dict(Quote.objects.values_list("pk", "status"))
        assert len(statuses) == len(self.made)
        for one in self.made:
            status = statuses[one.quote.pk]
            assert (status == QuoteStatus.WITHDRAWN) == one.withdrawn
            assert (status == QuoteStatus.REJECTED) == (one.rejected and not one.withdrawn)

    @invariant()
    def the_ledger_adds_up_to_what_is_left(self) -> None:
        with unscoped():
            rows = (
                RightEntry.objects.order_by().values_list("seller", "kind").annotate(Sum("delta"))
            )
            sums = {(seller, kind): total for seller, kind, total in rows}
        for member, rights in zip(self.members, self.rights, strict=True):
            assert balances_of(seller=member.seller).as_dict() == rights
            for kind, left in rights.items():
                assert sums.get((member.seller_id, kind), 0) == left
        assert rights_reconcile() == []


def test_quotes_and_pins_in_any_order_of_events(shop: Seller, clock: Any) -> None:
    sellers = [factories.seller_create(shop.main_category) for _ in range(SELLERS)]
    Market.members = [factories.member_create(seller) for seller in sellers]
    Market.rfqs = [rfq_create(seats=SEATS), rfq_create(seats=SEATS, grade=Grade.GOLD)]
    walk(Market, "QUOTE", examples=(15, 8), steps=40)
