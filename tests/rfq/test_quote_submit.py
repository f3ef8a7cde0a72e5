"""Submitting a quote: what it takes, what is left, and refusals that take nothing (RFQ-6 … RFQ-8)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from listings.services.products import product_save
from portal import platform_time
from portal.choices import Membership, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import Grade, QuoteStatus, RfqStatus, RightKind
from rfq.models import Pin, Quote, QuoteDraft, QuoteFile, Rfq, RightEntry
from rfq.quotes.terms import QuoteTerms, terms_from
from rfq.services.quotes import Submission, quote_submit
from rfq.services.rights import balances_of
from tests import factories
from tests.rfq.world import (
    file_create,
    lot_create,
    quote_create,
    rfq_create,
    rights_create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

TERMS = QuoteTerms(unit_price=Decimal("184.50"), moq=50, lead_time_days=21, message="We make it.")
NOTHING_USED = {"quote": 0, "gold": 0, "fast_lane": 0, "pin": 0}


def submit(member: Member, rfq: Rfq, **over: Any) -> Submission:
    with seller_scope(member.seller):
        return quote_submit(**{"member": member, "rfq": rfq, "terms": TERMS} | over)


def everything() -> dict[str, Any]:
    """All that a submission may write."""
    with unscoped():
        return {
            "quotes": list(Quote.objects.order_by("pk").values()),
            "pins": list(Pin.objects.order_by("pk").values()),
            "uses": list(RightEntry.objects.order_by("pk").values()),
            "lots": {
                seller.member_id: balances_of(seller=seller) for seller in Seller.objects.all()
            },
            "seats": dict(Rfq.objects.values_list("rfq_id", "quoted")),
            "drafts": QuoteDraft.objects.count(),
            "files": QuoteFile.objects.count(),
        }


def refused(member: Member, rfq: Rfq, **over: Any) -> Refusal:
    """Submit, and make sure that it is refused and changes nothing."""
    before = everything()
    with pytest.raises(Refusal) as refusal:
        submit(member, rfq, **over)
    assert everything() == before
    return refusal.value


@pytest.mark.rule("RFQ-7", "RFQ-9")
def test_a_quote_on_gold_uses_a_quote_right_and_a_gold_right_and_says_what_is_left(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=10, gold=4, fast_lane=1)
    made = submit(owner, rfq_create(grade=Grade.GOLD, quoted=9))
    assert made.used == {"quote": 1, "gold": 1, "fast_lane": 0, "pin": 0}
    assert made.left.as_dict() == {"quote": 9, "gold": 3, "fast_lane": 1, "pin": 0}
    assert (made.pinned, made.pin_refusal) == (None, None)
    with unscoped():
        uses = RightEntry.objects.filter(quote=made.quote).order_by("pk")
        assert list(uses.values_list("kind", "delta")) == [("quote", -1), ("gold", -1)]


@pytest.mark.rule("RFQ-7")
@pytest.mark.parametrize(
    ("grade", "taken", "used"),
    [
        (Grade.STANDARD, 9, {"quote": 1}),
        (Grade.STANDARD, 10, {"quote": 1, "fast_lane": 1}),
        (Grade.SILVER, 0, {"quote": 1}),
        (Grade.GOLD, 10, {"quote": 1, "gold": 1, "fast_lane": 1}),
        (Grade.GOLD, 11, {"quote": 1, "gold": 1, "fast_lane": 1}),
    ],
)
def test_what_a_quote_uses_follows_from_grade_and_seats(
    owner: Member, shop: Seller, clock: Any, grade: str, taken: int, used: dict[str, int]
) -> None:
    rights_create(shop, quote=3, gold=3, fast_lane=3, pin=3)
    rfq = rfq_create(grade=grade, quoted=taken)
    assert submit(owner, rfq).used == NOTHING_USED | used
    rfq.refresh_from_db()
    assert rfq.quoted == taken + 1


@pytest.mark.rule("RFQ-7", "RFQ-22")
def test_unlimited_gold_rights_are_not_counted_but_quote_rights_are(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=2, gold=None)
    made = submit(owner, rfq_create(grade=Grade.GOLD))
    assert made.used == {"quote": 1, "gold": 1, "fast_lane": 0, "pin": 0}
    assert made.left.as_dict() == {"quote": 1, "gold": None, "fast_lane": 0, "pin": 0}


@pytest.mark.rule("RFQ-6", "RFQ-16", "RFQ-17")
def test_a_quote_carries_what_follows_from_its_rfq(owner: Member, shop: Seller, clock: Any) -> None:
    rights_create(shop, quote=1)
    rfq = rfq_create(posted_at=platform_time.parse_instant("2022-08-03T11:00:30-07:00"))
    quote = submit(owner, rfq).quote
    quote.refresh_from_db()
    assert quote.buyer == rfq.buyer
    assert quote.response_seconds == 59 * 60 + 30
    assert quote.links_until == platform_time.parse_instant("2025-08-03T12:00:00-07:00")
    assert (quote.status, quote.version, quote.submitted_by) == ("submitted", 1, owner.user)
    assert quote.submitted_at == platform_time.now()
    assert QuoteTerms.of(quote) == TERMS


@pytest.mark.rule("RFQ-6")
def test_a_draft_is_gone_when_its_quote_is_sent_and_a_colleagues_stays(
    owner: Member, colleague: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    rfq, other_rfq = rfq_create(), rfq_create()
    with unscoped():
        for member, on in ((owner, rfq), (owner, other_rfq), (colleague, rfq)):
            QuoteDraft.objects.create(
                seller=shop, user=member.user, rfq=on, saved_at=platform_time.now()
            )
    submit(owner, rfq)
    with unscoped():
        left = set(QuoteDraft.objects.values_list("user__username", "rfq__rfq_id"))
    assert left == {("owner", other_rfq.rfq_id), ("colleague", rfq.rfq_id)}


@pytest.mark.rule("RFQ-6", "K-8")
def test_files_of_the_shop_go_with_the_quote_and_foreign_ones_do_not(
    owner: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=1)
    rfq = rfq_create()
    mine, theirs = file_create(seller=shop), file_create(seller=other_shop)
    assert refused(owner, rfq, files=[mine, theirs]).fields[0][0] == "files"
    quote = submit(owner, rfq, files=[mine, mine]).quote
    with unscoped():
        assert [row.file for row in QuoteFile.objects.filter(quote=quote)] == [mine]


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-8")
@pytest.mark.parametrize(
    ("code", "rfq_is", "shop_is", "rights"),
    [
        ("seller_restricted", {}, {"status": SellerStatus.RESTRICTED}, {}),
        ("closed", {"status": RfqStatus.REMOVED}, {}, {}),
        ("not_invited", {"grade": Grade.PRO}, {}, {}),
        ("early_access_only", {"grade": Grade.SILVER, "opens_to_all_at": "later"}, {}, {}),
        ("gold_not_allowed", {"grade": Grade.GOLD}, {"membership": Membership.BASIC}, {}),
        ("no_quote_right", {}, {}, {"quote": 0}),
        ("no_gold_right", {"grade": Grade.GOLD}, {}, {"gold": 0}),
        ("no_fast_lane", {"quoted": 10}, {}, {"fast_lane": 0}),
    ],
)
def test_a_refused_quote_takes_nothing(
    owner: Member, shop: Seller, clock: Any, code: str, rfq_is: Any, shop_is: Any, rights: Any
) -> None:
    if "opens_to_all_at" in rfq_is:
        rfq_is = rfq_is | {"opens_to_all_at": platform_time.now() + timedelta(hours=1)}
    rfq = rfq_create(**rfq_is)
    Seller.objects.filter(pk=shop.pk).update(**shop_is)
    rights_create(shop, **{"quote": 2, "gold": 2, "fast_lane": 2, "pin": 2} | rights)
    # The member in hand still says what the shop was when the page was opened.
    assert refused(owner, rfq, pin=True).code == code


@pytest.mark.rule("RFQ-6", "RFQ-8")
def test_a_second_live_quote_is_refused_and_one_after_a_withdrawal_is_not(
    owner: Member, colleague: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=3)
    rfq = rfq_create()
    quote_create(seller=other_shop, rfq=rfq)
    quote_create(seller=shop, rfq=rfq, withdrawn_at=platform_time.now())
    submit(owner, rfq)
    assert refused(colleague, rfq).code == "already_quoted"


@pytest.mark.rule("RFQ-8")
def test_what_the_rfq_became_since_it_was_read_decides(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=3)
    as_seen = rfq_create()
    Rfq.objects.update(status=RfqStatus.CLOSED)
    assert refused(owner, as_seen).code == "closed"
    Rfq.objects.update(status=RfqStatus.OPEN, quoted=10)
    assert refused(owner, as_seen).code == "no_fast_lane"


@pytest.mark.rule("K-7", "K-8")
def test_a_viewer_may_not_quote(viewer: Member, shop: Seller, clock: Any) -> None:
    rights_create(shop, quote=3)
    assert isinstance(refused(viewer, rfq_create()), NotAllowed)


@pytest.mark.rule("RFQ-9")
def test_rights_that_are_over_or_not_yet_granted_cannot_be_used(
    owner: Member, shop: Seller, clock: Any
) -> None:
    now = platform_time.now()
    lot_create(seller=shop, granted_at=now - timedelta(days=9), expires_at=now)
    lot_create(seller=shop, granted_at=now + timedelta(seconds=1))
    rfq = rfq_create()
    assert refused(owner, rfq).code == "no_quote_right"
    clock.advance(seconds=1)
    assert submit(owner, rfq).left.quote == 9


# --- Pinning with the quote ---------------------------------------------------------------------


@pytest.mark.rule("RFQ-7", "RFQ-11")
def test_a_pin_goes_with_the_quote_when_there_is_a_place_and_a_right(
    owner: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=5, pin=2)
    made = submit(owner, rfq_create(), pin=True)
    assert (made.pinned, made.pin_refusal) == (1, None)
    assert made.used == {"quote": 1, "gold": 0, "fast_lane": 0, "pin": 1}
    assert made.left.as_dict() == {"quote": 4, "gold": 0, "fast_lane": 0, "pin": 1}


@pytest.mark.rule("RFQ-11")
@pytest.mark.parametrize(("pins", "code"), [(2, "pins_taken"), (0, "no_pin_right")])
def test_the_quote_stands_when_its_pin_fails_and_the_right_is_kept(
    owner: Member, shop: Seller, clock: Any, pins: int, code: str
) -> None:
    rights_create(shop, quote=5, pin=pins)
    rfq = rfq_create()
    with unscoped():
        for slot in (1, 2, 3):
            seller = factories.seller_create(shop.main_category)
            Pin.objects.create(
                rfq=rfq,
                seller=seller,
                quote=quote_create(seller=seller, rfq=rfq),
                slot=slot,
                pinned_at=platform_time.now(),
            )
    made = submit(owner, rfq, pin=True)
    assert (made.pinned, made.pin_refusal) == (None, code)
    assert made.pin_message
    assert made.used == {"quote": 1, "gold": 0, "fast_lane": 0, "pin": 0}
    assert made.left.as_dict() == {"quote": 4, "gold": 0, "fast_lane": 0, "pin": pins}
    with unscoped():
        assert Quote.objects.get(pk=made.quote.pk).status == QuoteStatus.SUBMITTED
        assert not RightEntry.objects.filter(kind=RightKind.PIN, delta=-1).exists()


# --- Terms ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("unit_price", "0.0001", "0"),
        ("unit_price", "9999999999.9999", "10000000000"),
        ("unit_price", 12.5, "-1"),
        ("unit_price", "1.2345", "1.23456"),
        ("unit_price", "1", None),
        ("currency", "eur", "EURO"),
        ("currency", "CNY", "XXX"),
        ("moq", 1, 0),
        ("moq", "1000000000", 1_000_000_001),
        ("lead_time_days", 0, -1),
        ("lead_time_days", 3650, 3651),
        ("lead_time_days", None, "soon"),
        ("ship_from", "x" * 80, "x" * 81),
        ("message", "x" * 8000, "x" * 8001),
        ("message", "两行\nTwo lines", "bell\x07"),
        ("valid_until", "2022-08-03", "2022-8-32"),
        ("sample_offered", True, "perhaps"),
        ("products", [], [{}]),
        ("nonsense", None, "1"),
    ],
)
def test_each_term_has_its_limits(field: str, good: Any, bad: Any) -> None:
    base = {"unit_price": "10"}
    if field != "nonsense":
        terms_from(base | {field: good})
    with pytest.raises(InvalidInput) as refusal:
        terms_from(base | {field: bad})
    assert [name for name, _text in refusal.value.fields] == [field]


@pytest.mark.rule("RFQ-6")
def test_raw_terms_become_clean_ones(clock: Any) -> None:
    assert terms_from({"unit_price": "10", "currency": "eur"}) == QuoteTerms(
        unit_price=Decimal(10), currency="EUR"
    )
    base = QuoteTerms(unit_price=Decimal(1), moq=5, valid_until=date(2022, 9, 1))
    assert terms_from({"moq": None, "message": " hi "}, base=base) == QuoteTerms(
        unit_price=Decimal(1), valid_until=date(2022, 9, 1), message="hi"
    )


@pytest.mark.rule("RFQ-6")
def test_a_quote_is_valid_today_at_least(owner: Member, shop: Seller, clock: Any) -> None:
    rights_create(shop, quote=5)
    rfq = rfq_create()
    over = QuoteTerms(unit_price=Decimal(1), valid_until=date(2022, 8, 2))
    assert refused(owner, rfq, terms=over).fields[0][0] == "valid_until"
    last_day = QuoteTerms(unit_price=Decimal(1), valid_until=date(2022, 8, 3))
    assert submit(owner, rfq, terms=last_day).quote.valid_until == date(2022, 8, 3)


@pytest.mark.rule("RFQ-6", "K-8")
def test_a_quote_links_the_shops_own_products_alone(
    owner: Member, stranger: Member, shop: Seller, clock: Any
) -> None:
    rights_create(shop, quote=5)
    kit = {"category": "e-bike-kits", "title": "Kit", "kind": "rts", "status": "live"}
    with unscoped():
        for member, product_id in ((owner, "mine"), (stranger, "theirs")):
            product_save(
                actor=member, seller=member.seller, data=kit, product_id=product_id, origin="api"
            )
    rfq = rfq_create()
    foreign = QuoteTerms(unit_price=Decimal(1), products=("mine", "theirs"))
    field, text = refused(owner, rfq, terms=foreign).fields[0]
    assert (field, "theirs" in text, "mine" in text) == ("products", True, False)
    own = QuoteTerms(unit_price=Decimal(1), products=("mine",))
    assert submit(owner, rfq, terms=own).quote.products == ["mine"]
