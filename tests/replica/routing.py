"""Reads that may be behind go to a replica; whoever wrote reads their own writes (docs/scaling.md).

Only requests that ask (GET, HEAD) read from the replica. A browser that has just written carries a cookie for
some seconds and reads from the primary; so does everything else: the night, tasks, the ingest, the admin's POSTs,
and what goes past the ORM.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

WROTE, SECONDS = "wrote", 10
"""Cookie of a browser that has written, and how long: far longer than a healthy replica is behind."""
_may_be_behind: ContextVar[bool] = ContextVar("may_be_behind", default=False)


class ReplicaRouter:
    """Sends reads of the current request to `replica` where they may be behind."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """A transaction on the primary reads what it locks and writes there."""
        behind = _may_be_behind.get() and not connection.in_atomic_block
        return "replica" if behind else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Write to the primary."""
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Both are one database."""
        return True

    def allow_migrate(self, database: str, app_label: str, **hints: Any) -> bool:
        """The replica follows by itself."""
        return database == "default"


class ReplicaMiddleware:
    """Says for each request whether it may be behind."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asks = request.method in ("GET", "HEAD")
        token = _may_be_behind.set(asks and WROTE not in request.COOKIES)
        try:
            response = self.get_response(request)
        finally:
            _may_be_behind.reset(token)
        if not asks:
            response.set_cookie(WROTE, "1", max_age=SECONDS, httponly=True, samesite="Lax")
        return response
