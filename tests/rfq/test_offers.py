"""Unsolicited offers on RFQ Pro: who may, when, once, and what staff make of them (RFQ-3, K-18)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from rfq.models import Rfq, RfqInvitation, UnsolicitedOffer
from rfq.services.offers import offer_decide, offer_submit
from tests import factories
from tests.rfq.market_tools import found
from tests.rfq.world import invitation_create, lot_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-3")]


@pytest.fixture
def pro(categories: Any, clock: Any) -> Rfq:
    """An RFQ Pro posted this minute."""
    return rfq_create(
        rfq_id="P-1", grade="pro", value_usd=Decimal(90_000), posted_at=platform_time.now()
    )


def offer(member: Member, rfq: Rfq, **over: Any) -> UnsolicitedOffer:
    terms = {"title": "Kits", "price": Decimal("99.5"), "message": "We make 10,000 a month."} | over
    return offer_submit(member=member, rfq=rfq, **terms)


def offers() -> list[tuple[str, str]]:
    with unscoped():
        rows = UnsolicitedOffer.objects.order_by("pk")
        return list(rows.values_list("seller__member_id", "status"))


def actions() -> list[str]:
    entries = LogEntry.objects.filter(additional_data__action__startswith="offer.").order_by("pk")
    return [entry.additional_data["action"] for entry in entries]


# --- Offering -----------------------------------------------------------------------------------


def test_an_offer_is_kept_and_uses_no_right(colleague: Member, pro: Rfq) -> None:
    made = offer(colleague, pro, title="  Kits ", message="Line one\r\nline two")
    assert (made.title, made.message, made.submitted_by) == (
        "Kits", "Line one\nline two", colleague.user,
    )  # fmt: skip
    assert offers() == [("cn1001", "submitted")]
    assert actions() == ["offer.submit"]
    with unscoped():
        assert not Notice.objects.exists()


@pytest.mark.parametrize(("late", "taken"), [(0, True), (1, False)])
def test_offers_end_24_hours_after_posting(
    owner: Member, pro: Rfq, clock: Any, late: int, taken: bool
) -> None:
    clock.advance(hours=24, microseconds=late)
    if taken:
        offer(owner, pro)
    else:
        with pytest.raises(Refusal) as refused:
            offer(owner, pro)
        assert refused.value.code == "offers_closed"
    assert len(offers()) == taken


def _invited(rfq: Rfq, shop: Seller) -> None:
    invitation_create(rfq, shop)


def _standard(rfq: Rfq, shop: Seller) -> None:
    Rfq.objects.filter(pk=rfq.pk).update(grade="gold")


def _closed(rfq: Rfq, shop: Seller) -> None:
    Rfq.objects.filter(pk=rfq.pk).update(status="closed")


def _restricted(rfq: Rfq, shop: Seller) -> None:
    Seller.objects.filter(pk=shop.pk).update(status="restricted")


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (_invited, "invited"),
        (_standard, "not_pro"),
        (_closed, "closed"),
        (_restricted, "seller_restricted"),
    ],
)
def test_what_keeps_a_shop_from_offering(
    owner: Member, pro: Rfq, shop: Seller, before: Callable[[Rfq, Seller], None], code: str
) -> None:
    before(pro, shop)
    with pytest.raises(Refusal) as refused:
        offer(owner, pro)
    assert refused.value.code == code
    assert offers() == []
    assert actions() == []


def test_one_offer_for_each_shop(
    owner: Member, colleague: Member, stranger: Member, pro: Rfq
) -> None:
    offer(owner, pro)
    with pytest.raises(Refusal) as refused:
        offer(colleague, pro)
    assert refused.value.code == "already_offered"
    offer(stranger, pro)
    assert offers() == [("cn1001", "submitted"), ("cn2002", "submitted")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "), ("title", "x" * 201), ("message", ""), ("message", "x" * 4001),
        ("message", "a\x00b"), ("price", Decimal(0)), ("price", Decimal("-1")),
        ("price", Decimal("1.00001")), ("price", Decimal("NaN")), ("price", Decimal(10) ** 10),
    ],
)  # fmt: skip
def test_what_an_offer_has_to_say(owner: Member, pro: Rfq, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        offer(owner, pro, **{field: value})
    assert [name for name, _text in refused.value.fields] == [field]
    assert offers() == []


@pytest.mark.rule("K-7")
def test_a_viewer_may_not(viewer: Member, pro: Rfq) -> None:
    with pytest.raises(NotAllowed):
        offer(viewer, pro)
    assert offers() == []


# --- Deciding -----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-3", "K-18", "K-19")
def test_accepted_means_invited_and_told_by_mail(
    owner: Member, stranger: Member, staff: User, pro: Rfq, django_capture_on_commit_callbacks: Any
) -> None:
    lot_create(seller=owner.seller)
    assert found("can_quote=1", owner.seller) == []
    made = offer(owner, pro)
    with django_capture_on_commit_callbacks(execute=True):
        offer_decide(actor=staff, offer=made, accepted=True, answer="Welcome.")
    with unscoped():
        assert RfqInvitation.objects.get().seller == owner.seller
        decided = UnsolicitedOffer.objects.get()
    assert (decided.status, decided.decided_by, decided.answer) == ("accepted", staff, "Welcome.")
    assert found("can_quote=1", owner.seller) == ["P-1"]
    assert found("can_quote=1", stranger.seller) == []
    [message] = mail.outbox
    assert message.to == [owner.user.email]
    assert "P-1" in message.subject
    assert "Welcome." in message.body
    assert actions() == ["offer.submit", "offer.decide"]


def test_declined_is_told_with_its_answer_and_invites_nobody(
    owner: Member, staff: User, pro: Rfq
) -> None:
    made = offer(owner, pro)
    with pytest.raises(InvalidInput):
        offer_decide(actor=staff, offer=made, accepted=False, answer="  ")
    assert offers() == [("cn1001", "submitted")]
    offer_decide(actor=staff, offer=made, accepted=False, answer="Too small.")
    with unscoped():
        assert not RfqInvitation.objects.exists()
        notice = Notice.objects.get()
    assert (notice.kind, notice.user, notice.params["answer"]) == (
        "offer_declined", owner.user, "Too small.",
    )  # fmt: skip


def test_it_is_decided_once_and_by_staff(owner: Member, staff: User, pro: Rfq) -> None:
    made = offer(owner, pro)
    with pytest.raises(NotAllowed):
        offer_decide(actor=owner.user, offer=made, accepted=True, answer="")
    plain = factories.user_create("plain", is_staff=True)
    with pytest.raises(NotAllowed):
        offer_decide(actor=plain, offer=made, accepted=True, answer="")
    offer_decide(actor=staff, offer=made, accepted=False, answer="No.")
    with pytest.raises(Refusal) as refused:
        offer_decide(actor=staff, offer=made, accepted=True, answer="Yes.")
    assert refused.value.code == "already_decided"
    assert offers() == [("cn1001", "declined")]
    with unscoped():
        assert Notice.objects.count() == 1


def test_nobody_is_invited_to_what_is_over(
    owner: Member, staff: User, pro: Rfq, clock: Any
) -> None:
    made = offer(owner, pro)
    clock.advance(days=31)
    with pytest.raises(Refusal) as refused:
        offer_decide(actor=staff, offer=made, accepted=True, answer="")
    assert refused.value.code == "closed"
    assert offers() == [("cn1001", "submitted")]
    offer_decide(actor=staff, offer=made, accepted=False, answer="It is over.")


# --- Page and API -------------------------------------------------------------------------------

BODY = {"title": "Kits", "price": "99.50", "message": "We make them."}


def test_the_page_takes_the_offer_without_javascript(
    colleague_client: Client, viewer_client: Client, pro: Rfq
) -> None:
    assert viewer_client.post("/rfq/rfqs/P-1/offer/", BODY).status_code == 403
    wrong = colleague_client.post("/rfq/rfqs/P-1/offer/", BODY | {"price": "free"})
    assert wrong.status_code == 400
    assert b"We make them." in wrong.content
    assert offers() == []
    assert colleague_client.post("/rfq/rfqs/P-1/offer/", BODY).status_code == 302
    page = colleague_client.get("/rfq/rfqs/P-1/").content.decode()
    assert "We make them." in page
    assert "/rfq/rfqs/P-1/offer/" not in page
    again = colleague_client.post("/rfq/rfqs/P-1/offer/", BODY)
    assert again.status_code == 409
    assert offers() == [("cn1001", "submitted")]


def test_the_api_takes_it_once(owner_api: APIClient, stranger_api: APIClient, pro: Rfq) -> None:
    address = "/api/v1/rfq/rfqs/P-1/offers"
    assert owner_api.post(address, {"title": "x"}).status_code == 400
    headers = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    made = owner_api.post(address, BODY, **headers)
    assert (made.status_code, made.json()["status"]) == (201, "submitted")
    assert owner_api.post(address, BODY, **headers).json() == made.json()
    refused = owner_api.post(address, BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_offered")
    assert owner_api.get("/api/v1/rfq/rfqs/P-1").json()["offer"]["id"] == made.json()["id"]
    assert stranger_api.get("/api/v1/rfq/rfqs/P-1").json()["offer"] is None
    assert owner_api.post("/api/v1/rfq/rfqs/nothing/offers", BODY).status_code == 404
