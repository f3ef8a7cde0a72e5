"""Reading and judging lists of terms before anything is written (CMP-1, CMP-3); pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from compliance.matching.folding import patterns_of

MAX_TERM = 120
MAX_TERMS = 50_000
EXCUSE_SIGN = "!"
"""A pasted line that begins with it is an exception: `! toy gun`."""


@dataclass(frozen=True)
class TermLine:
    """A term as somebody gave it; `row` is its line or row, `pattern` what is searched for."""

    row: int
    text: str
    excuse: bool = False
    pattern: str = ""


@dataclass(frozen=True)
class LineProblem:
    """A line that is not taken, and why."""

    row: int
    text: str
    message: str


@dataclass
class TermList:
    """The lines that make terms, and the others."""

    terms: list[TermLine] = field(default_factory=list)
    duplicates: list[LineProblem] = field(default_factory=list)
    refused: list[LineProblem] = field(default_factory=list)


def pasted_lines(text: str) -> list[TermLine]:
    """Read one term a line; empty lines and those that begin with `#` are passed over."""
    lines = []
    for row, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().removeprefix("\ufeff").strip()
        if not line or line.startswith("#"):
            continue
        excuse = line.startswith((EXCUSE_SIGN, "！"))
        lines.append(TermLine(row, line[1:].strip() if excuse else line, excuse))
    return lines


def judged(lines: Iterable[TermLine]) -> TermList:
    """Sort lines into terms, repetitions and what cannot be a term.

    Two terms that look alike (`Gun`, `ＧＵＮ`) are one. A single letter or digit would hit everything;
    a single Chinese character is a term.
    """
    result = TermList()
    seen: dict[str, TermLine] = {}
    for line in lines:
        patterns = patterns_of(line.text)
        problem = _problem(line, patterns)
        if problem:
            result.refused.append(LineProblem(line.row, line.text[:MAX_TERM], problem))
            continue
        pattern = patterns[0]
        if pattern in seen:
            first = seen[pattern]
            message = _("The same as “%(term)s” in row %(row)d.")
            if first.excuse != line.excuse:
                message = _(
                    "“%(term)s” in row %(row)d is the same, but one of them is an exception."
                )
            result.duplicates.append(
                LineProblem(line.row, line.text, message % {"term": first.text, "row": first.row})
            )
            continue
        seen[pattern] = line
        result.terms.append(TermLine(line.row, line.text, line.excuse, pattern))
    return result


def _problem(line: TermLine, patterns: Sequence[str]) -> str:
    if not patterns:
        return _("There are no letters or digits in it.")
    if len(line.text) > MAX_TERM or len(patterns[0]) > MAX_TERM:
        return _("A term has at most %(most)d characters.") % {"most": MAX_TERM}
    if "\0" in line.text or not line.text.isprintable():
        return _("It holds characters that cannot be stored.")
    if len(patterns[0].strip()) == 1 and patterns[0].strip().isascii():
        return _("A single letter or digit would be found everywhere.")
    return ""
