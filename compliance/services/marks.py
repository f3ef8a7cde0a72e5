"""The watch-list of protected marks: its only writer (CMP-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.matching.folding import patterns_of
from compliance.matching.library import MARKS, new_version
from compliance.models import ProtectedMark, RuleClass
from compliance.services.rescreening import rescreening_ask_for
from portal.errors import InvalidInput, NotAllowed
from portal.models import User
from portal.services import audit

CHANGE = "compliance.change_protectedmark"
HIGHEST_CLASS = 45


@dataclass(frozen=True)
class MarkFields:
    """What staff say of a mark; `nice_classes` are numbers from 1 to 45."""

    name: str
    starts_on: date
    variants: Sequence[str] = ()
    number: str = ""
    holder: str = ""
    nice_classes: Sequence[int] = ()
    goods: str = ""
    example: str = ""
    source: str = ""
    active: bool = True

    def columns(self) -> dict[str, Any]:
        """Return the fields as they are stored."""
        return {
            **vars(self),
            "variants": list(dict.fromkeys(map(str.strip, self.variants))),
            "nice_classes": sorted(set(self.nice_classes)),
        }


def protected_mark_save(
    *, actor: User, fields: MarkFields, mark: ProtectedMark | None = None
) -> ProtectedMark:
    """Put a mark on the watch-list or change it; live titles are screened again (CMP-5).

    Raises `InvalidInput` naming the fields, `NotAllowed`.
    """
    if not actor.has_perm(CHANGE):
        raise NotAllowed(_("You may not change the watch-list."))
    problems = _problems(fields, mark)
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        if mark is None:
            saved = ProtectedMark.objects.create(**fields.columns())
            before: dict[str, Any] = {}
        else:
            saved = ProtectedMark.objects.select_for_update().get(pk=mark.pk)
            before = _told(saved)
            for name, value in fields.columns().items():
                setattr(saved, name, value)
            saved.save()
        after = _told(saved)
        if before != after:
            audit.record(
                action="protected_mark.change" if mark else "protected_mark.create",
                actor=actor,
                obj=saved,
                before=before,
                after=after,
            )
            marks_changed()
    return saved


def marks_changed() -> None:
    """Renew the version of the watch-list and screen again; in the caller's transaction."""
    watch_list = RuleClass.objects.select_for_update().filter(code=MARKS).first()
    if watch_list is not None:
        watch_list.version = new_version()
        watch_list.save(update_fields=["version"])
        if watch_list.published_at is not None:
            rescreening_ask_for(watch_list)


def _told(mark: ProtectedMark) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in MarkFields.__dataclass_fields__}


def _problems(fields: MarkFields, mark: ProtectedMark | None) -> list[tuple[str, str]]:
    problems = []
    if not patterns_of(fields.name):
        problems.append(("name", _("There are no letters or digits in it.")))
    if any(not patterns_of(spelling) for spelling in fields.variants):
        problems.append(("variants", _("A spelling needs letters or digits.")))
    if any(not 1 <= number <= HIGHEST_CLASS for number in fields.nice_classes):
        problems.append(("nice_classes", _("Nice classes are numbers from 1 to 45.")))
    same = ProtectedMark.objects.filter(name=fields.name, number=fields.number)
    if mark is not None:
        same = same.exclude(pk=mark.pk)
        if (mark.name, mark.number) != (fields.name, fields.number):
            problems.append(
                ("name", _("Name and number of a mark stay: switch it off and add another."))
            )
    if same.exists():
        problems.append(("name", _("The watch-list has this mark with this number.")))
    return problems
