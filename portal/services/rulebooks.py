"""Rulebooks: which is in force on a day, and how one is drafted, checked and published (K-16).

Published rows never change their content, so any old day can be recomputed exactly. What may change
is the last day of an open one, when a successor is published for a future day, or taken back before
that day begins.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import RULEBOOK_TRANSITIONS, RulebookStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Bulletin, Rulebook, User
from portal.prepared_reads import prepared
from portal.read_once import is_reading_once, read_once
from portal.rulebook_schemas import (
    RULEBOOK_MODULES,
    RulebookContent,
    RulebookError,
    content_errors,
    register_rulebook_module,
)
from portal.services import audit

__all__ = [
    "RULEBOOK_MODULES",
    "RulebookContent",
    "RulebookInForce",
    "RulebookMissing",
    "canonical_content",
    "content_digest",
    "draft_digest",
    "register_rulebook_module",
    "rulebook_draft_save",
    "rulebook_for",
    "rulebook_publish",
    "rulebook_validate",
    "rulebook_withdraw",
    "rulebooks_overlapping",
    "rulebooks_published",
]


class RulebookMissing(Refusal, LookupError):
    """No rulebook of the module is in force on that day."""

    def __init__(self, module: str, day: date) -> None:
        super().__init__(
            "rulebook_missing",
            _("No rules of “%(module)s” are in force on %(day)s.") % {"module": module, "day": day},
        )


@dataclass(frozen=True)
class RulebookInForce:
    """One published rulebook with its typed content; the days are Pacific, both ends included."""

    pk: int
    module: str
    version: str
    effective_from: date
    effective_to: date | None
    source: str
    content: Any
    """An instance of the model the module registered."""

    def holds_on(self, day: date) -> bool:
        """Tell whether a Pacific day lies between its first and its last."""
        return _holds_on(self, day)


# --- Reading ------------------------------------------------------------------------------------

_PARSED_LIMIT = 512
_parsed: OrderedDict[tuple[str, str], RulebookContent] = OrderedDict()
_parsed_lock = threading.Lock()


class _Row(NamedTuple):
    """A published rulebook without its content."""

    pk: int
    module: str
    version: str
    effective_from: date
    effective_to: date | None
    source: str
    digest: str

    def holds_on(self, day: date) -> bool:
        return _holds_on(self, day)


def _holds_on(rules: RulebookInForce | _Row, day: date) -> bool:
    last = rules.effective_to
    return rules.effective_from <= day and (last is None or day <= last)


@read_once
def rulebook_for(module: str, day: date) -> RulebookInForce:
    """Return the rulebook of a module in force on a Pacific day (K-16).

    One small query, or one for all modules while a page is being made (`reading_once`); the parsed
    content is kept per process under its digest, so a publication or a correction anywhere is seen at
    once. Raises `RulebookMissing`.
    """
    if is_reading_once():
        rows = _rows_by_module().get(module, [])
        row = next((each for each in rows if each.holds_on(day)), None)
    else:
        row = next((_Row(*each) for each in _of_day(module, day)), None)
    if row is None or module not in RULEBOOK_MODULES:
        raise RulebookMissing(module, day)
    return _read(row)


def rulebooks_published(module: str) -> list[RulebookInForce]:
    """Return every published rulebook of a module by its first day; one small query (K-16)."""
    if module not in RULEBOOK_MODULES:
        return []
    if is_reading_once():
        return [_read(row) for row in _rows_by_module().get(module, ())]
    return [_read(_Row(*row)) for row in _of_module(module)]


@prepared
def _published() -> QuerySet[Rulebook, Any]:
    """Return the published rulebooks by their first day, as `_Row`s."""
    rows = Rulebook.objects.filter(status=RulebookStatus.PUBLISHED)
    return rows.order_by("effective_from").values_list(*_Row._fields)


@prepared
def _of_module(module: str) -> QuerySet[Rulebook, Any]:
    rows = Rulebook.objects.filter(module=module, status=RulebookStatus.PUBLISHED)
    return rows.order_by("effective_from").values_list(*_Row._fields)


@prepared
def _of_day(module: str, day: date) -> QuerySet[Rulebook, Any]:
    rows = _in_force(day).filter(module=module)
    return rows.order_by("pk").values_list(*_Row._fields)[:1]


@read_once
def _rows_by_module() -> dict[str, list[_Row]]:
    """Return the published rulebooks of every module: a few dozen small rows."""
    found: dict[str, list[_Row]] = {}
    for row in (_Row(*each) for each in _published()):
        found.setdefault(row.module, []).append(row)
    return found


def _read(row: _Row) -> RulebookInForce:
    return RulebookInForce(
        pk=row.pk,
        module=row.module,
        version=row.version,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        source=row.source,
        content=_content(row.module, row.digest, row.pk),
    )


def _in_force(day: date) -> QuerySet[Rulebook]:
    return Rulebook.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gte=day),
        status=RulebookStatus.PUBLISHED,
        effective_from__lte=day,
    )


def _content(module: str, digest: str, pk: int) -> RulebookContent:
    key = (module, digest)
    with _parsed_lock:
        if key in _parsed:
            _parsed.move_to_end(key)
            return _parsed[key]
    raw = Rulebook.objects.values_list("content", flat=True).get(pk=pk)
    content = RULEBOOK_MODULES[module].model_validate(raw)
    with _parsed_lock:
        _parsed[key] = content
        while len(_parsed) > _PARSED_LIMIT:
            _parsed.popitem(last=False)
    return content


def canonical_content(module: str, content: Any) -> dict[str, Any]:
    """Return a valid content as JSON with every default spelled out."""
    return RULEBOOK_MODULES[module].model_validate(content).model_dump(mode="json")


def content_digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a content, independent of key order."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def draft_digest(rulebook: Rulebook) -> str:
    """Return the SHA-256 of all that publishing a draft puts in force: what it says and when."""
    fields = ("module", "version", "source", "effective_from", "effective_to")
    said = {name: str(getattr(rulebook, name)) for name in fields}
    return content_digest({**said, "content": rulebook.content})


# --- Drafting -----------------------------------------------------------------------------------


def rulebook_validate(rulebook: Rulebook) -> list[RulebookError]:
    """Return what is wrong with a rulebook's content, with places and nearest key names."""
    return content_errors(rulebook.module, rulebook.content)


def rulebook_draft_save(
    *,
    actor: User,
    module: str,
    version: str,
    effective_from: date,
    effective_to: date | None = None,
    source: str = "",
    content: dict[str, Any],
    rulebook: Rulebook | None = None,
) -> Rulebook:
    """Create a draft, or change one that is still a draft (K-16).

    The content may still be wrong: `rulebook_validate` tells, and publishing insists. Refuses
    (`not_draft`) a rulebook that is published or withdrawn.
    """
    require_permission(
        actor=actor, permission="portal.change_rulebook" if rulebook else "portal.add_rulebook"
    )
    if module not in RULEBOOK_MODULES:
        error = content_errors(module, content)[0]
        raise InvalidInput([("module", str(error))])
    if effective_to is not None and effective_to < effective_from:
        raise InvalidInput([("effective_to", _("The last day lies before the first."))])
    after: dict[str, Any] = {
        "module": module,
        "version": version,
        "effective_from": effective_from,
        "effective_to": effective_to,
        "source": source,
        "content": content,
    }
    with transaction.atomic():
        same = Rulebook.objects.filter(module=module, version=version)
        if rulebook is not None:
            same = same.exclude(pk=rulebook.pk)
        if same.exists():
            raise InvalidInput([("version", _("This module has a rulebook of that version."))])
        if rulebook is None:
            saved = Rulebook.objects.create(**after, digest=content_digest(content))
            audit.record(action="rulebook.draft", actor=actor, obj=saved, after=after)
            return saved
        before = _fields(Rulebook.objects.get(pk=rulebook.pk), after)
        changed = Rulebook.objects.filter(pk=rulebook.pk, status=RulebookStatus.DRAFT).update(
            **after, digest=content_digest(content)
        )
        if not changed:
            raise Refusal("not_draft", _("Only a draft can be changed; start a new version."))
        rulebook.refresh_from_db()
        audit.record(action="rulebook.edit", actor=actor, obj=rulebook, before=before, after=after)
        return rulebook


def rulebook_withdraw(*, actor: User, rulebook: Rulebook) -> Rulebook:
    """Give up a draft; it stays readable. Refuses (`not_draft`) anything else (K-16)."""
    require_permission(actor=actor, permission="portal.change_rulebook")
    with transaction.atomic():
        _leave_draft(rulebook, RulebookStatus.WITHDRAWN)
        audit.record(
            action="rulebook.withdraw",
            actor=actor,
            obj=rulebook,
            before={"status": RulebookStatus.DRAFT},
            after={"status": RulebookStatus.WITHDRAWN},
        )
    rulebook.refresh_from_db()
    return rulebook


# --- Publishing ---------------------------------------------------------------------------------


def rulebook_publish(
    *,
    actor: User,
    rulebook: Rulebook,
    supersedes: Rulebook | None = None,
    bulletin: Bulletin | None = None,
    seen: str = "",
) -> Rulebook:
    """Put a draft in force from a future Pacific day (K-16).

    With `supersedes` (a published rulebook of the module that would still be in force then) that one
    ends the day before. With `seen` (the `draft_digest` somebody looked at) nothing newer is published.
    Refuses, changing nothing: `not_draft`, `stale`, `invalid_content` with the errors as fields,
    `not_in_future`, `overlap`, `cannot_supersede`. Publications of one module wait for each other.
    """
    require_permission(actor=actor, permission="portal.publish_rulebook")
    with transaction.atomic():
        lock_module(rulebook.module)
        # What is published is the row as it is under the lock, not what the caller read earlier.
        current = Rulebook.objects.get(pk=rulebook.pk)
        if seen and current.status == RulebookStatus.DRAFT and seen != draft_digest(current):
            raise Refusal(
                "stale", _("Somebody changed this draft meanwhile. Look at it again, then publish.")
            )
        _require_publishable(current)
        before: dict[str, Any] = {"status": current.status}
        after: dict[str, Any] = {"status": RulebookStatus.PUBLISHED}
        replaced: dict[str, Any] = {}
        if supersedes is not None:
            last_day = _close(actor=actor, predecessor=supersedes, successor=current)
            replaced = {"supersedes": supersedes, "superseded_until": last_day}
            after["supersedes"] = supersedes.version
        clash = rulebooks_overlapping(current).first()
        if clash is not None:
            raise Refusal(
                "overlap",
                _("“%(version)s” is in force on some of these days; supersede it or choose others.")
                % {"version": clash.version},
            )
        content = canonical_content(current.module, current.content)
        _leave_draft(
            current,
            RulebookStatus.PUBLISHED,
            content=content,
            digest=content_digest(content),
            published_at=platform_time.now(),
            published_by=actor,
            **replaced,
        )
        if bulletin is not None:
            Bulletin.objects.filter(pk=bulletin.pk).update(rulebook=current)
            after["bulletin"] = bulletin.slug
        audit.record(
            action="rulebook.publish",
            actor=actor,
            obj=current,
            before=before,
            after=after,
            effective_from=current.effective_from.isoformat(),
        )
    rulebook.refresh_from_db()
    return rulebook


def rulebooks_overlapping(rulebook: Rulebook) -> QuerySet[Rulebook]:
    """Return the published rulebooks of the same module that share a day with this one."""
    others = Rulebook.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gte=rulebook.effective_from),
        module=rulebook.module,
        status=RulebookStatus.PUBLISHED,
    ).exclude(pk=rulebook.pk)
    if rulebook.effective_to is not None:
        others = others.filter(effective_from__lte=rulebook.effective_to)
    return others.order_by("effective_from")


def lock_module(module: str) -> None:
    """Let one transaction at a time publish for a module.

    SQLite begins every transaction IMMEDIATE, so there is nothing more to take.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 16))", [module])


def _require_publishable(rulebook: Rulebook) -> None:
    if rulebook.status != RulebookStatus.DRAFT:
        raise Refusal("not_draft", _("Only a draft can be published."))
    errors = rulebook_validate(rulebook)
    if errors:
        raise Refusal(
            "invalid_content",
            _("The content is not valid."),
            fields=[(error.location, str(error)) for error in errors],
        )
    if rulebook.effective_from <= platform_time.today():
        raise Refusal(
            "not_in_future",
            _("Rules are published for a future day; today is %(day)s (Pacific).")
            % {"day": platform_time.today()},
        )


def _close(*, actor: User, predecessor: Rulebook, successor: Rulebook) -> date | None:
    """End the predecessor the day before the successor starts; return the last day it had."""
    last_day = successor.effective_from - timedelta(days=1)
    closed = (
        _in_force(successor.effective_from)
        .filter(
            pk=predecessor.pk, module=successor.module, effective_from__lt=successor.effective_from
        )
        .values_list("effective_to", flat=True)
    )
    before = list(closed)
    if not before or not closed.update(effective_to=last_day):
        raise Refusal(
            "cannot_supersede",
            _("“%(version)s” is not in force when the new rules start.")
            % {"version": predecessor.version},
        )
    predecessor.refresh_from_db()
    audit.record(
        action="rulebook.close",
        actor=actor,
        obj=predecessor,
        before={"effective_to": before[0]},
        after={"effective_to": last_day},
        superseded_by=successor.version,
    )
    return before[0]


# --- Shared -------------------------------------------------------------------------------------


def move_status(
    rulebook: Rulebook, source: RulebookStatus, status: RulebookStatus, **changes: Any
) -> bool:
    """Bring a rulebook from one status to another; false when somebody was faster."""
    if status not in RULEBOOK_TRANSITIONS[source]:
        raise ValueError(f"no rulebook goes from {source} to {status}")
    moved = Rulebook.objects.filter(pk=rulebook.pk, status=source)
    return bool(moved.update(status=status, **changes))


def _leave_draft(rulebook: Rulebook, status: RulebookStatus, **changes: Any) -> None:
    if not move_status(rulebook, RulebookStatus.DRAFT, status, **changes):
        raise Refusal("not_draft", _("Only a draft can be published or withdrawn."))


def _fields(rulebook: Rulebook, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(rulebook, name) for name in names}


def require_permission(*, actor: User, permission: str) -> None:
    """Raise `NotAllowed` for somebody without a permission for rulebooks."""
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not change rulebooks."))
