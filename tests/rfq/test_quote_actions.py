"""What the home page says about quotes: replies, follow-ups, drafts, rights that end (UI-2)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from rfq.choices import FollowUpKind, Grade, QuoteStatus
from rfq.models import FollowUp, Quote, QuoteDraft, Rfq
from rfq.quotes.actions import drafts_ending, follow_ups_today, replies_waiting, rights_expiring
from tests.rfq.world import buyer_create, lot_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("UI-2")]

TODAY = date(2022, 8, 3)
PROVIDERS = (replies_waiting, follow_ups_today, drafts_ending, rights_expiring)


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any) -> None: ...


def actions(provider: Any, member: Member) -> list[Any]:
    with seller_scope(member.seller):
        return list(provider(member.seller, member, TODAY))


def reply(shop: Seller, tier: str = "L0", **ago: float) -> Quote:
    at = platform_time.now() - timedelta(**ago)
    rfq = rfq_create(buyer=buyer_create(tier=tier), posted_at=at - timedelta(days=1))
    return quote_create(
        seller=shop, rfq=rfq, status=QuoteStatus.REPLIED, viewed_at=at, replied_at=at
    )


def draft(member: Member, rfq: Rfq) -> None:
    with unscoped():
        QuoteDraft.objects.create(
            seller=member.seller, user=member.user, rfq=rfq, content={"moq": "5"},
            saved_at=platform_time.now(),
        )  # fmt: skip


@pytest.mark.rule("RFQ-12")
def test_replies_are_one_action_and_badges_weigh_more(
    shop: Seller, owner: Member, stranger: Member
) -> None:
    plain = reply(shop, hours=1)
    (one,) = actions(replies_waiting, owner)
    assert one.url == f"/rfq/quotes/{plain.pk}/"
    assert plain.rfq.title in str(one.title)
    reply(shop, "L2", hours=5)
    (both,) = actions(replies_waiting, owner)
    assert both.url == "/rfq/quotes/?tab=attention"
    assert "2 buyers" in str(both.title)
    assert "1 of them is L1+" in str(both.loses)
    assert both.weight > one.weight
    assert actions(replies_waiting, stranger) == []


@pytest.mark.rule("RFQ-12")
@pytest.mark.parametrize(("number", "told"), [(20, "Answer 20 buyers"), (21, "Answer 20+ buyers")])
def test_many_replies_are_one_action(shop: Seller, owner: Member, number: int, told: str) -> None:
    for hours in range(number):
        reply(shop, hours=hours + 1)
    (action,) = actions(replies_waiting, owner)
    assert told in str(action.title)


@pytest.mark.rule("RFQ-25")
def test_follow_ups_are_counted_when_due(shop: Seller, owner: Member) -> None:
    for days in (-1, 0, 1):
        with unscoped():
            FollowUp.objects.create(
                seller=shop, quote=quote_create(seller=shop), kind=FollowUpKind.NEXT_DAY,
                due_on=TODAY + timedelta(days=days),
            )  # fmt: skip
    (action,) = actions(follow_ups_today, owner)
    assert "2 follow-ups" in str(action.title)


@pytest.mark.parametrize(("left", "told"), [(72, True), (73, False), (0, False)])
def test_own_drafts_are_told_when_their_rfq_ends_within_three_days(
    shop: Seller, owner: Member, colleague: Member, left: int, told: bool
) -> None:
    rfq = rfq_create(expires_at=platform_time.now() + timedelta(hours=left))
    draft(owner, rfq)
    assert bool(actions(drafts_ending, owner)) is told
    assert actions(drafts_ending, colleague) == []


@pytest.mark.rule("RFQ-6")
def test_a_draft_on_what_the_shop_has_quoted_is_over(shop: Seller, owner: Member) -> None:
    rfq = rfq_create(expires_at=platform_time.now() + timedelta(hours=5))
    draft(owner, rfq)
    quote_create(seller=shop, rfq=rfq)
    assert actions(drafts_ending, owner) == []


@pytest.mark.rule("RFQ-9", "RFQ-10")
@pytest.mark.parametrize(("days", "told"), [(7, True), (8, False)])
def test_rights_that_end_within_a_week_are_told_when_own_categories_have_rfqs(
    shop: Seller, owner: Member, days: int, told: bool
) -> None:
    lot_create(seller=shop, amount=4, expires_at=platform_time.now() + timedelta(days=days))
    lot_create(seller=shop, amount=None, kind="gold")
    assert actions(rights_expiring, owner) == []
    rfq_create()
    found = actions(rights_expiring, owner)
    assert bool(found) is told
    if told:
        assert "4 quote rights" in str(found[0].title)
        assert "1 open RFQ" in str(found[0].loses)


@pytest.mark.rule("RFQ-5")
def test_gold_rights_that_end_need_a_gold_rfq(shop: Seller, owner: Member) -> None:
    lot_create(seller=shop, expires_at=platform_time.now() + timedelta(days=60))
    lot_create(
        seller=shop, kind="gold", amount=2, expires_at=platform_time.now() + timedelta(days=2)
    )
    rfq_create()
    assert actions(rights_expiring, owner) == []
    rfq_create(grade=Grade.GOLD)
    (action,) = actions(rights_expiring, owner)
    assert "2 gold rights" in str(action.title)


def test_they_cost_the_same_for_any_number_and_viewers_see_none(
    shop: Seller, owner: Member, viewer: Member
) -> None:
    lot_create(seller=shop, expires_at=platform_time.now() + timedelta(days=2))
    lot_create(seller=shop, kind="gold", expires_at=platform_time.now() + timedelta(days=2))

    def fill() -> None:
        reply(shop, "L1", hours=3)
        rfq_create(grade=Grade.GOLD)
        draft(owner, rfq_create(expires_at=platform_time.now() + timedelta(hours=5)))
        with unscoped():
            FollowUp.objects.create(
                seller=shop, quote=quote_create(seller=shop), kind="reply", due_on=TODAY
            )

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert all(actions(provider, owner) for provider in PROVIDERS)
        return len(captured)

    fill()
    few = queries()
    for _ in range(10):
        fill()
    assert queries() == few <= 34
    assert not any(actions(provider, viewer) for provider in PROVIDERS)
