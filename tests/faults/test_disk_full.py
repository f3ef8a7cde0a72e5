"""Uploads while the disk is full, on a real web server (EPR-6, K-15, LST-2, RFQ-6, RFQ-24).

The kernel refuses to let the server's processes write past a limit in any file: what they have written up
to there stays, as on a disk that fills up, and every later write fails. Raising the limit makes room again.
"""

from __future__ import annotations

import io
import json
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from tests.contract.outside import Portal, own_database
from tests.faults.outside_rows import read
from tests.faults.small_shop import FILES, NOW, PASSWORD
from tests.faults.visitor import Page, Visitor

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.rule("EPR-6"),
]

ROOM = 2_000_000
"""Bytes a file may have while the disk is full."""
IN_MEMORY, SPOOLED = 2_300_000, 3_500_000
"""Sizes of uploads: one fails where it is to stay, the other in the temporary folder before."""
TYPED = "We report what we typed"

TABLES = {
    "certificates": "compliance_certificate",
    "batches": "portal_ingestbatch",
    "files": "portal_storedfile",
    "quotes": "rfq_quote",
    "reports": "rfq_spamreport",
    "products": "listings_product",
    "audit": "auditlog_logentry",
}


def pdf(size: int, name: str = "scan.pdf") -> SimpleUploadedFile:
    """A readable PDF of some size: kept byte for byte, so that its size is what is written."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject

    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    filling = DecodedStreamObject()
    filling.set_data(b"%" + b" " * size)
    page[_name("/Contents")] = writer._add_object(filling)
    written = io.BytesIO()
    writer.write(written)
    return SimpleUploadedFile(name, written.getvalue(), "application/pdf")


def _name(text: str) -> Any:
    from pypdf.generic import NameObject

    return NameObject(text)


def picture(size: int) -> SimpleUploadedFile:
    """A picture that no compression makes smaller."""
    side = int((size / 3) ** 0.5)
    noise = random.Random(1).randbytes(side * side * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(written, "PNG", compress_level=0)
    return SimpleUploadedFile("shot.png", written.getvalue(), "image/png")


def rows_of_buyers(size: int) -> SimpleUploadedFile:
    lines = "".join(f"N{number:06},US,L1\n" for number in range(size // 14))
    return SimpleUploadedFile("buyers.csv", b"buyer_id,country,tier\n" + lines.encode())


def rows_of_products(size: int) -> SimpleUploadedFile:
    lines = "".join(f"P{number},{'x' * 90}\n" for number in range(size // 96))
    return SimpleUploadedFile("products.csv", b"product_id,title\n" + lines.encode())


CERTIFICATE = {
    "type": "epr",
    "entity_name": TYPED,
    "country": "DE",
    "category": "packaging",
    "number": "DE2755553072093",
    "company_name": "Suzhou",
    "issued_on": "2022-05-01",
    "own": "own",
    "coverage": "all",
    "declaration": "1",
    "save": "1",
}
FORMS: dict[str, tuple[str, str, Callable[[int], dict[str, Any]]]] = {
    "certificate": (
        "mei",
        "/compliance/certificates/new/",
        lambda size: {**CERTIFICATE, "new_files": pdf(size)},
    ),
    "spam report": (
        "mei",
        "/rfq/rfqs/R-1/spam-report/",
        lambda size: {"kind": "advert", "description": TYPED, "evidence": picture(size)},
    ),
    "quote": (
        "mei",
        "/rfq/rfqs/R-1/quote/",
        lambda size: {"unit_price": "12.50", "message": TYPED, "uploads": pdf(size), "send": "1"},
    ),
    "import of products": (
        "mei",
        "/listings/products/exchange/",
        lambda size: {"file": rows_of_products(size), "strict": "1"},
    ),
    "rows of upstream": (
        "feed",
        "/admin/portal/ingestbatch/upload/",
        lambda size: {"kind": "buyers", "file": rows_of_buyers(size), "strict": "on"},
    ),
}
"""Who sends it, where, and what: every form that takes a file from a seller, and upstream's rows."""
KEPT = {
    "certificate": f'value="{TYPED}"',
    "spam report": TYPED,
    "quote": TYPED,
    "import of products": 'name="strict" value="1" checked',
    "rows of upstream": '<option value="buyers" selected>',
}
"""What shows that nothing has to be typed again."""


class Disk:
    """The room a server's processes have."""

    def __init__(self, portal: Portal, master: int) -> None:
        self.portal = portal
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        self._processes = [int(one) for one in children]
        assert self._processes

    def fill(self) -> None:
        self._limit(ROOM)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, most: int) -> None:
        for process in self._processes:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def kept(self) -> dict[str, Any]:
        """Everything an upload could leave: rows, audit rows, files."""
        media = self.portal.folder / "var" / "media"
        names = sorted(str(one.relative_to(media)) for one in media.rglob("*") if one.is_file())
        counts = read(
            self.portal.environment["DATABASE_URL"],
            "SELECT "
            + ", ".join(
                f"(SELECT count(*) FROM {table}) AS {name}" for name, table in TABLES.items()
            ),
        )
        return {**dict(zip(TABLES, counts[0], strict=True)), "names": names}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    temporary = folder / "tmp"
    temporary.mkdir()
    with own_database(folder) as url:
        portal = Portal(folder, url, NOW)
        portal.environment |= {
            "STAFF_MFA_REQUIRED": "0",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "TMPDIR": str(temporary),
        }
        portal.feed(FILES)
        portal.run(
            "createsuperuser", "--noinput", "--username", "feed", "--email", "feed@example.com"
        )
        with portal.serving("--workers", "1", "--threads", "2") as server:
            yield Disk(portal, server.pid)
        assert not [one for one in temporary.iterdir() if one.suffix == ".upload"]


@pytest.fixture(scope="module")
def visitors(disk: Disk) -> dict[str, Visitor]:
    found = {name: Visitor(disk.portal.port) for name in ("mei", "feed")}
    for name, visitor in found.items():
        visitor.sign_in(name, PASSWORD)
    return found


@pytest.mark.rule("K-15", "LST-2", "RFQ-6", "RFQ-24")
@pytest.mark.parametrize("size", [IN_MEMORY, SPOOLED])
@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_is_told_and_leaves_nothing(
    disk: Disk, visitors: dict[str, Visitor], form: str, size: int
) -> None:
    who, path, data = FORMS[form]
    before = disk.kept()
    disk.fill()
    try:
        told = visitors[who].send(path, data(size))
    finally:
        disk.make_room()
    assert told.status in (200, 400, 503), told
    assert "could not be stored just now" in told.text
    assert KEPT[form] in told.text
    assert disk.kept() == before


def test_programs_are_told_with_503(disk: Disk) -> None:
    """Over the API: the code says that trying again later makes sense."""
    token = disk.portal.run("issue_token", "mei").strip()
    before = disk.kept()
    sent = {**CERTIFICATE, "own": "true", "declaration": "true", "files": pdf(IN_MEMORY)}
    disk.fill()
    try:
        answer = Visitor(disk.portal.port).post("/api/v1/compliance/certificates", sent, token)
    finally:
        disk.make_room()
    problem = json.loads(answer.text)
    assert (answer.status, problem["code"]) == (503, "file_not_stored")
    assert [error["field"] for error in problem["errors"]] == ["files"]
    assert disk.kept() == before


def test_with_room_again_the_same_forms_are_taken(disk: Disk, visitors: dict[str, Visitor]) -> None:
    """The control: it was the disk that stopped them."""
    before = disk.kept()
    pages: dict[str, Page] = {}
    for form in ("certificate", "spam report", "rows of upstream"):
        who, path, data = FORMS[form]
        pages[form] = visitors[who].send(path, data(IN_MEMORY))
        assert path not in pages[form].url, pages[form].text
    after = disk.kept()
    for what in ("certificates", "reports", "batches"):
        assert after[what] == before[what] + 1
    assert after["files"] == before["files"] + 2
    assert after["audit"] > before["audit"]
