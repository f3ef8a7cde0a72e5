"""When products entered and left the matched list, and why (LST-8).

A match row is an interval: it entered on `valid_from` and left on the day after `valid_to`. The
reason is found by evaluating the product's content as of that day and as of the published day before
under the theme as it is now. When the product tells no difference, the theme itself must have changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value
from django.utils.translation import gettext as _

from listings.models import Product, ProductRevision, Theme, ThemeMatch
from listings.themes.facts import category_paths, theme_specs
from listings.themes.queries import THEMES_JOB
from listings.themes.rules import ProductFacts, Requirement, ThemeSpec, missing
from portal import platform_time
from portal.choices import RunState
from portal.models import Category, JobRun, Seller
from portal.models.standings import FOREVER

ENTERED, LEFT = "entered", "left"
ONE_DAY = timedelta(days=1)


@dataclass
class MatchEvent:
    """A product entered or left a theme's matched list on an as-of day."""

    kind: str
    day: date
    match: int
    product: Product
    theme: Theme
    reasons: list[str] = field(default_factory=list)


# --- Rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Position:
    """Where a page of events ends: events are ordered newest day first, then newest row."""

    day: date
    match: int

    @classmethod
    def of(cls, values: Sequence[Any]) -> Position | None:
        """Return the position that a cursor's two values name, if they do."""
        day, match = values
        return cls(day, match) if isinstance(day, date) and isinstance(match, int) else None


def entered_rows(seller: Seller, day: date) -> QuerySet[ThemeMatch]:
    """Return intervals by the day they began, up to `day`, as dicts with `event` and `kind`."""
    rows = ThemeMatch.objects.filter(seller=seller, valid_from__lte=day)
    return _as_events(rows.annotate(event=F("valid_from")), ENTERED)


def left_rows(seller: Seller, day: date) -> QuerySet[ThemeMatch]:
    """Return intervals that have ended by their last day; the product left the day after."""
    rows = ThemeMatch.objects.filter(seller=seller, valid_to__lt=min(day, FOREVER - ONE_DAY))
    return _as_events(rows.annotate(event=F("valid_to")), LEFT)


def _as_events(rows: QuerySet[ThemeMatch], kind: str) -> QuerySet[ThemeMatch]:
    return rows.annotate(kind=Value(kind, CharField())).order_by()


def _after(rows: Any, kind: str, position: Position) -> Any:
    """Keep events that come after a position; a leaving row's `event` is the day before it left."""
    day = position.day - ONE_DAY if kind == LEFT else position.day
    return rows.filter(Q(event__lt=day) | Q(event=day, pk__lt=position.match))


def events_page(
    seller: Seller,
    day: date | None,
    *,
    kind: str = "",
    theme: Theme | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> tuple[list[MatchEvent], Position | None]:
    """Return a page of events with reasons, newest first, and where the next one begins.

    `day` is the published day; later rows do not show. `kind` is `entered`, `left` or empty for
    both. A constant number of queries.
    """
    if day is None:
        return [], None
    found: list[tuple[date, int, str, int, int]] = []
    for name, source in ((ENTERED, entered_rows), (LEFT, left_rows)):
        if kind not in ("", name):
            continue
        rows: Any = source(seller, day)
        if theme is not None:
            rows = rows.filter(theme=theme)
        if after is not None:
            rows = _after(rows, name, after)
        shift = ONE_DAY if name == LEFT else timedelta(0)
        newest = rows.order_by("-event", "-pk").values_list("event", "pk", "product", "theme")
        found += [
            (at + shift, pk, name, product, of) for at, pk, product, of in newest[: limit + 1]
        ]
    found.sort(reverse=True)
    page = found[:limit]
    more = Position(page[-1][0], page[-1][1]) if len(found) > limit else None
    return _with_reasons(seller, page), more


def _with_reasons(
    seller: Seller, rows: Sequence[tuple[date, int, str, int, int]]
) -> list[MatchEvent]:
    products = (
        Product.objects.filter(seller=seller)
        .select_related("category")
        .in_bulk({row[3] for row in rows})
    )
    themes = Theme.objects.select_related("category").in_bulk({row[4] for row in rows})
    events = [
        MatchEvent(kind, day, pk, products[product], themes[theme])
        for day, pk, kind, product, theme in rows
        if product in products and theme in themes
    ]
    explain_events(events)
    return events


# --- Reasons ------------------------------------------------------------------------------------


def explain_events(events: Sequence[MatchEvent]) -> None:
    """Fill the reasons of events; a constant number of queries whatever their number."""
    if not events:
        return
    earlier = _days_before({event.day for event in events})
    wanted = {(event.product.pk, event.day) for event in events}
    wanted |= {(event.product.pk, earlier[event.day] or event.day) for event in events}
    facts = facts_as_of(wanted)
    specs = theme_specs(list({event.theme.pk: event.theme for event in events}.values()))
    for event in events:
        before = earlier[event.day]
        if before is None:
            event.reasons = [_("In the list since it was computed for the first time")]
            continue
        pair = _Pair(specs[event.theme.pk], event.product.pk, facts)
        event.reasons = _reasons(event, pair.missing(event.day), pair.missing(before))


def _days_before(days: set[date]) -> dict[date, date | None]:
    """Return each day's predecessor among the published days; none for the first one."""
    published = sorted(
        set(
            JobRun.objects.filter(
                job=THEMES_JOB, state=RunState.COMPLETE, as_of__lt=max(days)
            ).values_list("as_of", flat=True)
        )
    )
    found = {}
    for day in days:
        place = bisect_left(published, day)
        found[day] = published[place - 1] if place else None
    return found


@dataclass(frozen=True)
class _Pair:
    """One product under one theme, on any of the loaded days."""

    spec: ThemeSpec
    product: int
    facts: Mapping[tuple[int, date], ProductFacts]

    def missing(self, day: date) -> list[Requirement] | None:
        """Return what was not met as of a day, or none when the product was not there yet."""
        known = self.facts.get((self.product, day))
        return None if known is None else missing(self.spec, known, day)


def _reasons(
    event: MatchEvent, now: list[Requirement] | None, before: list[Requirement] | None
) -> list[str]:
    """Say what is different between the two days; if the product tells nothing, the theme is."""
    if event.kind == LEFT:
        fresh = _without(now, before)
        return [one.reason for one in fresh] or [_("The theme's requirements changed")]
    if before is None:
        return [_("The product is new and meets every requirement")]
    cured = _without(before, now)
    if cured:
        return [_entered(one) for one in cured]
    if platform_time.day_of(event.theme.created_at) >= event.day:
        return [_("The theme is new")]
    return [_("The theme's requirements changed")]


def _without(some: list[Requirement] | None, others: list[Requirement] | None) -> list[Requirement]:
    keys = {other.key for other in others or []}
    return [one for one in some or [] if one.key not in keys]


def _entered(requirement: Requirement) -> str:
    if requirement.key == "window":
        return _("The theme opened")
    return _("Met since this day; before: %(reason)s") % {"reason": requirement.reason}


def facts_as_of(wanted: set[tuple[int, date]]) -> dict[tuple[int, date], ProductFacts]:
    """Return the facts of products as of days: (product pk, day) → facts; four queries.

    A pair is missing when the product did not exist by the end of that Pacific day.
    """
    if not wanted:
        return {}
    revisions: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    known: Any = (
        ProductRevision.objects.filter(
            product__in={product for product, _day in wanted},
            at__lt=platform_time.end_of(max(day for _product, day in wanted)),
        )
        .order_by("product", "at")
        .values_list("product", "at", "pk")
    )
    for owner, at, pk in known:
        revisions[owner].append((at, pk))
    chosen: dict[tuple[int, date], int] = {}
    for product, day in wanted:
        end = platform_time.end_of(day)
        earlier = [pk for at, pk in revisions[product] if at < end]
        if earlier:
            chosen[product, day] = earlier[-1]
    contents = dict(
        ProductRevision.objects.filter(pk__in=set(chosen.values())).values_list("pk", "content")
    )
    codes = {content["category"] for content in contents.values()}
    ids = dict(Category.objects.filter(code__in=codes).values_list("code", "pk"))
    paths = category_paths(ids.values())
    facts = {
        pk: ProductFacts.of_content(content, paths.get(ids.get(content["category"], 0), []))
        for pk, content in contents.items()
    }
    return {pair: facts[pk] for pair, pk in chosen.items() if pk in facts}
