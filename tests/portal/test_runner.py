"""The run of `make test` names its servers and never skips in silence (Q-1)."""

from __future__ import annotations

import pytest

from tests import __main__ as runner
from tests import servers

pytestmark = pytest.mark.rule("Q-1")


@pytest.mark.parametrize("ci", [True, False])
def test_a_missing_browser_is_said_loudly_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: bool
) -> None:
    monkeypatch.setattr(runner, "CI", ci)
    monkeypatch.setattr(servers, "chromium_path", lambda: None)
    (step,) = runner.in_browser()
    assert step.ok is not ci
    assert "NOT RUN" in step.note
    assert "NOT RUN" in capsys.readouterr().out


@pytest.mark.parametrize(("ci", "code"), [(True, 1), (False, 0)])
def test_a_test_that_ran_in_no_pass_is_named_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: bool, code: int
) -> None:
    monkeypatch.setattr(runner, "CI", ci)
    steps = [
        runner.Step("tests on SQLite", note="on SQLite", skipped={"a": "needs PostgreSQL", "b": "no disk"}),
        runner.Step("tests on PostgreSQL", note="on PostgreSQL 18.6, Valkey 9", ran={"a"}),
    ]  # fmt: skip
    assert runner.summary(steps, complete=True) == code
    said = capsys.readouterr().out
    assert "PostgreSQL 18.6, Valkey 9" in said
    assert "b: no disk" in said
    assert "a: needs PostgreSQL" not in said


def test_both_kinds_of_servers_are_named() -> None:
    assert servers.describe("", "").startswith("SQLite ")
    assert servers.describe("", "").endswith("no broker")
