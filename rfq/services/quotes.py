"""Submitting, revising and withdrawing quotes (RFQ-6 … RFQ-8, RFQ-11).

Locks are taken in one order everywhere: the RFQ (its counter decides seats), its quotes, the rights
by kind in the order of `RightKind`, the pin's place. A refusal undoes everything, except that a pin
which fails is undone alone: the quote stands and the pin right stays.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.choices import SellerStatus
from portal.errors import InvalidInput, Refusal
from portal.ingest.bulk import update_rows
from portal.locks import queued_transaction
from portal.models import Member, Seller, StoredFile
from portal.scoping import unscoped
from portal.services import audit
from rfq.choices import QuoteStatus, RightKind
from rfq.market.access import (
    already_quoted,
    closed,
    quoting_standing,
    refusal_for,
    restricted,
    rights_needed,
)
from rfq.models import Quote, QuoteDraft, QuoteFile, Rfq
from rfq.quotes.terms import QuoteTerms, terms_checked, terms_from
from rfq.services.follow_ups import follow_ups_after_submit
from rfq.services.pins import pin_take, pins_release
from rfq.services.rights import Balances, balances_of, right_spend
from rfq.services.roles import may_act_on, may_quote

__all__ = [
    "QuoteTerms",
    "Submission",
    "quote_revise",
    "quote_submit",
    "quote_withdraw",
    "terms_from",
]

LINK_YEARS = 3
MAX_FILES = 10


@dataclass(frozen=True)
class Submission:
    """A quote that was submitted, and exactly what it took (RFQ-7).

    `used` counts the rights used by kind, each 0 or 1, in the order of `RightKind`; `left` is what
    remains after it. A pin that was asked for gives `pinned`, its place, or `pin_refusal`, the code
    of why not, with `pin_message` for the reader.
    """

    quote: Quote
    used: dict[str, int]
    left: Balances
    pinned: int | None = None
    pin_refusal: str | None = None
    pin_message: str = ""


def quote_submit(
    *,
    member: Member,
    rfq: Rfq,
    terms: QuoteTerms,
    pin: bool = False,
    files: Iterable[StoredFile] = (),
) -> Submission:
    """Quote an RFQ: one quote right, with a gold right on gold and a pass when seats are full (RFQ-7).

    Raises `InvalidInput`, `NotAllowed`, `Busy`, or the `Refusal` of `access.refusal_for`; nothing is
    changed then. `files` are stored files of the shop.
    """
    may_quote(member)
    terms = terms_checked(terms, seller=member.seller)
    attached = _own_files(member, files)
    with unscoped(), queued_transaction():
        # Whoever quotes this RFQ at the same moment waits here, so seats are given one at a time.
        held = Rfq.objects.select_for_update(no_key=True).get(pk=rfq.pk)
        seller = Seller.objects.get(pk=member.seller_id)
        now = platform_time.now()
        standing = quoting_standing(seller=seller, rfqs=[held], now=now)
        if (refusal := refusal_for(held, standing, now)) is not None:
            raise refusal
        quote = _insert(member=member, rfq=held, terms=terms, now=now)
        kinds = rights_needed(held)
        Rfq.objects.filter(pk=held.pk).update(quoted=F("quoted") + 1)
        QuoteFile.objects.bulk_create(QuoteFile(quote=quote, file=file) for file in attached)
        QuoteDraft.objects.filter(seller=seller, user=member.user, rfq=held).delete()
        follow_ups_after_submit([quote])
        for kind in kinds:
            right_spend(seller=seller, kind=kind, key=f"use:{kind}:{quote.pk}", quote=quote)
        slot, pin_refusal = _pin(member, seller, quote) if pin else (None, None)
        if slot is not None:
            kinds.append(RightKind.PIN)
        used = {kind: int(kind in kinds) for kind in RightKind.values}
        audit.record(
            action="quote.submit",
            actor=member.user,
            obj=quote,
            after=terms.as_columns(),
            rights=used,
            files=[file.pk for file in attached],
        )
        return Submission(
            quote=quote,
            used=used,
            left=balances_of(seller=seller, now=now),
            pinned=slot,
            pin_refusal=pin_refusal.code if pin_refusal else None,
            pin_message=str(pin_refusal or ""),
        )


def _insert(*, member: Member, rfq: Rfq, terms: QuoteTerms, now: datetime) -> Quote:
    quote = Quote(
        seller_id=member.seller_id,
        rfq=rfq,
        submitted_at=now,
        submitted_by=member.user,
        **carried(rfq, now),
        **terms.as_columns(),
    )
    try:
        with transaction.atomic():
            quote.save(force_insert=True)
    except IntegrityError:
        # The constraint has the last word even over a writer that did not hold the RFQ.
        raise already_quoted() from None
    return quote


def carried(rfq: Rfq, submitted_at: datetime) -> dict[str, Any]:
    """Return the columns of a quote that follow from its RFQ and its submission."""
    return {
        "buyer_id": rfq.buyer_id,
        "response_seconds": response_seconds(rfq.posted_at, submitted_at),
        "links_until": platform_time.years_later(submitted_at, LINK_YEARS),
    }


def response_seconds(posted_at: datetime, submitted_at: datetime) -> int:
    """Return how long a quote took, in begun seconds: a moment after 12 hours is not within them (RFQ-16)."""
    return math.ceil((submitted_at - posted_at).total_seconds())


def responses_recount(*, rfqs: Collection[int]) -> int:
    """Count response times anew after upstream moved the posting of RFQs; return how many changed.

    `rfqs` are primary keys; the caller holds them, unscoped and in its transaction.
    """
    held = Quote.objects.select_for_update(no_key=True, of=("self",)).filter(rfq__in=rfqs)
    changed = {
        pk: [seconds]
        for pk, stored, posted_at, submitted_at in held.order_by("pk").values_list(
            "pk", "response_seconds", "rfq__posted_at", "submitted_at"
        )
        if (seconds := response_seconds(posted_at, submitted_at)) != stored
    }
    update_rows(Quote, ["response_seconds"], changed)
    return len(changed)


def _pin(member: Member, seller: Seller, quote: Quote) -> tuple[int | None, Refusal | None]:
    """Try to pin a quote just made; return its place, or why it has none."""
    try:
        with transaction.atomic():
            return pin_take(member=member, seller=seller, quote=quote), None
    except Refusal as refusal:
        return None, refusal


def _own_files(member: Member, files: Iterable[StoredFile]) -> list[StoredFile]:
    """Return the files without repetitions, or raise `InvalidInput`."""
    found = list({file.pk: file for file in files}.values())
    if any(file.seller_id != member.seller_id for file in found):
        raise InvalidInput([("files", _("There is no such file."))])
    if len(found) > MAX_FILES:
        text = ngettext("At most %(most)d file.", "At most %(most)d files.", MAX_FILES)
        raise InvalidInput([("files", text % {"most": MAX_FILES})])
    return found


# --- Changing one's mind ------------------------------------------------------------------------


def quote_revise(
    *,
    member: Member,
    quote: Quote,
    terms: QuoteTerms,
    version: int,
    files: Sequence[StoredFile] | None = None,
) -> Quote:
    """Replace the terms of a live quote, and its files when given; return it as stored (RFQ-6).

    `version` is that of the copy the person saw: raises `stale` when somebody changed the quote
    since. Raises `quote_rejected`, `quote_accepted`, `quote_withdrawn`, `closed`,
    `seller_restricted`, `InvalidInput`, `NotAllowed`. It costs no right and keeps the submission's
    time. Saving what is there already changes nothing.
    """
    may_act_on(member, quote)
    attached = None if files is None else _own_files(member, files)
    with unscoped(), queued_transaction():
        held = _hold(quote)
        _refuse_change(held, Rfq.objects.get(pk=held.rfq_id))
        if held.version != version:
            raise Refusal(
                "stale", _("Somebody changed this quote meanwhile. Look at it again, then save.")
            )
        before, after = QuoteTerms.of(held), terms
        if after != before:
            after = terms_checked(terms, seller=member.seller)
        old_files, new_files = _replace_files(held, attached)
        if (after, new_files) == (before, old_files):
            return held
        Quote.objects.filter(pk=held.pk).update(**after.as_columns(), version=F("version") + 1)
        audit.record(
            action="quote.revise",
            actor=member.user,
            obj=held,
            before={**before.as_columns(), "files": old_files},
            after={**after.as_columns(), "files": new_files},
        )
        held.refresh_from_db()
        return held


def _hold(quote: Quote) -> Quote:
    return Quote.objects.select_for_update(no_key=True).get(pk=quote.pk)


def _refuse_change(quote: Quote, rfq: Rfq) -> None:
    """Raise why the terms of a quote are final."""
    seller_status = Seller.objects.values_list("status", flat=True).get(pk=quote.seller_id)
    if seller_status != SellerStatus.ACTIVE:
        raise restricted(seller_status)
    if (refusal := ended(quote)) is not None:
        raise refusal
    if (refusal := closed(rfq, platform_time.now())) is not None:
        raise refusal


def ended(quote: Quote) -> Refusal | None:
    """Return why a quote waits for nothing any more, or none while it does."""
    match quote.status:
        case QuoteStatus.REJECTED:
            return Refusal("quote_rejected", _("The buyer has rejected this quote."))
        case QuoteStatus.ACCEPTED:
            return Refusal("quote_accepted", _("The buyer has accepted this quote."))
        case QuoteStatus.WITHDRAWN:
            return Refusal("quote_withdrawn", _("This quote was withdrawn."))
    return None


def _replace_files(
    quote: Quote, attached: Sequence[StoredFile] | None
) -> tuple[list[int], list[int]]:
    """Make the quote's files those given, unless none are; return the keys before and after."""
    before = sorted(QuoteFile.objects.filter(quote=quote).values_list("file", flat=True))
    if attached is None:
        return before, before
    after = sorted(file.pk for file in attached)
    if after != before:
        QuoteFile.objects.filter(quote=quote).exclude(file__in=after).delete()
        new = [QuoteFile(quote=quote, file_id=pk) for pk in after if pk not in before]
        QuoteFile.objects.bulk_create(new)
    return before, after


def quote_withdraw(*, member: Member, quote: Quote) -> Quote:
    """Withdraw a quote: its seat and its pin's place become free, its rights stay used (RFQ-6).

    Raises `quote_withdrawn`, `quote_rejected`, `quote_accepted`, `NotAllowed`. A shop may withdraw
    whatever its own status and the RFQ's.
    """
    may_act_on(member, quote)
    with unscoped(), queued_transaction():
        Rfq.objects.select_for_update(no_key=True).get(pk=quote.rfq_id)
        held = _hold(quote)
        if (refusal := ended(held)) is not None:
            raise refusal
        now = platform_time.now()
        Quote.objects.filter(pk=held.pk).update(
            status=QuoteStatus.WITHDRAWN, withdrawn_at=now, version=F("version") + 1
        )
        Rfq.objects.filter(pk=held.rfq_id, quoted__gt=0).update(quoted=F("quoted") - 1)
        places = pins_release(quote=held, now=now)
        audit.record(
            action="quote.withdraw",
            actor=member.user,
            obj=held,
            before={"status": held.status},
            after={"status": QuoteStatus.WITHDRAWN},
            pin_released=bool(places),
        )
        held.refresh_from_db()
        return held
