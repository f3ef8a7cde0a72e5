"""Text as the screening sees it: normalised, and read the way a person reads it (CMP-3).

`folded(latinised(text))` goes beyond `portal.text.normalise`: letters of other scripts that look like Latin ones are
read as Latin, accents and invisible characters vanish. What is caught and what is left alone is
decision 0026. `readings` are what a text may also say when signs stand for letters (`c0caine`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import product

from portal.text import is_chinese, normalise, padded, pattern

_JOINERS = (0x200B, 0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810))
"""Characters of no width that `normalise` keeps or takes for a space."""
_BLANKS = (0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800)
"""Letters and signs that look like a space."""
_TRADE_SIGNS = "™℠®©℗"
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
_SCRIPTS = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "LATIN")

_PREPARED: dict[int, str] = {
    **dict.fromkeys(_JOINERS, ""),
    **dict.fromkeys(_BLANKS, " "),
    **{ord(sign): " " for sign in _TRADE_SIGNS},
    # White letters in black circles and squares, which Unicode does not call letters.
    **{0x1F150 + n: chr(97 + n) for n in range(26)},
    **{0x1F170 + n: chr(97 + n) for n in range(26)},
}
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"

SHORTEST_SPELLED = 3
"""Latin words of so many letters are also found spelled out: `g.u.n`."""
SHORTEST_READ = 5
"""Terms of so many letters are also found with signs for letters: `c0caine`."""


@cache
def look_alikes() -> dict[int, str]:
    """Return the letters of other scripts that look like a Latin letter: code point → that letter.

    From Unicode's list of confusables; capitals that look like a small L are read as I.
    """
    # The list takes 40 ms to load; processes that screen nothing do without.
    from confusable_homoglyphs.confusables import confusables_data

    table = {ord(source): target for source, target in _SMALL_CAPITALS.items()}
    for source, targets in confusables_data.items():
        if not _may_be_read(source):
            continue
        latin = [
            other["c"] for other in targets if len(other["c"]) == 1 and "A" <= other["c"] <= "z"
        ]
        if latin and latin[0].isalpha():
            stands_for_i = latin[0] == "l" and unicodedata.category(source) == "Lu"
            table[ord(source)] = "I" if stands_for_i else latin[0]
    return table


def _may_be_read(source: str) -> bool:
    return (
        len(source) == 1
        and not source.isascii()
        and unicodedata.category(source)[0] == "L"
        and unicodedata.normalize("NFKD", source) == source
        and unicodedata.name(source, "").startswith(_SCRIPTS)
    )


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the expressions for marks on a Latin letter, and for a word with look-alikes."""
    alike = re.escape("".join(map(chr, look_alikes())))
    marks = re.compile(rf"(?<=[A-Za-z{alike}])[{_MARKS}]+")
    # A word made of Latin letters and look-alikes alone; a Russian word has others too.
    # Tried at the start of a word only, so that its time grows with the text and not its square.
    letter = rf"[A-Za-z{alike}]"
    word = re.compile(rf"(?<!{letter}){letter}*[{alike}]{letter}*")
    return marks, word


_OTHER_LETTER = re.compile(r"[^\W\d_]")


def latinised(text: str) -> str:
    """Return a text with look-alikes as Latin letters, without accents and invisible characters."""
    if text.isascii():
        return text
    marks, word = _patterns()
    plain = marks.sub("", unicodedata.normalize("NFKD", text.translate(_PREPARED)))
    return word.sub(_as_latin, plain) if word.search(plain) else plain


def _as_latin(found: re.Match[str]) -> str:
    """Read a word as Latin unless it goes on with, or comes after, a letter of its own script."""
    start, end = found.span()
    for beside in (found.string[max(start - 1, 0) : start], found.string[end : end + 1]):
        if _OTHER_LETTER.match(beside) and not is_chinese(beside):
            return found.group()
    return found.group().translate(look_alikes())


def folded(plain: str) -> str:
    """Return a latinised text as it is searched: normalised, padded so that whole words match."""
    return padded(normalise(plain))


def patterns_of(term: str) -> list[str]:
    """Return what a folded text has to contain for a term; nothing for a term of signs only.

    The first is the term itself. The others spell one or more of its words out: `gun` is also found
    as `g u n`, `枪支` as `枪 支` when both characters stand alone.
    """
    plain = pattern(latinised(term))
    if not plain:
        return []
    return [plain, *_spelled(plain.split())]


def _spelled(words: list[str]) -> list[str]:
    choices = [[word, " ".join(word)] if _can_be_spelled(word) else [word] for word in words]
    if len(words) > 3:  # of a long phrase only the whole of it
        combinations = [tuple(choice[-1] for choice in choices)]
    else:
        combinations = list(product(*choices))
    return [_padded_apart(words, chosen) for chosen in combinations if list(chosen) != words]


def _padded_apart(words: list[str], chosen: tuple[str, ...]) -> str:
    """Return the words as a pattern; one that is spelled out has nothing beside its characters."""
    first = " " if chosen[0] != words[0] or not is_chinese(chosen[0]) else ""
    last = " " if chosen[-1] != words[-1] or not is_chinese(chosen[-1]) else ""
    return f"{first}{' '.join(chosen)}{last}"


def _can_be_spelled(word: str) -> bool:
    if is_chinese(word):
        return len(word) > 1
    return len(word) >= SHORTEST_SPELLED and word.isascii() and word.isalpha()


# --- Signs for letters --------------------------------------------------------------------------

_SIGNS = re.compile(r"(?<=[A-Za-z])[013457@$!|]{1,2}(?=[A-Za-z])")
_L_FOR_I = re.compile(r"(?<=[A-Z])l(?=[A-Z])|(?<=[A-Z]{2})l\b|\bl(?=[A-Z]{2})")
_I_FOR_L = re.compile(r"(?<=[a-z])I(?=[a-z])|(?<=\b[A-Z])I(?=[a-z])")
_TRICKY = re.compile("|".join(one.pattern for one in (_SIGNS, _L_FOR_I, _I_FOR_L)))
_AS_I = str.maketrans("013457@$!|", "oieastasii")
_AS_L = str.maketrans("013457@$!|", "oleastasll")


def readings(plain: str) -> list[str]:
    """Return what else a latinised text may say: signs for letters, I and l in each other's place.

    Each has the length of the text. Nothing for the usual text. Only terms of at least
    `SHORTEST_READ` letters count in a reading: model numbers are full of digits.
    """
    if not _TRICKY.search(plain):
        return []
    swapped = _I_FOR_L.sub("l", _L_FOR_I.sub("I", plain))
    found: dict[str, None] = {}
    for table in (_AS_I, _AS_L):
        found[_SIGNS.sub(lambda sign: sign.group().translate(table), swapped)] = None  # noqa: B023
    found.pop(plain, None)
    return list(found)


# --- Back to the original -----------------------------------------------------------------------


@lru_cache(maxsize=8192)
def _piece(cluster: str) -> str:
    """Return what a character with its marks becomes; a space for a sign, nothing if invisible."""
    inside = normalise(f"x{cluster}x")[1:-1]
    return inside.strip() if inside.strip() and is_chinese(inside.strip()) else inside


def _continues(character: str) -> bool:
    """Tell whether a character belongs to the one before: a mark, or a later part of a Hangul."""
    return unicodedata.combining(character) > 0 or "\u1160" <= character <= "\u11ff"


def origins(text: str, reading: str = "") -> list[int] | None:
    """Return for each character of a folded text where in the text it comes from.

    `reading`: of that reading of the text instead. None in the rare case that the parts of a text
    fold otherwise than the whole; then an excerpt is cut from the folded text.
    """
    sources: list[int] = []
    for index, character in enumerate(text):
        prepared = unicodedata.normalize("NFKD", character.translate(_PREPARED))
        sources += [index] * len(prepared)
    plain = reading or latinised(text)
    if not text.isascii():
        unmarked = unicodedata.normalize("NFKD", text.translate(_PREPARED))
        dropped = {at for mark in _patterns()[0].finditer(unmarked) for at in range(*mark.span())}
        sources = [source for at, source in enumerate(sources) if at not in dropped]
    if len(sources) != len(plain):
        return None
    return _folded_origins(plain, sources)


def _folded_origins(plain: str, sources: list[int]) -> list[int] | None:
    letters, places = [" "], [0]
    start = 0
    while start < len(plain):
        end = start + 1
        while end < len(plain) and _continues(plain[end]):
            end += 1
        for letter in _piece(plain[start:end]):
            chinese, before = is_chinese(letter), letters[-1]
            if letter != " " and before != " " and chinese != is_chinese(before):
                letters.append(" ")
                places.append(sources[start])
            if letter != " " or letters[-1] != " ":
                letters.append(letter)
                places.append(sources[start])
        start = end
    if letters[-1] != " ":
        letters.append(" ")
        places.append(len(sources) and sources[-1])
    return places if "".join(letters) == padded(normalise(plain)) else None
