"""Words of RFQs: what the market's search looks up (RFQ-2). Pure.

Latin words are kept whole in the singular. Of a Chinese run its overlapping pairs are kept (灯带电 →
灯带, 带电), of the title its single characters too: so a typed run of two characters is found wherever
it stands, a longer one where all its pairs are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from portal.text import is_chinese, normalise

MAX_WORDS = 60
"""Words kept of one RFQ; the title's come first."""
MAX_LENGTH = 40
MAX_SEARCHED = 12
"""Words of one search; the others are passed over."""

Group = frozenset[str]
"""Words that must all be there for one typed word: "e-bike" is two."""


def words_of(title: str, details: str) -> list[str]:
    """Return the words an RFQ is found by, at most `MAX_WORDS`, without repetitions."""
    found: dict[str, None] = {}
    headline = normalise(title)
    found |= dict.fromkeys(_words(headline))
    found |= dict.fromkeys(
        character
        for run in ([] if headline.isascii() else headline.split())
        if is_chinese(run)
        for character in run
    )
    if len(found) < MAX_WORDS:
        found |= dict.fromkeys(_words(normalise(details)))
    return list(found)[:MAX_WORDS]


def groups_of(search: str) -> list[Group]:
    """Return the words of a typed search, one group for each piece between spaces.

    `"e-bike kits 灯带"` → `{e, bike}, {kit}, {灯带}`. Signs alone give nothing.
    """
    groups: dict[Group, None] = {}
    left = MAX_SEARCHED
    for piece in search.split():
        words = list(dict.fromkeys(_words(normalise(piece))))[:left]
        if words:
            groups[frozenset(words)] = None
            left -= len(words)
        if not left:
            break
    return list(groups)


def _words(normalised: str) -> Iterator[str]:
    for run in normalised.split():
        yield from _words_of_run(run)


@lru_cache(maxsize=16_384)
def _words_of_run(run: str) -> tuple[str, ...]:
    if not is_chinese(run):
        return (singular(run)[:MAX_LENGTH],)
    if len(run) == 1:
        return (run,)
    return tuple(run[at : at + 2] for at in range(len(run) - 1))


def singular(word: str) -> str:
    """Return an English plural without its ending, anything else as it is (Harman's S-stemmer)."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else f"{word[:-3]}y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]
