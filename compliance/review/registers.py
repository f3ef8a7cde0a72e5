"""Exports of public registers: which there are, and how their files are read (EPR-8).

Readers are streamed: a file of any length takes the memory of one row. A row that cannot be used comes
as a `BadRow` with its number, which is that of the spreadsheet for tables and of the record for XML; what
is wrong with a file as a whole is a `FileRefused`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml import sax as safe_sax
from defusedxml.common import DefusedXmlException
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.certificates.numbers import normalised_number
from compliance.choices import EprCategory
from compliance.epr.schema import EprRules
from portal.ingest.cells import CellError, quote, safe_text
from portal.ingest.readers import CsvTable, FileRefused
from portal.text import normalise

BLOCK = 1 << 16
MAX_JSON = 64 << 20
MAX_DEPTH = 40
MAX_FIELD = 1000
HOLDER, SHORT = 300, 200


@dataclass(frozen=True)
class Entry:
    """One registration as the register has it; the number is normalised."""

    row: int
    country: str
    category: str
    number: str
    holder: str = ""
    brand: str = ""
    device_type: str = ""
    ended_on: date | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that was left out, and why."""

    row: int
    message: str


Rows = Iterator[Entry | BadRow]


@dataclass(frozen=True)
class Register:
    """A public register staff can load an export of.

    `complete`: each export is the whole register and takes the place of the one before. Else a file
    answers for the numbers in it, and the newest answer about a number counts.
    """

    code: str
    name: Promise
    country: str
    category: str
    complete: bool
    files: str
    """What the file chooser offers."""
    read: Callable[[Register, BinaryIO, EprRules, date], Rows]


# --- Tables -------------------------------------------------------------------------------------

_COLUMNS = {
    "number": (
        "weee reg nr de", "weee reg nr", "weee registrierungsnummer", "batt reg nr de", "batt reg nr",
        "registrierungsnummer", "registration number", "reg nr", "number", "identifiant unique", "idu",
    ),
    "brand": ("marke", "brand", "markenname", "brand name"),
    "holder": (
        "hersteller", "herstellername", "producer", "producer name", "firma", "company", "raison sociale",
        "name", "holder",
    ),
    "device_type": (
        "gerateart", "device type", "batterieart", "battery type", "kategorie", "category",
        "categories agrement", "filiere",
    ),
    "ended": (
        "austrittsdatum", "marktaustritt", "datum des marktaustritts", "datum marktaustritt", "exit date",
        "market exit date", "ended on",
    ),
}  # fmt: skip
"""What the columns are called, without accents and signs; the first that is there is read."""
_ACCENTS = str.maketrans("äöüéèêàçîôû", "aoueeeaciou")
_DAY = re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[T ].*)?$")
_EUROPEAN_DAY = re.compile(r"(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>\d{4})(?: .*)?$")


def _read_table(register: Register, stream: BinaryIO, rules: EprRules, dated_on: date) -> Rows:
    """Read a CSV export, or a JSON one of the same columns, row by row."""
    for number, cells in _records(stream):
        try:
            yield _entry(register, number, cells, rules)
        except CellError as error:
            yield BadRow(number, str(error))


def _records(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number, cells by our names) of a table."""
    if _starts_like_json(stream):
        rows = _json_rows(stream)
        columns = _columns_of(list(rows[0]) if rows else [])
        for number, row in enumerate(rows, start=1):
            yield number, {ours: row.get(theirs) or "" for ours, theirs in columns.items()}
        return
    table = CsvTable(stream, encoding=_encoding(stream))
    columns = _columns_of(table.header)
    places = {ours: table.header.index(theirs) for ours, theirs in columns.items()}
    try:
        for number, values in table.rows():
            yield (
                number,
                {ours: values[at] if at < len(values) else "" for ours, at in places.items()},
            )
    except UnicodeDecodeError:
        raise FileRefused(_("the file is in no encoding we know; save it as “CSV UTF-8”")) from None


def _columns_of(header: list[str]) -> dict[str, str]:
    """Return our name → theirs; refuse a table without numbers."""
    theirs = {normalise(name.casefold().translate(_ACCENTS)): name for name in header}
    found = {}
    for ours, names in _COLUMNS.items():
        name = next((one for one in names if one in theirs), None)
        if name is not None:
            found[ours] = theirs[name]
    if "number" not in found:
        raise FileRefused(
            _("no column holds registration numbers; there are: %(columns)s")
            % {"columns": ", ".join(header)[:300]}
        )
    return found


def _encoding(stream: BinaryIO) -> str:
    """Return the encoding of a table: UTF-8 or UTF-16 with their marks, or what Western Excel writes."""
    stream.seek(0)
    start = stream.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        while block := stream.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        stream.seek(0)
    return "utf-8-sig"


def _starts_like_json(stream: BinaryIO) -> bool:
    stream.seek(0)
    start = stream.read(64).removeprefix(codecs.BOM_UTF8).lstrip()
    stream.seek(0)
    return start[:1] in (b"[", b"{")


def _json_rows(stream: BinaryIO) -> list[dict[str, Any]]:
    """Return the rows of a JSON export: a list, or an object with one under `results`."""
    data = stream.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        text = _("a JSON export may have at most %(most)d MB; send it as CSV")
        raise FileRefused(text % {"most": MAX_JSON >> 20})
    try:
        found = json.loads(data.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise FileRefused(_("the file is not readable JSON: %(why)s") % {"why": error}) from None
    if isinstance(found, dict):
        found = found.get("results", found.get("data"))
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise FileRefused(_("the JSON holds no list of registrations"))
    return found


# --- Rows ---------------------------------------------------------------------------------------


def _entry(register: Register, row: int, cells: Mapping[str, Any], rules: EprRules) -> Entry:
    """Return a row as an entry; raises `CellError` when its number or its day is none."""
    number, category = _number(register, cells.get("number", ""), rules)
    return Entry(
        row=row,
        country=register.country,
        category=category,
        number=number,
        holder=_text(cells.get("holder"), HOLDER),
        brand=_text(cells.get("brand"), SHORT),
        device_type=_text(cells.get("device_type"), SHORT),
        ended_on=_day(cells.get("ended")),
    )


def _number(register: Register, typed: Any, rules: EprRules) -> tuple[str, str]:
    """Return the normalised number and the category it stands for; no category when it may be several."""
    number = normalised_number(safe_text(typed, 120))
    if register.country == "DE":
        # "WEEE-Reg.-Nr. DE 12345678"; some exports leave the country out.
        number = re.sub(r"^\D*?(?:DE)?(?=\d+$)", "DE", number)
    expected = rules.number_format(register.country, register.category or EprCategory.PACKAGING)
    found = re.fullmatch(expected.pattern, number) if expected else None
    if found is None:
        raise CellError(_("%(value)s is no number of this register") % {"value": quote(typed)})
    if register.category or not found.groups():
        return number, register.category
    codes = [row for row in rules.codes if row.country == register.country]
    named = {one for row in codes if row.code == found[1] for one in row.categories}
    return number, named.pop() if len(named) == 1 else ""


def _text(raw: Any, most: int) -> str:
    """Return one line of text, cut where it is too long to keep."""
    if isinstance(raw, (list, tuple)):
        raw = ", ".join(map(str, raw))
    return " ".join(safe_text(str(raw or "")[: 4 * most], 4 * most).split())[:most]


def _day(raw: Any) -> date | None:
    text = str(raw or "").strip()
    if not text:
        return None
    found = _DAY.match(text) or _EUROPEAN_DAY.match(text)
    if found:
        try:
            return date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError:
            pass
    raise CellError(_("%(value)s is not a day") % {"value": quote(raw)})


# --- XML ----------------------------------------------------------------------------------------

_TAGS = {
    "registrationnumber": "number", "registernumber": "number", "registrierungsnummer": "number",
    "producername": "holder", "companyname": "holder", "herstellername": "holder", "name": "holder",
    "brandname": "brand", "brand": "brand", "marke": "brand",
    "registered": "answer", "isregistered": "answer", "registrationstatus": "answer",
    "registriert": "answer", "status": "answer", "result": "answer",
}  # fmt: skip
_YES = {"yes", "ja", "true", "1", "y", "j", "registered", "registriert"}
_NO = {"no", "nein", "false", "0", "n", "not registered", "nicht registriert", "notregistered"}


class _Answers(ContentHandler):
    """Collects records: an element with a registration number in it, and what else is known of it.

    Only known fields are kept, each cut; whatever else the file holds takes no memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, str]] = []
        self._open: list[tuple[str, list[str], dict[str, str]]] = []

    def startElement(self, name: str, attrs: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise FileRefused(_("the XML is nested too deeply"))
        fields: dict[str, str] = {}
        for key in attrs.getNames():
            if known := _TAGS.get(_local(key)):
                fields[known] = attrs.getValue(key)[:MAX_FIELD]
        self._open.append((_local(name), [], fields))

    def characters(self, content: str) -> None:
        if self._open:
            name, texts, _fields = self._open[-1]
            if name in _TAGS and sum(map(len, texts)) < MAX_FIELD:
                texts.append(content[:MAX_FIELD])

    def endElement(self, name: str) -> None:
        local, texts, fields = self._open.pop()
        if "number" in fields:
            self.records.append(fields)
            return
        if not self._open:
            return
        above = self._open[-1][2]
        for key, value in fields.items():
            above.setdefault(key, value)
        text = "".join(texts).strip()
        if text and local in _TAGS:
            above.setdefault(_TAGS[local], text)


def _local(name: str) -> str:
    return re.sub(r"[-_]", "", name.rpartition(":")[2]).lower()


def _read_answers(register: Register, stream: BinaryIO, rules: EprRules, dated_on: date) -> Rows:
    """Read the answers of a data reconciliation: a number, yes or no, perhaps whose.

    "No" is kept as a registration that has ended by the day of the file: it takes the place of an
    older "yes".
    """
    for row, fields in enumerate(_xml_records(stream), start=1):
        try:
            answer = _answer(fields.get("answer", ""))
            entry = _entry(register, row, fields, rules)
            yield (
                entry
                if answer
                else Entry(row, entry.country, entry.category, entry.number, ended_on=dated_on)
            )
        except CellError as error:
            yield BadRow(row, str(error))


def _answer(text: str) -> bool:
    word = " ".join(text.split()).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError(_("%(value)s is neither yes nor no") % {"value": quote(text)})


def _xml_records(stream: BinaryIO) -> Iterator[dict[str, str]]:
    """Yield the records of an XML file as it is fed; a DTD or entities are refused."""
    handler = _Answers()
    parser = safe_sax.make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    try:
        while block := stream.read(BLOCK):
            parser.feed(block)
            yield from handler.records
            handler.records.clear()
        parser.close()
    except DefusedXmlException:
        text = _("the XML declares a document type or entities, which no register does")
        raise FileRefused(text) from None
    except SAXParseException as error:
        raise FileRefused(
            _("line %(line)s is not readable XML: %(why)s")
            % {"line": error.getLineNumber(), "why": error.getMessage()}
        ) from None
    except (SAXException, LookupError, ValueError) as error:
        raise FileRefused(_("the file is not readable XML: %(why)s") % {"why": error}) from None
    yield from handler.records


# --- The registers ------------------------------------------------------------------------------

REGISTERS = {
    one.code: one
    for one in (
        Register(
            "ear",
            gettext_lazy("stiftung ear: electrical equipment (CSV)"),
            "DE",
            EprCategory.ELECTRICAL,
            True,
            ".csv,.txt",
            _read_table,
        ),
        Register(
            "ear_battery",
            gettext_lazy("stiftung ear: batteries (CSV)"),
            "DE",
            EprCategory.BATTERY,
            True,
            ".csv,.txt",
            _read_table,
        ),
        Register(
            "lucid",
            gettext_lazy("LUCID: answers of the data reconciliation (XML)"),
            "DE",
            EprCategory.PACKAGING,
            False,
            ".xml",
            _read_answers,
        ),
        Register(
            "ademe",
            gettext_lazy("ADEME: rep-producteurs-idu (CSV or JSON)"),
            "FR",
            "",
            True,
            ".csv,.txt,.json",
            _read_table,
        ),
    )
}
