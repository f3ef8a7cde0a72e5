"""Alerts of saved searches: told once, of what is new, to who asked (RFQ-2, K-18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import platform_time
from portal.models import Category, Member, Notice
from portal.scoping import unscoped
from rfq.models import Rfq, SavedSearch
from rfq.services import search_alerts
from rfq.services.search_alerts import SETTLE, searches_alert
from rfq.services.searches import search_change, search_save
from rfq.tasks import alert_searches
from tests.rfq.market_tools import asked, listed

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-2", "K-18")]


@pytest.fixture(autouse=True)
def _world(categories: Any, clock: Any) -> None: ...


def save(member: Member, query: str, name: str = "", **options: Any) -> SavedSearch:
    return search_save(member=member, name=name or query or "all", query=asked(query), **options)


def run() -> int:
    return searches_alert(now=platform_time.now())


def told(member: Member) -> list[tuple[Any, ...]]:
    with unscoped():
        notices = Notice.objects.filter(user=member.user, kind="search_found").order_by("pk")
        return [(one.params["search"], one.params["count"]) for one in notices]


def test_new_rfqs_are_told_once(owner: Member, clock: Any) -> None:
    listed("old", title="kit")
    save(owner, "q=kit")
    assert run() == 0
    clock.advance(minutes=5)
    listed("a", title="E-bike kits", posted_at=platform_time.now())
    listed("b", title="helmet", posted_at=platform_time.now())
    clock.advance(minutes=10)
    listed("c", title="Newest kit", posted_at=platform_time.now() - timedelta(minutes=5))
    assert run() == 1
    assert told(owner) == [("q=kit", 2)]
    with unscoped():
        notice = Notice.objects.get()
    assert notice.params["newest"] == "Newest kit"
    assert notice.link == "/rfq/?q=kit&own=0"
    assert run() == 0
    clock.advance(minutes=15)
    listed("d", title="kit", posted_at=platform_time.now() - timedelta(minutes=5))
    assert run() == 1
    assert told(owner) == [("q=kit", 2), ("q=kit", 1)]


def test_what_is_being_written_waits_for_the_next_run(owner: Member, clock: Any) -> None:
    save(owner, "")
    clock.advance(hours=1)
    now = platform_time.now()
    listed("settled", posted_at=now - SETTLE)
    listed("fresh", posted_at=now - SETTLE + timedelta(microseconds=1))
    run()
    clock.advance(minutes=15)
    run()
    assert told(owner) == [("all", 1), ("all", 1)]


def test_late_arrivals_count_from_when_they_are_listed(owner: Member, clock: Any) -> None:
    save(owner, "")
    clock.advance(hours=10)
    run()
    late = listed("late", posted_at=platform_time.now() - timedelta(hours=5))
    Rfq.objects.filter(pk=late.pk).update(listed_at=platform_time.now())
    clock.advance(minutes=15)
    run()
    assert told(owner) == [("all", 1)]


def test_only_who_wants_to_hear_and_still_may(
    owner: Member, colleague: Member, stranger: Member, viewer: Member, clock: Any
) -> None:
    quiet = save(owner, "", alert=False)
    for member in (colleague, stranger, viewer):
        save(member, "")
    Member.everywhere.filter(pk=colleague.pk).update(is_active=False)
    stranger.seller.status = "closed"
    stranger.seller.save()
    clock.advance(hours=1)
    listed("a", posted_at=platform_time.now() - timedelta(minutes=10))
    assert run() == 1
    assert told(viewer) == [("all", 1)]
    search_change(member=owner, search=quiet, alert=True)
    clock.advance(minutes=15)
    assert run() == 0


@pytest.mark.rule("K-11")
def test_each_shop_hears_of_its_own(
    owner: Member, stranger: Member, categories: dict[str, Category], clock: Any
) -> None:
    stranger.seller.main_category = categories["home"]
    stranger.seller.save()
    for member in (owner, stranger):
        save(member, "own=1")
    clock.advance(hours=1)
    at = platform_time.now() - timedelta(minutes=10)
    listed("kit", posted_at=at)
    listed("flask", category=categories["vacuum-flasks"], posted_at=at)
    listed("flask-2", category=categories["vacuum-flasks"], posted_at=at)
    run()
    assert (told(owner), told(stranger)) == ([("own=1", 1)], [("own=1", 2)])


def test_a_search_whose_category_is_gone_is_silent(owner: Member, clock: Any) -> None:
    search = save(owner, "category=helmets")
    with unscoped():
        SavedSearch.objects.filter(pk=search.pk).update(query="category=gone&own=0")
    clock.advance(hours=1)
    listed("a", posted_at=platform_time.now() - timedelta(minutes=10))
    assert run() == 0


def test_after_a_long_silence_only_the_last_day_counts(owner: Member, clock: Any) -> None:
    save(owner, "")
    clock.advance(days=7)
    listed("old", posted_at=platform_time.now() - timedelta(hours=25))
    listed("new", posted_at=platform_time.now() - timedelta(hours=23))
    run()
    assert told(owner) == [("all", 1)]


def test_a_run_that_dies_is_gone_on_with(
    owner: Member, colleague: Member, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are transactions: what was told stays told, the rest is told by the next run."""
    monkeypatch.setattr(search_alerts, "BATCH", 1)
    save(owner, "")
    save(colleague, "")
    clock.advance(hours=1)
    listed("a", posted_at=platform_time.now() - timedelta(minutes=10))
    real, calls = search_alerts.notice_send_many, []

    def dies_at_the_second(drafts: Any) -> int:
        calls.append(drafts)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return real(drafts)

    monkeypatch.setattr(search_alerts, "notice_send_many", dies_at_the_second)
    with pytest.raises(RuntimeError, match="killed"):
        run()
    assert (told(owner), told(colleague)) == ([("all", 1)], [])
    monkeypatch.setattr(search_alerts, "notice_send_many", real)
    alert_searches.delay()
    alert_searches.delay()
    assert (told(owner), told(colleague)) == ([("all", 1)], [("all", 1)])


def test_a_notice_s_key_keeps_two_runs_at_once_from_telling_twice(
    owner: Member, clock: Any
) -> None:
    """Even if both had read the search before either moved it on."""
    search = save(owner, "")
    seen = search.seen_until
    clock.advance(hours=1)
    listed("a", posted_at=platform_time.now() - timedelta(minutes=10))
    run()
    with unscoped():
        SavedSearch.objects.filter(pk=search.pk).update(seen_until=seen)
    run()
    assert told(owner) == [("all", 1)]


def test_the_number_of_queries_does_not_grow(owner: Member, colleague: Member, clock: Any) -> None:
    def queries(start: int, number: int) -> int:
        for key in range(start, start + number):
            save(owner, "q=kit&badge=1&category=bicycles", name=f"s{key}")
        clock.advance(hours=1)
        for key in range(start, start + number):
            listed(f"r{key}", posted_at=platform_time.now() - timedelta(minutes=10))
        with CaptureQueriesContext(connection) as captured:
            assert run() == start + number
        return len(captured)

    assert queries(0, 3) >= queries(3, 20)
