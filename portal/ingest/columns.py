"""Typed columns: each turns one raw cell into a clean value or a message for people (K-15).

A raw cell is what a reader or the API delivers: text from CSV; text, numbers, booleans and naive
datetimes from XLSX; any JSON value from the API. `Column.clean` returns the value or raises
`CellError`; it never raises anything else, whatever was typed.

An empty cell of an optional column has the column's empty value (`""`, `None`, `[]` …), which clears
what was stored. A column that is absent altogether leaves the stored value alone.
"""

from __future__ import annotations

import copy
import json
import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from portal import platform_time
from portal.ingest.cells import CellError, did_you_mean, quote, safe_text

FIRST_YEAR, LAST_YEAR = 1970, 2199
MAX_JSON_DEPTH = 12
MAX_JSON_CHARACTERS = 100_000
MAX_INT = 2_147_483_647

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_DAY = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[ T]00:00(?::00)?)?")
_TRUE = frozenset({"true", "yes", "y", "1", "是"})
_FALSE = frozenset({"false", "no", "n", "0", "否"})


@dataclass(frozen=True)
class Column:
    """One column of a kind.

    `optional`: the column may be missing and its cell may be empty. `blank`: the column must be
    there, its cell may be empty. `default` is the value of an empty cell, and of a new row without
    the column. `example` fills the downloadable template.
    """

    name: str
    optional: bool = field(default=False, kw_only=True)
    blank: bool = field(default=False, kw_only=True)
    default: Any = field(default=None, kw_only=True)
    example: str = field(default="", kw_only=True)

    def type_name(self) -> str:
        """Return a word for the type, for documentation: that of the nearest class of this module."""
        for base in type(self).__mro__:
            if base.__module__ == __name__:
                return base.__name__.lower()
        return "text"

    @property
    def may_be_empty(self) -> bool:
        """Tell whether an empty cell is fine."""
        return self.optional or self.blank

    def empty_value(self) -> Any:
        """Return what an empty cell means; a fresh object each time."""
        return copy.copy(self.default)

    def clean(self, raw: Any) -> Any:
        """Return the clean value of a raw cell, or raise `CellError`."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            if self.may_be_empty:
                return self.empty_value()
            raise CellError(_("must not be empty"))
        return self.parse(raw)

    def parse(self, raw: Any) -> Any:
        """Return the clean value of a cell that is not empty."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Column):
    """Free text on one or several lines."""

    max_length: int = field(default=200, kw_only=True)
    default: Any = field(default="", kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return stripped text."""
        return safe_text(raw, self.max_length)


@dataclass(frozen=True)
class Code(Text):
    """An external id or code: no spaces at the ends, no line breaks inside."""

    max_length: int = field(default=64, kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the code."""
        code = safe_text(raw, self.max_length)
        if not code.isprintable():
            raise CellError(_("%(value)s is not an id on one line") % {"value": quote(raw)})
        return code


@dataclass(frozen=True)
class Secret(Column):
    """A password: never trimmed, never repeated in a message."""

    max_length: int = field(default=200, kw_only=True)
    default: Any = field(default="", kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the text as it is."""
        try:
            return safe_text(raw, self.max_length, strip=False)
        except CellError:
            raise CellError(
                _("is not text of at most %(most)d characters") % {"most": self.max_length}
            ) from None


@dataclass(frozen=True)
class Choice(Column):
    """One word of a fixed list, e.g. `Choice("kind", choices=TradeKind.values)`."""

    choices: tuple[str, ...] | list[str] = field(default=(), kw_only=True)
    default: Any = field(default="", kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the word as the list spells it."""
        if raw in self.choices:
            return str(raw)
        word = safe_text(raw, 200)
        for choice in self.choices:
            if choice.casefold() == word.casefold():
                return choice
        raise CellError(
            _("%(value)s is not one of %(choices)s.")
            % {"value": quote(word), "choices": ", ".join(self.choices)}
            + did_you_mean(word, self.choices)
        )


@dataclass(frozen=True)
class Country(Column):
    """An ISO 3166 country code of two letters."""

    default: Any = field(default="", kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the code in capitals."""
        code = safe_text(raw, 60).upper()
        if code not in country_codes():
            raise CellError(
                _("%(value)s is not a country code of two letters such as US")
                % {"value": quote(raw)}
            )
        return code


def country_codes() -> frozenset[str]:
    """Return the known two-letter country codes."""
    global _country_codes
    if not _country_codes:
        from django_countries import countries

        _country_codes = frozenset(countries.countries)
    return _country_codes


_country_codes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Int(Column):
    """A whole number between `least` and `most`."""

    least: int = field(default=0, kw_only=True)
    most: int = field(default=MAX_INT, kw_only=True)

    def parse(self, raw: Any) -> int:
        """Return the number."""
        value = _decimal(raw)
        if value != value.to_integral_value():
            raise CellError(_("%(value)s is not a whole number") % {"value": quote(raw)})
        _check_range(value, Decimal(self.least), Decimal(self.most))
        return int(value)


@dataclass(frozen=True)
class Money(Column):
    """A decimal number, by default US dollars with two places.

    `max_digits` counts all digits, as in the model field.
    """

    max_digits: int = field(default=14, kw_only=True)
    places: int = field(default=2, kw_only=True)
    least: Decimal | None = field(default=Decimal(0), kw_only=True)

    def parse(self, raw: Any) -> Decimal:
        """Return the number with exactly `places` decimal places."""
        value = _decimal(raw)
        _check_range(value, self.least, None)
        if abs(value) >= 10 ** (self.max_digits - self.places):
            raise CellError(
                _("has more than %(most)d digits before the decimal point")
                % {"most": self.max_digits - self.places}
            )
        rounded = round(value, self.places)
        # A spreadsheet computes in binary: 0.1 + 0.2 is not 0.3, but it is meant.
        if rounded != value and not (
            isinstance(raw, float) and math.isclose(rounded, value, rel_tol=1e-9)
        ):
            raise CellError(_("has more than %(most)d decimal places") % {"most": self.places})
        return rounded


def _decimal(raw: Any) -> Decimal:
    """Return a plain decimal number from text or a native number."""
    if isinstance(raw, Decimal) and raw.is_finite():
        return raw
    if isinstance(raw, str):
        text = raw.strip()
    elif isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise CellError(_("%(value)s is not a number") % {"value": quote(raw)})
    elif isinstance(raw, int):
        if raw.bit_length() > 120:
            raise CellError(_("the number is too large"))
        return Decimal(raw)
    else:
        if not math.isfinite(raw) or not (raw == 0 or 1e-12 < abs(raw) < 1e30):
            raise CellError(_("%(value)s is not a plain number") % {"value": quote(raw)})
        return Decimal(repr(raw))
    if not _NUMBER.fullmatch(text):
        hint = " " + _("Write it without thousands separators or units.") if "," in text else ""
        raise CellError(_("%(value)s is not a number") % {"value": quote(raw)} + hint)
    return Decimal(text)


def _check_range(value: Decimal, least: Decimal | None, most: Decimal | None) -> None:
    if least is not None and value < least:
        raise CellError(_("must be at least %(least)s") % {"least": least})
    if most is not None and value > most:
        raise CellError(_("must be at most %(most)s") % {"most": most})


@dataclass(frozen=True)
class Bool(Column):
    """Yes or no."""

    default: Any = field(default=False, kw_only=True)

    def parse(self, raw: Any) -> bool:
        """Return the truth value of true/false, yes/no, 1/0, 是/否."""
        if isinstance(raw, bool):
            return raw
        word = raw.strip().casefold() if isinstance(raw, str) else raw
        if word in _TRUE if isinstance(word, str) else word == 1:
            return True
        if word in _FALSE if isinstance(word, str) else word == 0:
            return False
        raise CellError(_("%(value)s is neither true nor false") % {"value": quote(raw)})


@dataclass(frozen=True)
class Day(Column):
    """A Pacific calendar day: `2022-07-19`, `2022/7/19` or a spreadsheet's date."""

    def parse(self, raw: Any) -> date:
        """Return the day."""
        if isinstance(raw, datetime):
            day = raw.date()
        elif isinstance(raw, date):
            day = raw
        else:
            day = self._from_text(raw)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise CellError(_("%(value)s is outside the calendar") % {"value": quote(str(day))})
        return day

    def _from_text(self, raw: Any) -> date:
        match = _DAY.fullmatch(raw.strip()) if isinstance(raw, str) else None
        try:
            if match:
                return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            pass
        raise CellError(_("%(value)s is not a day like 2022-07-19") % {"value": quote(raw)})


@dataclass(frozen=True)
class Instant(Column):
    """A point in time, ISO 8601 with offset; clean value in UTC.

    A spreadsheet's date-time has no offset and is refused like any other text without one: read as
    the wrong zone it would count on the wrong day.
    """

    def parse(self, raw: Any) -> datetime:
        """Return the instant in UTC."""
        if isinstance(raw, (date, datetime)):
            raise CellError(
                _(
                    "a spreadsheet's date has no offset; write text such as 2022-07-19T18:00:00-07:00"
                )
            )
        if not isinstance(raw, str):
            raise CellError(_("%(value)s is not an ISO 8601 instant") % {"value": quote(raw)})
        try:
            instant = platform_time.parse_instant(raw)
        except platform_time.InvalidInstant:
            raise CellError(
                _("%(value)s is not an instant with offset such as 2022-07-19T18:00:00-07:00")
                % {"value": quote(raw)}
            ) from None
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise CellError(_("%(value)s is outside the calendar") % {"value": quote(raw)})
        return instant


@dataclass(frozen=True)
class TextList(Column):
    """Several texts: separated by `|` in a cell, a list in JSON; repeats are dropped.

    With `choices` each item must be one of them.
    """

    max_items: int = field(default=200, kw_only=True)
    item_length: int = field(default=200, kw_only=True)
    choices: tuple[str, ...] | list[str] | None = field(default=None, kw_only=True)
    item: Column | None = field(default=None, kw_only=True)
    default: Any = field(default_factory=list, kw_only=True)

    def parse(self, raw: Any) -> list[Any]:
        """Return the items in their order."""
        if isinstance(raw, (list, tuple)):
            parts = list(raw)
        else:
            parts = safe_text(raw, self.max_items * (self.item_length + 1)).split("|")
        item = self._item()
        items = dict.fromkeys(
            item.parse(part) for part in parts if not (isinstance(part, str) and not part.strip())
        )
        if len(items) > self.max_items:
            raise CellError(
                _("has %(count)d items; at most %(most)d are allowed")
                % {"count": len(items), "most": self.max_items}
            )
        return list(items)

    def _item(self) -> Column:
        if self.item is not None:
            return self.item
        if self.choices is not None:
            return Choice(self.name, choices=tuple(self.choices))
        return Text(self.name, max_length=self.item_length)


@dataclass(frozen=True)
class Json(Column):
    """A JSON object (`shape=dict`) or list (`shape=list`): as text in a cell, native in the API.

    Only the outer shape is checked, and that both databases can store it; the kind checks the rest.
    """

    shape: type = field(default=dict, kw_only=True)

    def empty_value(self) -> Any:
        """Return an empty object or list unless a default is given."""
        return self.shape() if self.default is None else copy.deepcopy(self.default)

    def parse(self, raw: Any) -> Any:
        """Return the object or list."""
        value = self._decode(raw) if isinstance(raw, str) else raw
        if not isinstance(value, self.shape):
            wanted = _("a JSON object") if self.shape is dict else _("a JSON list")
            raise CellError(_("is not %(wanted)s") % {"wanted": wanted})
        _check_json(value, MAX_JSON_DEPTH)
        return value

    def _decode(self, text: str) -> Any:
        if len(text) > MAX_JSON_CHARACTERS:
            raise CellError(
                _("has %(length)d characters; at most %(most)d are allowed")
                % {"length": len(text), "most": MAX_JSON_CHARACTERS}
            )
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise CellError(
                _("is not JSON: %(problem)s at character %(position)d")
                % {"problem": error.msg, "position": error.pos + 1}
            ) from None
        except (ValueError, RecursionError):
            raise CellError(_("is not JSON that can be read")) from None


def _check_json(value: Any, depth: int) -> None:
    """Refuse what one of the databases cannot store: NUL, lone surrogates, NaN, endless nesting."""
    if depth == 0:
        raise CellError(_("is nested too deeply"))
    if isinstance(value, str):
        safe_text(value, MAX_JSON_CHARACTERS)
    elif isinstance(value, float) and not math.isfinite(value):
        raise CellError(_("contains a number that is not finite"))
    elif isinstance(value, int) and value.bit_length() > 63:
        raise CellError(_("the number is too large"))
    elif isinstance(value, dict):
        for key, item in value.items():
            safe_text(key, MAX_JSON_CHARACTERS)
            _check_json(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth - 1)


@dataclass(frozen=True)
class Ref(Code):
    """The external id of another row, e.g. `Ref("seller", model=Seller, by="member_id")`.

    The cell is cleaned to the id's text; then the engine replaces it, for a whole chunk in one
    query, by the primary key, or with `instance=True` by the object. Unknown ids are row errors
    that name the nearest known one. An empty optional cell is `None`.
    """

    model: type[Model] = field(kw_only=True)
    by: str = field(default="code", kw_only=True)
    instance: bool = field(default=False, kw_only=True)
    default: Any = field(default=None, kw_only=True)
