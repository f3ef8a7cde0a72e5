"""Where rows come from: a file or the API's JSON. Both yield cleaned rows and rejections (K-15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from django.utils.translation import gettext as _

from portal.ingest.columns import CellError, did_you_mean, quote
from portal.ingest.kinds import IngestKind, Rejection, Row
from portal.ingest.readers import FileRefused, Table, open_table

MAX_NAMED = 5
"""Problems named in one message; the rest is counted."""
REMEMBERED = 1_000
"""Clean values remembered per column: most columns repeat a few words over and over."""
_NEW = object()


class Feed(NamedTuple):
    """An open source: its items in order, and the share of it read so far (or none)."""

    items: Iterator[Row | Rejection]
    progress: Callable[[], float | None]


class Source(Protocol):
    """Something that can be read, from its start, as often as needed."""

    def open(self, kind: type[IngestKind]) -> AbstractContextManager[Feed]:
        """Yield the feed, or raise `FileRefused` if nothing of it may be used."""


class FileSource:
    """A CSV or XLSX file; the header decides which columns there are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self, kind: type[IngestKind]) -> Iterator[Feed]:
        """Check the header and yield the rows below it."""
        with open_table(self.path) as table:
            _check_header(kind, table.header)
            yield Feed(_clean_table(kind, table), table.progress)


class JsonSource:
    """Rows of an API call, numbered from 1; each row says itself which columns it has."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows

    @contextmanager
    def open(self, kind: type[IngestKind]) -> Iterator[Feed]:
        """Check the names of all rows and yield them."""
        names = dict.fromkeys(
            str(name) for row in self.rows if isinstance(row, dict) for name in row
        )
        _refuse_unknown(kind, list(names))
        yield Feed(_clean_json(kind, self.rows), lambda: None)


# --- Names of columns ---------------------------------------------------------------------------


def _check_header(kind: type[IngestKind], header: list[str]) -> None:
    """Refuse a header with unknown, repeated, nameless or missing columns."""
    nameless = [str(n) for n, name in enumerate(header, 1) if not name]
    if nameless:
        raise FileRefused(_("column %(where)s has no name") % {"where": _enumerate(nameless)})
    _refuse_unknown(kind, header)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise FileRefused(_("repeated columns: %(names)s") % {"names": _enumerate(repeated)})
    missing = [
        column.name for column in kind.columns if not column.optional and column.name not in header
    ]
    if missing:
        raise FileRefused(_("missing columns: %(names)s") % {"names": _enumerate(missing)})


def _refuse_unknown(kind: type[IngestKind], names: list[str]) -> None:
    known = [column.name for column in kind.columns]
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    hints = [
        _("unknown column %(name)s.") % {"name": quote(name)} + did_you_mean(name, known)
        for name in unknown[:MAX_NAMED]
    ]
    if len(unknown) > MAX_NAMED:
        hints.append(_("And %(count)d more.") % {"count": len(unknown) - MAX_NAMED})
    raise FileRefused(
        " ".join(hints)
        + " "
        + _("The columns of %(kind)s are: %(names)s")
        % {"kind": kind.name, "names": ", ".join(known)}
    )


def _enumerate(names: list[str]) -> str:
    more = f" … (+{len(names) - MAX_NAMED})" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


# --- Rows ---------------------------------------------------------------------------------------


def _clean_table(kind: type[IngestKind], table: Table) -> Iterator[Row | Rejection]:
    width = len(table.header)
    known_cells: dict[str, dict[str, Any]] = {name: {} for name in table.header}
    plan = [(name, kind.column(name).clean, known_cells[name]) for name in table.header]
    for number, cells in table.rows():
        if len(cells) != width:
            extra = [cell for cell in cells[width:] if str(cell or "").strip()]
            if len(cells) < width or extra:
                yield Rejection(
                    number,
                    "",
                    _("the row has %(cells)d cells, the header has %(columns)d")
                    % {"cells": len(cells), "columns": width},
                )
                continue
        values: dict[str, Any] = {}
        try:
            for (name, clean, known), cell in zip(plan, cells, strict=False):
                value = known.get(cell, _NEW) if table.only_text else _NEW
                if value is _NEW:
                    value = clean(cell)
                    if len(known) < REMEMBERED and not isinstance(value, (list, dict)):
                        known[cell] = value
                values[name] = value
        except CellError:
            pairs = (
                ((name, clean), cell)
                for (name, clean, _known), cell in zip(plan, cells, strict=False)
            )
            yield _all_problems(number, pairs)
            continue
        yield Row(kind, number, values)


def _clean_json(kind: type[IngestKind], rows: Sequence[Any]) -> Iterator[Row | Rejection]:
    cleaners = {column.name: column.clean for column in kind.columns}
    required = [column.name for column in kind.columns if not column.optional]
    for number, raw in enumerate(rows, 1):
        if not isinstance(raw, dict):
            yield Rejection(number, "", _("the row is not a JSON object"))
            continue
        missing = [name for name in required if name not in raw]
        if missing:
            yield Rejection(
                number, missing[0], _("missing: %(names)s") % {"names": _enumerate(missing)}
            )
            continue
        try:
            values = {name: cleaners[name](cell) for name, cell in raw.items()}
        except CellError:
            pairs = (((name, cleaners[name]), cell) for name, cell in raw.items())
            yield _all_problems(number, pairs)
            continue
        yield Row(kind, number, values)


def _all_problems(number: int, cells: Any) -> Rejection:
    """Return one rejection that names every bad cell of a row, the first as its field."""
    problems: list[tuple[str, str]] = []
    for (name, clean), cell in cells:
        try:
            clean(cell)
        except CellError as error:
            problems.append((name, str(error)))
    field, message = problems[0]
    more = [f"{name}: {text}" for name, text in problems[1:MAX_NAMED]]
    return Rejection(number, field, "; ".join([message, *more]))
