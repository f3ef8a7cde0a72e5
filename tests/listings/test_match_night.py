"""Matched lists night by night, by the real engine (LST-8, NGT-3, NGT-4, NGT-5, NGT-7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listings.models import MatchTouch, Product, Theme, ThemeMatch
from listings.nightly.themes import CHANGED_PRODUCTS, plan_themes
from listings.services.themes import themes_write
from portal.choices import AttributeType
from portal.models import Category, CategoryClosure, JobRun, ShardRun
from portal.nightly import engine, ledger
from portal.nightly.engine import run_advance, run_inline, shard_compute
from portal.scoping import unscoped
from tests import factories
from tests.factories import Node
from tests.listings.match_world import (
    content_of,
    instant,
    lines,
    night,
    pairs_by_loop,
    pairs_published,
    put_theme,
    revise,
    theme_row,
    touches,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 10)
ONE = timedelta(days=1)


@pytest.fixture
def changed_only(monkeypatch) -> Callable[[], bool]:
    """Tell whether a night since the last question looked at changes only."""
    seen: list[str] = []
    from listings.nightly import themes

    original = themes._changed_only

    def spy(*args):
        seen.append("changed")
        return original(*args)

    monkeypatch.setattr(themes, "_changed_only", spy)

    def asked() -> bool:
        found = bool(seen)
        seen.clear()
        return found

    return asked


# --- The two worked examples through a night ----------------------------------------------------


@pytest.fixture
def examples(categories, shop):
    """Both themes of the briefing, each with a product that meets it."""
    tree = [
        Node("fitness", "sports", "Fitness", "健身"),
        Node("trampolines", "fitness", "Trampolines", "蹦床"),
    ]
    _add_below(categories, tree)
    kits = categories["e-bike-kits"]
    factories.attribute_create(
        kits, "power", AttributeType.SELECT, ["LEAD-ACID BATTERY", "Lithium"]
    )
    factories.attribute_create(kits, "capacity", AttributeType.SELECT, ["10.5 AH", "12 AH"])
    factories.attribute_create(kits, "motor", AttributeType.SELECT, ["Brush Gear Hub Motor", "Mid"])
    factories.attribute_create(
        Category.objects.get(code="trampolines"), "size", AttributeType.SELECT, ["8FT", "10FT"]
    )
    put_theme(
        "ebike",
        attributes={
            "power": ["LEAD-ACID BATTERY"],
            "capacity": ["10.5 AH"],
            "motor": ["Brush Gear Hub Motor"],
        },
        countries=["ID", "MY"],
        services=["overseas_after_sales", "linked_certificate"],
        kind="rts",
        price_min="1200",
        price_max="2500",
        starts_on=DAY,
        ends_on=DAY + 9 * ONE,
    )
    put_theme(
        "trampoline", category="trampolines", attributes={"size": ["10FT"]}, countries=["CA", "US"]
    )
    content = content_of(
        price_min="1200.00",
        price_max="2500.00",
        attributes={
            "power": ["LEAD-ACID BATTERY"],
            "capacity": ["10.5 AH"],
            "motor": ["Brush Gear Hub Motor"],
        },
        services=["overseas_after_sales", "linked_certificate"],
        target_countries=["MY"],
    )
    trampoline = content_of(
        category="trampolines",
        title="Indoor trampoline",
        kind="customization",
        attributes={"size": ["10FT"]},
        target_countries=["US"],
    )
    revise(shop, "kit", instant(DAY), content)
    revise(shop, "tramp", instant(DAY), trampoline)
    return {"kit": content, "tramp": trampoline}


def _add_below(categories, nodes):
    """Add nodes to the small tree."""
    for node in nodes:
        parent = Category.objects.get(code=node.parent)
        made = Category.objects.create(
            code=node.code, parent=parent, name_en=node.name_en, name_zh=node.name_zh
        )
        above = [(pair.ancestor_id, pair.distance + 1) for pair in parent.above.all()]
        CategoryClosure.objects.bulk_create(
            CategoryClosure(ancestor_id=ancestor, descendant=made, distance=distance)
            for ancestor, distance in [*above, (made.pk, 0)]
        )


@pytest.mark.rule("LST-8", "LST-4")
@pytest.mark.parametrize(
    "violation",
    [
        ("kit", {"category": "e-bike-batteries"}),
        ("kit", {"kind": "customization"}),
        ("kit", {"price_min": "1199.99"}),
        ("kit", {"price_max": "2500.01"}),
        ("kit", {"target_countries": ["US"]}),
        ("kit", {"services": ["overseas_after_sales"]}),
        ("kit", {"attributes": {"power": ["Lithium"], "capacity": ["10.5 AH"]}}),
        ("kit", {"attributes": {}, "custom_attributes": {"motor": "Brush Gear Hub Motor"}}),
        ("kit", {"status": "off_shelf"}),
        ("tramp", {"attributes": {"size": ["8FT"]}}),
        ("tramp", {"target_countries": ["MX"]}),
        ("tramp", {"category": "fitness"}),
    ],
)
def test_each_violated_requirement_takes_the_pair_out_the_night_after(
    clock, examples, shop, violation, changed_only
):
    product, change = violation
    night(DAY)
    assert pairs_published(DAY) == {("ebike", "kit"), ("trampoline", "tramp")}
    revise(shop, product, instant(DAY + ONE), {**examples[product], **change})
    assert not changed_only()
    night(DAY + ONE)
    assert changed_only()
    assert len(pairs_published(DAY + ONE)) == 1
    assert pairs_published(DAY + ONE) == pairs_by_loop(DAY + ONE)
    assert len(pairs_published(DAY)) == 2


@pytest.mark.rule("LST-8", "NGT-5")
def test_unchanged_matches_are_one_row_however_many_nights(clock, examples):
    for number in range(3):
        night(DAY + number * ONE)
    with unscoped():
        assert ThemeMatch.objects.count() == 2
        assert set(ThemeMatch.objects.values_list("valid_from", flat=True)) == {DAY}
    job_runs = JobRun.objects.filter(job="listings.themes").order_by("as_of")
    assert [run.rows_published for run in job_runs] == [2, 0, 0]


@pytest.mark.rule("LST-4", "LST-8")
def test_a_theme_leaves_the_day_after_it_ends(clock, examples, changed_only):
    last = DAY + 9 * ONE
    for day in (last - ONE, last, last + ONE):
        night(day)
    assert changed_only()
    assert ("ebike", "kit") in pairs_published(last)
    assert pairs_published(last + ONE) == {("trampoline", "tramp")}


@pytest.mark.rule("LST-8")
def test_the_list_is_exported_by_external_ids(clock, examples):
    night(DAY)
    same = {
        "module": "listings",
        "standing": "matches",
        "seller": "cn1001",
        "since": DAY.isoformat(),
    }
    assert [json.loads(line) for line in lines(DAY)] == [
        {**same, "product": "kit", "theme": "ebike"},
        {**same, "product": "tramp", "theme": "trampoline"},
    ]


# --- Only what changed --------------------------------------------------------------------------


@pytest.fixture
def world(categories, shop, clock):
    """Six products in two categories and two keyword themes over the subtree."""
    put_theme("kits", category="bicycles", keywords=["kit"])
    put_theme("motors", category="bicycles", keywords=["motor"], ends_on=DAY + 3 * ONE)
    for number in range(6):
        title = ["A kit", "A motor", "A kit with motor"][number % 3]
        place = ["e-bike-kits", "helmets"][number % 2]
        revise(shop, f"p{number}", instant(DAY), content_of(title=title, category=place))
    return shop


@pytest.mark.rule("NGT-7")
def test_the_queue_is_emptied_at_publication_and_not_before(world):
    waiting = touches()
    run = ledger.night_start(as_of=DAY, jobs=["listings.themes"])
    run_advance(run_id=run.pk)
    [shard] = ShardRun.objects.filter(job_run__run=run)
    assert shard_compute(shard_id=shard.pk) is engine.Outcome.DONE
    assert touches() == waiting > 0
    # Written after the plan: its night is the next one.
    put_theme("late", keywords=["kit"])
    run_advance(run_id=run.pk)
    assert list(MatchTouch.objects.values_list("theme__theme_id", flat=True)) == ["late"]
    night(DAY + ONE)
    assert touches() == 0
    assert pairs_published(DAY + ONE) == pairs_by_loop(DAY + ONE)


@pytest.mark.rule("NGT-3", "NGT-7")
def test_a_failed_shard_loses_no_touch(world, monkeypatch):
    night(DAY)
    revise(world, "p0", instant(DAY + ONE), content_of(title="A motor"))
    put_theme("motors", category="bicycles", keywords=["motor", "kit"])
    before = touches()
    monkeypatch.setattr("listings.nightly.themes.CHANGED_PRODUCTS", "SELECT nonsense")
    run = run_inline(
        run_id=ledger.night_start(as_of=DAY + ONE, jobs=["listings.themes"], shards=3).pk
    )
    assert run.state == "failed"
    assert touches() == before == 2
    assert pairs_published(DAY + ONE) == pairs_published(DAY)
    monkeypatch.setattr("listings.nightly.themes.CHANGED_PRODUCTS", CHANGED_PRODUCTS)
    night(DAY + ONE, shards=3)
    assert pairs_published(DAY + ONE) == pairs_by_loop(DAY + ONE) != pairs_published(DAY)
    assert touches() == 0


@pytest.mark.rule("NGT-7", "K-2")
def test_an_edit_dated_later_counts_when_its_day_comes(world, changed_only):
    night(DAY)
    # Known before the next night, whose publication forgets the touch, but not yet in force then.
    revise(world, "p0", instant(DAY + 2 * ONE), content_of(title="A motor"))
    night(DAY + ONE)
    assert touches() == 0
    assert pairs_published(DAY + ONE) == pairs_published(DAY)
    changed_only()
    night(DAY + 2 * ONE)
    assert changed_only()
    assert pairs_published(DAY + 2 * ONE) == pairs_by_loop(DAY + 2 * ONE)
    assert ("motors", "p0") in pairs_published(DAY + 2 * ONE)


@pytest.mark.rule("NGT-4")
def test_recomputing_an_older_day_looks_at_all_and_keeps_the_queue(world, changed_only):
    for number in range(3):
        night(DAY + number * ONE)
    changed_only()
    # A late fact about the first day, overruled on the second.
    revise(world, "p0", instant(DAY, hour=20), content_of(title="Nothing"))
    revise(world, "p0", instant(DAY + ONE), content_of(title="A kit"))
    newest = lines(DAY + 2 * ONE)
    waiting = touches()
    night(DAY)
    assert not changed_only()
    assert touches() == waiting
    assert pairs_published(DAY) == pairs_by_loop(DAY)
    assert ("kits", "p0") not in pairs_published(DAY)
    assert [line for line in lines(DAY + 2 * ONE) if '"p0"' not in line] == [
        line for line in newest if '"p0"' not in line
    ]
    assert pairs_published(DAY + 2 * ONE) == pairs_by_loop(DAY + 2 * ONE)


@pytest.mark.rule("NGT-7")
def test_a_moved_category_makes_the_night_look_at_all(world, changed_only):
    night(DAY)
    night(DAY + ONE)
    assert changed_only()
    # Helmets leave the bicycles.
    helmets = Category.objects.get(code="helmets")
    CategoryClosure.objects.filter(descendant=helmets, ancestor__code="bicycles").delete()
    night(DAY + 2 * ONE)
    assert not changed_only()
    assert pairs_published(DAY + 2 * ONE) == pairs_by_loop(DAY + 2 * ONE)
    assert pairs_published(DAY + 2 * ONE) < pairs_published(DAY + ONE)
    night(DAY + 3 * ONE)
    assert changed_only()


@pytest.mark.rule("NGT-3")
def test_running_a_day_again_changes_no_byte(world):
    night(DAY)
    revise(world, "p1", instant(DAY + ONE), content_of(title="A kit"))
    night(DAY + ONE)
    before = lines(DAY), lines(DAY + ONE)
    with unscoped():
        rows = list(ThemeMatch.objects.order_by("pk").values())
    for shards in (None, 3):
        night(DAY + ONE, shards=shards)
        night(DAY, shards=shards)
    assert (lines(DAY), lines(DAY + ONE)) == before
    with unscoped():
        assert list(ThemeMatch.objects.order_by("pk").values()) == rows


@pytest.mark.rule("NGT-7")
def test_a_shard_needs_as_many_statements_for_much_as_for_little(world):
    def statements(day: date) -> list[int]:
        counts = []
        run = ledger.night_start(as_of=day, jobs=["listings.themes"])
        run_advance(run_id=run.pk)
        for shard in ShardRun.objects.filter(job_run__run=run):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                shard_compute(shard_id=shard.pk)
            counts.append(len(captured))
        run_inline(run_id=run.pk)
        return counts

    few = statements(DAY), statements(DAY + ONE)
    themes_write(rows=[theme_row(f"more{n}", keywords=["kit"]) for n in range(30)])
    for number in range(30):
        revise(world, f"q{number}", instant(DAY + 2 * ONE), content_of(title="A kit"))
    changed = statements(DAY + 2 * ONE)
    CategoryClosure.objects.filter(descendant__code="home").delete()
    everything = statements(DAY + 3 * ONE)
    assert (everything, changed) == few
    assert len(pairs_published(DAY + 3 * ONE)) > 900


# --- Changed-only equals full, whatever happens -------------------------------------------------

TITLES = ["A kit", "A motor", "A kit with motor", "Nothing"]
PLACES = ["e-bike-kits", "helmets", "vacuum-flasks"]
products = st.integers(0, 4).map("p{}".format)
edits = st.fixed_dictionaries(
    {
        "do": st.just("edit"),
        "product": products,
        "ago": st.integers(-3, 4),
        "hour": st.sampled_from([0, 12, 23]),
        "title": st.sampled_from(TITLES),
        "place": st.sampled_from(PLACES),
        "live": st.booleans(),
    }
)
theme_edits = st.fixed_dictionaries(
    {
        "do": st.just("theme"),
        "theme": st.integers(0, 3).map("t{}".format),
        "category": st.sampled_from(["sports", "bicycles", "e-bike-kits", "home"]),
        "keywords": st.sampled_from([[], ["kit"], ["motor"], ["kit", "motor"]]),
        "starts": st.integers(-3, 2),
        "lasts": st.sampled_from([None, 0, 1, 3]),
    }
)
moves = st.fixed_dictionaries({"do": st.just("move"), "to": st.sampled_from(["bicycles", "home"])})
nights = st.fixed_dictionaries({"do": st.just("night"), "again": st.sampled_from([0, 0, 0, 1, 2])})
gone = st.fixed_dictionaries({"do": st.just("delete"), "product": products})


@pytest.mark.rule("NGT-3", "NGT-4", "NGT-7", "LST-8")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.one_of(edits, edits, theme_edits, theme_edits, nights, nights, moves, gone),
        min_size=4,
        max_size=16,
    )
)
def test_a_night_of_changes_equals_a_night_of_everything(clock, categories, shop, steps):
    _forget_everything()
    today = DAY
    night(today)
    for step in steps:
        if step["do"] == "night":
            day = today - step["again"] * ONE
            if step["again"] == 0:
                today = day = today + ONE
            night(max(day, DAY))
            assert pairs_published(today) == pairs_by_loop(today) or step["again"]
        else:
            _take(step, shop, today)
    night(today + ONE)
    assert pairs_published(today + ONE) == pairs_by_loop(today + ONE)
    # Once more with nothing to build on.
    kept = lines(today + ONE)
    ShardRun.objects.update(params={"lo": 0, "hi": 2**63 - 1, "touches": 0, "catalogue": "old"})
    night(today + ONE)
    assert lines(today + ONE) == kept


def _take(step, shop, today):
    """Do one of the things that happen between nights."""
    if step["do"] == "edit":
        content = content_of(
            title=step["title"],
            category=step["place"],
            status="live" if step["live"] else "off_shelf",
        )
        revise(shop, step["product"], instant(today - step["ago"] * ONE, step["hour"]), content)
    elif step["do"] == "theme":
        first = today + step["starts"] * ONE
        last = None if step["lasts"] is None else first + step["lasts"] * ONE
        put_theme(
            step["theme"],
            category=step["category"],
            keywords=step["keywords"],
            starts_on=first,
            ends_on=last,
        )
    elif step["do"] == "delete":
        with unscoped():
            Product.objects.filter(product_id=step["product"]).delete()
    else:
        helmets = CategoryClosure.objects.filter(descendant__code="helmets", distance=1)
        helmets.update(ancestor=Category.objects.get(code=step["to"]))


def _forget_everything() -> None:
    with unscoped():
        ThemeMatch.objects.all().delete()
        Product.objects.all().delete()
    Theme.objects.all().delete()
    MatchTouch.objects.all().delete()
    JobRun.objects.all().delete()


# --- Shards -------------------------------------------------------------------------------------


@pytest.mark.rule("NGT-2")
@pytest.mark.parametrize("shards", [None, 1, 2, 3, 7, 50])
def test_every_product_key_lies_in_exactly_one_shard(world, shards):
    plan = plan_themes(DAY, shards)
    assert (plan[0]["lo"], plan[-1]["hi"]) == (0, 2**63 - 1)
    for before, after in pairwise(plan):
        assert before["lo"] <= before["hi"] == after["lo"] - 1
    assert len(plan) <= (shards or 1)


@pytest.mark.rule("NGT-2")
def test_a_shop_without_products_has_a_night_too(clock, db):
    assert len(plan_themes(DAY)) == 1
    night(DAY)
    assert lines(DAY) == []
