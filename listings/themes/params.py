"""Reads the filters of themes and matches from a query string, for pages and API alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from listings.choices import ProductKind
from listings.services.product_catalogue import nearest
from listings.themes.queries import ORDERINGS, ThemeFilters
from portal.ingest.columns import Bool, CellError, Country, quote
from portal.models import Category
from portal.query_params import Readers, one_of, read_params


@dataclass
class ThemeQuery:
    """What was asked for; `errors` maps a parameter to what is wrong with it."""

    filters: ThemeFilters = field(default_factory=ThemeFilters)
    ordering: str = "traffic"
    errors: dict[str, str] = field(default_factory=dict)


def read_theme_query(given: Mapping[str, str]) -> ThemeQuery:
    """Read category, country, kind, rts, national, q and ordering; a wrong one counts as absent."""
    values, errors = read_params(given, _READERS)
    ordering = str(values.pop("ordering", "traffic"))
    return ThemeQuery(ThemeFilters(**values), ordering, errors)  # type: ignore[arg-type]


def _category(text: str) -> Category:
    category = Category.objects.filter(code=text).first()
    if category is None:
        message = _("There is no category %(code)s.") % {"code": quote(text)}
        names = nearest(text, Category.objects.values_list("code", flat=True))
        if names:
            message += " " + _("Nearest: %(names)s") % {"names": ", ".join(names)}
        raise CellError(message)
    return category


_truth = Bool("truth").parse
_ordering = one_of(ORDERINGS)
_READERS: Readers = {
    "category": _category,
    "country": Country("country").parse,
    "kind": one_of(ProductKind.values),
    "rts": _truth,
    "national": _truth,
    "q": str,
    "ordering": lambda text: _ordering(text.removeprefix("-")),
}
