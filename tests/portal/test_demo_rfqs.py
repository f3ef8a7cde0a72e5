"""The RFQ market of the demo world: the same everywhere, and what a newcomer should find in it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from portal import platform_time
from portal.demo.quotes import Quoting
from portal.demo.rfqs import FRESH, LAST_HOURS, Market
from portal.demo.world import World

pytestmark = [pytest.mark.rule("CMD-1"), pytest.mark.once]


@pytest.fixture(scope="module")
def quoting() -> Quoting:
    return Quoting(Market(World()))


def test_every_machine_draws_the_same_rows(quoting: Quoting) -> None:
    again = Quoting(Market(World()))
    assert again.quote_rows() == quoting.quote_rows()
    assert again.grant_rows() == quoting.grant_rows()
    drawn = [request.as_row() for request in quoting.market.requests]
    assert [request.as_row() for request in again.market.requests] == drawn
    assert len({row["rfq_id"] for row in drawn}) == len(drawn) > 2_000


def test_fresh_requests_of_every_grade_wait_at_the_demos_now(quoting: Quoting) -> None:
    market = quoting.market
    live = [each for each in market.requests if each.posted <= market.now < each.expires]
    fresh = [each for each in live if each.posted > market.now - LAST_HOURS]
    assert len(live) > 300
    assert len(fresh) == FRESH
    assert min(Counter(each.grade for each in fresh).values()) >= 5
    early = [each for each in live if each.grade == "silver" and _opens(each.posted) > market.now]
    assert early, "no silver request is in its early hours"
    first_shop = market.shops[0].member_id
    invited = Counter(first_shop in each.invited for each in live if each.grade == "pro")
    assert invited[True] >= 2
    assert invited[False] >= 2
    seats = Counter(each.seats - len(each.quoters) for each in live)
    assert seats[0] >= 5, "no request is full"
    assert seats[1] >= 5, "no request has one seat left"


def test_nobody_quotes_what_the_rules_would_refuse(quoting: Quoting) -> None:
    verified = quoting.verified
    for shop, request, row in quoting.quotes:
        submitted = platform_time.parse_instant(row["submitted_at"])
        assert request.posted <= submitted < request.expires
        assert request.grade != "gold" or shop.member_id in verified
        assert request.grade != "pro" or shop.member_id in request.invited
        assert len(request.quoters) <= request.seats
    pairs = Counter((row["seller"], row["rfq"]) for row in quoting.quote_rows())
    assert max(pairs.values()) == 1


def test_what_has_not_happened_yet_is_not_told(quoting: Quoting) -> None:
    """A quote made before the demo's now has no reaction after it: pages would show the future."""
    now = quoting.market.now
    for row in quoting.quote_rows():
        if platform_time.parse_instant(row["submitted_at"]) <= now:
            reactions = [row[name] for name in row if name in ("viewed_at", "replied_at")]
            assert all(platform_time.parse_instant(at) <= now for at in reactions)


def test_orders_come_from_replied_quotes_and_have_ids_of_their_own(quoting: Quoting) -> None:
    orders = quoting.order_rows()
    replied = {(row["seller"], row["rfq"]) for row in quoting.quote_rows() if "replied_at" in row}
    assert {(row["seller"], row["rfq"]) for row in orders} <= replied
    assert len({row["order_id"] for row in orders}) == len(orders) > 300


def _opens(posted):
    return platform_time.add_working_time(posted, timedelta(hours=6))
