"""Transactions for rows that many want at once: they queue, and say so when their turn never comes.

PostgreSQL gives up waiting for a lock after the three seconds of the settings: right for accidents, too
short for two hundred sellers who quote one RFQ in the same moment and each wait for those before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from portal.errors import Refusal
from portal.outages import RETRY_SECONDS

WAIT_SECONDS = 20
"""As long as SQLite waits (settings)."""
_STATES = frozenset({"55P03", "40P01", "57014"})
"""PostgreSQL: lock not available, deadlock, statement timeout."""


class Busy(Refusal):
    """Too many want the same at this moment; nothing was changed, the same may be sent again (503)."""

    http_status = 503
    retry_after = RETRY_SECONDS

    def __init__(self) -> None:
        super().__init__("busy", _("Too many are at it right now. Try again in a moment."))


@contextmanager
def queued_transaction() -> Iterator[None]:
    """Run a block in a transaction that waits up to 20 s for each lock; raises `Busy`."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            yield
    except OperationalError as error:
        if not waited_in_vain(error):
            raise
        raise Busy from error


def waited_in_vain(error: BaseException | None) -> bool:
    """Tell whether an error only means that others were faster at the database."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state in _STATES or "database is locked" in str(error)
