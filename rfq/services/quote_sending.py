"""Sending what was typed into the form: never for more than the person was told (RFQ-7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from portal.errors import Refusal
from portal.models import Member, StoredFile
from rfq.choices import RightKind
from rfq.models import Rfq
from rfq.quotes.terms import QuoteTerms
from rfq.services.quotes import Submission, quote_submit


class CostsMore(Refusal):
    """The quote would use rights that were not announced; nothing was sent."""

    def __init__(self, kinds: list[str]) -> None:
        super().__init__(
            "cost_changed",
            _(
                "Nothing was sent: meanwhile this quote costs more than this page said (%(kinds)s)."
                " Look at what it uses now, and send it again if you want it for that."
            )
            % {"kinds": ", ".join(str(RightKind(kind).label) for kind in kinds)},
        )


def quote_send(
    *,
    member: Member,
    rfq: Rfq,
    terms: QuoteTerms,
    announced: Mapping[str, int],
    pin: bool = False,
    files: Iterable[StoredFile] = (),
) -> Submission:
    """Submit a quote if it uses no right beyond `announced` (kind → number), else undo it all.

    Raises `CostsMore` and whatever `quote_submit` raises. The comparison is made on what was really
    used, inside the transaction, so no moment is left in which the last seat could go unnoticed.
    """
    with transaction.atomic():
        submission = quote_submit(member=member, rfq=rfq, terms=terms, pin=pin, files=files)
        more = [kind for kind, number in submission.used.items() if number > announced.get(kind, 0)]
        if more:
            raise CostsMore(more)
    return submission
