"""Notices of rights: what was granted or will be gone, in the words of each reader (K-18)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice

from django.db.models import QuerySet
from django.utils import translation

from portal.services.notices import NoticeDraft, notice_send_many
from rfq.choices import RightKind

BATCH = 1000


def tell(drafts: Iterable[NoticeDraft]) -> int:
    """Send notices a thousand at a time; return how many are new."""
    waiting, told = iter(drafts), 0
    while batch := list(islice(waiting, BATCH)):
        told += notice_send_many(batch)
    return told


def by_seller(lots: QuerySet) -> Iterator[tuple[int, dict[str, int | None]]]:
    """Yield seller → amount by kind of lots, seller by seller; None is unlimited."""
    current, amounts = 0, dict[str, int | None]()
    rows = lots.order_by("seller_id", "pk").values_list("seller_id", "kind", "left")
    for seller, kind, left in rows.iterator():
        if seller != current:
            if amounts:
                yield current, amounts
            current, amounts = seller, {}
        before = amounts.get(kind, 0)
        amounts[kind] = None if left is None or before is None else before + left
    if amounts:
        yield current, amounts


def rights_text(amounts: Mapping[str, int | None]) -> dict[str, str]:
    """Return "8 × Quote right, unlimited × …" in both languages, in the order of `RightKind`."""
    return {
        key: separator.join(
            f"{_amount(amounts[kind], language)} × {_kind_name(kind, language)}"
            for kind in RightKind.values
            if kind in amounts
        )
        for key, language, separator in (("en", "en", ", "), ("zh", "zh-hans", "、"))
    }


def _amount(amount: int | None, language: str) -> str:
    return _unlimited(language) if amount is None else str(amount)


@cache
def _kind_name(kind: str, language: str) -> str:
    with translation.override(language):
        return str(RightKind(kind).label)


@cache
def _unlimited(language: str) -> str:
    with translation.override(language):
        # Translators: 不限量
        return translation.gettext("unlimited")
