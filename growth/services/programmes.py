"""Programmes as staff write them, and those the product brings along (GRO-17, GRO-18)."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from growth.models import Programme
from growth.programmes.schema import ProgrammeContent, programme_errors
from portal.errors import InvalidInput, NotAllowed
from portal.models import User
from portal.services import audit

SHIPPED = Path(__file__).parents[1] / "data" / "programmes"
FIELDS = ("kind", "title_en", "title_zh", "content", "position")
"""What makes a programme, besides its code; in the digest of a shipped one."""


def programme_save(*, actor: User, programme: Programme) -> Programme:
    """Save a new or changed programme (GRO-17).

    Raises `NotAllowed`, and `InvalidInput` naming `code` or `content`, with a line for each mistake.
    What is enrolled already keeps its state: a changed term or step holds for what comes after.
    """
    creating = programme.pk is None
    if not actor.has_perm(f"growth.{'add' if creating else 'change'}_programme"):
        raise NotAllowed(_("You may not change programmes."))
    problems = [("content", text) for text in programme_errors(programme.content)]
    if problems:
        raise InvalidInput(problems)
    before = {} if creating else _told(Programme.objects.get(pk=programme.pk))
    try:
        with transaction.atomic():
            programme.content = normal(programme.content)
            programme.save()
            audit.record(
                action="programme.create" if creating else "programme.change",
                actor=actor,
                obj=programme,
                before=before,
                after=_told(programme),
            )
    except IntegrityError:
        text = _("There is a programme with this code already.")
        raise InvalidInput([("code", text)]) from None
    return programme


def normal(content: Any) -> dict[str, Any]:
    """Return a valid content in the one form it is kept in: JSON, nothing that is default."""
    parsed = ProgrammeContent.model_validate(content)
    return parsed.model_dump(mode="json", exclude_defaults=True)


def _told(programme: Programme) -> dict[str, Any]:
    return {
        "published": programme.published,
        **{name: getattr(programme, name) for name in FIELDS if name != "content"},
        "content": digest_of(programme),
    }


def digest_of(programme: Programme) -> str:
    """Return a digest of what makes a programme."""
    said = {name: getattr(programme, name) for name in FIELDS}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


# --- Shipped ------------------------------------------------------------------------------------


def shipped_programmes() -> Iterator[Programme]:
    """Yield the programmes of `growth/data/programmes/*.toml`, not saved, in the order of their files."""
    position = 0
    for path in sorted(SHIPPED.glob("*.toml")):
        for given in tomllib.loads(path.read_text(encoding="utf-8"))["programmes"]:
            position += 10
            yield _shipped(given, position)


def _shipped(given: Mapping[str, Any], position: int) -> Programme:
    content = {
        key: value
        for key, value in given.items()
        if key not in ("code", "kind", "title_en", "title_zh")
    }
    programme = Programme(
        code=given["code"],
        kind=given["kind"],
        title_en=given["title_en"],
        title_zh=given["title_zh"],
        content=normal(content),
        position=position,
    )
    programme.shipped_digest = digest_of(programme)
    return programme


@transaction.atomic
def programmes_load_shipped() -> int:
    """Bring the shipped programmes in, and newer ones of them; return how many were written.

    One that staff have changed stays theirs, and so does one they took off the page.
    """
    known = {each.code: each for each in Programme.objects.all()}
    written = 0
    for programme in shipped_programmes():
        current = known.get(programme.code)
        if current is not None:
            untouched = digest_of(current) == current.shipped_digest
            if not untouched or current.shipped_digest == programme.shipped_digest:
                continue
            programme.pk, programme.published = current.pk, current.published
        programme.save()
        written += 1
    return written
