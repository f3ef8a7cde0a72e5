"""Text as search and matching see it: folded, without punctuation, words apart.

A *normalised* text is width- and case-folded, its punctuation turned into single spaces, with a
space wherever a Chinese (or kana) run meets anything else. On it "whole Latin word or phrase" and
"Chinese as substring" are one test: the keyword's pattern is a substring of the text, where the
pattern carries a space at each end that is not Chinese and the text one at both ends.

Products and themes store what these functions return: whoever changes them raises `MATCHER_VERSION`
in `listings.matching.text` and runs `manage.py rebuild_matching`; RFQs store their words likewise.
"""

from __future__ import annotations

import re
import unicodedata

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
    if text.isascii():  # nothing to compose, and no scripts that meet
        return " ".join(text.casefold().translate(_FOLDED).split())
    folded = unicodedata.normalize("NFKC", text.translate(_TRADE_SIGNS)).casefold()
    words = unicodedata.normalize("NFKC", folded).translate(_FOLDED)
    return " ".join(_BOUNDARY.sub(" ", words).split())


def is_chinese(run: str) -> bool:
    """Tell whether a run of a normalised text is Chinese (or kana): runs are never mixed."""
    return bool(_IS_CJK.match(run))


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
