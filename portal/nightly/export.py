"""Standings as canonical JSON lines: what proves two nights equal (NGT-3).

One line per standing row, keys sorted, external ids only, no wall clock, decimals without trailing
zeros, lines in code-point order: the same bytes on every database and after every crash.
"""

from __future__ import annotations

import heapq
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from portal.nightly.ledger import published
from portal.scoping import unscoped

Rows = Callable[[date], Iterable[dict[str, Any]]]
LINES_IN_MEMORY = 200_000


@dataclass(frozen=True)
class ExportedStanding:
    """A standing and how to read its rows of one day; `job` is the one that publishes it."""

    module: str
    name: str
    rows: Rows
    job: str

    @property
    def names(self) -> tuple[str, str]:
        """What `--module` may call it by: its app's name, or app and standing."""
        return self.module, f"{self.module}.{self.name}"


STANDINGS: dict[tuple[str, str], ExportedStanding] = {}


def register_standing(module: str, name: str, rows: Rows, *, job: str) -> None:
    """Add a standing to `manage.py standings`.

    `rows(as_of)` yields plain mappings (text, numbers, decimals, days, lists of them) in any order and
    without database ids; it is called unscoped, and only when `job` has published that very day.
    """
    if (module, name) in STANDINGS:
        raise ValueError(f"two standings are called {module}.{name}")
    STANDINGS[module, name] = ExportedStanding(module, name, rows, job)


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, without spaces, decimals as text without trailing zeros."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    )


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a standing cannot hold {value!r}")


def standing_lines(as_of: date, module: str | None = None) -> Iterator[str]:
    """Yield the day's standings as sorted lines without line ends; memory stays bounded.

    Standings whose job has not published the day are left out.
    """
    chosen = [each for each in STANDINGS.values() if module in (None, *each.names)]
    done = set(published_jobs(as_of))
    with unscoped():
        yield from _sorted(_lines(each, as_of) for each in chosen if each.job in done)


def published_jobs(as_of: date) -> list[str]:
    """Return the jobs of registered standings that have published exactly this day."""
    names = sorted({each.job for each in STANDINGS.values()})
    return [name for name in names if published(name).filter(as_of=as_of).exists()]


def _lines(standing: ExportedStanding, as_of: date) -> Iterator[str]:
    head = {"module": standing.module, "standing": standing.name}
    for row in standing.rows(as_of):
        yield canonical_json({**row, **head})


def _sorted(sources: Iterable[Iterator[str]]) -> Iterator[str]:
    """Sort lines with runs on disk, so that a million rows do not need a million rows of memory."""
    lines = (line for source in sources for line in source)
    with ExitStack() as stack:
        runs: list[Iterator[str]] = []
        while run := sorted(islice(lines, LINES_IN_MEMORY)):
            if len(run) < LINES_IN_MEMORY:
                runs.append(iter(run))
                break
            spill = stack.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")
            )
            spill.writelines(line + "\n" for line in run)
            spill.seek(0)
            runs.append(line[:-1] for line in spill)
        yield from heapq.merge(*runs)
