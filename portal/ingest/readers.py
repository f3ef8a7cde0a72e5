"""Streamed readers of CSV and XLSX files: a header and numbered rows, never the whole file (K-15).

Row numbers are those a person sees in a spreadsheet: the header is row 1, an empty row counts.
Whatever is wrong with a file as a whole is a `FileRefused` with a text for the person who sent it.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

MAX_COLUMNS = 200
MAX_LINE = 1_000_000
BLOCK = 1 << 20
MAX_UNPACKED = 2 << 30
MAX_SHARED_STRINGS = 256 << 20
MAX_ZIP_ENTRIES = 5_000
MAX_SHEET_ROWS = 1_048_576
"""What a sheet can have; a damaged one may claim more and would be filled up with empty rows."""
COMMON_CHINESE = 0.5
"""Share of non-ASCII characters that must be everyday Chinese for a file to pass as GB18030."""

_WRONG_BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class FileRefused(Exception):
    """The file as a whole cannot be read or used; nothing was applied."""


class Table(Protocol):
    """A header and its rows."""

    header: list[str]
    only_text: bool
    """Whether every cell is text, so that equal cells mean the same (1 and True do not)."""

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield (row number, cells), as many cells as the header has; empty rows are left out."""

    def progress(self) -> float | None:
        """Return the share of the file read so far, 0…1, or none if unknown."""


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a CSV or XLSX file by its content, whatever its name says."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileRefused(
            _("%(path)s cannot be opened: %(why)s") % {"path": path, "why": error.strerror}
        ) from None
    with stream:
        start = stream.read(8)
        stream.seek(0)
        if not start:
            raise FileRefused(_("the file is empty"))
        if start.startswith(b"PK\x03\x04"):
            with _open_xlsx(stream) as table:
                yield table
        elif start.startswith(b"\xd0\xcf\x11\xe0"):
            raise FileRefused(
                _("the file is an old Excel file (.xls) or protected; save it as .xlsx")
            )
        else:
            yield CsvTable(stream)


def _clean_header(cells: list[Any]) -> list[str]:
    """Return the column names in lower case, nameless ones at the end dropped."""
    names = [str(cell if cell is not None else "").strip().casefold() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise FileRefused(
            _("the header has %(count)d columns; at most %(most)d are allowed")
            % {"count": len(names), "most": MAX_COLUMNS}
        )
    return names


def _is_empty(cells: list[Any]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


# --- CSV ----------------------------------------------------------------------------------------


class CsvTable:
    """A CSV file: UTF-8 (with or without mark) or GB18030; commas, semicolons or tabs.

    A caller who knows the encoding names it.
    """

    only_text = True

    def __init__(self, stream: BinaryIO, encoding: str = "") -> None:
        self._stream = stream
        self._size = max(stream.seek(0, io.SEEK_END), 1)
        encoding = encoding or detect_encoding(stream)
        stream.seek(0)
        self._text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        first = ""
        self._row = 0
        while not first.strip():
            first = self._readline()
            if not first:
                raise FileRefused(_("the file is empty"))
            self._row += 1
        self._reader = csv.reader(
            self._lines(first), delimiter=_sniff_delimiter(first), strict=False
        )
        self.header = _clean_header(next(self._records())[1])
        if not self.header:
            raise FileRefused(_("the first row names no columns"))

    def _readline(self) -> str:
        line = self._text.readline(MAX_LINE)
        if len(line) >= MAX_LINE:
            raise FileRefused(_("a line is longer than %(most)d characters") % {"most": MAX_LINE})
        return line

    def _lines(self, first: str) -> Iterator[str]:
        yield first
        while line := self._readline():
            yield line

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) of every record; the first is the header."""
        number = self._row - 1
        while True:
            number += 1
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise FileRefused(
                    _("row %(row)d cannot be read (is a quotation mark not closed?): %(why)s")
                    % {"row": number, "why": error}
                ) from None
            yield number, record

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows below the header; a short or long row comes as it is."""
        self._row += 1
        for number, cells in self._records():
            if cells and not _is_empty(cells):
                yield number, cells

    def progress(self) -> float | None:
        """Return the share of bytes read."""
        return min(self._stream.tell() / self._size, 1.0)


def detect_encoding(stream: BinaryIO) -> str:
    """Return `utf-8-sig` or `gb18030`, whichever the whole file is; refuse others in words.

    Almost any bytes are formally GB18030, so a file passes as such only if its characters are mostly
    everyday Chinese; Western code pages do not.
    """
    stream.seek(0)
    start = stream.read(4)
    for mark, name in _WRONG_BOMS.items():
        if start.startswith(mark):
            raise FileRefused(
                _("the file is in %(encoding)s; save it as “CSV UTF-8”") % {"encoding": name}
            )
    if _decodes(stream, "utf-8") is not None:
        return "utf-8-sig"
    share = _decodes(stream, "gb18030")
    if share is not None and share >= COMMON_CHINESE:
        return "gb18030"
    raise FileRefused(
        _("the file is neither UTF-8 nor GB18030; save it as “CSV UTF-8” (byte %(position)d)")
        % {"position": _first_bad_byte(stream)}
    )


def _decodes(stream: BinaryIO, encoding: str) -> float | None:
    """Return the share of everyday ones of the non-ASCII characters, or none if bytes do not decode."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    foreign = common = 0
    try:
        while True:
            block = stream.read(BLOCK)
            text = decoder.decode(block, final=not block)
            if encoding != "utf-8" and not text.isascii():
                characters = [c for c in text if c > "\x7f"]
                foreign += len(characters)
                common += sum(map(_everyday().__contains__, characters))
            if not block:
                return common / foreign if foreign else 1.0
    except UnicodeDecodeError:
        return None


@cache
def _everyday() -> frozenset[str]:
    """Return the characters people write: GB 2312 and the frequent part of Big5."""
    simplified = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    traditional = (
        bytes((row, cell))
        for row in range(0xA4, 0xC7)
        for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    )
    found = {pair.decode("gb2312", "ignore") for pair in simplified}
    found |= {pair.decode("big5", "ignore") for pair in traditional}
    return frozenset(found - {""})


def _first_bad_byte(stream: BinaryIO) -> int:
    """Return the position, from 1, of the first byte that is not UTF-8."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    while True:
        block = stream.read(BLOCK)
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return position - held + error.start + 1
        if not block:
            return position
        position += len(block)


def _sniff_delimiter(header: str) -> str:
    """Return the delimiter the header uses: the most frequent of comma, semicolon, tab."""
    return max(",;\t", key=header.count)


# --- XLSX ---------------------------------------------------------------------------------------


class XlsxTable:
    """The first sheet of a workbook, streamed."""

    only_text = False

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._total = sheet.max_row or 0
        self._seen = 0
        # Many programs write a wrong extent; trust the rows.
        sheet.reset_dimensions()
        self._records = self._numbered()
        for number, cells in self._records:
            self.header = _clean_header(cells)
            if self.header:
                self._seen = number
                break
        else:
            raise FileRefused(_("the first sheet is empty"))

    def _numbered(self) -> Iterator[tuple[int, list[Any]]]:
        rows = self._sheet.iter_rows(values_only=True)
        number = 0
        while True:
            number += 1
            try:
                cells = next(rows, None)
            except Exception as error:
                raise _broken_workbook(error) from None
            if cells is None:
                return
            if number > MAX_SHEET_ROWS:
                raise _broken_workbook(ValueError(f"row {number}"))
            yield number, list(cells)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows below the header, filled up with empty cells."""
        width = len(self.header)
        for number, cells in self._records:
            self._seen = number
            if _is_empty(cells):
                continue
            cells.extend([None] * (width - len(cells)))
            while len(cells) > width and cells[-1] in (None, ""):
                cells.pop()
            yield number, cells

    def progress(self) -> float | None:
        """Return the share of rows read, if the workbook says how many it has."""
        return min(self._seen / self._total, 1.0) if self._total else None


@contextmanager
def _open_xlsx(stream: BinaryIO) -> Iterator[XlsxTable]:
    """Open a workbook after a look at what it would unpack to."""
    from openpyxl import load_workbook

    _check_archive(stream)
    try:
        workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheet = workbook.worksheets[0]
    except Exception as error:
        raise _broken_workbook(error) from None
    try:
        yield XlsxTable(sheet)
    finally:
        workbook.close()


def _check_archive(stream: BinaryIO) -> None:
    """Refuse archives that are no workbook, or that would unpack to something absurd."""
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
    except Exception as error:
        raise _broken_workbook(error) from None
    if len(entries) > MAX_ZIP_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise FileRefused(_("the workbook unpacks to more than is allowed; send it as CSV"))
    if any(
        entry.file_size > MAX_SHARED_STRINGS and "sharedstrings" in entry.filename.lower()
        for entry in entries
    ):
        raise FileRefused(_("the workbook holds too much text to read; send it as CSV"))
    stream.seek(0)


def _broken_workbook(error: Exception) -> FileRefused:
    """Return the refusal for whatever a library raises over a damaged workbook."""
    if isinstance(error, FileRefused):
        return error
    logger.info("unreadable workbook: %s: %s", type(error).__name__, error)
    return FileRefused(_("the file is not a readable XLSX workbook"))
