"""Which keys a batch has shown so far, in bounded memory."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Hashable
from pathlib import Path
from types import TracebackType
from typing import Self

IN_MEMORY = 300_000


class SeenKeys:
    """Key → row number of the batch; spills into a private temporary file beyond `IN_MEMORY` keys."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._limit = in_memory
        self._recent: dict[Hashable, int] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def first_row(self, keys: list[tuple[Hashable, int]]) -> list[int | None]:
        """Remember keys with their row numbers; return for each the row that had it first, if any."""
        spilled = self._in_file([key for key, _number in keys])
        answers: list[int | None] = []
        for key, number in keys:
            first = self._recent.get(key)
            if first is None:
                first = spilled.get(repr(key))
            if first is None:
                self._recent[key] = number
            answers.append(first)
        if len(self._recent) > self._limit:
            self._spill()
        return answers

    def _in_file(self, keys: list[Hashable]) -> dict[str, int]:
        if self._file is None:
            return {}
        found: dict[str, int] = {}
        names = [repr(key) for key in keys]
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            marks = ", ".join("?" * len(part))
            found.update(
                self._file.execute(f"SELECT key, row FROM seen WHERE key IN ({marks})", part)  # noqa: S608
            )
        return found

    def _spill(self) -> None:
        if self._file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ingest-")
            self._file = sqlite3.connect(Path(self._folder.name) / "seen.sqlite3")
            self._file.execute("PRAGMA journal_mode=OFF")
            self._file.execute("PRAGMA synchronous=OFF")
            self._file.execute(
                "CREATE TABLE seen (key TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID"
            )
        rows = sorted((repr(key), number) for key, number in self._recent.items())
        self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)
        self._file.commit()
        self._recent.clear()
