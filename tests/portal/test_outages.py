"""A database that is away is no mistake of ours: 503, and when to ask again (API-1)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.test import Client
from rest_framework.test import APIClient

from portal.outages import is_connection_loss, is_outage


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """An error of Django with the driver's own behind it."""
    error.__cause__ = cause
    return error


def driver(state: str | None, kind: type[psycopg.Error] = psycopg.OperationalError) -> Exception:
    error = kind("from the server")
    error.sqlstate = state  # type: ignore[misc]
    return error


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (raised(OperationalError("terminating connection"), driver("57P01")), True),
        (raised(OperationalError("too many clients"), driver("53300")), True),
        (raised(OperationalError("No space left on device"), driver("53100")), True),
        (raised(OperationalError("the connection is lost"), driver(None)), True),
        (raised(InterfaceError("already closed"), driver(None, psycopg.InterfaceError)), True),
        (OperationalError("database or disk is full"), True),
        (OperationalError("disk I/O error"), True),
        (raised(RuntimeError("while saving"), OperationalError("disk I/O error")), True),
        # Statement timeouts and waits in vain have their own answer.
        (raised(OperationalError("canceling statement"), driver("57014")), False),
        (raised(IntegrityError("duplicate key"), driver("23505")), False),
        (raised(ProgrammingError("no such table"), driver("42P01")), False),
        (OperationalError("no such table: rfq_quote"), False),
        (OSError("disk I/O error"), False),
    ],
)
def test_an_outage_is_told_from_a_mistake(error: Exception, outage: bool) -> None:
    assert is_outage(error) is outage


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (raised(OperationalError("terminating connection"), driver("57P01")), True),
        (raised(OperationalError("the connection is lost"), driver(None)), True),
        # A night that tried these again without counting would never end.
        (raised(OperationalError("No space left on device"), driver("53100")), False),
        (raised(OperationalError("canceling statement"), driver("57014")), False),
        (OperationalError("database is locked"), False),
        (RuntimeError("a mistake"), False),
    ],
)
def test_a_lost_connection_is_told_from_a_failure(error: Exception, lost: bool) -> None:
    assert is_connection_loss(error) is lost


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    def breaks(error: Exception) -> None:
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise error

        monkeypatch.setattr("rfq.models.Rfq.objects.get_queryset", fail)

    return breaks


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "status", "code", "heading"),
    [
        ("disk I/O error", 503, "unavailable", "Something broke on our side"),
        ("database is locked", 503, "busy", "Too many are at it right now. Try again in a moment."),
        ("no such table: rfq_rfq", 500, "server_error", "Something broke on our side"),
    ],
)
def test_programs_and_people_are_told_when_to_come_back(
    owner_api: APIClient,
    owner_client: Client,
    broken: Any,
    text: str,
    status: int,
    code: str,
    heading: str,
) -> None:
    owner_api.raise_request_exception = owner_client.raise_request_exception = False
    broken(OperationalError(text))
    answer = owner_api.get("/api/v1/rfq/rfqs")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    page = owner_client.get("/rfq/")
    assert page.status_code == status
    assert f'<p class="error-code">{status}</p>' in page.content.decode()
    assert f"<h1>{heading}</h1>" in page.content.decode()
    for each in (answer, page):
        assert each.get("Retry-After") == ("5" if status == 503 else None)
