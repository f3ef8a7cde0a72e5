"""The benchmarks' own parts: made-up worlds are what ingest takes, and the report says what was found (P-1…5)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from portal.ingest.engine import ingest_file
from portal.ingest.kinds import kind_named
from tests.benchmarks import report
from tests.benchmarks.results import Ratio, Sheet, sheets
from tests.benchmarks.worlds import generated, themes
from tests.benchmarks.worlds import ingest as ingest_world

SPEED = ("P-1", "P-2", "P-3", "P-4", "P-5")

# --- Worlds -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_row_of_the_made_up_files_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr(ingest_world, "SELLERS", 20)
    monkeypatch.setattr(ingest_world, "BUYERS", 20)
    ingest_world.load()
    feed = ingest_world.Feed()
    for kind in feed.kinds:
        found = kind_named(kind)
        assert found is not None
        for version, changed in ((0, 0), (1, 2)):
            feed.write(tmp_path / "rows.csv", kind, 200, version)
            outcome = ingest_file(found, tmp_path / "rows.csv")
            assert outcome.ok, (kind, outcome.error, outcome.rejections[:3])
            # Of two hundred rows every hundredth says something else.
            assert outcome.updated == changed, (kind, outcome.summary())


def test_a_seed_is_a_world_and_another_seed_another() -> None:
    def drawn(seed: int) -> list[Any]:
        world = themes.World(30, 5, seed)
        return [*world.projections(), *world.theme_rows()]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    first, again, other = (ingest_world.Feed(seed).rows("orders", 50) for seed in (3, 3, 4))
    rows = list(first)
    assert rows == list(again)
    assert rows != list(other)


def test_numbers_drawn_inside_the_database_follow_the_seed() -> None:
    try:
        generated.seeded(1)
        first = [generated.hashed(n, 2) for n in range(1, 200)]
        generated.seeded(2)
        other = [generated.hashed(n, 2) for n in range(1, 200)]
    finally:
        generated.seeded(1)
    assert first != other
    for drawn in (first, other):
        assert np.mean(drawn) == pytest.approx(0.5, abs=0.05)


# --- What is measured ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.rule(rule)) for rule in SPEED]
)
def test_a_rule_of_speed_has_a_benchmark_that_reports_it_and_a_section(rule: str) -> None:
    reported = {
        name
        for path in Path(report.__file__).parent.glob("bench_*.py")
        for name in re.findall(r"ratio[(,]\s*\"(P-\d)\"", path.read_text("utf-8"))
    }
    assert rule in reported
    text = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text("utf-8")
    assert re.search(rf"^## {rule} ", text, re.MULTILINE)


# --- Report -------------------------------------------------------------------------------------

MET = Ratio("P-2", "score over a loop", 56.2, at_least=30)
EXACT = Ratio("P-2", "score to a statement", 2.0, at_most=2)
MISSED = Ratio("P-1", "1 % changed <to> all", 0.29, unit="%", at_most=0.25)
PLAIN = Ratio("P-9", "for the record", 3.0)


def _sheet(*ratios: Ratio, **values: Any) -> Sheet:
    return Sheet("bench_x", "PostgreSQL 18.6", load=[2.0, 4.0], ratios=list(ratios), **values)


def test_a_goal_is_met_on_its_bound_and_missed_beyond() -> None:
    assert [one.verdict for one in (MET, EXACT, MISSED, PLAIN)] == [
        "met",
        "met",
        "missed",
        "no goal",
    ]
    assert Ratio("P-2", "x", 29.9, at_least=30).met is False
    assert Ratio("P-2", "x", 2.001, at_most=2).met is False
    assert (MET.shown, MET.goal) == ("56 ×", "≥ 30 ×")
    assert (MISSED.shown, MISSED.goal) == ("29 %", "≤ 25 %")


def test_sizes_stay_beside_each_other_and_the_same_size_is_replaced(tmp_path: Path) -> None:
    _sheet(MET, size="20,000 shops").write(tmp_path)
    _sheet(MISSED, size="200,000 shops").write(tmp_path)
    _sheet(EXACT, size="20,000 shops").write(tmp_path)
    assert [(one.size, one.ratios) for one in sheets(tmp_path)] == [
        ("20,000 shops", [EXACT]),
        ("200,000 shops", [MISSED]),
    ]


def test_the_table_has_a_row_for_each_ratio_and_counts_goals() -> None:
    text = report.table([_sheet(MET, MISSED, PLAIN, size="20,000 shops")])
    assert text.startswith("1 of 2 goals met.")
    rows = [line for line in text.splitlines() if line.startswith("| P-")]
    assert [row.split(" | ")[0] for row in rows] == ["| P-1", "| P-2", "| P-9"]
    assert "**missed**" in rows[0]
    assert "| met |" in rows[1]
    assert "2 → 4" in rows[0]


def test_the_table_replaces_the_one_between_the_marks() -> None:
    document = f"# A\n{report.BEGIN}\nold\n{report.END}\nB\n"
    assert report.with_table(document, "new\n") == f"# A\n{report.BEGIN}\nnew\n{report.END}\nB\n"
    with pytest.raises(SystemExit):
        report.with_table("# A\n", "new")


def test_the_plot_has_a_bar_on_the_right_side_of_the_goal_for_each_goal() -> None:
    picture = ElementTree.fromstring(report.plot([_sheet(MET, MISSED, PLAIN)]))  # noqa: S314
    space = "{http://www.w3.org/2000/svg}"
    bars = picture.findall(f"{space}g/{space}rect")
    labels = [line for line in picture.iter(f"{space}text") if line.text == "goal"]
    goal = float(labels[0].get("x", 0))
    (missed, met) = [(float(bar.get("x", 0)), float(bar.get("width", 0))) for bar in bars]
    assert missed[0] + missed[1] == pytest.approx(goal, abs=0.2)
    assert missed[0] < goal
    assert met[0] == pytest.approx(goal, abs=0.2)
