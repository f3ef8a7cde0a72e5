"""The market as a seller searches it: narrowed, ordered, page by page (RFQ-2).

A page is read in one of two ways. Where what was asked for is common, the order's index is walked and
each RFQ is asked until the page is full. Where it is rare, that walk would not end: then the rarest
of the things asked for is read first and its RFQs are sorted. One short statement measures which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.core.exceptions import ValidationError as InvalidValue
from django.db import connection
from django.db.models import Exists, Func, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, LessThanOrEqual
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from portal import platform_time
from portal.api.keyset import position_of, read_cursor, write_cursor
from portal.models import CategoryClosure, Seller
from portal.own_categories import own_categories
from portal.services.buyers import badges_shown, with_badge
from rfq.access import can_quote_filter, quoting_standing
from rfq.market_params import ANY, FEWEST, NEWEST, QUANTITY, WITHIN, MarketQuery, read_market_query
from rfq.models import Rfq, RfqWord
from rfq.models.market import OPEN
from rfq.words import Group

__all__ = ["MarketPage", "MarketQuery", "market", "market_page", "read_market_query"]

PAGE_SIZE = 25
SAMPLE = 1_000
"""So many RFQs of the order are asked to see whether what was asked for is common."""
ENOUGH = 20_000
"""A source of more RFQs than this is not counted to its end."""
KEYSETS = {
    NEWEST: ("-posted_at", "-pk"),
    FEWEST: ("quoted", "-posted_at", "-pk"),
    QUANTITY: ("-quantity", "-posted_at", "-pk"),
}
"""Ordering → columns, unique as a whole; each has its index over open RFQs."""
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


@dataclass
class Narrowing:
    """One thing asked for: `probe` asks a given RFQ, `source` yields the keys of all that pass.

    A source that yields more than those that pass is not `exact`: then RFQs are asked as well.
    """

    probe: Q
    source: QuerySet
    exact: bool = True


@dataclass
class Search:
    """A market search made ready for one seller and instant."""

    keyset: tuple[str, ...]
    always: Q
    narrowings: list[Narrowing] = field(default_factory=list)

    def walk(self) -> QuerySet[Rfq]:
        """Return what was asked for, to be read along the order's index."""
        rfqs = Rfq.objects.filter(self.always)
        for narrowing in self.narrowings:
            rfqs = rfqs.filter(narrowing.probe)
        return rfqs

    def gather(self, first: Narrowing) -> QuerySet[Rfq]:
        """Return what was asked for, to be read from one source and sorted."""
        rfqs = Rfq.objects.filter(self.always, pk__in=first.source)
        for narrowing in self.narrowings:
            if narrowing is not first or not narrowing.exact:
                rfqs = rfqs.filter(narrowing.probe)
        return rfqs


def market(query: MarketQuery, seller: Seller, now: datetime) -> QuerySet[Rfq]:
    """Return the RFQs a search finds for a seller at an instant, in its order (RFQ-2).

    For counting and small results; pages are read by `market_page`.
    """
    search = prepare(query, seller, now)
    return search.walk().order_by(*search.keyset)


# --- What was asked for -------------------------------------------------------------------------


def prepare(query: MarketQuery, seller: Seller, now: datetime) -> Search:
    """Turn a search into conditions; a constant number of queries, none for a plain list."""
    newest = query.ordering == NEWEST
    live = OPEN & Q(GreaterThan(Asked("expires_at"), now))
    live &= Q(posted_at__lte=now) if newest else Q(LessThanOrEqual(Asked("posted_at"), now))
    search = Search(KEYSETS[query.ordering], live)
    search.narrowings += _words(query)
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
        if newest:
            search.always &= Q(posted_at__gte=since)
        else:
            recent = Rfq.objects.filter(OPEN, posted_at__gte=since).values("pk")
            probe = Q(GreaterThanOrEqual(Asked("posted_at"), since))
            search.narrowings.append(Narrowing(probe, recent))
    if query.badge:
        day = platform_time.day_of(now)
        search.always &= with_badge(badges_shown(seller=seller, day=day), day=day)
    if query.can_quote:
        standing = quoting_standing(seller=seller, rfqs=(), now=now)
        search.always &= can_quote_filter(standing, now)
    return search


def _column(name: str, value: str) -> Narrowing:
    source = Rfq.objects.filter(OPEN, **{name: value}).values("pk")
    return Narrowing(Q(Exact(Asked(name), value)), source)


def _categories(keys: Iterable[int]) -> Narrowing:
    keys = sorted(keys)
    source = Rfq.objects.filter(OPEN, category__in=keys).values("pk")
    return Narrowing(Q(In(Asked("category"), keys)), source)


def _words(query: MarketQuery) -> list[Narrowing]:
    if not query.groups:
        return []
    if query.match == ANY:
        return [_any_group(query.groups)]
    words = sorted(frozenset().union(*query.groups))
    return [
        Narrowing(_has(word), RfqWord.objects.filter(word=word).values("rfq")) for word in words
    ]


def _has(word: str) -> Q:
    return Q(Exists(RfqWord.objects.filter(word=word, rfq=OuterRef("pk"))))


def _any_group(groups: Sequence[Group]) -> Narrowing:
    """Return the narrowing to RFQs with all words of one group; the source goes by one word each."""
    probe = Q()
    for group in groups:
        together = Q()
        for word in sorted(group):
            together &= _has(word)
        probe |= together
    longest = {max(group, key=lambda word: (len(word), word)) for group in groups}
    source = RfqWord.objects.filter(word__in=sorted(longest)).values("rfq")
    return Narrowing(probe, source, exact=all(len(group) == 1 for group in groups))


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

    RFQs posted meanwhile do not move a page. A cursor that is none, or of another order, raises
    DRF's `ValidationError`.
    """
    search = prepare(query, seller, now)
    keyset = _turned(search.keyset) if backwards else search.keyset
    parts = [Q()]
    if cursor:
        parts = beyond(keyset, _position(cursor, keyset))
    rows = _read(search, keyset, parts, size + 1)
    more = len(rows) > size
    rows = rows[:size]
    if not backwards:
        return MarketPage(rows, search.keyset, has_next=more, has_previous=bool(cursor and rows))
    return MarketPage(rows[::-1], search.keyset, has_next=bool(rows), has_previous=more)


def _read(search: Search, keyset: tuple[str, ...], parts: list[Q], limit: int) -> list[Rfq]:
    """Read up to `limit` RFQs, part after part of the order."""
    found = search.walk()
    first = _rarest(search, keyset, parts[0], limit) if search.narrowings else None
    if first is not None:
        found = search.gather(first)
    found = found.select_related("buyer", "category").defer(*HEAVY).order_by(*keyset)
    rows: list[Rfq] = []
    for part in parts:
        rows += found.filter(part)[: limit - len(rows)]
        if len(rows) == limit:
            break
    return rows


def _rarest(search: Search, keyset: tuple[str, ...], part: Q, limit: int) -> Narrowing | None:
    """Return what to read first, or none when the next RFQs of the order fill a page; one query."""
    head = Rfq.objects.filter(OPEN, part).order_by(*keyset).values("pk")[:SAMPLE]
    sample = search.walk().filter(pk__in=head).values("pk")[:limit]
    sources = [narrowing.source[:ENOUGH] for narrowing in search.narrowings]
    in_sample, *counts = count_each([sample, *sources])
    if in_sample >= limit:
        return None
    return search.narrowings[counts.index(min(counts))]


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
    position = read_cursor(cursor, len(keyset))
    try:
        return [
            Rfq._meta.pk.to_python(value)
            if name.endswith("pk")
            else Rfq._meta.get_field(name.lstrip("-")).clean(value, None)  # type: ignore[union-attr]
            for name, value in zip(keyset, position, strict=True)
        ]
    except InvalidValue as error:
        raise ValidationError({"cursor": [_("This cursor is not valid.")]}) from error


def beyond(keyset: tuple[str, ...], position: Sequence[Any]) -> list[Q]:
    """Return what comes after a position as parts of the order, one after the other.

    Each part is a range of the order's index: the columns at the end that run the same way are
    compared as one. The usual chain of ORs would read the index from its start.
    """
    names = [name.lstrip("-") for name in keyset]
    down = [name.startswith("-") for name in keyset]
    tail = len(keyset) - 1
    while tail and down[tail - 1] == down[-1]:
        tail -= 1
    compare = TupleLessThan if down[-1] else TupleGreaterThan
    same = Q(**dict(zip(names[:tail], position[:tail], strict=True)))
    parts = [same & Q(compare(Tuple(*names[tail:]), tuple(position[tail:])))]
    for at in range(tail - 1, -1, -1):
        same = Q(**dict(zip(names[:at], position[:at], strict=True)))
        parts.append(same & Q(**{f"{names[at]}__{'lt' if down[at] else 'gt'}": position[at]}))
    return parts
