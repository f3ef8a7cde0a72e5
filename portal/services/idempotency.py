"""Answers kept for repeated requests (API-1).

The answer is a row of the same transaction as its effect: whoever repeats a request that went through
gets the stored answer, and one that did not go through left nothing to repeat. Two requests with one
key at the same moment meet at the unique constraint: the second waits until the first has committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, OperationalError, transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import IdempotentAnswer, Seller
from portal.scoping import seller_scope, unscoped

HEADER = "Idempotency-Key"
MAX_KEY = 128
KEPT = timedelta(days=7)
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for waiting longer than `lock_timeout`."""

Act = Callable[[], tuple[int, Any]]


def answer_once(
    *, seller: Seller, key: str, request_digest: str, act: Act
) -> tuple[int, Any, bool]:
    """Do what was asked once per shop and key; return status, answer, whether it is a repetition.

    `act()` runs in the transaction of the answer and returns (HTTP status, JSON-able answer); what it
    raises, and a status of 400 and more, undoes everything and is not remembered. `request_digest`
    is the SHA-256 of what was asked. Raises `InvalidInput` for a key that is none,
    `idempotency_key_reused` when the key came with another request, `idempotency_key_in_use` when
    the first request has not ended in time.
    """
    check_key(key)
    with seller_scope(seller), transaction.atomic():
        mine = _claim(seller, key, request_digest)
        if mine is None:
            return _stored(seller, key, request_digest)
        status, answer = act()
        answer = json.loads(json.dumps(answer, cls=DjangoJSONEncoder))
        if status >= 400:
            transaction.set_rollback(True)
        else:
            IdempotentAnswer.objects.filter(pk=mine.pk).update(status=status, answer=answer)
        return status, answer, False


def check_key(key: str) -> None:
    """Raise `InvalidInput` (the header) unless it is 1 to 128 printable ASCII characters."""
    if not key.strip() or len(key) > MAX_KEY or not (key.isascii() and key.isprintable()):
        text = _("Use 1 to %(most)d printable ASCII characters.") % {"most": MAX_KEY}
        raise InvalidInput([(HEADER, text)])


def _claim(seller: Seller, key: str, request_digest: str) -> IdempotentAnswer | None:
    """Write the row of a new key; none when the key has an answer already."""
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(
                seller=seller,
                key=key,
                request=request_digest,
                created_at=platform_time.wall_clock(),
            )
    except IntegrityError:
        return None
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != LOCK_NOT_AVAILABLE:
            raise
        text = _("The first request with this key is still being worked on; ask again shortly.")
        raise Refusal("idempotency_key_in_use", text) from error


def _stored(seller: Seller, key: str, request_digest: str) -> tuple[int, Any, bool]:
    row = IdempotentAnswer.objects.get(seller=seller, key=key)
    if row.request != request_digest:
        text = _("This key was used for another request; choose a new key for each request.")
        raise Refusal("idempotency_key_reused", text)
    return row.status or 200, row.answer, True


def idempotent_answers_purge() -> int:
    """Forget answers older than a week; return how many."""
    with unscoped():
        old = IdempotentAnswer.objects.filter(created_at__lt=platform_time.wall_clock() - KEPT)
        return old.delete()[0]
