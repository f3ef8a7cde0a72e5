"""`make test` and its parts: `python -m tests [lint | unit | postgres | browser | rules | bench]`.

Every check runs even when an earlier one failed. The run ends with one summary that names the servers
it used and what did not run; the exit code is 0 only when everything passed and, in CI, everything ran.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from tests import dependencies, migrated, rules, servers

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "var" / "test-results"
BIN = Path(sys.executable).parent
CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
ON_SQLITE = {"DATABASE_URL": "", "REDIS_URL": "", "PORTAL_TEST_DB": ""}
PROCESSES = os.environ.get("TEST_PROCESSES", "2")


@dataclass
class Step:
    """One check of the run and how it went."""

    name: str
    ok: bool = True
    seconds: float = 0.0
    note: str = ""
    skipped: dict[str, str] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)


def main() -> int:
    """Run the asked part, or everything; return the exit code."""
    part = sys.argv[1] if len(sys.argv) > 1 else "all"
    if part == "rules":
        return int(not rules_named().ok) if "--collect" in sys.argv else rules_report()
    if part == "bench":
        return subprocess.call([sys.executable, "-m", "tests.benchmarks", *sys.argv[2:]], cwd=ROOT)
    parts: dict[str, Callable[[], list[Step]]] = {
        "lint": lint,
        "unit": unit,
        "postgres": on_postgres,
        "browser": in_browser,
    }
    if part != "all" and part not in parts:
        print(f"unknown part {part!r}; one of: {', '.join([*parts, 'rules', 'bench'])}")
        return 2
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    with what_passes_share():
        steps = [step for name, run in parts.items() if part in ("all", name) for step in run()]
    if part == "all":
        steps.append(rules_step())
    return summary(steps, complete=part == "all")


# --- Static checks ------------------------------------------------------------------------------


def lint() -> list[Step]:
    """Check style, types, layers, templates, migrations, deployment and requirements."""
    scratch = Path(tempfile.mkdtemp(prefix="portal-lint-"))
    manage = [sys.executable, "manage.py"]
    plain = {"VAR_DIR": str(scratch), "DATABASE_URL": "", "REDIS_URL": "", "PORTAL_NOW": ""}
    production = {
        **plain,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "portal.example.com",
        "HTTPS": "1",
        "REDIS_URL": "redis://redis:6379/0",
        "STATIC_MANIFEST": "1",
        "STAFF_MFA_REQUIRED": "1",
    }
    try:
        return [
            command("ruff check", [BIN / "ruff", "check", "."]),
            command("ruff format", [BIN / "ruff", "format", "--check", "."]),
            command("types (mypy)", [BIN / "mypy"], plain),
            command("layers (import-linter)", [BIN / "lint-imports"]),
            command("templates (djlint)", [BIN / "djlint", "templates", "--lint", "--quiet"]),
            command("system check", [*manage, "check"], plain),
            command(
                "migrations complete", [*manage, "makemigrations", "--check", "--dry-run"], plain
            ),
            command(
                "deployment check",
                [*manage, "check", "--deploy", "--fail-level", "WARNING"],
                production,
            ),
            command("static files", [*manage, "collectstatic", "--noinput", "-v", "0"], production),
            command("requirements fit", [sys.executable, "-m", "pip", "--no-input", "check"]),
            rules_named(),
            known_vulnerabilities(),
        ]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def command(name: str, line: list[object], extra: dict[str, str] | None = None) -> Step:
    """Run one program; its output is shown when it fails."""
    started = time.monotonic()
    environment = with_overrides(extra or {})
    done = subprocess.run(
        [str(word) for word in line], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    step = Step(name, done.returncode == 0, time.monotonic() - started)
    print(f"{'ok  ' if step.ok else 'FAIL'}  {name}  ({step.seconds:.1f} s)", flush=True)
    if not step.ok:
        print(done.stdout + done.stderr, flush=True)
        step.note = f"exit code {done.returncode}"
    return step


def known_vulnerabilities() -> Step:
    """Ask for advisories about the pinned requirements; where nobody answers, say so and go on.

    That holds in CI, too: what is known about old releases does not depend on the change it judges.
    """
    started = time.monotonic()
    verdict = dependencies.audit(datetime.now(UTC).date())  # noqa: TID251  the calendar's today
    note = "; ".join([*verdict.problems, verdict.note])
    name = "known vulnerabilities"
    step = Step(name, not verdict.problems, time.monotonic() - started, note)
    print(f"{'ok  ' if step.ok else 'FAIL'}  {name}  ({step.seconds:.1f} s)  {note}", flush=True)
    return step


def with_overrides(extra: dict[str, str]) -> dict[str, str]:
    """Return the environment with some variables changed; an empty value removes one."""
    merged = {**os.environ, **extra}
    # Some two hundred processes start in a run: they share what one has compiled.
    merged.pop("PYTHONDONTWRITEBYTECODE", None)
    return {key: value for key, value in merged.items() if value or key not in extra}


# --- Tests --------------------------------------------------------------------------------------


def unit() -> list[Step]:
    """Run the tests on SQLite, as the embedded default does."""
    return [
        pytest(
            "tests on SQLite", "sqlite", ["-m", "not browser"], ON_SQLITE, servers.describe("", "")
        )
    ]


def on_postgres() -> list[Step]:
    """Run the tests on PostgreSQL and Redis or Valkey: given ones, else started for the run."""
    environment, named = real_servers()
    options = ["-m", "not browser and not once"]
    return [pytest("tests on PostgreSQL", "postgres", options, environment, named)]


def in_browser() -> list[Step]:
    """Drive Chromium through the main paths."""
    name = "tests in a browser"
    chromium = servers.chromium_path()
    if chromium is None:
        print(f"\n!!! {name}: NOT RUN, there is no Chromium on the path (CHROMIUM_PATH) !!!\n")
        return [Step(name, ok=not CI, note="NOT RUN: no Chromium found (set CHROMIUM_PATH)")]
    version = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=False)
    environment, others = real_servers()
    named = f"{version.stdout.strip() or chromium}, {others}"
    return [pytest(name, "browser", ["-m", "browser"], environment, named)]


_started: list[servers.Server] = []


@cache
def real_servers() -> tuple[dict[str, str], str]:
    """Return PostgreSQL and a broker for the passes: those of the environment, else started once."""
    database = os.environ.get("DATABASE_URL", "")
    if not database.startswith(("postgres", "pgsql")):
        _started.append(servers.start_postgres())
        database = _started[-1].url
    broker = os.environ.get("REDIS_URL", "")
    environment = {"DATABASE_URL": database}
    if not broker:
        _started.append(servers.start_valkey())
        broker = _started[-1].url
        environment["PORTAL_TEST_OWN_BROKER"] = "1"
    return {**environment, "REDIS_URL": broker}, servers.describe(database, broker)


@contextmanager
def what_passes_share() -> Iterator[None]:
    """Keep servers and migrated databases from one pass to the next; remove them at the end."""
    with tempfile.TemporaryDirectory(prefix="portal-migrated-") as folder:
        os.environ["PORTAL_TEST_MIGRATED"] = folder
        try:
            yield
        finally:
            migrated.forget()
            for server in _started:
                server.stop()


def pytest(name: str, key: str, options: list[str], extra: dict[str, str], named: str) -> Step:
    """Run pytest with its output shown; read counts and skips from its report."""
    report = RESULTS / f"{key}.xml"
    print(f"\n=== {name}: {named}", flush=True)
    environment = with_overrides(extra)
    started = time.monotonic()
    code = subprocess.call(
        [
            sys.executable, "-m", "pytest", "-q", "-n", PROCESSES, "--dist", "worksteal",
            "-p", "no:cacheprovider", "--junitxml", str(report),
            "--rules-report", str(RESULTS / f"rules-{key}.json"), *options,
        ],
        cwd=ROOT,
        env=environment,
    )  # fmt: skip
    step = Step(name, code == 0, time.monotonic() - started)
    if not report.exists():
        step.note = f"pytest ended with {code} and no report"
        return step
    suite = ElementTree.parse(report).getroot().find("testsuite")  # noqa: S314  our own file
    for case in suite.iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        skip = case.find("skipped")
        if skip is None:
            step.ran.add(test)
        else:
            step.skipped[test] = skip.get("message", "")
    bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    step.note = (
        f"{len(step.ran) - bad} passed, {bad} failed, {len(step.skipped)} skipped on {named}"
    )
    return step


# --- Rules --------------------------------------------------------------------------------------


def rules_report() -> int:
    """Run the tests that name a rule, print rule → tests → result; 1 when a rule lacks one."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with what_passes_share():
        once = pytest("tests run once", "once", ["-m", "once"], ON_SQLITE, servers.describe("", ""))
        steps = [once, *on_postgres(), *(in_browser() if servers.chromium_path() else [])]
    text, problems = rules.table(sorted(RESULTS.glob("rules-*.json")))
    print(text)
    for problem in problems:
        print(f"FAIL  {problem}")
    return int(bool(problems) or not all(step.ok for step in steps))


def rules_named() -> Step:
    """Collect the tests without running them: does one name every rule, and is every name a rule?"""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portal-rules-") as folder:
        report = Path(folder) / "rules.json"
        options = ["--collect-only", "-qq", "-p", "no:cacheprovider", "--rules-report", str(report)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=ROOT, env=with_overrides(ON_SQLITE), capture_output=True, text=True, check=False,
        )  # fmt: skip
        problems = rules.unnamed(report) if done.returncode == 0 else [done.stdout[-2000:]]
    name = "rules named by tests"
    step = Step(name, not problems, time.monotonic() - started, "; ".join(problems[:3]))
    print(f"{'ok  ' if step.ok else 'FAIL'}  {name}  ({step.seconds:.1f} s)", flush=True)
    for problem in problems:
        print(f"      {problem}", flush=True)
    return step


def rules_step() -> Step:
    """Check the rules against the results of this run."""
    _, problems = rules.table(sorted(RESULTS.glob("rules-*.json")))
    for problem in problems:
        print(f"FAIL  {problem}")
    return Step("every rule has a test", not problems, note="; ".join(problems[:3]))


# --- Summary ------------------------------------------------------------------------------------


def summary(steps: list[Step], complete: bool) -> int:
    """Print one summary; return the exit code."""
    print("\n" + "=" * 100)
    for step in steps:
        mark = "ok  " if step.ok else "FAIL"
        print(f"{mark}  {step.name:<26} {step.seconds:6.1f} s  {step.note}")
    ran = set().union(*(step.ran for step in steps))
    never = {
        test: reason for step in steps for test, reason in step.skipped.items() if test not in ran
    }
    good = all(step.ok for step in steps)
    if complete and never:
        print(f"\nNOT RUN in any pass ({len(never)}):")
        for test, reason in sorted(never.items()):
            print(f"  {test}: {reason}")
        good = good and not CI
    print(f"\n{'PASSED' if good else 'FAILED'} in {sum(step.seconds for step in steps):.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
