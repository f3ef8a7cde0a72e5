"""RFQs, quotes, offers and scores in the staff site: found, decided with a reason, never edited (UI-7)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.models import Member, Seller
from portal.scoping import unscoped
from rfq.choices import Grade, OfferStatus, RfqStatus
from rfq.models import Rfq, RfqInvitation, UnsolicitedOffer
from tests import factories
from tests.rfq.world import quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-7")]

MODELS = sorted(
    model._meta.model_name for model in admin.site._registry if model._meta.app_label == "rfq"
)
INLINES = {
    f"{prefix}-{name}": "0"
    for prefix in ("invitations", "pins")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
}


@pytest.fixture
def offer(shop: Seller, owner: Member, clock: Any) -> UnsolicitedOffer:
    """A shop's offer on an RFQ Pro that it was not invited to."""
    rfq = rfq_create(grade=Grade.PRO, value_usd=Decimal(60_000))
    with unscoped():
        return UnsolicitedOffer.objects.create(
            rfq=rfq,
            seller=shop,
            title="We make them",
            price=Decimal(90),
            message="Since 2013.",
            submitted_at=platform_time.now(),
            submitted_by=owner.user,
        )


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_searches(
    staff_client: Client, shop: Seller, offer: UnsolicitedOffer, model: str
) -> None:
    quote_create(seller=shop)
    address = f"/admin/rfq/{model}/"
    assert staff_client.get(address).status_code == 200
    assert staff_client.get(address, {"q": "something"}).status_code == 200


def test_what_belongs_to_the_market_has_a_page() -> None:
    assert {"rfq", "quote", "unsolicitedoffer", "servicescore", "assessment"} <= set(MODELS)


@pytest.mark.parametrize("model", ["rfq", "quote"])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    staff_client: Client, shop: Seller, clock: Any, model: str
) -> None:
    counts = []
    for _round in range(2):
        for _number in range(4):
            quote_create(seller=shop)
        with CaptureQueriesContext(connection) as queries:
            staff_client.get(f"/admin/rfq/{model}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.rule("RFQ-1", "K-19")
def test_an_operator_removes_an_rfq_with_a_reason_and_changes_nothing_else(
    shop: Seller, clock: Any
) -> None:
    rfq = rfq_create()
    client, address = factories.in_group("operator"), f"/admin/rfq/rfq/{rfq.pk}/change/"
    refused = client.post(address, {**INLINES, "status": "removed", "title": "Hacked"})
    assert refused.status_code == 200
    rfq.refresh_from_db()
    assert rfq.status == RfqStatus.OPEN
    assert (
        client.post(address, {**INLINES, "status": "removed", "reason": "advert"}).status_code
        == 302
    )
    rfq.refresh_from_db()
    assert (rfq.status, rfq.title) == (RfqStatus.REMOVED, rfq_create().title)
    entry = LogEntry.objects.get_for_object(rfq).get()
    assert entry.additional_data["reason"] == "advert"
    # Removed is for good.
    again = client.post(address, {**INLINES, "status": "open", "reason": "a mistake"})
    assert again.status_code == 200
    assert Rfq.objects.get(pk=rfq.pk).status == RfqStatus.REMOVED


@pytest.mark.rule("RFQ-3")
def test_an_accepted_offer_invites_the_seller_once(offer: UnsolicitedOffer) -> None:
    client = factories.in_group("operator")
    assert "Unsolicited offers to evaluate" in client.get("/admin/").content.decode()
    address = f"/admin/rfq/unsolicitedoffer/{offer.pk}/change/"
    assert client.post(address, {"decision": "accepted", "answer": ""}).status_code == 302
    with unscoped():
        offer.refresh_from_db()
        assert offer.status == OfferStatus.ACCEPTED
        assert RfqInvitation.objects.filter(rfq=offer.rfq, seller=offer.seller).count() == 1
    # What is decided stays: the page shows it, and takes no decision. Whoever still had the form open
    # is told so on it, instead of being forbidden what they may do.
    assert "decision" not in client.get(address).content.decode()
    late = client.post(address, {"decision": "declined", "answer": "No."}, follow=True)
    assert late.redirect_chain == [(address, 302)]
    assert [str(one) for one in late.context["messages"]] == [
        "It has been decided meanwhile. What you sent changed nothing."
    ]
    with unscoped():
        offer.refresh_from_db()
    assert (offer.status, offer.answer) == (OfferStatus.ACCEPTED, "")


@pytest.mark.rule("RFQ-3")
def test_an_answer_without_a_decision_is_not_lost_but_asked_about(offer: UnsolicitedOffer) -> None:
    address = f"/admin/rfq/unsolicitedoffer/{offer.pk}/change/"
    page = factories.in_group("operator").post(
        address, {"decision": "", "answer": "You are welcome."}
    )
    assert page.status_code == 200
    assert page.context["adminform"].form.errors.keys() == {"decision"}
    assert "You are welcome." in page.content.decode()
    with unscoped():
        offer.refresh_from_db()
    assert (offer.status, offer.answer) == (OfferStatus.SUBMITTED, "")


@pytest.mark.rule("RFQ-1")
def test_a_reason_without_another_status_is_asked_about(shop: Seller, clock: Any) -> None:
    address = f"/admin/rfq/rfq/{rfq_create().pk}/change/"
    page = factories.in_group("operator").post(
        address, {**INLINES, "status": "open", "reason": "advert"}
    )
    assert page.status_code == 200
    assert page.context["adminform"].form.errors.keys() == {"status"}


@pytest.mark.rule("RFQ-3")
def test_declining_needs_an_answer(offer: UnsolicitedOffer) -> None:
    client = factories.in_group("operator")
    address = f"/admin/rfq/unsolicitedoffer/{offer.pk}/change/"
    page = client.post(address, {"decision": "declined", "answer": " "})
    assert page.status_code == 200
    assert "Say why" in page.content.decode()
    client.post(address, {"decision": "declined", "answer": "The buyer has chosen."})
    with unscoped():
        offer.refresh_from_db()
        assert (offer.status, offer.answer) == (OfferStatus.DECLINED, "The buyer has chosen.")
        assert not RfqInvitation.objects.exists()


@pytest.mark.rule("RFQ-3")
def test_an_offer_on_what_is_over_cannot_be_accepted(offer: UnsolicitedOffer, clock: Any) -> None:
    clock((offer.rfq.expires_at + timedelta(seconds=1)).isoformat())
    address = f"/admin/rfq/unsolicitedoffer/{offer.pk}/change/"
    assert factories.in_group("operator").post(address, {"decision": "accepted"}).status_code == 200
    with unscoped():
        offer.refresh_from_db()
        assert offer.status == OfferStatus.SUBMITTED


@pytest.mark.parametrize("model", ["quote", "servicescore", "assessment", "peerbenchmark"])
def test_nobody_edits_what_sellers_wrote_or_nights_computed(
    staff_client: Client, model: str
) -> None:
    assert staff_client.get(f"/admin/rfq/{model}/add/").status_code == 403


def test_reviewers_only_look(offer: UnsolicitedOffer) -> None:
    client = factories.in_group("reviewer")
    for address, sent in (
        (f"/admin/rfq/rfq/{offer.rfq_id}/change/", {"status": "removed", "reason": "x"}),
        (f"/admin/rfq/unsolicitedoffer/{offer.pk}/change/", {"decision": "accepted"}),
    ):
        assert client.get(address).status_code == 200
        assert client.post(address, sent).status_code == 403
