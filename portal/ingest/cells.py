"""Text of cells: made safe for the databases, and quoted in messages (K-15)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from rapidfuzz import process

EXCEL_ERRORS = frozenset({"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"})

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class CellError(ValueError):
    """The cell cannot be read; the text says why, for the person who made the file."""


def quote(raw: Any) -> str:
    """Return a short printable form of a raw value for messages."""
    try:
        text = raw if isinstance(raw, str) else repr(raw)
    except (ValueError, RecursionError):  # an integer of thousands of digits, endless nesting
        text = "…"
    text = "".join(c if c.isprintable() else "�" for c in text[:60])
    return f"“{text}”" if len(text) < 60 else f"“{text}…”"


def nearest(value: str, known: Iterable[str], *, cutoff: float = 55) -> str | None:
    """Return the known word most like `value`, if any is like it at all."""
    found = process.extractOne(
        value[:100], list(known), processor=str.casefold, score_cutoff=cutoff
    )
    return found[0] if found else None


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """Return a hint such as ` Did you mean “seller”?`, or nothing."""
    match = nearest(value, known)
    return " " + _("Did you mean “%(word)s”?") % {"word": match} if match else ""


def is_text(value: str) -> bool:
    """Tell whether a text can be written down: JSON can name half of a character (a surrogate)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def safe_text(raw: Any, max_length: int, *, strip: bool = True) -> str:
    """Return text fit for both databases: stripped, printable, not too long."""
    if isinstance(raw, str):
        text = raw
    elif isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise CellError(_("%(value)s is not text") % {"value": quote(raw)})
    else:
        text = _number_text(raw)
    if not text.isprintable() and _FORBIDDEN.search(text):
        raise CellError(_("contains a control character"))
    if text in EXCEL_ERRORS:
        raise CellError(_("%(value)s is an error of the spreadsheet") % {"value": text})
    if strip:
        text = text.strip()
    if len(text) > max_length:
        raise CellError(
            _("has %(length)d characters; at most %(most)d are allowed")
            % {"length": len(text), "most": max_length}
        )
    return text


def _number_text(raw: float) -> str:
    """Return a spreadsheet's number as it was typed: 1001.0 is `1001`."""
    if isinstance(raw, float):
        if not math.isfinite(raw):
            raise CellError(_("%(value)s is not text") % {"value": quote(raw)})
        if raw.is_integer() and abs(raw) < 1e15:
            return str(int(raw))
        return repr(raw)
    if isinstance(raw, int) and raw.bit_length() > 200:
        raise CellError(_("the number is too large"))
    return str(raw)
