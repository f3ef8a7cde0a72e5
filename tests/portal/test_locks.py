"""Transactions that wait their turn, and what is said when it never comes (API-1)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portal import locks
from portal.api.problems import exception_handler
from portal.locks import Busy, queued_transaction
from portal.models import Seller

pytestmark = pytest.mark.rule("API-1")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("patience", [1, 10])
def test_who_waits_longer_than_others_hold_a_row_is_served(
    shop: Seller, at_once: Any, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    monkeypatch.setattr(locks, "WAIT_SECONDS", patience)
    held, done = threading.Event(), threading.Event()

    def hold() -> str:
        with transaction.atomic():
            Seller.objects.select_for_update().get(pk=shop.pk)
            held.set()
            # Longer than the three seconds of the settings.
            done.wait(timeout=4)
        return "held"

    def want() -> str:
        held.wait(timeout=10)
        with queued_transaction():
            Seller.objects.filter(pk=shop.pk).update(city="Suzhou")
        return "served"

    first, second = at_once([hold, want])
    done.set()
    assert first == "held"
    if patience == 10:
        assert second == "served"
    else:
        assert isinstance(second, Busy)
        assert Seller.objects.get(pk=shop.pk).city == ""


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_patience_ends_with_the_transaction() -> None:
    with queued_transaction():
        pass
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("3s",)


@pytest.mark.parametrize(
    ("text", "status"), [("database is locked", 503), ("no such table: rfq_quote", None)]
)
def test_over_the_api_only_a_wait_in_vain_is_busy(text: str, status: int | None) -> None:
    answer = exception_handler(OperationalError(text), {})
    assert (answer.status_code if answer else None) == status
    if answer:
        assert answer.data["code"] == "busy"


@pytest.mark.django_db
def test_other_database_errors_pass_through() -> None:
    with pytest.raises(OperationalError), queued_transaction():
        raise OperationalError("disk I/O error")
