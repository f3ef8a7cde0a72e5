"""Pages of orders from RFQ, of the GMV challenge and of spam reports (RFQ-17, RFQ-23, RFQ-24)."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from portal import platform_time
from portal.models import Member, Seller, StoredFile
from portal.scoping import unscoped
from rfq.models import ChallengeEntry, OrderLink, Quote, RightLot, SpamReport
from rfq.services.challenge import challenge_enrol
from rfq.services.links import TRIES
from tests.rfq.world import buyer_create, order_create, quote_create, rfq_create

pytestmark = pytest.mark.django_db

QUOTED = platform_time.parse_instant("2022-07-20T10:00:00-07:00")
ORDERED = platform_time.parse_instant("2022-08-01T10:00:00-07:00")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def quoted_buyer(shop: Seller, **over: Any) -> tuple[Any, Quote]:
    buyer = buyer_create(email="anna@nordhaus.example", company="Nordhaus", **over)
    rfq = rfq_create(buyer=buyer, posted_at=QUOTED - DAY, title="Kits for Berlin")
    return buyer, quote_create(seller=shop, rfq=rfq, submitted_at=QUOTED)


def paid(shop: Seller, buyer: Any, amount: str = "880", **over: Any) -> Any:
    fields = {"created_at": ORDERED, "paid_at": ORDERED, "amount": Decimal(amount)} | over
    return order_create(seller=shop, buyer=buyer, **fields)


def picture(name: str = "shot.png") -> SimpleUploadedFile:
    written = io.BytesIO()
    Image.new("RGB", (20, 10), (200, 30, 30)).save(written, "PNG")
    return SimpleUploadedFile(name, written.getvalue())


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# --- Orders -------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-17")
def test_the_page_says_why_an_order_does_not_count(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    buyer, _quote = quoted_buyer(shop)
    paid(shop, buyer, order_id="good", received=Decimal("870.50"), received_at=ORDERED)
    paid(shop, buyer, order_id="web", channel="e_collect")
    paid(shop, buyer, order_id="forged", fake=True)
    paid(shop, buyer, order_id="open", paid_at=None)
    paid(shop, buyer, order_id="early", created_at=QUOTED - DAY)
    paid(other_shop, buyer, order_id="foreign")
    paid(shop, buyer_create(), order_id="unquoted")
    page = owner_client.get(reverse("rfq:orders"))
    rows = {row.order.order_id: row for row in page.context["rows"]}
    assert {key: row.reason for key, row in rows.items()} == {
        "good": "",
        "web": "",
        "forged": "fake_trade",
        "open": "unpaid",
        "early": "before_quote",
    }
    assert [key for key, row in rows.items() if row.in_challenge] == ["good"]
    assert "US$870.50" in text_of(page)
    counting = owner_client.get(reverse("rfq:orders"), {"show": "counting"})
    assert {row.order.order_id for row in counting.context["rows"]} == {"good", "web"}
    rest = owner_client.get(reverse("rfq:orders"), {"show": "not_counting"})
    assert {row.order.order_id for row in rest.context["rows"]} == {"forged", "open", "early"}


@pytest.mark.rule("RFQ-17")
def test_an_order_after_three_years_says_so(shop: Seller, owner_client: Client, clock: Any) -> None:
    buyer, quote = quoted_buyer(shop)
    late = quote.links_until + timedelta(seconds=1)
    paid(shop, buyer, created_at=late, paid_at=late)
    clock((late + DAY).isoformat())
    (row,) = owner_client.get(reverse("rfq:orders")).context["rows"]
    assert row.reason == "over_3_years"
    with unscoped():
        Quote.objects.update(refunded_at=QUOTED + DAY, links_until=late + DAY)
    (row,) = owner_client.get(reverse("rfq:orders")).context["rows"]
    assert row.reason == "refunded"


@pytest.mark.rule("RFQ-17")
def test_a_page_of_orders_costs_the_same_queries_however_many(
    shop: Seller, owner_client: Client, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(60) as counted:
            owner_client.get(reverse("rfq:orders"))
        return len(counted)

    buyer, _quote = quoted_buyer(shop)
    paid(shop, buyer)
    queries()
    few = queries()
    for _number in range(6):
        other = buyer_create()
        rfq = rfq_create(buyer=other, posted_at=QUOTED - DAY)
        quote_create(seller=shop, rfq=rfq, submitted_at=QUOTED)
        paid(shop, other)
    assert queries() == few


@pytest.mark.rule("RFQ-17")
def test_a_quote_is_found_by_the_buyers_email_and_linked(
    shop: Seller, other_shop: Seller, colleague_client: Client
) -> None:
    buyer, quote = quoted_buyer(shop)
    order = paid(shop, buyer)
    url = reverse("rfq:order-link", args=[order.order_id])
    assert buyer.email not in text_of(colleague_client.get(url))
    found = colleague_client.post(url, {"email": " Anna@Nordhaus.example "})
    assert [one.pk for one in found.context["quotes"]] == [quote.pk]
    answer = colleague_client.post(url, {"quote": quote.pk})
    assert answer.url == reverse("rfq:orders")
    with unscoped():
        link = OrderLink.objects.get()
    assert (link.order_id, link.quote_id) == (order.pk, quote.pk)


@pytest.mark.rule("RFQ-17")
def test_unknown_and_foreign_emails_answer_alike(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    """Of another buyer, of a buyer only another shop quoted, of nobody: one and the same answer."""
    buyer, _quote = quoted_buyer(shop)
    somebody = buyer_create(email="bob@maple.example")
    url = reverse("rfq:order-link", args=[paid(shop, buyer).order_id])
    unquoted = reverse("rfq:order-link", args=[paid(shop, somebody).order_id])
    answers = [
        owner_client.post(url, {"email": "bob@maple.example"}),
        owner_client.post(url, {"email": "nobody@nowhere.example"}),
        owner_client.post(url, {"email": ""}),
        owner_client.post(unquoted, {"email": "bob@maple.example"}),
    ]
    assert {one.status_code for one in answers} == {400}
    assert len({str(one.context["problem"]) for one in answers}) == 1
    blank = buyer_create(email="")
    rfq = rfq_create(buyer=blank, posted_at=QUOTED - DAY)
    quote_create(seller=shop, rfq=rfq, submitted_at=QUOTED)
    url = reverse("rfq:order-link", args=[paid(shop, blank).order_id])
    assert owner_client.post(url, {"email": ""}).status_code == 400


@pytest.mark.rule("RFQ-17")
def test_guessing_emails_is_slowed_down(shop: Seller, owner_client: Client) -> None:
    buyer, _quote = quoted_buyer(shop)
    url = reverse("rfq:order-link", args=[paid(shop, buyer).order_id])
    for _try in range(TRIES):
        assert owner_client.post(url, {"email": "x@y.example"}).status_code == 400
    refused = owner_client.post(url, {"email": buyer.email})
    assert refused.status_code == 429
    assert "quotes" not in refused.context


@pytest.mark.rule("RFQ-17", "K-8")
def test_other_shops_orders_and_quotes_do_not_exist(
    shop: Seller, other_shop: Seller, owner_client: Client, stranger: Member
) -> None:
    buyer, quote = quoted_buyer(shop)
    foreign_rfq = rfq_create(buyer=buyer, posted_at=QUOTED - DAY)
    foreign = quote_create(seller=other_shop, rfq=foreign_rfq, submitted_at=QUOTED)
    theirs = paid(other_shop, buyer)
    mine = paid(shop, buyer)
    assert owner_client.get(reverse("rfq:order-link", args=[theirs.order_id])).status_code == 404
    assert owner_client.get(reverse("rfq:order-link", args=["a\0b"])).status_code == 404
    assert owner_client.get(reverse("rfq:quote-link-order", args=[foreign.pk])).status_code == 404
    link = reverse("rfq:order-link", args=[mine.order_id])
    for given in (foreign.pk, 999_999, "x", "٣", 10**30):
        assert owner_client.post(link, {"quote": given}).status_code == 400
    for given in (theirs.pk, 999_999, ""):
        url = reverse("rfq:quote-link-order", args=[quote.pk])
        assert owner_client.post(url, {"order": given}).status_code == 400
    with unscoped():
        assert not OrderLink.objects.exists()


@pytest.mark.rule("RFQ-17")
def test_an_order_is_linked_from_the_quote(shop: Seller, owner_client: Client) -> None:
    buyer, quote = quoted_buyer(shop)
    order = paid(shop, buyer)
    before = paid(shop, buyer, created_at=QUOTED - DAY)
    url = reverse("rfq:quote-link-order", args=[quote.pk])
    assert [one.pk for one in owner_client.get(url).context["orders"]] == [order.pk]
    refused = owner_client.post(url, {"order": before.pk}, follow=True)
    assert "does not fit" in text_of(refused)
    with unscoped():
        assert not OrderLink.objects.exists()
    owner_client.post(url, {"order": order.pk})
    with unscoped():
        assert OrderLink.objects.get().order_id == order.pk


# --- Challenge ----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-23")
def test_the_page_of_the_challenge(shop: Seller, owner: Member, owner_client: Client) -> None:
    buyer, _quote = quoted_buyer(shop)
    paid(shop, buyer, "880")
    page = owner_client.get(reverse("rfq:challenge"))
    assert "US$120.00 more → 2 quote rights" in text_of(page).replace(
        '<span class="num">', ""
    ).replace("</span>", "")
    assert [step.reached for step in page.context["steps"]] == [True, False, False, False, False]
    assert [step.done for step in page.context["steps"]] == [500, 380, 0, 0, 0]
    owner_client.post(reverse("rfq:challenge-enrol", args=["2022-08"]))
    page = owner_client.get(reverse("rfq:challenge"))
    assert "Claim 1 quote right" in text_of(page)
    told = owner_client.post(reverse("rfq:challenge-claim", args=["2022-08"]), follow=True)
    assert "1 quote right is yours" in text_of(told)
    again = owner_client.post(reverse("rfq:challenge-claim", args=["2022-08"]), follow=True)
    assert "claimed already" in text_of(again)
    with unscoped():
        assert RightLot.objects.get().amount == 1


@pytest.mark.rule("RFQ-23")
def test_only_the_owner_is_offered_to_enrol(
    shop: Seller, colleague_client: Client, viewer_client: Client
) -> None:
    page = text_of(colleague_client.get(reverse("rfq:challenge")))
    assert "Only the owner of the shop can enrol it" in page
    assert reverse("rfq:challenge-enrol", args=["2022-08"]) not in page
    for client in (colleague_client, viewer_client):
        answer = client.post(reverse("rfq:challenge-enrol", args=["2022-08"]))
        assert answer.status_code == 403
    assert viewer_client.post(reverse("rfq:challenge-claim", args=["2022-08"])).status_code == 403
    with unscoped():
        assert not ChallengeEntry.objects.exists()


@pytest.mark.rule("RFQ-23")
def test_last_months_rights_are_pointed_out_while_they_can_be_claimed(
    shop: Seller, owner: Member, owner_client: Client, clock: Any
) -> None:
    buyer, _quote = quoted_buyer(shop)
    paid(shop, buyer, "3000")
    challenge_enrol(member=owner, month=platform_time.parse_day("2022-08-01"))
    clock("2022-09-03T23:59:59-07:00")
    assert "wait to be claimed" in text_of(owner_client.get(reverse("rfq:challenge")))
    assert owner_client.get(reverse("rfq:challenge-month", args=["2022-08"])).status_code == 200
    clock("2022-09-04T00:00:00-07:00")
    page = text_of(owner_client.get(reverse("rfq:challenge")))
    assert "wait to be claimed" not in page
    assert "Months before" in page


@pytest.mark.rule("RFQ-23")
@pytest.mark.parametrize("month", ["2022-07", "2022-09", "2022-13", "2022-8", "x"])
def test_months_that_do_not_exist(owner_client: Client, month: str) -> None:
    assert owner_client.get(reverse("rfq:challenge-month", args=[month])).status_code == 404


@pytest.mark.rule("RFQ-23")
def test_before_the_first_challenge_the_page_says_so(owner_client: Client, clock: Any) -> None:
    clock("2022-07-31T12:00:00-07:00")
    page = owner_client.get(reverse("rfq:challenge"))
    assert page.status_code == 200
    assert "no GMV challenge in this month" in text_of(page)


# --- Spam reports -------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-24")
def test_a_report_is_sent_from_the_form(
    shop: Seller, colleague: Member, colleague_client: Client, category: Any
) -> None:
    rfq = rfq_create()
    url = reverse("rfq:spam-report", args=[rfq.rfq_id])
    form = text_of(colleague_client.get(url))
    assert "An unclear or thin RFQ is not spam" in form
    assert "0 of 5" in form
    sent = {
        "kind": "advert",
        "description": "They sell containers.",
        "evidence": [picture(), picture()],
    }
    answer = colleague_client.post(url, sent, follow=True)
    assert "Reported." in text_of(answer)
    with unscoped():
        report = SpamReport.objects.get()
        assert report.evidence.count() == 2
    assert (report.kind, report.status, report.reported_by) == ("advert", "open", colleague.user)
    # Wednesday noon Pacific is Thursday 03:00 in Shanghai: Thursday, Friday, Monday.
    assert report.answer_due_at == platform_time.parse_instant("2022-08-08T18:00:00+08:00")
    page = colleague_client.get(reverse("rfq:spam-reports"))
    assert text_of(page).count('class="thumb"') == 2


@pytest.mark.rule("RFQ-24")
def test_a_refused_file_leaves_what_was_typed(
    shop: Seller, owner_client: Client, category: Any
) -> None:
    rfq = rfq_create()
    files = [picture(), SimpleUploadedFile("page.html", b"<script>alert(1)</script>")]
    sent = {"kind": "fraud", "description": "Asks for free samples", "evidence": files}
    answer = owner_client.post(reverse("rfq:spam-report", args=[rfq.rfq_id]), sent)
    assert answer.status_code == 400
    form = text_of(answer)
    assert "“page.html”: this is none of the kinds of file taken" in form
    assert "Asks for free samples</textarea>" in form
    assert 'value="fraud" checked' in form
    with unscoped():
        assert not SpamReport.objects.exists()
        assert not StoredFile.objects.exists()


@pytest.mark.rule("RFQ-24")
def test_the_form_names_everything_that_is_wrong_at_once(
    owner_client: Client, category: Any
) -> None:
    rfq = rfq_create()
    answer = owner_client.post(reverse("rfq:spam-report", args=[rfq.rfq_id]), {"kind": "boring"})
    assert answer.status_code == 400
    assert set(answer.context["problems"]) == {"kind", "description", "evidence"}


@pytest.mark.rule("RFQ-24")
def test_unknown_and_future_rfqs_cannot_be_reported(
    owner_client: Client, viewer_client: Client, category: Any
) -> None:
    later = rfq_create(posted_at=platform_time.now() + DAY)
    for rfq_id in ("nowhere", later.rfq_id, "a\0b"):
        assert owner_client.get(reverse("rfq:spam-report", args=[rfq_id])).status_code == 404
    known = reverse("rfq:spam-report", args=[rfq_create().rfq_id])
    assert viewer_client.get(known).status_code == 403
    assert viewer_client.post(known, {}).status_code == 403
