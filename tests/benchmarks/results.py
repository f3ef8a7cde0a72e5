"""What benchmarks found: ratios with their goals, one file per benchmark, database and size.

The files lie in `var/benchmarks` and are overwritten by the same benchmark of the same size, so that sizes
run by hand stay beside those of `make bench`; `tests.benchmarks.report` reads them all.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "benchmarks"


@dataclass(frozen=True)
class Ratio:
    """One number of a benchmark: `value` against its reference, and what it should be, if anything.

    `what` names the work and the reference; `unit` is `×` or `%` (then values are shares of 1).
    """

    rule: str
    what: str
    value: float
    unit: str = "×"
    at_least: float | None = None
    at_most: float | None = None

    @property
    def margin(self) -> float | None:
        """How many times better than the goal; below 1 when it is missed, none without a goal."""
        if self.at_least is not None:
            return self.value / self.at_least
        return self.at_most / self.value if self.at_most is not None and self.value else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; none without a goal."""
        return None if self.margin is None else self.margin >= 1

    @property
    def goal(self) -> str:
        """The goal as text."""
        if self.at_least is not None:
            return f"≥ {self._text(self.at_least)}"
        return f"≤ {self._text(self.at_most)}" if self.at_most is not None else "–"

    @property
    def shown(self) -> str:
        """The value as text, in three digits at most."""
        return self._text(self.value)

    @property
    def verdict(self) -> str:
        """What came of the goal as a word."""
        return {None: "no goal", True: "met", False: "missed"}[self.met]

    @property
    def _bound(self) -> float | None:
        return self.at_most if self.at_least is None else self.at_least

    def _text(self, value: float) -> str:
        if self.unit == "%":
            # A tenth of a hundredth tells where a goal of a few hundredths is just missed.
            return f"{value * 100:.{0 if value >= 0.2 or value == self._bound else 1}f} %"
        return f"{value:.0f} ×" if value >= 20 else f"{value:.3g} ×"


@dataclass
class Sheet:
    """All ratios of one run on one database; `load` is the machine's load before and after."""

    benchmark: str
    database: str = ""
    size: str = ""
    day: str = ""
    machine: str = ""
    python: str = ""
    version: str = ""
    load: list[float] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)

    def write(self, folder: Path = FOLDER) -> Path:
        """Write the sheet over that of an earlier run of the same size; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", f"{self.benchmark} {self.database} {self.size}".lower())
        path = folder / f"{name.strip('-')}.json"
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")
        return path


def sheets(folder: Path = FOLDER) -> Iterator[Sheet]:
    """Yield the sheets of a folder, by benchmark, database and size."""
    found = []
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        ratios = [Ratio(**ratio) for ratio in content.pop("ratios")]
        found.append(Sheet(**content, ratios=ratios))
    yield from sorted(
        found, key=lambda one: (one.benchmark, one.database, [*_numbers(one.size)], one.size)
    )


def _numbers(size: str) -> Iterator[int]:
    for number in re.findall(r"\d[\d,]*", size):
        yield int(number.replace(",", ""))


# --- Where it ran ---------------------------------------------------------------------------------


def machine() -> str:
    """Return processors, their kind and the memory of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores {platform.machine()}, {memory:.0f} GiB"


def version() -> str:
    """Return the commit that is checked out, with a mark when files differ from it."""
    command = ["git", "describe", "--always", "--dirty=+"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def load() -> float:
    """Return how many processes wanted a processor in the last minute."""
    return round(os.getloadavg()[0], 1)
