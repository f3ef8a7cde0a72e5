"""Files: encodings, delimiters, workbooks, and what is wrong with them, in words (K-15)."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from portal.ingest import readers
from portal.ingest.readers import FileRefused, open_table

pytestmark = pytest.mark.rule("K-15")

TEXT = "code,name_zh\nkits,电动自行车套件\nparts,零件\n"


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    with open_table(path) as table:
        return table.header, list(table.rows())


def _file(folder: Path, content: bytes, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _workbook(folder: Path, rows: list[list[Any]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "f.xlsx")
    return folder / "f.xlsx"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_it_reads_the_encodings_people_use(tmp_path: Path, encoding: str) -> None:
    header, rows = _read(_file(tmp_path, TEXT.encode(encoding)))
    assert header == ["code", "name_zh"]
    assert rows == [(2, ["kits", "电动自行车套件"]), (3, ["parts", "零件"])]


@pytest.mark.parametrize(
    ("encoding", "words"), [("utf-16", "UTF-16"), ("latin-1", "UTF-8"), ("utf-32", "UTF-32")]
)
def test_it_names_an_encoding_it_does_not_read(tmp_path: Path, encoding: str, words: str) -> None:
    text = "code,name_en\nkits,Vélos électriques à Orléans\nparts,Pièces détachées\n"
    with pytest.raises(FileRefused, match=words):
        _read(_file(tmp_path, text.encode(encoding)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_it_finds_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(["code", "name_en"]) + "\r\n" + delimiter.join(["a", "B"])
    assert _read(_file(tmp_path, text.encode())) == (["code", "name_en"], [(2, ["a", "B"])])


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    text = 'code,name_en\na,"two\nlines"\n\n,\nb,B\n'
    assert _read(_file(tmp_path, text.encode()))[1] == [(2, ["a", "two\nlines"]), (5, ["b", "B"])]


def test_a_workbook_gives_dates_and_numbers_and_the_same_row_numbers(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path,
        [["Seller ", "paid_on", "star"], ["s1", date(2022, 7, 19), 3], [], ["s2", None, None]],
    )
    header, rows = _read(path)
    assert header == ["seller", "paid_on", "star"]
    assert rows == [(2, ["s1", datetime(2022, 7, 19), 3]), (4, ["s2", None, None])]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n \n", "empty"),
        (b"PK\x03\x04 no archive", "not a readable XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b",".join(b"c%d" % n for n in range(100_000)) + b"\n", "100000 columns"),
        (b"code\n" + b"x" * 1_100_000, "longer"),
        (b'code\n"' + b"x\n" * 200_000, "quotation mark"),
    ],
    ids=["empty", "blank", "zip", "xls", "columns", "cell", "quotation"],
)
def test_a_broken_file_gets_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        _read(_file(tmp_path, content))


def test_a_missing_file_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be opened"):
        _read(tmp_path / "absent.csv")
    with pytest.raises(FileRefused, match="cannot be opened"):
        _read(tmp_path)


def test_a_workbook_with_damaged_parts_gets_a_sentence(tmp_path: Path) -> None:
    good = _workbook(tmp_path, [["code"], ["a"]]).read_bytes()
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(buffer, "w") as new:
            for name in old.namelist():
                new.writestr(name, b"<broken" if name == part else old.read(name))
        with pytest.raises(FileRefused, match="not a readable XLSX"):
            _read(_file(tmp_path, buffer.getvalue(), "broken.xlsx"))
    with pytest.raises(FileRefused, match="not a readable XLSX"):
        _read(_file(tmp_path, good[: len(good) // 2], "cut.xlsx"))


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _workbook(tmp_path, [["code"], ["a"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb", b"\0" * 3_000_000)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(readers, "MAX_UNPACKED", 2_000_000)
    with pytest.raises(FileRefused, match="unpacks"):
        _read(path)


def test_a_workbook_that_claims_endless_rows_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = _workbook(tmp_path, [["code"], ["a"]]).read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b'r="2"', b'r="999999999999"').replace(b"A2", b"A9")
            new.writestr(name, content)
    monkeypatch.setattr(readers, "MAX_SHEET_ROWS", 5_000)
    with pytest.raises(FileRefused, match="not a readable XLSX"):
        _read(_file(tmp_path, buffer.getvalue(), "endless.xlsx"))


@pytest.mark.parametrize("name", ["電動自行車套件", "喆", "电动自行车"])
def test_traditional_names_in_gb18030_are_read(tmp_path: Path, name: str) -> None:
    text = f"code,name_zh\nkits,{name}\nparts,苏州零件\n"
    assert _read(_file(tmp_path, text.encode("gb18030")))[1][0] == (2, ["kits", name])


def test_a_german_file_of_an_old_code_page_is_not_taken_for_chinese(tmp_path: Path) -> None:
    text = "code,name_en\nkits,Müller Fahrräder Düsseldorf\nparts,Schläuche für Räder\n"
    with pytest.raises(FileRefused, match="neither UTF-8 nor GB18030"):
        _read(_file(tmp_path, text.encode("latin-1")))


def test_a_huge_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("w") as stream:
        stream.write("code\n")
        stream.writelines(f"c{n}\n" for n in range(300_000))
    with open_table(path) as table:
        rows = table.rows()
        assert next(rows) == (2, ["c0"])
        share = table.progress()
        assert share is not None
        assert share < 0.2
