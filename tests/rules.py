"""Rule → tests → result, from the reports of test runs (Q-2)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

from tests.rules_plugin import RULES_FILE, known_rules

OPEN_FILE = RULES_FILE.with_name("rules-open.md")


def table(reports: list[Path]) -> tuple[str, list[str]]:
    """Return the table as text, and what is wrong with it.

    Wrong is: a rule of docs/rules.md without a passing test that docs/rules-open.md does not list, a
    failing test of a rule, an open rule that docs/rules.md does not know.
    """
    results: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for report in reports:
        for rule, tests in json.loads(report.read_text(encoding="utf-8")).items():
            for test, outcome in tests.items():
                results[rule][test].add(outcome)
    rules, still_open = known_rules(), known_rules(OPEN_FILE)
    problems = [
        f"{rule} is open but not in docs/rules.md" for rule in still_open if rule not in rules
    ]
    lines = []
    for rule in sorted(rules, key=_order):
        verdict, detail = _verdict(results.get(rule, {}))
        if verdict == "no test" and rule in still_open:
            verdict = "open"
        elif verdict in ("no test", "failed"):
            problems.append(f"{rule}: {verdict}")
        lines.append(f"{rule:<8} {verdict:<8} {rules[rule][:80]}")
        lines.extend(f"         {'':<8} {test}" for test in detail)
    return "\n".join(lines), problems


def unnamed(report: Path) -> list[str]:
    """Return what is wrong with the names of rules alone, from the report of a collection (Q-2).

    Wrong is: a rule of docs/rules.md that no test names and docs/rules-open.md does not list, and a name
    that docs/rules.md does not list.
    """
    named = json.loads(report.read_text(encoding="utf-8"))
    rules, still_open = known_rules(), known_rules(OPEN_FILE)
    return [
        *(f"{rule}: no test names it" for rule in rules if rule not in {**named, **still_open}),
        *(
            f"{rule}: in no table, named by {min(named[rule])}"
            for rule in named
            if rule not in rules
        ),
        *(f"{rule} is open but not in docs/rules.md" for rule in still_open if rule not in rules),
    ]


def _verdict(tests: dict[str, set[str]]) -> tuple[str, list[str]]:
    failed = [test for test, outcomes in tests.items() if "failed" in outcomes]
    passed = [
        test for test, outcomes in tests.items() if outcomes & {"passed"} and test not in failed
    ]
    if failed:
        return "failed", sorted(failed)
    return ("passed", sorted(passed)) if passed else ("no test", [])


def _order(rule: str) -> tuple[str, int, str]:
    letters, number, rest = re.match(r"([A-Z]+)-(\d+)(.*)", rule).groups()
    return letters, int(number), rest
