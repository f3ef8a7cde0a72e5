"""System attributes by the catalogue, custom attributes by the shop (LST-1, LST-4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from listings.matching.text import canonical_value
from listings.services import product_data as limits
from listings.services.product_catalogue import Catalogue, Offer, nearest
from listings.services.product_data import ProductData
from portal.choices import AttributeType
from portal.ingest.columns import CellError, Money, quote, safe_text
from portal.models import Category

if TYPE_CHECKING:
    from listings.services.product_rules import Cleaned

_VALUE_LENGTH = 200


def clean_attributes(
    out: Cleaned,
    given: Mapping[str, Any],
    base: ProductData | None,
    catalogue: Catalogue,
    category: Category | None,
) -> None:
    """Put the attributes given into `out.data`, spelled as the catalogue does, problems noted.

    Values a product has already are kept even when its category no longer offers them.
    """
    if "custom_attributes" in given:
        out.data.custom_attributes = _custom(out, given["custom_attributes"])
    raw = given.get("attributes", out.data.attributes)
    if category is None:
        return
    stored = base.attributes if base is not None and base.category == category.code else None
    if stored is not None and raw == stored:
        return
    if not isinstance(raw, dict):
        if raw not in (None, ""):
            out.add("attributes", _("This has to map attribute codes to values."))
        out.data.attributes = {}
        return
    offers = catalogue.offers.get(category.code, {})
    kept = stored or {}
    attributes: dict[str, list[str]] = {}
    for code in sorted(raw, key=str):
        try:
            values = _texts(raw[code])
            if values and kept.get(code) != values:
                values = _system_values(str(code), values, offers, category)
        except CellError as error:
            out.add("attributes", f"{code}: {error}")
        else:
            if values:
                attributes[str(code)] = values
    out.data.attributes = attributes


def _texts(raw: Any) -> list[str]:
    """Return an attribute's values as texts, blanks and repeats dropped."""
    values = raw if isinstance(raw, (list, tuple)) else [raw]
    texts = [safe_text(value, _VALUE_LENGTH) for value in values if value is not None]
    found = list(dict.fromkeys(text for text in texts if text))
    if len(found) > limits.MAX_VALUES:
        raise CellError(_("at most %(most)d values are allowed") % {"most": limits.MAX_VALUES})
    return found


def _system_values(
    code: str, values: list[str], offers: Mapping[str, Offer], category: Category
) -> list[str]:
    """Return the values as the catalogue spells them; raise when one is not allowed."""
    offer = offers.get(code)
    if offer is None:
        raise CellError(
            _("%(category)s has no such system attribute.") % {"category": category.code}
            + hint(nearest(code, offers))
        )
    if offer.type != AttributeType.MULTI and len(values) > 1:
        raise CellError(_("takes one value only"))
    if offer.is_closed:
        return list(dict.fromkeys(_allowed(offer, value) for value in values))
    if offer.type == AttributeType.NUMBER:
        return [_number(value) for value in values]
    return values


def _allowed(offer: Offer, value: str) -> str:
    spelled = offer.spelled(value)
    if spelled is None:
        shown = nearest(value, offer.values) or list(offer.values[:3])
        raise CellError(
            _("%(value)s is not an allowed value; nearest: %(values)s")
            % {"value": quote(value), "values": ", ".join(shown)}
        )
    return spelled


def _number(value: str) -> str:
    """Return a number without trailing zeros: "10.50" and "10.5" are one value."""
    Money("number", max_digits=18, places=6, least=None).clean(value)
    return canonical_value(value)


def _custom(out: Cleaned, raw: Any) -> dict[str, str]:
    if raw in (None, ""):
        return {}
    if not isinstance(raw, dict):
        out.add("custom_attributes", _("This has to map names to values."))
        return {}
    found: dict[str, str] = {}
    try:
        for name, value in raw.items():
            label, text = safe_text(name, 80), ", ".join(_texts(value))
            if not label:
                raise CellError(_("a custom attribute needs a name"))
            if len(text) > 500:
                raise CellError(_("%(name)s: at most 500 characters are allowed") % {"name": label})
            if text:
                found[label] = text
        if len(found) > limits.MAX_CUSTOM_ATTRIBUTES:
            raise CellError(
                _("at most %(most)d are allowed") % {"most": limits.MAX_CUSTOM_ATTRIBUTES}
            )
    except CellError as error:
        out.add("custom_attributes", error)
    return found


def hint(found: list[str]) -> str:
    """Return the end of a message that names the nearest known words, or nothing."""
    return " " + _("Nearest: %(names)s.") % {"names": ", ".join(found)} if found else ""


def split_attributes(
    typed: Mapping[str, list[str]], offers: Mapping[str, Offer]
) -> tuple[dict[str, list[str]], dict[str, str], list[str]]:
    """Tell system values from the seller's own among what was typed for system attributes.

    Returns the system attributes, custom attributes for the rest, under the attribute's name, and a
    warning for each: an own value does not count for a theme (LST-4).
    """
    system: dict[str, list[str]] = {}
    custom: dict[str, str] = {}
    warnings: list[str] = []
    for code, values in typed.items():
        offer = offers.get(code)
        if offer is None or not offer.is_closed:
            system[code] = list(values)
            continue
        spellings = {value: offer.spelled(value) for value in values}
        known = [spelled for spelled in spellings.values() if spelled is not None]
        own = [value for value, spelled in spellings.items() if spelled is None]
        if known:
            system[code] = known
        if own:
            custom[offer.name] = ", ".join(own)
            warnings.append(
                _(
                    "“%(value)s” is not a system value of %(name)s. It is kept as a custom attribute "
                    "and does not count for themes."
                )
                % {"value": ", ".join(own), "name": offer.name}
            )
    return system, custom, warnings
