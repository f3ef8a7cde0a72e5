"""Uploads: what is taken, what is refused, who has it back (RFQ-6, RFQ-24, K-8)."""

from __future__ import annotations

import errno
import hashlib
import io
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfWriter
from pypdf.actions import JavaScript
from pypdf.annotations import FreeText
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from portal import upload_limits
from portal.errors import InvalidInput
from portal.models import Member, StoredFile, User
from portal.scoping import unscoped
from portal.services import audit, files
from portal.services.file_content import MAX_BYTES, MAX_PIXELS
from portal.services.files import (
    PNG,
    WEBP,
    FileNotKept,
    file_store,
    file_url,
    files_or_nothing,
    files_sweep,
)
from tests import factories
from tests.portal.upload_bytes import image, pdf
from tests.rfq.world import rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-6", "RFQ-24")]


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def kept_files() -> list[Path]:
    return [one for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()]


def store(member: Member, content: bytes, name: str = "scan.png", **over: Any) -> StoredFile:
    return file_store(
        seller=member.seller,
        actor=member.user,
        upload=SimpleUploadedFile(name, content),
        purpose="quote",
        **over,
    )


def refusal_of(member: Member, content: bytes, name: str = "scan.png", **over: Any) -> str:
    """Return the text of the refusal, having checked that nothing was kept."""
    with pytest.raises(InvalidInput) as refused:
        store(member, content, name, **over)
    assert kept_files() == []
    with unscoped():
        assert not StoredFile.objects.exists()
    assert not LogEntry.objects.filter(additional_data__action="file.store").exists()
    ((field, text),) = refused.value.fields
    assert field == over.get("field", "file")
    return text


# --- What is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "end"), [("PNG", "png"), ("JPEG", "jpg")])
def test_a_picture_is_written_anew_under_a_random_name(
    owner: Member, clock: Any, kind: str, end: str
) -> None:
    stored = store(owner, image(kind), f"photo.{end}")
    (path,) = kept_files()
    assert "photo" not in str(path)
    assert len(path.name) == len(stored.token) == 40
    assert stored.token != path.name
    assert (stored.name, stored.content_type) == (f"photo.{end}", f"image/{kind.lower()}")
    assert Image.open(path).size == (30, 20)
    assert stored.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stored.size == path.stat().st_size
    row = LogEntry.objects.get(additional_data__action="file.store")
    assert row.changes["sha256"] == [None, stored.sha256]


def test_metadata_goes_and_the_picture_stays_upright(owner: Member, clock: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010E] = "where I live"
    store(owner, image("JPEG", exif=exif, comment=b"secret"))
    (path,) = kept_files()
    assert Image.open(path).size == (20, 30)
    assert not Image.open(path).getexif()
    assert b"where I live" not in path.read_bytes()
    assert b"secret" not in path.read_bytes()


def test_text_of_a_png_goes_and_transparency_stays(owner: Member, clock: Any) -> None:
    text = PngInfo()
    text.add_text("Comment", "<script>alert(1)</script>")
    written = io.BytesIO()
    Image.new("LA", (4, 4), (9, 0)).save(written, "PNG", pnginfo=text)
    store(owner, written.getvalue())
    (path,) = kept_files()
    assert b"script" not in path.read_bytes()
    assert Image.open(path).getpixel((0, 0)) == (9, 0)


def test_a_palette_keeps_its_transparency(owner: Member, clock: Any) -> None:
    written = io.BytesIO()
    picture = Image.new("P", (4, 4), 3)
    picture.putpalette([1, 2, 3] * 8)
    picture.save(written, "PNG", transparency=3)
    store(owner, written.getvalue())
    (path,) = kept_files()
    assert Image.open(path).convert("RGBA").getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "CMYK"])
def test_jpeg_of_every_colour_model(owner: Member, clock: Any, mode: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (8, 8)).save(written, "JPEG")
    assert store(owner, written.getvalue()).content_type == "image/jpeg"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_colour_model(owner: Member, clock: Any, mode: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (8, 8)).save(written, "PNG")
    assert store(owner, written.getvalue()).content_type == "image/png"


def test_webp_where_it_is_accepted(owner: Member, clock: Any) -> None:
    assert "none of the kinds" in refusal_of(owner, image("WEBP"))
    assert store(owner, image("WEBP"), accept=(WEBP,)).name == "scan.webp"


def test_a_pdf_is_kept_byte_for_byte(owner: Member, clock: Any) -> None:
    def with_a_link(writer: PdfWriter) -> None:
        writer.add_uri(0, "https://example.com/", (0, 0, 50, 50))
        writer.add_annotation(0, FreeText(text="see above", rect=(0, 0, 50, 50)))

    content = pdf(with_a_link)
    stored = store(owner, content, "certificate.PDF")
    (path,) = kept_files()
    assert path.read_bytes() == content
    assert (stored.name, stored.content_type) == ("certificate.pdf", "application/pdf")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("报价单 2022年8月.png", "报价单 2022年8月.png"),
        ("invoice.html", "invoice.html.png"),
        ("a.php\x00.png", "a.php.png"),
        ("..\\..\\etc\\passwd", "passwd.png"),
        ("/etc/cron.d/job", "job.png"),
        ("gnp\u202efdp.png", "gnp fdp.png"),
        ('"x"\r\nSet-Cookie: a=b.png', "x Set-Cookie a=b.png"),
        ("", "file.png"),
        (".png", "png.png"),
        ("x" * 300 + ".png", "x" * 140 + ".png"),
    ],
)
def test_the_name_is_made_harmless(owner: Member, clock: Any, given: str, kept: str) -> None:
    upload = SimpleUploadedFile("x", image())
    upload._name = given  # past what Django's parser would mend already
    stored = file_store(seller=owner.seller, actor=owner.user, upload=upload, purpose="quote")
    assert stored.name == kept


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script></html>", "none of the kinds"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "none of the kinds"),
        (b"GIF89a" + bytes(20), "none of the kinds"),
        (b"PK\x03\x04" + bytes(60), "none of the kinds"),
        (b"\n%PDF-1.4 late", "none of the kinds"),
        (image()[:60], "damaged"),
        (image("JPEG", (300, 300))[:-200], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "damaged"),
    ],
)
def test_what_is_no_picture_is_refused(owner: Member, clock: Any, content: bytes, why: str) -> None:
    assert why in refusal_of(owner, content, field="evidence")


def test_a_picture_with_a_page_behind_it_loses_the_page(owner: Member, clock: Any) -> None:
    store(owner, image() + b"<script>alert(1)</script>PK\x05\x06", "polyglot.png")
    (path,) = kept_files()
    assert b"script" not in path.read_bytes()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises any number of pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [6_400, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    owner: Member, clock: Any, side: int
) -> None:
    assert side * side > MAX_PIXELS
    assert ("pixels" if side == 6_400 else "too large") in refusal_of(
        owner, png_claiming(side, side)
    )


def test_ten_megabytes_are_the_limit(owner: Member, clock: Any) -> None:
    at_limit = image() + bytes(MAX_BYTES - len(image()))
    assert "10 MB" in refusal_of(owner, at_limit + b"\0")
    assert store(owner, at_limit).size < 1000


def add_script(writer: PdfWriter) -> None:
    writer.add_open_action(JavaScript("app.alert(1)"))


def add_file(writer: PdfWriter) -> None:
    writer.add_attachment("run.exe", b"MZ")


def add_action(kind: str) -> Any:
    def change(writer: PdfWriter) -> None:
        writer._root_object[NameObject("/OpenAction")] = DictionaryObject(
            {NameObject("/S"): NameObject(kind), NameObject("/F"): TextStringObject("cmd.exe")}
        )

    return change


def add_hidden_script(writer: PdfWriter) -> None:
    """A script that no long name gives away: only `/JS`, in an action of an annotation."""
    action = DictionaryObject({NameObject("/JS"): TextStringObject("app.alert(1)")})
    note = FreeText(text="x", rect=(0, 0, 9, 9))
    note[NameObject("/AA")] = DictionaryObject({NameObject("/E"): action})
    writer.add_annotation(0, note)


@pytest.mark.parametrize(
    "change",
    [add_script, add_file, add_hidden_script, add_action("/Launch"), add_action("/SubmitForm")],
)
def test_a_pdf_that_does_more_than_be_read_is_refused(
    owner: Member, clock: Any, change: Any
) -> None:
    assert "scripts, actions or files" in refusal_of(owner, pdf(change), "a.pdf")


def test_a_name_is_read_through_its_escapes(owner: Member, clock: Any) -> None:
    """Also in an object that nothing refers to: a reader that mends the file may find it."""
    hidden = b"9 0 obj <</S /J#61vaScr#69pt>> endobj\nstartxref"
    content = pdf().replace(b"startxref", hidden)
    assert "scripts" in refusal_of(owner, content, "a.pdf")


def test_an_encrypted_pdf_is_refused(owner: Member, clock: Any) -> None:
    locked = pdf(lambda writer: writer.encrypt("secret", algorithm="RC4-128"))
    assert "encrypted" in refusal_of(owner, locked, "a.pdf")
    open_to_read = pdf(lambda writer: writer.encrypt("", "owner", algorithm="RC4-128"))
    assert "encrypted" in refusal_of(owner, open_to_read, "a.pdf")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n%%EOF",
        b"%PDF-1.7\n" + b"[" * 50_000 + b"\n%%EOF",
        pdf()[:-30],
        pdf() + b"PK\x03\x04 a whole archive PK\x05\x06" + bytes(18),
        pdf() + b"PK\x05\x06 %%EOF",
        b"%PDF-1.7\n1 0 obj <</Root 1 0 R>> endobj trailer <</Root 1 0 R>> startxref 0 %%EOF",
    ],
)
def test_a_damaged_pdf_or_one_with_a_tail_is_refused(
    owner: Member, clock: Any, content: bytes
) -> None:
    assert "damaged" in refusal_of(owner, content, "a.pdf")


# --- All or nothing -----------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing_half_saved(
    owner: Member, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FileSystemStorage._save

    def full(self: Any, name: str, content: Any) -> str:
        write(self, name, ContentFile(content.read()[:10]))
        assert kept_files()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    with pytest.raises(FileNotKept) as refused:
        store(owner, image(), field="evidence")
    assert refused.value.http_status == 503
    assert refused.value.fields[0][0] == "evidence"
    assert kept_files() == []


def test_the_file_goes_when_its_row_fails(
    owner: Member, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_kwargs: Any) -> None:
        raise RuntimeError("audit")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RuntimeError):
        store(owner, image())
    assert kept_files() == []
    with unscoped():
        assert not StoredFile.objects.exists()


def test_all_files_go_when_what_they_belong_to_fails(owner: Member, clock: Any) -> None:
    def two_and_then_trouble() -> None:
        with files_or_nothing(), transaction.atomic():
            store(owner, image())
            store(owner, image("JPEG"))
            assert len(kept_files()) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        two_and_then_trouble()
    assert kept_files() == []
    with unscoped():
        assert not StoredFile.objects.exists()


def test_the_sweep_deletes_old_files_without_a_row_alone(
    owner: Member, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files_sweep() == 0
    store(owner, image())
    default_storage.save("private/zz/lost", io.BytesIO(b"x"))
    assert files_sweep() == 0  # a transaction may still be on its way
    later = datetime.now(UTC) + timedelta(days=2)  # noqa: TID251  the age of a file on disk
    monkeypatch.setattr(files.platform_time, "wall_clock", lambda: later)
    assert files_sweep() == 1
    assert len(kept_files()) == 1


# --- Who has it back ----------------------------------------------------------------------------


def test_a_picture_is_shown_and_a_pdf_downloaded(
    owner: Member, owner_client: Client, clock: Any
) -> None:
    answer = owner_client.get(file_url(store(owner, image(), "照片.png")))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("inline; filename*=utf-8''")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    answer = owner_client.get(file_url(store(owner, pdf(), "quote.pdf")))
    assert answer["Content-Disposition"] == 'attachment; filename="quote.pdf"'
    assert answer["Content-Security-Policy"] == "sandbox"
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")


@pytest.mark.rule("EPR-6", "EPR-7")
def test_staff_alone_see_a_pdf_in_a_frame_of_the_portal(
    owner: Member, owner_client: Client, staff_client: Client, clock: Any
) -> None:
    url = file_url(store(owner, pdf(), "quote.pdf")) + "?framed"
    answer = staff_client.get(url)
    assert answer["Content-Disposition"] == 'inline; filename="quote.pdf"'
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" not in policy, "browsers show no PDF in a sandbox"
    assert owner_client.get(url)["Content-Disposition"].startswith("attachment")
    picture = staff_client.get(file_url(store(owner, image())) + "?framed")
    assert (picture["X-Frame-Options"], "sandbox" in picture["Content-Security-Policy"]) == (
        "DENY",
        True,
    )


@pytest.mark.rule("K-8")
def test_only_the_shop_and_entitled_staff_have_a_file(
    owner: Member,
    viewer_client: Client,
    stranger_client: Client,
    staff_client: Client,
    clock: Any,
) -> None:
    stored = store(owner, image())
    url = file_url(stored)
    assert viewer_client.get(url).status_code == 200
    assert staff_client.get(url).status_code == 200
    foreign = stranger_client.get(url)
    unknown = stranger_client.get(reverse("portal:file", args=["a" * 40]))
    assert foreign.status_code == unknown.status_code == 404
    assert Client().get(url).status_code == 302
    clerk: User = factories.user_create("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(url).status_code == 404


def test_a_file_gone_from_the_disk_is_not_found(
    owner: Member, owner_client: Client, clock: Any
) -> None:
    stored = store(owner, image())
    default_storage.delete(stored.file.name)
    assert owner_client.get(file_url(stored)).status_code == 404


def test_types_are_named_once() -> None:
    assert [one.extension for one in files.FileType] == ["pdf", "png", "jpg", "webp"]
    assert PNG.is_image


# --- Requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "status"), [("/rfq/rfqs/R/spam-report/", 400), ("/api/v1/rfq/rfqs/R/spam-reports", 413)]
)
def test_a_request_that_is_too_long_is_refused_unread(
    owner_client: Client, clock: Any, monkeypatch: pytest.MonkeyPatch, url: str, status: int
) -> None:
    """Before it is spooled to a disk: a page answers 400, the API 413."""
    monkeypatch.setattr(upload_limits, "MAX_REQUEST_BYTES", 1000)
    rfq_create(rfq_id="R")
    answer = owner_client.post(url, {"evidence": SimpleUploadedFile("a.png", bytes(2000))})
    assert answer.status_code == status
    monkeypatch.setattr(upload_limits, "MAX_REQUEST_BYTES", 10_000)
    answer = owner_client.post(url, {"evidence": SimpleUploadedFile("a.png", bytes(2000))})
    assert answer.status_code not in (413, 500)
