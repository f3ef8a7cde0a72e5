"""Cities that programmes speak of, however upstream spells them (GRO-18).

Guangzhou comes as 广州, 广州市, "Guangzhou City" or GUANGZHOU: a condition on the plain field would hold for
one spelling alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.models import Seller


@dataclass(frozen=True)
class City:
    """A city: its key, its name, and how it is written, in small letters without spaces."""

    key: str
    name: Promise
    spellings: tuple[str, ...]


CITIES = (
    # Translators: 广州
    City("guangzhou", _("Guangzhou"), ("guangzhou", "canton", "广州", "廣州")),
    # Translators: 深圳
    City("shenzhen", _("Shenzhen"), ("shenzhen", "深圳")),
)


def city_of(said: str) -> str:
    """Return the key of the city that a text names, or an empty text. Pure."""
    folded = unicodedata.normalize("NFKC", said).casefold()
    plain = "".join(char for char in folded if char.isalnum())
    return next(
        (city.key for city in CITIES if any(spelling in plain for spelling in city.spellings)), ""
    )


def _load(sellers: QuerySet[Seller], day: date) -> Values:
    """Return the keys; a city that has none as it is. Some name the city in place of its province."""
    rows = sellers.values_list("pk", "city", "province")
    return {pk: city_of(f"{city} {province}") or city.strip() for pk, city, province in rows}


def _names(keys: Collection[str]) -> Mapping[str, Any]:
    return {city.key: city.name for city in CITIES}


register_audience_field(
    # Translators: 所在城市
    AudienceField("city_known", FieldType.TEXT, _load, None, _("City"), _names)
)
