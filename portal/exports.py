"""Files people download: CSV that is streamed, opens as UTF-8, and holds no formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

CSV_TYPE = "text/csv; charset=utf-8"

# What spreadsheets run when a cell starts with it, and our own quote before such a start.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guard(text: str) -> str:
    """Return a cell that is not run as a formula: an apostrophe goes before a dangerous start."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(value: Any) -> Any:
    """Return what `guard` was given."""
    if isinstance(value, str) and value.startswith("'") and _FORMULA.match(value[1:]):
        return value[1:]
    return value


class _Echo:
    """A file that gives back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def as_csv(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield CSV text with the mark that makes Excel read it as UTF-8.

    Cells are written as they are: `guard` texts that others have typed.
    """
    writer = csv.writer(_Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow(row)


def csv_response(rows: Iterable[Sequence[Any]], name: str) -> StreamingHttpResponse:
    """Return the download `<name>.csv`: rows are read while they are sent; texts are guarded."""
    safe = ([guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    response = StreamingHttpResponse(as_csv(safe), content_type=CSV_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
