"""Loading the rulebooks that ship with the product, after every migration (K-16).

Decided: a file whose content changed under the same version is the correction of a transcription
error. It is taken over and audited, except that a last day set by a staff publication stays. A new
file that collides with what staff have published becomes a draft: the platform's decision goes first.
"""

from __future__ import annotations

import logging
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from portal import platform_time
from portal.choices import RulebookStatus
from portal.models import Rulebook
from portal.rulebook_schemas import content_errors
from portal.services import audit
from portal.services.rulebooks import (
    canonical_content,
    content_digest,
    lock_module,
    rulebooks_overlapping,
)

logger = logging.getLogger(__name__)

REQUIRED = {"module", "version", "effective_from", "source", "content"}
OPTIONAL = {"effective_to"}


class ShippedRulebookInvalid(ImproperlyConfigured):
    """A shipped file is wrong; the text names the file and the places in it."""


@dataclass(frozen=True)
class ShippedRulebook:
    """One file, validated."""

    path: Path
    module: str
    version: str
    effective_from: date
    effective_to: date | None
    source: str
    content: dict[str, Any]
    digest: str

    def shares_days_with(self, other: ShippedRulebook) -> bool:
        """Tell whether both are in force on some day."""
        return (other.effective_to is None or self.effective_from <= other.effective_to) and (
            self.effective_to is None or other.effective_from <= self.effective_to
        )


def rulebooks_load_shipped(folders: list[Path] | None = None) -> dict[str, int]:
    """Bring every shipped rulebook into the database, all or none (K-16).

    Idempotent. Returns counts by `created`, `corrected`, `unchanged`, `drafted`. Raises
    `ShippedRulebookInvalid` listing every mistake in every file.
    """
    if folders is None:
        folders = [Path(config.path) / "rulebooks" for config in apps.get_app_configs()]
    shipped = _read(folders)
    counts = {"created": 0, "corrected": 0, "unchanged": 0, "drafted": 0}
    with transaction.atomic():
        for module in sorted({book.module for book in shipped}):
            lock_module(module)
        # Earlier days first: a corrected last day makes room for its successor.
        for book in sorted(shipped, key=lambda book: (book.module, book.effective_from)):
            counts[_load(book)] += 1
    return counts


def _load(book: ShippedRulebook) -> str:
    row = Rulebook.objects.filter(module=book.module, version=book.version).first()
    if row is None:
        return _create(book)
    if not row.shipped:
        logger.warning(
            "%s: staff already have version %s of %s", book.path, book.version, book.module
        )
        return "unchanged"
    wanted = {
        "effective_from": book.effective_from,
        "effective_to": _last_day(book, row),
        "source": book.source,
        "content": book.content,
        "digest": book.digest,
    }
    before = {name: getattr(row, name) for name in wanted}
    if before == wanted:
        return "unchanged"
    for name, value in wanted.items():
        setattr(row, name, value)
    clash = rulebooks_overlapping(row).first()
    if row.status == RulebookStatus.PUBLISHED and clash is not None:
        raise ShippedRulebookInvalid(f"{book.path}: overlaps published version {clash.version}")
    row.save(update_fields=list(wanted))
    audit.record(action="rulebook.correct", actor=None, obj=row, before=before, after=wanted)
    return "corrected"


def _create(book: ShippedRulebook) -> str:
    row = Rulebook(
        module=book.module,
        version=book.version,
        effective_from=book.effective_from,
        effective_to=book.effective_to,
        source=book.source,
        content=book.content,
        digest=book.digest,
        shipped=True,
    )
    clash = rulebooks_overlapping(row).first()
    if clash is None:
        row.status = RulebookStatus.PUBLISHED
        row.published_at = platform_time.now()
    else:
        logger.warning("%s: %s is in force then; loaded as a draft", book.path, clash)
    row.save()
    audit.record(action="rulebook.ship", actor=None, obj=row, after={"status": row.status})
    return "created" if clash is None else "drafted"


def _last_day(book: ShippedRulebook, row: Rulebook) -> date | None:
    """Return the file's last day, unless a staff publication starts right after the row's own."""
    if row.effective_to is None:
        return book.effective_to
    successor = Rulebook.objects.filter(
        module=book.module,
        status=RulebookStatus.PUBLISHED,
        shipped=False,
        effective_from=row.effective_to + timedelta(days=1),
    )
    return row.effective_to if successor.exists() else book.effective_to


# --- Reading files ------------------------------------------------------------------------------


def _read(folders: list[Path]) -> list[ShippedRulebook]:
    books: list[ShippedRulebook] = []
    errors: list[str] = []
    for path in sorted(path for folder in folders for path in folder.glob("**/*.toml")):
        try:
            books.append(_parse(path))
        except ShippedRulebookInvalid as error:
            errors.append(str(error))
    for index, book in enumerate(books):
        for other in books[:index]:
            if other.module != book.module:
                continue
            if other.version == book.version:
                errors.append(f"{book.path}: version {book.version} is also in {other.path}")
            elif book.shares_days_with(other):
                errors.append(f"{book.path}: shares days with {other.path}")
    if errors:
        raise ShippedRulebookInvalid("\n".join(errors))
    return books


def _parse(path: Path) -> ShippedRulebook:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ShippedRulebookInvalid(f"{path}: {error}") from error
    mistakes = [f"{name}: is missing" for name in sorted(REQUIRED - set(raw))]
    mistakes += [
        f"{name}: there is no such key here" for name in sorted(set(raw) - REQUIRED - OPTIONAL)
    ]
    for name in ("effective_from", "effective_to"):
        value = raw.get(name)
        if name in raw and (not isinstance(value, date) or isinstance(value, datetime)):
            mistakes.append(f"{name}: is not a day like 2022-08-01")
    for name in ("module", "version", "source"):
        if name in raw and not isinstance(raw[name], str):
            mistakes.append(f"{name}: is not a text")
    if not mistakes:
        if path.stem != raw["version"]:
            mistakes.append(f"version: the file is named {path.stem}")
        mistakes += [f"content.{error}" for error in content_errors(raw["module"], raw["content"])]
    if not mistakes and raw.get("effective_to", raw["effective_from"]) < raw["effective_from"]:
        mistakes.append("effective_to: lies before effective_from")
    if mistakes:
        raise ShippedRulebookInvalid("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    content = canonical_content(raw["module"], raw["content"])
    return ShippedRulebook(
        path=path,
        module=raw["module"],
        version=raw["version"],
        effective_from=raw["effective_from"],
        effective_to=raw.get("effective_to"),
        source=raw["source"],
        content=content,
        digest=content_digest(content),
    )
