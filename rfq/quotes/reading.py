"""What the quote pages read besides the quotes: the RFQ as asked, files, rights used."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db.models import QuerySet, Sum

from portal.models import CategoryAttribute, StoredFile
from portal.prepared_reads import prepared
from rfq.choices import RightKind
from rfq.models import Quote, Rfq, RightEntry
from rfq.quotes.self_check import Answered, Asked, AttributeWords, SelfCheck, self_check

FILE_PURPOSE = "quote"


def asked_of(rfq: Rfq) -> Asked:
    """Return what an RFQ asks, with the system attributes of its category; one query."""
    return Asked(
        quantity=rfq.quantity,
        unit=rfq.unit,
        text=f"{rfq.title}\n{rfq.details}",
        target_price=rfq.target_price,
        attributes=tuple(
            AttributeWords(
                names=tuple(
                    name for name in (one.attribute.name_en, one.attribute.name_zh) if name
                ),
                values=tuple(str(value) for value in one.values),
            )
            for one in _offered(rfq.category_id)
        ),
    )


@prepared
def _offered(category: int) -> QuerySet[CategoryAttribute]:
    return CategoryAttribute.objects.filter(category=category).select_related("attribute")


def answered_of(given: dict[str, Any]) -> Answered:
    """Return what raw terms say, as far as they can be read."""
    return Answered(
        message=str(given.get("message") or ""),
        unit_price=_decimal(given.get("unit_price")),
        currency=str(given.get("currency") or "USD"),
        moq=_whole(given.get("moq")),
        lead_time_days=_whole(given.get("lead_time_days")),
        sample_offered=bool(given.get("sample_offered")),
        has_validity=bool(given.get("valid_until")),
    )


def check_of(rfq: Rfq, given: dict[str, Any]) -> SelfCheck:
    """Check raw terms against an RFQ (RFQ-25)."""
    return self_check(asked_of(rfq), answered_of(given))


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _whole(value: Any) -> int | None:
    number = _decimal(value)
    return int(number) if number is not None and abs(number) < 10**12 else None


def attachments_of(rfq: Rfq) -> list[tuple[str, str]]:
    """Return (address, name) of the buyer's files; anything but a web address is left out."""
    found = []
    for url in rfq.attachments if isinstance(rfq.attachments, list) else ():
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            path = urlsplit(url).path.rstrip("/")
            found.append((url, unquote(path.rpartition("/")[2]) or url))
    return found


def own_files(tokens: Iterable[str]) -> list[StoredFile]:
    """Return the files of the shop in scope that were uploaded for quotes, in the order of tokens."""
    wanted = list(dict.fromkeys(tokens))
    files = StoredFile.objects.filter(token__in=wanted, purpose=FILE_PURPOSE)
    found = {file.token: file for file in files} if wanted else {}
    return [found[token] for token in wanted if token in found]


def rights_used(quote: Quote) -> dict[str, int]:
    """Return kind → rights a quote used, as the ledger has it; one query (RFQ-7)."""
    uses = (
        RightEntry.objects.filter(quote=quote, delta__lt=0)
        .order_by()
        .values_list("kind")
        .annotate(Sum("delta"))
    )
    used = {kind: -total for kind, total in uses}
    return {kind: used.get(kind, 0) for kind in RightKind.values}
