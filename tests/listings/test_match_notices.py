"""Sellers with matches hear before a theme ends (LST-8, K-18)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from portal import platform_time
from portal.choices import Role
from portal.models import Notice
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.scoping import unscoped
from tests import factories
from tests.listings.match_world import content_of, instant, put_theme, revise

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 10)
ONE = timedelta(days=1)


def _notices() -> list[tuple[str, int]]:
    with unscoped():
        rows = Notice.objects.filter(kind="theme_ending").order_by("user__username", "key")
        return [(row.user.username, row.params["days"]) for row in rows]


@pytest.fixture
def cast(owner, stranger):
    """People of two shops."""


@pytest.mark.rule("LST-8", "K-18")
@pytest.mark.parametrize(("days", "told"), [(8, []), (7, [7]), (6, []), (2, []), (1, [1]), (0, [])])
def test_sellers_with_matches_hear_seven_days_and_one_day_before_the_end(
    clock, shop, cast, days, told
):
    clock.noon(DAY + 2 * ONE)
    put_theme(ends_on=DAY + 2 * ONE + days * ONE)
    put_theme("unmatched", keywords=["nothing"], ends_on=DAY + 2 * ONE + days * ONE)
    revise(shop, "p1", instant(DAY), content_of())
    for _again in range(2):
        run = ledger.night_start(as_of=DAY, jobs=["listings.theme_notices"])
        assert run_inline(run_id=run.pk).state == "complete"
    assert _notices() == [("owner", number) for number in told]


@pytest.mark.rule("K-18", "NGT-4")
def test_a_night_caught_up_late_says_how_many_days_are_left(clock, category, shop, owner):
    ends_on = DAY + 2 * ONE + 7 * ONE
    put_theme(ends_on=ends_on)
    revise(shop, "p1", instant(DAY), content_of())
    clock.noon(ends_on - 3 * ONE)
    run = ledger.night_start(as_of=DAY, jobs=["listings.theme_notices"])
    assert run_inline(run_id=run.pk).state == "complete"
    assert _notices() == [("owner", 3)]
    assert platform_time.today() == ends_on - 3 * ONE
    clock.noon(ends_on + ONE)
    factories.member_create(shop, Role.VIEWER, "newcomer")
    run_inline(run_id=ledger.night_start(as_of=DAY, jobs=["listings.theme_notices"]).pk)
    assert len(_notices()) == 1
