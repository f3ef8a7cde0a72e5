"""Telling people of new RFQs that their saved searches find (RFQ-2).

New RFQs are few, searches are many: so the new ones are read once, with all that a search can ask,
and every search is held against them here, in a constant number of queries per thousand searches.
`found_by` says what the market's conditions say; tests hold the two equal. Whether a shop can quote
now is left out: that changes by the minute and is seen on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from portal import platform_time
from portal.choices import SellerStatus
from portal.models import CategoryClosure, Member, Seller, SellerFlag
from portal.own_categories import own_categories
from portal.rulebook_schemas import BuyerLabels
from portal.scoping import unscoped
from portal.services.buyers import MODULE as BUYER_LABELS
from portal.services.buyers import BadgeViewer, buyer_badge
from portal.services.notices import NoticeDraft, notice_send_many
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.market.params import ANY, WITHIN, MarketQuery, read_saved_queries
from rfq.models import Rfq, RfqWord, SavedSearch

BATCH = 1_000
MOST_NEW = 2_000
"""Of more new RFQs than this only the newest are looked at."""
LOOK_BACK = timedelta(hours=24)
"""What is older was missed while nothing ran; nobody waits for it any more."""
SETTLE = timedelta(minutes=1)
"""RFQs get this long from being written to being committed, so that none is passed over."""


@dataclass(frozen=True)
class NewRfq:
    """What a search can ask of an RFQ."""

    rfq: Rfq
    words: frozenset[str]
    categories: frozenset[int]
    """Its category and all above it."""


@dataclass(frozen=True)
class Searcher:
    """What a search depends on besides what was asked: the shop that asks."""

    own: frozenset[int]
    viewer: BadgeViewer
    labels: BuyerLabels | None


@dataclass
class Shops:
    """The shops of a batch of searches, read at once."""

    own: dict[int, set[int]] = field(default_factory=dict)
    viewers: dict[int, BadgeViewer] = field(default_factory=dict)
    labels: BuyerLabels | None = None

    def searcher(self, seller_id: int) -> Searcher:
        """Return what one shop's searches depend on."""
        return Searcher(frozenset(self.own[seller_id]), self.viewers[seller_id], self.labels)


def found_by(query: MarketQuery, new: NewRfq, searcher: Searcher, now: datetime) -> bool:
    """Tell whether a search finds an RFQ that is on the market; pure (RFQ-2)."""
    rfq = new.rfq
    some = any if query.match == ANY else all
    if query.groups and not some(group <= new.words for group in query.groups):
        return False
    if query.category is not None and query.category.pk not in new.categories:
        return False
    if query.own and rfq.category_id not in searcher.own:
        return False
    if query.country not in ("", rfq.buyer.country) or query.grade not in ("", rfq.grade):
        return False
    if query.posted_within and rfq.posted_at < now - WITHIN[query.posted_within]:
        return False
    return not query.badge or _badge(rfq, searcher, platform_time.day_of(now)) is not None


def _badge(rfq: Rfq, searcher: Searcher, day: date) -> str | None:
    if searcher.labels is None:
        return None
    buyer = rfq.buyer
    return buyer_badge(
        labels=searcher.labels,
        tier=buyer.tier,
        tier_since=buyer.tier_since,
        viewer=searcher.viewer,
        day=day,
    )


# --- The run ------------------------------------------------------------------------------------


def searches_alert(*, now: datetime) -> int:
    """Tell of what each search has found since it was last told of; return the notices written.

    A search is told up to the same instant once: its row is held while it moves on, and the notice's
    key names where it stood. Batches have a transaction each, so a run that dies is gone on with.
    """
    until = now - SETTLE
    told = 0
    with unscoped():
        news = new_rfqs(since=until - LOOK_BACK, until=until, now=now)
        while True:
            searches, notices = _batch(news, until, now)
            told += notices
            if not searches:
                return told


def new_rfqs(*, since: datetime, until: datetime, now: datetime) -> list[NewRfq]:
    """Return the RFQs listed after one instant and up to another, newest first; three queries."""
    rfqs = list(
        Rfq.objects.live(now)
        .filter(listed_at__gt=since, listed_at__lte=until)
        .select_related("buyer")
        .defer("details", "attachments")
        .order_by("-listed_at", "-pk")[:MOST_NEW]
    )
    words: dict[int, set[str]] = {rfq.pk: set() for rfq in rfqs}
    for pk, word in RfqWord.objects.filter(rfq__in=words).values_list("rfq_id", "word"):
        words[pk].add(word)
    above: dict[int, set[int]] = {rfq.category_id: set() for rfq in rfqs}
    pairs = CategoryClosure.objects.filter(descendant__in=above)
    for descendant, ancestor in pairs.values_list("descendant", "ancestor"):
        above[descendant].add(ancestor)
    return [
        NewRfq(rfq, frozenset(words[rfq.pk]), frozenset(above[rfq.category_id])) for rfq in rfqs
    ]


def _batch(news: Sequence[NewRfq], until: datetime, now: datetime) -> tuple[int, int]:
    """Move a batch of searches on; return how many there were and the notices written."""
    with transaction.atomic():
        searches = list(
            SavedSearch.objects.filter(alert=True, seen_until__lt=until)
            .select_for_update(of=("self",), skip_locked=True, no_key=True)
            .select_related("seller")
            .order_by("pk")[:BATCH]
        )
        told = notice_send_many(_drafts(searches, news, now)) if news else 0
        moved = SavedSearch.objects.filter(
            pk__in=[search.pk for search in searches], seen_until__lt=until
        )
        moved.update(seen_until=until)
    return len(searches), told


def _drafts(
    searches: Sequence[SavedSearch], news: Sequence[NewRfq], now: datetime
) -> list[NoticeDraft]:
    active = _active(searches)
    searches = [one for one in searches if (one.seller_id, one.user_id) in active]
    shops = shops_of({search.seller_id: search.seller for search in searches}.values(), now)
    queries = read_saved_queries(search.query for search in searches)
    drafts = []
    for search in searches:
        query, searcher = queries[search.query], shops.searcher(search.seller_id)
        if query.errors:
            continue  # What it asked for is gone: without it, it would find far more.
        found = [
            new.rfq
            for new in news
            if new.rfq.listed_at > search.seen_until and found_by(query, new, searcher, now)
        ]
        if found:
            drafts.append(_draft(search, found))
    return drafts


def _draft(search: SavedSearch, found: Sequence[Rfq]) -> NoticeDraft:
    return NoticeDraft(
        kind="search_found",
        key=f"search:{search.pk}:{search.seen_until.isoformat()}",
        params={"search": search.name, "count": len(found), "newest": found[0].title},
        link=f"{reverse('rfq:market')}?{search.query}",
        seller_id=search.seller_id,
        user_ids=[search.user_id],
    )


def _active(searches: Iterable[SavedSearch]) -> set[tuple[int, int]]:
    """Return the (shop, user) pairs that still belong together, of shops that trade."""
    sellers = {search.seller_id for search in searches}
    members = Member.everywhere.filter(seller__in=sellers, is_active=True, user__is_active=True)
    return set(members.exclude(seller__status=SellerStatus.CLOSED).values_list("seller", "user"))


def shops_of(sellers: Iterable[Seller], now: datetime) -> Shops:
    """Read what the searches of shops depend on; a constant number of queries."""
    sellers = list(sellers)
    day = platform_time.day_of(now)
    flags: dict[int, set[str]] = {seller.pk: set() for seller in sellers}
    in_force = SellerFlag.objects.filter(
        Q(until__isnull=True) | Q(until__gte=day), seller__in=flags, since__lte=day
    )
    for seller, code in in_force.values_list("seller", "code"):
        flags[seller].add(code)
    try:
        labels = rulebook_for(BUYER_LABELS, day).content
    except RulebookMissing:
        labels = None
    return Shops(
        own=own_categories(sellers),
        viewers={
            seller.pk: BadgeViewer(
                seller.membership, seller.assessed_star, frozenset(flags[seller.pk])
            )
            for seller in sellers
        },
        labels=labels,
    )
