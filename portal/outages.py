"""Telling outages from mistakes: a database that is away, restarts or has no room left.

Whoever asks then gets 503 and asks again: the transaction is gone as a whole, nothing was half done. A
request with an `Idempotency-Key` takes effect once even when only its answer was lost (API-1).
"""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.translation import gettext as _

from portal.errors import Refusal

RETRY_SECONDS = 5
_AWAY = ("08", "53", "57P", "58")
"""PostgreSQL, beginnings of states: no connection; no resources (disk full, too many connections); shut
down or ended by an operator; a failure of the system below."""
_LOST = ("08", "57P")
_SQLITE_FULL = ("database or disk is full", "disk I/O error")


class Unavailable(Refusal):
    """The database is away; nothing was changed, the same may be sent again (503)."""

    http_status = 503
    retry_after = RETRY_SECONDS

    def __init__(self) -> None:
        text = _(
            "Nothing you sent was half done. Try again in a minute; if it keeps happening, tell the"
            " marketplace the time and this address."
        )
        super().__init__("unavailable", text)


def is_outage(error: BaseException | None) -> bool:
    """Tell whether an error, or what it was raised from, is the database being away or full."""
    found = _from_database(error)
    return found is not None and (
        any(text in str(found) for text in _SQLITE_FULL) or _says(found, _AWAY)
    )


def is_connection_loss(error: BaseException | None) -> bool:
    """Tell whether an error, or what it was raised from, is that the connection to the database ended.

    Asking the connection does not tell: leaving a transaction, Django opens another in the place of a broken one.
    """
    found = _from_database(error)
    return found is not None and _says(found, _LOST)


def _from_database(error: BaseException | None) -> Exception | None:
    while error is not None:
        if isinstance(error, DatabaseError | InterfaceError):
            return error
        error = error.__cause__
    return None


def _says(error: Exception, states: tuple[str, ...]) -> bool:
    """Tell whether PostgreSQL gave one of these states, or could not say anything any more."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state:
        return str(state).startswith(states)
    # A connection that broke has no state: the server did not come to say anything.
    broken = type(cause).__module__.partition(".")[0] == "psycopg"
    return broken and isinstance(error, OperationalError | InterfaceError)
