"""The test run itself: one summary, and nothing that did not run goes unsaid (Q-1)."""

import pytest

from tests import __main__ as run

pytestmark = [pytest.mark.once, pytest.mark.rule("Q-1")]

RAN = run.Step("tests on PostgreSQL", note="1 passed on PostgreSQL 18.6, Valkey 9.1.2", ran={"a"})


@pytest.mark.parametrize(("ci", "code"), [(True, 1), (False, 0)])
def test_what_ran_in_no_pass_is_listed_and_fails_in_ci(ci, code, monkeypatch, capsys):
    monkeypatch.setattr(run, "CI", ci)
    skipped = run.Step("tests on SQLite", skipped={"a": "needs PostgreSQL", "b": "no Chromium"})
    assert run.summary([skipped, RAN], complete=True) == code
    said = capsys.readouterr().out
    assert "NOT RUN in any pass (1):\n  b: no Chromium" in said
    assert "PostgreSQL 18.6, Valkey 9.1.2" in said


def test_a_skip_that_another_pass_made_good_is_fine_in_ci(monkeypatch, capsys):
    monkeypatch.setattr(run, "CI", True)
    skipped = run.Step("tests on SQLite", skipped={"a": "needs PostgreSQL"})
    assert run.summary([skipped, RAN], complete=True) == 0
    assert "NOT RUN" not in capsys.readouterr().out


def test_one_failed_step_fails_the_run(capsys):
    assert run.summary([run.Step("lint", ok=False), RAN], complete=True) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(("ci", "ok"), [(True, False), (False, True)])
def test_a_missing_browser_is_said_loudly_and_fails_in_ci(ci, ok, monkeypatch, capsys):
    monkeypatch.setattr(run, "CI", ci)
    monkeypatch.setattr(run.servers, "chromium_path", lambda: None)
    (step,) = run.in_browser()
    assert step.ok is ok
    assert "NOT RUN" in step.note
    assert "NOT RUN" in capsys.readouterr().out
