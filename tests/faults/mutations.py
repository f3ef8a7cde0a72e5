"""Hostile rows and files, made from good ones by chance: always the same ones for the same seed."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

from portal.ingest.kinds import IngestKind, all_kinds
from tests.portal.test_files import png_claiming
from tests.portal.test_hostile_uploads import HOSTILE, damaged

KNOWN = {
    "seller": "cn1001",
    "category": "e-bike-kits",
    "main_category": "e-bike-kits",
    "buyer": "B1",
    "rfq": "R1",
    "order": "O1",
}
"""What rows may refer to; the rest is the template's example."""

CELLS: list[Any] = [
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 5_000, "９９", "é\u0301", "\u202egnp",
    "\r\n", '"', "|||", "=cmd|' /C calc'!A0", "<script>", "'; DROP TABLE x;--", "null", "NaN",
    "inf", "-0", "1e999", "1" * 400, "0x10", "1,000.00", "12.345678901234", "-1", "2022-02-30",
    "0000-00-00", "9999-12-31", "10000-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00",
    "2022-03-13T02:30:00", "2022-07-19T25:00:00Z", "cn1001", "B1", "{", "[]", '{"a":{"a":1}}',
    None, True, False, 0, -1, 10**30, -(10**400), 1.5, 1e308, float("inf"), float("-inf"),
    float("nan"), [], {}, [[]], [None], {"a": None}, [1] * 500, {"\0": "\0"}, {"\ud800": "\ud800"},
]  # fmt: skip
BODIES: list[Any] = [
    None, [], {}, 1, "rows", {"rows": None}, {"rows": {}}, {"rows": "x"}, {"rows": [], "strict": 1},
    {"rows": [None]}, {"rows": [[]]}, {"rows": [{}]}, {"rows": [{"\0": 1}]}, {"rows": [{"": ""}]},
]  # fmt: skip
HUGE = "x" * 10_000_000


def example_row(kind: type[IngestKind], number: int) -> dict[str, Any]:
    """A good row of a kind, or nearly: its template's examples, referring to what there is."""
    row: dict[str, Any] = {
        column.name: KNOWN.get(column.name, column.example) for column in kind.columns
    }
    own = kind.key[0]
    if own not in KNOWN:
        row[own] = f"{row[own]}-{number}"
    return row


def hostile_row(chance: random.Random, kind: type[IngestKind], number: int) -> Any:
    """A row with cells of wrong kinds, without columns, with unknown ones, or no row at all."""
    if chance.random() < 0.05:
        return chance.choice(CELLS)
    row = example_row(kind, chance.randrange(number + 1))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        row[chance.choice([column.name for column in kind.columns])] = chance.choice(CELLS)
    if chance.random() < 0.15:
        row.pop(chance.choice(list(row)))
    if chance.random() < 0.02:
        row[chance.choice(("", "\0", "colour", "seller_id", "__class__"))] = chance.choice(CELLS)
    return row


def hostile_body(chance: random.Random, number: int) -> tuple[type[IngestKind], str]:
    """A kind, and the text of a call with rows of it; a few texts are no JSON, a few rows are huge."""
    kind = chance.choice(all_kinds())
    body: Any = {"rows": [hostile_row(chance, kind, number) for _ in range(chance.randint(1, 8))]}
    if chance.random() < 0.3:
        body["strict"] = chance.random() < 0.8
    if chance.random() < 0.03:
        body = chance.choice(BODIES)
    if number % 250 == 17:
        body = {"rows": [{**example_row(kind, number), kind.columns[-1].name: HUGE}]}
    text = json.dumps(body)
    if chance.random() < 0.04:
        text = chance.choice(
            (text[: len(text) // 2], "[" * 100_000, "\ufeff" + text, text + "x", "")
        )
    return kind, text


# --- Files --------------------------------------------------------------------------------------


def archive(entries: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in entries.items():
            target.writestr(name, data)
    return written.getvalue()


def workbook(rows: list[list[Any]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


TABLE = [["buyer_id", "country", "tier"], ["B7", "US", "L1"], ["B8", "DE", "L2"]]
CSV = "\n".join(",".join(row) for row in TABLE).encode()
BOMB = archive({"xl/worksheets/sheet1.xml": b"0" * 30_000_000, "[Content_Types].xml": b"<x/>"})
SHEETS: list[bytes] = [
    CSV, b"\xff\xfe" + CSV.decode().encode("utf-16-le"), b"", b"\n" * 5_000, b"\0" * 3_000,
    CSV + b'\n"B9,US', b"buyer_id,country,tier\n" + b"B1,US\n" * 50, b'"' * 2_000, b"," * 9_000,
    b"buyer_id;country;tier\n\xff\xfe\xfd;US;L1", BOMB, archive({"../../x": b"x"}),
    archive({"xl/workbook.xml": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"}),
    HOSTILE["a PDF and a page of HTML"],
]  # fmt: skip
PICTURES: list[Callable[[random.Random], bytes]] = [
    damaged,
    damaged,
    damaged,
    lambda chance: chance.choice(list(HOSTILE.values())),
    lambda chance: png_claiming(chance.choice((6_400, 65_535)), chance.choice((6_400, 65_535))),
    lambda chance: chance.choice((BOMB, CSV)),
    lambda chance: chance.randbytes(chance.randrange(400)),
]
NAMES = ("a.pdf", "a.png", "a.pdf\0.html", "../../a.php", "\u202egnp.fdp", "", "x" * 400, "a.csv")


def hostile_picture(chance: random.Random) -> bytes:
    """A picture or document that was broken, or is none."""
    return chance.choice(PICTURES)(chance)


def hostile_sheet(chance: random.Random, good: bytes) -> bytes:
    """A table that was broken, or is none; `good` is a workbook."""
    data = bytearray(chance.choice([*SHEETS, good, good]))
    for _ in range(chance.randrange(4)):
        if not data:
            break
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                del data[place:]
            case 1:
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                data[place:place] = chance.choice((b"\0", b'"', b"\xff", b"\r", CSV, b"," * 50))
            case _:
                del data[place : place + chance.randrange(40)]
    return bytes(data)
