"""What a theme may say, held against the catalogue (LST-3).

A word the catalogue does not know is refused with the nearest one it does: a theme with a mistyped
value would silently match nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django_countries import countries

from listings.choices import KeywordMode, ProductKind
from listings.matching.countries import is_country
from listings.matching.text import canonical_value
from listings.services.product_rules import service_code
from listings.themes.rules import values_of
from portal import platform_time
from portal.choices import AttributeType
from portal.ingest.columns import did_you_mean
from portal.models import Attribute, Category, CategoryAttribute
from portal.text import pattern

LISTED = (AttributeType.SELECT, AttributeType.MULTI)
MAX_PRICE = Decimal(10) ** 10
FORBIDDEN_IN_ID = "/\\?#%"
_NOT_ISO = {"UK": "GB", "EL": "GR"}


class Mistake(ValueError):
    """One field is wrong; the text says why."""


@dataclass
class Catalogue:
    """The categories and attributes that a batch of themes speaks of; three queries in all.

    `categories` maps a code to the row, `attributes` a code to the row, and `offered` a pair of both
    codes to the values allowed: text and canonical form of each
    → the catalogue's spelling, the very text winning. A pair is there when the
    attribute is offered in the category, anywhere below it or above it.
    """

    categories: dict[str, Category] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    offered: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, category_codes: Iterable[str], attribute_codes: Iterable[str]) -> Catalogue:
        """Load what the codes name; unknown ones are simply not in it."""
        categories = {
            row.code: row for row in Category.objects.filter(code__in=set(category_codes))
        }
        attributes = {
            row.code: row for row in Attribute.objects.filter(code__in=set(attribute_codes))
        }
        found = cls(categories, attributes)
        if categories and attributes:
            found.offered = _offers(categories.values(), attributes.values())
        return found

    @cached_property
    def all_categories(self) -> list[str]:
        """Every category code, for suggestions."""
        return list(Category.objects.order_by("code").values_list("code", flat=True))

    @cached_property
    def all_attributes(self) -> list[str]:
        """Every attribute code, for suggestions."""
        return list(Attribute.objects.order_by("code").values_list("code", flat=True))


def _offers(
    categories: Iterable[Category], attributes: Iterable[Attribute]
) -> dict[tuple[str, str], dict[str, str]]:
    rows = CategoryAttribute.objects.filter(attribute__in=list(attributes)).order_by()
    wanted = [category.pk for category in categories]
    columns = ("theirs", "attribute__code", "values")
    below = rows.filter(category__above__ancestor__in=wanted)
    above = rows.filter(category__below__descendant__in=wanted)
    pairs = [
        *below.annotate(theirs=F("category__above__ancestor__code")).values_list(*columns),
        *above.annotate(theirs=F("category__below__descendant__code")).values_list(*columns),
    ]
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for category, attribute, values in pairs:
        allowed = found[category, attribute]
        for value in values:
            text = str(value)
            allowed[text] = text
            allowed.setdefault(canonical_value(text), text)
    return found


def clean_theme(
    data: Mapping[str, Any], catalogue: Catalogue
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return a theme's clean fields, and (field, message) for each that is wrong.

    `data` holds every field of `CHECKS`. Fields that depend on another wrong one are not judged.
    """
    clean: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for name, check in CHECKS.items():
        try:
            clean[name] = check(data.get(name))
        except Mistake as mistake:
            errors.append((name, str(mistake)))
    for name, check_with in (("category", _category), ("attributes", _attributes)):
        try:
            clean[name] = check_with(data, catalogue)
        except Mistake as mistake:
            errors.append((name, str(mistake)))
    errors += _order_mistakes(clean)
    return clean, errors


def _order_mistakes(clean: Mapping[str, Any]) -> list[tuple[str, str]]:
    low, high = clean.get("price_min"), clean.get("price_max")
    first, last = clean.get("starts_on"), clean.get("ends_on")
    found = []
    if low is not None and high is not None and low > high:
        found.append(("price_max", _("The highest price is below the lowest")))
    if first is not None and last is not None and last < first:
        found.append(("ends_on", _("The theme would end before it starts")))
    return found


# --- Against the catalogue ----------------------------------------------------------------------


def _category(data: Mapping[str, Any], catalogue: Catalogue) -> Category:
    code = str(data.get("category") or "").strip()
    if not code:
        raise Mistake(_("A category is needed"))
    if code not in catalogue.categories:
        raise Mistake(
            _("Unknown category “%(code)s”.") % {"code": code}
            + did_you_mean(code, catalogue.all_categories)
        )
    return catalogue.categories[code]


def _attributes(data: Mapping[str, Any], catalogue: Catalogue) -> dict[str, list[str]]:
    asked = data.get("attributes") or {}
    if not isinstance(asked, Mapping):
        raise Mistake(_("Give attribute codes with lists of accepted values"))
    category = str(data.get("category") or "").strip()
    known_category = category in catalogue.categories
    clean = {}
    for code, values in asked.items():
        attribute = catalogue.attributes.get(code)
        if attribute is None:
            raise Mistake(
                _("Unknown attribute “%(code)s”.") % {"code": code}
                + did_you_mean(str(code), catalogue.all_attributes)
            )
        if known_category:
            clean[code] = _values(attribute, values, category, catalogue)
    return clean


def _values(attribute: Attribute, values: Any, category: str, catalogue: Catalogue) -> list[str]:
    allowed = catalogue.offered.get((category, attribute.code))
    names = {"code": attribute.code, "category": category}
    if allowed is None:
        near = {code for offering, code in catalogue.offered if offering == category}
        raise Mistake(
            _("Attribute “%(code)s” is not offered in category “%(category)s”, below or above it.")
            % names
            + did_you_mean(attribute.code, sorted(near))
        )
    given = list(dict.fromkeys(str(value).strip() for value in values_of(values)))
    if not given:
        raise Mistake(_("Attribute “%(code)s” needs at least one accepted value") % names)
    if attribute.type in LISTED:
        return list(dict.fromkeys(_allowed(value, attribute, allowed) for value in given))
    if attribute.type == AttributeType.NUMBER:
        return list(dict.fromkeys(_number(value, attribute) for value in given))
    return given


def _allowed(value: str, attribute: Attribute, allowed: Mapping[str, str]) -> str:
    spelled = allowed.get(value) or allowed.get(canonical_value(value))
    if spelled is None:
        names = {"value": value, "code": attribute.code}
        raise Mistake(
            _("“%(value)s” is not a value of attribute “%(code)s”.") % names
            + did_you_mean(value, allowed.values())
        )
    return spelled


def _number(value: str, attribute: Attribute) -> str:
    """Return a number without trailing zeros, as products store it."""
    try:
        finite = Decimal(value).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        names = {"value": value, "code": attribute.code}
        raise Mistake(_("“%(value)s” is not a number; attribute “%(code)s” takes numbers") % names)
    return canonical_value(value)


# --- One field each -----------------------------------------------------------------------------


def _text(limit: int, *, required: bool = False) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = str(value or "").strip()
        if required and not text:
            raise Mistake(_("This is needed"))
        if len(text) > limit:
            raise Mistake(_("At most %(limit)d characters") % {"limit": limit})
        return text

    return check


def _words(value: Any) -> list[str]:
    """Return a list of distinct texts; a blank entry is dropped."""
    if isinstance(value, str):
        raise Mistake(_("Give a list"))
    return list(dict.fromkeys(text for one in value or () if (text := str(one).strip())))


def _keywords(value: Any) -> list[str]:
    words = _words(value)
    for word in words:
        if not pattern(word):
            raise Mistake(_("Keyword “%(word)s” has no letter and no digit") % {"word": word})
    return words


def _choice(choices: type[KeywordMode] | type[ProductKind], empty: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = str(value or empty).strip()
        if text and text not in choices.values:
            raise Mistake(
                _("“%(value)s” is not one of: %(choices)s.")
                % {"value": text, "choices": ", ".join(choices.values)}
                + did_you_mean(text, choices.values)
            )
        return text

    return check


def _countries(value: Any) -> list[str]:
    codes = list(dict.fromkeys(code.upper() for code in _words(value)))
    for code in codes:
        if not is_country(code):
            hint = _NOT_ISO.get(code) or _country_by_name(code)
            raise Mistake(
                _("Unknown country “%(code)s”.") % {"code": code}
                + (" " + _("Did you mean “%(word)s”?") % {"word": hint} if hint else "")
            )
    return codes


def _country_by_name(text: str) -> str:
    return countries.by_name(text.title()) or ""


def _price(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise Mistake(_("“%(value)s” is not an amount") % {"value": value}) from error
    if not amount.is_finite() or not 0 <= amount < MAX_PRICE:
        raise Mistake(_("The amount is outside what a price can be"))
    if amount != round(amount, 2):
        raise Mistake(_("At most two decimals"))
    return round(amount, 2)


def _day(*, required: bool = False) -> Callable[[Any], date | None]:
    def check(value: Any) -> date | None:
        if value is None or value == "":
            if required:
                raise Mistake(_("A day is needed"))
            return None
        if isinstance(value, date):
            return value
        try:
            return platform_time.parse_day(str(value))
        except platform_time.InvalidInstant as error:
            raise Mistake(
                _("“%(value)s” is not a day like 2022-07-19") % {"value": value}
            ) from error

    return check


def _percent(value: Any) -> int | None:
    if value is None or value == "":
        return None
    try:
        number = int(str(value))
    except ValueError as error:
        raise Mistake(_("“%(value)s” is not a whole number") % {"value": value}) from error
    if not -(2**31) <= number < 2**31:
        raise Mistake(_("The number is too large"))
    return number


def _theme_id(value: Any) -> str:
    """Return an external id that can stand in an address."""
    text = _text(64, required=True)(value)
    if (
        any(sign in text for sign in FORBIDDEN_IN_ID)
        or text in (".", "..")
        or not text.isprintable()
    ):
        raise Mistake(_("An id must not hold any of %(signs)s") % {"signs": FORBIDDEN_IN_ID})
    return text


def _services(value: Any) -> list[str]:
    """Return service codes as products store them."""
    return list(dict.fromkeys(service_code(text) for text in _words(value)))


CHECKS: dict[str, Callable[[Any], Any]] = {
    "theme_id": _theme_id,
    "title_en": _text(200, required=True),
    "title_zh": _text(200),
    "reason_en": _text(20_000),
    "reason_zh": _text(20_000),
    "picture": _text(300),
    "keywords": _keywords,
    "keyword_mode": _choice(KeywordMode, KeywordMode.ANY),
    "kind": _choice(ProductKind, ""),
    "services": _services,
    "countries": _countries,
    "price_min": _price,
    "price_max": _price,
    "starts_on": _day(required=True),
    "ends_on": _day(),
    "traffic_gain": _percent,
    "conversion_gain": _percent,
    "trade_gain": _percent,
}
"""Checks that need no catalogue, by field."""

WRITABLE = (*CHECKS, "category", "attributes")
"""Fields a writer may give."""
