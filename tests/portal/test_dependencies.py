"""The audit of the pinned requirements: what fails, what is excused, and what was not found out (Q-1)."""

from datetime import date
from typing import Any

import pytest

from tests import __main__ as run
from tests import dependencies
from tests.dependencies import Verdict, judge

pytestmark = [pytest.mark.once, pytest.mark.rule("Q-1")]

TODAY = date(2022, 8, 3)


def report(*fixes: str, advisory: str = "PYSEC-1") -> dict[str, Any]:
    vulnerable = {"id": advisory, "aliases": ["CVE-1"], "fix_versions": list(fixes)}
    return {
        "dependencies": [
            {"name": "django", "version": "5.2.1", "vulns": [vulnerable]},
            {"name": "private", "skip_reason": "not found"},
        ]
    }


def excuse(until: date, advisory: str = "PYSEC-1") -> dict[str, Any]:
    return {"id": advisory, "reason": "we never do that", "until": until}


def test_a_known_vulnerability_with_a_release_that_mends_it_fails():
    verdict = judge(report("5.2.2"), ignored=[], today=TODAY, pins=2)
    assert verdict.problems == ["django 5.2.1: PYSEC-1, mended in 5.2.2"]
    assert verdict.note == "1 of 2 pinned releases looked up"


def test_what_nobody_has_mended_is_said():
    verdict = judge(report(), ignored=[], today=TODAY, pins=2)
    assert verdict.problems == []
    assert "1 advisories without a release" in verdict.note


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_an_excuse_holds_until_its_day(name):
    last_day = judge(report("5.2.2"), ignored=[excuse(TODAY, name)], today=TODAY, pins=2)
    assert last_day.problems == []
    after = judge(report("5.2.2"), ignored=[excuse(date(2022, 8, 2), name)], today=TODAY, pins=2)
    assert len(after.problems) == 2


@pytest.mark.parametrize(
    "answer", ["Connection refused", {"dependencies": [{"name": "a", "skip_reason": "not found"}]}]
)
def test_silence_of_the_registry_is_not_taken_for_a_clean_bill(answer):
    verdict = judge(answer, ignored=[], today=TODAY, pins=90)
    assert verdict.problems == []
    assert verdict.note.startswith("NOT REACHED, nothing is known about 90 pinned releases")


def test_without_an_answer_about_one_release_no_other_is_asked_about(monkeypatch):
    asked = []
    monkeypatch.setattr(dependencies, "ask", lambda pins: asked.append(list(pins)) or "offline")
    verdict = dependencies.audit(TODAY)
    assert [len(pins) for pins in asked] == [1]
    assert verdict.note.startswith("NOT REACHED")


@pytest.mark.parametrize(
    ("verdict", "ok"), [(Verdict(["a: b"], "1 of 1"), False), (Verdict([], "NOT REACHED"), True)]
)
def test_the_run_tells_what_the_audit_came_to(verdict, ok, monkeypatch, capsys):
    monkeypatch.setattr(dependencies, "audit", lambda today: verdict)
    step = run.known_vulnerabilities()
    assert (step.ok, verdict.note in step.note) == (ok, True)
    assert verdict.note in capsys.readouterr().out


def test_every_requirement_is_pinned_and_asked_about():
    pins = dependencies.pinned()
    assert len(pins) == len(set(pins)) > 100
    lines = [
        line
        for path in dependencies.PINS
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith(("#", "-r "))
    ]
    assert lines == pins
