"""Uploads when things go wrong or are meant badly: viruses, full disks, guessed addresses (EPR-6, K-8)."""

from __future__ import annotations

import errno
import io
import random
import socket
import socketserver
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject
from rest_framework.test import APIClient

from portal.errors import InvalidInput
from portal.models import Member, StoredFile
from portal.scoping import unscoped
from portal.services import file_content
from portal.services.file_content import MAX_BYTES, ContentError, clean_content
from portal.services.files import (
    FOLDER,
    JPEG,
    PDF,
    PNG,
    FileNotScanned,
    file_store,
    file_url,
    upload_check,
)
from tests import factories
from tests.portal.upload_bytes import image, pdf

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-6")]
ALL = (PDF, PNG, JPEG)
EICAR = b"harmless bytes that the scanner of this test calls a virus"
CERTIFICATES = "/api/v1/compliance/certificates"


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def store(member: Member, content: bytes, name: str = "a.png", purpose: str = "certificate") -> Any:
    return file_store(
        seller=member.seller,
        actor=member.user,
        upload=SimpleUploadedFile(name, content),
        purpose=purpose,
    )


def nothing_kept() -> bool:
    with unscoped():
        rows = StoredFile.objects.exists()
    folder = Path(settings.MEDIA_ROOT) / FOLDER
    return not rows and not [one for one in folder.rglob("*") if one.is_file()]


# --- The virus scanner --------------------------------------------------------------------------


class Clamd(socketserver.BaseRequestHandler):
    """Speaks clamd's INSTREAM: chunks with their length, an empty one, one line of answer."""

    answer = b"stream: OK\n"

    def handle(self) -> None:
        with self.request.makefile("rb") as sent:
            assert sent.readline() == b"nINSTREAM\n"
            content = b""
            while length := struct.unpack("!L", sent.read(4))[0]:
                content += sent.read(length)
        found = EICAR in content
        self.request.sendall(b"stream: Eicar-Test FOUND\n" if found else self.answer)


@pytest.fixture
def clamd(settings: Any) -> Iterator[type[Clamd]]:
    """A scanner at a port of its own; the test may change its answer."""
    handler = type("OwnClamd", (Clamd,), {})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        settings.CLAMAV_URL = f"tcp://127.0.0.1:{server.server_address[1]}"
        yield handler
        server.shutdown()


def test_a_clean_file_passes_the_scanner_and_a_virus_does_not(
    owner: Member, clock: Any, clamd: type[Clamd]
) -> None:
    store(owner, image())
    infected = pdf(lambda writer: writer.add_metadata({"/Title": EICAR.decode()}))
    with pytest.raises(InvalidInput, match="not valid") as refused:
        store(owner, infected, "a.pdf")
    assert refused.value.http_status == 400
    assert "virus scanner found Eicar-Test" in refused.value.fields[0][1]
    with unscoped():
        assert StoredFile.objects.count() == 1


def test_a_scanner_behind_a_unix_socket(
    owner: Member, clock: Any, settings: Any, tmp_path: Path
) -> None:
    path = Path(tempfile.mkdtemp(prefix="clamd")) / "s"  # an address has about 100 characters
    with socketserver.ThreadingUnixStreamServer(str(path), Clamd) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        settings.CLAMAV_URL = f"unix://{path}"
        assert store(owner, image()).pk
        server.shutdown()


@pytest.mark.parametrize("answer", [b"", b"stream: broken ERROR\n", b"PONG\n", b"\xff\xfe\n"])
def test_what_the_scanner_did_not_call_clean_is_not_taken(
    owner: Member, clock: Any, clamd: type[Clamd], answer: bytes
) -> None:
    clamd.answer = answer
    with pytest.raises(FileNotScanned):
        store(owner, image())
    assert nothing_kept()


@pytest.mark.parametrize(
    "url", ["tcp://127.0.0.1:{port}", "unix:///nowhere/clamd", "clamd", "tcp://h:x"]
)
def test_a_scanner_that_is_away_refuses_with_503(
    owner_api: APIClient, clock: Any, settings: Any, url: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.CLAMAV_URL = url.format(port=free.getsockname()[1])
        answer = owner_api.post(CERTIFICATES, certificate(pdf()), format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (503, "file_not_scanned")
    assert "could not be checked for viruses" in answer.json()["title"]
    assert nothing_kept()


def certificate(content: bytes, name: str = "a.pdf") -> dict[str, Any]:
    return {
        "type": "epr",
        "entity_name": "Suzhou",
        "country": "DE",
        "category": "packaging",
        "number": "DE2755553072093",
        "company_name": "Suzhou",
        "issued_on": "2022-05-01",
        "own": "true",
        "declaration": "true",
        "files": [SimpleUploadedFile(name, content)],
    }


# --- A temporary folder without room ------------------------------------------------------------


class FullDisk:
    """A temporary file that cannot be written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.name = "/nowhere/upload"

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        pass


def no_folder(*args: Any, **kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("temporary_file", [FullDisk, no_folder])
def test_a_full_temporary_folder_is_no_server_error(
    owner_api: APIClient,
    owner_client: Client,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
    temporary_file: Any,
) -> None:
    monkeypatch.setattr(
        "django.core.files.uploadedfile.tempfile.NamedTemporaryFile", temporary_file
    )
    large = pdf() + bytes(3_000_000)  # more than is kept in memory
    answer = owner_api.post(CERTIFICATES, certificate(large), format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (503, "file_not_stored")
    assert answer["Retry-After"] == "60"
    keyed = owner_api.post(
        CERTIFICATES, certificate(large), format="multipart", headers={"Idempotency-Key": "k"}
    )
    assert (keyed.status_code, keyed.json()["code"]) == (503, "file_not_stored")
    # The page tells it at the field, and what was typed is there.
    typed = certificate(large) | {"own": "own", "coverage": "all", "save": "1"}
    typed["new_files"] = typed.pop("files")
    page = owner_client.post("/compliance/certificates/new/", typed)
    assert page.status_code == 503
    assert "could not be stored just now" in page.content.decode()
    assert 'value="DE2755553072093"' in page.content.decode()
    # Whoever reads the file otherwise gets no empty file.
    lost = owner_client.post(
        "/listings/products/exchange/", {"file": SimpleUploadedFile("p.csv", large)}
    )
    assert lost.status_code == 503
    assert "could not be stored just now" in lost.content.decode()
    assert nothing_kept()


# --- Who has it back ----------------------------------------------------------------------------


def staff_with(*codenames: str) -> Client:
    user = factories.user_create(f"clerk-{len(codenames)}-{codenames[:1]}", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.rule("K-8")
@pytest.mark.parametrize("purpose", ["certificate", "certificate_invoice", "certificate_pending"])
def test_reviewers_alone_of_staff_see_certificate_files(
    owner: Member, viewer_client: Client, clock: Any, purpose: str
) -> None:
    url = file_url(store(owner, image(), purpose=purpose))
    assert viewer_client.get(url).status_code == 200
    assert staff_with("review_certificate").get(url).status_code == 200
    assert staff_with("view_certificate", "x").get(url).status_code == 200
    # The right to other files of shops does not open these.
    assert staff_with("view_storedfile", "view_seller", "x").get(url).status_code == 404


@pytest.mark.rule("K-8")
def test_a_stranger_reaches_no_file_by_any_address(
    owner: Member, owner_client: Client, stranger_client: Client, clock: Any
) -> None:
    stored = store(owner, pdf(), "a.pdf")
    url = file_url(stored)
    path = stored.file.name
    token = stored.token
    addresses = [
        url,
        url + "?token=" + token,
        f"/files/{token.lower()}/",
        f"/files/{token[:-1]}/",
        f"/files/{token}%00/",
        f"/files/{token}/../{token}/",
        f"/files/{stored.pk}/",
        f"/files/{path.rpartition('/')[2]}/",
        f"/files/../{path}",
        f"/files/..%2f..%2f{path}",
        f"/files/%2e%2e/{path}",
        f"/{path}",
        f"/media/{path}",
        f"/static/{path}",
        f"/static/../media/{path}",
        f"/static/..%2fmedia%2f{path}",
        f"/media/..%2f{path}",
        f"/files/{token}.pdf",
        f"//files/{token}/",
    ]
    for address in addresses:
        answers = [
            stranger_client.get(address),
            stranger_client.head(address),
            stranger_client.get(address, headers={"Range": "bytes=0-10"}),
            Client().get(address),
        ]
        for answer in answers:
            assert answer.status_code in (301, 302, 400, 403, 404, 405), address
            assert b"%PDF" not in b"".join(answer)
    assert owner_client.head(url).status_code == 200
    assert owner_client.head(url)["Content-Disposition"] == 'attachment; filename="a.pdf"'


# --- Hostile files ------------------------------------------------------------------------------


def hidden_in_a_stream(action: bytes) -> bytes:
    """A PDF whose action lies in a compressed object stream, where no search of the bytes finds it."""
    inside = zlib.compress(b"5 0 <</Type/Action" + action + b">>")
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 5 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n",
        b"4 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(inside)
        + inside
        + b"\nendstream endobj\n",
    ]
    body, places = b"%PDF-1.5\n", []
    for part in parts:
        places.append(len(body))
        body += part
    rows = struct.pack(">BHB", 0, 0, 0)
    rows += b"".join(struct.pack(">BHB", 1, place, 0) for place in places)
    rows += struct.pack(">BHB", 2, 4, 0) + struct.pack(">BHB", 1, len(body), 0)
    table = zlib.compress(rows)
    return (
        body
        + b"6 0 obj<</Type/XRef/Size 7/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n"
        % len(table)
        + table
        + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF" % len(body)
    )


def with_page_action(kind: str) -> bytes:
    def change(writer: PdfWriter) -> None:
        action = DictionaryObject(
            {NameObject("/S"): NameObject(kind), NameObject("/F"): TextStringObject("x")}
        )
        writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})

    return pdf(change)


HOSTILE = {
    "a script in an object stream": hidden_in_a_stream(b"/S/JavaScript/JS(app.alert)"),
    "a launch in an object stream": hidden_in_a_stream(b"/S/Launch/F(cmd.exe)"),
    "a page that opens another file": with_page_action("/GoToE"),
    "a page that sends a form": with_page_action("/SubmitForm"),
    "an attachment": pdf(lambda writer: writer.add_attachment("run.exe", b"MZ")),
    "a locked PDF": pdf(lambda writer: writer.encrypt("secret", algorithm="AES-256")),
    "a PDF cut short": pdf()[:200],
    "a PDF and a page of HTML": pdf() + b"<script>alert(1)</script>",
    "an HTML page called PNG": b"<html>\x89PNG\r\n\x1a\n</html>",
    "a PNG header before HTML": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>",
    "an SVG": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
    "a GIF": b"GIF89a" + bytes(30),
    "a program": b"MZ" + bytes(200),
    "an archive": b"PK\x03\x04" + bytes(60),
    "nothing": b"",
    "a byte more than 10 MB": image() + bytes(MAX_BYTES + 1 - len(image())),
    "a TIFF called JPEG": image("TIFF"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_whatever_it_is_called(what: str) -> None:
    for name in ("scan.pdf", "scan.png", "scan.jpg.exe", "a.pdf\0.html", "\u202egnp.fdp"):
        upload = SimpleUploadedFile("x", HOSTILE[what])
        upload._name = name
        with pytest.raises(InvalidInput):
            upload_check(upload)


def test_an_object_stream_without_a_script_is_fine() -> None:
    """The control of the corpus: it is the script that is refused, not the stream."""
    plain = hidden_in_a_stream(b"/S/GoTo/D(top)")
    assert clean_content(plain, ALL).data == plain


def test_places_and_cameras_go_from_a_photo(owner: Member, clock: Any) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.6)
    photo = image("JPEG", exif=exif)
    assert Image.open(io.BytesIO(photo)).getexif().get_ifd(0x8825)
    stored = store(owner, photo, "photo.jpg")
    with stored.file.open() as kept:
        assert not Image.open(kept).getexif()
    with stored.file.open() as kept:
        assert b"Camera" not in kept.read()


# --- Fuzz ---------------------------------------------------------------------------------------

SEEDS = [
    pdf(),
    hidden_in_a_stream(b"/S/GoTo/D(top)"),
    image(),
    image("JPEG"),
    image("PNG", compress_level=0),
]
FUZZED = 2_000


def damaged(chance: random.Random) -> bytes:
    """Return one of the seeds with bytes changed, cut, doubled, moved, or another's head on it."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 6)):
        place, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        match chance.randrange(6):
            case 0:
                data[place:end] = chance.randbytes(min(end - place, 40))
            case 1:
                del data[place : min(end, place + 60)]
            case 2:
                data[place:place] = data[place : min(end, place + 200)]
            case 3 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 4:
                other = chance.choice(SEEDS)
                data = bytearray(other[: chance.randrange(64)]) + data
            case _:
                words = [
                    b"/JS",
                    b"[" * 500,
                    b"<<" * 300,
                    b"endobj",
                    b"%%EOF",
                    b"9" * 60,
                    b"\0" * 90,
                ]
                data[place:place] = chance.choice(words)
    return bytes(data)


def test_no_malformed_file_gets_past_or_breaks_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out is a refusal, a picture that is read again, or a PDF that came in unchanged."""
    monkeypatch.setattr(file_content, "MAX_SECONDS", 2.0)
    chance = random.Random(20221227)
    taken = refused = 0
    for number in range(FUZZED):
        data = damaged(chance)
        try:
            content = clean_content(data, ALL)
        except ContentError as error:
            refused += bool(str(error))
            continue
        taken += 1
        if content.type.is_image:
            with Image.open(io.BytesIO(content.data)) as again:
                again.load()
        else:
            assert content.data == data, number
            assert PdfReader(io.BytesIO(data)).pages
    assert taken + refused == FUZZED
    assert refused > FUZZED // 2
    assert taken
