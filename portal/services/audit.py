"""The audit trail: one immutable row per decision or spending action (K-19).

Rows live in django-auditlog's `LogEntry`, written here and nowhere else, in the transaction of the
change. `portal.services.audit_guard` refuses later edits, in the model and in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from portal import platform_time
from portal.models import User
from portal.request_context import client_address, request_id


def record(
    *,
    action: str,
    actor: User | None,
    obj: Model,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **details: Any,
) -> LogEntry:
    """Write one audit row.

    `action` is a dotted code such as `theme.change`; `before` and `after` hold the JSON-able fields
    that changed. Names are copied so that the row outlives what it speaks of.
    """
    row = entry(action=action, actor=actor, obj=obj, before=before, after=after, **details)
    row.save(force_insert=True)
    return row


def record_many(rows: Iterable[LogEntry]) -> None:
    """Write many audit rows, made by `entry`, in a constant number of statements per 500."""
    LogEntry.objects.bulk_create(rows, batch_size=500)


def entry(
    *,
    action: str,
    actor: User | None,
    obj: Model,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **details: Any,
) -> LogEntry:
    """Return an audit row that is not written yet; parameters as in `record`."""
    before, after = before or {}, after or {}
    changes = {
        field: [_text(before.get(field)), _text(after.get(field))]
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    }
    return LogEntry(
        content_type=ContentType.objects.get_for_model(obj),
        object_pk=str(obj.pk),
        object_id=obj.pk if isinstance(obj.pk, int) else None,
        object_repr=str(obj)[:200],
        action=LogEntry.Action.UPDATE,
        changes=changes,
        actor=actor,
        actor_email=actor.email if actor else None,
        cid=request_id.get(),
        remote_addr=client_address.get(),
        timestamp=platform_time.now(),
        additional_data={
            "action": action,
            "actor": actor.get_username() if actor else "system",
            "at_wall_clock": platform_time.wall_clock().isoformat(),
            **details,
        },
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
