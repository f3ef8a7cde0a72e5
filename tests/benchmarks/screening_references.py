"""Other ways to find the terms in a text; each has its own reading of which finds count.

They share with the portal what a letter is (`folding`), and nothing else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from compliance.matching.automaton import Entry
from compliance.matching.folding import SHORTEST_READ, folded, latinised, patterns_of, readings

Span = tuple[int, int, Entry]


def _counted(spans: Iterable[Span]) -> set[Entry]:
    """Return the entries of one text that count: in no exception, in no longer one of their class."""
    by_class: dict[int, set[Span]] = defaultdict(set)
    for span in spans:
        by_class[span[2].class_id].add(span)
    found = set()
    for group in by_class.values():
        excuses = [one for one in group if one[2].excuse]
        hits = [one for one in group if not one[2].excuse and not _inside(one, excuses)]
        found |= {one[2] for one in hits if not _inside(one, [o for o in hits if o[:2] != one[:2]])}
    return found


def _inside(span: Span, others: Iterable[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end, _entry in others)


def _trimmed(searched: str, start: int, end: int, entry: Entry) -> Span:
    return start + (searched[start] == " "), end - (searched[end - 1] == " "), entry


def _searched(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the folded text, then what else it may say."""
    plain = latinised(text)
    yield folded(plain), False
    for reading in readings(plain):
        yield folded(reading), True


class TermByTerm:
    """Looks for each pattern with `in`."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._patterns = [
            (pattern, entry, number == 0 and sum(map(str.isalpha, pattern)) >= SHORTEST_READ)
            for entry in entries
            for number, pattern in enumerate(patterns_of(entry.text))
        ]

    def find(self, text: str) -> set[Entry]:
        """Return the entries in a text."""
        found: set[Entry] = set()
        for searched, read in _searched(text):
            found |= _counted(self._spans(searched, read))
        return found

    def _spans(self, searched: str, read: bool) -> Iterator[Span]:
        for pattern, entry, long in self._patterns:
            if pattern in searched and (long or not read):
                start = searched.find(pattern)
                while start >= 0:
                    yield _trimmed(searched, start, start + len(pattern), entry)
                    start = searched.find(pattern, start + 1)


class Expressions:
    """Looks with one regular expression per class, and one for its exceptions: the longest at each place."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        groups: dict[tuple[int, bool, bool], dict[str, Entry]] = defaultdict(dict)
        for entry in entries:
            for number, pattern in enumerate(patterns_of(entry.text)):
                long = number == 0 and sum(map(str.isalpha, pattern)) >= SHORTEST_READ
                groups[entry.class_id, entry.excuse, long][pattern] = entry
        self._groups = [
            (re.compile(f"(?=({'|'.join(map(re.escape, sorted(known, key=_longest)))}))"), known, long)
            for (_class, _excuse, long), known in groups.items()
        ]  # fmt: skip

    def find(self, text: str) -> set[Entry]:
        """Return the entries in a text."""
        found: set[Entry] = set()
        for searched, read in _searched(text):
            found |= _counted(self._spans(searched, read))
        return found

    def _spans(self, searched: str, read: bool) -> Iterator[Span]:
        for expression, known, long in self._groups:
            if read and not long:
                continue
            for match in expression.finditer(searched):
                yield _trimmed(searched, match.start(), match.end(1), known[match.group(1)])


def _longest(pattern: str) -> int:
    return -len(pattern)
