"""The market's search index: words of open RFQs, and of no others (RFQ-2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from portal.ingest.upsert import insert_rows
from rfq.models import Rfq, RfqWord
from rfq.models.market import OPEN
from rfq.words import words_of

CHUNK = 1_000


def words_write(rfqs: Collection[int]) -> None:
    """Make the words of RFQs (primary keys) agree with their texts; those not open get none.

    Three statements per thousand, in the caller's transaction.
    """
    keys = sorted(rfqs)
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        words_drop(chunk)
        texts = Rfq.objects.filter(OPEN, pk__in=chunk).order_by("pk")
        insert_words(texts.values_list("pk", "title", "details"))


def words_drop(rfqs: Iterable[int]) -> None:
    """Delete the words of RFQs that left the market."""
    RfqWord.objects.filter(rfq__in=list(rfqs)).order_by()._raw_delete("default")


def insert_words(texts: Iterable[tuple[int, str, str]]) -> None:
    """Write the words of RFQs that have none: rows of primary key, title and details."""
    insert_rows(
        RfqWord,
        [
            {"word": word, "rfq_id": pk}
            for pk, title, details in texts
            for word in words_of(title, details)
        ],
    )
