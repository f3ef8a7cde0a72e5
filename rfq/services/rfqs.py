"""Writing RFQs: what upstream sends, what staff decide, what time brings about (RFQ-1 … RFQ-4).

| function | for |
|---|---|
| `rfqs_feed(rows)` | rows of the kind `rfqs`; good rows are written, the others reported |
| `rfq_set_status(*, actor, rfq, status, reason)` | staff |
| `rfq_remove(*, rfq)` | taking one off the market in the caller's transaction (RFQ-24) |
| `rfqs_expire(*, now)` | the clock |

The status of an RFQ whose time is over changes here some minutes late; whoever asks reads
`Rfq.state(now)`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.upsert import upsert
from portal.models import Seller, User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.rulebooks import RulebookInForce, rulebooks_published
from rfq.choices import RFQ_TRANSITIONS, Grade, OfferStatus, RfqStatus
from rfq.market.schema import MARKET, MarketRules
from rfq.models import Rfq, RfqInvitation, UnsolicitedOffer
from rfq.services.quotes import responses_recount
from rfq.services.rfq_words import insert_words, words_drop, words_write

PRO_ABOVE = Decimal(50_000)
"""RFQ Pro is for requests worth more than this many USD (RFQ-3)."""

CREATED, UPDATED, UNCHANGED, REJECTED = "created", "updated", "unchanged", "rejected"
EXPIRE_BATCH = 1_000
DERIVED = ("opens_to_all_at", "listed_at")
INDEXED = ("title", "details", "posted_at", "status")
"""What the words of an RFQ follow from."""
COLUMNS = (
    "rfq_id", "buyer_id", "title", "category_id", "quantity", "unit", "details", "attachments",
    "target_price", "destination", "value_usd", "posted_at", "expires_at", "status", "grade", "seats",
)  # fmt: skip
"""What a row may say of an RFQ, by model attribute."""

Values = dict[str, Any]


@dataclass
class FeedResult:
    """What became of one row: `state` is `created`, `updated`, `unchanged` or `rejected`.

    `problems` are pairs of column and message.
    """

    state: str = UNCHANGED
    problems: list[tuple[str, str]] = field(default_factory=list)


# --- Upstream -----------------------------------------------------------------------------------


def rfqs_feed(rows: Sequence[Mapping[str, Any]]) -> list[FeedResult]:
    """Create or change RFQs by external id; return each row's result in order (RFQ-1, K-15).

    A row maps attributes of `Rfq` (`buyer_id`, `category_id`) to clean values, and `invited` to
    member ids; what is missing stays as stored, or takes the default. No id may occur twice. A
    constant number of statements, whatever the number of rows; nothing is written for a row that
    changes nothing. Call it unscoped, in a transaction.

    An RFQ that was removed stays removed, and one whose time ran out stays expired until its end is
    moved (RFQ-24).
    """
    feed = _Feed(rows)
    feed.read()
    feed.check()
    feed.write()
    return feed.results


class _Feed:
    """One call of `rfqs_feed` at work."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        self.now = platform_time.now()
        self.results = [FeedResult() for _row in rows]
        self.wanted: dict[int, Values] = {}
        """Index of a good row → all it comes to."""

    def read(self) -> None:
        """Read and hold what is stored, the sellers named, and the rules of the market."""
        ids = [row["rfq_id"] for row in self.rows]
        held = Rfq.objects.select_for_update(no_key=True).filter(rfq_id__among=ids)
        columns = ("pk", *COLUMNS, *DERIVED)
        self.stored: dict[str, Values] = {
            row["rfq_id"]: row for row in held.order_by("pk").values(*columns)
        }
        named = {code for row in self.rows for code in row.get("invited") or ()}
        self.sellers = dict(
            Seller.objects.filter(member_id__in=named).values_list("member_id", "pk")
        )
        self.rules = _RulesByDay(rulebooks_published(MARKET))

    # --- Checking -------------------------------------------------------------------------------

    def check(self) -> None:
        """Complete each row from what is stored and refuse those that make no sense."""
        for index, row in enumerate(self.rows):
            values = self._completed(row)
            problems = [*self._problems(values), *self._moved(row), *self._unknown_sellers(row)]
            if problems:
                self.results[index] = FeedResult(REJECTED, problems)
            else:
                self.wanted[index] = values

    def _completed(self, row: Mapping[str, Any]) -> Values:
        stored = self.stored.get(row["rfq_id"])
        given = {name: value for name, value in row.items() if name in COLUMNS}
        values = _new_values() if stored is None else {name: stored[name] for name in COLUMNS}
        values |= given
        rules = self.rules.on(platform_time.day_of(values["posted_at"]))
        if values["expires_at"] is None:
            values["expires_at"] = values["posted_at"] + timedelta(days=rules.default_days_open)
        values["opens_to_all_at"] = self._opens(values, stored, rules)
        values["status"] = self._status(given.get("status"), values, stored)
        if stored is None:
            values["listed_at"] = max(self.now, values["posted_at"])
        return values

    def _opens(self, values: Values, stored: Values | None, rules: MarketRules) -> datetime:
        """Return when everybody may quote: for silver after the early-access hours (RFQ-4)."""
        posted: datetime = values["posted_at"]
        if values["grade"] != Grade.SILVER:
            return posted
        if stored and (stored["grade"], stored["posted_at"]) == (Grade.SILVER, posted):
            opens: datetime = stored["opens_to_all_at"]
            return opens
        return platform_time.add_working_time(posted, timedelta(hours=rules.early_access_hours))

    def _status(self, given: str | None, values: Values, stored: Values | None) -> str:
        if stored is None:
            return given or RfqStatus.OPEN
        before: str = stored["status"]
        if before == RfqStatus.REMOVED:
            return before
        if before == RfqStatus.EXPIRED and given in (None, "", RfqStatus.OPEN):
            moved = values["expires_at"] > max(stored["expires_at"], self.now)
            return RfqStatus.OPEN if moved else before
        return given or before

    def _problems(self, values: Values) -> Iterable[tuple[str, str]]:
        if values["expires_at"] <= values["posted_at"]:
            yield "expires_at", _("must be after posted_at")
        if values["quantity"] <= 0:
            yield "quantity", _("must be greater than 0")
        # Without a value upstream answers for the grade: the column is optional.
        value = values["value_usd"]
        if values["grade"] == Grade.PRO and value is not None and value <= PRO_ABOVE:
            yield (
                "value_usd",
                _("an RFQ Pro is worth more than USD %(least)s") % {"least": f"{PRO_ABOVE:,}"},
            )

    def _moved(self, row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse another buyer: quotes were made to the one there was."""
        stored = self.stored.get(row["rfq_id"])
        if stored and row.get("buyer_id", stored["buyer_id"]) != stored["buyer_id"]:
            yield "buyer", _("differs from what was stored under this id and cannot change")

    def _unknown_sellers(self, row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        unknown = [code for code in row.get("invited") or () if code not in self.sellers]
        if unknown:
            names = ", ".join(unknown[:10])
            yield "invited", _("there is no seller %(names)s") % {"names": names}

    # --- Writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the good rows, their words and their invitation lists."""
        if not self.wanted:
            return
        indexes = list(self.wanted)
        done = upsert(Rfq, key=("rfq_id",), rows=[self.wanted[index] for index in indexes])
        for state, positions in ((CREATED, done.created), (UPDATED, done.updated)):
            for position in positions:
                self.results[indexes[position]].state = state
        self._recount_responses(indexes)
        self._write_words(indexes, {indexes[at] for at in done.created})
        self._write_invitations()

    def _recount_responses(self, indexes: list[int]) -> None:
        """Let quotes follow where the posting was moved: their response time is counted from it."""
        moved = []
        for index in indexes:
            values = self.wanted[index]
            stored = self.stored.get(values["rfq_id"])
            if stored and values["posted_at"] != stored["posted_at"]:
                moved.append(stored["pk"])
        if moved:
            responses_recount(rfqs=moved)

    def _write_words(self, indexes: list[int], created: set[int]) -> None:
        """Write words where texts are new, changed, or (not) to be found any more."""
        new = {
            values["rfq_id"]: values
            for values in map(self.wanted.__getitem__, created)
            if values["status"] == RfqStatus.OPEN
        }
        keys = Rfq.objects.filter(rfq_id__among=new).order_by().values_list("rfq_id", "pk")
        insert_words(
            (pk, new[rfq_id]["posted_at"], new[rfq_id]["title"], new[rfq_id]["details"])
            for rfq_id, pk in keys
        )
        changed = set()
        for index in indexes:
            values = self.wanted[index]
            stored = self.stored.get(values["rfq_id"])
            if stored and any(values[name] != stored[name] for name in INDEXED):
                changed.add(stored["pk"])
        words_write(changed)

    def _write_invitations(self) -> None:
        """Make invitation lists what the rows say; invitations after an offer stay (RFQ-3)."""
        lists = {
            self.wanted[index]["rfq_id"]: index
            for index in self.wanted
            if "invited" in self.rows[index]
        }
        if not lists:
            return
        pks = dict(Rfq.objects.filter(rfq_id__in=lists).values_list("rfq_id", "pk"))
        invited: dict[int, dict[int, int]] = defaultdict(dict)
        for invitation in RfqInvitation.objects.filter(rfq__in=pks.values()):
            invited[invitation.rfq_id][invitation.seller_id] = invitation.pk
        earned = set(
            UnsolicitedOffer.objects.filter(
                rfq__in=pks.values(), status=OfferStatus.ACCEPTED
            ).values_list("rfq", "seller")
        )
        new, gone = [], []
        for rfq_id, index in lists.items():
            pk, result = pks[rfq_id], self.results[index]
            wanted = {self.sellers[code] for code in self.rows[index]["invited"] or ()}
            added = wanted - invited[pk].keys()
            dropped = {
                seller for seller in invited[pk].keys() - wanted if (pk, seller) not in earned
            }
            at = self.wanted[index]["posted_at"] if result.state == CREATED else self.now
            new += [
                RfqInvitation(rfq_id=pk, seller_id=seller, invited_at=at)
                for seller in sorted(added)
            ]
            gone += [invited[pk][seller] for seller in dropped]
            if (added or dropped) and result.state == UNCHANGED:
                result.state = UPDATED
        RfqInvitation.objects.filter(pk__in=gone).delete()
        RfqInvitation.objects.bulk_create(new, batch_size=1_000, ignore_conflicts=True)


def _new_values() -> Values:
    return {name: default() for name, default in _defaults()}


@cache
def _defaults() -> tuple[tuple[str, Callable[[], Any]], ...]:
    """Return what makes the default of each column."""
    given = [item for item in Rfq._meta.concrete_fields if item.attname in COLUMNS]
    return (*((item.attname, item.get_default) for item in given), ("expires_at", lambda: None))


class _RulesByDay:
    """The market's rules by day; before the first rulebook, those of the first (history is fed too)."""

    def __init__(self, published: list[RulebookInForce]) -> None:
        self._published = published
        self._known: dict[date, MarketRules] = {}

    def on(self, day: date) -> MarketRules:
        """Return the rules of a Pacific day."""
        if day not in self._known:
            past = [book for book in self._published if book.effective_from <= day]
            self._known[day] = (past or self._published)[-1 if past else 0].content
        return self._known[day]


# --- Staff --------------------------------------------------------------------------------------


def rfq_set_status(*, actor: User, rfq: Rfq, status: str, reason: str) -> Rfq:
    """Close, reopen or remove an RFQ, with a reason the audit trail keeps (RFQ-1).

    Needs `rfq.change_rfq`. Refuses `no_such_change` when the RFQ cannot get that status from the one
    it has; `expired` is what time alone brings, and an RFQ whose time is over cannot be reopened.
    """
    if not actor.has_perm("rfq.change_rfq"):
        raise NotAllowed(_("You may not change RFQs."))
    if not reason.strip():
        raise InvalidInput([("reason", _("Say why: it is kept with the decision."))])
    with unscoped(), transaction.atomic():
        current = Rfq.objects.select_for_update(no_key=True).get(pk=rfq.pk)
        before = current.status
        over = current.expires_at <= platform_time.now()
        allowed = RFQ_TRANSITIONS[RfqStatus(before)] - {RfqStatus.EXPIRED}
        if status not in allowed or (status == RfqStatus.OPEN and over):
            raise Refusal("no_such_change", _("This RFQ cannot get that status now."))
        _move(current, status)
        audit.record(
            action="rfq.status",
            actor=actor,
            obj=current,
            before={"status": before},
            after={"status": status},
            reason=reason.strip(),
        )
    return current


def rfq_remove(*, rfq: Rfq) -> bool:
    """Take an RFQ off the market in the caller's transaction; return whether it was on it (RFQ-24).

    The caller audits the decision it belongs to.
    """
    current = Rfq.objects.select_for_update(no_key=True).get(pk=rfq.pk)
    if current.status == RfqStatus.REMOVED:
        return False
    _move(current, RfqStatus.REMOVED)
    rfq.status = current.status
    return True


def _move(rfq: Rfq, status: str) -> None:
    """Change the status of an RFQ that is held, by compare-and-set, and its words with it."""
    if not Rfq.objects.filter(pk=rfq.pk, status=rfq.status).update(status=status):
        raise Refusal("no_such_change", _("This RFQ cannot get that status now."))
    rfq.status = status
    words_write([rfq.pk])


# --- Time ---------------------------------------------------------------------------------------


def rfqs_expire(*, now: datetime, limit: int = 100_000) -> int:
    """Mark open RFQs whose time is over as expired and drop their words; return how many (RFQ-1).

    In batches with a transaction each; twice or at once is the same. In the demo, whose clock can be
    set back, RFQs whose time is to come again are opened again.
    """
    done = 0
    while done < limit:
        moved = _expire_batch(now)
        done += moved
        if moved < EXPIRE_BATCH:
            break
    if settings.DEMO:
        done += _revive(now)
    return done


def _expire_batch(now: datetime) -> int:
    over = Rfq.objects.filter(status=RfqStatus.OPEN, expires_at__lte=now)
    with transaction.atomic():
        keys = list(
            over.select_for_update(skip_locked=True, no_key=True)
            .order_by("expires_at")
            .values_list("pk", flat=True)[:EXPIRE_BATCH]
        )
        moved = over.filter(pk__in=keys).update(status=RfqStatus.EXPIRED)
        words_drop(keys)
    return moved


def _revive(now: datetime) -> int:
    ahead = Rfq.objects.filter(status=RfqStatus.EXPIRED, expires_at__gt=now)
    with transaction.atomic():
        keys = list(
            ahead.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
        )
        ahead.filter(pk__in=keys).update(status=RfqStatus.OPEN)
        words_write(keys)
    return len(keys)
