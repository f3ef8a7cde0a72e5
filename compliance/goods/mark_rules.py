"""What an answer about a protected mark is worth, and for how long (CMP-5); pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from compliance.choices import CertificateType, MarkCaseState

WAITING = (MarkCaseState.OPEN, MarkCaseState.ANSWERED)
AUTHORISATION_TYPES = (CertificateType.BRAND_AUTHORISATION, CertificateType.TRADEMARK)
"""Certificates that prove the right to a mark."""


class PastCase(NamedTuple):
    """The newest closed case of a product and mark; `until` is when its authorisation ends."""

    state: str
    title: str
    has_authorisation: bool
    valid_from: datetime | None
    until: datetime | None


def settles(case: PastCase, title: str, now: datetime) -> bool:
    """Tell whether a closed case still answers for a product with this title.

    An authorisation does while it counts; another judgement while the title stays as it was judged. A
    fixed title that names the mark again is a new case.
    """
    if case.state == MarkCaseState.AUTHORISED:
        if not case.has_authorisation:
            return True
        begun = case.valid_from is not None and case.valid_from <= now
        return begun and (case.until is None or now < case.until)
    if case.state in (MarkCaseState.OUTSIDE_SCOPE, MarkCaseState.INFRINGING):
        return case.title == title
    return False
