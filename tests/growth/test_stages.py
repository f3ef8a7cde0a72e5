"""The night gives every shop the stage and phase the rules give one (GRO-1 … GRO-3, NGT-3 … NGT-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.guide.rules import phase_of, stage_of
from growth.models import StageStanding
from portal.models import MetricValue
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, hours_of, start_of
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from tests import factories
from tests.growth.guide_world import (
    SECOND,
    facts_before,
    inquiry,
    order,
    random_shops,
    reply,
    slots,
    stages_published,
)
from tests.growth.world import night, told

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ONE = timedelta(days=1)
DAY = date(2022, 7, 20)
STAGES = "growth.stages"


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    clock("2022-12-20T12:00:00-08:00")
    with unscoped():
        yield


def standing(shop, day: date = DAY) -> StageStanding:
    return StageStanding.objects.as_of(day).get(seller=shop)


def where(shop, *days: date) -> list[tuple[str, str | None]]:
    found = []
    for day in days:
        night(day, STAGES)
        found.append((standing(shop, day).stage, standing(shop, day).phase))
    return found


# --- SQL and Python -----------------------------------------------------------------------------


@pytest.mark.rule("GRO-1", "GRO-3")
@pytest.mark.parametrize(
    ("day", "version"),
    [
        (date(2021, 11, 8), "2021-07"),  # the day after one of 25 hours
        (date(2022, 3, 14), "2021-07"),  # the day after one of 23 hours
        (date(2022, 6, 30), "2021-07"),
        (date(2022, 7, 1), "2022-07"),
        (date(2022, 11, 6), "2022-07"),
    ],
)
def test_all_shops_get_what_the_rules_give_each(category, day, version):
    shops = random_shops(category, day, 70, seed=day.toordinal())
    night(day, STAGES, shards=3)
    rules = rulebook_for("growth.guide", day).content
    found = stages_published(day)
    assert len(found) == len(shops)
    for shop in shops:
        before, through = facts_before(shop, start_of(day)), facts_before(shop, end_of(day))
        row = found[shop.member_id]
        assert row.rulebook == version
        assert (row.stage, row.phase) == (
            stage_of(rules, before, day), phase_of(rules, before, day),
        ), shop.opened_on  # fmt: skip
        assert (row.opportunities, row.orders, row.received) == (
            through.opportunities, through.orders, through.received,
        )  # fmt: skip
    assert {row.stage for row in found.values()} == {
        "pre_opening", "novice_30", "novice_90", "mature",
    }  # fmt: skip
    assert {"opportunities", "order", None} <= {row.phase for row in found.values()}


# --- Days and instants --------------------------------------------------------------------------


@pytest.mark.rule("GRO-1")
def test_days_30_and_31_and_90_and_91_and_the_day_after_opening(shop):
    for age, stage in {0: "pre_opening", 1: "novice_30", 30: "novice_30", 31: "novice_90",
                       90: "novice_90", 91: "mature"}.items():  # fmt: skip
        shop.opened_on = DAY - timedelta(days=age)
        shop.save()
        night(DAY, STAGES)
        assert standing(shop).stage == stage, age


@pytest.mark.rule("GRO-1")
def test_the_last_cent_of_10000_makes_a_shop_mature_the_day_after(shop):
    shop.opened_on = DAY - 40 * ONE
    shop.save()
    order(shop, start_of(DAY), "9999.99")
    assert where(shop, DAY, DAY + ONE) == [("novice_90", "opportunities")] * 2
    order(shop, end_of(DAY + 2 * ONE) - SECOND, "0.01")
    assert where(shop, DAY + 2 * ONE, DAY + 3 * ONE) == [
        ("novice_90", "opportunities"),
        ("mature", None),
    ]
    assert standing(shop, DAY + 2 * ONE).received == Decimal(10000)


@pytest.mark.rule("GRO-3", "K-1")
@pytest.mark.parametrize(
    ("day", "hours", "after_1000"),
    [
        (date(2022, 7, 20), 24, None),
        (date(2022, 11, 6), 25, None),
        (date(2022, 3, 13), 23, "gmv"),  # the edition of 2021 counts to 10,000
    ],
)
def test_the_tenth_opportunity_on_the_last_second_of_a_day_ends_the_phase_the_day_after(
    shop, day, hours, after_1000
):
    assert hours_of(day) == hours
    shop.opened_on = day - 40 * ONE
    shop.save()
    for _ in range(5):
        inquiry(shop, start_of(day) - SECOND)
    for _ in range(4):
        reply(shop, start_of(day))
    inquiry(shop, end_of(day))  # the eleventh, a second after the tenth
    inquiry(shop, end_of(day) - SECOND)
    assert where(shop, day, day + ONE) == [("novice_90", "opportunities"), ("novice_90", "order")]
    assert [standing(shop, each).opportunities for each in (day, day + ONE)] == [10, 11]
    # A phase does not wait for single tasks, and several can end at once.
    order(shop, end_of(day + 2 * ONE) - SECOND, "1000")
    assert where(shop, day + 2 * ONE, day + 3 * ONE) == [
        ("novice_90", "order"), ("novice_90", after_1000),
    ]  # fmt: skip


@pytest.mark.rule("GRO-1", "K-1")
@pytest.mark.parametrize(
    "opened", [date(2022, 3, 13), date(2022, 3, 14), date(2022, 11, 6), date(2022, 11, 7), date(2022, 1, 1)]
)  # fmt: skip
def test_only_what_happens_from_the_first_instant_of_the_opening_day_counts(shop, opened):
    shop.opened_on = opened
    shop.save()
    for at in (start_of(opened) - SECOND, start_of(opened), start_of(opened) + SECOND):
        inquiry(shop, at)
        reply(shop, at)
        order(shop, at, "100.10")
    order(shop, start_of(opened), "5", fake=True)
    order(shop, start_of(opened) - SECOND, "7", received_at=start_of(opened))  # ordered before
    night(opened + ONE, STAGES)
    row = standing(shop, opened + ONE)
    assert (row.opportunities, row.orders, row.received) == (4, 2, Decimal("207.20"))
    counted = ["growth.opportunities", "growth.orders", "growth.received"]
    values = MetricValue.objects.as_of(opened + ONE).filter(metric__in=counted)
    assert dict(values.values_list("metric", "value")) == {
        "growth.opportunities": 4, "growth.orders": 2, "growth.received": Decimal("207.20"),
    }  # fmt: skip


# --- Core tasks ---------------------------------------------------------------------------------


def core(shop, day: date, *, showcase: int = 10, potential: int = 50, video: str = "good") -> None:
    """Tell all four core tasks of a shop as of a day."""
    from tests.listings.match_world import content_of, revise

    stamp = f"d{day:%Y_%m_%d}"
    told(shop, "ext.trade_assurance_active", **{stamp: 1})
    told(shop, "ext.potential_products", **{stamp: potential})
    slots(shop, day, showcase)
    revise(shop, f"v-{shop.pk}", end_of(day) - SECOND, content_of(video=video))


@pytest.mark.rule("GRO-1", "GRO-2")
@pytest.mark.parametrize(
    "missing", [{}, {"showcase": 9}, {"potential": 49}, {"video": "low"}, {"video": "none"}]
)
def test_all_four_core_tasks_end_the_first_stage_the_day_after(shop, missing):
    shop.opened_on = DAY - 10 * ONE
    shop.save()
    core(shop, DAY, **missing)
    night(DAY - ONE, STAGES)
    stages = [stage for stage, _phase in where(shop, DAY, DAY + ONE)]
    if missing:
        assert stages == ["novice_30", "novice_30"]
        assert standing(shop, DAY + ONE).core_done_on is None
    else:
        assert stages == ["novice_30", "novice_90"]
        assert standing(shop, DAY).core_done_on == standing(shop, DAY + ONE).core_done_on == DAY


@pytest.mark.rule("GRO-2", "NGT-4")
def test_once_done_together_they_stay_done_whatever_becomes_of_them(shop):
    shop.opened_on = DAY - 10 * ONE
    shop.save()
    core(shop, DAY)
    night(DAY, STAGES)
    slots(shop, DAY + ONE, 3)
    told(shop, "ext.trade_assurance_active", **{f"d{DAY + ONE:%Y_%m_%d}": 0})
    days = [DAY + ONE, DAY + 2 * ONE, DAY + 3 * ONE]
    assert [stage for stage, _ in where(shop, *days)] == ["novice_90"] * 3
    slots(shop, DAY + 3 * ONE, 10)
    assert standing(shop, DAY + 3 * ONE).core_done_on == DAY
    # An older day again changes nothing that came after it.
    lines = [list(standing_lines(day, "growth.stages")) for day in days]
    night(DAY + ONE, STAGES)
    assert [list(standing_lines(day, "growth.stages")) for day in days] == lines


@pytest.mark.rule("GRO-2")
def test_a_shop_that_missed_them_moves_on_without_them(shop):
    shop.opened_on = DAY - 30 * ONE
    shop.save()
    assert where(shop, DAY, DAY + ONE) == [("novice_30", None), ("novice_90", "opportunities")]
    core(shop, DAY + 2 * ONE)
    night(DAY + 2 * ONE, STAGES)
    assert standing(shop, DAY + 2 * ONE).core_done_on == DAY + 2 * ONE, "star assessment starts"


# --- The night ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-1")
def test_before_the_first_edition_there_are_no_stages(shop):
    shop.opened_on = date(2021, 6, 1)
    shop.save()
    night(date(2021, 6, 29), STAGES)
    night(date(2021, 6, 30), STAGES)
    assert not StageStanding.objects.as_of(date(2021, 6, 29)).exists()
    assert standing(shop, date(2021, 6, 30)).rulebook == "2021-07"


@pytest.mark.rule("NGT-3", "NGT-5", "NGT-7")
def test_unchanged_shops_are_not_rewritten_and_statements_do_not_grow(category):
    def statements(day: date) -> int:
        with CaptureQueriesContext(connection) as queries:
            night(day, STAGES)
        return len(queries)

    shops = [factories.seller_create(category, opened_on=DAY - 500 * ONE) for _ in range(2)]
    night(DAY, STAGES)
    few = statements(DAY + ONE)
    assert StageStanding.objects.count() == len(shops)
    random_shops(category, DAY + ONE, 20, seed=1)
    night(DAY + 2 * ONE, STAGES)
    assert statements(DAY + 3 * ONE) == few
    for shop in shops:
        assert StageStanding.objects.get(seller=shop).valid_from == DAY
