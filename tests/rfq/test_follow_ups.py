"""Follow-ups of quotes and the night that tells which are due (RFQ-25, K-18)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.choices import Role
from portal.errors import NotAllowed
from portal.models import Member, Notice, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.scoping import seller_scope, unscoped
from rfq.choices import FollowUpKind, QuoteStatus, RfqStatus
from rfq.models import FollowUp, Quote
from rfq.services.follow_ups import (
    follow_up_tick,
    follow_ups_after_submit,
    follow_ups_after_view,
    quote_follow_up,
)
from tests import factories
from tests.rfq.world import quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-25")]

TODAY = date(2022, 8, 3)
ONE = timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None: ...


def planned(quote: Quote) -> list[tuple[str, date]]:
    with unscoped():
        rows = FollowUp.objects.filter(quote=quote).order_by("due_on", "kind")
        return list(rows.values_list("kind", "due_on"))


def changed(quote: Quote, **fields: Any) -> Quote:
    with unscoped():
        Quote.objects.filter(pk=quote.pk).update(**fields)
        return Quote.objects.get(pk=quote.pk)


def told() -> list[tuple[str, str]]:
    with unscoped():
        rows = Notice.objects.filter(kind="follow_up_due").order_by("user__username", "key")
        return [(row.user.username, row.link) for row in rows]


def night(as_of: date) -> None:
    run = ledger.night_start(as_of=as_of, jobs=["rfq.reminders"])
    assert run_inline(run_id=run.pk).state == "complete"


# --- Planning -----------------------------------------------------------------------------------


def test_quoting_plans_the_next_pacific_day_and_a_week_later_once(shop: Seller) -> None:
    late_evening = platform_time.parse_instant("2022-08-03T23:30:00-07:00")
    quote = quote_create(seller=shop, submitted_at=late_evening)
    assert follow_ups_after_submit([quote]) == 2
    assert follow_ups_after_submit([quote]) == 0
    assert planned(quote) == [("next_day", TODAY + ONE), ("next_week", TODAY + 7 * ONE)]


def test_a_view_plans_the_day_after_it_and_a_reply_the_same_day(shop: Seller) -> None:
    now = platform_time.now()
    quote = quote_create(seller=shop, status=QuoteStatus.VIEWED, viewed_at=now)
    assert follow_ups_after_view([quote]) == 1
    quote = changed(quote, status=QuoteStatus.REPLIED, replied_at=now)
    assert follow_ups_after_view([quote]) == 1
    assert planned(quote) == [("reply", TODAY), ("after_view", TODAY + ONE)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": QuoteStatus.REJECTED},
        {"status": QuoteStatus.WITHDRAWN},
        {"status": QuoteStatus.ACCEPTED},
        {"refunded_at": platform_time.parse_instant("2022-08-02T12:00:00-07:00")},
    ],
)
def test_history_and_what_is_over_plan_nothing(shop: Seller, fields: dict[str, Any]) -> None:
    viewed_at = platform_time.now() - (timedelta(hours=1) if fields else timedelta(days=7, hours=1))
    quote = quote_create(
        seller=shop, **{"status": QuoteStatus.VIEWED, **fields}, viewed_at=viewed_at
    )
    assert follow_ups_after_view([quote]) == 0
    assert planned(quote) == []


def test_planning_costs_the_same_for_any_number_of_quotes(shop: Seller) -> None:
    quotes = [quote_create(seller=shop) for _ in range(6)]

    def queries(some: list[Quote]) -> int:
        with CaptureQueriesContext(connection) as captured:
            follow_ups_after_submit(some)
        return len(captured)

    assert queries(quotes[:1]) == queries(quotes[1:])


# --- Ticking ------------------------------------------------------------------------------------


def test_a_tick_keeps_its_time_and_can_be_taken_back(
    shop: Seller, owner: Member, clock: Any
) -> None:
    quote = quote_create(seller=shop)
    follow_ups_after_submit([quote])
    with seller_scope(shop):
        row = FollowUp.objects.get(kind=FollowUpKind.NEXT_DAY)
        first = follow_up_tick(member=owner, follow_up=row).done_at
        clock.advance(hours=1)
        assert follow_up_tick(member=owner, follow_up=row).done_at == first
        assert follow_up_tick(member=owner, follow_up=row, done=False).done_at is None


def test_contacting_the_buyer_settles_what_is_due_and_answers_the_reply(
    shop: Seller, owner: Member, clock: Any
) -> None:
    quote = quote_create(seller=shop)
    follow_ups_after_submit([quote])
    clock.noon(TODAY + ONE)
    quote = changed(quote, status=QuoteStatus.REPLIED, replied_at=platform_time.now())
    with seller_scope(shop):
        assert quote_follow_up(member=owner, quote=quote) == 2
        open_kinds = FollowUp.objects.filter(done_at__isnull=True).values_list("kind", flat=True)
        assert list(open_kinds) == ["next_week"]
        # The buyer writes again: that reply is a new one to answer.
        clock.advance(hours=2)
        quote = changed(quote, replied_at=platform_time.now())
        assert quote_follow_up(member=owner, quote=quote) == 1
        assert quote_follow_up(member=owner, quote=quote) == 0


def test_contacting_after_a_view_settles_it_before_it_is_due_and_unplanned(
    shop: Seller, owner: Member
) -> None:
    now = platform_time.now()
    planned_view = quote_create(seller=shop, status=QuoteStatus.VIEWED, viewed_at=now)
    follow_ups_after_view([planned_view])
    old_view = quote_create(seller=shop, status=QuoteStatus.VIEWED, viewed_at=now - 20 * ONE)
    with seller_scope(shop):
        for quote in (planned_view, old_view):
            assert quote_follow_up(member=owner, quote=quote) == 1
        assert FollowUp.objects.filter(kind="after_view", done_at=now).count() == 2


def test_a_viewer_ticks_nothing(shop: Seller, viewer: Member) -> None:
    quote = quote_create(seller=shop)
    follow_ups_after_submit([quote])
    with seller_scope(shop):
        row = FollowUp.objects.first()
        with pytest.raises(NotAllowed):
            follow_up_tick(member=viewer, follow_up=row)
        with pytest.raises(NotAllowed):
            quote_follow_up(member=viewer, quote=quote)
        assert not FollowUp.objects.filter(done_at__isnull=False).exists()


# --- The night ----------------------------------------------------------------------------------


def due(quote: Quote, day: date, **fields: Any) -> FollowUp:
    with unscoped():
        return FollowUp.objects.create(
            seller=quote.seller, quote=quote, kind=FollowUpKind.NEXT_DAY, due_on=day, **fields
        )


@pytest.mark.rule("K-18")
@pytest.mark.parametrize(
    ("days", "is_told"), [(1, False), (0, True), (-1, True), (-13, True), (-14, False)]
)
def test_the_night_tells_who_quoted_what_is_due_once(
    shop: Seller, owner: Member, colleague: Member, days: int, is_told: bool
) -> None:
    quote = quote_create(seller=shop, submitted_by=colleague.user)
    due(quote, TODAY + days * ONE)
    night(TODAY - 2 * ONE)
    night(TODAY - 2 * ONE)
    assert told() == ([("colleague", f"/rfq/quotes/{quote.pk}/")] if is_told else [])


def test_the_whole_shop_hears_when_the_person_is_gone(
    shop: Seller, owner: Member, colleague: Member, stranger: Member
) -> None:
    gone = factories.member_create(shop, Role.SALESPERSON, "gone")
    Member.everywhere.filter(pk=gone.pk).update(is_active=False)
    due(quote_create(seller=shop, submitted_by=gone.user), TODAY)
    night(TODAY - 2 * ONE)
    assert [name for name, _link in told()] == ["colleague", "owner"]


@pytest.mark.parametrize(
    ("quote_fields", "rfq_fields"),
    [
        ({"status": QuoteStatus.REJECTED}, {}),
        ({"status": QuoteStatus.ACCEPTED}, {}),
        ({"withdrawn_at": platform_time.parse_instant("2022-08-02T12:00:00-07:00")}, {}),
        ({"refunded_at": platform_time.parse_instant("2022-08-02T12:00:00-07:00")}, {}),
        ({}, {"status": RfqStatus.CLOSED}),
        ({}, {"status": RfqStatus.REMOVED}),
    ],
)
def test_nothing_is_told_of_what_is_over(
    shop: Seller, owner: Member, quote_fields: dict[str, Any], rfq_fields: dict[str, Any]
) -> None:
    quote = quote_create(seller=shop, rfq=rfq_create(**rfq_fields), **quote_fields)
    due(quote, TODAY)
    due(quote_create(seller=shop), TODAY, done_at=platform_time.now())
    waiting = quote_create(seller=shop, rfq=rfq_create(status=RfqStatus.EXPIRED))
    due(waiting, TODAY)
    night(TODAY - 2 * ONE)
    assert told() == [("owner", f"/rfq/quotes/{waiting.pk}/")]


@pytest.mark.rule("NGT-4")
def test_nights_caught_up_late_tell_once(shop: Seller, owner: Member, clock: Any) -> None:
    due(quote_create(seller=shop), TODAY)
    clock.noon(TODAY + 3 * ONE)
    for days in range(4):
        night(TODAY + (days - 2) * ONE)
    assert len(told()) == 1
