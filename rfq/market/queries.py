"""The market as a seller searches it: narrowed, ordered, page by page (RFQ-2).

A page is read in one of two ways. Where what was asked for is common, the order's index is walked and
each RFQ is asked until the page is full. Where it is rare, that walk would not end: then the rarest
of the things asked for is read by its own index. One short statement measures which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.core.exceptions import ValidationError as InvalidValue
from django.db import connection
from django.db.models import Exists, FilteredRelation, Func, OrderBy, OuterRef, Q, QuerySet
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
)
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from portal import platform_time
from portal.api.keyset import position_of, read_cursor, write_cursor
from portal.models import CategoryClosure, Seller
from portal.own_categories import own_categories
from portal.prepared_reads import prepared
from portal.services.buyers import badges_shown, with_badge
from rfq.market.access import can_quote_live, quoting_standing
from rfq.market.params import ANY, FEWEST, NEWEST, QUANTITY, WITHIN, MarketQuery, read_market_query
from rfq.market.search_words import Group
from rfq.models import Rfq, RfqWord
from rfq.models.market import OPEN
from rfq.services.rfq_words import microseconds

__all__ = ["MarketPage", "MarketQuery", "market", "market_page", "read_market_query"]

PAGE_SIZE = 25
SAMPLE = 500
"""So many RFQs of the order are asked to see whether what was asked for is common."""
ENOUGH = 12_000
"""Beyond so many RFQs it does not matter any more which index has fewer."""
KEYSETS = {
    NEWEST: ("-posted_at", "-pk"),
    FEWEST: ("quoted", "-posted_at", "-pk"),
    QUANTITY: ("-quantity", "-posted_at", "-pk"),
}
"""Ordering → columns, unique as a whole; each has its index over open RFQs."""
WORD_ORDER = {"posted_at": "at_word__posted", "pk": "at_word__rfq_id"}
"""The same columns as the index of words has them."""
POSITIONS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "posted_at": (datetime, lambda value: value),
    "quoted": (int, lambda value: value),
    "quantity": (str, lambda value: Rfq._meta.get_field("quantity").clean(value, None)),
    "pk": (int, lambda value: value),
}
"""Column of an order → what a cursor holds of it, and how that becomes a value."""
LOOKUPS: dict[str, Callable[[Any, Any], Any]] = {
    "exact": Exact,
    "gt": GreaterThan,
    "gte": GreaterThanOrEqual,
    "in": In,
    "lt": LessThan,
    "lte": LessThanOrEqual,
}
HEAVY = ("details", "attachments")
"""Columns that lists do without."""


class Asked(Func):
    """A column as a condition that is asked of each row and not looked up in an index.

    SQLite keeps no figures of how common a value is and takes the first index that fits: the unary
    plus takes the choice away from it. PostgreSQL needs no such advice.
    """

    arity = 1
    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Write the column with a plus before it."""
        return super().as_sql(compiler, connection, template="+%(expressions)s", **context)


class Sorted(Asked):
    """A column to sort by, not to be read in order from an index.

    What is rare is sorted at once; both databases rather hope to meet it soon along the index.
    """

    template = "GREATEST(%(expressions)s)"


@dataclass(eq=False)
class Way:
    """An index to read what was asked for by.

    `size` has as many rows as the index would yield; `found` is the condition that uses it. One that
    yields too much is not `exact`. The RFQs of a `word` are read in its own order when that is the
    order asked for.
    """

    size: QuerySet
    found: Q
    exact: bool = True
    word: str = ""


@dataclass
class Narrowing:
    """One thing asked for: `probe` asks a given RFQ, each of `ways` leads to all that pass."""

    probe: Q
    ways: list[Way]
    words: list[str] = field(default_factory=list)
    """When it is about having all of these."""


@dataclass
class Search:
    """A market search made ready for one seller and instant."""

    ordering: str
    now: datetime
    always: Q
    narrowings: list[Narrowing] = field(default_factory=list)
    since: datetime | None = None
    """Posted at this instant or later; only set where that is a range of the order."""

    @property
    def keyset(self) -> tuple[str, ...]:
        """Columns of the order."""
        return KEYSETS[self.ordering]

    @property
    def ways(self) -> list[Way]:
        """Every index that leads to what was asked for."""
        return [way for narrowing in self.narrowings for way in narrowing.ways]

    def posted(self, *, as_range: bool) -> Q:
        """Return that RFQs are posted by now, and since when; as a range of an index where it is one."""
        if as_range and self.ordering == NEWEST:
            condition = Q(posted_at__lte=self.now)
            return condition & Q(posted_at__gte=self.since) if self.since else condition
        condition = _asked("posted_at", "lte", self.now)
        return condition & _asked("posted_at", "gte", self.since) if self.since else condition

    def found(self, way: Way | None = None) -> QuerySet[Rfq]:
        """Return what was asked for, found in one way, or asked of each RFQ of the order."""
        rfqs = Rfq.objects.filter(self.always)
        for narrowing in self.narrowings:
            if way is not None and way in narrowing.ways:
                rfqs = rfqs.filter(way.found)
                if way.exact:
                    continue
            rfqs = rfqs.filter(narrowing.probe)
        return rfqs

    def found_by(self, word: str, part: Q) -> QuerySet[Rfq]:
        """Return what was asked for in a part of the RFQs of a word, which are kept newest first."""
        rows = FilteredRelation("words", condition=Q(words__word=word))
        since = microseconds(self.since) if self.since is not None else 0
        # One call: conditions of a second one would join the words again.
        rfqs = Rfq.objects.alias(at_word=rows).filter(
            self.always, Q(at_word__posted__gte=since) & part
        )
        for narrowing in self.narrowings:
            if word in narrowing.words:
                others = [other for other in narrowing.words if other != word]
                rfqs = rfqs.filter(_together(others, "at_word__rfq_id"))
            else:
                rfqs = rfqs.filter(narrowing.probe)
        return rfqs


def _asked(column: str, lookup: str, value: Any) -> Q:
    return Q(LOOKUPS[lookup](Asked(column), value))


def market(query: MarketQuery, seller: Seller, now: datetime) -> QuerySet[Rfq]:
    """Return the RFQs a search finds for a seller at an instant, in its order (RFQ-2).

    For small results and tests; pages are read by `market_page`.
    """
    search = prepare(query, seller, now)
    posted = search.posted(as_range=True)
    return search.found().filter(posted).order_by(*search.keyset)


# --- What was asked for -------------------------------------------------------------------------


def prepare(query: MarketQuery, seller: Seller, now: datetime) -> Search:
    """Turn a search into conditions; a constant number of queries, none for a plain list."""
    search = Search(query.ordering, now, OPEN & _asked("expires_at", "gt", now))
    if query.groups:
        search.narrowings.append(_any(query.groups) if query.match == ANY else _all(query.groups))
    if query.category is not None:
        below = CategoryClosure.objects.filter(ancestor=query.category)
        search.narrowings.append(_categories(below.values_list("descendant", flat=True)))
    if query.own:
        search.narrowings.append(_categories(own_categories([seller])[seller.pk]))
    if query.country:
        search.narrowings.append(_column("buyer__country", query.country))
    if query.grade:
        search.narrowings.append(_column("grade", query.grade))
    if query.posted_within:
        since = now - WITHIN[query.posted_within]
        if query.ordering == NEWEST:
            search.since = since
        else:
            probe = _asked("posted_at", "gte", since)
            search.narrowings.append(_narrowing(probe, Q(posted_at__gte=since)))
    if query.badge:
        day = platform_time.day_of(now)
        search.always &= with_badge(badges_shown(seller=seller, day=day), day=day)
    if query.can_quote:
        standing = quoting_standing(seller=seller, rfqs=(), now=now)
        search.always &= can_quote_live(standing, now)
    return search


def _narrowing(probe: Q, found: Q) -> Narrowing:
    size = Rfq.objects.filter(OPEN, found).order_by().values("pk")
    return Narrowing(probe, [Way(size, found)])


def _column(name: str, value: str) -> Narrowing:
    return _narrowing(_asked(name, "exact", value), Q(**{name: value}))


def _categories(keys: Iterable[int]) -> Narrowing:
    keys = sorted(keys)
    return _narrowing(_asked("category", "in", keys), Q(category__in=keys))


def _all(groups: Sequence[Group]) -> Narrowing:
    """Narrow to RFQs that have every word; each word is a way."""
    words = sorted(frozenset[str]().union(*groups))
    return Narrowing(_together(words), [_way(word, words) for word in words], words)


def _way(word: str, words: Sequence[str]) -> Way:
    rows = found = RfqWord.objects.filter(word=word)
    for other in words:
        if other != word:
            same = RfqWord.objects.filter(word=other, rfq=OuterRef("rfq_id"))
            found = found.filter(Exists(same))
    return Way(rows.values("rfq"), Q(pk__in=found.values("rfq")), word=word)


def _any(groups: Sequence[Group]) -> Narrowing:
    """Narrow to RFQs that have all words of one group; found by the longest word of each."""
    probe = Q()
    for group in groups:
        probe |= _together(group)
    longest = {max(group, key=lambda word: (len(word), word)) for group in groups}
    rows = RfqWord.objects.filter(word__in=sorted(longest)).values("rfq")
    exact = all(len(group) == 1 for group in groups)
    return Narrowing(probe, [Way(rows, Q(pk__in=rows), exact)])


def _together(words: Iterable[str], rfq: str = "pk") -> Q:
    condition = Q()
    for word in sorted(words):
        condition &= Q(Exists(RfqWord.objects.filter(word=word, rfq=OuterRef(rfq))))
    return condition


# --- Reading a page -----------------------------------------------------------------------------


@dataclass
class MarketPage:
    """One page: its RFQs, and whether there are more in either direction."""

    rfqs: list[Rfq]
    keyset: tuple[str, ...]
    has_next: bool = False
    has_previous: bool = False

    @property
    def next_cursor(self) -> str | None:
        """Where the page after begins; none on the last one."""
        return write_cursor(position_of(self.rfqs[-1], self.keyset)) if self.has_next else None

    @property
    def previous_cursor(self) -> str | None:
        """Where the page before ends; none on the first one."""
        return write_cursor(position_of(self.rfqs[0], self.keyset)) if self.has_previous else None


def market_page(
    query: MarketQuery,
    seller: Seller,
    now: datetime,
    *,
    cursor: str = "",
    backwards: bool = False,
    size: int = PAGE_SIZE,
) -> MarketPage:
    """Return the RFQs after a cursor (or before it), in the search's order (RFQ-2).

    RFQs posted meanwhile do not move a page. What is no cursor, or one of another order, raises
    DRF's `ValidationError`.
    """
    search = prepare(query, seller, now)
    keyset = _turned(search.keyset) if backwards else search.keyset
    position = _position(cursor, keyset) if cursor else None
    keys = _read_keys(search, keyset, position, size + 1)
    more = len(keys) > size
    rfqs = _with_keys(keys[:size])
    if not backwards:
        return MarketPage(
            rfqs, search.keyset, has_next=more, has_previous=position is not None and bool(rfqs)
        )
    return MarketPage(rfqs[::-1], search.keyset, has_next=bool(rfqs), has_previous=more)


def _with_keys(keys: Sequence[int]) -> list[Rfq]:
    found = {rfq.pk: rfq for rfq in _shown(keys)}
    return [found[key] for key in keys if key in found]


@prepared
def _shown(keys: Collection[int]) -> QuerySet[Rfq]:
    rfqs = Rfq.objects.select_related("buyer", "category").defer(*HEAVY)
    return rfqs.filter(pk__in=keys).order_by()


def _read_keys(
    search: Search, keyset: tuple[str, ...], position: list[Any] | None, limit: int
) -> list[int]:
    """Read up to `limit` keys, part after part of the order."""
    way = _choose(search, keyset, position, limit)
    keys: list[int] = []
    if way is not None and way.word and search.ordering == NEWEST:
        columns, position = _word_order(keyset, position)
        posted = search.posted(as_range=False)
        pages = (search.found_by(way.word, part) for part in beyond(columns, position))
        found = (page.filter(posted).order_by(*columns) for page in pages)
    elif way is not None:
        rfqs = search.found(way).filter(search.posted(as_range=False)).order_by(*_sorted(keyset))
        found = (rfqs.filter(part) for part in beyond(keyset, position, asked=True))
    else:
        # Where a position bounds the range of the order, now must not.
        rfqs = search.found().filter(search.posted(as_range=position is None)).order_by(*keyset)
        found = (rfqs.filter(part) for part in beyond(keyset, position))
    for page in found:
        keys += page.values_list("pk", flat=True)[: limit - len(keys)]
        if len(keys) == limit:
            break
    return keys


def _sorted(keyset: tuple[str, ...]) -> list[Any]:
    return [OrderBy(Sorted(name.lstrip("-")), descending=name.startswith("-")) for name in keyset]


def _word_order(
    keyset: tuple[str, ...], position: list[Any] | None
) -> tuple[tuple[str, ...], list[Any] | None]:
    """Return the newest-first order and a position in it as the index of words has them."""
    columns = tuple(
        ("-" if name.startswith("-") else "") + WORD_ORDER[name.lstrip("-")] for name in keyset
    )
    if position is not None:
        position = [microseconds(position[0]), position[1]]
    return columns, position


def _choose(
    search: Search, keyset: tuple[str, ...], position: list[Any] | None, limit: int
) -> Way | None:
    """Return the way to read by, or none to walk the order; one query at most."""
    ways = search.ways
    if not ways:
        return None
    if len(ways) == 1 and ways[0].word and search.ordering == NEWEST:
        return ways[0]
    posted = search.posted(as_range=position is None)
    head = Rfq.objects.filter(OPEN, beyond(keyset, position)[0], posted).order_by(*keyset)
    sample = search.found().filter(pk__in=head.values("pk")[:SAMPLE]).order_by()
    in_sample, *sizes = count_each(
        [sample.values("pk")[:limit], *(way.size[:ENOUGH] for way in ways)]
    )
    rarest = min(sizes)
    return None if worth_walking(in_sample, rarest, limit) else ways[sizes.index(rarest)]


def worth_walking(in_sample: int, rarest: int, limit: int) -> bool:
    """Tell whether walking the order until `limit` are found asks fewer RFQs than the rarest index has.

    `in_sample` of the next `SAMPLE` were found, counted up to `limit`; one that found none says that
    there is no end in sight.
    """
    return bool(in_sample) and limit * SAMPLE <= in_sample * rarest


def count_each(querysets: Sequence[QuerySet]) -> list[int]:
    """Return how many rows each queryset has, in one statement."""
    counts: list[str] = []
    values: list[Any] = []
    for queryset in querysets:
        try:
            sql, params = queryset.query.sql_with_params()
        except EmptyResultSet:
            counts.append("0")
            continue
        counts.append(f"(SELECT COUNT(*) FROM ({sql}) AS counted)")  # noqa: S608  by the ORM
        values += params
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", values)
        return [int(count) for count in cursor.fetchone()]


def _turned(keyset: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in keyset)


def _position(cursor: str, keyset: tuple[str, ...]) -> list[Any]:
    """Return the values a cursor stands for, each fit for its column."""
    position = []
    for name, value in zip(keyset, read_cursor(cursor, len(keyset)), strict=True):
        kind, clean = POSITIONS[name.lstrip("-")]
        try:
            if type(value) is not kind:
                raise InvalidValue("")
            position.append(clean(value))
        except InvalidValue as error:
            raise ValidationError({"cursor": [_("This cursor is not valid.")]}) from error
    return position


def beyond(
    keyset: tuple[str, ...], position: Sequence[Any] | None, *, asked: bool = False
) -> list[Q]:
    """Return what comes after a position as parts of the order, one after the other.

    Each part is a range of the order's index: equal columns, then columns that all run the same way,
    the first of which bounds the range. The usual chain of ORs alone would read the index from its
    start. With `asked` no index is meant to be used. Without a position it is all one part.
    """
    if position is None:
        return [Q()]
    compare = _asked if asked else _compared
    names = [name.lstrip("-") for name in keyset]
    down = [name.startswith("-") for name in keyset]
    steps = ["lt" if one else "gt" for one in down]
    tail = len(names) - 1
    while tail and down[tail - 1] == down[-1]:
        tail -= 1

    def same(upto: int) -> Q:
        condition = Q()
        for name, value in zip(names[:upto], position[:upto], strict=True):
            condition &= compare(name, "exact", value)
        return condition

    after = compare(names[-1], steps[-1], position[-1])
    for at in reversed(range(tail, len(names) - 1)):
        equal = compare(names[at], "exact", position[at])
        after = compare(names[at], steps[at], position[at]) | (equal & after)
    bound = compare(names[tail], f"{steps[-1]}e", position[tail])
    parts = [same(tail) & bound & after]
    parts += [
        same(at) & compare(names[at], steps[at], position[at]) for at in reversed(range(tail))
    ]
    return parts


def _compared(column: str, lookup: str, value: Any) -> Q:
    return Q(**{f"{column}__{lookup}": value})
