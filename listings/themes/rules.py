"""Does one product meet one theme, and why not (LST-3, LST-4, LST-7).

Pure: values in, explanation out. `listings.matching` decides the same for all pairs inside the
database; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django_countries import countries as country_names

from listings.choices import SERVICES, KeywordMode, ProductKind, ProductStatus
from listings.matching.text import canonical_value, stored_value
from portal.text import normalise, padded, pattern

if TYPE_CHECKING:
    from listings.models import Theme

NAMES_SHOWN = 6
"""Longer lists in a reason end with "…"."""


@dataclass(frozen=True)
class Requirement:
    """One line of a check: `key` is part of the API (09-contract), `reason` is for the reader."""

    key: str
    met: bool
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return what the API answers."""
        return {"key": self.key, "met": self.met, "reason": self.reason}


@dataclass(frozen=True)
class ThemeSpec:
    """What a theme asks. `category` is a code; `attributes` maps a code to its accepted values.

    `category_name` and `attribute_names` only make reasons readable.
    """

    category: str
    starts_on: date
    ends_on: date | None = None
    keywords: Sequence[str] = ()
    keyword_mode: str = KeywordMode.ANY
    kind: str = ""
    attributes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    services: Sequence[str] = ()
    countries: Sequence[str] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    theme_id: str = ""
    category_name: str = ""
    attribute_names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, theme: Theme, attribute_names: Mapping[str, str] | None = None) -> Self:
        """Return a theme's requirements; select its `category` along with the theme."""
        return cls(
            theme_id=theme.theme_id,
            category=theme.category.code,
            category_name=theme.category.path or theme.category.name,
            starts_on=theme.starts_on,
            ends_on=theme.ends_on,
            keywords=theme.keywords,
            keyword_mode=theme.keyword_mode,
            kind=theme.kind,
            attributes=theme.attributes,
            services=theme.services,
            countries=theme.countries,
            price_min=theme.price_min,
            price_max=theme.price_max,
            attribute_names=attribute_names or {},
        )

    @cached_property
    def patterns(self) -> list[tuple[str, str]]:
        """(keyword, pattern) of every keyword that is not only signs."""
        pairs = [(keyword, pattern(keyword)) for keyword in self.keywords]
        return [pair for pair in pairs if pair[1]]

    @cached_property
    def accepted(self) -> dict[str, set[str]]:
        """Attribute code → accepted values as they are compared."""
        return {
            code: {stored_value(value) for value in values}
            for code, values in self.attributes.items()
        }

    def in_force(self, day: date) -> bool:
        """Tell whether a Pacific day lies inside the window, both ends included."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True)
class ProductFacts:
    """What themes may ask about a product or a draft.

    `category_path` holds the codes from the industry down to the product's category. `status` None
    means a draft that is being written: its status requirement reads "once published". Prices are
    USD. `attributes` maps a system attribute's code to a value or a list of values.
    """

    category_path: Sequence[str] = ()
    title: str = ""
    kind: str = ""
    status: str | None = None
    deleted: bool = False
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    custom_attributes: Mapping[str, Any] = field(default_factory=dict)
    services: Iterable[str] = ()
    countries: Iterable[str] = ()

    @classmethod
    def of_content(cls, content: Mapping[str, Any], category_path: Sequence[str]) -> Self:
        """Return the facts of a product's content: a revision, or a draft (keys as in LST-1)."""
        return cls(
            category_path=category_path,
            title=content.get("title") or "",
            kind=content.get("kind") or "",
            status=content.get("status") or None,
            deleted=bool(content.get("deleted_at")),
            price_min=_decimal(content.get("price_min")),
            price_max=_decimal(content.get("price_max")),
            attributes=content.get("attributes") or {},
            custom_attributes=content.get("custom_attributes") or {},
            services=content.get("services") or (),
            countries=content.get("target_countries") or (),
        )

    @cached_property
    def title_norm(self) -> str:
        """Title as keywords are looked up in it."""
        return padded(normalise(self.title))

    @property
    def is_live(self) -> bool:
        """Whether buyers can see it."""
        return self.status == ProductStatus.LIVE and not self.deleted

    def values(self, code: str) -> set[str]:
        """Return the values of a system attribute as they are compared."""
        return {stored_value(value) for value in values_of(self.attributes.get(code))}

    @cached_property
    def custom_values(self) -> dict[str, set[str]]:
        """The seller's own attribute names → their values, all in canonical form."""
        return {
            canonical_value(name): {canonical_value(one) for one in values_of(value)}
            for name, value in self.custom_attributes.items()
        }

    @cached_property
    def country_codes(self) -> set[str]:
        """Target countries in upper case."""
        return {code.strip().upper() for code in self.countries}


def values_of(value: Any) -> list[Any]:
    """Return an attribute's values as a list, whether one or several were given; blanks dropped."""
    values = value if isinstance(value, (list, tuple, set)) else [value]
    return [one for one in values if one is not None and str(one).strip()]


def _decimal(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value))


def evaluate(theme: ThemeSpec, facts: ProductFacts, day: date) -> list[Requirement]:
    """Return every requirement of the theme as of a Pacific day, met or not, with the reason (LST-7).

    Category, status and window are always there; the others only when the theme asks for them.
    """
    found = [_category(theme, facts)]
    if theme.patterns:
        found.append(_keywords(theme, facts))
    if theme.kind:
        found.append(_kind(theme, facts))
    found += [_attribute(theme, facts, code) for code in theme.attributes]
    if theme.services:
        found.append(_services(theme, facts))
    if theme.price_min is not None or theme.price_max is not None:
        found.append(_price(theme, facts))
    if theme.countries:
        found.append(_countries(theme, facts))
    return [*found, _status(facts), _window(theme, day)]


def matches(theme: ThemeSpec, facts: ProductFacts, day: date) -> bool:
    """Tell whether all requirements are met (LST-4)."""
    return all(requirement.met for requirement in evaluate(theme, facts, day))


def missing(theme: ThemeSpec, facts: ProductFacts, day: date) -> list[Requirement]:
    """Return the requirements that are not met."""
    return [requirement for requirement in evaluate(theme, facts, day) if not requirement.met]


# --- One requirement each -----------------------------------------------------------------------


def _category(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    name = theme.category_name or theme.category
    if theme.category in facts.category_path:
        return Requirement("category", True, _("The category belongs to %(name)s") % {"name": name})
    if not facts.category_path:
        reason = _("No category yet: choose one in %(name)s") % {"name": name}
    else:
        reason = _("The category is not in %(name)s") % {"name": name}
    return Requirement("category", False, reason)


def _keywords(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    absent = [keyword for keyword, text in theme.patterns if text not in facts.title_norm]
    if theme.keyword_mode == KeywordMode.ALL:
        met = not absent
        reason = (
            _("The title holds every keyword")
            if met
            else _("The title lacks: %(words)s") % {"words": _listed(absent)}
        )
    else:
        met = len(absent) < len(theme.patterns)
        reason = (
            _("The title holds a keyword")
            if met
            else _("The title needs one of: %(words)s") % {"words": _listed(absent)}
        )
    return Requirement("keywords", met, reason)


def _kind(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    wanted = {"kind": ProductKind(theme.kind).label}
    if facts.kind == theme.kind:
        return Requirement("kind", True, _("The product is %(kind)s") % wanted)
    return Requirement("kind", False, _("The product has to be %(kind)s") % wanted)


def _attribute(theme: ThemeSpec, facts: ProductFacts, code: str) -> Requirement:
    key = f"attribute:{code}"
    name = theme.attribute_names.get(code) or code
    accepted, values = theme.accepted[code], facts.values(code)
    texts = {"name": name, "values": _listed([str(value) for value in theme.attributes[code]])}
    if values & accepted:
        return Requirement(key, True, _("%(name)s has an accepted value") % texts)
    if _is_custom(facts, {code, name}, accepted):
        reason = _("%(name)s is a custom value: pick a system value") % texts
    elif values:
        reason = _("%(name)s has another value; accepted: %(values)s") % texts
    else:
        reason = _("%(name)s is missing; accepted: %(values)s") % texts
    return Requirement(key, False, reason)


def _is_custom(facts: ProductFacts, names: set[str], accepted: set[str]) -> bool:
    """Tell whether the seller wrote the answer among the custom attributes.

    Either under the attribute's own name, or an accepted value under any name, however spelled.
    """
    own_names = {canonical_value(name) for name in names}
    wanted = {canonical_value(value) for value in accepted}
    return any(name in own_names or values & wanted for name, values in facts.custom_values.items())


def _services(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    offered = set(facts.services)
    absent = [code for code in theme.services if code not in offered]
    if not absent:
        return Requirement("services", True, _("Every service needed is offered"))
    names = _listed([str(SERVICES.get(code, code)) for code in absent])
    reason = ngettext("Service missing: %(names)s", "Services missing: %(names)s", len(absent))
    return Requirement("services", False, reason % {"names": names})


def _price(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    asked = _price_range(theme.price_min, theme.price_max)
    if facts.price_min is None or facts.price_max is None:
        return Requirement("price", False, _("No price yet; needed: %(range)s") % {"range": asked})
    too_low = theme.price_min is not None and facts.price_min < theme.price_min
    too_high = theme.price_max is not None and facts.price_max > theme.price_max
    texts = {
        "range": asked,
        "lowest": _usd(facts.price_min),
        "highest": _usd(facts.price_max),
    }
    if too_low and too_high:
        reason = _("The prices %(lowest)s to %(highest)s USD reach beyond %(range)s") % texts
    elif too_low:
        reason = _("The lowest price, %(lowest)s USD, is outside %(range)s") % texts
    elif too_high:
        reason = _("The highest price, %(highest)s USD, is outside %(range)s") % texts
    else:
        reason = _("All prices are inside %(range)s") % texts
    return Requirement("price", not (too_low or too_high), reason)


def _countries(theme: ThemeSpec, facts: ProductFacts) -> Requirement:
    if any(code in facts.country_codes for code in theme.countries):
        return Requirement("countries", True, _("A target country is one of the theme's"))
    names = _listed([country_names.name(code) or code for code in theme.countries])
    reason = _("Target one of these countries: %(names)s") % {"names": names}
    return Requirement("countries", False, reason)


def _status(facts: ProductFacts) -> Requirement:
    if facts.deleted:
        return Requirement("status", False, _("The product is in the recycle bin"))
    if facts.status is None:
        return Requirement("status", True, _("Counts once published"))
    if facts.is_live:
        return Requirement("status", True, _("The product is live"))
    label = (
        ProductStatus(facts.status).label if facts.status in ProductStatus.values else facts.status
    )
    reason = _("The product has to be live; it is: %(status)s") % {"status": label}
    return Requirement("status", False, reason)


def _window(theme: ThemeSpec, day: date) -> Requirement:
    if day < theme.starts_on:
        reason = _("The theme starts on %(day)s") % {"day": _day(theme.starts_on)}
    elif theme.ends_on is None:
        reason = _("The theme is open without an end")
    elif day > theme.ends_on:
        reason = _("The theme ended on %(day)s") % {"day": _day(theme.ends_on)}
    else:
        reason = _("The theme is open until %(day)s") % {"day": _day(theme.ends_on)}
    return Requirement("window", theme.in_force(day), reason)


# --- Words --------------------------------------------------------------------------------------


def _listed(names: Sequence[str]) -> str:
    shown = pgettext("between names", ", ").join(names[:NAMES_SHOWN])
    return f"{shown}, …" if len(names) > NAMES_SHOWN else shown


def _usd(amount: Decimal) -> str:
    return formats.number_format(amount, decimal_pos=2, force_grouping=True)


def _price_range(low: Decimal | None, high: Decimal | None) -> str:
    if low is None:
        assert high is not None  # noqa: S101 - the caller asks only when a bound is given
        return _("up to %(high)s USD") % {"high": _usd(high)}
    if high is None:
        return _("from %(low)s USD") % {"low": _usd(low)}
    return _("%(low)s to %(high)s USD") % {"low": _usd(low), "high": _usd(high)}


def _day(day: date) -> str:
    return formats.date_format(day, "DATE_FORMAT")
