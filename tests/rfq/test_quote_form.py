"""The quote form: cost, refusals, pins, double submits, its clock (RFQ-6 … RFQ-8, RFQ-25)."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import platform_time
from portal.choices import SellerStatus
from portal.models import Category, Seller
from portal.scoping import unscoped
from rfq.choices import Grade, RfqStatus
from rfq.models import Pin, Quote, QuoteTemplate, Rfq
from rfq.services.rights import balances_of
from tests import factories
from tests.rfq.quote_form_tools import draft_content, form_url, send, spent, text_of
from tests.rfq.world import quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def rfq() -> Rfq:
    return rfq_create(rfq_id="R-1", details="Voltage: 48V")


def announced(client: Client, rfq: Rfq) -> str:
    """Return what the page says sending will use."""
    page = client.get(form_url(rfq)).content.decode()
    return re.search(r'name="announced" value="([^"]*)"', page)[1]  # type: ignore[index]


# --- Sending ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6", "RFQ-7")
def test_sending_leads_to_what_was_used_and_what_is_left(
    shop: Seller, owner_client: Client
) -> None:
    gold = rfq_create(grade=Grade.GOLD)
    rights_create(shop, quote=10, gold=4, fast_lane=1)
    assert "1 quote right 10 9 1 gold right 4 3" in text_of(owner_client.get(form_url(gold)))
    response = send(
        owner_client, gold, announced=announced(owner_client, gold), sample_offered="on",
        valid_until="2022-09-01", ship_from="Ningbo",
    )  # fmt: skip
    with unscoped():
        quote = Quote.objects.get()
    assert response.url == reverse("rfq:quote-sent", args=[quote.pk])
    assert str(quote.unit_price) == "184.5000"
    assert (quote.moq, quote.lead_time_days, quote.ship_from) == (50, 21, "Ningbo")
    assert (quote.sample_offered, str(quote.valid_until)) == (True, "2022-09-01")
    page = text_of(owner_client.get(response.url))
    said = (
        "1 quote right used (9 left), 1 gold right used (3 left), 0 fast-lane passes used (1 left)"
    )
    assert said in page
    assert draft_content() is None


@pytest.mark.rule("RFQ-7", "RFQ-9")
def test_unlimited_rights_are_said_to_be_unlimited(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=None)
    page = text_of(owner_client.get(send(owner_client, rfq).url))
    assert "1 quote right used (unlimited), 0 gold rights used (0 left)" in page


@pytest.mark.rule("RFQ-7")
def test_a_second_submit_or_tab_lands_on_the_first_quote(
    shop: Seller, rfq: Rfq, owner_client: Client, colleague_client: Client
) -> None:
    rights_create(shop, quote=10)
    first = send(owner_client, rfq)
    again = send(owner_client, rfq, unit_price="1")
    from_colleague = send(colleague_client, rfq)
    assert from_colleague.url == first.url
    assert again.url == first.url.removesuffix("sent/"), "another price is not a second click"
    assert spent() == 1
    with unscoped():
        assert str(Quote.objects.get().unit_price) == "184.5000"
    quote_page = owner_client.get(form_url(rfq))
    assert quote_page.url == first.url.removesuffix("sent/")


@pytest.mark.rule("RFQ-7")
def test_an_rfq_that_filled_up_meanwhile_is_not_paid_for_without_asking(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, fast_lane=2)
    before = announced(owner_client, rfq)
    Rfq.objects.update(quoted=10)
    response = send(owner_client, rfq, announced=before)
    assert response.status_code == 409
    page = text_of(response)
    assert "costs more than this page said (Fast-lane pass)" in page
    assert "1 fast-lane pass 2 1" in page
    assert "We make it." in page
    assert (spent(), Rfq.objects.get().quoted) == (0, 10)
    with unscoped():
        assert not Quote.objects.exists()
    offered = re.search(r'name="announced" value="([^"]*)"', response.content.decode())[1]  # type: ignore[index]
    confirmed = send(owner_client, rfq, announced=offered)
    assert confirmed.status_code == 302
    assert spent() == 2


@pytest.mark.rule("RFQ-7")
def test_what_became_cheaper_is_sent_without_asking(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, fast_lane=2)
    assert send(owner_client, rfq, announced="quote,fast_lane").status_code == 302
    assert spent() == 1


@pytest.mark.rule("RFQ-8")
@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"status": RfqStatus.REMOVED}, "has removed this RFQ"),
        ({"status": RfqStatus.CLOSED}, "has closed this RFQ"),
        ({"grade": Grade.PRO}, "invitation list"),
        ({"grade": Grade.GOLD}, "no gold-opportunity rights left"),
        ({"quoted": 10}, "no fast-lane pass left"),
    ],
)
def test_each_refusal_is_said_at_the_top_and_keeps_what_was_typed(
    shop: Seller, owner_client: Client, over: dict[str, Any], said: str
) -> None:
    rights_create(shop, quote=10)
    refused = rfq_create(**over)
    assert said in text_of(owner_client.get(form_url(refused)))
    response = send(owner_client, refused, announced="quote,gold,fast_lane")
    assert response.status_code == 409
    assert said in text_of(response)
    assert 'value="184.50"' in response.content.decode()
    assert spent() == 0
    assert draft_content()["message"] == "We make it."  # type: ignore[index]


@pytest.mark.rule("RFQ-8")
def test_an_rfq_that_expires_while_the_form_is_open_uses_nothing(
    shop: Seller, rfq: Rfq, owner_client: Client, clock: Any
) -> None:
    rights_create(shop, quote=10)
    before = announced(owner_client, rfq)
    clock.advance(days=31)
    response = send(owner_client, rfq, announced=before)
    assert response.status_code == 409
    assert "ran out" in text_of(response)
    assert "Send quote" not in text_of(response)


@pytest.mark.rule("RFQ-8")
def test_a_restricted_shop_is_told_so(shop: Seller, rfq: Rfq, owner_client: Client) -> None:
    rights_create(shop, quote=10)
    Seller.objects.update(status=SellerStatus.RESTRICTED)
    assert "restricted" in text_of(send(owner_client, rfq))
    assert spent() == 0


@pytest.mark.rule("RFQ-6")
def test_wrong_values_are_shown_at_their_fields(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10)
    response = send(owner_client, rfq, unit_price="cheap", moq="-1", valid_until="2022-08-02")
    assert response.status_code == 400
    form = response.context["form"]
    assert {"unit_price", "moq"} <= set(form.errors)
    assert 'value="cheap"' in response.content.decode()
    assert spent() == 0


def test_an_rfq_that_is_not_posted_yet_or_unknown_is_not_found(owner_client: Client) -> None:
    tomorrow = platform_time.now() + timedelta(days=1)
    assert owner_client.get(form_url(rfq_create(posted_at=tomorrow))).status_code == 404
    assert owner_client.get("/rfq/rfqs/R-none/quote/").status_code == 404
    assert owner_client.get("/rfq/rfqs/R%00/quote/").status_code == 404


@pytest.mark.rule("K-7")
def test_viewers_may_not_open_or_send_it(shop: Seller, rfq: Rfq, viewer_client: Client) -> None:
    rights_create(shop, quote=10)
    assert viewer_client.get(form_url(rfq)).status_code == 403
    assert send(viewer_client, rfq).status_code == 403
    assert spent() == 0


# --- Pin ----------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-11")
def test_a_pin_is_offered_with_its_places_and_taken(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, pin=2)
    page = text_of(owner_client.get(form_url(rfq)))
    assert "3 of 3 places are free. You have 2 pin rights." in page
    sent = owner_client.get(send(owner_client, rfq, pin="on").url)
    assert "1 pin right used (1 left)" in text_of(sent)
    assert "Pinned on place 1" in text_of(sent)


@pytest.mark.rule("RFQ-11")
def test_a_pin_that_finds_no_place_leaves_the_quote_and_the_right(
    shop: Seller, other_shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, pin=2)
    quote = quote_create(seller=other_shop, rfq=rfq)
    with unscoped():
        Pin.objects.create(
            rfq=rfq, seller=other_shop, quote=quote, slot=1, pinned_at=quote.submitted_at
        )
        for slot in (2, 3):
            seller = type(shop).objects.create(
                member_id=f"p{slot}", name_en="P", name_zh="P", membership="basic",
                company_type="trader", main_category=shop.main_category, industry=shop.industry,
            )  # fmt: skip
            pinned = quote_create(seller=seller, rfq=rfq)
            Pin.objects.create(
                rfq=rfq, seller=seller, quote=pinned, slot=slot, pinned_at=quote.submitted_at
            )
    assert "All places are taken" in text_of(owner_client.get(form_url(rfq)))
    page = text_of(owner_client.get(send(owner_client, rfq, pin="on").url))
    assert "All 3 places are taken" in page
    assert "pin right used" not in page
    assert balances_of(seller=shop).pin == 2


# --- Clock and queries --------------------------------------------------------------------------


@pytest.mark.rule("RFQ-25")
@pytest.mark.parametrize(
    ("day", "scored", "marks"),
    [("2022-08-02", 24, [1, 12, 24]), ("2022-08-03", 12, [1, 12])],
)
def test_the_clock_marks_what_the_rules_of_the_day_count(
    shop: Seller, owner_client: Client, clock: Any, day: str, scored: int, marks: list[int]
) -> None:
    clock(f"{day}T12:00:00-07:00")
    posted_at = platform_time.now() - timedelta(hours=12)
    shown = owner_client.get(form_url(rfq_create(posted_at=posted_at))).context["clock"]
    assert [mark.hours for mark in shown.marks] == marks
    assert [mark.hours for mark in shown.marks if mark.scored] == [scored]
    assert [mark.hours for mark in shown.marks if mark.passed] == [1]


def test_the_page_costs_the_same_for_any_number_of_templates_and_attributes(
    shop: Seller, rfq: Rfq, owner_client: Client, category: Category
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_client.get(form_url(rfq)).status_code == 200
        return len(captured)

    queries()
    few = queries()
    with unscoped():
        QuoteTemplate.objects.bulk_create(
            QuoteTemplate(seller=shop, name=f"T{number}", changed_at=platform_time.now())
            for number in range(50)
        )
    for number in range(20):
        factories.attribute_create(category, f"extra_{number}", values=["a", "b"])
    assert queries() == few <= 32
