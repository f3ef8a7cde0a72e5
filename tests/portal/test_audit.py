"""The audit trail: written with the change, never changed afterwards (K-19)."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.models import Member, Seller, User
from portal.request_context import client_address, request_id
from portal.services import audit
from portal.services.audit_guard import AuditRowIsImmutable
from tests import factories

pytestmark = [pytest.mark.rule("K-19"), pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def entry(shop: Seller, owner: Member) -> LogEntry:
    return audit.record(
        action="shop.test",
        actor=owner.user,
        obj=shop,
        before={"status": "active", "same": 1},
        after={"status": "restricted", "same": 1},
        reason="because",
    )


def stored(entry: LogEntry) -> dict:
    return LogEntry.objects.values().get(pk=entry.pk)


def test_a_row_says_who_when_what_from_where(shop: Seller, owner: Member, clock: object) -> None:
    token, address = request_id.set("req-12345678"), client_address.set("203.0.113.7")
    try:
        entry = audit.record(
            action="shop.test",
            actor=owner.user,
            obj=shop,
            before={"status": "active", "same": 1},
            after={"status": "restricted", "same": 1},
            reason="because",
        )
    finally:
        request_id.reset(token)
        client_address.reset(address)
    entry.refresh_from_db()
    assert entry.changes == {"status": ["active", "restricted"]}
    assert (entry.actor, entry.cid, entry.remote_addr) == (
        owner.user,
        "req-12345678",
        "203.0.113.7",
    )
    assert entry.timestamp.isoformat() == "2022-08-03T19:00:00+00:00"
    assert entry.additional_data["action"] == "shop.test"
    assert entry.additional_data["actor"] == "owner"
    assert entry.additional_data["reason"] == "because"


def test_it_is_undone_with_the_change(shop: Seller, owner: Member) -> None:
    def fail() -> None:
        with transaction.atomic():
            audit.record(action="shop.test", actor=owner.user, obj=shop)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not LogEntry.objects.get_for_object(shop).exists()


def test_the_model_refuses_changes_and_deletion(entry: LogEntry) -> None:
    before = stored(entry)
    entry.object_repr = "somebody else"
    with pytest.raises(AuditRowIsImmutable), transaction.atomic():
        entry.save()
    with pytest.raises(AuditRowIsImmutable), transaction.atomic():
        entry.delete()
    with pytest.raises(AuditRowIsImmutable), transaction.atomic():
        LogEntry.objects.filter(pk=entry.pk).delete()
    assert stored(entry) == before


@pytest.mark.parametrize(
    "changes",
    [{"object_repr": "x"}, {"changes": {}}, {"additional_data": {}}, {"timestamp": None}],
)
def test_the_database_refuses_what_goes_past_the_model(entry: LogEntry, changes: dict) -> None:
    before = stored(entry)
    with pytest.raises(DatabaseError), transaction.atomic():
        LogEntry.objects.filter(pk=entry.pk).update(**changes)
    assert stored(entry) == before


def test_the_database_refuses_another_actor(entry: LogEntry) -> None:
    other = factories.user_create()
    with pytest.raises(DatabaseError), transaction.atomic():
        LogEntry.objects.filter(pk=entry.pk).update(actor=other)
    assert stored(entry)["actor_id"] != other.pk


@pytest.mark.postgres
def test_postgresql_refuses_deletion_by_sql(entry: LogEntry) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM auditlog_logentry")
    assert LogEntry.objects.filter(pk=entry.pk).exists()


def test_the_name_outlives_the_person(entry: LogEntry, owner: Member) -> None:
    User.objects.filter(pk=owner.user.pk).delete()
    entry.refresh_from_db()
    assert entry.actor is None
    assert entry.additional_data["actor"] == "owner"


def test_the_admin_shows_it_and_changes_nothing(entry: LogEntry, staff_client: Client) -> None:
    before = stored(entry)
    listing = staff_client.get("/admin/auditlog/logentry/?action_code=shop.test")
    assert listing.status_code == 200
    assert "shop.test" in listing.content.decode()
    address = f"/admin/auditlog/logentry/{entry.pk}/"
    assert staff_client.get(f"{address}change/").status_code == 200
    assert staff_client.post(f"{address}change/", {"object_repr": "x"}).status_code == 403
    assert staff_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert staff_client.get("/admin/auditlog/logentry/add/").status_code == 403
    answer = staff_client.post(
        "/admin/auditlog/logentry/",
        {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"},
    )
    assert answer.status_code in (200, 302)
    assert stored(entry) == before
