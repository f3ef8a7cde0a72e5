"""Text and values as matching sees them: normalised titles, keyword patterns, hashes (LST-3).

A *normalised* text is width- and case-folded, its punctuation turned into single spaces, with a
space wherever a Chinese (or kana) run meets anything else. On it "whole Latin word or phrase" and
"Chinese as substring" are one test: the keyword's pattern is a substring of the title, where the
pattern carries a space at each end that is not Chinese and the title one at both ends.

Changing anything here changes what stored projections and compiled themes mean: raise
`MATCHER_VERSION` and run `manage.py rebuild_matching`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

MATCHER_VERSION = 1
"""Part of the night's plan: a new version makes the next night a full one."""

# Scripts written without spaces between words: Han with its extensions, kana, bopomofo.
_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u30ff\u3105-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff"
)
_BOUNDARY = re.compile(rf"(?<=[{_CJK}])(?=[^{_CJK}\s])|(?<=[^{_CJK}\s])(?=[{_CJK}])")
_IS_CJK = re.compile(rf"[{_CJK}]")
# Signs that NFKC would glue to the word before them as letters: "Nike™" → "niketm".
_TRADE_SIGNS = str.maketrans(dict.fromkeys("™℠®©℗", " "))
_ZERO_WIDTH_SPACE = 0x200B
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")

_TOP_BIT = 1 << 62


class _FoldedPoints(dict[int, str]):
    """Code point → itself when part of a word, nothing when invisible, else a space."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        category = unicodedata.category(character)
        if category[0] in "LNM" and not _is_variation_selector(point):
            folded = character
        elif category[0] == "M" or (category == "Cf" and point != _ZERO_WIDTH_SPACE):
            folded = ""
        else:
            folded = " "
        self[point] = folded
        return folded


def _is_variation_selector(point: int) -> bool:
    return 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF


_FOLDED = _FoldedPoints()


def normalise(text: str) -> str:
    """Return a title or keyword in the form that is compared; empty when nothing is left.

    `"ＬＥＤ-Lamp灯带 (10.5 AH)"` → `"led lamp 灯带 10 5 ah"`.
    """
    folded = unicodedata.normalize("NFKC", text.translate(_TRADE_SIGNS)).casefold()
    words = unicodedata.normalize("NFKC", folded).translate(_FOLDED)
    return " ".join(_BOUNDARY.sub(" ", words).split())


def padded(normalised: str) -> str:
    """Return a normalised title as it is stored: a space at both ends, so that whole words match."""
    return f" {normalised} "


def pattern(keyword: str) -> str:
    """Return what a padded title has to contain for the keyword; empty for a keyword of signs only.

    `"LED lamp"` → `" led lamp "`, `"灯带"` → `"灯带"`, `"LED灯"` → `" led 灯"`.
    """
    text = normalise(keyword)
    if not text:
        return ""
    before = "" if _IS_CJK.match(text[0]) else " "
    after = "" if _IS_CJK.match(text[-1]) else " "
    return f"{before}{text}{after}"


def tokens(normalised: str) -> set[str]:
    """Return the words of a normalised text; of Chinese runs the single characters."""
    found: set[str] = set()
    for word in normalised.split():
        if _IS_CJK.match(word):
            found.update(word)
        else:
            found.add(word)
    return found


def token_hashes(normalised: str) -> list[int]:
    """Return the sorted hashes of a normalised text's tokens."""
    return sorted(map(token_hash, tokens(normalised)))


@lru_cache(maxsize=65536)
def token_hash(token: str) -> int:
    """Return the hash of one token."""
    return _hash(f"t\x1f{token}")


def stored_value(value: object) -> str:
    """Return an attribute value in the form in which it is compared: its text, ends trimmed.

    Products and themes are given the catalogue's spelling at entry, so that here "Round neck" and
    "Round Neck", should the catalogue hold both, are two values.
    """
    return str(value).strip()


def canonical_value(value: object) -> str:
    """Return an attribute value in the form in which entry recognises it.

    Width-folded, case-folded, spaces collapsed. A plain decimal number loses its trailing zeros, so
    that "10.50" equals "10.5"; "007" is not a plain number and stays.
    """
    text = " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())
    if _NUMBER.fullmatch(text) and "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=65536)
def _value_hash(code: str, stored: str) -> int:
    return _hash(f"v\x1f{code}\x1f{stored}")


def value_hash(code: str, value: object) -> int:
    """Return the hash of "this attribute has this value"; equal exactly for equal stored values."""
    return _value_hash(code, stored_value(value))


def _hash(text: str) -> int:
    """Return 62 bits of BLAKE2b below a set top bit: non-negative, and always 19 decimal digits.

    The fixed width lets a database without arrays look a hash up in a list's text.
    """
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & (_TOP_BIT - 1) | _TOP_BIT


def signature(hashes: Iterable[int]) -> int:
    """Fold hashes to 63 bits: two lists that share a hash share a bit (not the other way round)."""
    bits = 0
    for value in hashes:
        bits |= 1 << value % 63
    return bits
