"""How alike two company names are, without case, accents and legal forms; pure (EPR-8)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz

from portal.text import normalise

# Legal forms and what stands around them, normalised. Longer phrases first: "gmbh co kg" is one.
_FORMS = (
    "gesellschaft mit beschrankter haftung", "gmbh co kgaa", "gmbh co kg", "ag co kg", "kg aa",
    "private limited", "pvt ltd", "pte ltd", "pty ltd", "co limited", "co ltd", "company limited",
    "corporation", "incorporated", "limited", "company", "gmbh", "mbh", "kgaa", "ohg", "ug",
    "haftungsbeschrankt", "e k", "e v", "ag", "kg", "se", "sarl", "s a r l", "sasu", "s a s u", "sas",
    "s a s", "eurl", "snc", "scop", "sci", "s a", "sa", "b v", "bv", "n v", "nv", "s r l", "srl",
    "s p a", "spa", "s l", "sl", "sp z o o", "a s", "ab", "oy", "aps", "ltd", "llc", "l l c", "llp",
    "lp", "inc", "corp", "plc", "co", "pte", "pvt", "pty",
)  # fmt: skip
_LATIN_FORM = re.compile(r"(?<= )(?:" + "|".join(map(re.escape, _FORMS)) + r")(?= )")
_CHINESE_FORM = re.compile(
    "股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|分公司|公司|商行|经营部"
)
_BRACKETED = re.compile(r"[（(【\[]([^）)】\]]*)[）)】\]]")


@lru_cache(maxsize=4096)
def company_core(name: str) -> str:
    """Return what distinguishes a company: its words without accents and legal form.

    `"Müller & Söhne GmbH & Co. KG"` → `"muller sohne"`. A name of nothing but forms stays as it is.
    """
    words = normalise(_without_accents(_BRACKETED.sub(r" \1 ", name)))
    text = f" {words} "
    for pattern in (_LATIN_FORM, _CHINESE_FORM):
        text = pattern.sub(" ", text)
    return " ".join(text.split()) or words


def name_similarity(one: str, other: str) -> int:
    """Return how alike two company names are, 0–100; 0 when either is empty.

    Words may stand in another order; a word that only one name has counts against it.
    """
    first, second = company_core(one), company_core(other)
    if not first or not second:
        return 0
    return round(fuzz.token_sort_ratio(first, second))


def _without_accents(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(sign for sign in folded if not unicodedata.combining(sign))
