"""Writing themes: checked against the catalogue, compiled for matching, queued for the night (LST-3).

| function | for |
|---|---|
| `theme_save(*, actor, data, theme=None)` | one theme, from admin or API; raises `InvalidInput` |
| `themes_write(*, rows, actor=None)` | many at once, from ingest; reports each row's outcome |
| `theme_compile(theme)` | fills the compiled columns of an instance without saving it |
| `themes_recompile()` | all of them again, after `MATCHER_VERSION` was raised |

`data` and `rows` use the field names of `Theme`, with `category` as a code. A key that is absent keeps
what the theme has, or the field's default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from listings.matching.compiled import compile_theme
from listings.models import MatchTouch, Theme
from listings.services.theme_checks import WRITABLE, Catalogue, clean_theme
from listings.themes.rules import ThemeSpec
from portal import platform_time
from portal.errors import InvalidInput
from portal.models import User
from portal.services import audit

COMPILED = tuple(compile_theme(ThemeSpec(category="", starts_on=date.min)))
"""The compiled columns of a theme."""

ASKS = (
    "category", "keywords", "keyword_mode", "kind", "attributes", "services", "countries",
    "price_min", "price_max", "starts_on", "ends_on",
)  # fmt: skip
"""Fields that decide what matches."""

BATCH = 500


@dataclass
class ThemeOutcome:
    """What became of one row: `state` is `created`, `updated`, `unchanged` or `rejected`."""

    theme_id: str
    state: str
    errors: list[tuple[str, str]] = field(default_factory=list)


def theme_compile(theme: Theme) -> Theme:
    """Fill the compiled columns from what the theme asks, without saving; return the theme."""
    for name, value in compile_theme(ThemeSpec.of(theme)).items():
        setattr(theme, name, value)
    return theme


@transaction.atomic
def theme_save(*, actor: User | None, data: Mapping[str, Any], theme: Theme | None = None) -> Theme:
    """Create a theme, or change one, and return it (LST-3).

    Raises `InvalidInput` naming the fields at fault. The external id of an existing theme stays.
    """
    if theme is None:
        theme_id = str(data.get("theme_id") or "").strip()
        if Theme.objects.filter(theme_id=theme_id).exists():
            raise InvalidInput([("theme_id", _("There is already a theme with this id"))])
        stored = {}
    else:
        current = Theme.objects.select_for_update(of=("self",)).select_related("category")
        theme_id = theme.theme_id
        stored = {theme_id: current.get(pk=theme.pk)}
    [(outcome, written)] = _write([{**data, "theme_id": theme_id}], stored, actor)
    if written is None:
        raise InvalidInput(outcome.errors)
    return written


def themes_write(
    *, rows: Sequence[Mapping[str, Any]], actor: User | None = None
) -> list[ThemeOutcome]:
    """Create or change themes by external id, good rows only; return each row's outcome in order.

    A constant number of statements per call and per 500 changed themes. Callers cut huge files into
    batches. Of two rows with one id the later is rejected.
    """
    ids = {str(row.get("theme_id") or "").strip() for row in rows}
    with transaction.atomic():
        current = Theme.objects.select_for_update(of=("self",)).select_related("category")
        stored = {
            theme.theme_id: theme for theme in current.filter(theme_id__in=ids).order_by("pk")
        }
        return [outcome for outcome, _theme in _write(rows, stored, actor)]


def themes_recompile() -> int:
    """Compile every theme again and queue those that differ for the night; return how many."""
    changed = []
    with transaction.atomic():
        for theme in Theme.objects.select_for_update(of=("self",)).select_related("category"):
            before = [getattr(theme, name) for name in COMPILED]
            theme_compile(theme)
            if before != [getattr(theme, name) for name in COMPILED]:
                changed.append(theme)
        Theme.objects.bulk_update(changed, COMPILED, batch_size=BATCH)
        _touch(changed)
    return len(changed)


# --- One way for all ----------------------------------------------------------------------------


def _write(
    rows: Sequence[Mapping[str, Any]], stored: Mapping[str, Theme], actor: User | None
) -> list[tuple[ThemeOutcome, Theme | None]]:
    """Check, compile and write rows; the theme is None where the row was rejected."""
    full = [_completed(row, stored) for row in rows]
    catalogue = Catalogue.of(
        {str(row.get("category") or "").strip() for row in full},
        {code for row in full if isinstance(row.get("attributes"), Mapping)
         for code in row["attributes"]},
    )  # fmt: skip
    results: list[tuple[ThemeOutcome, Theme | None]] = []
    changes: list[_Change] = []
    seen: set[str] = set()
    for row in full:
        clean, errors = clean_theme(row, catalogue)
        theme_id = str(row.get("theme_id") or "").strip()
        if theme_id and theme_id in seen:
            errors.append(("theme_id", _("This id is given twice")))
        seen.add(theme_id)
        if errors:
            results.append((ThemeOutcome(theme_id, "rejected", errors), None))
            continue
        change = _Change.of(clean, stored.get(theme_id))
        results.append((ThemeOutcome(theme_id, change.state), change.theme))
        if change.state != "unchanged":
            changes.append(change)
    _store(changes, actor)
    return results


def _completed(row: Mapping[str, Any], stored: Mapping[str, Theme]) -> dict[str, Any]:
    """Return the row with what it leaves out taken from the stored theme."""
    theme = stored.get(str(row.get("theme_id") or "").strip())
    given = {name: row[name] for name in WRITABLE if name in row}
    return {**_said(theme), **given} if theme else given


def _said(theme: Theme) -> dict[str, Any]:
    """Return what a theme says, in the form of a row."""
    said = {name: getattr(theme, name) for name in WRITABLE}
    said["category"] = theme.category.code
    return said


@dataclass
class _Change:
    """A theme about to be written, and what it said before."""

    theme: Theme
    before: dict[str, Any]
    state: str

    @classmethod
    def of(cls, clean: Mapping[str, Any], theme: Theme | None) -> _Change:
        now = platform_time.now()
        before = _said(theme) if theme else {}
        state = "updated" if theme else "created"
        theme = theme or Theme(created_at=now)
        for name, value in clean.items():
            setattr(theme, name, value)
        if before == _said(theme):
            return cls(theme, before, "unchanged")
        theme.changed_at = now
        return cls(theme_compile(theme), before, state)

    @property
    def asks_anew(self) -> bool:
        """Whether other products may match now."""
        after = _said(self.theme)
        return any(self.before.get(name) != after[name] for name in ASKS)


def _store(changes: Sequence[_Change], actor: User | None) -> None:
    """Write themes, their audit rows and their places in the night's queue."""
    if not changes:
        return
    created = [change.theme for change in changes if change.state == "created"]
    updated = [change.theme for change in changes if change.state == "updated"]
    Theme.objects.bulk_create(created, batch_size=BATCH)
    Theme.objects.bulk_create(
        updated,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*WRITABLE, *COMPILED, "changed_at"],
    )
    audit.record_many(
        audit.entry(
            action="theme.create" if change.state == "created" else "theme.change",
            actor=actor,
            obj=change.theme,
            before=change.before,
            after=_said(change.theme),
        )
        for change in changes
    )
    _touch(change.theme for change in changes if change.asks_anew)


def _touch(themes: Iterable[Theme]) -> None:
    MatchTouch.objects.bulk_create(
        (MatchTouch(theme_id=theme.pk) for theme in themes), batch_size=BATCH
    )
