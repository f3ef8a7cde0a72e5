"""Pinning, revising and withdrawing: what changes, what is refused, what stays (RFQ-6, RFQ-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry

from portal import platform_time
from portal.choices import SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import QuoteStatus, RfqStatus
from rfq.models import Pin, Quote, QuoteFile, Rfq, RightEntry
from rfq.quotes.terms import QuoteTerms
from rfq.services.pins import PinResult, pins_left, quote_pin
from rfq.services.quotes import quote_revise, quote_submit, quote_withdraw
from rfq.services.rights import balances_of
from tests import factories
from tests.rfq.world import file_create, quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def other_members(shop: Seller, count: int) -> list[Member]:
    """Owners of other shops, with a pin right each."""
    sellers = [factories.seller_create(shop.main_category) for _ in range(count)]
    for seller in sellers:
        rights_create(seller, pin=1)
    return [factories.member_create(seller) for seller in sellers]


def pin(member: Member, quote: Quote) -> PinResult:
    with seller_scope(member.seller):
        return quote_pin(member=member, quote=quote)


def refused(act: Callable[[], Any]) -> Refusal:
    """Do it, and make sure that it is refused and changes nothing."""

    def everything() -> list[Any]:
        with unscoped():
            models = (Rfq, Quote, Pin, RightEntry, QuoteFile, LogEntry)
            return [list(model.objects.order_by("pk").values()) for model in models]

    before = everything()
    with pytest.raises(Refusal) as refusal:
        act()
    assert everything() == before
    return refusal.value


# --- Pinning ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-11")
def test_three_quotes_are_pinned_in_their_order_and_the_fourth_keeps_its_right(
    shop: Seller, clock: Any
) -> None:
    rfq = rfq_create()
    members = other_members(shop, 4)
    quotes = [quote_create(seller=member.seller, rfq=rfq) for member in members]
    for place, (member, quote) in enumerate(zip(members[:3], quotes, strict=False), start=1):
        assert pins_left([rfq]) == {rfq.pk: 4 - place}
        won = pin(member, quote)
        assert (won.slot, won.left.pin) == (place, 0)
    assert pins_left([rfq]) == {rfq.pk: 0}
    refusal = refused(lambda: pin(members[3], quotes[3]))
    assert refusal.code == "pins_taken"
    assert "All 3 places are taken" in str(refusal)
    assert balances_of(seller=members[3].seller).pin == 1


@pytest.mark.rule("RFQ-11")
@pytest.mark.parametrize(
    ("code", "quote_is", "rfq_is"),
    [
        ("quote_rejected", {"status": QuoteStatus.REJECTED}, {}),
        ("closed", {"status": QuoteStatus.ACCEPTED}, {}),
        ("closed", {"withdrawn_at": date(2022, 8, 3)}, {}),
        ("closed", {}, {"status": RfqStatus.CLOSED}),
        ("closed", {}, {"status": RfqStatus.REMOVED}),
        ("closed", {}, {"status": RfqStatus.EXPIRED}),
        ("closed", {}, {"expires_at": "now"}),
        ("no_pin_right", {}, {}),
    ],
)
def test_what_cannot_be_pinned_costs_nothing(
    owner: Member, shop: Seller, clock: Any, code: str, quote_is: Any, rfq_is: Any
) -> None:
    now = platform_time.now()
    rights_create(shop, pin=0 if code == "no_pin_right" else 1)
    quote_is = quote_is | ({"withdrawn_at": now} if "withdrawn_at" in quote_is else {})
    rfq_is = rfq_is | ({"expires_at": now} if "expires_at" in rfq_is else {})
    quote = quote_create(seller=shop, rfq=rfq_create(**rfq_is), **quote_is)
    assert refused(lambda: pin(owner, quote)).code == code


@pytest.mark.rule("RFQ-11")
@pytest.mark.parametrize("status", [QuoteStatus.SUBMITTED, QuoteStatus.VIEWED, QuoteStatus.REPLIED])
def test_a_quote_that_waits_can_be_pinned_once(
    owner: Member, shop: Seller, clock: Any, status: str
) -> None:
    rights_create(shop, pin=2)
    quote = quote_create(seller=shop, status=status)
    assert pin(owner, quote).slot == 1
    assert refused(lambda: pin(owner, quote)).code == "already_pinned"
    assert balances_of(seller=shop).pin == 1


@pytest.mark.rule("RFQ-11")
def test_a_rejected_quote_keeps_its_place_and_a_withdrawn_one_gives_it_up(
    shop: Seller, clock: Any
) -> None:
    rfq = rfq_create()
    members = other_members(shop, 5)
    quotes = [quote_create(seller=member.seller, rfq=rfq) for member in members]
    for member, quote in zip(members[:3], quotes, strict=False):
        pin(member, quote)
    with unscoped():
        Quote.objects.filter(pk=quotes[0].pk).update(status=QuoteStatus.REJECTED)
    assert refused(lambda: pin(members[3], quotes[3])).code == "pins_taken"
    quote_withdraw(member=members[1], quote=quotes[1])
    assert pins_left([rfq]) == {rfq.pk: 1}
    assert pin(members[3], quotes[3]).slot == 2
    assert refused(lambda: pin(members[4], quotes[4])).code == "pins_taken"


@pytest.mark.rule("RFQ-11")
def test_places_left_are_counted_for_each_rfq(
    shop: Seller, clock: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    rfqs = [rfq_create(), rfq_create()]
    (member,) = other_members(shop, 1)
    pin(member, quote_create(seller=member.seller, rfq=rfqs[1]))
    with django_assert_num_queries(1):
        assert pins_left(rfqs) == {rfqs[0].pk: 3, rfqs[1].pk: 2}


@pytest.mark.rule("K-6", "K-7", "K-8")
def test_only_a_trading_shops_own_quoters_change_its_quotes(
    owner: Member, viewer: Member, stranger: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    rights_create(shop, pin=1)
    rights_create(other_shop, pin=1)
    quote = quote_create(seller=shop)
    terms = QuoteTerms(unit_price=Decimal(1))
    acts: list[Callable[[Member], Any]] = [
        lambda member: pin(member, quote),
        lambda member: quote_revise(member=member, quote=quote, terms=terms, version=1),
        lambda member: quote_withdraw(member=member, quote=quote),
    ]
    for act in acts:
        for member in (viewer, stranger):
            assert isinstance(refused(lambda act=act, member=member: act(member)), NotAllowed)
    Seller.objects.filter(pk=shop.pk).update(status=SellerStatus.RESTRICTED)
    for act in acts[:2]:
        assert refused(lambda act=act: act(owner)).code == "seller_restricted"
    assert acts[2](owner).status == QuoteStatus.WITHDRAWN


# --- Revising -----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_a_revision_costs_no_right_and_keeps_the_moment_of_submission(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    rfq = rfq_create()
    first = QuoteTerms(unit_price=Decimal(10), message="First")
    with seller_scope(shop):
        quote = quote_submit(member=owner, rfq=rfq, terms=first).quote
    clock.advance(days=1)
    revised = quote_revise(
        member=owner, quote=quote, terms=replace(first, unit_price=Decimal("9.5")), version=1
    )
    assert (revised.unit_price, revised.message, revised.version) == (Decimal("9.5"), "First", 2)
    assert revised.submitted_at == quote.submitted_at
    assert revised.response_seconds == quote.response_seconds
    assert balances_of(seller=shop).quote == 0
    assert Rfq.objects.get(pk=rfq.pk).quoted == 1
    log = LogEntry.objects.filter(additional_data__action="quote.revise").get()
    assert log.changes["unit_price"] == ["10.0000", "9.5000"]
    assert "message" not in log.changes


@pytest.mark.rule("RFQ-6")
def test_saving_the_same_terms_is_no_revision(owner: Member, shop: Seller, clock: Any) -> None:
    quote = quote_create(seller=shop, valid_until=date(2022, 8, 1))  # over, but nobody touched it
    same = QuoteTerms.of(quote)
    assert quote_revise(member=owner, quote=quote, terms=same, version=1).version == 1
    assert not LogEntry.objects.filter(additional_data__action="quote.revise").exists()
    over = replace(same, unit_price=Decimal(3))
    refusal = refused(lambda: quote_revise(member=owner, quote=quote, terms=over, version=1))
    assert isinstance(refusal, InvalidInput)


@pytest.mark.rule("RFQ-6")
@pytest.mark.parametrize(
    ("code", "quote_is", "rfq_is"),
    [
        ("stale", {"version": 2}, {}),
        ("quote_rejected", {"status": QuoteStatus.REJECTED}, {}),
        ("quote_accepted", {"status": QuoteStatus.ACCEPTED}, {}),
        ("quote_withdrawn", {"withdrawn_at": "now"}, {}),
        ("closed", {}, {"status": RfqStatus.CLOSED}),
        ("closed", {}, {"expires_at": "now"}),
    ],
)
def test_a_quote_that_is_final_or_changed_meanwhile_is_not_revised(
    owner: Member, shop: Seller, clock: Any, code: str, quote_is: Any, rfq_is: Any
) -> None:
    quote_is, rfq_is = (
        {name: platform_time.now() if value == "now" else value for name, value in fields.items()}
        for fields in (quote_is, rfq_is)
    )
    quote = quote_create(seller=shop, rfq=rfq_create(**rfq_is), **quote_is)
    terms = QuoteTerms(unit_price=Decimal(1))
    refusal = refused(lambda: quote_revise(member=owner, quote=quote, terms=terms, version=1))
    assert refusal.code == code


@pytest.mark.rule("RFQ-6")
def test_a_revision_replaces_the_files_when_it_names_some(
    owner: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    quote = quote_create(seller=shop)
    kept, dropped, added = (file_create(seller=shop) for _ in range(3))
    with unscoped():
        for file in (kept, dropped):
            QuoteFile.objects.create(quote=quote, file=file)

    def revise(version: int, **over: Any) -> int:
        terms = QuoteTerms.of(quote)
        return quote_revise(member=owner, quote=quote, terms=terms, version=version, **over).version

    assert revise(1) == 1
    assert revise(1, files=[kept, added]) == 2
    with unscoped():
        assert set(QuoteFile.objects.values_list("file", flat=True)) == {kept.pk, added.pk}
    foreign = file_create(seller=other_shop)
    refused(lambda: revise(2, files=[foreign]))
    assert revise(2, files=[]) == 3
    with unscoped():
        assert not QuoteFile.objects.exists()


# --- Withdrawing --------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_a_withdrawal_frees_the_seat_and_gives_no_right_back(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=2, fast_lane=1, pin=1)
    rfq = rfq_create(quoted=9)
    terms = QuoteTerms(unit_price=Decimal(1))
    with seller_scope(shop):
        made = quote_submit(member=owner, rfq=rfq, terms=terms, pin=True)
    clock.advance(hours=1)
    withdrawn = quote_withdraw(member=owner, quote=made.quote)
    assert withdrawn.status == QuoteStatus.WITHDRAWN
    assert withdrawn.withdrawn_at == platform_time.now()
    assert Rfq.objects.get(pk=rfq.pk).quoted == 9
    assert balances_of(seller=shop).as_dict() == {"quote": 1, "gold": 0, "fast_lane": 1, "pin": 0}
    # The seat is free again: quoting anew needs no pass, but another quote right.
    with seller_scope(shop):
        again = quote_submit(member=owner, rfq=rfq, terms=terms)
    assert again.used == {"quote": 1, "gold": 0, "fast_lane": 0, "pin": 0}
    assert again.left.quote == 0


@pytest.mark.rule("RFQ-6")
@pytest.mark.parametrize(
    ("code", "quote_is"),
    [
        ("quote_rejected", {"status": QuoteStatus.REJECTED}),
        ("quote_accepted", {"status": QuoteStatus.ACCEPTED}),
        ("quote_withdrawn", {"withdrawn_at": "now"}),
    ],
)
def test_a_quote_that_is_final_is_not_withdrawn(
    owner: Member, shop: Seller, clock: Any, code: str, quote_is: dict[str, Any]
) -> None:
    if "withdrawn_at" in quote_is:
        quote_is = {"withdrawn_at": platform_time.now() - timedelta(days=1)}
    quote = quote_create(seller=shop, **quote_is)
    assert refused(lambda: quote_withdraw(member=owner, quote=quote)).code == code


@pytest.mark.rule("RFQ-6")
def test_a_quote_can_be_withdrawn_after_its_rfq_is_over(
    owner: Member, shop: Seller, clock: Any
) -> None:
    quote = quote_create(seller=shop, rfq=rfq_create(status=RfqStatus.CLOSED))
    assert quote_withdraw(member=owner, quote=quote).status == QuoteStatus.WITHDRAWN
