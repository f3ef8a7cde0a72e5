"""What readers may see: the newest published day of a job (K-2, NGT-5)."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date

from django.db.models import Max
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput
from portal.nightly.ledger import published
from portal.request_context import request_id

LONGEST = 60
_seen: ContextVar[tuple[str, dict[tuple[str, date], date | None]]] = ContextVar("published_days")


def published_day(job: str, on: date | None = None) -> date | None:
    """Return the newest as-of day a job has published, not after `on` and not after now − 2.

    None when there is none. Within one request the answer stays the same, so that a page never mixes
    two days. Show it as "Data as of … 24:00 (Pacific)".
    """
    latest = platform_time.latest_as_of()
    limit = min(on, latest) if on else latest
    answers = _answers_of_this_request()
    if (job, limit) not in answers:
        answers[job, limit] = (
            published(job).filter(as_of__lte=limit).aggregate(day=Max("as_of"))["day"]
        )
    return answers[job, limit]


def read_as_of(text: str | None) -> date | None:
    """Return the as-of day a caller asked for; none when none is given.

    Raises `InvalidInput` (`as_of`) for what is no day and for a day ahead of now − 2 (K-2).
    """
    if not text:
        return None
    try:
        day = platform_time.parse_day(text[:LONGEST])
    except platform_time.InvalidInstant as error:
        raise InvalidInput([("as_of", str(error))]) from error
    latest = platform_time.latest_as_of()
    if day > latest:
        message = _("Figures come two days later: the newest day is %(day)s.")
        raise InvalidInput([("as_of", message % {"day": latest.isoformat()})])
    return day


def _answers_of_this_request() -> dict[tuple[str, date], date | None]:
    current = request_id.get()
    if current == "-":
        return {}
    known = _seen.get(None)
    if known is None or known[0] != current:
        known = (current, {})
        _seen.set(known)
    return known[1]
