"""Standings hold for ranges of days; publishing a day sets exactly the days it owns."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portal.choices import RunState
from portal.models import JobRun, MetricValue, MetricValueChange, NightRun, Seller, ShardRun
from portal.models.standings import FOREVER
from portal.nightly.ledger import owned_until
from portal.nightly.registry import ShardContext
from portal.nightly.standings import StandingError, publish, stage_differences
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 1)
JOB = "test.standing"
State = dict[str, int]


def _publish(
    seller: Seller, day: date, state: State, *, parts: tuple[str, ...] = ("1 = 1",)
) -> None:
    """Stage a day's whole set, one shard per part, and publish it."""
    number = NightRun.objects.filter(as_of=day).count() + 1
    run = NightRun.objects.create(as_of=day, number=number, state=RunState.COMPLETE)
    job_run = JobRun.objects.create(run=run, job=JOB, as_of=day, state=RunState.RUNNING)
    with transaction.atomic():
        for index, part in enumerate(parts):
            shard = ShardRun.objects.create(job_run=job_run, index=index)
            _stage(seller, day, state, shard, part)
        publish(job_run, MetricValue, owned_until=owned_until(JOB, day))
        JobRun.objects.filter(pk=job_run.pk).update(state=RunState.COMPLETE)


def _stage(seller: Seller, day: date, state: State, shard: ShardRun, part: str = "1 = 1") -> Any:
    ctx = ShardContext(day, {}, shard, connection, None, True)
    rows = [
        f"SELECT %(seller)s AS seller_id, '{key}' AS metric, {value} AS value"
        for key, value in state.items()
    ]
    select = " UNION ALL ".join(rows) or (
        "SELECT seller_id, metric, value FROM portal_metricvalue WHERE 1 = 0"
    )
    select = f"SELECT * FROM ({select}) AS s WHERE {part}"
    params = {"seller": seller.pk}
    return stage_differences(
        ctx, MetricValue, select, params, scope_sql=f"s.seller_id = %(seller)s AND {part}"
    )


def _rows(seller: Seller) -> list[tuple[str, int, date, date]]:
    return sorted(
        (row.metric, int(row.value), row.valid_from, row.valid_to)
        for row in MetricValue.objects.filter(seller=seller)
    )


def _as_of(seller: Seller, day: date) -> State:
    rows = MetricValue.objects.filter(seller=seller).as_of(day)
    found = [(row.metric, int(row.value)) for row in rows]
    assert len(found) == len(dict(found)), "two rows of one key hold on one day"
    return dict(found)


def _plus(days: int) -> date:
    return DAY + timedelta(days=days)


@pytest.fixture(autouse=True)
def _unscoped() -> Any:
    with unscoped():
        yield


@pytest.mark.rule("NGT-5")
def test_unchanged_rows_are_not_rewritten(shop: Seller) -> None:
    _publish(shop, _plus(0), {"a": 1, "b": 2})
    before = {row.metric: row.pk for row in MetricValue.objects.all()}
    _publish(shop, _plus(1), {"a": 1, "b": 3})
    assert _rows(shop) == [
        ("a", 1, _plus(0), FOREVER),
        ("b", 2, _plus(0), _plus(0)),
        ("b", 3, _plus(1), FOREVER),
    ]
    after = {row.metric: row.pk for row in MetricValue.objects.filter(valid_from=_plus(0))}
    assert after == before
    assert not MetricValueChange.objects.exists()


@pytest.mark.rule("NGT-3")
def test_it_leaves_the_same_rows_when_a_day_runs_twice(shop: Seller) -> None:
    _publish(shop, _plus(0), {"a": 1})
    _publish(shop, _plus(1), {"a": 1, "b": 1})
    before = list(MetricValue.objects.order_by("pk").values())
    _publish(shop, _plus(1), {"a": 1, "b": 1})
    assert list(MetricValue.objects.order_by("pk").values()) == before


@pytest.mark.rule("NGT-4")
def test_an_older_day_is_set_again_without_disturbing_newer_ones(shop: Seller) -> None:
    for offset in range(3):
        _publish(shop, _plus(offset), {"a": 1, "b": offset})
    _publish(shop, _plus(1), {"b": 1, "c": 9})
    assert _as_of(shop, _plus(0)) == {"a": 1, "b": 0}
    assert _as_of(shop, _plus(1)) == {"b": 1, "c": 9}
    assert _as_of(shop, _plus(2)) == {"a": 1, "b": 2}
    # And back: the split row is whole again, so "since" is what it was.
    _publish(shop, _plus(1), {"a": 1, "b": 1})
    assert ("a", 1, _plus(0), FOREVER) in _rows(shop)
    assert len(_rows(shop)) == 4


@pytest.mark.rule("NGT-4")
def test_a_missed_day_caught_up_late_owns_the_days_up_to_the_next(shop: Seller) -> None:
    _publish(shop, _plus(0), {"a": 1})
    _publish(shop, _plus(5), {"a": 5})
    _publish(shop, _plus(2), {"a": 2})
    assert [_as_of(shop, _plus(offset))["a"] for offset in range(7)] == [1, 1, 2, 2, 2, 5, 5]


publications = st.lists(
    st.tuples(
        st.integers(0, 6), st.dictionaries(st.sampled_from("abc"), st.integers(1, 2), max_size=3)
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.rule("NGT-3", "NGT-4", "NGT-5")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(publications=publications, cut=st.booleans())
@example(publications=[(0, {"a": 1}), (6, {"a": 1}), (3, {}), (3, {"a": 1})], cut=False)
@example(publications=[(0, {"a": 1}), (6, {"a": 2}), (3, {"a": 2}), (3, {"a": 1})], cut=True)
def test_any_order_of_publications_equals_the_naive_model(
    shop: Seller, publications: list[tuple[int, State]], cut: bool
) -> None:
    """Against a plain mapping of day to set: the newest published day up to d is what d shows."""
    parts = ("s.metric < 'b'", "s.metric >= 'b'") if cut else ("1 = 1",)
    model: dict[int, State] = {}
    point = transaction.savepoint()
    try:
        for offset, state in publications:
            _publish(shop, _plus(offset), state, parts=parts)
            model[offset] = state
        for offset in range(-1, 9):
            known = [day for day in model if day <= offset]
            assert _as_of(shop, _plus(offset)) == (model[max(known)] if known else {})
        _assert_normal(_rows(shop))
    finally:
        transaction.savepoint_rollback(point)


def _assert_normal(rows: list[tuple[str, int, date, date]]) -> None:
    """Equal neighbours are one row: the rows are a function of the days' sets and of nothing else."""
    for (key, value, _, ended), (next_key, next_value, began, _) in itertools.pairwise(rows):
        adjoining = ended != FOREVER and ended + timedelta(days=1) == began
        assert not (adjoining and (key, value) == (next_key, next_value))


@pytest.mark.rule("NGT-5")
def test_readers_see_nothing_before_the_day_is_published(shop: Seller) -> None:
    _publish(shop, _plus(0), {"a": 1})
    run = NightRun.objects.create(as_of=_plus(1))
    job_run = JobRun.objects.create(run=run, job=JOB, as_of=_plus(1), state=RunState.RUNNING)
    shard = ShardRun.objects.create(job_run=job_run, index=0)
    found = _stage(shop, _plus(1), {"a": 2}, shard)
    assert (found.rows, found.entering, found.leaving) == (1, 1, 1)
    assert _as_of(shop, _plus(1)) == {"a": 1}
    # Staging again replaces what was staged before.
    _stage(shop, _plus(1), {"a": 2, "b": 1}, shard)
    assert MetricValueChange.objects.filter(shard=shard).count() == 3


def test_a_key_given_twice_or_outside_the_scope_is_refused(
    shop: Seller, other_shop: Seller
) -> None:
    run = NightRun.objects.create(as_of=DAY)
    job_run = JobRun.objects.create(run=run, job=JOB, as_of=DAY, state=RunState.RUNNING)
    ctx = ShardContext(
        DAY, {}, ShardRun.objects.create(job_run=job_run, index=0), connection, None, True
    )
    row = "SELECT %(seller)s AS seller_id, 'a' AS metric, 1 AS value"
    for select, seller in ((f"{row} UNION ALL {row}", shop), (row, other_shop)):
        with pytest.raises(StandingError), transaction.atomic():
            stage_differences(
                ctx,
                MetricValue,
                select,
                {"seller": seller.pk, "mine": shop.pk},
                scope_sql="s.seller_id = %(mine)s",
            )
    assert not MetricValueChange.objects.exists()
