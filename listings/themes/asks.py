"""A theme's requirements as a reader sees them, before any product is looked at (LST-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import formats
from django.utils.translation import gettext as _

from listings.choices import SERVICES, KeywordMode
from listings.models import Theme
from portal.country_names import country_name
from portal.models import Category


@dataclass(frozen=True)
class Ask:
    """One line of requirements: what is asked and the values that meet it."""

    key: str
    label: str
    values: list[str]


def asks_of(theme: Theme, attribute_names: Mapping[str, str]) -> list[Ask]:
    """Return what a theme asks, category first; `attribute_names` maps a code to a name."""
    asks = [Ask("category", _("Category"), [_breakable(theme.category)])]
    if theme.keywords:
        every = theme.keyword_mode == KeywordMode.ALL
        label = _("Title holds all of") if every else _("Title holds one of")
        asks.append(Ask("keywords", label, list(theme.keywords)))
    if theme.kind:
        asks.append(Ask("kind", _("Product kind"), [theme.get_kind_display()]))
    asks += [
        Ask(f"attribute:{code}", attribute_names.get(code, code), list(values))
        for code, values in theme.attributes.items()
    ]
    if theme.services:
        names = [str(SERVICES.get(code, code)) for code in theme.services]
        asks.append(Ask("services", _("Services needed"), names))
    if theme.price_min is not None or theme.price_max is not None:
        asks.append(Ask("price", _("All prices within"), [price_range(theme)]))
    if theme.countries:
        names = [country_name(code) for code in theme.countries]
        asks.append(Ask("countries", _("One of these target countries"), names))
    return asks


def _breakable(category: Category) -> str:
    """Return a category's path with places where a line may break."""
    return (category.path or category.name).replace(">>", " › ")


def price_range(theme: Theme) -> str:
    """Return the price range in words, in US dollars."""
    low, high = (
        None if price is None else formats.number_format(price, 2, force_grouping=True)
        for price in (theme.price_min, theme.price_max)
    )
    if low is None:
        return _("up to US$%(high)s") % {"high": high}
    if high is None:
        return _("from US$%(low)s") % {"low": low}
    return _("US$%(low)s – US$%(high)s") % {"low": low, "high": high}
