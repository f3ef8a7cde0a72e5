"""The market's search index: words of open RFQs, and of no others (RFQ-2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from portal.ingest.bulk import insert_columns
from rfq.market.search_words import words_of
from rfq.models import Rfq, RfqWord
from rfq.models.market import OPEN

CHUNK = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORD = ("word", "posted", "rfq_id")

Text = tuple[int, datetime, str, str]
"""Primary key, instant of posting, title and details of an RFQ."""


def words_write(rfqs: Collection[int]) -> None:
    """Make the words of RFQs (primary keys) agree with their texts; those not open get none.

    Three statements per thousand, in the caller's transaction.
    """
    keys = sorted(rfqs)
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        words_drop(chunk)
        insert_words(texts_of(Rfq.objects.filter(OPEN, pk__in=chunk)))


def words_drop(rfqs: Iterable[int]) -> None:
    """Delete the words of RFQs that left the market."""
    RfqWord.objects.filter(rfq__in=list(rfqs)).order_by()._raw_delete("default")


def texts_of(rfqs: QuerySet[Rfq]) -> Iterable[Text]:
    """Return what the words of RFQs follow from."""
    return rfqs.order_by("pk").values_list("pk", "posted_at", "title", "details")


def insert_words(texts: Iterable[Text]) -> None:
    """Write the words of RFQs that have none, in the order of the index they make up."""
    rows = [
        (word, posted, pk)
        for pk, posted_at, title, details in texts
        for posted in (microseconds(posted_at),)
        for word in words_of(title, details)
    ]
    if rows:
        rows.sort()
        insert_columns(RfqWord, dict(zip(WORD, zip(*rows, strict=True), strict=True)))


def microseconds(instant: datetime) -> int:
    """Return an instant as microseconds since 1970: a number that sorts like it."""
    return (instant - EPOCH) // timedelta(microseconds=1)
