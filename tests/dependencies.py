"""Known vulnerabilities of the pinned requirements, asked of the registry's advisories by `pip-audit`.

What a release that mends it exists for fails the run, unless `dependencies_ignored.toml` says why not, and
until when. A registry that tells nothing about a release is no proof that there is nothing: the step says
so, and how many releases were really looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
IGNORED = Path(__file__).with_name("dependencies_ignored.toml")
SECONDS = 300
"""Longest wait for the whole of one question."""


@dataclass
class Verdict:
    """What an audit came to: `problems` fail it; `note` is for the summary."""

    problems: list[str] = field(default_factory=list)
    note: str = ""


def audit(today: date) -> Verdict:
    """Ask about one release first: where the registry has no advisories, nothing else is asked."""
    pins = pinned()
    ignored = tomllib.loads(IGNORED.read_text("utf-8")).get("ignored", [])
    probe = ask([pin for pin in pins if pin.lower().startswith("django==")])
    report = ask(pins) if looked_up(probe) else probe
    return judge(report, ignored=ignored, today=today, pins=len(pins))


def pinned() -> list[str]:
    """Return every pinned requirement, `name==version`."""
    lines = [line.strip() for path in PINS for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if "==" in line and not line.startswith("#")]


def ask(pins: Sequence[str]) -> Mapping[str, Any] | str:
    """Return pip-audit's report about some releases, or why there is none."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        try:
            done = subprocess.run(
                [
                    sys.executable, "-m", "pip_audit", "--requirement", file.name, "--no-deps",
                    "--disable-pip", "--format", "json", "--progress-spinner", "off",
                    "--timeout", "10",
                ],
                cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"no answer within {SECONDS} s"
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return said[-1]
    return report


def looked_up(report: Mapping[str, Any] | str) -> list[Mapping[str, Any]]:
    """Return the releases the registry told about."""
    if isinstance(report, str):
        return []
    return [found for found in report["dependencies"] if "skip_reason" not in found]


def judge(
    report: Mapping[str, Any] | str,
    *,
    ignored: Sequence[Mapping[str, Any]],
    today: date,
    pins: int,
) -> Verdict:
    """Tell what fails and what to say; without an answer nothing fails, and that is said."""
    verdict = Verdict()
    excused = set()
    for row in ignored:
        if row["until"] < today:
            verdict.problems.append(f"{row['id']}: ignored until {row['until']}: {row['reason']}")
        else:
            excused.add(row["id"])
    known = looked_up(report)
    if not known:
        why = report if isinstance(report, str) else "the registry has no advisories"
        verdict.note = f"NOT REACHED, nothing is known about {pins} pinned releases: {why}"
        return verdict
    waiting = 0
    for release in known:
        for advisory in release["vulns"]:
            if excused & {advisory["id"], *advisory.get("aliases", ())}:
                continue
            if not advisory["fix_versions"]:
                waiting += 1
                continue
            mended = ", ".join(advisory["fix_versions"])
            verdict.problems.append(
                f"{release['name']} {release['version']}: {advisory['id']}, mended in {mended}"
            )
    verdict.note = f"{len(known)} of {pins} pinned releases looked up"
    if waiting:
        verdict.note += f", {waiting} advisories without a release that mends them"
    return verdict
