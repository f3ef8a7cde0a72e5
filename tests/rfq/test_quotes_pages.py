"""“My quotes”: tabs, filters, export, funnel, one quote and what is done with it (RFQ-6, RFQ-12, RFQ-25)."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import platform_time
from portal.models import Member, Seller, SellerFlag
from portal.platform_time import Window, parse_day
from portal.scoping import seller_scope, unscoped
from rfq.choices import FollowUpKind, QuoteStatus, RfqStatus
from rfq.models import FollowUp, Pin, Quote, Rfq
from rfq.quotes.figures import QuoteFigures, ResponseBin, quote_figures
from rfq.quotes.queries import needing_attention
from tests.rfq.world import (
    buyer_create,
    order_create,
    quote_create,
    rfq_create,
    rights_create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None: ...


def url(name: str, *args: Any) -> str:
    return reverse(f"rfq:{name}", args=args)


def text_of(response: Any) -> str:
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(plain).split())


def ago(**span: float) -> Any:
    return platform_time.now() - timedelta(**span)


def to(tier: str, **over: Any) -> Rfq:
    return rfq_create(buyer=buyer_create(tier=tier), **over)


def replied(shop: Seller, at: Any, tier: str = "L0", **over: Any) -> Quote:
    fields = {"status": QuoteStatus.REPLIED, "viewed_at": at, "replied_at": at} | over
    rfq = fields.pop("rfq", None) or to(tier, posted_at=at - DAY)
    return quote_create(seller=shop, rfq=rfq, **fields)


def viewed(shop: Seller, at: Any, tier: str = "L0", **over: Any) -> Quote:
    fields = {"status": QuoteStatus.VIEWED, "viewed_at": at} | over
    return quote_create(seller=shop, rfq=to(tier, posted_at=at - DAY), **fields)


def waiting(shop: Seller) -> list[int]:
    with seller_scope(shop):
        return [quote.pk for quote in needing_attention(shop, platform_time.now())]


# --- Needs attention ----------------------------------------------------------------------------


@pytest.mark.rule("RFQ-12", "K-11")
def test_replies_of_buyers_with_a_badge_come_first_then_replies_then_old_views(
    shop: Seller,
) -> None:
    old_view = viewed(shop, ago(days=4), "L4")
    plain = replied(shop, ago(hours=1), "L0")
    badged = replied(shop, ago(days=2), "L1")
    newer_badged = replied(shop, ago(days=1), "L3")
    assert waiting(shop) == [newer_badged.pk, badged.pk, plain.pk, old_view.pk]


@pytest.mark.rule("RFQ-12", "K-10")
def test_before_tiers_are_shown_the_order_tells_nothing_of_them(shop: Seller, clock: Any) -> None:
    clock("2022-07-31T12:00:00-07:00")
    badged = replied(shop, ago(days=2), "L4")
    plain = replied(shop, ago(days=1), "L0")
    assert waiting(shop) == [plain.pk, badged.pk]


@pytest.mark.rule("RFQ-12")
@pytest.mark.parametrize(
    ("make", "listed"),
    [
        (lambda shop: replied(shop, ago(days=29)), True),
        (lambda shop: replied(shop, ago(days=31)), False),
        (lambda shop: viewed(shop, ago(days=3)), True),
        (lambda shop: viewed(shop, ago(days=2, hours=23)), False),
        (lambda shop: viewed(shop, ago(days=31)), False),
        (lambda shop: replied(shop, ago(days=1), status=QuoteStatus.REJECTED), False),
        (lambda shop: replied(shop, ago(days=1), status=QuoteStatus.ACCEPTED), False),
        (lambda shop: replied(shop, ago(days=1), withdrawn_at=ago(hours=1), status="withdrawn"), False),
        (lambda shop: replied(shop, ago(days=1), refunded_at=ago(hours=1)), False),
        (lambda shop: replied(shop, ago(days=1), rfq=rfq_create(posted_at=ago(days=3), status=RfqStatus.CLOSED)), False),
        (lambda shop: replied(shop, ago(days=1), rfq=rfq_create(posted_at=ago(days=3), status=RfqStatus.EXPIRED)), True),
        (lambda shop: quote_create(seller=shop), False),
    ],
)  # fmt: skip
def test_what_waits_for_the_seller(
    shop: Seller, make: Callable[[Seller], Quote], listed: bool
) -> None:
    quote = make(shop)
    assert (quote.pk in waiting(shop)) is listed


@pytest.mark.rule("RFQ-12", "RFQ-25")
def test_it_leaves_the_list_once_followed_up_and_returns_with_a_newer_reply(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    quote = replied(shop, ago(hours=1))
    with unscoped():
        FollowUp.objects.create(
            seller=shop, quote=quote, kind=FollowUpKind.NEXT_DAY, due_on=platform_time.today(),
            done_at=ago(hours=2),
        )  # fmt: skip
    assert waiting(shop) == [quote.pk]
    owner_client.post(url("quote-follow-up", quote.pk))
    assert waiting(shop) == []
    clock.advance(hours=1)
    with unscoped():
        Quote.objects.update(replied_at=platform_time.now())
    assert waiting(shop) == [quote.pk]


# --- List ---------------------------------------------------------------------------------------


def listed(client: Client, query: str = "") -> list[int]:
    return [row.quote.pk for row in client.get(url("quotes") + query).context["rows"]]


@pytest.mark.rule("RFQ-12", "K-11")
def test_filters_by_text_status_badge_and_day(shop: Seller, owner_client: Client) -> None:
    first = quote_create(
        seller=shop, rfq=to("L1", rfq_id="R-77", title="Red kettles", posted_at=ago(days=5))
    )
    second = replied(shop, ago(days=1), "L0")
    assert listed(owner_client) == [second.pk, first.pk]
    assert listed(owner_client, "?q=kettle") == listed(owner_client, "?q=r-77") == [first.pk]
    assert listed(owner_client, "?status=replied") == [second.pk]
    assert listed(owner_client, "?badge=L1%2B") == [first.pk]
    assert listed(owner_client, "?until=2022-07-29") == [first.pk]
    assert listed(owner_client, "?since=2022-07-30") == [second.pk]
    assert listed(owner_client, "?since=nonsense&q=%00") == [second.pk, first.pk]


@pytest.mark.rule("K-11")
def test_only_the_club_narrows_by_exact_tiers(shop: Seller, owner_client: Client) -> None:
    l3 = quote_create(seller=shop, rfq=to("L3"))
    l1 = quote_create(seller=shop, rfq=to("L1"))
    quote_create(seller=shop, rfq=to("L0"))
    assert "L3" not in text_of(owner_client.get(url("quotes")))
    assert len(listed(owner_client, "?badge=L3")) == 3  # no such choice, so no filter
    Seller.objects.update(assessed_star=1)
    SellerFlag.objects.create(
        seller=shop, code="million_dollar_club", since=parse_day("2022-08-01")
    )
    assert listed(owner_client, "?badge=L3") == [l3.pk]
    assert listed(owner_client, "?badge=L1%2B") == [l1.pk]
    assert listed(owner_client, "?badge=any") == [l1.pk, l3.pk]


@pytest.mark.rule("K-8")
def test_no_page_shows_another_shops_quote(
    shop: Seller, stranger_client: Client, viewer_client: Client
) -> None:
    quote = replied(shop, ago(hours=1))
    assert listed(stranger_client) == []
    assert stranger_client.get(url("quotes") + "?tab=attention").context["rows"] == []
    for name in ("quote", "quote-sent", "quote-pin", "quote-revise", "quote-withdraw"):
        assert stranger_client.get(url(name, quote.pk)).status_code == 404
    for name in ("quote-pin", "quote-revise", "quote-withdraw", "quote-follow-up"):
        assert stranger_client.post(url(name, quote.pk)).status_code == 404
        assert viewer_client.post(url(name, quote.pk)).status_code == 403
    assert viewer_client.get(url("quote", quote.pk)).status_code == 200
    assert stranger_client.get(url("quote", 2**64)).status_code == 404
    with unscoped():
        assert Quote.objects.get().status == QuoteStatus.REPLIED


@pytest.mark.rule("RFQ-17")
def test_rows_carry_pin_place_and_linked_orders(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    quote = replied(shop, ago(days=2))
    with unscoped():
        Pin.objects.create(rfq=quote.rfq, seller=shop, quote=quote, slot=2, pinned_at=ago(days=1))
        order_create(seller=shop, buyer=quote.buyer, created_at=ago(days=1))
        order_create(seller=shop, buyer=quote.buyer, created_at=ago(days=30))
        order_create(seller=other_shop, buyer=quote.buyer, created_at=ago(days=1))
    row = owner_client.get(url("quotes")).context["rows"][0]
    assert (row.pin.slot, row.orders) == (2, 1)
    detail = owner_client.get(url("quote", quote.pk))
    assert len(detail.context["orders"]) == 1
    assert "Pinned on place 2" in text_of(detail)


def _many(shop: Seller, number: int) -> None:
    rfqs = [rfq_create(posted_at=ago(days=2)) for _ in range(number)]
    for rfq in rfqs:
        quote = replied(shop, ago(hours=3), rfq=rfq)
        with unscoped():
            FollowUp.objects.create(
                seller=shop, quote=quote, kind="reply", due_on=platform_time.today()
            )
            order_create(seller=shop, buyer=quote.buyer, created_at=ago(hours=1))


@pytest.mark.parametrize(
    "path", ["?", "?tab=attention", "?tab=drafts", "?tab=follow-ups", "funnel/", "export/"]
)
def test_every_list_costs_the_same_for_any_number_of_quotes(
    shop: Seller, owner_client: Client, path: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            response = owner_client.get(url("quotes") + path)
            assert response.status_code == 200
            if response.streaming:
                b"".join(response)  # type: ignore[arg-type]
        return len(captured)

    _many(shop, 1)
    queries()
    few = queries()
    _many(shop, 20)
    assert queries() == few <= 26


# --- Export -------------------------------------------------------------------------------------


def exported(client: Client, query: str = "") -> tuple[bytes, list[dict[str, str]]]:
    response = client.get(url("quote-export") + query)
    content = b"".join(response.streaming_content)  # type: ignore[arg-type]
    return content, list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_export_holds_the_filtered_rows_and_no_formula(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    evil = rfq_create(title="=HYPERLINK(1)", buyer=buyer_create(tier="L2", country="DE"))
    quote = quote_create(seller=shop, rfq=evil, unit_price=Decimal("0.0150"), moq=5)
    replied(shop, ago(days=1))
    quote_create(seller=other_shop, rfq=evil)
    content, rows = exported(owner_client, "?status=submitted")
    assert content.startswith(b"\xef\xbb\xbf")
    (row,) = rows
    assert row["quote"] == str(quote.pk)
    assert row["title"] == "'=HYPERLINK(1)"
    assert (row["buyer_badge"], row["buyer_country"]) == ("L1+", "DE")
    assert (row["unit_price"], row["moq"], row["response_hours"]) == ("0.015", "5", "0.50")
    assert row["submitted_at"].endswith("+00:00")
    assert "company" not in row
    assert len(exported(owner_client)[1]) == 2


def test_the_export_keeps_the_order_of_what_needs_attention(
    shop: Seller, owner_client: Client
) -> None:
    viewed(shop, ago(days=4))
    badged = replied(shop, ago(days=3), "L1")
    quote_create(seller=shop)
    rows = exported(owner_client, "?tab=attention")[1]
    assert len(rows) == 2
    assert rows[0]["quote"] == str(badged.pk)


# --- Figures ------------------------------------------------------------------------------------


def figures_of(shop: Seller) -> QuoteFigures:
    period = Window(parse_day("2022-07-05"), parse_day("2022-08-03"))
    with seller_scope(shop):
        return quote_figures(shop, period, platform_time.now())


@pytest.mark.rule("RFQ-16")
def test_the_funnel_counts_the_quotes_of_the_period(shop: Seller, other_shop: Seller) -> None:
    quote_create(seller=shop)
    viewed(shop, ago(days=2))
    quote = replied(shop, ago(days=2), viewed_at=None)
    replied(shop, ago(days=2), refunded_at=ago(days=1))
    replied(shop, ago(days=40))
    replied(other_shop, ago(days=2))
    for _twice in range(2):
        order_create(seller=shop, buyer=quote.buyer, created_at=ago(days=1))
    found = figures_of(shop)
    assert (found.quotes, found.viewed, found.replied, found.ordered) == (3, 2, 1, 1)


@pytest.mark.rule("RFQ-16")
def test_an_answer_on_the_second_of_an_hour_is_within_it(shop: Seller) -> None:
    rfq = rfq_create(posted_at=ago(days=10))
    for hours, seconds in ((1, 0), (1, 1), (6, 0), (12, 0), (24, 0), (24, 1)):
        at = rfq.posted_at + timedelta(hours=hours, seconds=seconds)
        quote_create(seller=shop, rfq=rfq_create(posted_at=rfq.posted_at), submitted_at=at)
    assert figures_of(shop).responses == (
        ResponseBin(1, 1), ResponseBin(6, 2), ResponseBin(12, 1), ResponseBin(24, 1),
        ResponseBin(None, 1),
    )  # fmt: skip


def test_the_funnel_page_shows_plots_with_their_numbers(shop: Seller, owner_client: Client) -> None:
    assert "No quotes in this period" in text_of(owner_client.get(url("quote-funnel")))
    quote_create(seller=shop)
    replied(shop, ago(days=2))
    page = text_of(owner_client.get(url("quote-funnel")))
    assert "Quotes 2 – 100.0% Viewed 1 50.0% 50.0% Replied 1 100.0% 50.0%" in page
    assert "up to 1 hour 2 1–6 hours 0" in page
    wrong = owner_client.get(url("quote-funnel") + "?since=2022-08-03&until=2022-08-01")
    assert "The last day lies before the first." in text_of(wrong)


# --- One quote ----------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_revising_guards_against_a_stale_copy(
    shop: Seller, owner_client: Client, colleague_client: Client
) -> None:
    quote = quote_create(seller=shop)
    page = owner_client.get(url("quote-revise", quote.pk)).content.decode()
    version = re.search(r'name="version" value="(\d+)"', page)[1]  # type: ignore[index]
    mine = {"unit_price": "11", "currency": "USD", "message": "Mine", "version": version}
    assert colleague_client.post(url("quote-revise", quote.pk), {**mine, "unit_price": "12"}).status_code == 302  # fmt: skip
    stale = owner_client.post(url("quote-revise", quote.pk), mine)
    assert stale.status_code == 409
    assert "Unit price 11 12" in text_of(stale)
    again = re.search(r'name="version" value="(\d+)"', stale.content.decode())[1]  # type: ignore[index]
    assert owner_client.post(url("quote-revise", quote.pk), {**mine, "version": again}).status_code == 302  # fmt: skip
    with unscoped():
        assert Quote.objects.get().unit_price == 11


@pytest.mark.rule("RFQ-6", "RFQ-11", "UI-4")
def test_withdrawing_says_that_no_rights_come_back_and_frees_seat_and_place(
    shop: Seller, owner_client: Client
) -> None:
    rights_create(shop, quote=10, pin=2)
    rfq = rfq_create()
    send = {"unit_price": "9", "announced": "quote", "pin": "on", "send": "1"}
    owner_client.post(url("quote-form", rfq.rfq_id), send)
    with unscoped():
        quote = Quote.objects.get()
    asked = text_of(owner_client.get(url("quote-withdraw", quote.pk)))
    assert "The rights it used do not come back." in asked
    assert Rfq.objects.get().quoted == 1
    owner_client.post(url("quote-withdraw", quote.pk))
    assert Rfq.objects.get().quoted == 0
    page = text_of(owner_client.get(url("quote", quote.pk)))
    assert "1 quote right used (9 left)" in page
    assert "the place is free again" in page
    assert owner_client.get(url("quote-sent", quote.pk)).url == url("quote", quote.pk)
    twice = owner_client.post(url("quote-withdraw", quote.pk), follow=True)
    assert "This quote was withdrawn." in text_of(twice)


@pytest.mark.rule("RFQ-11")
def test_pinning_later_asks_with_its_cost_and_leads_back(
    shop: Seller, owner_client: Client
) -> None:
    quote = quote_create(seller=shop)
    refused = owner_client.post(url("quote-pin", quote.pk), follow=True)
    assert "no pin rights left" in text_of(refused)
    rights_create(shop, pin=2)
    assert "Uses 1 pin right (you have: 2). Free places: 3 of 3." in text_of(
        owner_client.get(url("quote-pin", quote.pk))
    )
    sent = url("quote-sent", quote.pk)
    asked = owner_client.get(url("quote-pin", quote.pk), {"next": sent})
    assert asked.context["fields"] == [("next", sent)]
    evil = owner_client.get(url("quote-pin", quote.pk), {"next": "//evil.example/"})
    assert evil.context["fields"] == [("next", url("quote", quote.pk))]
    pinned = owner_client.post(url("quote-pin", quote.pk), {"next": sent}, follow=True)
    assert pinned.redirect_chain[-1][0] == sent
    assert "Pinned on place 1. Pin rights left: 1." in text_of(pinned)
    elsewhere = owner_client.post(url("quote-pin", quote.pk), {"next": "//evil.example/"})
    assert elsewhere.url == url("quote", quote.pk)


def test_the_history_leaves_out_what_the_clock_has_not_seen(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    quote = replied(shop, ago(hours=1))
    labels = [event.label for event in owner_client.get(url("quote", quote.pk)).context["events"]]
    assert labels == [
        "The buyer posted the RFQ", "Quote submitted", "Viewed by the buyer", "The buyer replied",
    ]  # fmt: skip
    clock.advance(hours=-2)
    labels = [event.label for event in owner_client.get(url("quote", quote.pk)).context["events"]]
    assert labels == ["The buyer posted the RFQ", "Quote submitted"]


@pytest.mark.rule("RFQ-25")
def test_a_follow_up_is_ticked_in_the_list_and_leaves_it(
    shop: Seller, owner_client: Client
) -> None:
    quote = quote_create(
        seller=shop, submitted_at=ago(days=1), rfq=rfq_create(posted_at=ago(days=2))
    )
    with unscoped():
        FollowUp.objects.create(
            seller=shop, quote=quote, kind="next_day", due_on=platform_time.today()
        )
    tab = url("quotes") + "?tab=follow-ups"
    assert "Follow-ups due 1" in text_of(owner_client.get(tab))
    done = owner_client.post(url("quote-follow-up", quote.pk), {"kind": "next_day", "next": tab})
    assert done.url == tab
    assert "Nothing is due" in text_of(owner_client.get(tab))
    unknown = owner_client.post(url("quote-follow-up", quote.pk), {"kind": "next_week"})
    assert unknown.status_code == 404


def test_the_page_after_sending_recommends_what_can_be_quoted(
    shop: Seller, owner_client: Client, member_rfqs: None, owner: Member
) -> None:
    rights_create(shop, quote=10)
    quote = quote_create(seller=shop, rfq=rfq_create(rfq_id="R-own"))
    page = owner_client.get(url("quote-sent", quote.pk))
    assert [one.rfq.rfq_id for one in page.context["recommended"]] == ["R-open"]


@pytest.fixture
def member_rfqs(shop: Seller) -> None:
    """One RFQ to recommend, and some that are not: other category, gold without a right, over."""
    from portal.models import Category

    rfq_create(rfq_id="R-open")
    rfq_create(rfq_id="R-gold", grade="gold")
    rfq_create(rfq_id="R-over", status=RfqStatus.CLOSED)
    rfq_create(rfq_id="R-flask", category=Category.objects.get(code="vacuum-flasks"))
