"""All terms in one automaton: every term of every class in a text by reading it once (CMP-3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from compliance.matching.folding import (
    SHORTEST_READ,
    folded,
    latinised,
    origins,
    patterns_of,
    readings,
)

BETWEEN = " \ua015 "
"""Put between parts of one text: a letter of no product's language, so that no term spans two."""
EXCERPT = 160
"""Characters of an excerpt at most."""
_AROUND = 48


@dataclass(frozen=True)
class Entry:
    """A term of a class; `mark` is the protected mark it names. An `excuse` takes hits back."""

    class_id: int
    text: str
    excuse: bool = False
    mark_id: int | None = None


@dataclass(frozen=True)
class Found:
    """A term in a text, with the original words around it."""

    entry: Entry
    excerpt: str


@dataclass(frozen=True)
class _Span:
    entry: Entry
    start: int
    end: int

    def inside(self, other: _Span) -> bool:
        return other.start <= self.start and self.end <= other.end


class Automaton:
    """Finds entries in texts; made once for a version of the terms, then only read.

    Reading takes time by the length of the text, however many terms there are.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        holders: dict[str, list[Entry]] = defaultdict(list)
        plain: set[str] = set()
        for entry in entries:
            for number, pattern in enumerate(patterns_of(entry.text)):
                if entry not in holders[pattern]:
                    holders[pattern].append(entry)
                if number == 0:
                    plain.add(pattern)
        self._holders = list(holders.values())
        self._reads = [
            pattern in plain and sum(map(str.isalpha, pattern)) >= SHORTEST_READ
            for pattern in holders
        ]
        self._machine = AhoCorasick(list(holders)) if holders else None

    def __len__(self) -> int:
        return len(self._holders)

    def find(self, text: str, only: frozenset[int] | set[int]) -> list[Found]:
        """Return what a text holds of the classes named, each term once, in the order of the text.

        The longest of several terms of a class that lie in each other; nothing that lies in an
        exception of its class.
        """
        if self._machine is None or not text:
            return []
        found: list[Found] = []
        said: set[Entry] = set()
        plain = latinised(text)
        for reading in ("", *readings(plain)):
            searched = folded(reading or plain)
            spans = _kept(self._spans(searched, only, read=bool(reading)))
            spans = [span for span in spans if span.entry not in said]
            if not spans:
                continue
            places = origins(text, reading)
            for span in sorted(spans, key=lambda one: one.start):
                if span.entry not in said:
                    said.add(span.entry)
                    found.append(Found(span.entry, _excerpt(text, searched, places, span)))
        return found

    def _spans(
        self, searched: str, only: frozenset[int] | set[int], *, read: bool
    ) -> Iterator[_Span]:
        assert self._machine is not None  # noqa: S101 - `find` has asked
        for number, start, end in self._machine.find_matches_as_indexes(searched, overlapping=True):
            if read and not self._reads[number]:
                continue
            first = start + (searched[start] == " ")
            last = end - (searched[end - 1] == " ")
            for entry in self._holders[number]:
                if entry.class_id in only:
                    yield _Span(entry, first, last)


def _kept(spans: Iterable[_Span]) -> list[_Span]:
    """Return the hits that count: none in an exception, none in a longer one of its class."""
    by_class: dict[int, list[_Span]] = defaultdict(list)
    for span in spans:
        by_class[span.entry.class_id].append(span)
    kept = []
    for group in by_class.values():
        excuses = [span for span in group if span.entry.excuse]
        hits = [
            span
            for span in group
            if not span.entry.excuse and not any(span.inside(one) for one in excuses)
        ]
        kept += _longest(hits)
    return kept


def _longest(spans: list[_Span]) -> list[_Span]:
    """Return the spans that lie in no longer one: one sweep from the left, the longest first."""
    kept: list[_Span] = []
    reached = -1
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        same = kept and (kept[-1].start, kept[-1].end) == (span.start, span.end)
        if span.end > reached or same:
            kept.append(span)
            reached = max(reached, span.end)
    return kept


def _excerpt(text: str, searched: str, places: list[int] | None, span: _Span) -> str:
    """Return the words around a hit, as they were written if that can be told."""
    if places is None:
        source, first, last = searched, span.start, span.end
    else:
        source, first, last = text, places[span.start], places[span.end - 1] + 1
    last = min(last, first + EXCERPT - _AROUND)
    part = source.rfind(BETWEEN, 0, first)
    begins = 0 if part < 0 else part + len(BETWEEN)
    part = source.find(BETWEEN, last)
    ends = len(source) if part < 0 else part
    start, end = max(begins, first - _AROUND), min(ends, last + _AROUND)
    if start > begins:
        start = source.rfind(" ", max(begins, start - 12), start) + 1 or start
    words = " ".join(source[start:end].split())[: EXCERPT - 2]
    return f"{'…' if start > begins else ''}{words}{'…' if end < ends else ''}"
