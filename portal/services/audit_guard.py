"""Audit rows cannot be changed or deleted, by the model and by the database (K-19).

The model guard answers with a clear error on every database. Below it a trigger refuses what goes
past the model: `UPDATE` and `DELETE` on PostgreSQL; `UPDATE` alone on SQLite, where tests empty
tables with `DELETE`. Deleting a user may still clear `actor`: the name is copied into the row.

The triggers are set after every migration, because altering a table on SQLite drops them silently.
"""

from __future__ import annotations

from typing import Any

from auditlog.models import LogEntry
from django.db import connection
from django.db.models.signals import pre_delete, pre_save


class AuditRowIsImmutable(TypeError):
    """Somebody tried to change or delete an audit row."""


def connect_model_guard() -> None:
    """Refuse `save()` of an existing row and every `delete()`; called once at start."""
    pre_save.connect(_refuse_change, sender=LogEntry, dispatch_uid="audit-no-change")
    pre_delete.connect(_refuse_delete, sender=LogEntry, dispatch_uid="audit-no-delete")


def _refuse_change(instance: LogEntry, **_kwargs: Any) -> None:
    if not instance._state.adding:
        raise AuditRowIsImmutable("audit rows are never changed")


def _refuse_delete(**_kwargs: Any) -> None:
    raise AuditRowIsImmutable("audit rows are never deleted")


# Every column but the actor, which may only be cleared, and `id`, which never changes.
KEPT = [field.column for field in LogEntry._meta.concrete_fields if field.name != "actor"]
TABLE = LogEntry._meta.db_table


def _changed(vendor: str) -> str:
    """Return the SQL condition that something else than the actor's deletion happens to the row."""
    distinct = "IS DISTINCT FROM" if vendor == "postgresql" else "IS NOT"
    # The json type has no equality; its text has.
    cast = "::text" if vendor == "postgresql" else ""
    rows = [f'OLD."{column}"{cast} {distinct} NEW."{column}"{cast}' for column in KEPT]
    rows.append('(NEW."actor_id" IS NOT NULL AND OLD."actor_id" ' + f'{distinct} NEW."actor_id")')
    return " OR ".join(rows)


def install_triggers() -> None:
    """Create the triggers if they are missing; safe to repeat."""
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def _statements(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [
            "DROP TRIGGER IF EXISTS audit_row_kept",
            (
                f'CREATE TRIGGER audit_row_kept BEFORE UPDATE ON "{TABLE}" '
                f"WHEN {_changed(vendor)} "
                "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END"
            ),
        ]
    if vendor == "postgresql":
        return [
            (
                "CREATE OR REPLACE FUNCTION audit_row_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF TG_OP = 'DELETE' OR {_changed(vendor)} THEN "
                "RAISE EXCEPTION 'audit rows are never changed or deleted' USING ERRCODE = '23001'; "
                "END IF; RETURN NEW; END $$"
            ),
            (
                f'CREATE OR REPLACE TRIGGER audit_row_kept BEFORE UPDATE OR DELETE ON "{TABLE}" '
                "FOR EACH ROW EXECUTE FUNCTION audit_row_kept()"
            ),
        ]
    return []
