"""Words and values as matching sees them: hashes, signatures, stored spellings (LST-3).

Changing anything here or in `portal.text` changes what stored projections and compiled themes mean: raise
`MATCHER_VERSION` and run `manage.py rebuild_matching`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from portal.text import tokens

MATCHER_VERSION = 1
"""Part of the night's plan: a new version makes the next night a full one."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")

_TOP_BIT = 1 << 62


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
