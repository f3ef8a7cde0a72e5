"""What an uploaded file really is, and whether it is harmless; pure: bytes in, bytes out (EPR-6).

A file is known by its content, never by its name. Images are decoded and written anew, so nothing but
their pixels survives: no metadata, no second file hidden behind the first. A PDF is kept as it is, or
refused when it could do anything but be read.
"""

from __future__ import annotations

import io
import logging
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from PIL import Image, ImageOps
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
"""An A4 page scanned at 600 dpi has 35 million; what a picture takes in memory grows with them."""
MAX_OBJECTS = 200_000
MAX_SECONDS = 10.0
"""Time for reading one PDF: a file can be made so that reading never ends."""

# The library warns of every flaw; who sends a flawed file is told, the log needs no line of it.
logging.getLogger("pypdf").setLevel(logging.ERROR)


class FileType(StrEnum):
    """Kinds of file the portal takes; the value is the content type."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"

    @property
    def extension(self) -> str:
        """The end of its names."""
        return {"application/pdf": "pdf", "image/jpeg": "jpg"}.get(self, self.rpartition("/")[2])

    @property
    def is_image(self) -> bool:
        """Whether it can be shown as a picture."""
        return self is not FileType.PDF


@dataclass(frozen=True)
class Content:
    """What is to be stored."""

    type: FileType
    data: bytes


class ContentError(ValueError):
    """The content is refused; the text tells the reader why."""


def type_of(data: bytes) -> FileType | None:
    """Return the kind a file's first bytes show, or none that the portal knows."""
    if data.startswith(b"%PDF-"):
        return FileType.PDF
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileType.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return FileType.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileType.WEBP
    return None


def clean_content(data: bytes, accept: tuple[FileType, ...]) -> Content:
    """Return what of an upload is stored, or raise `ContentError` saying why nothing is."""
    if not data:
        raise ContentError(_("the file is empty."))
    if len(data) > MAX_BYTES:
        raise ContentError(_("the file is larger than %(most)d MB.") % {"most": MAX_BYTES >> 20})
    kind = type_of(data)
    if kind is None or kind not in accept:
        names = ", ".join(one.name for one in accept)
        raise ContentError(
            _("this is none of the kinds of file taken: %(kinds)s.") % {"kinds": names}
        )
    if kind.is_image:
        return Content(kind, _clean_image(data, kind))
    _check_pdf(data)
    return Content(kind, data)


# --- Images -------------------------------------------------------------------------------------

_MODES = {
    FileType.JPEG: {"L", "RGB"},
    FileType.PNG: {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"},
    FileType.WEBP: {"RGB", "RGBA"},
}
_SAVE: dict[FileType, dict[str, Any]] = {
    FileType.JPEG: {"quality": 90},
    FileType.PNG: {},
    FileType.WEBP: {"quality": 90, "method": 2},
}


def _clean_image(data: bytes, kind: FileType) -> bytes:
    """Return the picture's first frame, upright, written anew without anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[kind.name]) as picture:
                # Known from the header, before any memory is taken for pixels.
                if picture.width * picture.height > MAX_PIXELS:
                    raise ContentError(
                        _("the picture has more than %(most)d million pixels.")
                        % {"most": MAX_PIXELS // 1_000_000}
                    )
                picture.load()
                return _written(ImageOps.exif_transpose(picture), kind)
    except ContentError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise ContentError(_("the picture is too large to be read.")) from None
    except Exception:
        # Whatever a decoder raises on hostile bytes, the file is not a readable picture.
        raise ContentError(_("the picture is damaged and cannot be read.")) from None


def _written(picture: Image.Image, kind: FileType) -> bytes:
    if picture.mode not in _MODES[kind]:
        see_through = "A" in picture.getbands() and kind is not FileType.JPEG
        picture = picture.convert("RGBA" if see_through else "RGB")
    transparency = picture.info.get("transparency")
    picture.info = {} if transparency is None else {"transparency": transparency}
    written = io.BytesIO()
    picture.save(written, format=kind.name, **_SAVE[kind])
    if written.tell() > 2 * MAX_BYTES:
        raise ContentError(_("the picture is too large to be stored."))
    return written.getvalue()


# --- PDF ----------------------------------------------------------------------------------------

_ACTIVE_KEYS = frozenset(
    {
        "/JS",
        "/JavaScript",
        "/EmbeddedFiles",
        "/EF",
        "/XFA",
        "/RichMediaContent",
        "/RichMediaSettings",
    }
)
_ACTIVE_VALUES = frozenset(
    {
        "/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToE", "/Rendition", "/Movie",
        "/EmbeddedFile", "/FileAttachment", "/RichMedia", "/Screen",
    }
)  # fmt: skip
_NAMED_BY = ("/S", "/Type", "/Subtype")
# Readers differ in how they mend a broken file, so what no reference leads to must be harmless too.
_RAW_NAMES = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia)\b")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_END = b"%%EOF"
_ZIP_END = b"PK\x05\x06"


def _check_pdf(data: bytes) -> None:
    """Refuse what a reader would run, open or unlock, and what cannot be read."""
    end = data.rfind(_END)
    if end < 0 or data[end + len(_END) :].strip(b"\0\t\n\f\r ") or _ZIP_END in data[-70_000:]:
        raise ContentError(_("the PDF is damaged, or another file hangs on to it."))
    if _RAW_NAMES.search(_ESCAPED.sub(_unescaped, data)):
        raise _active()
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted:
            raise ContentError(_("the PDF is encrypted; send it without a password."))
        if any(_is_active(one) for one in _dictionaries(reader)):
            raise _active()
        if not reader.pages:
            raise ContentError(_("the PDF has no pages."))
    except ContentError:
        raise
    except Exception:
        # Parse errors, limits of the library, nesting without end: not a file people can read.
        raise ContentError(_("the PDF is damaged and cannot be read.")) from None


def _active() -> ContentError:
    return ContentError(_("the PDF has scripts, actions or files inside; print it to a plain PDF."))


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)])


def _dictionaries(reader: PdfReader) -> Iterator[DictionaryObject]:
    """Yield every dictionary that can be reached from the trailer, each once."""
    deadline = time.monotonic() + MAX_SECONDS
    waiting: list[Any] = [reader.trailer]
    seen: set[tuple[int, int]] = set()
    visited = 0
    while waiting:
        visited += 1
        if visited > MAX_OBJECTS or time.monotonic() > deadline:
            raise ContentError(_("the PDF is too complex; print it to a plain PDF."))
        value = waiting.pop()
        if isinstance(value, IndirectObject):
            if (value.idnum, value.generation) in seen:
                continue
            seen.add((value.idnum, value.generation))
            value = value.get_object()
        if isinstance(value, DictionaryObject):
            yield value
            waiting.extend(_containers(value.values()))
        elif isinstance(value, ArrayObject):
            waiting.extend(_containers(value))


def _containers(values: Any) -> Iterator[Any]:
    return (
        one for one in values if isinstance(one, (IndirectObject, DictionaryObject, ArrayObject))
    )


def _is_active(found: DictionaryObject) -> bool:
    if not _ACTIVE_KEYS.isdisjoint(found):
        return True
    return any(str(found[name]) in _ACTIVE_VALUES for name in _NAMED_BY if name in found)
