"""What a market search asks for, read from a query string: pages, API and saved searches (RFQ-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.ingest.cells import did_you_mean
from portal.ingest.columns import Bool, CellError, Country, quote
from portal.models import Category
from portal.query_params import Readers, one_of, read_params
from rfq.choices import Grade
from rfq.market.search_words import Group, groups_of

NEWEST, FEWEST, QUANTITY = "newest", "fewest_quotes", "highest_quantity"
RECOMMENDED = "recommended"
"""As an order: own categories, newest first."""
ORDERINGS = {
    NEWEST: gettext_lazy("Newest"),
    FEWEST: gettext_lazy("Fewest quotes"),
    QUANTITY: gettext_lazy("Highest quantity"),
}
ALL, ANY = "all", "any"
MATCHES = {ALL: gettext_lazy("all words"), ANY: gettext_lazy("any word")}
WITHIN = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
WITHIN_NAMES = {
    "1h": gettext_lazy("Last hour"),
    "24h": gettext_lazy("Last 24 hours"),
    "7d": gettext_lazy("Last 7 days"),
}


@dataclass(frozen=True)
class MarketQuery:
    """A market search; `errors` maps a parameter to what is wrong with it, and it counts as absent.

    `badge` keeps buyers the seller sees a badge of, `own` the seller's own categories.
    """

    q: str = ""
    match: str = ALL
    category: Category | None = None
    country: str = ""
    grade: str = ""
    posted_within: str = ""
    badge: bool = False
    can_quote: bool = False
    own: bool = False
    ordering: str = NEWEST
    errors: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def groups(self) -> list[Group]:
        """Words to look for, one group for each typed word."""
        return groups_of(self.q)

    @property
    def narrowed(self) -> bool:
        """Tell whether anything but the own categories and the order was asked for."""
        plain = MarketQuery(own=self.own, ordering=self.ordering, match=self.match)
        return self != plain

    def as_string(self) -> str:
        """Return the query string that asks for the same, shortest form."""
        values = {
            "q": self.q,
            "match": self.match if self.q and self.match != ALL else "",
            "category": self.category.code if self.category else "",
            "country": self.country,
            "grade": self.grade,
            "posted_within": self.posted_within,
            "badge": "1" if self.badge else "",
            "can_quote": "1" if self.can_quote else "",
            "own": "1" if self.own else "0",
            "ordering": self.ordering if self.ordering != NEWEST else "",
        }
        return urlencode({name: value for name, value in values.items() if value})


CategoryLookup = Callable[[str], Category | None]


def category_by_code(code: str) -> Category | None:
    """Return the category of a code; one query."""
    return Category.objects.filter(code=code).first()


def read_market_query(
    given: Mapping[str, str], *, own: bool = False, category_of: CategoryLookup = category_by_code
) -> MarketQuery:
    """Read a search from parameters; `own` is meant when none says (RFQ-2). At most two queries."""
    readers = {**_READERS, "category": lambda text: _category(text, category_of)}
    values, errors = read_params(given, readers)
    if values.get("ordering") == RECOMMENDED:
        values |= {"ordering": NEWEST, "own": True}
    return MarketQuery(**{"own": own, **values}, errors=errors)  # type: ignore[arg-type]


def read_saved_queries(texts: Iterable[str]) -> dict[str, MarketQuery]:
    """Read saved searches; one whose category is gone has an error. One query for all."""
    given = {text: dict(parse_qsl(text)) for text in texts}
    codes = {values["category"] for values in given.values() if "category" in values}
    known = Category.objects.in_bulk(codes, field_name="code")
    return {
        text: read_market_query(values, category_of=known.get) for text, values in given.items()
    }


def _category(text: str, category_of: CategoryLookup) -> Category:
    category = category_of(text)
    if category is None:
        message = _("There is no category %(code)s.") % {"code": quote(text)}
        if category_of is category_by_code:
            message += did_you_mean(text, Category.objects.values_list("code", flat=True))
        raise CellError(message)
    return category


_truth = Bool("truth").parse
_READERS: Readers = {
    "q": str,
    "match": one_of(MATCHES),
    "country": Country("country").parse,
    "grade": one_of(Grade.values),
    "posted_within": one_of(WITHIN),
    "badge": _truth,
    "can_quote": _truth,
    "own": _truth,
    "ordering": one_of([*ORDERINGS, RECOMMENDED]),
}
