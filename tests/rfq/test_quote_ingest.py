"""The kind `quotes`: history from upstream, and buyers' reactions to quotes of the portal (RFQ-6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from portal import platform_time
from portal.ingest.engine import Report, ingest_rows
from portal.models import Member, Notice, Seller
from portal.scoping import unscoped
from rfq.choices import FollowUpKind, QuoteOrigin, QuoteStatus
from rfq.market.ingest import RfqKind
from rfq.models import FollowUp, Quote, Rfq, RightEntry
from rfq.quotes.ingest import QuoteKind
from tests import factories
from tests.rfq.world import quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-6", "K-15")]

POSTED = "2022-08-01T08:00:00-07:00"
SUBMITTED = "2022-08-01T09:30:00-07:00"
VIEWED = "2022-08-02T10:00:00-07:00"
REPLIED = "2022-08-03T11:00:00-07:00"


@pytest.fixture
def rfq(shop: Seller, clock: Any) -> Rfq:
    return rfq_create(posted_at=platform_time.parse_instant(POSTED))


def row(rfq: Rfq, **cells: Any) -> dict[str, Any]:
    return {
        "seller": "cn1001",
        "rfq": rfq.rfq_id,
        "submitted_at": SUBMITTED,
        "unit_price": "118.5",
    } | cells


def feed(*rows: dict[str, Any]) -> tuple[int, int, int, int]:
    return counts(ingest_rows(QuoteKind, list(rows)))


def counts(report: Report) -> tuple[int, int, int, int]:
    assert not report.error
    return report.created, report.updated, report.unchanged, report.rejected


def quote() -> Quote:
    with unscoped():
        return Quote.objects.select_related("buyer").get()


def seats_taken(rfq: Rfq) -> int:
    return Rfq.objects.values_list("quoted", flat=True).get(pk=rfq.pk)


# --- History ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-7", "RFQ-16", "RFQ-17")
def test_history_takes_a_seat_and_no_right(rfq: Rfq) -> None:
    assert feed(row(rfq)) == (1, 0, 0, 0)
    made = quote()
    assert (made.origin, made.status, made.unit_price) == (
        "upstream",
        "submitted",
        Decimal("118.5"),
    )
    assert made.buyer == rfq.buyer
    assert made.response_seconds == 90 * 60
    assert made.links_until == platform_time.parse_instant("2025-08-01T09:30:00-07:00")
    assert seats_taken(rfq) == 1
    with unscoped():
        assert not RightEntry.objects.exists()


def test_the_same_rows_again_change_nothing(rfq: Rfq, owner: Member) -> None:
    other = rfq_create(posted_at=rfq.posted_at)
    rows = [row(rfq, viewed_at=VIEWED), row(other, viewed_at="")]
    assert feed(*rows) == (2, 0, 0, 0)

    def everything() -> list[Any]:
        with unscoped():
            models = (Rfq, Quote, Notice, FollowUp)
            return [list(model.objects.order_by("pk").values()) for model in models]

    before = everything()
    assert feed(*rows) == (0, 0, 2, 0)
    assert everything() == before


def test_a_correction_of_history_moves_what_follows_from_it(rfq: Rfq) -> None:
    feed(row(rfq))
    assert feed(row(rfq, submitted_at="2022-08-01T10:00:00-07:00", unit_price="99")) == (0, 1, 0, 0)
    made = quote()
    assert (made.unit_price, made.response_seconds) == (Decimal(99), 2 * 3600)
    assert made.links_until == platform_time.parse_instant("2025-08-01T10:00:00-07:00")
    assert seats_taken(rfq) == 1


@pytest.mark.rule("RFQ-16")
def test_response_times_follow_a_posting_that_upstream_moves(rfq: Rfq, shop: Seller) -> None:
    feed(row(rfq))
    again = {
        "rfq_id": rfq.rfq_id,
        "buyer": rfq.buyer.buyer_id,
        "title": rfq.title,
        "category": rfq.category.code,
        "quantity": "500",
        "unit": rfq.unit,
        "posted_at": "2022-08-01T08:00:00.5-07:00",
        "grade": rfq.grade,
    }
    assert counts(ingest_rows(RfqKind, [again])) == (0, 1, 0, 0)
    # A begun second counts: half of it after the twelfth hour is not within twelve hours.
    assert quote().response_seconds == 90 * 60
    again["posted_at"] = "2022-08-01T07:59:59.5-07:00"
    assert counts(ingest_rows(RfqKind, [again])) == (0, 1, 0, 0)
    assert quote().response_seconds == 90 * 60 + 1


def test_seats_are_counted_over_all_rows_of_a_file(rfq: Rfq, shop: Seller) -> None:
    others = [factories.seller_create(shop.main_category).member_id for _ in range(4)]
    second = rfq_create(posted_at=rfq.posted_at)
    rows = [row(rfq, seller=code) for code in others] + [row(rfq), row(second)]
    assert feed(*rows) == (6, 0, 0, 0)
    assert (seats_taken(rfq), seats_taken(second)) == (5, 1)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"submitted_at": "2022-08-01T07:59:59-07:00"}, "submitted_at"),
        ({"viewed_at": "2022-08-01T09:29:59-07:00"}, "viewed_at"),
        ({"replied_at": "2022-08-01T09:29:59-07:00"}, "replied_at"),
        ({"rejected_at": "2022-08-01T09:29:59-07:00"}, "rejected_at"),
        ({"accepted_at": "2022-08-01T09:29:59-07:00"}, "accepted_at"),
        ({"unit_price": "0"}, "unit_price"),
        ({"rfq": "none"}, "rfq"),
        ({"seller": "none"}, "seller"),
    ],
)
def test_a_bad_row_is_refused_by_its_column_and_the_others_stand(
    rfq: Rfq, other_shop: Seller, cells: dict[str, Any], column: str
) -> None:
    report = ingest_rows(QuoteKind, [row(rfq) | cells, row(rfq, seller="cn2002")])
    assert [(item.row, item.field) for item in report.rejections] == [(1, column)]
    assert seats_taken(rfq) == 1
    assert quote().seller == other_shop


def test_a_reaction_at_the_moment_of_submission_is_taken(rfq: Rfq) -> None:
    assert feed(row(rfq, submitted_at=POSTED, viewed_at=POSTED)) == (1, 0, 0, 0)
    assert quote().status == QuoteStatus.VIEWED


# --- Reactions ------------------------------------------------------------------------------------


def test_a_quote_of_the_portal_takes_the_reactions_and_nothing_else(rfq: Rfq, shop: Seller) -> None:
    made = quote_create(
        seller=shop, rfq=rfq, submitted_at=platform_time.parse_instant("2022-08-01T09:00:00-07:00")
    )
    before = quote()
    assert feed(row(rfq, viewed_at=VIEWED, replied_at=REPLIED)) == (0, 1, 0, 0)
    after = quote()
    assert (after.pk, after.status) == (made.pk, QuoteStatus.REPLIED)
    assert after.viewed_at == platform_time.parse_instant(VIEWED)
    assert after.replied_at == platform_time.parse_instant(REPLIED)
    for name in ("submitted_at", "unit_price", "response_seconds", "links_until", "origin"):
        assert getattr(after, name) == getattr(before, name), name
    assert seats_taken(rfq) == 1
    # What does not count about the row does not make it different either.
    assert feed(row(rfq, unit_price="1", viewed_at=VIEWED, replied_at=REPLIED)) == (0, 0, 1, 0)


def test_a_reaction_before_the_portals_own_submission_is_refused(rfq: Rfq, shop: Seller) -> None:
    quote_create(seller=shop, rfq=rfq, submitted_at=platform_time.parse_instant(VIEWED))
    assert feed(row(rfq, viewed_at="2022-08-02T09:59:59-07:00")) == (0, 0, 0, 1)
    assert quote().viewed_at is None
    assert feed(row(rfq, viewed_at=VIEWED)) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("reactions", "status"),
    [
        ({}, "submitted"),
        ({"viewed_at": VIEWED}, "viewed"),
        ({"viewed_at": VIEWED, "replied_at": REPLIED}, "replied"),
        ({"viewed_at": VIEWED, "replied_at": VIEWED}, "replied"),
        ({"replied_at": VIEWED, "rejected_at": REPLIED}, "rejected"),
        ({"replied_at": REPLIED, "rejected_at": VIEWED}, "replied"),
        ({"replied_at": VIEWED, "accepted_at": REPLIED}, "accepted"),
    ],
)
def test_the_newest_reaction_gives_the_status(
    rfq: Rfq, reactions: dict[str, str], status: str
) -> None:
    feed(row(rfq, **reactions))
    assert quote().status == status


def test_a_missing_column_leaves_a_reaction_and_an_empty_cell_takes_it_back(rfq: Rfq) -> None:
    feed(row(rfq, viewed_at=VIEWED, replied_at=REPLIED))
    assert feed(row(rfq)) == (0, 0, 1, 0)
    assert feed(row(rfq, viewed_at=VIEWED, replied_at="")) == (0, 1, 0, 0)
    assert (quote().status, quote().replied_at) == (QuoteStatus.VIEWED, None)


def test_a_withdrawn_quote_stays_withdrawn_and_frees_no_seat_twice(rfq: Rfq, shop: Seller) -> None:
    quote_create(
        seller=shop,
        rfq=rfq,
        submitted_at=platform_time.parse_instant("2022-08-01T09:00:00-07:00"),
        withdrawn_at=platform_time.parse_instant(REPLIED),
    )
    assert feed(row(rfq, viewed_at=VIEWED)) == (0, 1, 0, 0)
    assert quote().status == QuoteStatus.WITHDRAWN
    assert seats_taken(rfq) == 0


def test_a_submission_after_the_withdrawal_is_another_quote(rfq: Rfq, shop: Seller) -> None:
    quote_create(seller=shop, rfq=rfq, withdrawn_at=platform_time.parse_instant(SUBMITTED))
    assert feed(row(rfq, submitted_at="2022-08-01T09:30:01-07:00")) == (1, 0, 0, 0)
    with unscoped():
        statuses = Quote.objects.order_by("pk").values_list("origin", "status")
        assert list(statuses) == [
            (QuoteOrigin.PORTAL, QuoteStatus.WITHDRAWN),
            (QuoteOrigin.UPSTREAM, QuoteStatus.SUBMITTED),
        ]
    assert seats_taken(rfq) == 1


# --- Telling --------------------------------------------------------------------------------------


@pytest.mark.rule("K-18")
def test_the_shop_hears_of_a_view_and_of_a_reply_once(
    rfq: Rfq, shop: Seller, owner: Member, colleague: Member, stranger: Member
) -> None:
    made = quote_create(seller=shop, rfq=rfq)
    feed(row(rfq, viewed_at=VIEWED))
    feed(row(rfq, viewed_at=REPLIED))
    feed(row(rfq, viewed_at=REPLIED, replied_at=REPLIED))
    link = reverse("rfq:quote", args=[made.pk])
    with unscoped():
        notices = Notice.objects.select_related("user").order_by("pk")
        told = [(notice.kind, notice.user.username, notice.link) for notice in notices]
        assert rfq.title in notices[0].title
    assert told == [
        ("quote_viewed", "owner", link),
        ("quote_viewed", "colleague", link),
        ("quote_replied", "owner", link),
        ("quote_replied", "colleague", link),
    ]


@pytest.mark.rule("K-18", "RFQ-25")
def test_reactions_of_more_than_a_week_ago_are_history(rfq: Rfq, owner: Member, clock: Any) -> None:
    clock("2022-08-09T10:00:00.000001-07:00")
    feed(row(rfq, viewed_at=VIEWED))
    with unscoped():
        assert not Notice.objects.exists()
        assert not FollowUp.objects.exists()
    clock("2022-08-09T10:00:00-07:00")
    other = rfq_create(posted_at=rfq.posted_at)
    feed(row(other, viewed_at=VIEWED))
    with unscoped():
        assert Notice.objects.get().kind == "quote_viewed"
        assert FollowUp.objects.get().kind == FollowUpKind.AFTER_VIEW


@pytest.mark.rule("K-18", "K-5")
def test_nobody_is_told_of_a_view_that_has_not_happened_yet(
    rfq: Rfq, owner: Member, clock: Any
) -> None:
    clock("2022-08-02T08:59:59-07:00")
    feed(row(rfq, submitted_at="2022-08-02T08:00:00-07:00", viewed_at="2022-08-02T10:00:00-07:00"))
    with unscoped():
        assert not Notice.objects.exists()
        assert not FollowUp.objects.exists()
    clock("2022-08-02T09:00:00-07:00")
    other = rfq_create(posted_at=rfq.posted_at)
    feed(
        row(other, submitted_at="2022-08-02T08:00:00-07:00", viewed_at="2022-08-02T10:00:00-07:00")
    )
    with unscoped():
        assert Notice.objects.get().kind == "quote_viewed"


def test_a_file_costs_the_same_for_few_rows_and_for_many(
    rfq: Rfq, shop: Seller, owner: Member, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    sellers = [factories.seller_create(shop.main_category).member_id for _ in range(30)]
    rows = [row(rfq, seller=code, viewed_at=VIEWED) for code in sellers]
    with django_assert_max_num_queries(45):
        assert feed(*rows) == (30, 0, 0, 0)
    with django_assert_max_num_queries(12):
        assert feed(*rows) == (0, 0, 30, 0)
