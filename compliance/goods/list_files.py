"""Lists that staff load from CSV or XLSX files: rows by column name, with a limit (CMP-1, CMP-4)."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from compliance.goods.term_lists import TermLine
from portal.errors import InvalidInput
from portal.exports import unguard
from portal.ingest.readers import FileRefused, open_table

MAX_ROWS = 50_000
YES = {"1", "yes", "y", "true", "x", "是"}


def list_rows(
    upload: UploadedFile, *, needed: Collection[str], field: str = "file"
) -> list[tuple[int, dict[str, str]]]:
    """Return (row number, column → text) of a file; raises `InvalidInput` naming the form's field."""
    with tempfile.NamedTemporaryFile(prefix="list-") as copy:
        for part in upload.chunks():
            copy.write(part)
        copy.flush()
        try:
            return list(_rows(Path(copy.name), needed))
        except FileRefused as refusal:
            raise InvalidInput([(field, str(refusal))]) from None


def _rows(path: Path, needed: Collection[str]) -> Iterator[tuple[int, dict[str, str]]]:
    with open_table(path) as table:
        missing = [name for name in needed if name not in table.header]
        if missing:
            raise FileRefused(_("Columns are missing: %(names)s") % {"names": ", ".join(missing)})
        for count, (number, cells) in enumerate(table.rows(), 1):
            if count > MAX_ROWS:
                raise FileRefused(_("A list has at most %(most)d rows.") % {"most": MAX_ROWS})
            texts = ("" if cell is None else str(unguard(cell)).strip() for cell in cells)
            yield number, dict(zip(table.header, texts, strict=False))


def term_lines(upload: UploadedFile) -> list[TermLine]:
    """Read terms from a file: column `term`, and `exception` with yes where one is."""
    return [
        TermLine(number, row["term"], row.get("exception", "").casefold() in YES)
        for number, row in list_rows(upload, needed=["term"])
        if row["term"]
    ]
