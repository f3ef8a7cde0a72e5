"""Stage and phase of one shop, at the edges of the rules (GRO-1, GRO-2, GRO-3)."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from growth.choices import Phase, Stage
from growth.guide.rules import (
    GuideFacts,
    core_done_on,
    day_number,
    phase_of,
    stage_ends_on,
    stage_of,
)
from growth.guide.schema import GuideRules
from portal.rulebook_schemas import content_errors

FOLDER = Path("growth/rulebooks/guide")


def edition(version: str) -> dict:
    """Return the content of a shipped edition."""
    return tomllib.loads((FOLDER / f"{version}.toml").read_text(encoding="utf-8"))["content"]


OLD, NEW = (GuideRules.model_validate(edition(version)) for version in ("2021-07", "2022-07"))
OPENED = date(2022, 6, 1)


def on(number: int) -> date:
    """Return day `number` of the shop."""
    return OPENED + timedelta(days=number)


def stage(number: int, **facts) -> Stage:
    return stage_of(NEW, GuideFacts(OPENED, **facts), on(number))


@pytest.mark.rule("GRO-1")
def test_a_shop_is_before_its_opening_through_the_day_it_opens():
    assert stage_of(NEW, GuideFacts(None), OPENED) == Stage.PRE_OPENING
    assert [stage(number) for number in (-1, 0, 1)] == [
        Stage.PRE_OPENING, Stage.PRE_OPENING, Stage.NOVICE_30,
    ]  # fmt: skip
    assert [day_number(OPENED, on(number)) for number in (-1, 0, 1, 90)] == [None, None, 1, 90]


@pytest.mark.rule("GRO-1", "GRO-2")
def test_the_first_stage_ends_after_day_30_or_the_day_after_all_core_tasks_are_done():
    assert [stage(number) for number in (30, 31)] == [Stage.NOVICE_30, Stage.NOVICE_90]
    done = {"core_done_on": on(12)}
    assert [stage(number, **done) for number in (12, 13)] == [Stage.NOVICE_30, Stage.NOVICE_90]
    assert stage(1, core_done_on=on(-3)) == Stage.NOVICE_90, "done while it was being prepared"


@pytest.mark.rule("GRO-1")
def test_a_shop_is_mature_from_day_91_or_the_day_after_it_received_10000():
    assert [stage(number) for number in (90, 91)] == [Stage.NOVICE_90, Stage.MATURE]
    for number in (2, 60):
        assert stage(number, received=Decimal("9999.99")) != Stage.MATURE
        assert stage(number, received=Decimal("10000")) == Stage.MATURE


@pytest.mark.rule("GRO-3")
@pytest.mark.parametrize(
    ("facts", "phase"),
    [
        ({"opportunities": 9}, Phase.OPPORTUNITIES),
        ({"opportunities": 9, "orders": 3, "received": Decimal(5000)}, Phase.OPPORTUNITIES),
        ({"opportunities": 10}, Phase.ORDER),
        ({"opportunities": 10, "orders": 1}, Phase.GMV),
        ({"opportunities": 10, "orders": 1, "received": Decimal("999.99")}, Phase.GMV),
        ({"opportunities": 10, "orders": 1, "received": Decimal(1000)}, None),
    ],
)
def test_a_phase_is_the_first_milestone_not_reached(facts, phase):
    assert phase_of(NEW, GuideFacts(OPENED, **facts), on(40)) == phase
    assert phase_of(NEW, GuideFacts(OPENED, **facts), on(30)) is None, "still in the first stage"
    assert phase_of(NEW, GuideFacts(OPENED, **facts), on(91)) is None, "mature"


@pytest.mark.rule("GRO-3")
def test_the_edition_of_2021_counts_to_10000_and_the_first_star():
    thousand = GuideFacts(OPENED, 10, 1, Decimal(1000))
    assert phase_of(OLD, thousand, on(40)) == Phase.GMV
    assert [each.target for each in OLD.milestones] == [10, 1, 10000, 1]
    assert [each.target for each in NEW.milestones] == [10, 1, 1000]


@pytest.mark.rule("GRO-2")
def test_core_tasks_count_from_the_day_all_of_them_hold_together():
    first, last = date(2022, 6, 4), date(2022, 6, 9)
    assert core_done_on(None, [first, None, last]) is None
    assert core_done_on(None, [first, last, first]) == last
    assert core_done_on(first, [last, last]) == first, "it was reached before"
    assert core_done_on(first, [last, None]) == first, "and stays reached"


@pytest.mark.rule("GRO-1")
def test_only_the_stages_of_the_first_days_have_a_last_day():
    assert stage_ends_on(NEW, OPENED, Stage.NOVICE_30) == date(2022, 7, 1)
    # The page of 2022-07-19 in the briefing: opened on 13 June, to be done by 11 September.
    assert stage_ends_on(NEW, date(2022, 6, 13), Stage.NOVICE_90) == date(2022, 9, 11)
    assert stage_ends_on(NEW, OPENED, Stage.MATURE) is None
    assert stage_ends_on(NEW, None, Stage.PRE_OPENING) is None


# --- The editions as data -----------------------------------------------------------------------


@pytest.mark.rule("GRO-2", "GRO-4")
def test_the_tasks_are_those_of_the_briefing():
    def asked(tasks):
        return [(task.metric, task.op, task.value) for task in tasks]

    assert asked(NEW.core) == asked(OLD.core) == [
        ("listings.video_products", "gte", 1),
        ("portal.showcase_slots_used", "gte", 10),
        ("ext.trade_assurance_active", "gte", 1),
        ("ext.potential_products", "gte", 50),
    ]  # fmt: skip
    assert asked(NEW.tasks) == [
        ("ext.call_reminder", "gte", 1),
        ("ext.showcase_rearranged", "gte", 1),
        ("listings.themed_products", "gte", 50),
        ("listings.rts_products", "gte", 20),
        ("ext.potential_products", "gte", 50),
        ("rfq.service_score", "gte", 75),
        ("ext.keyword_promotion_tuned", "gte", 1),
        ("growth.activities_enrolled", "gte", 1),
    ]
    assert {task.key for task in OLD.tasks} == {
        "keyword_promotion",
        "official_activity",
        "rfq_score_75",
    }


@pytest.mark.rule("GRO-5", "K-16")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["core"][0].update(metric="listings.no_such"), "no metric"),
        (lambda c: c["core"][0].update(op="in"), "takes a list"),
        (lambda c: c["core"].append(c["core"][0]), "same key"),
        (lambda c: c["milestones"][0].update(tasks=["nothing"]), "no task is called nothing"),
        (lambda c: c["courses"][0].update(url="javascript:alert(1)"), "https://"),
        (lambda c: c["courses"][0].update(audience=[{"field": "colour", "op": "eq", "value": "x"}]), "no field"),
        (lambda c: c.update(core_days=90), "before novice_days"),
    ],
)  # fmt: skip
def test_what_an_edition_cannot_mean_is_refused_in_words(change, said):
    content = edition("2022-07")
    change(content)
    errors = content_errors("growth.guide", content)
    assert any(said in str(error) for error in errors), errors
    with pytest.raises(ValidationError):
        GuideRules.model_validate(content)
