"""Stars are assessed on the 5th, once; upstream's own star stands; core tasks come first (GRO-2, GRO-12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from growth.models import StageStanding, StarAssessment, StarStanding
from growth.models.stars import STAR_PAYLOAD
from growth.nightly.assess import newest_assessed_day
from growth.stars.reading import assessed_star_at, next_assessment_on
from portal import platform_time
from portal.models import Notice, Seller, SellerFlag
from portal.nightly.export import standing_lines
from portal.scoping import unscoped
from portal.services.shops import STAR_FROM_UPSTREAM, seller_flag_end
from tests import factories
from tests.growth.world import night
from tests.portal.ingest_tools import counts, send

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ONE = timedelta(days=1)
THIRD = date(2022, 7, 3)
MONTH = date(2022, 7, 1)


@pytest.fixture(autouse=True)
def _fifth(clock) -> Iterator[None]:
    """Noon of July 5th, when the 3rd is the newest day."""
    clock.noon(THIRD + 2 * ONE)
    with unscoped():
        yield


@pytest.fixture
def shop(category) -> Seller:
    """A shop older than the guide."""
    return factories.seller_create(
        category, member_id="cn1001", opened_on=date(2020, 1, 1), assessed_star=4
    )


def assessed(shop: Seller) -> list[tuple[date, int, bool, bool]]:
    rows = StarAssessment.objects.filter(seller=shop).order_by("month")
    return [(each.month, each.star, each.awaits_core_tasks, each.applied) for each in rows]


def star_now(shop: Seller) -> int:
    return Seller.objects.values_list("assessed_star", flat=True).get(pk=shop.pk)


def stars_stored(shop: Seller, day: date, star: int) -> None:
    """Let the shop have a predicted star as of a day, whatever its facts."""
    StarStanding.objects.as_of(day).filter(seller=shop).update(star=star, trade=61.25)


# --- When ---------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-12")
def test_the_night_of_the_5th_assesses_as_of_the_3rd(shop):
    night(THIRD - ONE, "growth.assess")
    assert assessed(shop) == []
    night(THIRD, "growth.stars")
    stars_stored(shop, THIRD, 2)
    night(THIRD, "growth.assess")
    assert assessed(shop) == [(MONTH, 2, False, True)]
    assert star_now(shop) == 2
    fixed = StarAssessment.objects.get()
    standing = StarStanding.objects.as_of(THIRD).get()
    assert fixed.as_of == THIRD
    assert all(getattr(fixed, name) == getattr(standing, name) for name in STAR_PAYLOAD)


@pytest.mark.rule("GRO-12")
@pytest.mark.parametrize(
    ("day", "newest"),
    [
        (date(2022, 7, 3), date(2022, 7, 3)),
        (date(2022, 7, 2), date(2022, 6, 3)),
        (date(2022, 8, 2), date(2022, 7, 3)),
        (date(2023, 1, 1), date(2022, 12, 3)),
        (date(2023, 1, 3), date(2023, 1, 3)),
    ],
)
def test_the_day_that_was_assessed_last(day, newest):
    assert newest_assessed_day(day) == newest


@pytest.mark.rule("GRO-12")
@pytest.mark.parametrize(
    ("today", "next_one"),
    [
        (date(2022, 12, 5), date(2022, 12, 5)),
        (date(2022, 12, 6), date(2023, 1, 5)),
        (date(2022, 1, 31), date(2022, 2, 5)),
    ],
)
def test_the_next_assessment_is_on_a_5th(today, next_one):
    assert next_assessment_on(today) == next_one


@pytest.mark.rule("GRO-12", "NGT-4")
def test_a_missed_night_assesses_when_it_is_caught_up(shop, clock):
    clock.noon(date(2022, 7, 12))
    night(date(2022, 7, 9), "growth.assess")
    assert assessed(shop) == [], "the 3rd has no stars yet"
    night(THIRD, "growth.assess")
    assert [row[0] for row in assessed(shop)] == [MONTH]
    assert StarAssessment.objects.get().fixed_at == platform_time.now()


@pytest.mark.rule("GRO-12", "NGT-3")
def test_what_is_assessed_stays_and_is_told_once(shop, clock):
    factories.member_create(shop)
    night(THIRD, "growth.assess")
    before = list(StarAssessment.objects.values())
    lines = list(standing_lines(THIRD, "growth.star_assessments"))
    stars_stored(shop, THIRD, 3)
    Seller.objects.update(assessed_star=1)
    night(THIRD, "growth.assess")
    clock.noon(THIRD + 3 * ONE)
    night(THIRD + ONE, "growth.assess")
    assert list(StarAssessment.objects.values()) == before
    assert list(standing_lines(THIRD, "growth.star_assessments")) == lines
    assert star_now(shop) == 1, "an old assessment took effect again"
    assert Notice.objects.filter(kind="star_assessed").count() == 1


@pytest.mark.rule("GRO-12", "NGT-4")
def test_an_older_month_assessed_late_leaves_the_newer_star(shop, clock):
    clock.noon(date(2022, 8, 10))
    august = date(2022, 8, 3)
    night(august, "growth.stars")
    stars_stored(shop, august, 3)
    night(august, "growth.assess")
    assert star_now(shop) == 3
    night(THIRD, "growth.assess")
    assert assessed(shop) == [(MONTH, 0, False, False), (date(2022, 8, 1), 3, False, True)]
    assert star_now(shop) == 3


@pytest.mark.rule("GRO-12", "K-2")
def test_the_star_of_an_earlier_day_is_the_one_assessed_by_then(shop, clock):
    clock.noon(date(2022, 8, 10))
    august = date(2022, 8, 3)
    for day, star in ((THIRD, 2), (august, 3)):
        night(day, "growth.stars")
        stars_stored(shop, day, star)
        night(day, "growth.assess")
    api = factories.api_client(factories.member_create(shop).user)
    for day, star in ((THIRD, 2), (august - ONE, 2), (august, 3)):
        answer = api.get("/api/v1/growth/star", {"as_of": day.isoformat()}).json()
        assert (answer["assessed_star"], answer["assessed"]["star"]) == (star, star), day
    assert assessed_star_at(Seller.objects.get(pk=shop.pk), THIRD - ONE) == 0, "of none is known"
    other = factories.seller_create(shop.main_category, assessed_star=5)
    assert assessed_star_at(other, THIRD) == 5, "nothing here has ever replaced it"


@pytest.mark.rule("GRO-13")
@pytest.mark.parametrize(
    ("as_of", "version"), [((2022, 12, 3), "2021-07"), ((2023, 1, 3), "2022-12")]
)
def test_the_rules_of_december_reach_assessments_on_january_5th(shop, clock, as_of, version):
    clock.noon(date(2023, 1, 5))
    night(date(*as_of), "growth.assess")
    assert StarAssessment.objects.get().rulebook == version


@pytest.mark.rule("GRO-12")
def test_shops_that_have_not_opened_or_are_closed_are_not_assessed(category):
    unopened = factories.seller_create(category, assessed_star=2)
    later = factories.seller_create(category, opened_on=THIRD + ONE, assessed_star=2)
    closed = factories.seller_create(
        category, opened_on=date(2020, 1, 1), status="closed", assessed_star=2
    )
    opened = factories.seller_create(category, opened_on=THIRD, assessed_star=2)
    night(THIRD, "growth.assess")
    assert [each.seller for each in StarAssessment.objects.all()] == [opened]
    assert {star_now(each) for each in (unopened, later, closed)} == {2}
    assert star_now(opened) == 0


# --- Upstream names the star --------------------------------------------------------------------


def row(**over: Any) -> dict[str, Any]:
    return {
        "member_id": "cn1001",
        "name_en": "Shop",
        "membership": "verified",
        "company_type": "trader",
        "main_category": "e-bike-kits",
        **over,
    }


def marks(shop: Seller) -> list[tuple[date, date | None]]:
    flags = SellerFlag.objects.filter(seller=shop, code=STAR_FROM_UPSTREAM)
    return list(flags.order_by("since").values_list("since", "until"))


@pytest.mark.rule("GRO-12", "K-6", "K-15")
def test_a_star_upstream_names_stands_until_staff_take_the_mark_off(shop, staff, clock):
    today = THIRD + 2 * ONE
    assert counts(send("sellers", row(assessed_star=""))) == (0, 1, 0, 0)
    assert (star_now(shop), marks(shop)) == (4, []), "an empty cell says nothing"
    for _again in range(2):
        send("sellers", row(assessed_star="0"))
        assert (star_now(shop), marks(shop)) == (0, [(today, None)])
    send("sellers", row(assessed_star=3))
    assert counts(send("sellers", row(assessed_star=""))) == (0, 0, 1, 0)
    assert counts(send("sellers", row())) == (0, 0, 1, 0)
    assert (star_now(shop), marks(shop)) == (3, [(today, None)])
    night(THIRD, "growth.assess")
    assert assessed(shop) == [(MONTH, 0, False, False)]
    assert star_now(shop) == 3

    seller_flag_end(actor=staff, flag=SellerFlag.objects.get(), until=today)
    clock.noon(date(2022, 8, 5))
    night(date(2022, 8, 3), "growth.assess")
    assert assessed(shop)[1:] == [(date(2022, 8, 1), 0, False, True)]
    assert star_now(shop) == 0
    send("sellers", row(assessed_star=2))
    assert marks(shop) == [(today, today), (date(2022, 8, 5), None)]


@pytest.mark.rule("GRO-12", "K-6")
def test_a_night_that_lives_before_the_feed_leaves_upstreams_star(shop, clock):
    clock.noon(date(2022, 12, 15))
    send("sellers", row(assessed_star=3))
    clock.noon(THIRD + 2 * ONE)
    night(THIRD, "growth.assess")
    assert assessed(shop) == [(MONTH, 0, False, False)]
    assert star_now(shop) == 3


@pytest.mark.rule("K-15")
@pytest.mark.parametrize(("days", "applied"), [(0, False), (1, True)])
def test_the_last_day_of_the_mark_counts_whole(shop, days, applied):
    """Staff ended it today, or the day before."""
    last = THIRD + (2 - days) * ONE
    SellerFlag.objects.create(
        seller=shop, code=STAR_FROM_UPSTREAM, since=date(2022, 1, 1), until=last
    )
    night(THIRD, "growth.assess")
    assert StarAssessment.objects.get().applied is applied
    assert star_now(shop) == (0 if applied else 4)


@pytest.mark.rule("K-15")
def test_a_new_shop_without_a_star_has_none_and_no_mark(category):
    send("sellers", row(member_id="new", assessed_star="", predicted_star=""))
    new = Seller.objects.get(member_id="new")
    assert (new.assessed_star, new.predicted_star, marks(new)) == (0, 0, [])


# --- Core tasks ---------------------------------------------------------------------------------


def young_shop(category, opened_on: date, **over: Any) -> Seller:
    return factories.seller_create(category, opened_on=opened_on, assessed_star=1, **over)


@pytest.mark.rule("GRO-2")
def test_young_shops_keep_star_0_until_their_core_tasks_were_done_together(category):
    first_edition = date(2021, 6, 30)
    old, young, done = (
        young_shop(category, opened)
        for opened in (first_edition - ONE, first_edition, first_edition)
    )
    night(THIRD, "growth.stars", "growth.stages")
    for shop in (old, young, done):
        stars_stored(shop, THIRD, 2)
    StageStanding.objects.filter(seller=done).update(core_done_on=THIRD)
    night(THIRD, "growth.assess")
    assert assessed(old) == [(MONTH, 2, False, True)]
    assert assessed(young) == [(MONTH, 0, True, True)]
    assert assessed(done) == [(MONTH, 2, False, True)]
    assert [star_now(each) for each in (old, young, done)] == [2, 0, 2]
    assert (
        StarAssessment.objects.get(seller=young).trade
        == StarAssessment.objects.get(seller=old).trade
    ), "the powers are kept"


@pytest.mark.rule("GRO-2")
def test_who_waits_for_core_tasks_is_told_why(category):
    member = factories.member_create(young_shop(category, THIRD - 40 * ONE))
    night(THIRD, "growth.assess")
    notice = Notice.objects.get(user=member.user)
    assert notice.kind == "star_awaits_core_tasks"
    assert notice.link.endswith("/growth/star/")
