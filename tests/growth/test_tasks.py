"""Tasks as rules on metrics, and since when they hold (GRO-5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.models import Pack, PackTask, TaskDone
from growth.nightly.tasks import rules_of_day
from growth.tasks.reading import page_url, task_progress
from growth.tasks.rules import TaskRule
from portal.models import MetricValue, Seller
from portal.nightly.export import standing_lines
from portal.scoping import unscoped
from tests import factories
from tests.growth.world import night, told

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 19)
ONE = timedelta(days=1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


def pack_of(*rules: tuple, opens_on: date = DAY, closes_on: date = DAY + 20 * ONE, **over) -> Pack:
    """Make a published pack whose tasks are `(metric, op, value)`."""
    pack = Pack.objects.create(
        **{"code": f"p{Pack.objects.count()}", "title_en": "P"} | over,
        opens_on=opens_on,
        closes_on=closes_on,
    )
    for position, (metric, op, value) in enumerate(rules):
        PackTask.objects.create(
            pack=pack, key=f"t{position}", position=position, metric=metric, op=op, value=value,
            title_en=f"Task {position}", page="listings:themes",
        )  # fmt: skip
    return pack


def done(seller: Seller, day: date) -> dict[str, date]:
    """Return the fulfilled `ext.*` rules of a shop with the first day of their run."""
    rows = TaskDone.objects.as_of(day).filter(seller=seller, rule__startswith="ext.")
    return dict(rows.values_list("rule", "since"))


# --- Whose rules --------------------------------------------------------------------------------


@pytest.mark.rule("GRO-5", "GRO-2")
def test_the_rules_of_a_day_are_those_of_the_guide_and_of_the_packs_open_that_day():
    pack_of(("ext.odm", "gte", 1), ("ext.patents", "gte", 3), opens_on=DAY, closes_on=DAY)
    pack_of(("ext.odm", "gte", 1), ("ext.brand_years", "lt", 2))
    pack_of(("ext.employees", "gte", 1), published=False)

    def codes(day: date) -> set[str]:
        found = [rule.code for rule in rules_of_day(day)]
        assert len(found) == len(set(found)), "a rule is counted twice"
        return set(found)

    guide = codes(DAY - ONE)
    assert {
        "listings.video_products gte 1",
        "portal.showcase_slots_used gte 10",
        "ext.trade_assurance_active gte 1",
        "ext.potential_products gte 50",
        "rfq.service_score gte 75",
    } <= guide
    assert codes(DAY) - guide == {"ext.odm gte 1", "ext.patents gte 3", "ext.brand_years lt 2"}
    assert codes(DAY + ONE) - guide == {"ext.odm gte 1", "ext.brand_years lt 2"}
    assert codes(date(2021, 6, 29)) == set(), "before the first edition"
    assert "ext.call_reminder gte 1" not in codes(date(2022, 6, 30))
    assert "ext.call_reminder gte 1" in codes(date(2022, 7, 1))


# --- What holds ---------------------------------------------------------------------------------


RULES = [
    ("ext.odm", "eq", 3),
    ("ext.odm", "ne", 3),
    ("ext.odm", "gte", 3),
    ("ext.odm", "gt", 3),
    ("ext.odm", "lte", 3),
    ("ext.odm", "lt", 3),
    ("ext.odm", "in", [1, 3, 2.5]),
    ("portal.inquiries_30d", "lte", 0),  # whom nobody asked fulfils it without a row
    ("growth.orders", "gte", 1),
]


@pytest.mark.rule("GRO-5")
def test_the_night_finds_what_the_rule_says_of_each_value(category):
    pack_of(*RULES)
    shops = {}
    for value in (None, "2.9999", "3", "3.0001", "0", "2.5"):
        shop = shops[value] = factories.seller_create(category)
        if value is not None:
            told(shop, "ext.odm", d2022_07_01=value)
    night(DAY, "growth.tasks", shards=2)
    for value, shop in shops.items():
        values = {"ext.odm": None if value is None else Decimal(value)}
        expected = {
            rule.code
            for rule in (TaskRule.of({"metric": m, "op": op, "value": v}) for m, op, v in RULES)
            if rule.holds(values.get(rule.metric, Decimal(0)))
        }
        rows = TaskDone.objects.as_of(DAY).filter(seller=shop)
        assert set(rows.values_list("rule", flat=True)) == expected, value
    assert {"ext.odm ne 3", "portal.inquiries_30d lte 0"} == set(
        TaskDone.objects.as_of(DAY).filter(seller=shops[None]).values_list("rule", flat=True)
    )


@pytest.mark.rule("GRO-5", "GRO-7")
def test_numbers_of_upstream_date_the_run_by_their_facts(category):
    pack_of(("ext.odm", "gte", 1))
    unbroken, broken, again, ended, later, never = (
        factories.seller_create(category) for _ in range(6)
    )
    told(unbroken, "ext.odm", d2022_05_02=1, d2022_06_01=4, d2022_07_19=1)
    told(broken, "ext.odm", d2022_05_02=1, d2022_07_19=0)
    told(again, "ext.odm", d2022_05_02=1, d2022_06_01=0, d2022_06_10="0.9999", d2022_06_11=1)
    told(ended, "ext.odm", d2022_07_18=1, d2022_07_20=0)  # ends the day after
    told(later, "ext.odm", d2022_07_20=1)
    night(DAY, "growth.tasks")
    rule = "ext.odm gte 1"
    assert done(unbroken, DAY) == {rule: date(2022, 5, 2)}
    assert done(again, DAY) == {rule: date(2022, 6, 11)}
    assert done(ended, DAY) == {rule: date(2022, 7, 18)}
    assert done(broken, DAY) == done(later, DAY) == done(never, DAY) == {}
    night(DAY + ONE, "growth.tasks")
    assert done(ended, DAY + ONE) == {}
    assert done(later, DAY + ONE) == {rule: date(2022, 7, 20)}
    assert done(unbroken, DAY + ONE) == {rule: date(2022, 5, 2)}


@pytest.mark.rule("GRO-5", "GRO-7", "NGT-3", "NGT-4")
def test_other_runs_are_carried_from_night_to_night_and_begin_anew_when_broken(
    category, shop, clock
):
    clock("2022-07-30T12:00:00-07:00")
    pack_of(("portal.login_days_month", "gte", 1), ("ext.odm", "ne", 7))

    def logged_in(*days: int) -> None:
        shop.loginday_set.all().delete()
        for number in days:
            day = date(2022, 7, number)
            shop.loginday_set.create(day=day, at="2022-07-01T12:00:00Z")

    def since(day: date) -> list[tuple[str, date]]:
        rows = TaskDone.objects.as_of(day).filter(seller=shop)
        return list(rows.order_by("rule").values_list("rule", "since"))

    login, silent = "portal.login_days_month gte 1", ("ext.odm ne 7", DAY)
    logged_in(1)
    night(DAY, "growth.tasks")
    night(DAY + ONE, "growth.tasks")
    assert since(DAY + ONE) == [silent, (login, DAY)]
    logged_in()
    night(DAY + 2 * ONE, "growth.tasks")
    assert since(DAY + 2 * ONE) == [silent]
    logged_in(22)
    night(DAY + 3 * ONE, "growth.tasks")
    assert since(DAY + 3 * ONE) == [silent, (login, DAY + 3 * ONE)]
    # Again is the same, and so is an older day with newer ones behind it.
    lines = list(standing_lines(DAY + 3 * ONE, "growth.tasks"))
    night(DAY + 3 * ONE, "growth.tasks")
    night(DAY + 2 * ONE, "growth.tasks")
    assert list(standing_lines(DAY + 3 * ONE, "growth.tasks")) == lines != []
    assert since(DAY + 2 * ONE) == [silent]


@pytest.mark.rule("NGT-7")
def test_the_statements_of_a_shard_do_not_grow_with_shops(category):
    pack_of(("ext.odm", "gte", 1), ("ext.patents", "lt", 3))

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            night(DAY, "growth.tasks")
        return len(queries)

    told(factories.seller_create(category), "ext.odm", d2022_07_01=1)
    night(DAY, "growth.tasks")
    before = statements()
    for _ in range(20):
        told(factories.seller_create(category), "ext.odm", d2022_07_01=1)
    assert statements() == before


# --- Reading ------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-4", "GRO-5")
def test_progress_says_how_far_a_shop_is_in_one_query(shop, other_shop, django_assert_num_queries):
    pack = pack_of(
        ("ext.potential_products", "gte", 50),
        ("ext.odm", "in", [1, 2]),
        ("growth.orders", "gte", 1),
        ("ext.patents", "ne", 3),
    )
    told(shop, "ext.potential_products", d2022_07_01=41)
    told(other_shop, "ext.potential_products", d2022_07_01=50)
    night(DAY, "growth.tasks")
    tasks = list(pack.tasks.order_by("position"))
    with django_assert_num_queries(1):
        progress = task_progress(shop, tasks, DAY)
    assert [(each.value, each.target, each.done) for each in progress] == [
        (41, 50, False),
        (None, [1, 2], False),
        (0, 1, False),
        (None, 3, True),
    ]
    assert [each.countable for each in progress] == [True, False, False, False]
    assert progress[0].url == "/listings/themes/"
    assert task_progress(other_shop, tasks, DAY)[0].done
    # The standing the night keeps says the same.
    kept = set(TaskDone.objects.as_of(DAY).filter(seller=shop).values_list("rule", flat=True))
    assert kept == {"ext.patents ne 3"}


def test_a_page_that_does_not_exist_has_no_address():
    assert page_url("listings:themes?kind=rts") == "/listings/themes/?kind=rts"
    assert page_url("nowhere:page") == page_url("") == ""
    assert page_url("https://example.org/a") == "https://example.org/a"


@pytest.mark.rule("GRO-5")
def test_values_of_the_day_are_read_not_newer_ones(shop):
    pack = pack_of(("ext.odm", "gte", 2))
    told(shop, "ext.odm", d2022_07_01=1, d2022_07_20=2)
    night(DAY, "growth.tasks")
    night(DAY + ONE, "growth.tasks")
    tasks = list(pack.tasks.all())
    assert MetricValue.objects.filter(seller=shop, metric="ext.odm").count() == 2
    assert [task_progress(shop, tasks, day)[0].done for day in (DAY, DAY + ONE)] == [False, True]
