"""What upstream knows of quotes: history made elsewhere, and buyers' reactions (RFQ-6, RFQ-12, K-15).

A quote made in the portal keeps its own submission and price, whatever a row says; for it rows bring
the buyer's reactions alone. History consumes no rights, but takes a seat and counts as quoted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from portal import platform_time
from portal.ingest.bulk import insert_rows, update_rows
from portal.services.notices import NoticeDraft, notice_reaches, notice_send_many
from rfq.choices import QuoteOrigin, QuoteStatus
from rfq.models import Quote, Rfq
from rfq.services.follow_ups import FRESH, follow_ups_after_view
from rfq.services.quotes import carried
from rfq.services.rfqs import CREATED, REJECTED, UNCHANGED, UPDATED, FeedResult
from rfq.webhook_events import quotes_replied_publish

REACTIONS = {
    "viewed_at": QuoteStatus.VIEWED,
    "replied_at": QuoteStatus.REPLIED,
    "rejected_at": QuoteStatus.REJECTED,
    "accepted_at": QuoteStatus.ACCEPTED,
}
"""A buyer's reactions in the order of a quote's life, and the status each brings."""
TOLD = {"viewed_at": "quote_viewed", "replied_at": "quote_replied"}
"""Reactions people are told of, with the kind of notice."""
CLOCKS_APART = timedelta(hours=1)
"""How far ahead of ours upstream's clock may run; what lies further ahead has not happened, and nobody is told."""
OF_SUBMISSION = ("submitted_at", "unit_price", "response_seconds", "links_until")
CHANGED = ("status", *REACTIONS, *OF_SUBMISSION)
READ = ("pk", "seller_id", "rfq_id", "origin", "withdrawn_at", "refunded_at", *CHANGED)

Values = dict[str, Any]


def quotes_feed(rows: Sequence[Mapping[str, Any]]) -> list[FeedResult]:
    """Create or change quotes by seller and RFQ; return each row's result in order (K-15).

    A row maps `seller_id`, `rfq_id` (primary keys), `submitted_at`, `unit_price` and any of
    `REACTIONS` to clean values; a reaction that is missing stays as stored. No pair of seller and RFQ
    may occur twice. A constant number of statements, whatever the number of rows. Call it unscoped, in
    a transaction.
    """
    feed = _Feed(rows)
    feed.read()
    feed.plan()
    if feed.new or feed.changes:
        # Decided again if it differs once held, in the order of locks everybody keeps.
        before = feed.stored
        feed.hold()
        feed.read()
        if feed.stored != before:
            feed.plan()
        feed.write()
        feed.tell()
    return feed.results


def status_of(values: Mapping[str, Any]) -> str:
    """Return the status that follows from the newest of a quote's instants.

    Of two at the same instant the later one in a quote's life counts; a withdrawal always does.
    """
    if values.get("withdrawn_at") is not None:
        return QuoteStatus.WITHDRAWN
    known = [
        (values[name], rank, status)
        for rank, (name, status) in enumerate(REACTIONS.items())
        if values.get(name) is not None
    ]
    return max(known)[2] if known else QuoteStatus.SUBMITTED


class _Feed:
    """One call of `quotes_feed` at work."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        rfqs = Rfq.objects.only("rfq_id", "title", "buyer_id", "posted_at")
        self.rfqs = {rfq.pk: rfq for rfq in rfqs.filter(pk__among={row["rfq_id"] for row in rows})}
        self.results: list[FeedResult] = []
        self.stored: dict[tuple[int, int], list[Values]] = {}
        self.new: list[Values] = []
        self.changes: dict[int, tuple[Values, Values]] = {}
        """Primary key → the attributes as stored and as wanted."""

    def read(self) -> None:
        """Read what is stored of the sellers and RFQs named, oldest first."""
        self.stored = defaultdict(list)
        quotes = Quote.objects.filter(
            rfq_id__among=self.rfqs, seller_id__among={row["seller_id"] for row in self.rows}
        )
        for values in quotes.order_by("pk").values(*READ):
            self.stored[values["seller_id"], values["rfq_id"]].append(values)

    def hold(self) -> None:
        """Lock the RFQs that get new quotes, then the quotes there are."""
        wanted = {values["rfq_id"] for values in self.new}
        _lock(Rfq.objects.filter(pk__among=wanted))
        found = [values["pk"] for quotes in self.stored.values() for values in quotes]
        _lock(Quote.objects.filter(pk__among=found))

    # --- Deciding -------------------------------------------------------------------------------

    def plan(self) -> None:
        """Sort the rows into new, changed, unchanged and refused."""
        self.new, self.changes = [], {}
        self.results = [self._plan(row) for row in self.rows]

    def _plan(self, row: Mapping[str, Any]) -> FeedResult:
        stored = None
        if quotes := self.stored.get((row["seller_id"], row["rfq_id"])):
            stored = _meant(quotes, row["submitted_at"])
        wanted = self._wanted(row, stored)
        problems = list(self._problems(wanted))
        if problems:
            return FeedResult(REJECTED, problems)
        if stored is None:
            self.new.append(wanted)
            return FeedResult(CREATED)
        if all(stored[name] == wanted[name] for name in CHANGED):
            return FeedResult(UNCHANGED)
        self.changes[stored["pk"]] = (stored, wanted)
        return FeedResult(UPDATED)

    def _wanted(self, row: Mapping[str, Any], stored: Values | None) -> Values:
        """Return all that a quote comes to with the row."""
        reactions = {name: row[name] for name in REACTIONS if name in row}
        if stored is None:
            wanted = {"origin": QuoteOrigin.UPSTREAM, **dict.fromkeys(REACTIONS), **row}
        else:
            wanted = {**stored, **reactions}
        if wanted["origin"] == QuoteOrigin.UPSTREAM:
            submitted_at = row["submitted_at"]
            wanted |= {"submitted_at": submitted_at, "unit_price": row["unit_price"]}
            wanted |= carried(self.rfqs[row["rfq_id"]], submitted_at)
        return wanted | {"status": status_of(wanted)}

    def _problems(self, wanted: Values) -> Iterator[tuple[str, str]]:
        posted_at = self.rfqs[wanted["rfq_id"]].posted_at
        if wanted["origin"] == QuoteOrigin.UPSTREAM and wanted["submitted_at"] < posted_at:
            yield "submitted_at", _("is before the RFQ was posted")
        for name in REACTIONS:
            if wanted[name] is not None and wanted[name] < wanted["submitted_at"]:
                yield name, _("is before the quote was submitted")

    # --- Writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write new quotes, their seats, and what changed of the others."""
        insert_rows(Quote, self.new)
        self._take_seats(Counter(values["rfq_id"] for values in self.new))
        update_rows(
            Quote,
            CHANGED,
            {
                pk: [wanted[name] for name in CHANGED]
                for pk, (_stored, wanted) in self.changes.items()
            },
        )

    @staticmethod
    def _take_seats(seats: Counter[int]) -> None:
        by_number: dict[int, list[int]] = defaultdict(list)
        for rfq, number in seats.items():
            by_number[number].append(rfq)
        for number, rfqs in by_number.items():
            Rfq.objects.filter(pk__among=rfqs).update(quoted=F("quoted") + number)

    # --- Telling --------------------------------------------------------------------------------

    def tell(self) -> None:
        """Tell shops and webhooks of reactions that became known just now, and plan follow-ups (K-18, API-1)."""
        fresh = self._fresh()
        reached = notice_reaches({quote.seller_id for quote, _known in fresh})
        notice_send_many(
            self._notice(quote, name, kind)
            for quote, known in fresh
            if quote.seller_id in reached
            for name, kind in TOLD.items()
            if name in known
        )
        quotes_replied_publish(
            [quote for quote, known in fresh if "replied_at" in known], self.rfqs
        )
        follow_ups_after_view(quote for quote, _known in fresh)

    def _fresh(self) -> list[tuple[Quote, set[str]]]:
        """Return quotes with reactions that nobody knew of before; those of long ago are history."""
        now = platform_time.now()
        changed = {
            pk: known
            for pk, (stored, wanted) in self.changes.items()
            if (known := _newly_known(stored, wanted, now))
        }
        new = {
            (values["seller_id"], values["rfq_id"]): known
            for values in self.new
            if (known := _newly_known({}, values, now))
        }
        quotes = Quote.objects.order_by("pk")
        # Not by `LIVE`: its index leads SQLite through every pair of an RFQ and a shop.
        made = quotes.filter(
            rfq_id__among={rfq for _seller, rfq in new},
            seller_id__among={seller for seller, _rfq in new},
        )
        return [
            *((quote, changed[quote.pk]) for quote in quotes.filter(pk__among=changed)),
            *(
                (quote, new[pair])
                for quote in made
                if quote.withdrawn_at is None and (pair := _pair(quote)) in new
            ),
        ]

    def _notice(self, quote: Quote, reaction: str, kind: str) -> NoticeDraft:
        return NoticeDraft(
            kind=kind,
            key=f"{kind}:{quote.pk}",
            params={"rfq": self.rfqs[quote.rfq_id].title, "at": getattr(quote, reaction)},
            link=reverse("rfq:quote", args=[quote.pk]),
            seller_id=quote.seller_id,
        )


def _pair(quote: Quote) -> tuple[int, int]:
    return quote.seller_id, quote.rfq_id


def _lock(rows: Any) -> None:
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _meant(quotes: Iterable[Values], submitted_at: datetime) -> Values | None:
    """Return which of a seller's quotes on one RFQ a row speaks of, or none: it is a new one.

    The one submitted at that very instant; else the live one; else the last one withdrawn, if the row
    tells of a submission before that.
    """
    newest_first = list(quotes)[::-1]
    for values in newest_first:
        if values["submitted_at"] == submitted_at:
            return values
    for values in newest_first:
        if values["withdrawn_at"] is None:
            return values
    return next((one for one in newest_first if submitted_at <= one["withdrawn_at"]), None)


def _newly_known(stored: Mapping[str, Any], wanted: Values, now: datetime) -> set[str]:
    if wanted.get("withdrawn_at") or wanted.get("refunded_at"):
        return set()
    return {
        name
        for name in TOLD
        if stored.get(name) is None
        and wanted[name] is not None
        and now - FRESH <= wanted[name] <= now + CLOCKS_APART
    }
