"""What a shop is shown of its rights: the statement, what is left until when, what came when (RFQ-9).

Everything here is read inside the shop's scope and judged by the platform's clock: rows after now
are not there yet (K-5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import django_filters
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal import platform_time
from portal.api.filters import TruthFilter
from portal.filters import PeriodFilterSet
from portal.prepared_reads import prepared
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.choices import GrantSource, RightKind
from rfq.models import RightEntry, RightLot
from rfq.score.schema import SCORE
from rfq.services.rights import live

UNLIMITED = pgettext_lazy("rights", "Unlimited")
WORDS: dict[str, str | Promise] = {
    "grant": _("Granted"),
    "use:quote": _("Used for the quote on {rfq}"),
    "use:gold": _("Used because {rfq} is a gold RFQ"),
    "use:fast_lane": _("Used because all seats of {rfq} were taken"),
    "use:pin": _("Used to pin the quote on {rfq}"),
    "use": _("Used"),
    "refund:quote": _("Given back: the quote on {rfq}"),
    "refund:gold": _("Given back: the gold RFQ {rfq}"),
    "refund:fast_lane": _("Given back: the quote on the full RFQ {rfq}"),
    "refund:pin": _("Given back: the pin on {rfq}"),
    "refund": _("Given back"),
}
"""What a row of the statement means, by `words_key`; `{rfq}` is the RFQ."""


# --- The statement ------------------------------------------------------------------------------


def statement(now: datetime) -> QuerySet[RightEntry]:
    """Return the ledger rows up to now, newest first, each with its quote's RFQ."""
    rows: QuerySet[RightEntry] = RightEntry.objects.filter(at__lte=now)
    return rows.select_related("quote__rfq").order_by("-at", "-pk")


def is_live(entry: RightEntry, now: datetime) -> bool:
    """Tell whether a row counts in the balance: its lot is not over."""
    return entry.expires_at is None or entry.expires_at > now


def what_is(entry: RightEntry) -> str:
    """Return `grant`, `use` or `refund`."""
    if entry.reverses_id is not None:
        return "refund"
    return "use" if entry.delta is not None and entry.delta < 0 else "grant"


def words_key(entry: RightEntry) -> str:
    """Return the key into `WORDS` of a row."""
    what = what_is(entry)
    return what if what == "grant" or entry.quote is None else f"{what}:{entry.kind}"


def source_name(source: str) -> str:
    """Return a source as readers are shown it: a known one in words, upstream's as it came."""
    return str(dict(GrantSource.choices).get(source, source))


class LedgerFilter(PeriodFilterSet):
    """Rows of the statement by kind, source, life and Pacific day."""

    kind = django_filters.ChoiceFilter(
        choices=RightKind.choices, label=_("Kind of right"), empty_label=_("All")
    )
    source = django_filters.CharFilter(label=_("Source"))
    live = TruthFilter(
        method="keep_live", label=_("Live: counts in the balance because its grant is not over.")
    )

    class Meta:
        model = RightEntry
        fields = ["kind", "source"]

    def keep_live(self, rows: Any, name: str, value: bool) -> Any:
        """Keep what counts in the balance now, or what no longer does."""
        now = platform_time.now()
        return rows.unexpired(now) if value else rows.filter(expires_at__lte=now)


CSV_HEADER = ["at", "kind", "amount", "source", "what", "rfq", "quote", "expires_at", "live"]


def csv_rows(entries: Iterable[RightEntry], now: datetime) -> Iterator[list[Any]]:
    """Return an iterator over the header and a row per ledger row; instants in Pacific time.

    The words are taken in the caller's language at once: the rows are made while the file is being
    sent, when the language of the request may be gone.
    """
    kinds = {kind: str(label) for kind, label in RightKind.choices}
    sources = {source: str(label) for source, label in GrantSource.choices}
    words = {key: str(text) for key, text in WORDS.items()}
    unlimited = str(UNLIMITED)

    def rows() -> Iterator[list[Any]]:
        yield CSV_HEADER
        for entry in entries:
            rfq = entry.quote.rfq.rfq_id if entry.quote else ""
            yield [
                _pacific(entry.at),
                kinds[entry.kind],
                unlimited if entry.delta is None else entry.delta,
                sources.get(entry.source, entry.source),
                words[words_key(entry)].replace("{rfq}", rfq),
                rfq,
                entry.quote_id or "",
                _pacific(entry.expires_at),
                "yes" if is_live(entry, now) else "no",
            ]

    return rows()


def _pacific(instant: datetime | None) -> str:
    return platform_time.to_pacific(instant).isoformat() if instant else ""


# --- What is left, and where it came from ---------------------------------------------------------


@dataclass(frozen=True)
class KindLeft:
    """What is left of a kind; `left` none is unlimited. `ending` of them end first, at `ends_at`."""

    kind: RightKind
    left: int | None = 0
    ends_at: datetime | None = None
    ending: int | None = 0


def kinds_left(now: datetime) -> list[KindLeft]:
    """Return every kind with its balance and what of it ends first; one query."""
    groups = _left_by_end(now)
    found = []
    for kind in RightKind:
        own = [group for group in groups if group["kind"] == kind]
        if not own:
            found.append(KindLeft(kind))
            continue
        endless = any(group["unlimited"] for group in own)
        first = own[0]
        found.append(
            KindLeft(
                kind=kind,
                left=None if endless else sum(group["total"] for group in own),
                ends_at=first["expires_at"],
                ending=None if first["unlimited"] else first["total"],
            )
        )
    return found


@prepared
def _left_by_end(now: datetime) -> QuerySet[RightLot, Any]:
    usable = RightLot.objects.filter(live(now)).filter(Q(amount__isnull=True) | Q(left__gte=1))
    groups = usable.order_by(F("expires_at").asc(nulls_last=True)).values("kind", "expires_at")
    return groups.annotate(total=Sum("left"), unlimited=Count("pk", filter=Q(amount__isnull=True)))


def lots_left(now: datetime) -> QuerySet[RightLot]:
    """Return the lots with something left, in the order in which they are used up."""
    usable: QuerySet[RightLot] = RightLot.objects.filter(live(now))
    return usable.filter(Q(amount__isnull=True) | Q(left__gte=1)).order_by(
        F("expires_at").asc(nulls_last=True), "granted_at", "pk"
    )


@dataclass(frozen=True)
class MonthGrant:
    """What one source has given of one kind this month; `amount` none is unlimited."""

    source: str
    kind: RightKind
    amount: int | None

    @property
    def source_name(self) -> str:
        """The source in words."""
        return source_name(self.source)


def month_grants(now: datetime) -> list[MonthGrant]:
    """Return what was granted in the current Pacific month up to now, by source and kind."""
    first = platform_time.start_of(platform_time.day_of(now).replace(day=1))
    rows = _granted(first, now)
    order = {kind: rank for rank, kind in enumerate(RightKind)}
    grants = [
        MonthGrant(
            row["source"], RightKind(row["kind"]), None if row["unlimited"] else row["total"]
        )
        for row in rows
    ]
    return sorted(grants, key=lambda grant: (grant.source, order[grant.kind]))


def next_grant_day(today: date) -> date | None:
    """Return the next Pacific day after today on which rights follow from the score (RFQ-10).

    A month's rights follow from the assessment of the month before, so its days are those of the
    rulebook in force on that month's last day.
    """
    first = today.replace(day=1)
    for month in (first, (first + timedelta(days=31)).replace(day=1)):
        try:
            rules = rulebook_for(SCORE, month - timedelta(days=1)).content
        except RulebookMissing:
            continue
        for number in rules.grant_days:
            if (day := month.replace(day=number)) > today:
                return day
    return None


@prepared
def _granted(first: datetime, now: datetime) -> QuerySet[RightLot, Any]:
    lots = RightLot.objects.filter(granted_at__gte=first, granted_at__lte=now)
    rows = lots.order_by("source").values("source", "kind")
    return rows.annotate(total=Sum("amount"), unlimited=Count("pk", filter=Q(amount__isnull=True)))
