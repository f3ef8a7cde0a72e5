"""Pytest hooks behind `make rules`: which test shows which rule, and how it went (Q-2)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
RULES_FILE = ROOT / "docs" / "rules.md"
_RULE_LINE = re.compile(r"^\|\s*([A-Z]+-\d+[a-z]?)\s*\|\s*(.+?)\s*\|")
_results: dict[str, dict[str, str]] = defaultdict(dict)


@cache  # read for every phase of every test
def known_rules(path: Path = RULES_FILE) -> dict[str, str]:
    """Return rule id → what it says, from a table in docs/."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := _RULE_LINE.match(line))}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--rules-report FILE`."""
    parser.addoption("--rules-report", help="write rule → tests → result as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Start with no results."""
    _results.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Attach the rules a test names to its report, so that they travel from worker processes."""
    outcome = yield
    report = outcome.get_result()
    known = known_rules()
    for marker in item.iter_markers("rule"):
        for rule in marker.args:
            if known and rule not in known:
                report.outcome = "failed"
                report.longrepr = f"{item.nodeid} names {rule}, which docs/rules.md does not list"
            report.user_properties.append(("rule", rule))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of set-up, call and tear-down per test and rule."""
    for name, rule in report.user_properties:
        if name != "rule":
            continue
        before = _results[rule].get(report.nodeid)
        if before in (None, "passed") or report.outcome == "failed":
            _results[rule][report.nodeid] = report.outcome


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where tests are only collected, the report says which test names which rule."""
    if session.config.option.collectonly:
        for item in session.items:
            for marker in item.iter_markers("rule"):
                for rule in marker.args:
                    _results[rule][item.nodeid] = "named"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report in the process that collects the results."""
    path = session.config.getoption("--rules-report")
    if path and not hasattr(session.config, "workerinput"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(_results, indent=1, sort_keys=True), encoding="utf-8")
