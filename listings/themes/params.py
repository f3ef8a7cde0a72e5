"""Reads the filters of themes and matches from a query string, for pages and API alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from listings.choices import ProductKind
from listings.services.product_catalogue import nearest
from listings.themes.queries import ORDERINGS, ThemeFilters
from portal.ingest.columns import CellError, Country, quote, safe_text
from portal.models import Category

TRUE, FALSE = {"true", "1", "yes"}, {"false", "0", "no"}
LONGEST = 200


@dataclass
class ThemeQuery:
    """What was asked for; `errors` maps a parameter to what is wrong with it."""

    filters: ThemeFilters = field(default_factory=ThemeFilters)
    ordering: str = "traffic"
    errors: dict[str, str] = field(default_factory=dict)


def read_theme_query(given: Mapping[str, str]) -> ThemeQuery:
    """Read category, country, kind, rts, national, q and ordering; a wrong one counts as absent."""
    query = ThemeQuery()
    values: dict[str, object] = {}
    for name, reader in _READERS.items():
        try:
            text = safe_text(given.get(name) or "", LONGEST)
            if text:
                values[name] = reader(text)
        except CellError as error:
            query.errors[name] = str(error)
    query.ordering = str(values.pop("ordering", query.ordering))
    query.filters = ThemeFilters(**values)  # type: ignore[arg-type]
    return query


def _category(text: str) -> Category:
    category = Category.objects.filter(code=text).first()
    if category is None:
        message = _("There is no category %(code)s.") % {"code": quote(text)}
        names = nearest(text, Category.objects.values_list("code", flat=True))
        if names:
            message += " " + _("Nearest: %(names)s") % {"names": ", ".join(names)}
        raise CellError(message)
    return category


def _one_of(known: list[str], text: str) -> str:
    if text not in known:
        message = _("%(value)s is not one of %(choices)s.")
        raise CellError(message % {"value": quote(text), "choices": ", ".join(known)})
    return text


def _truth(text: str) -> bool:
    word = text.casefold()
    if word not in TRUE | FALSE:
        raise CellError(_("%(value)s is neither true nor false") % {"value": quote(text)})
    return word in TRUE


_READERS: dict[str, Callable[[str], object]] = {
    "category": _category,
    "country": Country("country").parse,
    "kind": lambda text: _one_of(ProductKind.values, text),
    "rts": _truth,
    "national": _truth,
    "q": str,
    "ordering": lambda text: _one_of(list(ORDERINGS), text.removeprefix("-")),
}
