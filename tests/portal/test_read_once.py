"""What several modules ask of a page is read once for it, and never kept beyond it (UI-2)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from portal import platform_time
from portal.choices import RunState
from portal.models import JobRun, NightRun
from portal.nightly.published import published_day, published_days
from portal.read_once import read_once, reading_once
from portal.rulebook_schemas import RULEBOOK_MODULES
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published

pytestmark = pytest.mark.rule("UI-2")


def test_a_page_reads_once_and_nothing_outlives_it() -> None:
    calls: list[tuple[object, ...]] = []

    @read_once
    def read(*asked: object, **named: object) -> int:
        calls.append((*asked, *named.values()))
        if "bad" in asked:
            raise ValueError
        return len(calls)

    assert (read(1), read(1)) == (1, 2), "outside a page everything is read anew"
    with reading_once():
        assert (read(1), read(1), read(2), read(day=2), read(day=2)) == (3, 3, 4, 5, 5)
        for _time in range(2):
            with pytest.raises(ValueError):  # noqa: PT011
                read("bad")
        with reading_once():
            assert read(1) == 8
        assert read(1) == 3
    assert read(1) == 9
    assert calls.count(("bad",)) == 2


@pytest.mark.django_db
def test_a_page_reads_rulebooks_and_published_days_of_all_modules_at_once(
    django_assert_num_queries: Any,
) -> None:
    days = [platform_time.parse_day(f"2022-{month}-01") for month in ("01", "07")]
    modules = sorted(RULEBOOK_MODULES)

    def books() -> list[object]:
        found: list[object] = [[each.pk for each in rulebooks_published(key)] for key in modules]
        for module, day in product(modules, days):
            try:
                found.append(rulebook_for(module, day).pk)
            except RulebookMissing:
                found.append(None)
        return found

    one_by_one = books()
    assert any(one_by_one)
    with django_assert_num_queries(1), reading_once():
        assert books() == one_by_one


@pytest.mark.django_db
def test_published_days_are_those_found_one_by_one(
    clock: Any, django_assert_num_queries: Any
) -> None:
    latest = platform_time.latest_as_of()
    run = NightRun.objects.create(as_of=latest, state=RunState.COMPLETE)
    for job, back in (("metrics", 0), ("rfq.score", 400), ("metrics.final", -1)):
        day = latest - timedelta(days=back)
        JobRun.objects.create(run=run, job=job, as_of=day, state=RunState.COMPLETE)
    jobs = ["metrics", "rfq.score", "metrics.final", "nothing"]
    with django_assert_num_queries(2):
        found = published_days(jobs)
    assert found == {job: published_day(job) for job in jobs}
    assert [found[job] for job in jobs] == [latest, latest - timedelta(days=400), None, None]
