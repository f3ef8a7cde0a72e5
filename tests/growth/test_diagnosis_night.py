"""The night's selects say of every shop what the rules say of one (GRO-11, NGT-3 … NGT-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.diagnosis.rules import STARRED_FROM, Benchmark, diagnose
from growth.models import GrowthBenchmark, GrowthScore, StarAssessment
from growth.nightly.diagnosis import JOB
from growth.nightly.diagnosis_sql import diagnosis_sql
from portal.metrics import METRICS
from portal.models import Category, MetricValue, Rulebook, Seller
from portal.nightly.export import standing_lines
from portal.nightly.registry import adapt_params
from portal.platform_time import start_of
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from tests import factories
from tests.factories import Node
from tests.growth.diagnosis_world import (
    DAY,
    book,
    by_loops,
    item,
    peer,
    peers,
    published,
    random_world,
    value,
)
from tests.growth.world import night, told

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.rule("GRO-11"),
]

INQUIRIES, RATE, POINTS = (
    "portal.inquiries_30d",
    "portal.on_time_dispatch_90d",
    "compliance.points",
)


@pytest.fixture(autouse=True)
def _unscoped(clock: Any) -> Iterator[None]:
    with unscoped():
        yield


@pytest.fixture
def tree(db: None) -> dict[str, Category]:
    """The small tree with two more industries."""
    more = [Node(code, None, code, code) for code in ("lone", "pair")]
    return factories.tree_create([*factories.TREE, *more])


def benchmarks(day: date = DAY) -> dict[tuple[str, str], tuple[Decimal, int, str]]:
    rows = GrowthBenchmark.objects.as_of(day).select_related("industry")
    return {(row.industry.code, row.metric): (row.value, row.sellers, row.scope) for row in rows}


def scores(day: date = DAY) -> dict[str, tuple[Decimal | None, int]]:
    rows = GrowthScore.objects.as_of(day).select_related("seller")
    return {row.seller.member_id: (row.score, row.suggestions) for row in rows}


@pytest.mark.rule("K-8", "NGT-7")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_shops_get_what_the_rules_give_each(tree: dict[str, Category], seed: int) -> None:
    random_world(tree, DAY, seed=seed)
    night(DAY, JOB, shards=3)
    expected, diagnoses = by_loops(DAY)
    assert benchmarks() == {
        key: (each.value, each.sellers, each.scope) for key, each in expected.items()
    }
    found = scores()
    assert found.keys() == diagnoses.keys()
    for member_id, diagnosis in diagnoses.items():
        assert found[member_id] == (diagnosis.score, len(diagnosis.suggestions)), member_id
    # The world has what the comparison is about.
    assert {each.scope for each in expected.values()} == {"starred", "industry"}
    assert len({score for score, _number in found.values()}) > 20
    assert any(sellers % 2 for _value, sellers, _scope in benchmarks().values())
    assert any(not sellers % 2 for _value, sellers, _scope in benchmarks().values())


def test_the_shipped_rulebook_is_what_the_night_reads(category: Category) -> None:
    shops = peers(category, INQUIRIES, [10, 20, 30, 40, 50])
    published(DAY)
    night(DAY, JOB)
    shipped = rulebook_for("growth.diagnosis", DAY)
    assert shipped.version == "2021-07"
    counted = {each.metric for each in shipped.content.items if METRICS[each.metric].empty == 0}
    # What nobody ever had has a benchmark of 0; a rate nobody has none.
    assert {metric for _industry, metric in benchmarks()} == counted
    assert benchmarks()["sports", INQUIRIES] == (30, 5, "starred")
    # Everything else is 0 of 0: only the inquiries are below.
    weights = sum(each.weight for each in shipped.content.items if each.metric in counted)
    inquiries = next(each.weight for each in shipped.content.items if each.metric == INQUIRIES)
    lacking = Decimal(100 * inquiries * 2) / (3 * weights)
    assert scores()[shops[0].member_id] == (round(100 - lacking, 2), 1)
    assert scores()[shops[2].member_id] == (Decimal(100), 0)


@pytest.mark.rule("NGT-2")
def test_numbers_of_upstream_come_by_the_night_itself(category: Category) -> None:
    book(item("ext.patents"))
    shops = [peer(category) for _ in range(6)]
    for number, shop in enumerate(shops):
        told(shop, "ext.patents", d2022_07_01=str(number * 10), d2022_08_02="999")
    night(DAY, JOB)
    assert benchmarks() == {("sports", "ext.patents"): (25, 6, "starred")}
    assert scores()[shops[1].member_id] == (Decimal(40), 1)


# --- Whom a benchmark is over -------------------------------------------------------------------


@pytest.mark.rule("K-8")
@pytest.mark.parametrize(("number", "told"), [(4, False), (5, True)])
def test_five_sellers_are_enough(category: Category, number: int, told: bool) -> None:
    book(item(INQUIRIES))
    shops = peers(category, INQUIRIES, [10] * number)
    published(DAY)
    night(DAY, JOB)
    assert bool(benchmarks()) == told
    assert scores()[shops[0].member_id] == ((Decimal(100) if told else None), 0)


def test_sellers_without_a_row_have_zero_where_that_is_a_count(category: Category) -> None:
    book(item(INQUIRIES), item(RATE))
    shops = peers(category, INQUIRIES, [8, 8, 8, None, None, None])
    for shop in shops[:4]:
        value(shop, RATE, 90)
    published(DAY)
    night(DAY, JOB)
    # The middle two of 0 0 0 8 8 8; of the rate only four say anything.
    assert benchmarks() == {("sports", INQUIRIES): (4, 6, "starred")}


def test_closed_shops_and_other_industries_are_nobodys_peers(
    categories: dict[str, Category],
) -> None:
    book(item(INQUIRIES))
    peers(categories["e-bike-kits"], INQUIRIES, [1, 1, 1, 1])
    closed = peers(categories["helmets"], INQUIRIES, [50, 50, 50], status="closed")
    flasks = peers(categories["vacuum-flasks"], INQUIRIES, [7, 7, 7, 7, 7])
    published(DAY)
    night(DAY, JOB)
    assert benchmarks() == {("home", INQUIRIES): (7, 5, "starred")}
    # A restricted shop is compared; a closed one gets no score either.
    assert closed[0].member_id not in scores()
    assert scores()[flasks[0].member_id] == (Decimal(100), 0)


@pytest.mark.parametrize(("star", "scope"), [(STARRED_FROM, "starred"), (0, "industry")])
def test_the_fifth_star_decides_whom_one_is_compared_with(
    category: Category, star: int, scope: str
) -> None:
    book(item(INQUIRIES))
    peers(category, INQUIRIES, [10, 10, 10, 10])
    peers(category, INQUIRIES, [20], star=star)
    peers(category, INQUIRIES, [0, 0, 0, 0, 0, 0], star=0)
    published(DAY)
    night(DAY, JOB)
    assert benchmarks() == {
        ("sports", INQUIRIES): (10, 5, "starred") if scope == "starred" else (0, 11, "industry")
    }


@pytest.mark.parametrize(
    ("opened_on", "scored"),
    [(DAY, True), (DAY + timedelta(days=1), False), (None, False)],
)
def test_shops_have_a_score_from_the_day_they_open(
    category: Category, opened_on: date | None, scored: bool
) -> None:
    book(item(INQUIRIES))
    peers(category, INQUIRIES, [4] * 4, star=0)
    shop = peer(category, star=0, opened_on=opened_on, paid_on=date(2022, 6, 1))
    value(shop, INQUIRIES, 3)
    published(DAY)
    night(DAY, JOB)
    assert (shop.member_id in scores()) == scored
    # Who is not open yet is no peer: four are too few.
    assert bool(benchmarks()) == scored


@pytest.mark.parametrize(
    ("star", "paid_on", "scope"),
    [(0, None, "industry"), (1, None, "starred"), (1, date(2022, 6, 1), "starred")],
)
def test_upstream_need_not_say_since_when_a_peer_is_open(
    category: Category, star: int, paid_on: date | None, scope: str
) -> None:
    book(item(INQUIRIES))
    peers(category, INQUIRIES, [4] * 5, star=star, opened_on=None, paid_on=paid_on)
    published(DAY)
    night(DAY, JOB)
    assert benchmarks() == {("sports", INQUIRIES): (4, 5, scope)}


# --- Nights -------------------------------------------------------------------------------------


@pytest.mark.rule("NGT-3", "NGT-5")
def test_again_is_the_same_and_shards_do_not_matter(tree: dict[str, Category]) -> None:
    random_world(tree, DAY, seed=9, sellers=60)
    night(DAY, JOB, shards=1)
    first = list(standing_lines(DAY, "growth"))
    rows = set(GrowthScore.objects.values_list("pk", flat=True))
    night(DAY, JOB, shards=4)
    assert list(standing_lines(DAY, "growth")) == first
    assert set(GrowthScore.objects.values_list("pk", flat=True)) == rows


@pytest.mark.rule("NGT-3", "GRO-12")
@pytest.mark.parametrize("late", [0, 5])
def test_stars_fixed_meanwhile_do_not_change_the_day_they_were_fixed_on(
    category: Category, late: int
) -> None:
    """Nor where the night of that day caught the assessment up, `late` days after its own."""
    book(item(INQUIRIES))
    day = DAY - timedelta(days=1)
    shops = peers(category, INQUIRIES, [10] * 5, star=0)
    peers(category, INQUIRIES, [0] * 6, star=0)
    published(day, DAY)
    night(day, JOB)
    assert benchmarks(day) == {("sports", INQUIRIES): (0, 11, "industry")}
    StarAssessment.objects.bulk_create(
        StarAssessment(
            seller=shop, month=day.replace(day=1), as_of=day - timedelta(days=late), night=day,
            fixed_at=start_of(day), rulebook="r", star=1, trade=60, product=60, marketing=60, guarantee=60, trade_bonus=0, marketing_bonus=0,
        )
        for shop in shops
    )  # fmt: skip
    Seller.objects.filter(pk__in=[shop.pk for shop in shops]).update(assessed_star=1)
    night(day, JOB)
    assert benchmarks(day) == {("sports", INQUIRIES): (0, 11, "industry")}
    night(DAY, JOB)
    assert benchmarks() == {("sports", INQUIRIES): (10, 5, "starred")}


@pytest.mark.rule("NGT-4", "NGT-5")
def test_a_row_begins_only_where_something_changes(category: Category) -> None:
    book(item(INQUIRIES))
    shops = peers(category, INQUIRIES, [10, 20, 30, 40, 50])
    days = [DAY - timedelta(days=2), DAY - timedelta(days=1), DAY]
    MetricValue.objects.filter(seller=shops[0]).update(valid_to=days[0])
    value(shops[0], INQUIRIES, 15, valid_from=days[1])
    published(*days)
    for day in days:
        night(day, JOB)
    held = GrowthScore.objects.filter(seller=shops[0]).order_by("valid_from")
    assert [(row.valid_from, row.score) for row in held] == [
        (days[0], Decimal("33.33")),
        (days[1], Decimal("50.00")),
    ]
    assert GrowthScore.objects.filter(seller=shops[1]).count() == 1
    assert GrowthBenchmark.objects.count() == 1


@pytest.mark.rule("K-16")
def test_a_night_without_rules_has_no_scores(category: Category) -> None:
    peers(category, INQUIRIES, [10] * 5)
    Rulebook.objects.filter(module="growth.diagnosis").update(effective_from=DAY)
    published(DAY - timedelta(days=1), DAY)
    night(DAY - timedelta(days=1), JOB)
    assert scores(DAY - timedelta(days=1)) == {}
    night(DAY, JOB)
    assert len(scores()) == 5


@pytest.mark.rule("NGT-7")
def test_a_shard_takes_the_same_statements_whatever_there_is(category: Category) -> None:
    def statements(*items: dict[str, Any]) -> int:
        book(*items)
        rulebook_for("growth.diagnosis", DAY)  # its content is read once per process
        with CaptureQueriesContext(connection) as queries:
            night(DAY, JOB, shards=1)
        return len(queries)

    peers(category, INQUIRIES, [10] * 5)
    published(DAY)
    night(DAY, JOB)  # which counts what the day lacks besides
    few = statements(item(INQUIRIES))
    peers(category, RATE, range(40))
    assert statements(*(item(metric) for metric in (INQUIRIES, RATE, POINTS))) == few


@pytest.mark.rule("K-14")
def test_the_score_is_a_number_others_may_ask_about(category: Category) -> None:
    book(item(INQUIRIES))
    shops = peers(category, INQUIRIES, [10, 20, 30, 40, 50])
    published(DAY)
    night(DAY, JOB)
    query = METRICS["growth.score"].query(DAY)
    with connection.cursor() as cursor:
        cursor.execute(query.sql.replace("{sellers}", "1 = 1"), {**query.params})
        found = {seller: round(float(number), 2) for seller, number in cursor.fetchall()}
    assert found[shops[0].pk] == 33.33
    assert METRICS["growth.score"].job == "metrics.final"


# --- Boundaries of the arithmetic ---------------------------------------------------------------


def test_shares_are_divided_like_the_rules_do(category: Category) -> None:
    """Every pair of awkward numbers, both ways round, by the night's own expression."""
    numbers = [0, "0.0001", "0.0003", 1, 3, 7, "33.3333", "9999999999.9999", "98765432109876.5", -3]
    book(item("ext.a"), item("ext.b", lower_is_better=True))
    content = rulebook_for("growth.diagnosis", DAY).content
    shop = peer(category)
    sql = diagnosis_sql(content, "test", DAY)
    for own in numbers:
        MetricValue.objects.filter(seller=shop).delete()
        value(shop, "ext.a", own)
        value(shop, "ext.b", own)
        for goal in numbers[:-1]:
            rows = " UNION ALL ".join(
                f"SELECT {category_root(category)} AS industry_id, '{metric}' AS metric, "
                f"CAST({goal} AS DECIMAL(20, 4)) AS value"
                for metric in ("ext.a", "ext.b")
            )
            params = {**sql.params, "lo": 0, "hi": 2**62}
            with connection.cursor() as cursor:
                select = sql.scores(f"({sql.values})", f"({rows})")
                cursor.execute(select, adapt_params(connection, params))
                ((_seller, _version, score, suggestions),) = cursor.fetchall()
            benchmark = Benchmark(Decimal(str(goal)), 5, "starred")
            values = {"ext.a": Decimal(str(own)), "ext.b": Decimal(str(own))}
            expected = diagnose(content, values, {"ext.a": benchmark, "ext.b": benchmark})
            assert round(Decimal(str(score)), 2) == expected.score, (own, goal)
            assert suggestions == len(expected.suggestions), (own, goal)


def category_root(category: Category) -> int:
    root = Category.objects.get(below__descendant=category, parent__isnull=True)
    return int(root.pk)
